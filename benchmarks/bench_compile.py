"""How long `--compile` takes before the first step: the whole model against one layer of each kind.

    python benchmarks/bench_compile.py [--presets=t5_small,t5_base] [--batch=2x64/32]

Each run is a process of its own with an empty cache of the compiler and one compiling process, so that CPU seconds of
the first step are those of compiling. Steps have forward and backward passes without dropout, on one thread of the CPU
in float32.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.turns import children_seconds

# "none" is the eager model.
UNITS = ("none", "layer", "model")
NUM_STEPS = 6


def cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    return time.process_time() + children_seconds()


def timed(function: Callable[[], None]) -> dict[str, float]:
    """The seconds that a call takes."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    function()
    return {"cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}


def measure(unit: str, preset: str, batch: str) -> None:
    """Print the seconds of each step as JSON."""
    import torch

    from model.architectures.catalog import build_model
    from model.architectures.presets import PRESETS
    from model.data.batches import Batch
    from model.training.computation import Computation
    from model.training.ranks.world import World

    torch.set_num_threads(1)
    examples, lengths = batch.split("x")
    inputs_length, targets_length = map(int, lengths.split("/"))
    model = build_model(PRESETS[preset].with_(dropout_rate=0.0))
    computation = Computation(model, World(), precision="fp32", compile=unit != "none", compile_unit=unit)
    computation.train_only(None)
    generator = torch.Generator().manual_seed(0)
    ids = [
        torch.randint(3, 32_000, (int(examples), length), generator=generator)
        for length in (inputs_length, targets_length)
    ]
    numbers = torch.arange(int(examples))

    def step() -> None:
        computation.accumulate(Batch(*ids, numbers), 1, seed=0, step=1)
        model.zero_grad()

    print(json.dumps([timed(step) for _ in range(NUM_STEPS)]))


def run(unit: str, preset: str, batch: str) -> list[dict[str, float]]:
    """The seconds of each step in a process of its own."""
    with tempfile.TemporaryDirectory() as cache:
        one_process = {"TORCHINDUCTOR_CACHE_DIR": cache, "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        command = [sys.executable, __file__, f"--presets={preset}", f"--batch={batch}", f"--measure={unit}"]
        done = subprocess.run(command, env={**os.environ, **one_process}, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default="t5_small,t5_base")
    parser.add_argument("--batch", default="2x64/32", help="examples x inputs / targets")
    parser.add_argument("--measure", choices=UNITS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.presets, arguments.batch)
        return
    print(f"batch {arguments.batch}, CPU seconds (wall seconds), load {os.getloadavg()[0]:.0f}")
    print("| preset | compiled | first step | fastest step after it | compiling, against `model` |")
    print("|---|---|---|---|---|")
    for preset in arguments.presets.split(","):
        steps = {unit: run(unit, preset, arguments.batch) for unit in UNITS}
        for unit, (first, *others) in steps.items():
            fastest = min(others, key=lambda seconds: seconds["cpu"])
            ratio = "" if unit == "none" else f"{first['cpu'] / steps['model'][0]['cpu']:.2f}"
            cells = [f"{seconds['cpu']:.2f} ({seconds['wall']:.1f})" for seconds in (first, fastest)]
            print(f"| {preset} | {unit} | {cells[0]} | {cells[1]} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
