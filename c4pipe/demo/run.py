"""What `demo` does once its flags are understood: the stages, each as the command that a user would type."""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from c4pipe.command_line import from_flags
from c4pipe.demo import folder
from c4pipe.demo.folder import Demo
from c4pipe.demo.samples import NUM_JUDGED
from c4pipe.demo.summary import summary
from c4pipe.errors import UserError
from c4pipe.folders.lock import made_and_locked
from c4pipe.shards import files

NUM_PROCESSES = 2


@dataclass(frozen=True)
class Plan:
    """The settings of the demo. If they differ from the last time, the demo starts again."""

    wet: str | None
    crawl_bytes: int
    assets: str | None
    num_pieces: int
    inputs_length: int
    mean_noise_span_length: float
    steps: int
    batch_size: int
    preset: str


def stages(plan: Plan, output: str) -> dict[str, list[str]]:
    """The commands of the chain in order, as a user would type them."""
    wet = plan.wet or os.path.join(output, "wet", "*.warc.wet.gz")
    sentences = (
        ["--sentence_model=punkt_tab", f"--assets={plan.assets}"] if plan.assets else ["--sentence_model=bundled"]
    )
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
            f"--inputs_length={plan.inputs_length}",
            f"--mean_noise_span_length={plan.mean_noise_span_length}",
        ],
        "pretrain": [
            *torchrun,
            "model.pretrain",
            f"--examples={examples}",
            f"--output={trained}",
            f"--preset={plan.preset}",
            f"--steps={plan.steps}",
            f"--batch_size={plan.batch_size}",
            "--optimizer=adamw",
            "--warmup_steps=100",
            "--learning_rate=0.025",
            "--dropout_rate=0",
            f"--evaluate_every={max(plan.steps // 4, 1)}",
            f"--checkpoint_every={max(plan.steps // 4, 1)}",
            f"--log_every={max(plan.steps // 40, 1)}",
            f"--validation_examples={NUM_JUDGED}",
            "--resume",
        ],
    }
    if plan.wet is None:
        folder_of_wet = os.path.join(output, "wet")
        pack = [*python, "c4pipe.demo.pack_crawl", f"--output={folder_of_wet}", f"--max_bytes={plan.crawl_bytes}"]
        chain = {"pack_crawl": pack, **chain}
    return chain


def perform(flags: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    if flags.wet:
        files.expand(flags.wet)
    plan = from_flags(Plan, flags)
    earlier = Demo.read(flags.output)
    if flags.dry_run:
        print(_outlook(plan, flags.output, earlier))
        return 0
    with made_and_locked(flags.output, "demo"):
        seconds = _run_stages(plan, flags.output, _begin(plan, flags.output, earlier))
        print(summary(flags.output, seconds))
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
            raise UserError(
                f"{name} ended with status {status}; see its output above; the same command continues from there"
            )
    return seconds
