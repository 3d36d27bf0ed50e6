#!/bin/bash
# One training by four processes of Slurm that share every batch. gpu-train is built with MPI (`make mpi`), and
# started from a folder that all nodes share:
#
#     sbatch examples/cluster/slurm-training.sh run
#
#SBATCH --job-name=training
#SBATCH --ntasks=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
set -u
run=$1

if [ -e "$run/checkpoint.safetensors" ]; then
    arguments=(--resume "$run")
else
    arguments=(--out "$run" --device cpu --data svhn --net cnn --batch-size 1024)
fi

# Two minutes before the end of its time Slurm sends this script SIGTERM. mpirun passes it on, all ranks end after
# the same step, and rank 0 has half a minute to save the run.
mpirun --mca odls_base_sigkill_timeout 30 -n "$SLURM_NTASKS" gpu-train "${arguments[@]}" --no-progress &
stopped=no
trap 'stopped=yes; kill -TERM $!' TERM
wait $!
status=$?
if [ "$stopped" = yes ]; then
    wait $!
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
