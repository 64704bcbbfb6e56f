"""pretrain.sbatch with two nodes of two ranks each, started by a stand-in for `srun`; the nodes are this machine."""

import sys

import pytest
from recipes import losses
from slurm_stand_in import run_script, write_programs

from model.pretrain import main
from tools.engines.servers import free_port

pytestmark = pytest.mark.slow

FLAGS = ("--preset=t5_v1_1_tiny", "--batch_size=8", "--log_every=1", "--checkpoint_every=4", "--device=cpu")


def test_two_nodes_train_as_one_process_does_and_a_requeued_job_continues(example_folder, tmp_path):
    assert main([f"--examples={example_folder}", f"--output={tmp_path / 'one'}", "--steps=8", *FLAGS]) == 0
    path = write_programs(tmp_path / "bin", ("localhost", "localhost"))
    for steps in (4, 8):
        done = run_script(
            "pretrain.sbatch",
            f"--steps={steps}",
            *FLAGS,
            PATH=path,
            PYTHON=sys.executable,
            EXAMPLES=str(example_folder),
            RUN=str(tmp_path / "run"),
            RANKS_PER_NODE="2",
            PORT=str(free_port()),
            SLURM_JOB_ID="7",
            SLURM_JOB_NODELIST="node[1-2]",
            SLURM_JOB_NUM_NODES="2",
            OMP_NUM_THREADS="1",
        )
        assert done.returncode == 0, done.stderr
    assert losses(tmp_path / "run") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    assert len(losses(tmp_path / "run")) == 8
