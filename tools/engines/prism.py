"""Prism, Beam's single-process runner, with a worker pool."""

from tools.engines import fetched, worker_pool
from tools.engines.servers import Servers, free_port

_START_SECONDS = 120


def start(servers: Servers) -> list[str]:
    """Start Prism. Returns: the flags that make a pipeline run on it."""
    port = free_port()
    servers.start("prism", [str(fetched.prism()), f"-job_port={port}", "-serve_http=false"])
    servers.wait_for_port("prism", port, _START_SECONDS)
    return worker_pool.flags(port, worker_pool.start(servers))
