"""Processes of a Flink cluster die or hang while wet_to_c4 runs on it. Run by `make engines`, not by `make test`.

Each drill is repeated at other moments: C4PIPE_DRILLS=3 times, by C4PIPE_DRILL_SEED, which is printed (`pytest -rP`).
If it comes too late to hit the work of a job, it is tried again with a shorter delay, and fails at last.
"""

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tools.engines import chain
from tools.engines.flink.cluster import TASK_MANAGERS, Cluster, Settings
from tools.engines.servers import Servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("C4PIPE_ENGINES"), reason="needs Java and a Flink cluster: make engines"),
]

# What a stage leaves in the output folder when it has begun.
STAGES = {"cleaning": "work/cleaned/*", "finishing": "work/*/finished/*", "writing": "work/*/shards/*"}
TIMES = range(int(os.environ.get("C4PIPE_DRILLS", "3")))
SEED = int(os.environ.get("C4PIPE_DRILL_SEED") or random.SystemRandom().randrange(1 << 32))
_LONGEST_DELAY_SECONDS = 6.0
_MOST_ATTEMPTS = 6
_MOST_SECONDS = 1800
_LOOK_EVERY_SECONDS = 0.2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The inputs, and the local run's files."""
    folder = tmp_path_factory.mktemp("made")
    inputs = chain.make_inputs(folder)
    command = chain.runs(inputs, folder)[0]
    chain.execute(command, folder, [], folder / "log")
    return inputs, chain.digests(folder / command.folder)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("servers")
    # With two slots per task manager, a job goes on when one of them is gone, and two jobs run at the same time.
    # A dead task manager is noticed by its heartbeat: Flink's own 50 s would be most of a drill.
    settings = Settings(heartbeat_interval=2_000, heartbeat_timeout=20_000, slots=2, network_bytes=256 << 20)
    with Servers(folder) as servers:
        cluster = Cluster(servers, folder, settings)
        cluster.start()
        yield cluster


@pytest.fixture
def cluster(running):
    """The cluster, whole again and without jobs after the drill before."""
    mend(running)
    return running


def mend(cluster: Cluster) -> None:
    """Start what was killed, and cancel what still runs."""
    for name in TASK_MANAGERS:
        if not cluster.servers.is_running(name):
            cluster.start_task_manager(name)
    if not cluster.servers.is_running("job_server"):
        start_job_server(cluster)
    cluster.cancel_jobs()
    cluster.wait_for_task_managers(len(TASK_MANAGERS))


def start_job_server(cluster: Cluster) -> None:
    cluster.start_job_server()
    cluster.servers.wait_for_port("job_server", cluster.job_port, _MOST_SECONDS)


def begin(inputs: chain.Inputs, output: Path, cluster: Cluster) -> subprocess.Popen:
    output.mkdir(exist_ok=True)
    return chain.start(chain.runs(inputs, output)[0], output, cluster.flags(), output / "log")


def wait_until(process: subprocess.Popen, is_so: Callable[[], bool], every: float = _LOOK_EVERY_SECONDS) -> None:
    """Until something is so, or the command has ended. every: seconds from one look to the next."""
    end = time.monotonic() + _MOST_SECONDS
    while process.poll() is None and not is_so():
        assert time.monotonic() < end
        time.sleep(every)


def wait_for_stage(process: subprocess.Popen, output: Path, stage: str, repeat: int, longest: float) -> None:
    """Until a random moment, at most `longest` seconds after a stage has left its first file."""
    wait_until(process, lambda: any((output / "c4").glob(STAGES[stage])))
    delay = random.Random(f"{SEED} {stage} {repeat}").uniform(0, longest)
    time.sleep(delay)
    print(f"seed {SEED}: {stage}, {delay:.1f} s after its first file")


def strikes(
    inputs: chain.Inputs, cluster: Cluster, folder: Path, stage: str, repeat: int
) -> Iterator[tuple[subprocess.Popen, Path, list[str]]]:
    """A command, its output folder and its running jobs at a random moment of a stage; sooner with each attempt.

    The caller stops when it has hit work of the jobs. After the last attempt, the test fails.
    """
    for attempt in range(_MOST_ATTEMPTS):
        output = folder / f"out{attempt}"
        process = begin(inputs, output, cluster)
        wait_for_stage(process, output, stage, repeat, _LONGEST_DELAY_SECONDS / 2**attempt)
        if jobs := cluster.running_jobs():
            yield process, output, jobs
        print("that was too late to hit anything")
        finish(process, output)
        mend(cluster)
    pytest.fail("all attempts were too late")


def has_written_since(output: Path, moment: float) -> bool:
    written = (path for files in STAGES.values() for path in (output / "c4").glob(files))
    return any(path.stat().st_mtime > moment for path in written)


def resume(processes: list[psutil.Process]) -> None:
    for hung in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            hung.resume()


def finish(process: subprocess.Popen, output: Path) -> None:
    status = process.wait(_MOST_SECONDS)
    assert status == 0, (output / "log").read_text()[-3000:]


def have_restarted(cluster: Cluster, jobs: list[str]) -> bool:
    """Whether what was killed had work of each job."""
    restarted = [cluster.restarted_tasks(job) for job in jobs]
    print(f"tasks that began more than once, of each job that ran: {restarted}")
    return all(restarted)


def is_as_the_local_run(output: Path, expected: dict[str, str]) -> bool:
    assert chain.differences(chain.digests(output / "c4"), expected) == []
    return json.loads((output / "c4" / "manifest.json").read_bytes())["kind"] == "c4"


@pytest.mark.parametrize("repeat", TIMES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_task_manager_that_is_killed_leaves_the_result_as_it_is(stage, repeat, made, cluster, tmp_path):
    inputs, expected = made
    for process, output, jobs in strikes(inputs, cluster, tmp_path, stage, repeat):
        cluster.servers.kill(TASK_MANAGERS[0])
        finish(process, output)
        assert is_as_the_local_run(output, expected)
        if have_restarted(cluster, jobs):
            break


@pytest.mark.parametrize("repeat", TIMES)
def test_a_job_goes_on_when_all_its_python_workers_are_killed(repeat, made, cluster, tmp_path):
    inputs, expected = made
    for process, output, jobs in strikes(inputs, cluster, tmp_path, "cleaning", repeat):
        workers = cluster.python_workers()
        print(f"{len(workers)} workers are killed")
        for worker in workers:
            worker.kill()
        finish(process, output)
        assert is_as_the_local_run(output, expected)
        if have_restarted(cluster, jobs):
            break


@pytest.mark.parametrize("repeat", TIMES)
@pytest.mark.parametrize("died", ["job_server", "launcher", "task_managers"])
def test_after_the_death_of_what_a_run_cannot_do_without_the_same_command_continues(
    died, repeat, made, cluster, tmp_path
):
    inputs, expected = made
    process, output, _ = next(strikes(inputs, cluster, tmp_path, "cleaning", repeat))
    if died == "launcher":
        process.kill()
    elif died == "job_server":
        cluster.servers.kill("job_server")
        assert process.wait(_MOST_SECONDS) != 0
        start_job_server(cluster)
    else:
        for name in TASK_MANAGERS:
            cluster.servers.kill(name)
        # Flink restarts the job until its attempts are used up; the user need not wait for it.
        process.kill()
        for name in TASK_MANAGERS:
            cluster.start_task_manager(name)
        cluster.wait_for_task_managers(len(TASK_MANAGERS))
    process.wait(_MOST_SECONDS)
    assert not (output / "c4" / "manifest.json").exists()
    cluster.cancel_jobs()
    finish(begin(inputs, output, cluster), output)
    assert is_as_the_local_run(output, expected)


@pytest.mark.parametrize("repeat", TIMES)
def test_a_task_manager_and_its_workers_hang_and_wake_up_while_others_repeat_their_work(
    repeat, made, cluster, tmp_path
):
    """Zombies: what they still write has the same bytes.

    They must wake up, or die: tasks that read from a task manager that hangs wait for it without end.
    """
    inputs, expected = made
    for process, output, jobs in strikes(inputs, cluster, tmp_path, "cleaning", repeat):
        workers = cluster.python_workers_of(TASK_MANAGERS[0])
        hanging = [cluster.servers.process(TASK_MANAGERS[0]), *workers]
        print(f"{len(hanging)} processes hang")
        for hung in hanging:
            hung.suspend()
        try:
            # Each look is a request for each of a job's 62 steps, which keeps Flink's job manager busy.
            wait_until(process, lambda jobs=jobs: any(cluster.restarted_tasks(job) for job in jobs), every=2.0)
        finally:
            resume(hanging)
        finish(process, output)
        time.sleep(_LONGEST_DELAY_SECONDS)
        assert is_as_the_local_run(output, expected)
        cluster.servers.kill(TASK_MANAGERS[0])
        if workers and have_restarted(cluster, jobs):
            break


@pytest.mark.parametrize("repeat", TIMES)
def test_two_jobs_that_do_the_same_work_at_the_same_time_leave_the_result_as_it_is(repeat, made, cluster, tmp_path):
    """The launcher is killed, its job is not cancelled, and the same command is given again.

    The workers of the first job hang until the second job has written a file.
    """
    inputs, expected = made
    process, output, _ = next(strikes(inputs, cluster, tmp_path, "cleaning", repeat))
    hanging = cluster.python_workers()
    for hung in hanging:
        hung.suspend()
    try:
        process.kill()
        process.wait(_MOST_SECONDS)
        assert len(cluster.running_jobs()) == 1
        begun = time.time()
        again = begin(inputs, output, cluster)
        wait_until(again, lambda: has_written_since(output, begun))
        assert len(cluster.running_jobs()) == 2
    finally:
        resume(hanging)
    finish(again, output)
    assert is_as_the_local_run(output, expected)
