"""Fine-tuning on a mixture of tasks: ours, an earlier commit, and Hugging Face's Seq2SeqTrainer grouped by length.

    python benchmarks/bench_finetuning.py --tasks=DIR --baseline=COMMIT [--presets=t5_small] [--batch_size=32] [--pack]

DIR is a folder that tasks_to_examples made. Without it, random examples are used whose lengths are distributed as in a
mixture of twelve tasks. All have the same initial weights, dropout rate and recipe of Adafactor. Each system is a
process of its own, and they take turns of `--steps` steps, after one turn to warm up. CPU seconds (user and system) are
compared in pairs of the same round. At the end, each computes the loss of the same validation examples.

Ours has the same batches as the earlier commit. Those of Seq2SeqTrainer are its own. It sorts 50 batches by length;
each turn takes batches from all of these lengths, so that a few steps are a fair sample.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.synthetic_examples import write_short_examples
from benchmarks.turns import TREE, Process, checkout, rounds_of
from c4pipe.shards import manifest

SIDE = TREE / "benchmarks" / "finetuning" / "side.py"


def print_table(answers: dict[str, list[dict[str, Any]]], num_examples: int) -> None:
    """One row per system. The first is ours."""
    print("| system | examples per CPU s | CPU s / ours | from | to | peak MB | validation loss |")
    print("|---|---|---|---|---|---|---|")
    ours = next(iter(answers.values()))
    for name, rounds in answers.items():
        cpu = [answer["user"] + answer["system"] for answer in rounds]
        ratios = [seconds / (own["user"] + own["system"]) for seconds, own in zip(cpu, ours, strict=True)]
        print(
            f"| {name} | {num_examples / statistics.median(cpu):.2f} | {statistics.median(ratios):.2f} | "
            f"{min(ratios):.2f} | {max(ratios):.2f} | {max(answer['peak_mb'] for answer in rounds):.0f} | "
            f"{rounds[-1]['validation_loss']:.4f} |"
        )


def systems_of(arguments: argparse.Namespace) -> list[str]:
    """The systems that are installed; a notice names the others."""
    names = arguments.systems.split(",")
    missing = [name for name in ("transformers", "accelerate") if importlib.util.find_spec(name) is None]
    if missing and "transformers" in names:
        print(f"notice: transformers is left out (pip install {' '.join(missing)})")
        names.remove("transformers")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", metavar="DIR", help="a folder that tasks_to_examples made")
    parser.add_argument("--presets", default="t5_small", help="comma-separated")
    parser.add_argument("--systems", default="c4pipe,transformers", help="comma-separated, ours first")
    parser.add_argument("--baseline", metavar="COMMIT", help="an earlier commit of c4pipe to compare with")
    parser.add_argument("--pack", action="store_true", help="also measure our packed rows")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=4, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="show what the systems print")
    arguments = parser.parse_args()
    names = systems_of(arguments)
    print(f"{arguments.threads} CPU threads, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")
    with ExitStack() as stack:
        folder = arguments.tasks or stack.enter_context(tempfile.TemporaryDirectory())
        if not arguments.tasks:
            write_short_examples(Path(folder), num_examples=max(4096, 50 * arguments.batch_size))
        size = int(manifest.read(folder).settings["vocabulary_size"])
        baseline = stack.enter_context(checkout(arguments.baseline)) if arguments.baseline else None
        for preset in arguments.presets.split(","):
            settings = {
                **vars(arguments),
                "tasks": str(Path(folder).resolve()),
                "preset": preset,
                "pack": False,
                "vocabulary_size": -(-size // 128) * 128,
                "quiet": not arguments.verbose,
            }
            wanted = {name: ({"system": name}, TREE) for name in names}
            if arguments.pack:
                wanted["c4pipe --pack"] = ({"system": "c4pipe", "pack": True}, TREE)
            if baseline:
                wanted[f"c4pipe {arguments.baseline}"] = ({"system": "c4pipe"}, baseline)
            with ExitStack() as processes:
                sides = {name: Process(SIDE, {**settings, **more}, tree) for name, (more, tree) in wanted.items()}
                for side in sides.values():
                    processes.callback(side.close)
                answers = rounds_of(sides, "go", arguments.rounds)
                load = " ".join(f"{value:.1f}" for value in os.getloadavg())
                print(f"\n{preset}, batches of {arguments.batch_size}, {arguments.rounds} rounds, load {load}\n")
                print_table(answers, arguments.steps * arguments.batch_size)


if __name__ == "__main__":
    main()
