#!/bin/bash
# One training by the processes of several machines, without a scheduler:
#
#     examples/cluster/mpirun.sh examples/cluster/hosts run
#
# Every machine has this folder, gpu-train built with MPI (`make mpi`) in its PATH, and lets ssh in without a password.
# Started once more for the same run, it goes on, also with other machines.
set -eu
hosts=$1
run=$2

if [ -e "$run/checkpoint.safetensors" ]; then
    arguments=(--resume "$run")
else
    arguments=(--out "$run" --device cpu --data svhn --net cnn --batch-size 1024)
fi
# As many processes as there are slots: 1, 2, 4 or 8.
mpirun --hostfile "$hosts" --mca odls_base_sigkill_timeout 30 gpu-train "${arguments[@]}"
