"""Fine-tuning continues on another number of ranks, by every method, also sharded."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model.checkpoints import step_folder
from model.checkpoints.run_folder import RunFolder
from model.finetuning.catalog import METHODS

REPOSITORY = Path(__file__).parents[3]


def launch(ranks: int, *flags: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, "-m", "model.finetune", *flags], cwd=REPOSITORY, env=environment, check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, parallel",
    [*((method, "ddp") for method in METHODS), ("adapters", "fsdp"), ("gradual_unfreezing", "fsdp")],
)
def test_two_ranks_continue_what_one_began(method, parallel, base_run, task_folder, tmp_path, request):
    from model.finetune import main

    if parallel == "fsdp":
        request.getfixturevalue("sharding_on_cpus")

    flags = [f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--method={method}", "--adapter_size=4"]
    flags += ["--steps=6", "--batch_size=8", "--gradient_accumulation=1", "--evaluate_every=3", "--log_every=1"]
    flags += ["--checkpoint_every=2", "--keep=9", "--device=cpu", "--learning_rate=0.01"]
    assert main([*flags, f"--output={tmp_path}/whole"]) == 0
    # As if it had been killed in step 4: what came after its checkpoint of step 2 is not there.
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    folder = RunFolder(str(tmp_path / "cut"))
    for step in (3, 4, 6):
        shutil.rmtree(folder.of_step(step), ignore_errors=True)
    folder.write({**folder.read(), "status": "running"})
    launch(2, *flags, f"--output={tmp_path}/cut", "--resume", f"--parallel={parallel}")
    whole = step_folder.read_weights(RunFolder(str(tmp_path / "whole")).of_step(6))
    continued = step_folder.read_weights(folder.of_step(6))
    assert whole.keys() == continued.keys()
    for name, tensor in whole.items():
        torch.testing.assert_close(continued[name], tensor, atol=2e-4, rtol=2e-3)
    losses = [
        [
            json.loads(line)["loss"]
            for line in (tmp_path / one / "metrics.jsonl").read_text().splitlines()
            if '"loss"' in line
        ]
        for one in ("whole", "cut")
    ]
    assert losses[1] == pytest.approx(losses[0], abs=2e-3)
