"""Run the whole chain on this machine: WET files, C4, a vocabulary, example shards, and a T5 that trains on them.

    python -m tools.demo.run --output=demo [--wet=GLOB [--assets=DIR]]

Without --wet, the crawl is made from the documentation in this Python installation. A second run continues the first;
with other WET files or settings, it starts again.
"""

import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from c4pipe.folders.lock import made_and_locked
from c4pipe.shards import files
from tools.demo import folder
from tools.demo.folder import Demo
from tools.demo.summary import summary

NUM_PROCESSES = 2


@dataclass(frozen=True)
class Plan:
    """The settings of the demo. If they differ from the last time, the demo starts again."""

    wet: str | None
    assets: str | None
    num_pieces: int
    steps: int
    batch_size: int
    preset: str


def stages(plan: Plan, output: str) -> dict[str, list[str]]:
    """The commands of the chain in order, as a user would type them."""
    wet = plan.wet or os.path.join(output, "wet", "*.warc.wet.gz")
    sentences = ["--sentence_model=punkt_tab", f"--assets={plan.assets}"] if plan.assets else ["--sentence_model=bundled"]
    python = [sys.executable, "-m"]
    c4, vocabulary, examples, trained = (os.path.join(output, name) for name in ("c4", "vocabulary", "examples", "run"))
    torchrun = [*python, "torch.distributed.run", "--standalone", f"--nproc_per_node={NUM_PROCESSES}", "-m"]
    chain = {
        "wet_to_c4": [
            *python,
            "pipelines.wet_to_c4",
            f"--input={wet}",
            f"--output={c4}",
            "--variant=en.noblocklist",
            *sentences,
        ],
        "c4_to_vocabulary": [
            *python,
            "pipelines.c4_to_vocabulary",
            f"--input={c4}",
            f"--output={vocabulary}",
            f"--num_pieces={plan.num_pieces}",
        ],
        "c4_to_examples": [
            *python,
            "pipelines.c4_to_examples",
            f"--input={c4}",
            f"--vocabulary={vocabulary}",
            f"--output={examples}",
        ],
        "pretrain": [
            *torchrun,
            "model.pretrain",
            f"--examples={examples}",
            f"--output={trained}",
            f"--preset={plan.preset}",
            f"--steps={plan.steps}",
            f"--batch_size={plan.batch_size}",
            "--warmup_steps=100",
            "--learning_rate=0.02",
            "--dropout_rate=0",
            f"--evaluate_every={plan.steps // 4}",
            f"--checkpoint_every={plan.steps // 4}",
            "--log_every=10",
            "--validation_examples=64",
            "--resume",
        ],
    }
    if plan.wet is None:
        chain = {"pack_crawl": [*python, "tools.demo.pack_crawl", f"--output={os.path.join(output, 'wet')}"], **chain}
    return chain


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    if flags.assets and not flags.wet:
        raise UserError("ASSETS needs WET: the demo's own crawl uses the bundled sentence model")
    if flags.wet:
        files.expand(flags.wet)
    if flags.assets and not os.path.isdir(flags.assets):
        raise UserError(f"{flags.assets} is not a folder; ASSETS is the folder of punkt_tab/, badwords/ and realnews/")
    plan = Plan(flags.wet, flags.assets, flags.num_pieces, flags.steps, flags.batch_size, flags.preset)
    earlier = Demo.read(flags.output)
    if flags.dry_run:
        print(_outlook(plan, flags.output, earlier))
        return 0
    with made_and_locked(flags.output, "demo"):
        print(summary(flags.output, _run_stages(plan, flags.output, _begin(plan, flags.output, earlier))))
    return 0


def _outlook(plan: Plan, output: str, earlier: Demo | None) -> str:
    """The commands, and whether files would be removed. Raises: UserError if the demo would be refused."""
    lines = [" ".join(["python", *command[1:]]) for command in stages(plan, output).values()]
    if earlier is None or earlier.plan != asdict(plan):
        folder.refuse_others(output, earlier.made if earlier else {})
        if earlier and earlier.made:
            lines.insert(0, f"{output} holds a demo with other inputs or settings, whose files would be removed")
    return "\n".join(lines)


def _begin(plan: Plan, output: str, earlier: Demo | None) -> Demo:
    """The demo to continue, or a new demo after the files of a demo with another plan are removed.

    Raises: UserError if the folder has files that no demo made.
    """
    if earlier is not None and earlier.plan == asdict(plan):
        return earlier
    if earlier is not None:
        print(f"{output} holds a demo with other inputs or settings, which is replaced", flush=True)
    folder.remove_made(output, earlier.made if earlier else {})
    demo = Demo(asdict(plan), {}, {})
    demo.write(output)
    return demo


def _run_stages(plan: Plan, output: str, demo: Demo) -> dict[str, float]:
    """Run the stages; finished ones end at once. Returns: the seconds that each stage took when it was made."""
    seconds, made = dict(demo.seconds), dict(demo.made)
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // NUM_PROCESSES))}
    for name, command in stages(plan, output).items():
        if name == "pack_crawl" and name in seconds:
            continue
        print(f"\n== {name}\n$ {' '.join(['python', *command[1:]])}", flush=True)
        start, before = time.monotonic(), folder.look(output)
        try:
            status = subprocess.run(command, env=environment if name == "pretrain" else None).returncode
            if not status:
                # A finished stage ends at once, so the longer time is the time of making it.
                seconds[name] = max(time.monotonic() - start, seconds.get(name, 0.0))
        finally:
            found = folder.look(output)
            made = {path: size for path, size in found.items() if path in made or path not in before}
            Demo(demo.plan, seconds, made).write(output)
        if status:
            raise UserError(f"{name} ended with status {status}; see its output above; `make demo` continues from there")
    return seconds


def parser() -> Parser:
    parser = Parser(prog="python -m tools.demo.run", description=__doc__)
    parser.add_argument("--output", default="demo", help="folder for everything that the demo makes")
    parser.add_argument("--wet", help="glob of WET files to use instead of the packed documentation")
    parser.add_argument("--assets", help="folder with punkt_tab, which is used instead of the bundled sentence model")
    parser.add_argument("--num_pieces", type=int, default=4000, help="number of pieces in the vocabulary")
    parser.add_argument("--preset", default="t5_tiny", help="size of the model")
    parser.add_argument("--steps", type=int, default=240, help="number of updates in pre-training")
    parser.add_argument("--batch_size", type=int, default=16, help="examples per update")
    parser.add_argument("--dry_run", action="store_true", help="only print the commands")
    return parser


if __name__ == "__main__":
    run(main)
