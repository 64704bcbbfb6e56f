"""crawl_to_wet with a server that throttles, breaks connections, sends wrong lengths and sends garbage."""

import gzip
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import files
from pipelines import crawl_to_wet
from pipelines.jobs import downloads

CRAWL = "CC-MAIN-2019-18"
LIST = f"/crawl-data/{CRAWL}/wet.paths.gz"


def wet_bytes(number: int) -> bytes:
    chance = random.Random(number)
    return b"".join(gzip.compress(b"WARC/1.0\r\n" + chance.randbytes(40_000), mtime=0) for _ in range(8))


class Server:
    """Serves some WET files, and misbehaves as `tricks` says: a trick handles a request and returns True, or passes."""

    def __init__(self) -> None:
        self.files = {f"/crawl-data/{CRAWL}/segments/1/wet/part-{n:05d}.warc.wet.gz": wet_bytes(n) for n in range(4)}
        self.listed = [path.lstrip("/") for path in self.files]
        self.tricks = []
        self.requests: list[tuple[str, str, str]] = []
        self.counts: Counter = Counter()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def body(self, path: str) -> bytes | None:
        if path == LIST:
            return gzip.compress("\n".join(self.listed).encode(), mtime=0)
        return self.files.get(path)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append((request.command, request.path, request.headers.get("Range", "")))
        self.counts[request.path] += 1
        if request.command == "GET" and any(trick(request, self.counts[request.path]) for trick in self.tricks):
            return
        body = self.body(request.path)
        if body is None:
            return self.send(request, 404, b"")
        start = int((request.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        if start >= len(body):
            return self.send(request, 416, b"", {"Content-Range": f"bytes */{len(body)}"})
        if start:
            headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            return self.send(request, 206, body[start:], headers)
        self.send(request, 200, body)

    def send(self, request, status: int, body: bytes, headers: dict | None = None, length: int | None = None) -> None:
        request.send_response(status)
        for name, value in {"ETag": '"1"', **(headers or {})}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)
        if length is not None:
            request.close_connection = True


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def arguments(server: Server, output: Path | str, *more: str) -> list[str]:
    return [f"--crawl={CRAWL}", f"--output={output}", f"--base_url={server.url}", "--retry_seconds=0.02", *more]


def assert_whole(server: Server, output: Path, number: int = 4) -> None:
    names = sorted(path.name for path in output.glob("*.gz"))
    assert names == sorted(path.rsplit("/", 1)[1] for path in list(server.files)[:number])
    for path, body in list(server.files.items())[:number]:
        assert (output / path.rsplit("/", 1)[1]).read_bytes() == body


def is_wet(request) -> bool:
    return request.path.endswith(".wet.gz")


def test_downloads_the_range_asked_for_and_a_second_run_fetches_what_is_missing(server, tmp_path, capsys):
    assert crawl_to_wet.main(arguments(server, tmp_path, "--num_files=2")) == 0
    assert_whole(server, tmp_path, 2)
    before = len([r for r in server.requests if r[0] == "GET"])
    assert crawl_to_wet.main(arguments(server, tmp_path, "--num_files=4")) == 0
    assert_whole(server, tmp_path, 4)
    assert len([r for r in server.requests if r[0] == "GET"]) == before + 2  # neither the list nor the first two
    assert crawl_to_wet.main(arguments(server, tmp_path, "--num_files=4")) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_throttling_is_waited_out(server, tmp_path):
    statuses = [503, 429, 403, 500, 503, 403]

    def throttle(request, count):
        if is_wet(request) and count <= len(statuses):
            server.send(request, statuses[count - 1], b"slow down", {"Retry-After": "0"})
            return True

    server.tricks.append(throttle)
    assert crawl_to_wet.main(arguments(server, tmp_path)) == 0
    assert_whole(server, tmp_path)


def test_retry_after_is_kept(server, tmp_path):
    def throttle(request, count):
        if is_wet(request) and count == 1 + first_head:
            server.send(request, 503, b"", {"Retry-After": "1"})
            return True

    first_head = 1  # the size of the first file is asked for before
    server.tricks.append(throttle)
    start = time.monotonic()
    assert crawl_to_wet.main(arguments(server, tmp_path, "--num_files=1")) == 0
    assert time.monotonic() - start >= 1.0
    assert_whole(server, tmp_path, 1)


def test_a_download_continues_after_a_broken_connection(server, tmp_path):
    def cut(request, count):
        if is_wet(request) and not request.headers.get("Range"):
            body = server.body(request.path)
            server.send(request, 200, body[:100_000], length=len(body))
            return True

    server.tricks.append(cut)
    assert crawl_to_wet.main(arguments(server, tmp_path)) == 0
    assert_whole(server, tmp_path)
    assert {r[2] for r in server.requests if r[0] == "GET" and r[2]} == {"bytes=100000-"}


def test_a_wrong_length_is_noticed(server, tmp_path):
    def too_short(request, count):
        if is_wet(request) and count <= 2:
            body = server.body(request.path)
            server.send(request, 200, body[:70_000])  # the length is that of the part: the file looks whole
            return True

    server.tricks.append(too_short)
    assert crawl_to_wet.main(arguments(server, tmp_path)) == 0
    assert_whole(server, tmp_path)


def test_garbage_is_fetched_again_and_then_given_up_by_name(server, tmp_path):
    bad = list(server.files)[1]

    def garbage(request, count):
        if request.path == bad:
            server.send(request, 200, b"<html>Sorry</html>" * 1000)
            return True

    server.tricks.append(garbage)
    with pytest.raises(UserError, match=r"part-00001.* damaged 5 times"):
        crawl_to_wet.main(arguments(server, tmp_path))
    assert {path.name[5:10] for path in tmp_path.glob("*.gz")} == {"00000", "00002", "00003"}
    server.tricks.clear()
    assert crawl_to_wet.main(arguments(server, tmp_path)) == 0
    assert_whole(server, tmp_path)


def test_a_range_that_is_not_the_one_asked_for_starts_the_file_over(server, tmp_path):
    def wrong_range(request, count):
        body = server.body(request.path)
        if is_wet(request) and request.headers.get("Range") and count < 4:
            server.send(request, 206, body[:10], {"Content-Range": f"bytes 0-9/{len(body)}"})
            return True
        if is_wet(request) and count == 1:
            server.send(request, 200, body[:100_000], length=len(body))
            return True

    server.tricks.append(wrong_range)
    assert crawl_to_wet.main(arguments(server, tmp_path)) == 0
    assert_whole(server, tmp_path)


def test_a_redirect_to_another_host_is_refused(server, tmp_path):
    def redirect(request, count):
        if is_wet(request):
            server.send(request, 302, b"", {"Location": "http://127.0.0.2:1/evil.gz"})
            return True

    server.tricks.append(redirect)
    with pytest.raises(UserError, match="neither the same host nor Common Crawl's"):
        crawl_to_wet.main(arguments(server, tmp_path, "--num_files=1"))
    assert not list(tmp_path.glob("*.gz"))


def test_a_list_that_climbs_out_downloads_nothing(server, tmp_path):
    server.listed.append("../../outside.wet.gz")
    with pytest.raises(UserError, match="could leave the output folder"):
        crawl_to_wet.main(arguments(server, tmp_path / "out"))
    assert not list(tmp_path.rglob("*.wet.gz"))


def test_a_crawl_that_is_not_there_is_one_line(server, tmp_path):
    command = [sys.executable, "-m", "pipelines.crawl_to_wet", "--crawl=CC-MAIN-1999-01", f"--output={tmp_path}"]
    result = subprocess.run([*command, f"--base_url={server.url}"], capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "404" in result.stderr


def test_a_full_disk_is_seen_before_anything_is_downloaded(server, tmp_path, monkeypatch):
    real = os.statvfs

    class Full:
        f_bavail = f_blocks = f_bfree = 10
        f_frsize = 1

    monkeypatch.setattr(os, "statvfs", lambda path: Full if Path(path) == tmp_path else real(path))
    with pytest.raises(UserError, match="free"):
        crawl_to_wet.main(arguments(server, tmp_path))
    assert not list(tmp_path.glob("*.gz"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_killed_in_the_middle_of_a_file_continues(server, tmp_path, number):
    slow = threading.Event()

    def dribble(request, count):
        if is_wet(request) and not slow.is_set() and request.path.endswith("00002.warc.wet.gz"):
            body = server.body(request.path)
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.send_header("ETag", '"1"')
            request.end_headers()
            request.wfile.write(body[:300_000])
            request.wfile.flush()
            slow.wait(3600)
            return True

    server.tricks.append(dribble)
    command = [sys.executable, "-m", "pipelines.crawl_to_wet", *arguments(server, tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    partial = tmp_path / ".incomplete" / "part-00002.warc.wet.gz"
    deadline = time.monotonic() + 600
    while not (partial.exists() and partial.stat().st_size >= 200_000 and len(list(tmp_path.glob("*.gz"))) == 3):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    if number == signal.SIGINT:
        slow.set()
    _, complaint = process.communicate(timeout=600)
    slow.set()
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert "Traceback" not in complaint
    assert not (tmp_path / "part-00002.warc.wet.gz").exists()
    server.requests.clear()
    assert crawl_to_wet.main(arguments(server, tmp_path)) == 0
    assert_whole(server, tmp_path)
    fetched = [r for r in server.requests if r[0] == "GET"]
    assert len(fetched) == 1 and fetched[0][2].startswith("bytes=")


def test_a_second_download_into_the_folder_ends_with_one_line(server, tmp_path):
    slow = threading.Event()

    def wait(request, count):
        if is_wet(request) and request.command == "GET" and not slow.is_set():
            slow.wait(3600)
        return False

    server.tricks.append(wait)
    command = [sys.executable, "-m", "pipelines.crawl_to_wet", *arguments(server, tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 600
        while not (tmp_path / ".lists").exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        with pytest.raises(UserError, match=f"in use by crawl_to_wet, process {process.pid} on "):
            crawl_to_wet.main(arguments(server, tmp_path))
    finally:
        slow.set()
        process.communicate(timeout=600)
    assert process.returncode == 0
    assert_whole(server, tmp_path)
    assert not (tmp_path / ".incomplete").exists()


def test_partial_files_of_others_are_not_touched(server, tmp_path):
    (tmp_path / ".incomplete").mkdir()
    (tmp_path / ".incomplete" / "part-00000.warc.wet.gz").write_text("mine")
    with pytest.raises(UserError, match=r"\.incomplete is not a work folder"):
        crawl_to_wet.main(arguments(server, tmp_path))
    assert (tmp_path / ".incomplete" / "part-00000.warc.wet.gz").read_text() == "mine"


def test_a_url_gets_whole_files_also_those_that_a_killed_run_had_only_downloaded(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("C4PIPE_CACHE", str(tmp_path / "cache"))
    output = "memory://crawl-to-wet"
    local = downloads.local_folder(output)
    assert crawl_to_wet.main(arguments(server, local, "--num_files=2")) == 0
    assert crawl_to_wet.main(arguments(server, output)) == 0
    for path, body in server.files.items():
        name = path.rsplit("/", 1)[1]
        assert files.read_bytes(f"{output}/{name}") == body
        assert not os.path.exists(os.path.join(local, name))
        assert [command for command, asked, _ in server.requests if asked == path].count("GET") == 1
    assert sorted(files.list_folder(output)) == sorted(path.rsplit("/", 1)[1] for path in server.files)
    assert crawl_to_wet.main(arguments(server, output)) == 0
    assert "nothing to do" in capsys.readouterr().out
