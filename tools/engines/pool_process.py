"""Beam's pool of Python workers, for several task managers on one machine.

    python -m tools.engines.pool_process PORT

All task managers number their workers in the same way (`1-1`, `2-1`), and Beam's own pool identifies a worker only by
this number. If it is told to stop a worker of one task manager, it may stop that of another, whose job then fails. This
pool does not stop workers: a worker ends by itself when its task manager closes the connection or dies.
"""

import sys
import threading
from concurrent import futures

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

_THREADS = 8


class Pool(BeamFnExternalWorkerPoolServicer):
    """Starts workers as processes, and stops none."""

    def StopWorker(self, request, context):
        return beam_fn_api_pb2.StopWorkerResponse()


def main() -> None:
    """Serve until the process is killed."""
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(Pool(use_process=True), server)
    server.add_insecure_port(f"localhost:{int(sys.argv[1])}")
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
