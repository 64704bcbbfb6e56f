"""Worker processes end with the process that started them, also where that is killed."""

import gzip
import os
import signal
import subprocess
import sys
import time

import pytest
from small_crawl import write_crawl

START = """
import os, sys, time
from multiprocessing import get_context
from pipelines.launch.workers import worker_processes

if __name__ == "__main__":
    with worker_processes(2, get_context(sys.argv[1])) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        wait = [pool.submit(time.sleep, 3600) for _ in range(2)]
        print(*(process for process in pool._processes), flush=True)
        wait[0].result()
"""


def is_there(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", "rb") as source:
            return source.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to look for processes")
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_no_worker_outlives_a_killed_starter(start, tmp_path):
    (tmp_path / "start.py").write_text(START)
    starter = subprocess.Popen([sys.executable, str(tmp_path / "start.py"), start], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    starter.stdout.readline()
    workers = [int(number) for number in starter.stdout.readline().split()]
    assert len(workers) == 2 and all(map(is_there, workers))
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + 600
    while any(map(is_there, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_there, workers))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to look for processes")
def test_no_worker_of_a_killed_verify_release_is_left(tmp_path):
    """The command itself: killed with -9 while its two workers clean WET files."""
    write_crawl(tmp_path / "wet", num_files=4, pages_a_file=1500)
    (tmp_path / "c4-train.00000-of-00001.json.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "words").write_text("word\n")
    command = [sys.executable, "-m", "pipelines.verify_release", f"--wet={tmp_path}/wet/*.gz", "--num_workers=2"]
    command += [f"--released={tmp_path}/c4-*.json.gz", f"--output={tmp_path}/out", "--sentence_model=bundled"]
    killed = subprocess.Popen([*command, f"--badwords={tmp_path}/words"], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 600
    while len(workers := children_of(killed.pid)) < 2 and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(workers) >= 2, killed.stderr.read() if killed.poll() is not None else "no workers"
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 600
    while any(map(is_there, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_there, workers))
    assert not (tmp_path / "out" / "verify.json").exists()


def children_of(process: int) -> list[int]:
    try:
        with open(f"/proc/{process}/task/{process}/children") as source:
            return list(map(int, source.read().split()))
    except OSError:
        return []
