#!/bin/bash
#SBATCH --job-name=adapter
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=04:00:00
# One launcher a machine, each starts a process a GPU. `sbatch slurm.sh ROWS.jsonl OUT --model MODEL`
set -euo pipefail
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)
export HEAD=$head SCRIPT_ARGS="$*"
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK  # srun does not inherit it

srun bash -c 'accelerate launch --config_file two_machines.yaml \
  --machine_rank "$SLURM_NODEID" --main_process_ip "$HEAD" \
  train.py $SCRIPT_ARGS --processes 16 --sharded'
