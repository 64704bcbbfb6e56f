"""A drill over two hosts, each a network namespace of this machine with two ranks: cut off, killed, one host less."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.pretrain import main
from model.training.figures import metrics_log

pytestmark = pytest.mark.slow

STEPS = 32
ADDRESSES = ("10.77.0.1", "10.77.0.2")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """Two namespaces with a cable between them."""

    def __init__(self) -> None:
        tag = uuid.uuid4().hex[:6]
        self.names = [f"c4{tag}{number}" for number in range(2)]
        self.cards = [f"v{tag}{number}" for number in range(2)]
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

    def start(self, number: int, num_hosts: int, flags: list[str], log: Path) -> subprocess.Popen:
        """Start torchrun with two ranks on a host, in a process group of its own."""
        torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={num_hosts}", f"--node_rank={number}"]
        torchrun += ["--nproc_per_node=2", f"--master_addr={ADDRESSES[0]}", "--master_port=29500"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": self.cards[number]}
        return subprocess.Popen(
            ["ip", "netns", "exec", self.names[number], *torchrun, "-m", "model.pretrain", *flags],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            stderr=log.open("w"),
            start_new_session=True,
        )

    def kill(self, number: int) -> None:
        """Kill all processes of a host, as if it lost its power."""
        named = subprocess.run(["ip", "netns", "pids", self.names[number]], capture_output=True, text=True)
        for pid in map(int, named.stdout.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill what runs there, and remove the namespaces."""
        for number, name in enumerate(self.names):
            self.kill(number)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` here to make network namespaces with")
    try:
        made = Hosts()
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


def losses(run: Path) -> list[float]:
    return [line["loss"] for line in metrics_log.read(run / "metrics.jsonl") if "loss" in line]


def test_a_host_is_cut_off_a_host_is_killed_and_one_host_goes_on(hosts, example_folder, tmp_path):
    def flags(output: str, *more: str) -> list[str]:
        shape = ["--preset=t5_v1_1_tiny", "--dropout_rate=0.1", f"--steps={STEPS}", "--batch_size=8", "--log_every=1"]
        where = [f"--examples={example_folder}", f"--output={tmp_path / output}", "--device=cpu"]
        return [*where, *shape, "--checkpoint_every=4", "--validation_examples=0", "--timeout_seconds=60", *more]

    run, logs = tmp_path / "run", [tmp_path / "host0.log", tmp_path / "host1.log"]

    def start(*more: str) -> list[subprocess.Popen]:
        return [hosts.start(number, 2, flags("run", *more), logs[number]) for number in range(2)]

    def reaches(step: int):
        return lambda: run.joinpath("metrics.jsonl").exists() and len(losses(run)) >= step

    # Parameters are sharded on each host. A host is cut off: both end with a line that names a rank.
    started = start("--parallel=hsdp")
    wait_until("step 6", reaches(6), *started)
    hosts.cable("down")
    for log in logs:
        wait_until("a line about lost contact", lambda log=log: "lost contact with the other ranks" in log.read_text())
    assert "error: rank 0 on" in logs[0].read_text()
    for number, process in enumerate(started):
        hosts.kill(number)
        process.wait()
    hosts.cable("up")

    # Both go on, with parameters sharded over all ranks. A host is killed: the other ends.
    done = len(losses(run))
    started = start("--parallel=fsdp", "--resume")
    wait_until("four further steps", reaches(done + 4), *started)
    hosts.kill(1)
    wait_until("the other host ends", lambda: started[0].poll() is not None)
    assert started[0].returncode != 0 and "lost contact with the other ranks" in logs[0].read_text()

    # One host less.
    alone = hosts.start(0, 1, flags("run", "--resume"), logs[0])
    assert alone.wait(timeout=900) == 0, logs[0].read_text()
    assert main(flags("reference")) == 0
    assert losses(run) == pytest.approx(losses(tmp_path / "reference"), abs=1e-5)
