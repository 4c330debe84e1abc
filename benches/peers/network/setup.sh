#!/bin/sh
# Makes the virtual environment of the Python peers (about 4 GB): setup.sh [FOLDER], by default
# /tmp/udair-peers-network. Prints its interpreter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-/tmp/udair-peers-network}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
echo "$venv/bin/python"
