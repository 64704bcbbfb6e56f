"""The worker processes of a local run. All of them end with the run, even if it fails.

Beam tells a worker to end only if it has connected. So Beam waits forever for a worker that has not connected when an
exception ends the run, for a process that dies before it connects, and for a worker that still has work to do for a
failed run. The handler in this file replaces Beam's handler.
"""

import contextlib
import os
import shlex
import subprocess
import sys
import threading
import weakref

from apache_beam.portability import python_urns
from apache_beam.portability.api import endpoints_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    BeamFnControlServicer,
    GrpcServer,
    GrpcWorkerHandler,
    StateServicer,
    WorkerHandler,
)
from google.protobuf import json_format, text_format

from pipelines.launch import worker_errors, worker_malloc

COMMAND = f"{shlex.quote(sys.executable)} -m pipelines.launch.local_worker"
# An idle worker ends at once. Killing a worker loses nothing that it has committed.
_SECONDS_TO_END = 10.0
_LOOK_EVERY_SECONDS = 0.5


def use() -> None:
    """Let Beam's local runner use the handler in this file to start and end worker processes."""
    WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(WorkerProcess)


class WorkerProcess(GrpcWorkerHandler):
    """A worker in a separate process. command: the command that starts it."""

    def __init__(
        self, command: bytes, state: StateServicer, provision_info: ExtendedProvisionInfo, grpc_server: GrpcServer
    ) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._command = shlex.split(command.decode())
        self._ends = threading.Event()
        _processes.add(self)

    def start_worker(self) -> None:
        """Start the process, with the environment that Beam's worker reads, and watch it."""
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        environment = {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
            "WORKER_ID": self.worker_id,
        }
        # What the user has set decides over the settings of malloc.
        self._process = subprocess.Popen(self._command, env=worker_malloc.VARIABLES | os.environ | environment)
        threading.Thread(target=self._watch, name="watch_worker", daemon=True).start()

    def _watch(self) -> None:
        """Let the run fail if the process ends before the run. Kill the process if it does not end after the run."""
        while not self._ends.wait(_LOOK_EVERY_SECONDS):
            if self._process.poll() is not None:
                self._fail_waiting_calls()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_END)
        self._process.kill()

    def _fail_waiting_calls(self) -> None:
        gone = RuntimeError(f"{worker_errors.GONE[0]} (exit status {self._process.returncode})")
        self.data_conn._exception = gone
        for future in list(self.control_conn._futures_by_id.values()):
            future.abort(gone)

    def close(self) -> None:
        """Tell all workers of this run to end, and wait until this worker has ended."""
        for worker in list(_processes):
            if worker._grpc_server is self._grpc_server:
                worker._tell_to_end()
        try:
            super().close()
        finally:
            # Closing a connection that broke raises what broke it, before Beam would wait.
            self.stop_worker()

    def _tell_to_end(self) -> None:
        if not self._ends.is_set():
            # A worker that connects later reads this too, and ends.
            self.control_conn.push(BeamFnControlServicer._DONE_MARKER)
            self._ends.set()

    def stop_worker(self) -> None:
        """Wait until the process has ended."""
        self._process.wait()


# All workers, so that those of a run can be told to end at the same time. Beam closes them one after the other.
_processes: "weakref.WeakSet[WorkerProcess]" = weakref.WeakSet()
