"""All measurements on a GPU in ten minutes, the most important first: correctness, speed, a profile.

    python benchmarks/gpu/measure.py --output=DIR                on a machine with a GPU
    python benchmarks/gpu/measure.py --output=DIR --rehearse     the same commands on the CPU, with small models

Each command writes its output to a file in DIR, which is kept if the command is ended because its time is over. The
summary at the end names commands that failed or did not run. Nothing is run side by side, so nothing disturbs a figure.
A rehearsal takes the time that it needs, if `--seconds` allows it.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRAINING = "benchmarks/bench_training.py"

# Name -> arguments of Python. The peer is Hugging Face's T5, compiled in the same run.
COMMANDS: dict[str, list[str]] = {
    "floors": ["benchmarks/gpu/floors.py"],
    "tests": ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/model/test_on_gpu.py"],
    "base": [TRAINING, "--device=cuda", "--presets=t5_v1_1_base", "--batch_size=64", "--steps=30", "--warmup=5"],
    "profile": [
        TRAINING,
        "--device=cuda",
        "--presets=t5_v1_1_base",
        "--batch_size=64",
        "--systems=c4pipe",
        "--profile",
    ],
    "dropout": [TRAINING, "--device=cuda", "--presets=t5_v1_1_base", "--batch_size=64", "--systems=c4pipe"]
    + ["--dropout_rate=0.1", "--steps=20", "--warmup=5"],
    "attention": ["benchmarks/bench_attention.py"],
    "small_large": [TRAINING, "--device=cuda", "--presets=t5_v1_1_small,t5_v1_1_large", "--batch_size=32"],
    "t5_3b": [TRAINING, "--device=cuda", "--presets=t5_3b", "--batch_size=8", "--systems=c4pipe"]
    + ["--activation_checkpointing", "--compile="],
}
# What a rehearsal changes: arguments that come later replace earlier ones.
_SMALL = [
    "--device=cpu",
    "--presets=t5_v1_1_tiny",
    "--batch_size=1",
    "--steps=1",
    "--warmup=1",
    "--vocabulary_size=512",
]
_SMALL += ["--compile="]
_ONLY_ON_GPU = ("attention",)
# A command that needs longer is ended, so that the others have their turn.
MOST_SECONDS = {"floors": 30.0, "tests": 150.0, "base": 240.0, "small_large": 240.0}
_MOST_SECONDS_OF_OTHERS = 120.0


def command(name: str, *, rehearse: bool) -> list[str]:
    """The command line of a measurement."""
    small = _SMALL if rehearse and COMMANDS[name][0] == TRAINING else []
    return [sys.executable, *COMMANDS[name], *small]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=600.0, help="for all commands together")
    parser.add_argument("--only", default=",".join(COMMANDS), help="names of measurements, comma-separated")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, with small models")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + arguments.seconds
    failed = 0
    # Beside other processes, two threads wait for each other longer than they compute.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} if arguments.rehearse else None
    for name in arguments.only.split(","):
        began = time.monotonic()
        left = deadline - began
        if arguments.rehearse and name in _ONLY_ON_GPU:
            outcome = "not rehearsed: it needs a GPU"
        elif left <= 0:
            outcome, failed = "not run: the time is over", failed + 1
        else:
            with open(arguments.output / f"{name}.txt", "w") as log:
                line = command(name, rehearse=arguments.rehearse)
                most = left if arguments.rehearse else min(left, MOST_SECONDS.get(name, _MOST_SECONDS_OF_OTHERS))
                try:
                    done = subprocess.run(line, cwd=ROOT, env=environment, stdout=log, stderr=log, timeout=most)
                    outcome = "done" if done.returncode == 0 else f"failed with status {done.returncode}"
                except subprocess.TimeoutExpired:
                    outcome = f"ended after {most:.0f} s"
            failed += outcome != "done"
        print(f"{name:12} {time.monotonic() - began:6.1f} s  {outcome}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
