"""A sharded model takes the steps of a model that each rank has whole."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.training.figures import metrics_log
from model.training.ranks.world import World

pytestmark = pytest.mark.usefixtures("sharding_on_cpus")

WORKER = Path(__file__).with_name("sharded_worker.py")


def run(examples: Path, output: Path, ranks: int, *cases: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[4])}
    subprocess.run([*command, str(WORKER), str(examples), str(output), *cases], env=environment, check=True)


def figures(output: Path, case: str, name: str) -> list[float]:
    lines = metrics_log.read(output / case.replace(":", "-") / "metrics.jsonl")
    return [line[name] for line in lines if name in line]


def assert_equal_curves(output: Path, case: str, expected: str, *, steps: int = 24, tolerance: float = 1e-5) -> None:
    ours, theirs = (figures(output, each, "loss") for each in (case, expected))
    assert len(ours) == steps and ours == pytest.approx(theirs, abs=tolerance), case
    norms = figures(output, expected, "gradient_norm")
    assert figures(output, case, "gradient_norm") == pytest.approx(norms, rel=1e3 * tolerance), case


@pytest.fixture
def run_here(example_folder, tmp_path) -> Callable[[str], None]:
    """run_here(case): do the run of a case with one rank, in this process."""
    train = runpy.run_path(str(WORKER))["train"]
    return lambda case: train(World(), str(example_folder), str(tmp_path), *case.split(":"))


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_sharded_ranks_have_the_curve_of_one(ranks, example_folder, tmp_path, run_here):
    run_here("ddp:plain")
    run(example_folder, tmp_path, ranks, "fsdp:plain")
    assert_equal_curves(tmp_path, "fsdp:plain", "ddp:plain")
    losses = figures(tmp_path, "fsdp:plain", "loss")
    assert losses[-1] < losses[0] - 0.5, "it learns"


@pytest.mark.slow
def test_four_ranks_have_the_curves_of_one(example_folder, tmp_path, run_here):
    names = ("plain", "all", "shared", "frozen")
    sharded = [f"fsdp:{name}" for name in names] + ["hsdp:plain", "hsdp:all"]
    run(example_folder, tmp_path, 4, *sharded)
    for name in names:
        run_here(f"ddp:{name}")
    for case in sharded:
        assert_equal_curves(tmp_path, case, f"ddp:{case.partition(':')[2]}")


@pytest.mark.slow
def test_bf16_and_compilation_change_rounding_only(example_folder, tmp_path, run_here):
    run_here("ddp:short")
    run(example_folder, tmp_path, 2, "ddp:bf16", "fsdp:bf16", "fsdp:compiled")
    assert_equal_curves(tmp_path, "fsdp:compiled", "ddp:short", steps=4)
    ours, theirs = (figures(tmp_path, case, "loss") for case in ("fsdp:bf16", "ddp:bf16"))
    assert ours == pytest.approx(theirs, abs=0.05)
