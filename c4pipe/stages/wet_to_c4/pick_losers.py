"""Compares the keys of all files in buckets, and tells each file which of its pages or lines lost.

There are two ways, with the same result. On one machine, keys are in files, and each bucket reads its slice of every
file: only the buckets in work are in memory, and a finished bucket is not repeated. On a cluster, packed keys go
through the runner's shuffle.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.inputs import read_list
from c4pipe.corpus_run.keys import KINDS, KeyKind, bucket_edges, num_buckets, parts_around
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.shards.work.key_files import count_rows, is_whole, read_parts, write_key_file
from c4pipe.stages.engine import beam
from c4pipe.stages.wet_to_c4.packed_rows import EmitPacked, pack_places, unpack_places


class Losses(NamedTuple):
    """Where the losers of one WET file are, for each kind of key.

    file: a `File`, as a plain tuple. run_key: names the work of this run. urls, lines: the number of buckets in whose
    files the losers are, or, if keys go through the shuffle, the number of losers in the WET file's own file of losers;
    None if this kind of key has not competed yet, or never does.
    """

    file: tuple
    run_key: str
    urls: int | None = None
    lines: int | None = None

    @property
    def of_file(self) -> File:
        return File(*self.file)

    def with_losers(self, kind: str, number: int) -> "Losses":
        """A copy with the losers of one more kind of key."""
        fields: dict[str, Any] = {kind: number}
        return self._replace(**fields)


def keys_path(plan: Plan, kind: str, stem: str, run_key: str) -> str:
    """The path of a WET file's keys."""
    return plan.cleaned(stem, ".urls") if kind == "urls" else plan.later(run_key, "lines", f"{stem}.lines")


class PickLosersThroughFiles(beam.PTransform):
    """Takes two collections: the number of keys per file (whose keys are already written), and `Losses`.

    Gives the `Losses` with the number of buckets that have the losers of this kind.

    run_key: a singleton side input; empty if the run must not continue.
    """

    def __init__(self, plan: Plan, kind: str, run_key) -> None:
        super().__init__()
        self._plan, self._kind, self._run_key = plan, kind, run_key

    def expand(self, collections):
        counts, losses = collections
        total = counts | "Count keys" >> beam.CombineGlobally(sum)
        done = (
            counts.pipeline
            | beam.Create([None], reshuffle=False)
            | "Lay out buckets"
            >> beam.FlatMap(
                _lay_out, self._plan, self._kind, beam.pvalue.AsSingleton(total), beam.pvalue.AsSingleton(self._run_key)
            )
            | beam.Reshuffle()
            | "Pick" >> beam.ParDo(_PickInBucket(self._plan, self._kind), beam.pvalue.AsSingleton(self._run_key))
            | "All buckets" >> beam.combiners.ToList()
        )
        return losses | "Note buckets" >> beam.Map(_note_buckets, self._kind, beam.pvalue.AsSingleton(done))


def _lay_out(_, plan: Plan, kind: str, num_keys: int, run_key: str):
    if not run_key:
        return []
    # The keys of earlier crawls are counted too, so that many workers read them, however small the new crawl is.
    num_bytes = num_keys * KINDS[kind].dtype.itemsize + plan.earlier.num_bytes(kind)
    return bucket_edges(num_buckets(num_bytes, 1, plan.bucket_bytes))


def _losers_path(plan: Plan, kind: str, bucket: tuple[int, int], run_key: str) -> str:
    return plan.later(run_key, f"{kind}_losers", f"{bucket[0]:04d}-{bucket[1]:04d}.losers")


class _PickInBucket(beam.DoFn):
    def __init__(self, plan: Plan, kind: str) -> None:
        self._plan, self._kind = plan, kind

    def process(self, bucket, run_key: str):
        kind, plan = KINDS[self._kind], self._plan
        path = _losers_path(plan, kind.name, bucket, run_key)
        if not is_whole(path, kind.losers):
            keys = _read_bucket(plan, kind, bucket, run_key)
            losers = kind.losers_among(keys, plan.earlier.have(kind, keys, tuple(bucket)))
            write_key_file(path, losers, losers["file"].astype(np.int64), plan.num_files, kind.losers)
        yield tuple(bucket)


def _read_bucket(plan: Plan, kind: KeyKind, bucket: tuple[int, int], run_key: str) -> np.ndarray:
    """The keys of a bucket, from all files."""
    slices = []
    for file in read_list(plan.inputs):
        keys = read_parts(keys_path(plan, kind.name, file.stem, run_key), *bucket, kind.dtype)
        if len(keys) and keys["file"][0] != file.number:
            # The keys were written by a run in which the file had another number.
            keys = keys.copy()
            keys["file"] = file.number
        slices.append(keys)
    return np.concatenate(slices) if slices else np.zeros(0, kind.dtype)


def _note_buckets(losses: Losses, kind: str, done: list[tuple[int, int]]) -> Losses:
    return losses.with_losers(kind, len(done))


def losers_of(losses: Losses, plan: Plan, kind: str) -> np.ndarray:
    """The losers of a file, (n,) of the kind's losers; empty if this kind of key does not compete."""
    dtype = KINDS[kind].losers
    number: int | None = getattr(losses, kind)
    if not number:
        return np.zeros(0, dtype)
    if not plan.through_files:
        return read_parts(_lost_path(plan, kind, losses), 0, 1, dtype)
    file = losses.of_file
    paths = [_losers_path(plan, kind, bucket, losses.run_key) for bucket in bucket_edges(number)]
    return np.concatenate([read_parts(path, file.number, file.number + 1, dtype) for path in paths])


class PickLosersThroughShuffle(beam.PTransform):
    """As `PickLosersThroughFiles`, for runners with workers on many machines.

    Takes two collections: keys as (bucket, packed keys) from `EmitKeys`, and `Losses`. Gives the `Losses` with the
    number of losers, which are in a file of the work folder: a WET file can have more of them than an element may.
    """

    def __init__(self, plan: Plan, kind: str) -> None:
        super().__init__()
        self._plan, self._kind = plan, kind

    def expand(self, collections):
        keys, losses = collections
        pick = EmitLosers(self._kind, self._plan.earlier, self._plan.shuffle_bits)
        losers = (
            keys
            | "Group by bucket" >> beam.GroupByKey()
            | "Pick" >> beam.ParDo(pick)
        )  # fmt: skip
        by_file = losses | "By file" >> beam.Map(lambda known: (known.of_file.number, known))
        return (
            {"losses": by_file, "losers": losers}
            | "To their files" >> beam.CoGroupByKey()
            | "Join" >> beam.FlatMap(_join, self._plan, self._kind)
        )


class EmitKeys(EmitPacked):
    """Elements -> (bucket, packed keys). keys: gives the keys of an element, (n,) of the kind's keys."""

    def __init__(self, keys: Callable[[Any], np.ndarray], kind: str, bucket_bits: int) -> None:
        super().__init__(keys, partial(_buckets, kind, bucket_bits), KINDS[kind].dtype)


class EmitLosers(EmitPacked):
    """(bucket, all its keys) -> (number of a WET file, packed losers). earlier: the corpora of earlier crawls."""

    def __init__(self, kind: str, earlier: EarlierCrawls, bucket_bits: int) -> None:
        rows = partial(_losers_in_group, kind, earlier, bucket_bits)
        super().__init__(rows, _file_of, KINDS[kind].losers, partial(_pack_losers, kind))


def _buckets(kind: str, bits: int, keys: np.ndarray) -> np.ndarray:
    return KINDS[kind].buckets(keys, bits)


def _losers_in_group(kind: str, earlier: EarlierCrawls, bits: int, element: tuple[int, Iterable[bytes]]) -> np.ndarray:
    bucket, packed = element
    keys = np.frombuffer(b"".join(packed), dtype=KINDS[kind].dtype)
    return KINDS[kind].losers_among(keys, earlier.have(KINDS[kind], keys, parts_around(bucket, bits)))


def _file_of(losers: np.ndarray) -> np.ndarray:
    return losers["file"]


def _pack_losers(kind: str, losers: np.ndarray) -> bytes:
    return pack_places(KINDS[kind].sorted(losers))


def _lost_path(plan: Plan, kind: str, losses: Losses) -> str:
    return plan.later(losses.run_key, f"{kind}_lost", f"{losses.of_file.stem}.losers")


def _join(element, plan: Plan, kind: str):
    _, joined = element
    dtype = KINDS[kind].losers
    # Sorted, so that the file has the same bytes however the engine divides the work.
    unpacked = [unpack_places(packed, dtype) for packed in joined["losers"]]
    lost = KINDS[kind].sorted(np.concatenate([np.empty(0, dtype), *unpacked]).astype(dtype, copy=False))
    for losses in joined["losses"]:
        if len(lost):
            write_key_file(_lost_path(plan, kind, losses), lost, np.zeros(len(lost), np.int64), 1, dtype)
        yield losses.with_losers(kind, len(lost))


def count_keys(path: str, kind: str) -> int:
    """The number of keys in a key file."""
    return count_rows(path, KINDS[kind].dtype)
