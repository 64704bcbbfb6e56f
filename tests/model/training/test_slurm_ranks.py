"""Ranks that `srun` starts with a task for each card."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from model.training.figures import metrics_log
from model.training.ranks.slurm import adopt

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1,1",
    "SLURM_STEP_NODELIST": "gpu[07-08],login[1-2]",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
}
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR")


def test_a_task_is_a_rank():
    environment = dict(STEP)
    assert adopt(environment)
    assert [environment[name] for name in TORCHRUN] == ["3", "6", "1", "2", "gpu07"]
    assert 20_000 <= int(environment["MASTER_PORT"]) < 40_000
    own_card = {**STEP, "CUDA_VISIBLE_DEVICES": "1"}
    assert adopt(own_card) and own_card["LOCAL_RANK"] == "0"
    named = {**STEP, "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "5"}
    assert adopt(named) and (named["MASTER_ADDR"], named["MASTER_PORT"]) == ("10.0.0.1", "5")


@pytest.mark.parametrize(
    "environment",
    [
        {**STEP, "RANK": "0", "WORLD_SIZE": "2"},  # torchrun, started by srun
        {**STEP, "SLURM_STEP_NUM_TASKS": "1"},
        {"SLURM_JOB_ID": "4711", "SLURM_PROCID": "0", "SLURM_NTASKS": "6"},  # a batch script without srun
        {},
    ],
)
def test_other_processes_stay_what_they_are(environment):
    before = dict(environment)
    assert not adopt(environment) and environment == before


@pytest.mark.slow
@pytest.mark.usefixtures("sharding_on_cpus")
def test_two_tasks_train_together(example_folder, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    two = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_STEP_NODELIST": "localhost"}
    plain = {name: value for name, value in os.environ.items() if name not in TORCHRUN}
    flags = [f"--examples={example_folder}", f"--output={tmp_path / 'run'}", "--preset=t5_v1_1_tiny", "--steps=2"]
    flags += ["--batch_size=4", "--log_every=1", "--validation_examples=0", "--device=cpu", "--parallel=fsdp"]
    tasks = [
        subprocess.Popen(
            [sys.executable, "-m", "model.pretrain", *flags],
            env={**plain, **STEP, **two, **own, "SLURM_NODEID": "0", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[3],
        )
        for own in ({"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, {"SLURM_PROCID": "1", "SLURM_LOCALID": "1"})
    ]
    assert [task.wait(timeout=600) for task in tasks] == [0, 0]
    lines = metrics_log.read(tmp_path / "run" / "metrics.jsonl")
    assert [line["step"] for line in lines if "loss" in line] == [1, 2] and "slowest_rank" in lines[-1]
    assert (tmp_path / "run" / "checkpoints" / "step-00000002" / "model-00002-of-00002.safetensors").exists()
