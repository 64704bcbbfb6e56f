"""`wet_to_c4` on small and large inputs, with one worker and several: time, CPU time, memory of all processes, disk.

    python benchmarks/bench_scaling.py [WET...] [--copies=1,16] [--workers=1,2] [--repeated=1] [--parts=1]
                                       [--variant=en] [--assets=DIR] [--keep=DIR] [--dry_run]

WET: WET files. The default is the files in ../shared/data/wet; if that folder does not exist, the demo's crawl of
documentation (without bad words, and with the bundled Punkt parameters). A copy has the same files with other hosts in
the URLs, so 16 copies have 16 times as many pages. With --repeated=1, there are also 16 copies of each line; with
--repeated=0.5, every second line of a copy begins with other words, so it is not a duplicate. (Content-Length is not
changed, which the default parser does not use.) With --parts=16, each file is first cut into 16 small ones, so that 16
copies of 8 files are 2,048 files.

Memory is the sum of the resident memory of launcher and workers, sampled five times per second; memory that they share
counts once per process. Disk is the largest size of the output with its work folder, sampled every five seconds.

With --keep, copies and finished rows stay in a folder, so that the same command continues a run that was stopped, and
`--copies=1,16,64` continues `--copies=1,16`. --dry_run prints how long wet_to_c4 itself expects to need.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from bench_corpus import ROOT, SHARED, choose_wets
from turns import children_seconds

sys.path.insert(0, str(ROOT))

from pipelines.launch.progress import memory_of_processes

_HOST = re.compile(rb"(WARC-Target-URI: *https?://)(?:www\.)?")
# Two lines of text. The headers of a record are no text.
_TWO_LINES = re.compile(rb"\n((?!WARC|Content)[^\n]+)\n(?!WARC|Content)(?=[^\r\n])")
_RECORD = re.compile(rb"(?=^WARC/1\.[01]\r\n)", re.MULTILINE)
_DISK_EVERY_SECONDS = 5


@dataclass(frozen=True)
class Measured:
    """The use of a run of the command, from its start to its end."""

    files: int
    workers: int
    pages: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    disk_bytes: int


def copy_under_other_urls(wet: Path, folder: Path, number: int, repeated: float) -> Path:
    """Copy a file with the same records, but with `copyN.` before each host, and perhaps with other lines."""
    from isal import igzip

    target = folder / f"copy-{number:03d}-{wet.name.removesuffix('.gz')}.gz"
    if target.exists():
        return target
    content = wet.read_bytes()
    text = igzip.decompress(content) if wet.suffix == ".gz" else content
    text = _HOST.sub(rb"\1copy%d." % number, text)
    if repeated == 0.5:
        text = _TWO_LINES.sub(rb"\n\1\nCopy %d says " % number, text)
    beside = target.with_suffix(".incomplete")
    beside.write_bytes(igzip.compress(text, 1))
    return beside.rename(target)


def cut(wet: Path, folder: Path, parts: int) -> list[Path]:
    """Deal the records of a file out to several small files."""
    from isal import igzip

    content = wet.read_bytes()
    text = igzip.decompress(content) if wet.suffix == ".gz" else content
    records = _RECORD.split(text)[1:]
    targets = [folder / f"part-{number:03d}-{wet.name.removesuffix('.gz')}.gz" for number in range(parts)]
    for number, target in enumerate(targets):
        target.write_bytes(igzip.compress(b"".join(records[number::parts]), 1))
    return targets


def run(wets: list[Path], num_workers: int, flags: list[str], output: Path) -> Measured:
    """Run `wet_to_c4` on the files with a number of workers."""
    listed = output.with_suffix(".list")
    listed.write_text("".join(f"{wet}\n" for wet in wets))
    command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--input_list={listed}"]
    command += [f"--output={output}", f"--direct_num_workers={num_workers}", *flags]
    began, used = time.perf_counter(), children_seconds()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = disk = 0
    next_look = began
    while True:
        try:
            _, errors = process.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, memory_of_processes(process.pid))
            if time.perf_counter() >= next_look:
                disk = max(disk, bytes_of(output))
                next_look = time.perf_counter() + _DISK_EVERY_SECONDS
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(errors.decode().strip().splitlines()[-1])
    counters = json.loads((output / "report.json").read_text())["counters"]
    pages = sum(count for name, count in counters.items() if name.startswith("split-wet-file/"))
    cpu_seconds = children_seconds() - used
    return Measured(len(wets), num_workers, pages, seconds, cpu_seconds, peak, max(disk, bytes_of(output)))


def bytes_of(folder: Path) -> int:
    """The size of all files below a folder, some of which may just be removed."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


def outlook(wets: list[Path], copies: int, flags: list[str], work: Path) -> str:
    """What `wet_to_c4 --dry_run` says of copies of files, which are links here."""
    folder = work / "links"
    folder.mkdir()
    for number in range(copies):
        for wet in wets:
            (folder / f"{number:04d}-{wet.name}").symlink_to(wet.resolve())
    command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--input={folder}/*", f"--output={work / 'c4'}", *flags]
    done = subprocess.run([*command, "--dry_run"], cwd=ROOT, capture_output=True, text=True, check=False)
    shutil.rmtree(folder)
    return f"{copies * len(wets)} WET files: {done.stdout or done.stderr}"


@contextlib.contextmanager
def work_folder(keep: Path | None) -> Iterator[Path]:
    """The folder to keep, or a temporary one."""
    if keep is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()


def row(measured: Measured, first: Measured) -> str:
    """A row of the table. first: the measurement of the same files that `times as fast` compares with."""
    return (
        f"| {measured.files} | {measured.pages:,} | {measured.workers} | {measured.seconds:.1f} "
        f"| {measured.cpu_seconds:.1f} | {measured.pages / measured.seconds:,.0f} | {measured.peak_bytes / 1e6:,.0f} "
        f"| {measured.disk_bytes / 1e9:.2f} | {first.seconds / measured.seconds:.2f} |"
    )


def slopes(rows: list[Measured]) -> Iterator[str]:
    """The cost of a further page, from each input to the next larger one with the same number of workers."""
    for small, large in pairwise(sorted(rows, key=lambda measured: (measured.workers, measured.files))):
        if small.workers == large.workers and small.pages < large.pages:
            more = large.pages - small.pages
            yield (
                f"{large.workers} workers, {small.files} -> {large.files} files: per page "
                f"{(large.cpu_seconds - small.cpu_seconds) / more * 1e3:.3f} ms of CPU, "
                f"{(large.disk_bytes - small.disk_bytes) / more:,.0f} bytes of disk, "
                f"{(large.peak_bytes - small.peak_bytes) / more:,.0f} bytes of memory"
            )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="*", type=Path)
    parser.add_argument("--copies", default="1,16", help="numbers of copies of the files, separated by commas")
    parser.add_argument("--workers", default="1,2", help="numbers of worker processes, separated by commas")
    parser.add_argument(
        "--repeated", type=float, default=1.0, choices=(1.0, 0.5), help="part of the lines in all copies"
    )
    parser.add_argument("--parts", type=int, default=1, help="small files that each file is cut into")
    parser.add_argument("--variant", default="en")
    parser.add_argument("--assets", type=Path, default=SHARED / "assets" if (SHARED / "assets").is_dir() else None)
    parser.add_argument("--keep", type=Path, help="keep copies and finished rows in this folder")
    parser.add_argument("--dry_run", action="store_true", help="only print what wet_to_c4 --dry_run says")
    return parser.parse_args()


def main() -> None:
    flags = parse()
    ours = [f"--variant={flags.variant}", f"--assets={flags.assets}"]
    if flags.assets is None:
        ours = ["--variant=en.noblocklist", "--sentence_model=bundled"]
    numbers = [int(copies) for copies in flags.copies.split(",")]
    with work_folder(flags.keep) as work:
        wets = choose_wets(flags.wet, work)
        if flags.parts > 1:
            wets = [part for wet in wets for part in cut(wet, work, flags.parts)]
        if flags.dry_run:
            print("\n".join(outlook(wets, copies, ours, work) for copies in numbers))
            return
        print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n")
        print(
            "| WET files | pages | workers | wall s | CPU s | pages/s | peak MB, all processes | peak GB of disk "
            "| times as fast |\n|---|---|---|---|---|---|---|---|---|"
        )
        kept = work / "rows.jsonl"
        done = [Measured(**json.loads(line)) for line in kept.read_text().splitlines()] if kept.exists() else []
        rows = []
        for copies in numbers:
            inputs = list(wets)
            first = None
            for workers in map(int, flags.workers.split(",")):
                size = (copies * len(wets), workers)
                measured = next((entry for entry in done if (entry.files, entry.workers) == size), None)
                if measured is None:
                    inputs = list(wets)
                    for number in range(1, copies):
                        inputs += [copy_under_other_urls(wet, work, number, flags.repeated) for wet in wets]
                    shutil.rmtree(work / "c4", ignore_errors=True)
                    measured = run(inputs, workers, ours, work / "c4")
                    shutil.rmtree(work / "c4")
                    with kept.open("a") as target:
                        target.write(json.dumps(asdict(measured)) + "\n")
                first = first or measured
                rows.append(measured)
                print(row(measured, first), flush=True)
        print("\n" + "\n".join(slopes(rows)))


if __name__ == "__main__":
    main()
