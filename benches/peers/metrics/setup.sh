#!/bin/sh
# Makes the virtual environment of the Python peers: setup.sh [FOLDER], by default /tmp/udair-peers-metrics.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-/tmp/udair-peers-metrics}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
echo "$venv/bin/python"
