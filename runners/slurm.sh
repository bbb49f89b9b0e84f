#!/bin/bash
# A search on several nodes under SLURM: every node starts Ray, the first one is the head and runs the search.
#
#   sbatch runners/slurm.sh attention --profile mine.toml --data /shared/photos
#
# The words after the script's name are those of `mqn search`. In the profile: ray.address = "auto", and a database,
# artifacts and data that all nodes see (a shared folder will do: ray.home). Adapt the lines below to your cluster.
#SBATCH --job-name=mqn
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
# Five minutes before the time is over, the search is told to stop; submit the same with --resume to go on.
#SBATCH --signal=TERM@300
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: sbatch slurm.sh SPACE [options of mqn search]" >&2; exit 2; }
# Where the environment with mqn is: on a disk that all nodes see.
[ -z "${MQN_VENV:-}" ] || source "$MQN_VENV/bin/activate"

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | cut -d ' ' -f 1)
port=$((20000 + SLURM_JOB_ID % 20000))

# Others may have jobs on these machines: whoever joins needs the token, which only this user can read.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$PWD/.mqn-ray-token-$SLURM_JOB_ID"
(umask 077; python -c 'import secrets; print(secrets.token_hex(32), end="")' > "$RAY_AUTH_TOKEN_PATH")
trap 'rm -f "$RAY_AUTH_TOKEN_PATH"' EXIT

# `ray symmetric-run` waits until all nodes are there, runs the search on the head and stops Ray afterwards.
srun --ntasks="$SLURM_NNODES" --ntasks-per-node=1 \
    ray symmetric-run --address "$address:$port" --min-nodes "$SLURM_NNODES" \
    --num-cpus="${SLURM_CPUS_PER_TASK:-1}" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" \
    -- mqn search "$@"
