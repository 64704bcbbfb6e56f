"""A sample of the pages of weighted sources, bounded in bytes: those whose hash is smallest.

Which pages are taken depends on the text alone, never on shards, workers or order. Two readings: the first adds up the
bytes by hash, which tells up to which hash the budget reaches; the second takes the pages.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import apache_beam as beam
import numpy as np

from c4pipe.shards import files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.record import BadRecord, quarantine_rows
from c4pipe.shards.text_shards import read_pages, read_text_shard, write_text_shard

PLAN_FILE = "plan.json"
# A hash's bucket is its order of magnitude and the eight bits after the leading one, so that however small the sample
# is of its source, a bucket is at most 1/256 of it.
_MANTISSA_BITS = 8
NUM_BUCKETS = 65 << _MANTISSA_BITS


@dataclass(frozen=True)
class SourceShard:
    """One text shard of source number `source`; `index` is its place among the shards of that source.

    page_per: `line` or `file`, where the shard is plain text. sha256: what its folder's manifest says it is.
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
        """The file that tells how many rows the shard has, and which of them are not pages."""
        return f"rows-{self.source:03d}-{self.index:05d}.json"


@dataclass(frozen=True)
class Plan:
    """By source: bytes there are, bytes it may give, and the first bucket of hashes that is not taken."""

    available_bytes: tuple[int, ...]
    budget_bytes: tuple[int, ...]
    limits: tuple[int, ...]


def page_hash(text: str) -> int:
    """64 bits that depend on the text alone."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def bucket_of(value: int) -> int:
    """The bucket of a hash, in the order of the hashes.

    >>> [bucket_of(value) for value in (0, 1, 3, 255, 512, 513, 514)]
    [0, 256, 640, 2302, 2560, 2560, 2561]
    """
    magnitude = value.bit_length()
    after_leading = value - (1 << (magnitude - 1)) if magnitude else 0
    shift = magnitude - 1 - _MANTISSA_BITS
    mantissa = after_leading >> shift if shift >= 0 else after_leading << -shift if magnitude else 0
    return (magnitude << _MANTISSA_BITS) + mantissa


def make_plan(histograms: Mapping[int, np.ndarray], weights: Sequence[float], sample_bytes: int) -> Plan:
    """Share out `sample_bytes` over the sources by weight.

    The heaviest source sets the size where it cannot fill its share; a lighter one that cannot gives all it has.

    >>> ten_bytes_a_bucket = np.full(NUM_BUCKETS, 10)
    >>> plan = make_plan({0: ten_bytes_a_bucket, 1: ten_bytes_a_bucket}, (10, 1), 1_100)
    >>> plan.budget_bytes, plan.limits
    ((1000, 100), (100, 10))
    """
    total_weight = math.fsum(weights)  # whatever their order
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
        first_page = int(np.argmax(reached > 0)) + 1  # a source gives something, however small its share
        limits.append(max(int(np.searchsorted(reached, budget, side="right")), first_page))
    return Plan(tuple(available), tuple(budgets), tuple(limits))


class SamplePages(beam.PTransform):
    """PCollection of `SourceShard` -> PCollection of names of sample files, written to the work folder.

    The plan lies there too, as `plan.json`.
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
    """(source, bytes of the shard's pages in each bucket of hashes)."""
    histogram = np.zeros(NUM_BUCKETS, np.int64)
    rows = read_pages(shard.path, ("text",), [], page_per=shard.page_per, digest=ReadDigest(shard.sha256))
    for _, page in rows:
        histogram[bucket_of(page_hash(page["text"]))] += len(page["text"].encode())
    return shard.source, histogram


class _AddHistograms(beam.CombineFn):
    """Adds up histograms by source."""

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
    """The plan that a run left in its work folder."""
    return Plan(
        **{name: tuple(values) for name, values in json.loads(files.read_bytes(files.join(work, PLAN_FILE))).items()}
    )


def take_pages(shard: SourceShard, plan: Plan, work: str) -> str:
    """Write those of a shard's pages whose hash is below the limit: the sample file's name.

    Beside it goes a file that tells of the rows that are not pages (see `read_bad_rows`).
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


def read_bad_rows(shards: Sequence[SourceShard], work: str) -> tuple[int, list[dict[str, Any]]]:
    """(number of rows of all shards, rows of `quarantine.jsonl`: those that are not pages)."""
    found = [json.loads(files.read_bytes(files.join(work, shard.rows_name))) for shard in shards]
    return sum(one["num_rows"] for one in found), [row for one in found for row in one["quarantined"]]


def read_sample(shards: Sequence[SourceShard], work: str) -> Iterator[tuple[int, list[str]]]:
    """(source, its sampled texts in the order of their hashes), source after source."""
    for source in sorted({shard.source for shard in shards}):
        texts = [
            row["text"]
            for shard in shards
            if shard.source == source
            for row in read_text_shard(files.join(work, shard.sample_name), columns=("text",))
        ]
        yield source, sorted(texts, key=lambda text: (page_hash(text), text))


def read_digests(shards: Sequence[SourceShard], work: str) -> list[str]:
    """SHA-256 of each shard as it was read for the sample."""
    return [json.loads(files.read_bytes(files.join(work, shard.rows_name)))["sha256"] for shard in shards]
