import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.training.figures import metrics_log

WORKER = Path(__file__).with_name("rank_worker.py")


@pytest.mark.slow
def test_a_slow_rank_is_named_and_changes_no_loss(example_folder, tmp_path):
    runs = []
    for ranks, seconds in ((1, 0.0), (2, 0.2)):
        output = tmp_path / f"run-{ranks}"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
        subprocess.run(
            [*command, str(WORKER), str(example_folder), str(output), str(seconds)], env=environment, check=True
        )
        runs.append([line for line in metrics_log.read(output / "metrics.jsonl") if "loss" in line])
    alone, together = runs
    assert [line["mean_loss"] for line in together] == pytest.approx([line["mean_loss"] for line in alone], abs=1e-5)
    assert all(line["slowest_rank"] == 1 and line["slowest_rank_factor"] > 1.5 for line in together)
