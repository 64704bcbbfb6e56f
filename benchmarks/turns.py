"""Systems that take turns, each in a process of its own, so that other load on the machine affects all alike."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TREE = Path(__file__).resolve().parents[1]


class Process:
    """A process that answers each line with a line of JSON, and says `ready` first. It can be asked anything.

    script: what it runs. settings: its argument, as JSON, with `threads` and `quiet`. tree: the checkout whose c4pipe
    it uses.
    """

    def __init__(self, script: Path, settings: dict[str, Any], tree: Path) -> None:
        # `benchmarks` is a package without a file of its own, so what `tree` lacks of it is found in this checkout.
        paths = [str(tree), str(TREE), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if settings["quiet"] else None,
            text=True,
            cwd=tree,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "OMP_NUM_THREADS": str(settings["threads"]),
                "TRANSFORMERS_VERBOSITY": "error",
            },
        )
        self._read()

    def ask(self, line: str) -> dict[str, Any]:
        """The answer to a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process ended early; run again with --verbose")
        return json.loads(line)


def rounds_of(processes: dict[str, Process], line: str, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """What each process answers to a line in each round, after one round to warm up."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in processes}
    for number in range(rounds + 1):
        for name, process in processes.items():
            answer = process.ask(line)
            if number:
                answers[name].append(answer)
    return answers


def stopwatch() -> Callable[[], dict[str, float]]:
    """A function that gives the seconds since now: `wall`, and of this process `user` and `system`; and `peak_mb`."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()

    def read() -> dict[str, float]:
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        return {
            "wall": wall,
            "user": after.ru_utime - before.ru_utime,
            "system": after.ru_stime - before.ru_stime,
            "peak_mb": after.ru_maxrss / 1024,
        }

    return read


def children_seconds() -> float:
    """CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A temporary git worktree of a commit."""
    with TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        subprocess.run(["git", "-C", TREE, "worktree", "add", "-q", "--detach", tree, commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "-C", TREE, "worktree", "remove", "--force", tree], check=True)
