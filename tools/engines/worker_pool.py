"""Beam's pool of Python workers, as on the machines of a cluster: `--environment_type=EXTERNAL` asks it for workers."""

import os
import sys

from pipelines.launch import worker_malloc
from tools.engines.servers import Servers, free_port

NAME = "worker_pool"
_START_SECONDS = 300
# Shorter than Flink waits before it restarts a job (`flink/cluster.py`): a restart soon after the death of a Python
# worker is sent to the dead worker.
_WORKERS_STAY_MILLISECONDS = 10_000


def start(servers: Servers) -> int:
    """Start a pool, whose workers run this Python (Beam finds `python` by PATH). Returns: its port."""
    port = free_port()
    command = [sys.executable, "-m", "tools.engines.pool_process", str(port)]
    python_path = os.pathsep.join(path for path in (os.getcwd(), os.environ.get("PYTHONPATH")) if path)
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    servers.start(NAME, command, {"PATH": path, "PYTHONPATH": python_path, **worker_malloc.VARIABLES})
    servers.wait_for_port(NAME, port, _START_SECONDS)
    return port


def flags(job_port: int, pool_port: int) -> list[str]:
    """The flags that make a job server run a pipeline with the workers of a pool."""
    return [
        "--runner=PortableRunner",
        f"--job_endpoint=localhost:{job_port}",
        "--environment_type=EXTERNAL",
        f"--environment_config=localhost:{pool_port}",
        "--shared_paths",
        # Without this, Flink starts a new Python worker for every stage of a job.
        f"--environment_cache_millis={_WORKERS_STAY_MILLISECONDS}",
    ]
