"""A simulation of object storage for benchmarks and tests: serves a folder over HTTP, with a delay before each answer.

`python benchmarks/slow_server.py FOLDER --delay_seconds=0.05` serves until it is interrupted.
"""

import argparse
import http.server
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path


class SlowServer(http.server.ThreadingHTTPServer):
    """Serves the files of a folder, each request after `delay_seconds`.

    answer: may be replaced by a function (path, bytes) -> (status, bytes) that throttles, cuts or changes files.
    requests: path -> number of requests.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, folder: Path, delay_seconds: float = 0.05) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.delay_seconds = folder, delay_seconds
        self.answer: Callable[[str, bytes], tuple[int, bytes]] = lambda path, content: (200, content)
        self.requests: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "SlowServer":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def handle_error(self, *_: object) -> None:
        """Print nothing: a client that closes the connection is not an error."""

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SlowServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        time.sleep(self.server.delay_seconds)
        path = self.server.folder / self.path.lstrip("/")
        name = self.path.lstrip("/")
        self.server.requests[name] = self.server.requests.get(name, 0) + 1
        if not path.is_file():
            return self._send(404, b"")
        status, content = self.server.answer(name, path.read_bytes())
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part and status == 200:
            start, stop = int(part[1]), int(part[2] or len(content) - 1) + 1
            return self._send(206, content[start:stop], f"bytes {start}-{stop - 1}/{len(content)}")
        self._send(status, content)

    def _send(self, status: int, content: bytes, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay_seconds", type=float, default=0.05)
    arguments = parser.parse_args()
    with SlowServer(arguments.folder, arguments.delay_seconds) as server:
        print(server.url, flush=True)
        threading.Event().wait()
