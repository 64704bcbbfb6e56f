"""The job of crawl_to_wet: the wanted files of the crawls, the missing files, and their download.

Files are downloaded to a local folder. If the output is a URL, this is a folder of the cache, from which every complete
file is moved to the URL.
"""

import hashlib
import os
import shutil
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from c4pipe.crawl import paths
from c4pipe.crawl.download import PARTIAL_FOLDER, Downloader, Failed, Stopped
from c4pipe.crawl.politeness import Backoff, RetryGate
from c4pipe.errors import UserError
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.machine import cache_folder, free_bytes
from c4pipe.progress import ProgressLine
from c4pipe.shards import files

_LIST_FOLDER = ".lists"
_COPIED_BYTES = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A wanted WET file: its URL, and its name in the output folder."""

    url: str
    name: str


@dataclass(frozen=True)
class Manners:
    """How all downloads of a run together treat the server, and whether the run is to stop."""

    backoff: Backoff
    gate: RetryGate
    stopping: threading.Event

    @classmethod
    def of(cls, retry_seconds: float, stopping: threading.Event) -> "Manners":
        return cls(Backoff(first_seconds=retry_seconds), RetryGate(retry_seconds, stopping), stopping)

    def downloader(self, folder: str, **callbacks) -> Downloader:
        """A downloader with these manners into an existing folder."""
        return Downloader(folder, backoff=self.backoff, gate=self.gate, stopping=self.stopping, **callbacks)


class Crawls:
    """The lists of crawls, from the local folder if an earlier run stored them, else downloaded into `temporary`.

    Nothing is written to the local folder before `keep`.
    """

    def __init__(self, local: str, temporary: str, manners: Manners, base_url: str) -> None:
        self._kept, self._temporary = Path(local, _LIST_FOLDER), Path(temporary)
        self._base = base_url.rstrip("/")
        self._downloader = manners.downloader(temporary, on_wait=_say)

    def wanted(self, crawl: str, first_file: int, num_files: int | None) -> list[Wanted]:
        """The wanted files of a crawl. num_files: None means all that follow.

        Raises: UserError if the crawl has no such files; Failed, Stopped.
        """
        name, url = f"{crawl}.wet.paths.gz", f"{self._base}/{paths.list_path(crawl)}"
        kept = self._kept / name
        path = str(kept) if kept.exists() else self._downloader.fetch(url, name)
        listed = paths.parse_list(files.read_bytes(path), url)
        chosen = listed[first_file:][:num_files]
        if not chosen:
            raise UserError(f"{crawl} has {len(listed)} WET files; --first_file={first_file} is after the last")
        return [Wanted(f"{self._base}/{path}", paths.file_name(path)) for path in chosen]

    def estimate_bytes(self, missing: Sequence[Wanted]) -> int | None:
        """The bytes to download, from the size of the first file, because files of a crawl have similar sizes."""
        size = self._downloader.size(missing[0].url)
        return None if size is None else size * len(missing)

    def keep(self) -> None:
        """Store the lists in the local folder, so that a second run need not download them."""
        self._kept.mkdir(exist_ok=True)
        for path in self._temporary.glob("*.wet.paths.gz"):
            shutil.copyfile(path, self._kept / path.name)


def all_wanted(flags: Namespace, crawls: Crawls) -> list[Wanted]:
    """The wanted files of all crawls. Raises: UserError if two of them have the same name; as `Crawls.wanted`."""
    wanted = [
        entry for crawl in flags.crawl.split(",") for entry in crawls.wanted(crawl, flags.first_file, flags.num_files)
    ]
    seen: dict[str, str] = {}
    for entry in wanted:
        if seen.setdefault(entry.name, entry.url) != entry.url:
            raise UserError(f"two listed files are called {entry.name}; download each crawl into a separate folder")
    return wanted


def missing_of(wanted: Sequence[Wanted], output: str) -> list[Wanted]:
    """The files that are not in the output folder yet."""
    names = set(files.list_folder(output))
    return [entry for entry in wanted if entry.name not in names]


def local_folder(output: str) -> str:
    """The folder that files are downloaded to: the output; if that is a URL, a folder of the cache for this URL."""
    if not files.is_remote(output):
        return output
    return os.path.join(cache_folder(), "crawl_to_wet", hashlib.sha256(output.encode()).hexdigest()[:16])


def partial_folder(local: str) -> WorkFolder:
    """The folder of files that are not complete yet."""
    return WorkFolder(os.path.join(local, PARTIAL_FOLDER))


def describe(output: str, wanted: Sequence[Wanted], missing: Sequence[Wanted], total: int | None) -> str:
    """The output of `--dry_run`."""
    size = "of unknown size" if total is None else f"about {total / 1e6:,.1f} MB"
    last = f"{len(missing)} of {len(wanted)} WET files would be downloaded to {output}, {size}"
    return "\n".join([*(entry.url for entry in missing), last])


def local_bytes(flags: Namespace, total: int | None, num_missing: int) -> int | None:
    """The bytes that the local folder will have at the same time. If the output is a URL: only those of open files."""
    if total is None or not files.is_remote(flags.output):
        return total
    return total * min(flags.connections, num_missing) // num_missing


def check_free_space(local: str, total: int | None) -> None:
    """Raises: UserError if the local folder has too little space for the files that it will have at the same time."""
    free = free_bytes(local)
    if total is not None and free < total:
        raise UserError(
            f"{local} has {free / 1e9:,.1f} GB free, but the files need about {total / 1e9:,.1f} GB; "
            "ask for fewer files with --num_files, or free space"
        )


class Progress:
    """The progress of the downloads, in bytes if their total is known, else in files."""

    def __init__(self, total_bytes: int | None, num_files: int) -> None:
        self._line = ProgressLine("WET", total_bytes or num_files)
        self._num_files, self._files, self._bytes = num_files, 0, 0
        self._total, self._start = total_bytes, time.monotonic()
        self._lock = threading.Lock()

    def add_bytes(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            self._show()

    def add_file(self) -> None:
        with self._lock:
            self._files += 1
            self._show(now=self._files == self._num_files)

    def notice(self, text: str) -> None:
        """Show what the downloads wait for, not more often than the progress."""
        with self._lock:
            if self._line.is_due or not self._files:
                self._line.say(text)

    def _show(self, now: bool = False) -> None:
        rate = self._bytes / max(time.monotonic() - self._start, 1e-9)
        words = f"{self._files} of {self._num_files} files, {self._bytes / 1e6:,.1f} MB, {rate / 1e6:.2f} MB/s"
        self._line.show(self._bytes if self._total else self._files, words, now=now)

    def close(self) -> None:
        self._line.close()


def download(
    missing: Sequence[Wanted], output: str, connections: int, manners: Manners, total: int | None
) -> list[str]:
    """Download the missing files. The local folder is locked. Returns: the messages of failed downloads.

    Raises: UserError at once if no download can continue (such as on a full disk).
    """
    progress = Progress(total, len(missing))
    downloader = manners.downloader(local_folder(output), on_bytes=progress.add_bytes, on_wait=progress.notice)
    failures: list[str] = []
    pool = ThreadPoolExecutor(connections)
    open_futures: set[Future] = {pool.submit(_fetch, downloader, entry, output) for entry in missing}
    try:
        while open_futures and not manners.stopping.is_set():
            done, open_futures = wait(open_futures, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    future.result()
                    progress.add_file()
                except Failed as failure:
                    failures.append(str(failure))
                except Stopped:
                    pass
    finally:
        if open_futures:
            manners.stopping.set()
            downloader.abort()
        pool.shutdown(wait=True, cancel_futures=True)
        progress.close()
    return failures


def _fetch(downloader: Downloader, entry: Wanted, output: str) -> None:
    """Download a file. If the output is a URL, move it there; it appears there only when it is complete."""
    path = downloader.fetch(entry.url, entry.name)
    if files.is_remote(output):
        with open(path, "rb") as source, files.write_atomically(files.join(output, entry.name)) as target:
            shutil.copyfileobj(source, target, _COPIED_BYTES)
        os.remove(path)


class stop_on_signals:
    """Within the block, Ctrl-C and SIGTERM set the event, so that every thread ends after the block that it writes."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping

    def __enter__(self) -> None:
        self._before = {s: signal.signal(s, lambda *_: self._stopping.set()) for s in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
