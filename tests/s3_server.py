"""moto's S3 server as a process of its own, so that it can be killed, and so that several processes share it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tools.engines.servers import free_port

BUCKET = "c4pipe-test"
_START_SECONDS = 600


class S3:
    """A running server. environment: what s3fs, boto3 and so Beam need to find it."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with open(log, "wb") as target:
            self.process = subprocess.Popen(command, stdout=target, stderr=subprocess.STDOUT)

    def wait(self, file_system: Any) -> None:
        """Wait until the server answers."""
        end = time.monotonic() + _START_SECONDS
        while True:
            with suppress(Exception):
                file_system.ls("")
                return
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < end
            time.sleep(0.2)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(folder: Path) -> Iterator[tuple[S3, Any]]:
    """(a server with an empty bucket, a file system of it as another process has one).

    This process and the processes that it starts use the server too.
    """
    import fsspec

    server = S3(folder / "s3.log")
    kind = fsspec.get_filesystem_class("s3")
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in server.environment.items():
                patch.setenv(name, value)
            kind.clear_instance_cache()
            file_system = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
            server.wait(file_system)
            file_system.mkdir(BUCKET)
            yield server, file_system
    finally:
        kind.clear_instance_cache()
        server.stop()


def digests(file_system: Any, url: str, folder: Path) -> dict[str, str]:
    """As `chain.digests`, of a folder at a URL, which is copied to a new local folder."""
    from tools.engines import chain

    file_system.get(f"{url}/", f"{folder}{os.sep}", recursive=True)
    return chain.digests(folder)
