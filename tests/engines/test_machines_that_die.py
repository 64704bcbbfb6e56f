"""Processes of a Flink cluster are killed while wet_to_c4 runs on it. Run by `make engines`, not by `make test`."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from tools.engines import chain
from tools.engines.flink.cluster import TASK_MANAGERS, Cluster, Settings
from tools.engines.servers import Servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("C4PIPE_ENGINES"), reason="needs Java and a Flink cluster: make engines"),
]

# What a stage leaves in the work folder when it has begun.
STAGES = {"cleaning": "work/cleaned/*", "finishing": "work/*/finished/*", "writing": "work/*/shards/*"}
_MOST_SECONDS = 1800


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The inputs, and the local run's files."""
    folder = tmp_path_factory.mktemp("made")
    inputs = chain.make_inputs(folder)
    command = chain.runs(inputs, folder)[0]
    chain.execute(command, folder, [], folder / "log")
    return inputs, chain.digests(folder / command.folder)


@pytest.fixture
def cluster(tmp_path):
    # A dead task manager is noticed by its heartbeat: Flink's own 50 s would be most of a drill.
    settings = Settings(heartbeat_interval=2_000, heartbeat_timeout=20_000)
    with Servers(tmp_path / "servers") as servers:
        cluster = Cluster(servers, tmp_path / "servers", settings)
        cluster.start()
        yield cluster


def begin(inputs: chain.Inputs, output: Path, cluster: Cluster) -> subprocess.Popen:
    output.mkdir(exist_ok=True)
    return chain.start(chain.runs(inputs, output)[0], output, cluster.flags(), output / "log")


def wait_until(process: subprocess.Popen, folder: Path, pattern: str) -> None:
    """Until a stage has left its first file, or the command has ended."""
    end = time.monotonic() + _MOST_SECONDS
    while process.poll() is None and not any(folder.glob(pattern)):
        assert time.monotonic() < end
        time.sleep(0.2)


def finish(process: subprocess.Popen, output: Path) -> None:
    status = process.wait(_MOST_SECONDS)
    assert status == 0, (output / "log").read_text()[-3000:]


@pytest.mark.parametrize("stage", STAGES)
def test_a_task_manager_that_is_killed_leaves_the_result_as_it_is(stage, made, cluster, tmp_path):
    inputs, expected = made
    output = tmp_path / "out"
    process = begin(inputs, output, cluster)
    wait_until(process, output / "c4", STAGES[stage])
    time.sleep(random.Random(stage).random())
    cluster.servers.kill(TASK_MANAGERS[0])
    cluster.start_task_manager(TASK_MANAGERS[0])
    finish(process, output)
    assert chain.differences(chain.digests(output / "c4"), expected) == []


@pytest.mark.parametrize("died", ["job_server", "launcher", "task_managers"])
def test_after_the_death_of_what_a_run_cannot_do_without_the_same_command_continues(died, made, cluster, tmp_path):
    inputs, expected = made
    output = tmp_path / "out"
    process = begin(inputs, output, cluster)
    wait_until(process, output / "c4", STAGES["cleaning"])
    if died == "launcher":
        process.kill()
    elif died == "job_server":
        cluster.servers.kill("job_server")
        assert process.wait(_MOST_SECONDS) != 0
        cluster.start_job_server()
        cluster.servers.wait_for_port("job_server", cluster.job_port, _MOST_SECONDS)
    else:
        for name in TASK_MANAGERS:
            cluster.servers.kill(name)
        process.kill()
        for name in TASK_MANAGERS:
            cluster.start_task_manager(name)
        cluster.wait_for_task_managers(len(TASK_MANAGERS))
    process.wait(_MOST_SECONDS)
    assert not (output / "c4" / "manifest.json").exists()
    finish(begin(inputs, output, cluster), output)
    assert chain.differences(chain.digests(output / "c4"), expected) == []
    assert json.loads((output / "c4" / "manifest.json").read_bytes())["kind"] == "c4"
