"""A run ends soon, even if a worker is slow to start, does not start, or still has work when another one failed."""

import os
import sys
import time

import apache_beam as beam
import pytest

from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from pipelines.launch import beam_flags, beam_options, local_workers

# Every other worker does something before it is one.
WORKER = """
import os, runpy, sys, time
if int(os.environ["WORKER_ID"].rpartition("_")[2]) % 2 == {parity}:
    {before}
runpy.run_module("pipelines.launch.local_worker", run_name="__main__")
"""


@pytest.fixture
def odd_worker(tmp_path, monkeypatch):
    def use(before: str, parity: int = 1) -> None:
        (tmp_path / "worker.py").write_text(WORKER.format(before=before, parity=parity))
        monkeypatch.setattr(local_workers, "COMMAND", f"{sys.executable} {tmp_path}/worker.py")

    return use


def run(work) -> str:
    """What the run says in the end, which it must come to."""
    flags = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    options = beam_options.options_of(*beam_flags.parse(Parser(prog="tool"), flags))
    with pytest.raises(UserError) as met:
        beam_options.run(lambda pipeline: pipeline | beam.Create([0, 1]) | beam.Map(work), options)
    return str(met.value)


@pytest.mark.parametrize("parity", [0, 1])
def test_a_run_that_failed_does_not_wait_for_a_worker_that_starts_late(odd_worker, parity, monkeypatch):
    monkeypatch.setattr(local_workers, "_SECONDS_TO_END", 60.0)
    odd_worker("time.sleep(4)", parity)

    def fail(element):
        raise UserError("mend it")

    assert run(fail) == "mend it"


@pytest.mark.parametrize("breaks", [False, True])
def test_a_worker_that_does_not_end_after_the_run_is_killed(breaks, monkeypatch):
    """breaks: the worker's connection broke, which Beam raises when it closes the connection."""
    monkeypatch.setattr(local_workers, "_SECONDS_TO_END", 0.5)
    end = local_workers.WorkerProcess._tell_to_end

    def break_and_end(self):
        if breaks:
            self.data_conn._exception = RuntimeError("the connection broke")
        end(self)

    monkeypatch.setattr(local_workers.WorkerProcess, "_tell_to_end", break_and_end)
    started = []
    start = local_workers.WorkerProcess.start_worker
    monkeypatch.setattr(
        local_workers.WorkerProcess, "start_worker", lambda self: (start(self), started.append(self._process))
    )

    def work(element):
        if element:
            time.sleep(3600)
        raise UserError("mend it")

    assert run(work) == "mend it"
    assert len(started) == 2 and all(process.returncode is not None for process in started)


def test_a_worker_that_does_not_start_ends_the_run(odd_worker):
    odd_worker('sys.exit("cannot start")')
    message = run(lambda element: element)
    assert message.startswith("a worker process was killed")
    with open(message.rpartition("trace: ")[2].rstrip(")")) as trace:
        assert "cannot start" in trace.read()


def test_workers_share_a_heap_unless_the_user_has_set_something_else(monkeypatch):
    names = ["MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_"]
    monkeypatch.delenv(names[0], raising=False)
    monkeypatch.setenv(names[1], "4096")

    def fail(element):
        raise UserError(f"{[os.environ.get(name) for name in names]}")

    assert run(fail) == "['1', '4096']"
