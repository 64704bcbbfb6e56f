"""Download WET files of Common Crawl: few connections, patient with throttling, every file whole or not there.

    python -m pipelines.crawl_to_wet --crawl=CC-MAIN-2019-18 --num_files=8 --output=wet

A second run fetches what is missing. Files that broke off are continued where they stopped.
"""

import os
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tqdm import tqdm

from c4pipe.command_line import EXIT_INTERRUPTED, Parser, run
from c4pipe.crawl import paths
from c4pipe.crawl.download import PARTIAL_FOLDER, Downloader, Failed, Stopped, free_bytes
from c4pipe.crawl.politeness import Backoff, RetryGate
from c4pipe.errors import UserError
from c4pipe.shards import files

_LIST_FOLDER = ".lists"
_NOTICE_EVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Wanted:
    """One WET file to have: its URL and the name it gets in the output folder."""

    url: str
    name: str


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.crawl_to_wet", description=__doc__)
    parser.add_argument("--crawl", required=True, help="a crawl's name, or several with commas: CC-MAIN-2019-18")
    parser.add_argument("--output", required=True, help="folder for the WET files")
    parser.add_argument("--num_files", type=int, default=8, help="files to have of each crawl")
    parser.add_argument("--first_file", type=int, default=0, help="the first of them, by its place in wet.paths")
    parser.add_argument("--base_url", default=paths.BASE_URL, help="where crawl-data/ lies")
    parser.add_argument("--connections", type=int, default=4, help="files downloaded at a time")
    parser.add_argument(
        "--retry_seconds",
        type=float,
        default=1.0,
        help="at most one retry in this time, and more rarely the longer a server refuses",
    )
    parser.add_argument("--dry_run", action="store_true", help="say which files would be downloaded, and their size")
    return parser


class Progress:
    """A bar on a terminal; elsewhere a plain line now and then."""

    def __init__(self, total_bytes: int | None, num_files: int) -> None:
        self._plain = not sys.stderr.isatty()
        self._bar = tqdm(total=total_bytes, unit="B", unit_scale=True, smoothing=0.1, disable=self._plain, desc="WET")
        self._num_files, self._files, self._bytes = num_files, 0, 0
        self._total, self._start = total_bytes, time.monotonic()
        self._spoke = self._start
        self._lock = threading.Lock()

    def add_bytes(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            self._bar.update(count)

    def add_file(self) -> None:
        with self._lock:
            self._files += 1
            self._bar.set_postfix_str(f"{self._files}/{self._num_files} files")
            self._say(force=self._files == self._num_files)

    def notice(self, text: str) -> None:
        with self._lock:
            if not self._plain:
                self._bar.set_description_str(text[:70])
            elif time.monotonic() - self._spoke > _NOTICE_EVERY_SECONDS or self._files == 0:
                self._spoke = time.monotonic()
                print(text, file=sys.stderr, flush=True)

    def _say(self, force: bool) -> None:
        now = time.monotonic()
        if self._plain and (force or now - self._spoke > _NOTICE_EVERY_SECONDS):
            self._spoke = now
            rate = self._bytes / max(now - self._start, 1e-9)
            left = "" if not self._total or not rate else f", {max(0, self._total - self._bytes) / rate:.0f} s left"
            line = f"{self._files}/{self._num_files} files, {self._bytes / 1e6:,.1f} MB, {rate / 1e6:.2f} MB/s{left}"
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        self._bar.close()


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    if flags.num_files < 1 or flags.first_file < 0 or flags.connections < 1 or flags.retry_seconds < 0:
        raise UserError("--num_files and --connections start at 1, --first_file and --retry_seconds at 0")
    if files.is_remote(flags.output):
        raise UserError("--output must be a local folder; copy it to an object store afterwards")
    started = time.monotonic()
    stopping = threading.Event()
    gate = RetryGate(flags.retry_seconds, stopping)
    backoff = Backoff(first_seconds=flags.retry_seconds)
    lists = Downloader(
        os.path.join(flags.output, _LIST_FOLDER), backoff=backoff, gate=gate, stopping=stopping, on_wait=_say
    )
    with _stop_on_signals(stopping):
        try:
            wanted = [entry for crawl in flags.crawl.split(",") for entry in _wanted(crawl, flags, lists)]
            _refuse_equal_names(wanted)
            missing = [entry for entry in wanted if not os.path.exists(os.path.join(flags.output, entry.name))]
            if not missing:
                print(f"all {len(wanted)} WET files are in {flags.output}; nothing to do")
                return 0
            total = _estimate_bytes(missing, lists)
            if flags.dry_run:
                return _describe(flags.output, wanted, missing, total)
            _look_for_space(flags.output, total)
            progress = Progress(total, len(missing))
            downloader = Downloader(
                flags.output,
                backoff=backoff,
                gate=gate,
                stopping=stopping,
                on_bytes=progress.add_bytes,
                on_wait=progress.notice,
            )
            failures = _download(missing, downloader, flags.connections, stopping, progress)
        except Stopped:
            failures = []
        except Failed as error:
            raise UserError(f"{error}; check --crawl and --base_url") from error
    if stopping.is_set():
        print("interrupted; the same command continues with what is missing", file=sys.stderr)
        return EXIT_INTERRUPTED
    if failures:
        more = f" (and {len(failures) - 1} other files)" if len(failures) > 1 else ""
        raise UserError(f"{failures[0]}{more}; the other files are whole, the same command tries these again")
    size = sum(files.size(os.path.join(flags.output, entry.name)) for entry in missing)
    seconds = time.monotonic() - started
    _remove_if_empty(os.path.join(flags.output, PARTIAL_FOLDER))
    print(
        f"{len(missing)} WET files, {size / 1e6:,.1f} MB, in {flags.output} after {seconds:.0f} s; next: "
        f"python -m pipelines.wet_to_c4 --input='{flags.output}/*.wet.gz' --output=c4"
    )
    return 0


def _wanted(crawl: str, flags, lists: Downloader) -> list[Wanted]:
    """The files asked for of one crawl. The list is kept beside them, so that a second run need not fetch it."""
    base = flags.base_url.rstrip("/")
    url = f"{base}/{paths.list_path(crawl)}"
    content = files.read_bytes(lists.fetch(url, f"{crawl}.wet.paths.gz"))
    listed = paths.parse_list(content, url)
    chosen = listed[flags.first_file : flags.first_file + flags.num_files]
    if not chosen:
        raise UserError(f"{crawl} has {len(listed)} WET files; --first_file={flags.first_file} is past its end")
    return [Wanted(f"{base}/{path}", paths.file_name(path)) for path in chosen]


def _refuse_equal_names(wanted: list[Wanted]) -> None:
    seen: dict[str, str] = {}
    for entry in wanted:
        if seen.setdefault(entry.name, entry.url) != entry.url:
            raise UserError(f"two listed files are called {entry.name}; download the crawls into folders of their own")


def _estimate_bytes(missing: list[Wanted], lists: Downloader) -> int | None:
    """Bytes to come, from the size of the first file: the files of a crawl are about the same size."""
    size = lists.size(missing[0].url)
    return None if size is None else size * len(missing)


def _look_for_space(output: str, total: int | None) -> None:
    free = free_bytes(output)
    if total is not None and free < total:
        raise UserError(
            f"{output} has {free / 1e9:,.1f} GB free and about {total / 1e9:,.1f} GB are to come; "
            "ask for fewer files by --num_files, or make space"
        )


def _describe(output: str, wanted: list[Wanted], missing: list[Wanted], total: int | None) -> int:
    for entry in missing:
        print(entry.url)
    size = "of unknown size" if total is None else f"about {total / 1e6:,.1f} MB"
    print(f"{len(missing)} of {len(wanted)} WET files would be downloaded to {output}, {size}")
    return 0


def _download(
    missing: list[Wanted], downloader: Downloader, connections: int, stopping: threading.Event, progress: Progress
) -> list[str]:
    """Download all and return why some failed. Raises: UserError at once where no file can go on (a full disk)."""
    failures: list[str] = []
    pool = ThreadPoolExecutor(connections)
    open_futures: set[Future] = {pool.submit(downloader.fetch, entry.url, entry.name) for entry in missing}
    try:
        while open_futures and not stopping.is_set():
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
            stopping.set()
            downloader.abort()
        pool.shutdown(wait=True, cancel_futures=True)
        progress.close()
    return failures


class _stop_on_signals:
    """Within the block, Ctrl-C and SIGTERM set the event, so that every thread ends at a whole block."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping

    def __enter__(self) -> None:
        self._before = {s: signal.signal(s, lambda *_: self._stopping.set()) for s in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _remove_if_empty(folder: str) -> None:
    if not files.list_folder(folder):
        os.rmdir(folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
