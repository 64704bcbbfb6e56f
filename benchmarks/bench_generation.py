"""Greedy and beam search on a CPU: ours, an earlier commit, `transformers.generate` and ctranslate2 in float32.

    python benchmarks/bench_generation.py
    python benchmarks/bench_generation.py --baseline=70691f5 --presets=t5_small,t5_base --threads=1

All have the same random weights, inputs and batches, and generate `--max_length` tokens for each input (random weights
end no output). Each system is a process of its own, and they take turns, so that other load on the machine affects all
in the same way. The medians of CPU seconds (user and system) and of wall seconds are compared. A library that is not
installed is named in a notice and left out.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.turns import TREE, Process, checkout, rounds_of

DECODER = TREE / "benchmarks" / "generation" / "decoder.py"


def print_table(answers: dict[str, list[dict[str, Any]]], first: str) -> None:
    """One row per system; `ratio`: the time of a system divided by ours, in pairs of the same round."""
    print("| system | CPU s | of it system | wall s | CPU s / ours | wall s / ours | peak MB | same outputs |")
    print("|---|---|---|---|---|---|---|---|")
    ours = answers[first]
    for name, rounds in answers.items():
        cpu = [turn["user"] + turn["system"] for turn in rounds]
        pairs = list(zip(rounds, ours, strict=True))
        cpu_ratio = statistics.median((a["user"] + a["system"]) / (b["user"] + b["system"]) for a, b in pairs)
        wall_ratio = statistics.median(a["wall"] / b["wall"] for a, b in pairs)
        targets, right = rounds[-1]["targets"], ours[-1]["targets"]
        same = sum(a == b for a, b in zip(targets, right, strict=True))
        print(
            f"| {name} | {statistics.median(cpu):.2f} | {statistics.median(r['system'] for r in rounds):.2f} | "
            f"{statistics.median(r['wall'] for r in rounds):.2f} | {cpu_ratio:.2f} | {wall_ratio:.2f} | "
            f"{max(r['peak_mb'] for r in rounds):.0f} | {same} of {len(right)} |"
        )


def systems_of(arguments: argparse.Namespace) -> list[str]:
    """The systems that are installed; a notice names the others."""
    names = arguments.systems.split(",")
    for name in [name for name in names if name != "c4pipe" and importlib.util.find_spec(name) is None]:
        print(f"notice: {name} is not installed and is left out (pip install {name})")
        names.remove(name)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default="t5_small", help="comma-separated")
    parser.add_argument("--systems", default="c4pipe,transformers,ctranslate2", help="comma-separated, ours first")
    parser.add_argument("--baseline", metavar="COMMIT", help="an earlier commit of c4pipe to compare with")
    parser.add_argument("--beams", default="1,4", help="numbers of beams, comma-separated; 1: greedy search")
    parser.add_argument("--examples", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--inputs_length", type=int, default=128, help="longest inputs; the shortest have a quarter")
    parser.add_argument("--max_length", type=int, default=64, help="tokens that are generated for each input")
    parser.add_argument("--vocabulary_size", type=int, default=32128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--verbose", action="store_true", help="show what the systems print")
    arguments = parser.parse_args()
    names = systems_of(arguments)
    print(f"{arguments.threads} CPU threads, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")
    with ExitStack() as stack:
        baseline = stack.enter_context(checkout(arguments.baseline)) if arguments.baseline else None
        for preset in arguments.presets.split(","):
            settings = {**vars(arguments), "preset": preset, "quiet": not arguments.verbose}
            with ExitStack() as processes:
                decoders: dict[str, Process] = {}
                for name in names:
                    decoders[name] = Process(DECODER, {**settings, "system": name}, TREE)
                    processes.callback(decoders[name].close)
                if baseline:
                    name = f"c4pipe {arguments.baseline}"
                    decoders[name] = Process(DECODER, {**settings, "system": "c4pipe"}, baseline)
                    processes.callback(decoders[name].close)
                for num_beams in map(int, arguments.beams.split(",")):
                    how = "greedy search" if num_beams == 1 else f"beam search, {num_beams} beams"
                    print(
                        f"\n{preset}, {how}, {arguments.examples} inputs of at most {arguments.inputs_length} tokens, "
                        f"{arguments.max_length} tokens each, batches of {arguments.batch_size}\n"
                    )
                    print_table(rounds_of(decoders, str(num_beams), arguments.rounds), names[0])


if __name__ == "__main__":
    main()
