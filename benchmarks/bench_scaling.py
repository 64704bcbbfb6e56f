"""`wet_to_c4` on small and large inputs, with one worker and several: wall time, CPU time, memory of all processes.

    python benchmarks/bench_scaling.py [WET...] [--copies=1,16] [--workers=1,2] [--variant=en] [--assets=DIR]

WET: WET files. The default is the files in ../shared/data/wet; if that folder does not exist, the demo's crawl of
documentation (without bad words, and with the bundled Punkt parameters). A copy has the same files with other hosts in
the URLs, so 16 copies have 16 times as many pages, and 16 copies of each line. Memory is the sum of the resident memory
of launcher and workers, sampled five times per second; memory that they share counts once per process.
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
    """The use of a run of the command, from its start to its end."""

    pages: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def copy_under_other_urls(wet: Path, folder: Path, number: int) -> Path:
    """Copy a file with the same records, but with `copyN.` before each host."""
    from isal import igzip

    target = folder / f"copy-{number:03d}-{wet.name.removesuffix('.gz')}.gz"
    content = wet.read_bytes()
    text = igzip.decompress(content) if wet.suffix == ".gz" else content
    target.write_bytes(igzip.compress(_HOST.sub(rb"\1copy%d." % number, text), 1))
    return target


def run(wets: list[Path], num_workers: int, flags: list[str], output: Path) -> Measured:
    """Run `wet_to_c4` on the files with a number of workers."""
    command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--input={','.join(map(str, wets))}"]
    command += [f"--output={output}", f"--direct_num_workers={num_workers}", *flags]
    began, used = time.perf_counter(), children_seconds()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while True:
        try:
            _, errors = process.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, resident_bytes(process.pid))
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(errors.decode().strip().splitlines()[-1])
    counters = json.loads((output / "report.json").read_text())["counters"]
    pages = sum(count for name, count in counters.items() if name.startswith("split-wet-file/"))
    return Measured(pages, seconds, children_seconds() - used, peak)


def children_seconds() -> float:
    """CPU seconds of all child processes that have ended."""
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
    parser.add_argument("--copies", default="1,16", help="numbers of copies of the files, separated by commas")
    parser.add_argument("--workers", default="1,2", help="numbers of worker processes, separated by commas")
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
