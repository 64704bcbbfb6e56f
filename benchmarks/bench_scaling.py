"""`wet_to_c4` on a little and on much, with one worker and with more: wall time, CPU time, memory of all processes.

    python benchmarks/bench_scaling.py [WET...] [--copies=1,16] [--workers=1,2] [--variant=en] [--assets=DIR]

WET: WET files; without any those of ../shared/data/wet, and where these are not there, the demo's crawl of
documentation (then without bad words, and with the Punkt parameters that come with us). A copy is the same files with
other hosts in their URLs, so that 16 copies are 16 times the pages, and as many copies of each line. Memory is the
resident memory of the launcher and its workers added up, sampled five times per second; what they share counts once
for each.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench_corpus import ROOT, SHARED, choose_wets

_HOST = re.compile(rb"(WARC-Target-URI: *https?://)(?:www\.)?")


@dataclass(frozen=True)
class Measured:
    """One run of the command, from its start to its end."""

    pages: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def copy_under_other_urls(wet: Path, folder: Path, number: int) -> Path:
    """The same records, each host `copyN.` of what it was."""
    from isal import igzip

    target = folder / f"copy-{number:03d}-{wet.name.removesuffix('.gz')}.gz"
    content = wet.read_bytes()
    text = igzip.decompress(content) if wet.suffix == ".gz" else content
    target.write_bytes(igzip.compress(_HOST.sub(rb"\1copy%d." % number, text), 1))
    return target


def run(wets: list[Path], num_workers: int, flags: list[str], output: Path) -> Measured:
    """`wet_to_c4` on the files, by so many workers."""
    command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--input={','.join(map(str, wets))}"]
    command += [f"--output={output}", f"--direct_num_workers={num_workers}", *flags]
    began, used = time.perf_counter(), children_seconds()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while True:
        try:
            _, said = process.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, resident_bytes(process.pid))
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(said.decode().strip().splitlines()[-1])
    counters = json.loads((output / "report.json").read_text())["counters"]
    pages = sum(count for name, count in counters.items() if name.startswith("split-wet-file/"))
    return Measured(pages, seconds, children_seconds() - used, peak)


def children_seconds() -> float:
    """CPU seconds of all processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resident_bytes(root: int) -> int:
    """Resident memory of a process and its descendants."""
    table = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    children, kilobytes = defaultdict(list), {}
    for line in table.splitlines():
        pid, parent, resident = map(int, line.split())
        children[parent].append(pid)
        kilobytes[pid] = resident
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        total += kilobytes.get(pid, 0)
        waiting += children[pid]
    return total * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="*", type=Path)
    parser.add_argument("--copies", default="1,16", help="how many times the files, separated by commas")
    parser.add_argument("--workers", default="1,2", help="worker processes, separated by commas")
    parser.add_argument("--variant", default="en")
    parser.add_argument("--assets", type=Path, default=SHARED / "assets" if (SHARED / "assets").is_dir() else None)
    flags = parser.parse_args()
    ours = [f"--variant={flags.variant}", f"--assets={flags.assets}"]
    if flags.assets is None:
        ours = ["--variant=en.noblocklist", "--sentence_model=bundled"]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n")
    print(
        "| WET files | pages | workers | wall s | CPU s | pages/s | peak MB, all processes | times as fast |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wets = choose_wets(flags.wet, work)
        for copies in map(int, flags.copies.split(",")):
            inputs = list(wets)
            for number in range(1, copies):
                inputs += [copy_under_other_urls(wet, work, number) for wet in wets]
            first = None
            for workers in map(int, flags.workers.split(",")):
                output = work / "c4"
                measured = run(inputs, workers, ours, output)
                shutil.rmtree(output)
                first = first or measured
                print(
                    f"| {len(inputs)} | {measured.pages:,} | {workers} | {measured.seconds:.1f} "
                    f"| {measured.cpu_seconds:.1f} | {measured.pages / measured.seconds:,.0f} "
                    f"| {measured.peak_bytes / 1e6:,.0f} | {first.seconds / measured.seconds:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
