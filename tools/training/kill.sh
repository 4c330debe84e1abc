#!/bin/sh
# A run that is killed ten times and resumed ends with the same bytes as one that is left alone:
#   tools/training/kill.sh [CONFIG] [KEY=VALUE...]
# by default configs/tiny.toml. Needs a build with training, given as UDAIR or found as
# target/release/udair (cargo build --release -p udair-cli --features train).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
udair=${UDAIR:-$root/target/release/udair}
config=${1:-$root/configs/tiny.toml}
[ $# -eq 0 ] || shift
set -- $(for setting; do echo "--set $setting"; done)
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT

start=$(date +%s)
"$udair" train "$config" "$@" --runs "$runs" --set name=whole 2>"$runs/whole.log"
seconds=$(($(date +%s) - start))
echo "left alone: $seconds s"

# Kills come at uneven times, spread over the length of a run.
mkdir "$runs/killed"
cp "$runs/whole/config.toml" "$runs/killed/"
kills=0
while [ $kills -lt 10 ]; do
    "$udair" train --resume "$runs/killed" 2>>"$runs/killed.log" &
    sleep $((seconds / 10 + kills % 3 + 1))
    if kill -9 $! 2>/dev/null; then kills=$((kills + 1)); fi
    wait $! 2>/dev/null || true
    [ ! -f "$runs/killed/weights.safetensors" ] || break
done
echo "killed $kills times"
[ -f "$runs/killed/weights.safetensors" ] || "$udair" train --resume "$runs/killed" 2>>"$runs/killed.log"
for file in weights.safetensors checkpoints/last; do cmp "$runs/whole/$file" "$runs/killed/$file"; done
last=$(cat "$runs/whole/checkpoints/last")
for file in model ema optim; do
    cmp "$runs/whole/checkpoints/$last/$file.safetensors" "$runs/killed/checkpoints/$last/$file.safetensors"
done
[ $kills -eq 10 ] && echo "same bytes"
