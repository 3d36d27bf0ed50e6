#!/bin/bash
# A sweep as an array of Slurm: every task trains one run. First
#
#     runs=$(gpu-train sweep --prepare --out sweep --data svhn --lr 1e-2,1e-3,1e-4 --seed 0,1,2,3)
#
# in a folder that all nodes share, then from there
#
#     sbatch --array=0-$((runs - 1)) examples/cluster/slurm-sweep.sh sweep
#
#SBATCH --job-name=sweep
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
set -u
sweep=$1

# Two minutes before the end of its time Slurm sends SIGTERM, and gpu-train saves the run and exits with 130.
srun gpu-train sweep --resume "$sweep" --only --no-progress
status=$?
if [ "$status" -eq 130 ]; then
    exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$status"
