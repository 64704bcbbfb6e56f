"""Prism, Beam's runner of one process, beside its worker pool."""

from tools.engines import fetched, worker_pool
from tools.engines.servers import Servers, free_port

_START_SECONDS = 120


def start(servers: Servers) -> list[str]:
    """Bring it up; the flags that have a pipeline run on it."""
    port = free_port()
    servers.start("prism", [str(fetched.prism()), f"-job_port={port}", "-serve_http=false"])
    servers.wait_for_port("prism", port, _START_SECONDS)
    return worker_pool.flags(port, worker_pool.start(servers))
