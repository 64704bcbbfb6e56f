"""Running a graph: needs come first, a failure stops only what needs it, and children end with the search."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from model.experiments import running
from model.experiments.graph import Graph, Node

ROOT = Path(__file__).parents[3]


def node(folder: Path, name: str, *needs: str) -> Node:
    return Node(name, "evaluate", (f"--{name}",), str(folder / name), needs, name)


def graph_of(*nodes: Node) -> Graph:
    return Graph({each.name: each for each in nodes}, (), 0)


def finish(each: Node) -> None:
    Path(each.folder).mkdir(parents=True, exist_ok=True)
    (Path(each.folder) / "metrics.json").write_text("{}")


@pytest.fixture
def diamond(tmp_path) -> Graph:
    return graph_of(*(node(tmp_path, *names) for names in (("a",), ("b", "a"), ("c", "a"), ("d", "b", "c"), ("e",))))


def carry_out(graph: Graph, execute, *, jobs=1, devices=()) -> tuple[list[str], list[str]]:
    """(names of the nodes that were done, names of those that failed)."""
    done: list[str] = []
    failed = running.run(
        graph, execute, jobs=jobs, devices=devices, done=lambda each: done.append(each.name), stop=lambda: None
    )
    return done, [each.name for each in failed]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_node_runs_after_those_that_it_needs(diamond, jobs):
    begun: list[str] = []

    def execute(each: Node, device: str | None) -> int:
        assert all(diamond.nodes[name].is_finished() for name in each.needs)
        begun.append(each.name)
        finish(each)
        return 0

    done, failed = carry_out(diamond, execute, jobs=jobs)
    assert sorted(done) == sorted(begun) == list("abcde") and not failed
    assert carry_out(diamond, execute) == ([], [])


def test_a_failure_leaves_out_only_what_needs_it(diamond):
    def execute(each: Node, device: str | None) -> int:
        if each.name == "b":
            return 2
        finish(each)
        return 0

    done, failed = carry_out(diamond, execute)
    assert (sorted(done), failed) == (["a", "c", "e"], ["b"])


def test_a_command_that_stopped_before_its_end_is_not_done(diamond):
    assert carry_out(diamond, lambda each, device: 0) == ([], ["a", "e"])


def test_each_job_has_a_gpu_of_its_own(tmp_path):
    graph = graph_of(*(node(tmp_path, name) for name in "abcdef"))
    both_run = threading.Barrier(2, timeout=600)
    busy: set[str] = set()

    def execute(each: Node, device: str | None) -> int:
        assert device is not None and device not in busy
        busy.add(device)
        both_run.wait()
        busy.discard(device)
        finish(each)
        both_run.wait()
        return 0

    assert len(carry_out(graph, execute, jobs=2, devices=("4", "7"))[0]) == 6


def test_an_interrupt_stops_the_processes(tmp_path):
    waiting = (sys.executable, "-c", "import time; time.sleep(600)")
    processes = running.Processes(tmp_path / "logs", 2, waiting)
    graph = graph_of(node(tmp_path, "a"), node(tmp_path, "b"))

    def execute(each: Node, device: str | None) -> int:
        if each.name == "a":
            return processes(each, device)
        finish(each)
        return 0

    def interrupt(each: Node) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        running.run(graph, execute, jobs=2, devices=(), done=interrupt, stop=processes.close)
    assert processes(node(tmp_path, "c"), None) == -signal.SIGTERM  # nothing begins after the stop


def test_the_log_tells_the_error(tmp_path):
    processes = running.Processes(tmp_path, 1, (sys.executable, "-c", "print('error: too hot'); print('bye'); exit(2)"))
    each = node(tmp_path, "a")
    assert processes(each, None) == 2 and processes.line(each) == "too hot"
    assert processes.log(each).read_text().startswith("$ python -m model.evaluate --a\n")
    again = running.Processes(tmp_path, 1, (sys.executable, "-c", "print('only this')"))
    assert again(each, None) == 0 and again.line(each) == "only this"
    assert processes.line(node(tmp_path, "b")) == "nothing was printed"


def test_a_child_ends_with_its_parent(tmp_path):
    """The parent starts a child whose module waits, tells its process, and is killed."""
    (tmp_path / "waits.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    parent = (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-m', 'model.experiments.child', 'waits']).wait()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    started = subprocess.Popen([sys.executable, "-c", parent], env=environment, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    child = int(started.stdout.readline())
    assert Path(f"/proc/{child}").exists() or sys.platform != "linux"
    started.kill()
    assert started.stdout.read() == ""  # the pipe ends only when the child, who holds it too, has ended
