"""Estimating the time of c4_to_vocabulary from a timed trial on a small part of its text."""

import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO, cast

import numpy as np

from c4pipe.errors import UserError
from c4pipe.progress import duration
from c4pipe.shards import files
from c4pipe.shards.digests import CountingReader, ReadDigest
from c4pipe.shards.text_shards import read_text_shard
from c4pipe.stages.sample_pages import NUM_BUCKETS, make_plan
from c4pipe.vocabulary.training import train
from pipelines.jobs.vocabulary import VocabularyJob, WeightedSource

_TRIAL_BYTES = 500_000
# How much of a shard is read to find the ratio of text to compressed bytes.
_MOST_READ_BYTES = 16_000_000
# Used if the ratio cannot be measured, as in Parquet, of which only some columns are read.
_TEXT_PER_PACKED_BYTE = 2.4
_START_SECONDS = 5.0
_MANY_PIECES_MORE = 300


def estimate(job: VocabularyJob) -> str:
    """The output of `--dry_run`. This takes some seconds, because it reads and trains."""
    looks = [_look_into(source, job.page_per) for source in job.sources]
    packed = [sum(map(files.size, source.paths)) for source in job.sources]
    available = [look.text_per_packed_byte * size for look, size in zip(looks, packed, strict=True)]
    spread = {number: np.full(NUM_BUCKETS, size / NUM_BUCKETS) for number, size in enumerate(available)}
    plan = make_plan(spread, [source.weight for source in job.sources], job.sample_bytes)
    taken = [min(size, budget) for size, budget in zip(available, plan.budget_bytes, strict=True)]
    training = _training_seconds(job, looks, taken)
    reading = 2 * sum(look.seconds_per_byte * size for look, size in zip(looks, available, strict=True))
    seconds = _START_SECONDS + reading + training
    return (
        f"would train {job.training.num_pieces:,} pieces into {job.output} on about {sum(taken):,.0f} bytes of "
        f"{len(job.sources)} sources ({len(job.paths)} shards, {sum(packed):,} compressed bytes): about "
        f"{duration(seconds)} on this machine with its present load ({duration(training)} of it for training)"
    )


@dataclass(frozen=True)
class _Look:
    """The beginning of a source's middle shard: texts, bytes of text per byte of the file, seconds per byte of text."""

    texts: Sequence[str]
    text_per_packed_byte: float
    seconds_per_byte: float


def _look_into(source: WeightedSource, page_per: str) -> _Look:
    path = source.paths[len(source.paths) // 2]
    counted, texts, num_bytes = _CountedBytes(), [], 0
    started = time.perf_counter()
    rows = read_text_shard(path, page_per=page_per, on_bad=lambda fault: None, digest=counted)
    for row in rows:
        texts.append(row["text"])
        num_bytes += len(row["text"].encode("utf-8", "surrogatepass"))
        if num_bytes >= _MOST_READ_BYTES:
            break
    seconds = time.perf_counter() - started
    if not num_bytes:
        return _Look([], 0.0, 0.0)
    ratio = num_bytes / counted.num_bytes if counted.num_bytes else _TEXT_PER_PACKED_BYTE
    return _Look(texts, ratio, seconds / num_bytes)


def _training_seconds(job: VocabularyJob, looks: Sequence[_Look], taken: Sequence[float]) -> float:
    """Seconds of training on `taken` bytes of each source, from a trial with as many passes over its smaller text.

    Raises: UserError if the sources have no text.
    """
    whole = sum(taken)
    trial = list(chain.from_iterable(_some(look, _TRIAL_BYTES * size / whole) for look, size in _pairs(looks, taken)))
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in trial)
    least = len(set().union(*trial)) + _MANY_PIECES_MORE if trial else 0
    # SentencePiece makes a pass over the text each time it drops a quarter of its pieces. The number of pieces at the
    # start grows with the size of the text, about as its power 0.4 (measured on 0.5 to 8 MB of English).
    num_pieces = max(int(job.training.num_pieces * (size / whole) ** 0.4), least)
    started = time.perf_counter()
    try:
        train(trial, replace(job.training, num_pieces=min(num_pieces, job.training.num_pieces)))
    except UserError as error:
        raise UserError(f"a trial on {size:,} bytes of the text failed, so nothing is estimated: {error}") from error
    return (time.perf_counter() - started) * whole / max(size, 1)


def _pairs(looks: Sequence[_Look], taken: Sequence[float]) -> list[tuple[_Look, float]]:
    return [(look, size) for look, size in zip(looks, taken, strict=True) if size]


def _some(look: _Look, num_bytes: float) -> list[str]:
    """The first texts, up to a number of bytes."""
    some, reached = [], 0
    for text in look.texts:
        if reached >= num_bytes:
            break
        some.append(text)
        reached += len(text.encode("utf-8", "surrogatepass"))
    return some


class _CountedBytes(ReadDigest):
    """Counts the bytes that are read of a file; 0 if the file is not read from its beginning to its end."""

    _reader: CountingReader | None = None

    @property
    def num_bytes(self) -> int:
        return self._reader.num_bytes if self._reader else 0

    @contextmanager
    def reading(self, path: str, source: BinaryIO, *, in_order: bool):
        self._reader = CountingReader(source) if in_order else None
        yield cast(BinaryIO, self._reader or source)
