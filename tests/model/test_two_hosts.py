"""Drills over two hosts, each a network namespace of this machine with two ranks: cut off, killed, one host less.

The commands are those of docs/training.md.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from recipes import environment_with, losses, recipe

from model.pretrain import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sharding_on_cpus")]

STEPS = 32
ELASTIC_STEPS = 60
ADDRESSES = ("10.77.0.1", "10.77.0.2")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """Two namespaces with a cable between them, `host0` and `host1`. folder: for the files that they see."""

    def __init__(self, folder: Path) -> None:
        tag = uuid.uuid4().hex[:6]
        self.names = [f"c4{tag}{number}" for number in range(2)]
        self.cards = [f"v{tag}{number}" for number in range(2)]
        self.environment = environment_with(folder / "programs")
        self.etc_hosts = folder / "hosts"
        known = "".join(f"{address} host{number}\n" for number, address in enumerate(ADDRESSES))
        self.etc_hosts.write_text(f"127.0.0.1 localhost\n{known}")
        for name in self.names:
            ip("netns", "add", name)
        ip("link", "add", self.cards[0], "type", "veth", "peer", "name", self.cards[1])
        for name, card, address in zip(self.names, self.cards, ADDRESSES, strict=True):
            ip("link", "set", card, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", card)
            for device in (card, "lo"):
                ip("-n", name, "link", "set", device, "up")

    def cable(self, state: str) -> None:
        """Cut the cable (`down`) or mend it (`up`)."""
        ip("-n", self.names[1], "link", "set", self.cards[1], state)

    def start(self, number: int, command: str, log: Path) -> subprocess.Popen:
        """Start a command on a host, in a process group of its own."""
        named = f"hostname host{number} && mount --bind {self.etc_hosts} /etc/hosts && {command}"
        return subprocess.Popen(
            ["ip", "netns", "exec", self.names[number], "unshare", "--uts", "bash", "-c", named],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=log.open("w"),
            start_new_session=True,
        )

    def processes(self, number: int) -> list[int]:
        """The ids of all processes of a host."""
        named = subprocess.run(["ip", "netns", "pids", self.names[number]], capture_output=True, text=True)
        return [int(pid) for pid in named.stdout.split()]

    def sizes(self, number: int) -> set[str]:
        """Of how many ranks the processes of a host are a part, as torchrun tells them."""
        found = set()
        for pid in self.processes(number):
            with contextlib.suppress(OSError):
                found.update(re.findall(r"\bWORLD_SIZE=(\d+)", Path(f"/proc/{pid}/environ").read_text()))
        return found

    def kill(self, number: int) -> None:
        """Kill all processes of a host, as if it lost its power."""
        for pid in self.processes(number):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill what runs there, and remove the namespaces."""
        for number, name in enumerate(self.names):
            self.kill(number)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.fixture
def hosts(tmp_path) -> Iterator[Hosts]:
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` here to make network namespaces with")
    try:
        made = Hosts(tmp_path)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no right to make network namespaces: {error.stderr.decode().strip()}")
    yield made
    made.close()


def wait_until(what: str, is_so, *processes: subprocess.Popen, seconds: float = 600.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        assert not processes or any(process.poll() is None for process in processes), f"ended before: {what}"
        time.sleep(0.05)


def reaches(run: Path, step: int) -> Callable[[], bool]:
    return lambda: run.joinpath("metrics.jsonl").exists() and len(losses(run)) >= step


def tiny_flags(steps: int, batch_size: int) -> str:
    shape = f"--dropout_rate=0.1 --steps={steps} --batch_size={batch_size} --log_every=1 --checkpoint_every=4"
    return f"{shape} --validation_examples=0 --device=cpu --timeout_seconds=60"


def train_alone(examples: Path, run: Path, flags: str) -> list[float]:
    """The losses of the same run without a fault."""
    assert main([f"--examples={examples}", f"--output={run}", "--preset=t5_v1_1_tiny", *flags.split()]) == 0
    return losses(run)


def test_a_host_is_cut_off_a_host_is_killed_and_one_host_goes_on(hosts, example_folder, tmp_path):
    run, logs = tmp_path / "run", [tmp_path / "host0.log", tmp_path / "host1.log"]
    flags = tiny_flags(STEPS, 8)
    static = recipe("torchrun --nnodes=2 --node_rank=0", examples=example_folder, run=run, flags=flags)
    static = static.replace("HOST0", "host0").replace(" --activation_checkpointing", "")

    def start(parallel: str, more: str = "") -> list[subprocess.Popen]:
        line = f"{static.replace('--parallel=fsdp', parallel)} {more}"
        return [
            hosts.start(number, line.replace("--node_rank=0", f"--node_rank={number}"), logs[number])
            for number in range(2)
        ]

    # Parameters are sharded on each host. A host is cut off: both end with a line that names a rank.
    started = start("--parallel=hsdp")
    wait_until("step 6", reaches(run, 6), *started)
    hosts.cable("down")
    for log in logs:
        wait_until("a line about lost contact", lambda log=log: "lost contact with the other ranks" in log.read_text())
    assert "error: rank 0 on host0 lost" in logs[0].read_text()
    for number, process in enumerate(started):
        hosts.kill(number)
        process.wait()
    hosts.cable("up")

    # Both go on, with parameters sharded over all ranks. A host is killed: the other ends.
    done = len(losses(run))
    started = start("--parallel=fsdp", "--resume")
    wait_until("four further steps", reaches(run, done + 4), *started)
    hosts.kill(1)
    wait_until("the other host ends", lambda: started[0].poll() is not None)
    assert started[0].returncode != 0 and "lost contact with the other ranks" in logs[0].read_text()

    # One host less.
    line = static.replace("--nnodes=2", "--nnodes=1").replace("--parallel=fsdp", "--parallel=ddp")
    alone = hosts.start(0, f"{line} --resume", logs[0])
    assert alone.wait(timeout=900) == 0, logs[0].read_text()
    assert losses(run) == pytest.approx(train_alone(example_folder, tmp_path / "reference", flags), abs=1e-5)


def test_an_elastic_job_goes_on_without_a_killed_host_and_takes_it_back(hosts, example_folder, tmp_path):
    run, logs = tmp_path / "run", [tmp_path / f"host{number}.log" for number in (0, 1)]
    flags = tiny_flags(ELASTIC_STEPS, 60)
    elastic = recipe(
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun", examples=example_folder, run=run, flags=flags
    ).replace("HOST0", "host0")

    started = [hosts.start(number, elastic, logs[number]) for number in range(2)]
    wait_until("step 6", reaches(run, 6), *started)
    assert hosts.sizes(0) == hosts.sizes(1) == {"4"}
    hosts.kill(1)
    wait_until("the host left over is alone", lambda: hosts.sizes(0) == {"2"}, started[0])
    done = len(losses(run))
    wait_until("it takes steps", reaches(run, done + 2), started[0])

    back = hosts.start(1, elastic, tmp_path / "back.log")
    wait_until("both hosts are in", lambda: hosts.sizes(0) == hosts.sizes(1) == {"4"}, started[0])
    said = [started[0].wait(timeout=900), back.wait(timeout=900)]
    assert said == [0, 0], logs[0].read_text()
    assert losses(run) == pytest.approx(train_alone(example_folder, tmp_path / "reference", flags), abs=1e-5)
