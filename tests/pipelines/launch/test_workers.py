"""Worker processes end with the process that started them, also where that is killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

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
    deadline = time.monotonic() + 120
    while any(map(is_there, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_there, workers))
