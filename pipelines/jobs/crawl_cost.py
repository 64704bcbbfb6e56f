"""What a crawl costs: size, time, disk, memory and price, for some of its files and for all of them."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from c4pipe.crawl.sizes import PUBLISHED, CrawlSize
from c4pipe.errors import UserError
from c4pipe.machine import num_cores
from c4pipe.progress import duration

WORKER_BYTES = 450 << 20


@dataclass(frozen=True)
class Rates:
    """What wet_to_c4 needs per byte of its WET files.

    cpu_seconds: of one core. work, shards: bytes on disk. source: where the rates are from.
    """

    cpu_seconds: float
    work: float
    shards: float
    source: str


# docs/running.md: 10 s of CPU per file of 110 MB; the work folder where 84% of the pages pass cleaning, far more than
# in a crawl. If 15% of the pages are kept and compressed like the WET files, the shards have less than 15% of their
# bytes, because pages lose lines.
DOCUMENTED = Rates(10 / 110e6, 1.4, 0.15, "docs/running.md, for the variant en")


@dataclass(frozen=True)
class Machines:
    """Machines to compare with. price: per core and hour, in any currency; None if it is not known."""

    cores: int
    count: int = 1
    price: float | None = None

    def __str__(self) -> str:
        return f"{self.count:,} x {self.cores:,} cores" if self.count > 1 else f"{self.cores:,} cores"


def size_of(crawl: str, base_url: str, retry_seconds: float = 1.0) -> CrawlSize:
    """The size of a crawl: the published one, else from the list of its files and the size of the first one.

    Raises: UserError if the crawl has no list, or if it cannot be fetched.
    """
    if crawl in PUBLISHED:
        return PUBLISHED[crawl]
    # The package that downloads is imported only here, because wet_to_c4 rarely needs it.
    from c4pipe.crawl.download import Failed
    from pipelines.jobs.downloads import Crawls, Manners

    manners = Manners.of(retry_seconds, threading.Event())
    with tempfile.TemporaryDirectory() as folder:
        crawls = Crawls(folder, folder, manners, base_url)
        try:
            wanted = crawls.wanted(crawl, 0, None)
            num_bytes = crawls.estimate_bytes(wanted)
        except Failed as error:
            known = ", ".join(sorted(PUBLISHED))
            raise UserError(f"{error}; the sizes of these crawls are known without a network: {known}") from error
    if num_bytes is None:
        raise UserError(f"the server does not tell the size of {wanted[0].url}; give --input to measure files of yours")
    return CrawlSize(crawl, len(wanted), num_bytes, f"the list of its files, and the size of {wanted[0].name}")


def cost_of_corpus(crawl: CrawlSize, num_files: int, rates: Rates, machines: Machines) -> str:
    """The output of `wet_to_c4 --dry_run --crawl=...`."""
    here = num_cores()
    rows: list[tuple[str, Callable[[CrawlSize], str]]] = [
        *_sizes(),
        ("work folder, at most (removed at the end)", lambda size: _bytes(size.num_bytes * rates.work)),
        ("text shards, at most", lambda size: _bytes(size.num_bytes * rates.shards)),
        ("core hours", lambda size: f"{_core_hours(size, rates):,.2f}"),
        (f"time here, {here:,} cores", lambda size: _time(size, rates, here)),
        (f"time on {machines}", lambda size: _time(size, rates, machines.cores * machines.count)),
        ("memory here", lambda _: _bytes((here + 1) * WORKER_BYTES)),
        (f"memory per machine of {machines.cores:,} cores", lambda _: _bytes((machines.cores + 1) * WORKER_BYTES)),
    ]
    price = machines.price
    if price is not None:
        rows.append((f"price at {price:g} per core hour", lambda size: f"{_core_hours(size, rates) * price:,.2f}"))
    notes = [
        f"{crawl.name}: sizes by {crawl.source}",
        f"rates by {rates.source}; the time is CPU time divided by the cores, without downloads",
    ]
    return _table(crawl, num_files, rows, notes)


def cost_of_download(crawl: CrawlSize, num_files: int) -> str:
    """What `crawl_to_wet --dry_run` adds: the same for the download."""
    rows: list[tuple[str, Callable[[CrawlSize], str]]] = [
        *_sizes(),
        # Blocks are streamed to the disk: 8 files of 7 MB over four connections took 37 MB at most.
        ("memory", lambda _: "below 100 MB"),
        *(
            (f"time at {rate:,} MB/s", lambda size, rate=rate: duration(size.num_bytes / (rate * 1e6)))
            for rate in (10, 100, 1000)
        ),
    ]
    notes = [f"sizes by {crawl.source}", f"the corpus: python -m pipelines.wet_to_c4 --dry_run --crawl={crawl.name}"]
    return _table(crawl, num_files, rows, notes)


def _sizes() -> list[tuple[str, Callable[[CrawlSize], str]]]:
    return [
        ("WET files", lambda size: f"{size.num_files:,}"),
        ("download, and disk for WET files", lambda size: _bytes(size.num_bytes)),
    ]


def _table(
    crawl: CrawlSize, num_files: int, rows: Sequence[tuple[str, Callable[[CrawlSize], str]]], notes: Sequence[str]
) -> str:
    some = crawl.part(num_files)
    cells = [("", f"{some.num_files:,} files", "the whole crawl")]
    cells += [(name, cell(some), cell(crawl)) for name, cell in rows]
    width = max(len(name) for name, *_ in cells)
    return "\n".join([*(f"{name:<{width}}  {first:>18}  {second:>18}" for name, first, second in cells), *notes])


def _core_hours(size: CrawlSize, rates: Rates) -> float:
    return size.num_bytes * rates.cpu_seconds / 3600


def _time(size: CrawlSize, rates: Rates, cores: int) -> str:
    # A file is read by one worker, so more workers than files do not help.
    return duration(_core_hours(size, rates) * 3600 / min(cores, size.num_files))


def _bytes(count: float) -> str:
    """
    >>> _bytes(7.62 * 2**40), _bytes(130_000_000)
    ('8.4 TB', '130.0 MB')
    """
    unit, name = next((unit for unit in ((1e12, "TB"), (1e9, "GB")) if count >= unit[0]), (1e6, "MB"))
    return f"{count / unit:,.1f} {name}"
