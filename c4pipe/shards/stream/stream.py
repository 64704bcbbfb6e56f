"""Streams examples in the order of training. A stream can start at any position, on any number of ranks.

    stream = open_stream([Source("out/examples")], seed=0, batch_size=128, rank=rank, world_size=world_size)
    for batch in stream.batches(position):
        ...
        position += stream.batch_size

The order is a function of (seed, position) and the folders' manifests (see `order` and `mixing`). So the whole state of
a run's data is one number, the number of examples seen. No example is dropped at the end of an epoch: a global batch
may continue in the next epoch.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from c4pipe.choices import check_choice
from c4pipe.errors import UserError
from c4pipe.shards.stream.cache import ShardCache
from c4pipe.shards.stream.choices import BAD_SHARD_POLICIES, DEFAULT_CACHE_BYTES
from c4pipe.shards.stream.example_sources import (
    OpenSource,
    Source,
    check_alike,
    check_sizes,
    open_source,
    parse_sources,
)
from c4pipe.shards.stream.mixing import Mixture
from c4pipe.shards.stream.windows import Rows, WindowReader

__all__ = ["Batch", "Source", "Stream", "open_stream", "parse_sources"]

CLOSE_SECONDS = 10.0


@dataclass(frozen=True)
class Batch:
    """One rank's part of a global batch of B examples: b = B / world_size examples.

    position: the examples seen by all ranks before this batch; for the next batch it is `position + B`. inputs: (b,
    Li), targets: (b, Lt), uint16 or uint32, 0 after EOS. source: (b,) the index of each example's source. example_id:
    (b,) each example's row, counted over all shards of the source's split. The arrays may share memory with later
    batches, so copy them to keep them.
    """

    position: int
    inputs: np.ndarray
    targets: np.ndarray
    source: np.ndarray
    example_id: np.ndarray


class Stream:
    """The examples of several sources in the order of training. Made by `open_stream`."""

    def __init__(
        self,
        sources: Sequence[OpenSource],
        *,
        seed: int,
        batch_size: int,
        rank: int,
        world_size: int,
        num_threads: int,
        cache_dir: str | None,
        cache_bytes: int,
        on_bad_shard: str,
    ) -> None:
        self.sources = tuple(sources)
        self.batch_size = batch_size
        self.rank_batch_size = batch_size // world_size
        self.inputs_length = max(source.inputs_length for source in sources)
        self.targets_length = max(source.targets_length for source in sources)
        self.vocabulary_size = sources[0].vocabulary_size
        self.dtype = sources[0].dtype
        self.num_replaced = 0  # examples of this rank that replaced examples of bad shards
        self.bad_shards: dict[str, str] = {}  # if bad shards are skipped: name -> fault
        self._seed, self._rank, self._num_threads = seed, rank, num_threads
        self._cache_dir, self._cache_bytes, self._skip = cache_dir, cache_bytes, on_bad_shard == "skip"
        self._only_source = np.zeros(self.rank_batch_size, dtype=np.int64)
        self._only_source.flags.writeable = False
        self._mixture = Mixture([source.source.rate for source in sources])

    @property
    def num_examples(self) -> int:
        """The number of examples of one epoch of all sources."""
        return sum(source.num_examples for source in self.sources)

    def batches(self, position: int = 0) -> Iterator[Batch]:
        """Yield this rank's part of each global batch from `position` on, endlessly.

        Closing the iterator stops its threads.

        Raises: UserError that names a shard that is missing or corrupt.
        """
        with ExitStack() as stack:
            cache = ShardCache(self._cache_dir, self._cache_bytes)
            unpackers = ThreadPoolExecutor(self._num_threads, thread_name_prefix="unpack")
            stack.callback(unpackers.shutdown, wait=True, cancel_futures=True)
            feeds = []
            for index, source in enumerate(self.sources):
                reader = WindowReader(source, self._seed, cache, unpackers, self._skip)
                feeds.append(_Feed(self, index, reader, position))
                stack.callback(feeds[-1].close)
            stack.callback(cache.close)  # runs first, so that no thread waits for a shard any longer
            while True:
                yield self._batch(position, feeds)
                position += self.batch_size

    def is_wanted(self, source: int, numbers: np.ndarray, start: int) -> np.ndarray:
        """Which of a source's examples belong to this rank, if global batches begin at position `start`: (n,) bool."""
        positions = self._mixture.positions(source, numbers) - start
        return (positions >= 0) & (positions % self.batch_size // self.rank_batch_size == self._rank)

    def counts(self, source: int, position: int) -> int:
        """The number of the source's examples among the first `position` examples."""
        return int(self._mixture.counts(source, np.array([position]))[0])

    def _batch(self, position: int, feeds: list["_Feed"]) -> Batch:
        if len(feeds) == 1:
            rows = feeds[0].take(self.rank_batch_size)
            inputs, targets = self._padded(rows[0], self.inputs_length), self._padded(rows[1], self.targets_length)
            return Batch(position, inputs, targets, self._only_source, rows[2])
        low = position + self._rank * self.rank_batch_size
        high = low + self.rank_batch_size
        widths = self.inputs_length, self.targets_length
        inputs, targets = (np.zeros((high - low, width), dtype=self.dtype) for width in widths)
        source_of, example_id = np.empty(high - low, dtype=np.int64), np.empty(high - low, dtype=np.int64)
        for index, feed in enumerate(feeds):
            first, last = self.counts(index, low), self.counts(index, high)
            if first == last:
                continue
            places = self._mixture.positions(index, np.arange(first, last)) - low
            taken_inputs, taken_targets, taken_ids = feed.take(last - first)
            inputs[places, : taken_inputs.shape[1]] = taken_inputs
            targets[places, : taken_targets.shape[1]] = taken_targets
            source_of[places], example_id[places] = index, taken_ids
        return Batch(position, inputs, targets, source_of, example_id)

    @staticmethod
    def _padded(ids: np.ndarray, width: int) -> np.ndarray:
        return ids if ids.shape[1] == width else np.pad(ids, ((0, 0), (0, width - ids.shape[1])))


class _Feed:
    """One source's examples for this rank. A thread prepares the next window in the meantime.

    The thread waits for a permit before it reads, which it gets when a window is taken. So there are two windows in
    memory, not three, and the next window is normally ready when a step needs it.
    """

    def __init__(self, stream: Stream, index: int, reader: WindowReader, position: int) -> None:
        self._stream, self._index, self._reader, self._start = stream, index, reader, position
        self._ready: SimpleQueue[Rows | BaseException] = SimpleQueue()
        self._permits = threading.Semaphore(1)
        self._closed = False
        self._rows: Rows | None = None
        self._used = self._end = 0
        self._thread = threading.Thread(target=self._read_ahead, name="window", daemon=True)
        self._thread.start()

    def take(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(inputs, targets, example_id) of the next `count` examples. They are views if all are in one window."""
        parts = []
        while True:
            start, stop = self._used, min(self._used + count, self._end)
            if start < stop and self._rows is not None:
                rows = self._rows
                parts.append((rows.inputs[start:stop], rows.targets[start:stop], rows.example_id[start:stop]))
                self._used, count = stop, count - (stop - start)
            if not count:
                break
            self._advance()
        if len(parts) == 1:
            return parts[0]
        inputs, targets, ids = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return inputs, targets, ids

    def close(self) -> None:
        self._closed = True
        self._permits.release()
        self._thread.join(timeout=CLOSE_SECONDS)
        if not self._thread.is_alive():  # otherwise it waits for a slow download, and ends with the process
            self._reader.close()

    def _advance(self) -> None:
        self._rows = None  # frees the memory before the next window is read
        rows = self._ready.get()
        if isinstance(rows, BaseException):
            self._ready.put(rows)  # so that the next call raises the same error
            raise rows
        self._rows, self._used, self._end = rows, 0, len(rows.example_id)
        self._stream.num_replaced += rows.num_replaced
        self._stream.bad_shards.update(self._reader.bad_shards)
        self._permits.release()

    def _read_ahead(self) -> None:
        try:
            for first, epoch, index in self._reader.windows(self._stream.counts(self._index, self._start)):
                self._permits.acquire()
                if self._closed:
                    return
                self._ready.put(self._reader.read(first, epoch, index, self._is_wanted))
        except BaseException as error:
            self._ready.put(error)

    def _is_wanted(self, numbers: np.ndarray) -> np.ndarray:
        return self._stream.is_wanted(self._index, numbers, self._start)


def open_stream(
    sources: Sequence[Source],
    *,
    seed: int,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
    num_threads: int = 2,
    cache_dir: str | None = None,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
    on_bad_shard: str = "fail",
) -> Stream:
    """Open folders of example shards for training.

    seed: determines the order. batch_size: the size of the global batch, over all ranks. num_threads: the threads that
    decompress in advance; they do not affect the order. cache_dir, cache_bytes: the folder that keeps shards of remote
    folders, and its limit. on_bad_shard: `fail` raises an error that names the shard; `skip` replaces its examples by
    others, and counts them in `Stream.num_replaced`.

    Raises: UserError if a folder is not finished, if folders have different vocabularies, or if the batch cannot be
    divided by the ranks.
    """
    if not sources:
        raise UserError("no folder of examples is given")
    check_choice("policy for bad shards", on_bad_shard, BAD_SHARD_POLICIES)
    if batch_size < 1 or batch_size % world_size:
        raise UserError(f"a global batch of {batch_size} cannot be divided by {world_size} ranks; choose a multiple")
    opened = [open_source(source) for source in sources]
    check_alike(opened)
    if on_bad_shard == "fail":
        for source in opened:
            check_sizes(source)
    return Stream(
        opened,
        seed=seed,
        batch_size=batch_size,
        rank=rank,
        world_size=world_size,
        num_threads=num_threads,
        cache_dir=cache_dir,
        cache_bytes=cache_bytes,
        on_bad_shard=on_bad_shard,
    )
