"""Runs the unfinished nodes of a graph, several at once, each as a process of its own."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path
from queue import SimpleQueue

from c4pipe.machine import num_cores
from c4pipe.progress import duration
from model.experiments.graph import Graph, Node

_PATIENCE_SECONDS = 60.0
_START = "$ python -m "  # begins the line of a log that tells the command

# (node, device) -> exit status. The node is finished only if its folder says so too.
Execute = Callable[[Node, str | None], int]


def run(
    graph: Graph,
    execute: Execute,
    *,
    jobs: int,
    devices: Sequence[str],
    done: Callable[[Node], None],
    stop: Callable[[], None],
) -> list[Node]:
    """Run all unfinished nodes, each after those that it needs. If one fails, only those that need it are left out.

    devices: the GPUs, of which each job gets one; empty: none. done: called after each node, in this thread. stop:
    called after an exception, such as an interrupt, to end the nodes that are running.

    Returns: the nodes that failed.
    """
    todo = {node.name: node for node in graph.unfinished()}
    sorter = TopologicalSorter({name: [need for need in node.needs if need in todo] for name, node in todo.items()})
    sorter.prepare()
    free: SimpleQueue[str | None] = SimpleQueue()
    for job in range(jobs):
        free.put(devices[job % len(devices)] if devices else None)

    def work(node: Node) -> tuple[int, float]:
        device = free.get()
        began = time.monotonic()
        try:
            return execute(node, device), time.monotonic() - began
        finally:
            free.put(device)

    failures: list[Node] = []
    number = 0
    with ThreadPoolExecutor(jobs, thread_name_prefix="node") as pool:
        running: dict[Future[tuple[int, float]], Node] = {}
        try:
            while True:
                for name in sorter.get_ready():
                    running[pool.submit(work, todo[name])] = todo[name]
                if not running:
                    return failures
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    node = running.pop(future)
                    number += 1
                    status, seconds = future.result()
                    is_finished = status == 0 and node.is_finished()
                    words = duration(seconds) if is_finished else f"failed (status {status})"
                    print(f"[{number}/{len(todo)}] {node.kind}: {node.label}: {words}", file=sys.stderr, flush=True)
                    if is_finished:
                        sorter.done(node.name)
                        done(node)
                    else:
                        failures.append(node)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise


class Processes:
    """Runs nodes as processes. Their output goes to `LOGS/NODE.log`.

    jobs: how many run at once, which share the cores. command: begins the command of a process.
    """

    def __init__(self, logs: Path, jobs: int, command: Sequence[str] | None = None) -> None:
        self._logs, self._jobs = logs, jobs
        self._command = list(command or (sys.executable, "-m", "model.experiments.child"))
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def log(self, node: Node) -> Path:
        return self._logs / f"{node.name}.log"

    def __call__(self, node: Node, device: str | None) -> int:
        self._logs.mkdir(parents=True, exist_ok=True)
        with open(self.log(node), "ab") as log:
            log.write(f"{_START}{node.module} {shlex.join(node.flags)}\n".encode())
            log.flush()
            with self._lock:
                if self._is_closed:
                    return -signal.SIGTERM
                process = subprocess.Popen(
                    [*self._command, node.module, *node.flags],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment(device),
                )
                self._running.add(process)
            try:
                return process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)

    def close(self) -> None:
        """Stop all processes: trainings save a checkpoint. What does not stop within a minute is killed."""
        with self._lock:
            self._is_closed = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def line(self, node: Node) -> str:
        """The error in the log of a node's last start: its last line that is one, or else its last line."""
        text = self.log(node).read_text(encoding="utf-8", errors="replace") if self.log(node).exists() else ""
        lines = text.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith(_START)]
        lines = lines[starts[-1] + 1 :] if starts else lines
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (errors or lines or ["nothing was printed"])[-1]

    def _environment(self, device: str | None) -> dict[str, str]:
        root = str(Path(__file__).parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        given = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        if device is not None:
            given["CUDA_VISIBLE_DEVICES"] = device
        else:
            given.setdefault("OMP_NUM_THREADS", str(max(1, num_cores() // self._jobs)))
        return given
