#!/bin/bash
# A sweep as an array of HyperQueue: every task trains one run. In a folder that all workers share:
#
#     examples/cluster/hyperqueue-sweep.sh sweep --data svhn --lr 1e-2,1e-3,1e-4 --seed 0,1,2,3
#
# Started once more for the same folder, it goes on: runs that ended are not trained again.
set -eu
sweep=$1
shift

if [ ! -e "$sweep/sweep.toml" ]; then
    gpu-train sweep --prepare --quiet --out "$sweep" "$@"
fi
# A line for the header, and one for every run.
runs=$(($(wc -l <"$sweep/summary.csv") - 1))
hq submit --array "0-$((runs - 1))" --cpus 8 --cwd "$PWD" --crash-limit 5 -- \
    gpu-train sweep --resume "$sweep" --only --no-progress
