"""Takes a sample of the pages of weighted sources, bounded in bytes: the pages with the smallest hashes.

The sample depends on the text alone, never on shards, workers or order. The pages are read twice: the first time, bytes
are summed by hash, which gives the largest hash that fits the budget; the second time, the pages are taken.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from c4pipe.checked_json import Count, Sha256
from c4pipe.shards import files, json_files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.record import BadRecord, quarantine_rows
from c4pipe.shards.text_shards import read_pages, read_text_shard, write_text_shard
from c4pipe.stages.engine import beam

PLAN_FILE = "plan.json"
_MEND = "remove the folder that it lies in, and run the command again"
# The bucket of a hash is its bit length and the eight bits after its leading bit. So a bucket is at most 1/256 of the
# sample, however small the sample is compared with its source.
_MANTISSA_BITS = 8
NUM_BUCKETS = 65 << _MANTISSA_BITS


@dataclass(frozen=True)
class SourceShard:
    """A text shard of source number `source`. `index`: its index among the shards of that source.

    page_per: `line` or `file`, if the shard is plain text. sha256: its SHA-256 according to its folder's manifest.
    """

    source: int
    index: int
    path: str
    page_per: str = plain_text.LINE
    sha256: str | None = None

    @property
    def sample_name(self) -> str:
        return f"sample-{self.source:03d}-{self.index:05d}.json.zst"

    @property
    def rows_name(self) -> str:
        """The name of the file with the shard's number of rows, and the rows that are not pages."""
        return f"rows-{self.source:03d}-{self.index:05d}.json"


@dataclass(frozen=True)
class _Rows:
    """The file beside a sample: the rows of its shard, those that are not pages, and SHA-256 of the shard."""

    num_rows: Count
    quarantined: list[dict[str, Any]]
    sha256: Sha256


@dataclass(frozen=True)
class Plan:
    """Per source: the bytes that it has, the bytes that it may give, the first bucket that is not taken."""

    available_bytes: tuple[Count, ...]
    budget_bytes: tuple[Count, ...]
    limits: tuple[Count, ...]


def page_hash(text: str) -> int:
    """A 64-bit hash of the text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def bucket_of(value: int) -> int:
    """The bucket of a hash. Larger hashes have equal or larger buckets.

    >>> [bucket_of(value) for value in (0, 1, 3, 255, 512, 513, 514)]
    [0, 256, 640, 2302, 2560, 2560, 2561]
    """
    magnitude = value.bit_length()
    after_leading = value - (1 << (magnitude - 1)) if magnitude else 0
    shift = magnitude - 1 - _MANTISSA_BITS
    mantissa = after_leading >> shift if shift >= 0 else after_leading << -shift if magnitude else 0
    return (magnitude << _MANTISSA_BITS) + mantissa


def make_plan(histograms: Mapping[int, np.ndarray], weights: Sequence[float], sample_bytes: int) -> Plan:
    """Divide `sample_bytes` among the sources by weight.

    If the heaviest source cannot fill its share, the whole sample becomes smaller. If a lighter source cannot, it gives
    all its pages.

    >>> ten_bytes_per_bucket = np.full(NUM_BUCKETS, 10)
    >>> plan = make_plan({0: ten_bytes_per_bucket, 1: ten_bytes_per_bucket}, (10, 1), 1_100)
    >>> plan.budget_bytes, plan.limits
    ((1000, 100), (100, 10))
    """
    total_weight = math.fsum(weights)  # exact, so that their order does not matter
    available = [int(histograms[source].sum()) if source in histograms else 0 for source in range(len(weights))]
    heaviest = max(weights)
    reach = max(
        there * total_weight / weight for there, weight in zip(available, weights, strict=True) if weight == heaviest
    )
    size = min(float(sample_bytes), reach)
    budgets = [int(size * weight / total_weight + 0.5) for weight in weights]
    limits = []
    for source, (there, budget) in enumerate(zip(available, budgets, strict=True)):
        if there <= budget:
            limits.append(NUM_BUCKETS)
            continue
        reached = np.cumsum(histograms[source])
        first_page = int(np.argmax(reached > 0)) + 1  # a source gives at least one page, however small its share
        limits.append(max(int(np.searchsorted(reached, budget, side="right")), first_page))
    return Plan(tuple(available), tuple(budgets), tuple(limits))


class SamplePages(beam.PTransform):
    """PCollection of `SourceShard` -> PCollection of names of sample files, written to the work folder.

    The plan is written there too, as `plan.json`.
    """

    def __init__(self, weights: Sequence[float], sample_bytes: int, work: str) -> None:
        super().__init__()
        self._weights = tuple(weights)
        self._sample_bytes = sample_bytes
        self._work = work

    def expand(self, shards: Any) -> Any:
        plan = (
            shards
            | "Bytes by hash" >> beam.Map(bytes_by_hash)
            | "Add up" >> beam.CombineGlobally(_AddHistograms())
            | "Share out" >> beam.Map(_plan, self._weights, self._sample_bytes, self._work)
        )
        return shards | "Take pages" >> beam.Map(take_pages, beam.pvalue.AsSingleton(plan), self._work)


def bytes_by_hash(shard: SourceShard) -> tuple[int, np.ndarray]:
    """(source, the bytes of the shard's pages per bucket of hashes)."""
    histogram = np.zeros(NUM_BUCKETS, np.int64)
    rows = read_pages(shard.path, ("text",), [], page_per=shard.page_per, digest=ReadDigest(shard.sha256))
    for _, page in rows:
        histogram[bucket_of(page_hash(page["text"]))] += len(page["text"].encode())
    return shard.source, histogram


class _AddHistograms(beam.CombineFn):
    """Sums histograms per source."""

    def create_accumulator(self, *args: Any, **kwargs: Any) -> dict[int, np.ndarray]:
        return {}

    def add_input(self, mutable_accumulator: Any, element: Any, *args: Any, **kwargs: Any) -> dict[int, np.ndarray]:
        source, histogram = element
        there = mutable_accumulator.get(source)
        mutable_accumulator[source] = histogram if there is None else there + histogram
        return mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[Any], *args: Any, **kwargs: Any) -> dict[int, np.ndarray]:
        merged: dict[int, np.ndarray] = {}
        for accumulator in accumulators:
            for element in accumulator.items():
                merged = self.add_input(merged, element)
        return merged

    def extract_output(self, accumulator: Any, *args: Any, **kwargs: Any) -> dict[int, np.ndarray]:
        return accumulator


def _plan(histograms: Mapping[int, np.ndarray], weights: Sequence[float], sample_bytes: int, work: str) -> Plan:
    plan = make_plan(histograms, weights, sample_bytes)
    files.write_bytes(files.join(work, PLAN_FILE), json.dumps(asdict(plan)).encode())
    return plan


def read_plan(work: str) -> Plan:
    """The plan that a run wrote to its work folder."""
    return json_files.read(files.join(work, PLAN_FILE), Plan, _MEND)


def take_pages(shard: SourceShard, plan: Plan, work: str) -> str:
    """Write the pages of a shard whose hash is below the limit. Returns: the name of the sample file.

    Another file is written beside it, with the rows that are not pages (see `read_bad_rows`).
    """
    limit = plan.limits[shard.source]
    digest = ReadDigest(shard.sha256)
    bad: list[BadRecord] = []
    num_pages = 0

    def taken() -> Iterator[dict[str, str]]:
        nonlocal num_pages
        for _, page in read_pages(shard.path, ("text",), bad, page_per=shard.page_per, digest=digest):
            num_pages += 1
            if bucket_of(page_hash(page["text"])) < limit:
                yield page

    write_text_shard(files.join(work, shard.sample_name), taken(), format="json.zst", columns=("text",))
    name = files.base_name(shard.path)
    content = {"num_rows": num_pages + len(bad), "quarantined": quarantine_rows(name, bad), "sha256": digest.sha256}
    files.write_bytes(files.join(work, shard.rows_name), json.dumps(content).encode("utf-8", "replace"))
    return shard.sample_name


def _read_rows(shard: SourceShard, work: str) -> _Rows:
    return json_files.read(files.join(work, shard.rows_name), _Rows, _MEND)


def read_bad_rows(shards: Sequence[SourceShard], work: str) -> tuple[int, list[dict[str, Any]]]:
    """(the number of rows of all shards, rows of `quarantine.jsonl` for those that are not pages)."""
    found = [_read_rows(shard, work) for shard in shards]
    return sum(rows.num_rows for rows in found), [row for rows in found for row in rows.quarantined]


def read_sample(shards: Sequence[SourceShard], work: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (source, its sampled texts in the order of their hashes), one source after the other."""
    for source in sorted({shard.source for shard in shards}):
        texts = [
            row["text"]
            for shard in shards
            if shard.source == source
            for row in read_text_shard(files.join(work, shard.sample_name), columns=("text",))
        ]
        yield source, sorted(texts, key=lambda text: (page_hash(text), text))


def read_digests(shards: Sequence[SourceShard], work: str) -> list[str]:
    """The SHA-256 of each shard when it was read for the sample."""
    return [_read_rows(shard, work).sha256 for shard in shards]
