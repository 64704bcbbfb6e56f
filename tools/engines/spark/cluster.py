"""A standalone Spark cluster on the loopback interface, with Beam's job server and a pool of Python workers."""

import json
import time
import urllib.request
from pathlib import Path

from tools.engines import fetched, worker_pool
from tools.engines.java import JAVA
from tools.engines.servers import Servers, free_port

WORKERS = ("worker_1", "worker_2")
_HEAP_MEGABYTES = 512
_START_SECONDS = 300
_LOOK_EVERY_SECONDS = 1.0


class Cluster:
    """A master, two workers with one core each, a job server, and a worker pool."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        self.servers, self._folder = servers, folder
        jars = fetched.jars("spark")
        self._classes = f"{jars}/*"
        self._environment = {
            "SPARK_HOME": str(jars.parent),
            "SPARK_SCALA_VERSION": "2.12",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        self.job_port, self._master_port, self._page_port = free_port(), free_port(), free_port()

    @property
    def _master(self) -> str:
        return f"spark://localhost:{self._master_port}"

    def start(self) -> list[str]:
        """Start all processes. Returns: the flags that make a pipeline run on the cluster."""
        ports = ("--port", str(self._master_port), "--webui-port", str(self._page_port))
        self._start_java("master", [], "org.apache.spark.deploy.master.Master", "--host", "localhost", *ports)
        self.servers.wait_for_port("master", self._master_port, _START_SECONDS)
        for name in WORKERS:
            self.start_worker(name)
        self._start_job_server()
        pool_port = worker_pool.start(self.servers)
        self._wait_for_workers(len(WORKERS))
        self.servers.wait_for_port("job_server", self.job_port, _START_SECONDS)
        return worker_pool.flags(self.job_port, pool_port)

    def start_worker(self, name: str) -> None:
        """Start a worker, which starts an executor for each job."""
        flags = ("--host", "localhost", "--cores", "1", "--memory", f"{_HEAP_MEGABYTES}m", "--webui-port", "0")
        work = ("--work-dir", str(self._folder / name))
        self._start_java(name, [], "org.apache.spark.deploy.worker.Worker", *flags, *work, self._master)

    def _start_job_server(self) -> None:
        settings = {
            "spark.executor.memory": f"{_HEAP_MEGABYTES}m",
            "spark.driver.host": "localhost",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.local.dir": str(self._folder / "tmp"),
        }
        properties = [f"-D{name}={value}" for name, value in settings.items()]
        self._start_java(
            "job_server",
            properties,
            "org.apache.beam.runners.spark.SparkJobServerDriver",
            f"--spark-master-url={self._master}",
            "--job-host=localhost",
            f"--job-port={self.job_port}",
            "--artifact-port=0",
            "--expansion-port=0",
            f"--artifacts-dir={self._folder / 'artifacts'}",
        )

    def _start_java(self, name: str, properties: list[str], program: str, *arguments: str) -> None:
        command = [*JAVA, f"-Xmx{_HEAP_MEGABYTES}m", *properties, "-cp", self._classes, program, *arguments]
        self.servers.start(name, command, self._environment)

    def _wait_for_workers(self, count: int) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._num_workers() >= count:
                return
            time.sleep(_LOOK_EVERY_SECONDS)
        raise RuntimeError(f"fewer than {count} workers connected: {self.servers.words(WORKERS[0])}")

    def _num_workers(self) -> int:
        try:
            with urllib.request.urlopen(f"http://localhost:{self._page_port}/json/", timeout=30) as answer:
                return int(json.load(answer)["aliveworkers"])
        except OSError:
            return 0
