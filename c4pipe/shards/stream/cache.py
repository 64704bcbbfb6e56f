"""Gives local files of shards: checks local shards; downloads and checks remote ones, and keeps them in a cache."""

import contextlib
import os
import random
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from c4pipe import machine
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.manifest import Shard
from c4pipe.shards.stream.choices import DEFAULT_CACHE_BYTES

FETCH_THREADS = 16
ATTEMPTS = 8
DAMAGED_ATTEMPTS = 3  # a file that arrives damaged three times is damaged at its source
FIRST_WAIT_SECONDS = 0.25
MAX_WAIT_SECONDS = 15.0
LEFTOVER_SECONDS = 6 * 3600


class BadShard(UserError):
    """A shard is missing, or differs from the manifest."""


def default_folder() -> str:
    """The folder of downloaded shards: `shards` in the cache folder (see `machine.cache_folder`)."""
    return os.path.join(machine.cache_folder(), "shards")


class ShardCache:
    """Gives local paths of shards whose size and SHA-256 are those of the manifest.

    Downloaded files are named by their digest, so that processes, runs and folders share them. One process downloads a
    file while the others wait for it. Each process checks the digest of a file before it first uses it, and again if
    the file has changed since. When space is needed, the least recently used files are removed, never those in use.
    """

    def __init__(self, folder: str | None = None, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._folder = folder or default_folder()
        self._max_bytes = max_bytes
        _remove_leftovers(self._folder)
        self._pool = ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="fetch")
        self._lock = threading.Lock()
        self._futures: dict[str, Future[str]] = {}
        self._in_use: dict[str, Shard] = {}  # remote shards requested and not released
        self._checked: set[tuple[str, int, int]] = set()
        self._closed = threading.Event()

    def request(self, path: str, shard: Shard) -> "Future[str]":
        """A future for the local path of a shard, which is downloaded and checked in the background.

        The future may raise BadShard. The request is remembered, and the file is kept, until `release`.
        """
        with self._lock:
            if path not in self._futures:
                self._take_space(path, shard)
                self._futures[path] = self._pool.submit(self._bring, path, shard)
            return self._futures[path]

    def prefetch(self, path: str, shard: Shard) -> None:
        """Request a shard that is needed later, if the cache has room for it beside the shards that are needed now."""
        with contextlib.suppress(UserError):
            self.request(path, shard)

    def request_again(self, path: str, shard: Shard) -> "Future[str]":
        """Request a shard whose local file was removed after it was brought. Several threads may ask at a time."""
        with self._lock:
            if path in self._futures and self._futures[path].done():  # otherwise another thread has requested it again
                del self._futures[path]
                self._in_use.pop(path, None)
        return self.request(path, shard)

    def release(self, paths: Iterable[str]) -> None:
        """Forget these shards. Their files may be removed when space is needed."""
        with self._lock:
            for path in paths:
                request = self._futures.pop(path, None)
                if request is not None:
                    request.cancel()
                self._in_use.pop(path, None)

    def close(self) -> None:
        """Stop downloading. Files stay for the next run."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take_space(self, path: str, shard: Shard) -> None:
        needed = sum(used.bytes for used in self._in_use.values()) + shard.bytes
        if files.is_remote(path):
            if needed > self._max_bytes:
                raise UserError(
                    f"the cache of {self._max_bytes:,} bytes is too small for the {needed:,} bytes of the shards that "
                    "are read together; give it more"
                )
            self._in_use[path] = shard

    def _bring(self, path: str, shard: Shard) -> str:
        if not files.is_remote(path):
            self._check(path, path, shard)
            return path
        local = os.path.join(self._folder, f"{shard.sha256}.arrow")
        os.makedirs(self._folder, exist_ok=True)
        with _one_process_at_a_time(f"{local}.lock"):
            if not self._is_at_hand(local, path, shard):
                self._make_space()
                self._fetch(path, local, shard)
            with contextlib.suppress(FileNotFoundError):  # another process may have removed it at once, for its space
                os.utime(local, ns=(time.time_ns(), os.stat(local).st_mtime_ns))
        return local

    def _is_at_hand(self, local: str, path: str, shard: Shard) -> bool:
        try:
            self._check(local, path, shard)
            return True
        except (FileNotFoundError, BadShard):
            return False

    def _check(self, local: str, path: str, shard: Shard) -> None:
        """Compare size and digest with the manifest, once per file and process."""
        status = check_size(local, path, shard)
        stamp = (local, status.st_mtime_ns, status.st_ino)
        if stamp in self._checked:
            return
        _check_digest(local, path, shard)
        self._checked.add(stamp)

    def _fetch(self, path: str, local: str, shard: Shard) -> None:
        """Download a file, check it, and only then give it its name. Retries after increasing waits."""
        temporary = f"{local}.{uuid.uuid4().hex[:8]}{files.TEMPORARY_SUFFIX}"
        fs, inner = files.file_system(path)
        try:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    fs.get_file(inner, temporary)
                    self._check(temporary, path, shard)
                    break
                except FileNotFoundError as error:
                    raise BadShard(f"{path}: not found; copy the shard again or make the folder again") from error
                except BadShard:
                    if attempt >= DAMAGED_ATTEMPTS or self._closed.is_set():
                        raise
                except Exception as error:
                    if attempt >= ATTEMPTS or self._closed.is_set():
                        raise BadShard(f"{path} could not be fetched in {attempt} attempts: {_words(error)}") from error
                wait = min(MAX_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt)
                self._closed.wait(wait * random.uniform(0.5, 1.0))
            os.replace(temporary, local)
        finally:
            files.remove(temporary)

    def _make_space(self) -> None:
        """Remove files that are not in use here, the least recently used first, until the cache is within its limit."""
        with self._lock:
            used = {f"{shard.sha256}.arrow": shard.bytes for shard in self._in_use.values()}
        others = []
        for entry in os.scandir(self._folder):
            if entry.name.endswith(".arrow") and entry.name not in used:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat()
                    others.append((status.st_atime, status.st_size, entry.path))
        total = sum(used.values()) + sum(size for _, size, _ in others)
        for _, size, path in sorted(others):
            if total <= self._max_bytes:
                return
            files.remove(path)
            files.remove(f"{path}.lock")
            total -= size


def check_size(local: str, path: str, shard: Shard) -> os.stat_result:
    """The status of a local file whose size is that of its manifest. path: the name of the shard in the error.

    Raises: BadShard if it is missing or has another size.
    """
    try:
        status = os.stat(local)
    except OSError as error:
        raise BadShard(f"{path}: not found; copy the shard again or make the folder again") from error
    if status.st_size != shard.bytes:
        raise BadShard(
            f"{path} has {status.st_size} bytes, its manifest says {shard.bytes}: it is truncated or from another "
            "run; copy it again or make the folder again"
        )
    return status


def check_shard(path: str, shard: Shard) -> None:
    """Compare a shard's size and SHA-256 with the manifest's. A remote shard is read completely for this.

    Raises: BadShard that names it.
    """
    if not files.is_remote(path):
        check_size(path, path, shard)
    _check_digest(path, path, shard)


def _check_digest(local: str, path: str, shard: Shard) -> None:
    if files.sha256(local) != shard.sha256:
        raise BadShard(f"{path} is damaged (its SHA-256 is not the manifest's); copy it again or make it again")


def _remove_leftovers(folder: str) -> None:
    """Remove old incomplete downloads of killed processes."""
    for name in files.list_folder(folder):
        if name.endswith(files.TEMPORARY_SUFFIX):
            path = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError):
                if time.time() - os.stat(path).st_mtime > LEFTOVER_SECONDS:
                    os.remove(path)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextlib.contextmanager
def _one_process_at_a_time(path: str) -> Iterator[None]:
    """Lock a file. If the operating system or the file system has no locks, continue without."""
    with files.open_lock(path) as lock:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
