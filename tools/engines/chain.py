"""Every Beam pipeline on a small crawl: its inputs, and the comparison of the files of two runs."""

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from c4pipe.demo import pack_crawl

# The fields of a report that describe the run and not the result.
_OF_THE_RUN = ("timing", "machine", "version")
_PAGES = "report.html"
_REPORT = "report.json"
_RUN_SECONDS = 1800
_CRAWL_BYTES = 1_000_000
_TWO_LANGUAGES = ("--variant=multilingual", "--languages=en,de")


@dataclass(frozen=True)
class Run:
    """A command: its module, its flags, and its folder below the output."""

    module: str
    folder: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """wet, tasks: globs. badwords: a folder of lists. assets: a folder with punkt_tab; None: the bundled model."""

    wet: str
    tasks: str
    badwords: str
    assets: str | None


def make_inputs(folder: Path) -> Inputs:
    """Make a crawl from Python's documentation, and a task file."""
    crawl = folder / "wet"
    if not crawl.is_dir():
        pack_crawl.pack(str(crawl), _CRAWL_BYTES)
    records = [
        {"inputs": f"sst2 sentence: film {n} was good", "targets": "positive", "task": "sst2"} for n in range(60)
    ]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "badwords").mkdir(exist_ok=True)
    (folder / "badwords" / "en").write_text("deprecated\n")
    return Inputs(f"{crawl}/*.wet.gz", f"{folder}/tasks.jsonl", f"{folder}/badwords", None)


def runs(inputs: Inputs, output: Path) -> list[Run]:
    """The commands in order; later commands read the results of earlier ones. (`crawl_to_wet` does not use Beam.)"""
    sentences = (
        ("--sentence_model=punkt_tab", f"--assets={inputs.assets}") if inputs.assets else ("--sentence_model=bundled",)
    )
    badwords = f"--badwords={inputs.badwords}"
    c4, vocabulary = output / "c4", output / "vocabulary"
    return [
        Run("wet_to_c4", "c4", (f"--input={inputs.wet}", badwords, *sentences)),
        Run("wet_to_c4", "multilingual", (f"--input={inputs.wet}", *_TWO_LANGUAGES, badwords, *sentences)),
        Run("c4_to_vocabulary", "vocabulary", (f"--input={c4}", "--num_pieces=600")),
        Run("c4_to_examples", "examples", (f"--input={c4}", f"--vocabulary={vocabulary}")),
        Run("tasks_to_examples", "tasks", (f"--input={inputs.tasks}", f"--vocabulary={vocabulary}")),
    ]


def start(run: Run, output: Path, flags: list[str], log: Path) -> subprocess.Popen:
    """Start a command; its output is appended to `log`."""
    command = [sys.executable, "-m", f"pipelines.{run.module}", *run.flags, f"--output={output / run.folder}", *flags]
    with open(log, "ab") as output_file:
        return subprocess.Popen(command, stdout=output_file, stderr=subprocess.STDOUT, env={**os.environ})


def execute(run: Run, output: Path, flags: list[str], log: Path) -> float:
    """Run a command. Returns: its seconds. Raises: RuntimeError with the end of its output, if it fails or hangs."""
    started = time.monotonic()
    process = start(run, output, flags, log)
    try:
        status = process.wait(_RUN_SECONDS)
        ended = f"ended with {status}"
    except subprocess.TimeoutExpired:
        status, ended = None, f"has not ended after {_RUN_SECONDS // 60} minutes"
    finally:
        process.kill()
    if status != 0:
        raise RuntimeError(f"{run.module} {ended}: {log.read_text(errors='replace')[-2000:]}")
    return time.monotonic() - started


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path in the folder, without what describes the run (times, version, folders)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == _PAGES:
            continue
        content = path.read_bytes()
        if path.name == _REPORT:
            report = json.loads(content)
            of_result = json.dumps({name: report[name] for name in report if name not in _OF_THE_RUN})
            content = of_result.replace(str(folder.parent), "").encode()
        found[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found


def differences(ours: dict[str, str], local: dict[str, str]) -> list[str]:
    """The files that differ, or that are in only one of two folders."""
    return sorted(name for name in {*ours, *local} if ours.get(name) != local.get(name))
