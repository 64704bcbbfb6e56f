"""`wet_to_c4` on this machine's processes and on distributed engines: pages/s, CPU time, memory of each process.

    python benchmarks/bench_engines.py [WET...] [--copies=8] [--systems=local,flink,spark,prism] [--assets=DIR]

WET: WET files; the default is as in bench_scaling.py, and so are copies. Engines are started on the loopback interface
as by `make engines`, two Python workers each (Prism has one); an engine that cannot be started is left out with a
notice. The time to start an engine is not counted, nor is a first run on one WET file, after which its processes have
loaded their classes, as those of a cluster in use have. That of the jobs is, with the job that checks `--shared_paths`.
CPU seconds are those of all processes of the engine and of the launcher. Memory is resident memory, sampled twice per
second; of several processes of a kind, that of the largest. `shuffled` is what Flink's tasks sent to each other.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from bench_corpus import ROOT, SHARED, choose_wets
from bench_scaling import copy_under_other_urls

sys.path.insert(0, str(ROOT))

from tools.engines import fetched
from tools.engines.flink.cluster import Cluster as FlinkCluster
from tools.engines.run import ENGINES
from tools.engines.servers import Servers

LOCAL = "local"
_SAMPLE_SECONDS = 0.5
# The kind of a process by what is in its command; the first that is found.
_KINDS = {
    "local_worker": "Python worker",
    "sdk_worker": "Python worker",
    "pool_process": "worker pool",
    "pipelines.wet_to_c4": "launcher",
    "JobServerDriver": "job server",
    "TaskManagerRunner": "task manager",
    "StandaloneSessionClusterEntrypoint": "job manager",
    "CoarseGrainedExecutorBackend": "executor",
    "deploy.worker.Worker": "worker",
    "deploy.master.Master": "master",
    "prism": "prism",
}


@dataclass
class Usage:
    """The use of some processes and their children since `start`. peaks: kind -> bytes of its largest process."""

    cpu: dict[int, float] = field(default_factory=dict)
    before: dict[int, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    def sample(self, roots: list[psutil.Process]) -> None:
        """Look at the processes and their children."""
        for root in roots:
            for process in (root, *root.children(recursive=True)):
                try:
                    self._add(process)
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue

    def _add(self, process: psutil.Process) -> None:
        with process.oneshot():
            times, resident, words = process.cpu_times(), process.memory_info().rss, " ".join(process.cmdline())
        self.cpu[process.pid] = times.user + times.system
        kind = next((kind for part, kind in _KINDS.items() if part in words), "other")
        self.peaks[kind] = max(self.peaks.get(kind, 0), resident)

    def start(self) -> None:
        """Forget what was used so far."""
        self.before, self.peaks = dict(self.cpu), {}

    @property
    def cpu_seconds(self) -> float:
        return sum(seconds - self.before.get(pid, 0.0) for pid, seconds in self.cpu.items())


@dataclass(frozen=True)
class Measured:
    """The use of a run of the command, from its start to its end. shuffled_bytes: None if the engine does not say."""

    pages: int
    seconds: float
    usage: Usage
    shuffled_bytes: int | None


def run(flags: list[str], output: Path, servers: list[psutil.Process]) -> tuple[float, Usage]:
    """Run `wet_to_c4`. servers: the processes of the engine. Returns: wall seconds, and the use of all processes."""
    usage = Usage()
    usage.sample(servers)
    usage.start()
    began = time.perf_counter()
    command = [sys.executable, "-m", "pipelines.wet_to_c4", *flags, f"--output={output}"]
    with open(output.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    roots = [psutil.Process(process.pid), *servers]
    while process.poll() is None:
        usage.sample(roots)
        time.sleep(_SAMPLE_SECONDS)
    seconds = time.perf_counter() - began
    usage.sample(servers)
    if process.returncode:
        sys.exit(output.with_suffix(".log").read_text(errors="replace")[-2000:])
    return seconds, usage


def measure(system: str, inputs: list[Path], flags: list[str], folder: Path) -> Measured:
    """Run the command on a system. Raises: Missing if it cannot be started on this machine."""
    output, shuffled = folder / "c4", None
    of_all, of_one = (f"--input={','.join(map(str, chosen))}" for chosen in (inputs, inputs[:1]))
    with Servers(folder / "servers") as servers:
        if system == LOCAL:
            seconds, usage = run([of_all, *flags, "--direct_num_workers=2"], output, [])
        else:
            cluster = FlinkCluster(servers, folder / "servers") if system == "flink" else None
            flags = [*flags, *(cluster.start() if cluster else ENGINES[system](servers, folder / "servers"))]
            run([of_one, *flags], folder / "first", servers.processes())
            before = cluster.shuffled_bytes() if cluster else 0
            seconds, usage = run([of_all, *flags], output, servers.processes())
            shuffled = cluster.shuffled_bytes() - before if cluster else None
    counters = json.loads((output / "report.json").read_text())["counters"]
    pages = sum(count for name, count in counters.items() if name.startswith("split-wet-file/"))
    return Measured(pages, seconds, usage, shuffled)


def row(system: str, measured: Measured, local: Measured | None) -> str:
    """A row of the table. local: the run to compare with."""
    speed, cpu = measured.pages / measured.seconds, measured.usage.cpu_seconds
    ratio = f"{speed * local.seconds / local.pages:.2f}" if local else ""
    peaks = ", ".join(f"{kind} {size / 1e6:,.0f}" for kind, size in sorted(measured.usage.peaks.items()))
    shuffled = "" if measured.shuffled_bytes is None else f"{measured.shuffled_bytes / 1e6:,.1f}"
    return (
        f"| {system} | {measured.pages:,} | {measured.seconds:.1f} | {speed:,.0f} | {ratio} | {cpu:.1f} "
        f"| {shuffled} | {peaks} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="*", type=Path)
    parser.add_argument("--copies", type=int, default=8, help="number of copies of the files")
    parser.add_argument("--systems", default=",".join((LOCAL, *ENGINES)), help="systems, separated by commas")
    parser.add_argument("--variant", default="en")
    parser.add_argument("--assets", type=Path, default=SHARED / "assets" if (SHARED / "assets").is_dir() else None)
    flags = parser.parse_args()
    ours = [f"--variant={flags.variant}", f"--assets={flags.assets}"]
    if flags.assets is None:
        ours = ["--variant=en.noblocklist", "--sentence_model=bundled"]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n")
    print(
        "| system | pages | wall s | pages/s | of local | CPU s | shuffled MB | peak MB of the largest process |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    local = None
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        inputs = wets = [wet.absolute() for wet in choose_wets(flags.wet, work)]
        for number in range(1, flags.copies):
            inputs = inputs + [copy_under_other_urls(wet, work, number, 1.0) for wet in wets]
        for system in flags.systems.split(","):
            folder = work / system
            folder.mkdir()
            try:
                measured = measure(system, inputs, ours, folder)
            except fetched.Missing as missing:
                print(f"left out: {missing}", file=sys.stderr)
                continue
            local = local or (measured if system == LOCAL else None)
            print(row(system, measured, local), flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
