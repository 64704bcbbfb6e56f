"""A Flink session cluster on the loopback interface, with Beam's job server and a pool of Python workers."""

import json
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.engines import fetched, worker_pool
from tools.engines.java import JAVA
from tools.engines.servers import Servers, free_port

TASK_MANAGERS = ("task_manager_1", "task_manager_2")
_START_SECONDS = 600
_LOOK_EVERY_SECONDS = 1.0
_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_JOB_SERVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
# Flink's own start scripts compute the sizes of memory; here they are given. By default, each of the many exchanges in
# a job from Beam takes 512 network buffers, so that a job of 82 tasks fails with 64 MiB of buffers. Blobs are the
# classes of the job server, which every job sends to every task manager.
_SETTINGS = """
jobmanager.rpc.address: localhost
jobmanager.rpc.port: {rpc_port}
jobmanager.bind-host: localhost
rest.address: localhost
rest.bind-address: localhost
rest.port: {rest_port}
rest.bind-port: {rest_port}
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: 1.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.managed.size: {managed_bytes}b
taskmanager.memory.segment-size: {segment_bytes}b
taskmanager.memory.network.min: {network_bytes}b
taskmanager.memory.network.max: {network_bytes}b
taskmanager.network.sort-shuffle.min-buffers: 32
blob.service.cleanup.interval: 30
parallelism.default: 2
cluster.evenly-spread-out-slots: true
classloader.resolve-order: parent-first
pekko.ask.timeout: 120 s
heartbeat.interval: {heartbeat_interval}
heartbeat.timeout: {heartbeat_timeout}
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: {restarts}
restart-strategy.fixed-delay.delay: 15 s
io.tmp.dirs: {temporary}
"""


@dataclass(frozen=True)
class Settings:
    """heap_megabytes: per Java process. managed_bytes, network_bytes: of a task manager, to sort and to exchange data.

    segment_bytes: of a piece of these. heartbeat_interval, heartbeat_timeout: in milliseconds.
    slots: per task manager.
    """

    heap_megabytes: int = 512
    managed_bytes: int = 128 << 20
    network_bytes: int = 128 << 20
    segment_bytes: int = 32 << 10
    restarts: int = 10
    heartbeat_interval: int = 5_000
    heartbeat_timeout: int = 60_000
    slots: int = 1


class Cluster:
    """A job manager, two task managers with one slot each, a job server, and a worker pool."""

    def __init__(self, servers: Servers, folder: Path, settings: Settings | None = None) -> None:
        self.servers, self._folder, self._settings = servers, folder, settings or Settings()
        # Every job sends the class path of the job server to the cluster, which takes 0.1 s per jar: so it is one jar.
        self._classes, self._job_server = f"{fetched.jars('flink')}/*", str(fetched.job_server("flink"))
        self.rest_port, self.job_port, self.pool_port = free_port(), free_port(), 0
        configuration = folder / "conf"
        for made in (configuration, folder / "tmp"):
            made.mkdir(parents=True, exist_ok=True)
        (configuration / "flink-conf.yaml").write_text(
            _SETTINGS.format(
                rpc_port=free_port(), rest_port=self.rest_port, temporary=folder / "tmp", **vars(self._settings)
            )
        )

    def start(self) -> list[str]:
        """Start all processes. Returns: the flags that make a pipeline run on the cluster."""
        self._start_java(
            "job_manager", self._classes, _JOB_MANAGER, "--executionMode", "cluster", "--configDir", "conf"
        )
        for name in TASK_MANAGERS:
            self.start_task_manager(name)
        self.start_job_server()
        self.pool_port = worker_pool.start(self.servers)
        self.servers.wait_for_port("job_manager", self.rest_port, _START_SECONDS)
        self.wait_for_task_managers(len(TASK_MANAGERS))
        self.servers.wait_for_port("job_server", self.job_port, _START_SECONDS)
        return self.flags()

    def flags(self) -> list[str]:
        """The flags for a pipeline. They use both slots; the job server would use only one by default."""
        return [*worker_pool.flags(self.job_port, self.pool_port), "--parallelism=2"]

    def start_task_manager(self, name: str) -> None:
        self._start_java(name, self._classes, _TASK_MANAGER, "--configDir", "conf")

    def start_job_server(self) -> None:
        self._start_java(
            "job_server",
            self._job_server,
            _JOB_SERVER,
            f"--flink-master=localhost:{self.rest_port}",
            "--job-host=localhost",
            f"--job-port={self.job_port}",
            "--artifact-port=0",
            "--expansion-port=0",
            f"--artifacts-dir={self._folder / 'artifacts'}",
        )

    def _start_java(self, name: str, classes: str, program: str, *arguments: str) -> None:
        heap = f"-Xmx{self._settings.heap_megabytes}m"
        self.servers.start(name, [*JAVA, heap, "-cp", classes, program, *arguments])

    def wait_for_task_managers(self, count: int) -> None:
        """Wait for task managers. Raises: RuntimeError if fewer than `count` have connected after some minutes."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if len(self.ask("taskmanagers").get("taskmanagers", ())) >= count:
                return
            time.sleep(_LOOK_EVERY_SECONDS)
        raise RuntimeError(f"fewer than {count} task managers connected: {self.servers.words(TASK_MANAGERS[0])}")

    def jobs(self) -> list[str]:
        """The ids of all jobs, also of those that have ended."""
        return [job["id"] for job in self.ask("jobs").get("jobs", ())]

    def restarted_tasks(self, job: str) -> int:
        """The number of tasks of a job that began more than once."""
        names = [vertex["id"] for vertex in self.ask(f"jobs/{job}").get("vertices", ())]
        vertices = [self.ask(f"jobs/{job}/vertices/{name}") for name in names]
        return sum(task["attempt"] > 0 for vertex in vertices for task in vertex.get("subtasks", ()))

    def running_jobs(self) -> list[str]:
        """The ids of the jobs that have not ended."""
        ended = ("FINISHED", "FAILED", "CANCELED")
        return [job["id"] for job in self.ask("jobs").get("jobs", ()) if job["status"] not in ended]

    def cancel_jobs(self) -> None:
        """Cancel all jobs, and wait for their end. Raises: RuntimeError if one has not ended after some minutes."""
        end = time.monotonic() + _START_SECONDS
        while jobs := self.running_jobs():
            if time.monotonic() > end:
                raise RuntimeError(f"{len(jobs)} jobs were cancelled and have not ended")
            for job in jobs:
                self.ask(f"jobs/{job}", "PATCH")
            time.sleep(_LOOK_EVERY_SECONDS)

    def shuffled_bytes(self) -> int:
        """The bytes that the tasks of all jobs sent to each other."""
        jobs = [self.ask(f"jobs/{job}") for job in self.jobs()]
        return sum(vertex["metrics"]["write-bytes"] for job in jobs for vertex in job.get("vertices", ()))

    def python_workers(self) -> list[psutil.Process]:
        """The Python workers that the pool has started."""
        return self.servers.process(worker_pool.NAME).children()

    def python_workers_of(self, task_manager: str) -> list[psutil.Process]:
        """The Python workers that are connected to a task manager."""
        sockets = self.servers.process(task_manager).net_connections("tcp")
        ports = {socket.laddr.port for socket in sockets if socket.status == psutil.CONN_LISTEN}
        return [
            worker
            for worker in self.python_workers()
            if any(socket.raddr and socket.raddr.port in ports for socket in worker.net_connections("tcp"))
        ]

    def ask(self, question: str, method: str = "GET") -> dict:
        """The answer of Flink's REST interface; empty if it does not answer yet."""
        request = urllib.request.Request(f"http://localhost:{self.rest_port}/{question}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except OSError:
            return {}
