"""The commands of docs/training.md for Slurm, with stand-ins for its programs: two nodes, which are this machine."""

import subprocess
import sys

import pytest
from recipes import ROOT, environment_with, losses, recipe

from model.pretrain import main
from tools.engines.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sharding_on_cpus")]

SBATCH = """
export SLURM_JOB_ID=4711 SLURM_JOB_NUM_NODES=2 SLURM_JOB_NODELIST=127.0.0.[1-2]
exec bash "$@"
"""
SCONTROL = "printf '127.0.0.1\\n127.0.0.2\\n'"
# Starts the tasks with Slurm's variables. It ends with an error if one of them does.
SRUN = """
nodes=${SLURM_JOB_NUM_NODES:-1} per_node=1
while [[ $1 == --* ]]; do
  case $1 in --nodes=*) nodes=${1#*=} ;; --ntasks-per-node=*) per_node=${1#*=} ;; esac
  shift
done
export SLURM_JOB_ID=4711 SLURM_STEP_ID=0 SLURM_STEP_NODELIST=127.0.0.[1-2]
export SLURM_STEP_NUM_TASKS=$((nodes * per_node)) SLURM_STEP_TASKS_PER_NODE="$per_node(x$nodes)"
for ((task = 0; task < nodes * per_node; task++)); do
  SLURM_PROCID=$task SLURM_NODEID=$((task / per_node)) SLURM_LOCALID=$((task % per_node)) "$@" &
  tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || exit 1; done
"""


@pytest.mark.parametrize("beginning", ["EXAMPLES=/shared/examples", "srun --nodes=2"])
def test_a_recipe_trains_on_two_nodes(beginning, example_folder, tmp_path):
    flags = "--steps=6 --batch_size=8 --log_every=1 --checkpoint_every=3 --validation_examples=0 --device=cpu"
    run = tmp_path / "run"
    command = recipe(beginning, examples=example_folder, run=run, flags=flags)
    environment = environment_with(tmp_path / "programs", sbatch=SBATCH, scontrol=SCONTROL, srun=SRUN)
    port = str(free_port())
    environment |= {"PYTHON": sys.executable, "PORT": port, "MASTER_PORT": port}
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Both name hsdp: the two ranks of the first node write.
    assert (run / "checkpoints" / "step-00000006" / "model-00002-of-00002.safetensors").exists()
    alone = tmp_path / "alone"
    assert main([f"--examples={example_folder}", f"--output={alone}", "--preset=t5_v1_1_tiny", *flags.split()]) == 0
    assert len(losses(run)) == 6 and losses(run) == pytest.approx(losses(alone), abs=1e-5)
