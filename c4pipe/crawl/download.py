"""Downloads a file: continues after broken connections, checks the whole file, and only then gives it its name."""

import contextlib
import gzip
import os
import threading
import zlib
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from c4pipe.crawl.politeness import PASSING_STATUSES, Backoff, RetryGate
from c4pipe.errors import UserError
from c4pipe.machine import free_bytes

PARTIAL_FOLDER = ".incomplete"
_BLOCK_BYTES = 1 << 16
_MAX_REDIRECTS = 5
_MAX_DAMAGED = 5
_TIMEOUT_SECONDS = (20.0, 60.0)
_COMMON_CRAWL = (".commoncrawl.org", ".commoncrawl.s3.amazonaws.com")


class Failed(Exception):
    """This file cannot be downloaded; the message says why. The download of other files continues."""


class Stopped(Exception):
    """The run is stopping."""


class Downloader:
    """Downloads files over one session's connections.

    on_bytes(n): called for every block that is kept, and with a negative n if a damaged part is thrown away.
    on_wait(reason): called before each wait. Both may be called from several threads.
    """

    def __init__(
        self,
        output: str,
        *,
        backoff: Backoff,
        gate: RetryGate,
        stopping: threading.Event,
        on_bytes: Callable[[int], None] = lambda count: None,
        on_wait: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._output = output
        self._backoff = backoff
        self._gate = gate
        self._stopping = stopping
        self._on_bytes = on_bytes
        self._on_wait = on_wait
        self._local = threading.local()
        self._reading: set[requests.Response] = set()
        os.makedirs(os.path.join(output, PARTIAL_FOLDER), exist_ok=True)

    def fetch(self, url: str, name: str) -> str:
        """Download `url` to `output/name` and return the path. An existing file is not downloaded again.

        Raises: Failed if the file cannot be downloaded, Stopped if the run ends first.
        """
        path = os.path.join(self._output, name)
        if os.path.exists(path):
            return path
        partial = _Partial(os.path.join(self._output, PARTIAL_FOLDER, name))
        self._on_bytes(partial.size())
        failures = damaged = 0
        while True:
            try:
                self._continue(url, partial)
                check_gzip(partial.path)
                os.replace(partial.path, path)
                partial.forget()
                return path
            except _Passing as reason:
                # After progress the waits start from the beginning: if a connection breaks after every 100 MB, longer
                # waits do not help.
                failures = 1 if reason.made_progress else failures + 1
                wait = self._backoff.wait_seconds(failures, reason.retry_after)
                self._on_wait(f"{name}: {reason}; next try in {wait:.0f} s")
            except Damaged as reason:
                self._on_bytes(-partial.size())
                partial.forget()
                damaged += 1
                if damaged >= _MAX_DAMAGED:
                    raise Failed(f"{name} came damaged {damaged} times ({reason})") from reason
                wait = self._backoff.wait_seconds(damaged)
                self._on_wait(f"{name}: {reason}; fetched again in {wait:.0f} s")
            self._gate.wait(wait)
            if self._stopping.is_set():
                raise Stopped

    def size(self, url: str) -> int | None:
        """The size of a file in bytes, by a HEAD request; None if the server does not tell."""
        try:
            with self._open(url, {}, method="HEAD") as response:
                length = response.headers.get("Content-Length", "")
                return int(length) if response.status_code == 200 and length.isdigit() else None
        except (_Passing, Failed):
            return None

    def abort(self) -> None:
        """Wake the threads that wait for bytes, because the run is stopping."""
        for response in list(self._reading):
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                response.raw.shutdown()

    def _continue(self, url: str, partial: "_Partial") -> None:
        """Fetch the missing rest of a partial file. Raises: _Passing, Damaged, Failed, Stopped."""
        start = partial.size()
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if partial.etag():
                headers["If-Range"] = partial.etag()
        with self._open(url, headers) as response:
            if response.status_code == 416:
                if response.headers.get("Content-Range", "") == f"bytes */{start}":
                    return
                raise Damaged(f"the server has no bytes after {start}")
            if response.status_code == 206:
                begin, total = _content_range(response.headers.get("Content-Range", ""))
                if begin != start:
                    raise Damaged(f"asked for bytes from {start}, the server sent those from {begin}")
            else:
                self._on_bytes(-start)
                start = 0
                length = response.headers.get("Content-Length", "")
                total = int(length) if length.isdigit() else None
            partial.remember(response.headers.get("ETag", ""))
            self._reading.add(response)
            try:
                self._append(response, partial, start, total)
            finally:
                self._reading.discard(response)

    def _append(self, response: requests.Response, partial: "_Partial", start: int, total: int | None) -> None:
        _look_for_space(partial.path, 0 if total is None else total - start)
        size = start
        # A body that is too short is handled below: urllib3's own check would throw the last block away.
        response.raw.enforce_content_length = False
        try:
            with open(partial.path, "r+b" if start else "wb") as target:
                target.seek(start)
                while block := response.raw.read(_BLOCK_BYTES, decode_content=False):
                    target.write(block)
                    size += len(block)
                    self._on_bytes(len(block))
                    if self._stopping.is_set():
                        raise Stopped
                target.flush()
                os.fsync(target.fileno())
        except urllib3.exceptions.HTTPError as error:
            raise _Passing(f"the connection broke at byte {size}", made_progress=size > start) from error
        if total is not None and size < total:
            raise _Passing(f"the connection ended at byte {size} of {total}", made_progress=size > start)
        if total is not None and size > total:
            raise Damaged(f"{size} bytes came, but {total} were announced")

    def _open(self, url: str, headers: dict[str, str], method: str = "GET") -> requests.Response:
        """A response with status 200, 206 or 416. Follows redirects itself, because not all are allowed."""
        for _ in range(_MAX_REDIRECTS):
            try:
                response = self._session().request(
                    method, url, headers=headers, stream=True, allow_redirects=False, timeout=_TIMEOUT_SECONDS
                )
            except requests.RequestException as error:
                raise _Passing(f"no answer ({type(error).__name__})") from error
            if not response.is_redirect:
                break
            target = urljoin(url, response.headers["Location"])
            response.close()
            if not may_redirect(url, target):
                raise Failed(f"{url} redirects to {target}, which is neither the same host nor Common Crawl's")
            url = target
        else:
            raise Failed(f"{url} redirects more than {_MAX_REDIRECTS} times")
        if response.status_code in (200, 206, 416):
            return response
        response.close()
        if response.status_code in PASSING_STATUSES:
            raise _Passing(f"the server answers {response.status_code}", response.headers.get("Retry-After"))
        raise Failed(f"{url} answers {response.status_code} {response.reason}")

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        return self._local.session


class Damaged(Exception):
    """The received bytes are not the file, and are thrown away."""


class _Passing(Exception):
    """A temporary failure: wait and continue."""

    def __init__(self, message: str, retry_after: str | None = None, made_progress: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.made_progress = made_progress


class _Partial:
    """The part of a file that was downloaded so far, and the ETag of its version."""

    def __init__(self, path: str) -> None:
        self.path = path

    def size(self) -> int:
        return os.path.getsize(self.path) if os.path.exists(self.path) else 0

    def etag(self) -> str:
        try:
            with open(self.path + ".etag", encoding="latin-1") as source:
                return source.read()
        except FileNotFoundError:
            return ""

    def remember(self, etag: str) -> None:
        # A weak ETag is not allowed in If-Range (RFC 9110, 13.1.5).
        with open(self.path + ".etag", "w", encoding="latin-1") as target:
            target.write("" if etag.startswith("W/") else etag)

    def forget(self) -> None:
        for path in (self.path, self.path + ".etag"):
            if os.path.exists(path):
                os.remove(path)


def may_redirect(source: str, target: str) -> bool:
    """Whether a redirect may be followed: only to the same scheme and host, or to Common Crawl by https.

    >>> may_redirect("http://a.org/x", "http://a.org/y"), may_redirect("https://a.org/x", "http://a.org/x")
    (True, False)
    >>> may_redirect("https://a.org/x", "https://data.commoncrawl.org/x")
    True
    """
    here, there = urlsplit(source), urlsplit(target)
    if (here.scheme, here.netloc) == (there.scheme, there.netloc):
        return True
    host = f".{there.hostname or ''}"
    return there.scheme == "https" and there.port in (None, 443) and host.endswith(_COMMON_CRAWL)


def check_gzip(path: str) -> None:
    """Read all members of a gzip file to the end. Raises: Damaged."""
    try:
        with gzip.open(path, "rb") as source:
            while source.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(f"it is not a complete gzip file ({error})") from error


def _content_range(value: str) -> tuple[int, int | None]:
    """
    >>> _content_range("bytes 100-199/1000"), _content_range("bytes 5-9/*")
    ((100, 1000), (5, None))
    """
    try:
        unit, positions = value.split(" ", 1)
        span, total = positions.split("/", 1)
        begin = int(span.split("-", 1)[0])
        if unit != "bytes":
            raise ValueError(unit)
        return begin, None if total == "*" else int(total)
    except ValueError as error:
        raise Damaged(f"the server sent an invalid Content-Range: {value!r}") from error


def _look_for_space(path: str, needed: int) -> None:
    free = free_bytes(os.path.dirname(path))
    if free < needed:
        raise UserError(
            f"{os.path.dirname(os.path.dirname(path))} has {free / 1e6:,.0f} MB free, "
            f"the next file needs {needed / 1e6:,.0f} MB; make space and run the same command again"
        )
