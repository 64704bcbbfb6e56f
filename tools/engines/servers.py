"""The processes of an engine. Each has its own session and log, and is killed by its process id."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

_LOOK_EVERY_SECONDS = 0.5
_WORDS_SHOWN = 2000
_PORTS = range(20_000, 32_000)


class Servers:
    """A context with processes by name. At the end of the block, it kills them and the processes that they started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._processes)):
            self.kill(name)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
        """Start a process, whose output is appended to NAME.log in the folder. Returns: its process id."""
        with open(self._folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self._processes[name] = process
        return process.pid

    def kill(self, name: str) -> None:
        """Send SIGKILL to a process and the processes that it started."""
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def is_running(self, name: str) -> bool:
        """Whether a process was started, and has not ended."""
        return name in self._processes and self._processes[name].poll() is None

    def process(self, name: str) -> psutil.Process:
        """A process, to look into it or to stop it for a while."""
        return psutil.Process(self._processes[name].pid)

    def processes(self) -> list[psutil.Process]:
        """All processes that were started and not killed."""
        return [psutil.Process(process.pid) for process in self._processes.values()]

    def wait_for_port(self, name: str, port: int, seconds: float) -> None:
        """Wait until a process listens on a port. Raises: RuntimeError if it ends, or does not listen in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._processes[name].poll() is not None:
                raise RuntimeError(f"{name} ended with status {self._processes[name].returncode}: {self.words(name)}")
            with socket.socket() as client:
                client.settimeout(1)
                if client.connect_ex(("localhost", port)) == 0:
                    return
            time.sleep(_LOOK_EVERY_SECONDS)
        raise RuntimeError(f"{name} does not listen on port {port} after {seconds:.0f} s: {self.words(name)}")

    def words(self, name: str) -> str:
        """The end of a process' log."""
        return (self._folder / f"{name}.log").read_bytes()[-_WORDS_SHOWN:].decode("utf-8", "replace")


def free_port() -> int:
    """A free port of localhost, below the ports that the system gives to clients, so that none takes it meanwhile."""
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as server, contextlib.suppress(OSError):
            server.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"all ports from {_PORTS[0]} to {_PORTS[-1]} are in use")
