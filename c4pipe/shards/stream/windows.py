"""Reads the examples of one source in the order of training, window by window."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.example_shards import ExampleShard, ids_of
from c4pipe.shards.schemas import ROWS_PER_BATCH
from c4pipe.shards.stream.cache import ATTEMPTS, BadShard, ShardCache
from c4pipe.shards.stream.example_sources import OpenSource
from c4pipe.shards.stream.order import EpochOrder, Window

# Numbers of the source's examples, counted over all epochs -> whether this rank needs them.
Wanted = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Rows:
    """Examples of one source in the order of training: inputs (n, Li), targets (n, Lt), example_id (n,).

    num_replaced: how many of them replace rows of a bad shard.
    """

    inputs: np.ndarray
    targets: np.ndarray
    example_id: np.ndarray
    num_replaced: int = 0


class WindowReader:
    """Reads a source's windows for one rank.

    Each record batch of a window is decompressed once, and its rows are written directly to their places in the
    shuffled window. So a training batch is a slice of the window.
    """

    def __init__(
        self, source: OpenSource, seed: int, cache: ShardCache, unpackers: Executor, skip_bad_shards: bool = False
    ) -> None:
        self.source = source
        self.bad_shards: dict[str, str] = {}  # name -> fault
        self._cache = cache
        self._unpackers = unpackers
        self._skip = skip_bad_shards
        self._readers: dict[int, list[ExampleShard]] = {}
        self._here: list[int] = []  # the shards of the present group
        self._requested: set[int] = set()
        self._epoch = lru_cache(maxsize=2)(lambda epoch: EpochOrder(source.layout_of(epoch), seed, epoch))

    def windows(self, number: int) -> Iterator[tuple[int, int, int]]:
        """Yield (number of the window's first example, epoch, window in the epoch), endlessly.

        The first window is the one with example `number`.
        """
        epoch, place = self.source.locate(number)
        order = self._epoch(epoch)
        index = order.window_of(place)
        first_of_epoch = number - place
        while True:
            for index in range(index, order.num_windows):  # noqa: B020 - starts inside the first epoch
                yield first_of_epoch + order.first_row(index), epoch, index
            first_of_epoch += self.source.layout_of(epoch).num_rows
            epoch, index = epoch + 1, 0
            order = self._epoch(epoch)

    def read(self, first: int, epoch: int, index: int, wanted: Wanted) -> Rows:
        """The wanted rows of a window, in order. Waits for its shards, and starts to download those of the next group.

        Raises: UserError that names a missing or corrupt shard, unless bad shards are skipped.
        """
        order = self._epoch(epoch)
        window = order.window(index)
        offset = self.source.first_shard_of(epoch)
        paths = self._fetch(order, window, epoch)
        picked = np.flatnonzero(wanted(first + np.arange(window.num_rows)))
        rows, num_replaced = self._without_bad(window, window.order[picked], offset, paths)
        return self._unpack(window, rows, offset, paths, num_replaced)

    def close(self) -> None:
        for idle in self._readers.values():
            for shard in idle:
                shard.close()
        self._readers.clear()

    def _fetch(self, order: EpochOrder, window: Window, epoch: int) -> dict[int, str | None]:
        """Shard -> local path, for the window's shards (None for a bad shard). Also requests the next group."""
        here = self._shards(order.shards_of_group(window.group), epoch)
        ahead = self._shards(order.shards_of_group(window.group + 1), epoch)
        if not ahead:
            following = self._epoch(epoch + 1)
            ahead = self._shards(following.shards_of_group(0), epoch + 1)
        if here != self._here:
            self._release(self._requested - {*here})
            self._here = here
        requests = {shard: self._request(shard) for shard in here}
        offset = self.source.first_shard_of(epoch)
        paths = {shard: self._wait(shard, requests[shard]) for shard in set((window.shards + offset).tolist())}
        for shard in ahead:  # only now, to not slow down the shards that are needed first
            self._cache.prefetch(self.source.path(shard), self.source.shards[shard])
        self._requested = {*here, *ahead}
        return paths

    def _shards(self, of_replica: list[int], epoch: int) -> list[int]:
        offset = self.source.first_shard_of(epoch)
        return [offset + shard for shard in of_replica]

    def _request(self, shard: int) -> "Future[str]":
        return self._cache.request(self.source.path(shard), self.source.shards[shard])

    def _release(self, shards: set[int]) -> None:
        for shard in shards:
            for idle in self._readers.pop(shard, []):
                idle.close()
        self._cache.release(self.source.path(shard) for shard in shards)

    def _wait(self, shard: int, request: "Future[str]") -> str | None:
        try:
            return request.result()
        except BadShard as error:
            if not self._skip:
                raise
            self.bad_shards[self.source.shards[shard].file] = str(error)
            return None

    def _without_bad(
        self, window: Window, rows: np.ndarray, offset: int, paths: dict[int, str | None]
    ) -> tuple[np.ndarray, int]:
        """(rows with those of bad shards replaced, the number of replaced rows). rows: numbers in the record batches.

        A row of a bad shard is replaced by a row of a good shard of the same window. All ranks choose the same row, and
        all other rows keep their places.
        """
        is_good = np.array([paths[int(shard) + offset] is not None for shard in window.shards])
        if is_good.all():
            return rows, 0
        good_rows = np.flatnonzero(np.repeat(is_good, window.rows))
        if not len(good_rows):
            raise UserError(
                f"{self.source.source.folder}: all shards read together are bad; the first: "
                f"{next(iter(self.bad_shards.values()))}"
            )
        is_bad_row = ~np.repeat(is_good, window.rows)[rows]
        return np.where(is_bad_row, good_rows[rows % len(good_rows)], rows), int(is_bad_row.sum())

    def _unpack(
        self, window: Window, rows: np.ndarray, offset: int, paths: dict[int, str | None], num_replaced: int
    ) -> Rows:
        source = self.source
        result = Rows(
            inputs=np.empty((len(rows), source.inputs_length), dtype=source.dtype),
            targets=np.empty((len(rows), source.targets_length), dtype=source.dtype),
            example_id=np.empty(len(rows), dtype=np.int64),
            num_replaced=num_replaced,
        )
        places = np.argsort(rows, kind="stable")
        sorted_rows = rows[places]
        starts = np.concatenate([[0], np.cumsum(window.rows)])
        cuts = np.searchsorted(sorted_rows, starts)
        jobs = []
        for index, (shard, number) in enumerate(zip(window.shards.tolist(), window.numbers.tolist(), strict=True)):
            part = slice(int(cuts[index]), int(cuts[index + 1]))
            if part.start == part.stop:
                continue
            wanted, to = sorted_rows[part] - starts[index], places[part]
            first_id = int(source.first_ids[shard + offset]) + number * ROWS_PER_BATCH
            result.example_id[to] = first_id + wanted
            path = paths[shard + offset]
            assert path is not None
            jobs.append(self._unpackers.submit(self._unpack_batch, result, shard + offset, path, number, wanted, to))
        for job in jobs:
            job.result()
        return result

    def _unpack_batch(
        self, result: Rows, shard: int, path: str, number: int, wanted: np.ndarray, to: np.ndarray
    ) -> None:
        with self._reader(shard, path) as reader:
            batch = reader.batch(number)
        if len(wanted) and wanted[-1] >= batch.num_rows:
            raise UserError(f"{self.source.path(shard)} has fewer rows than its manifest says; make the folder again")
        whole = result.num_replaced == 0 and len(wanted) == batch.num_rows
        for out, column in ((result.inputs, "inputs"), (result.targets, "targets")):
            ids = ids_of(batch, column, out.shape[1], self.source.path(shard))
            out[to] = ids if whole else ids[wanted]

    @contextmanager
    def _reader(self, shard: int, path: str) -> Iterator[ExampleShard]:
        """An open shard for the use of one thread, because Arrow's readers are not thread-safe."""
        idle = self._readers.setdefault(shard, [])
        try:
            reader = idle.pop()
        except IndexError:
            reader = self._open(shard, path)
        yield reader
        idle.append(reader)

    def _open(self, shard: int, path: str) -> ExampleShard:
        for attempt in range(ATTEMPTS):
            try:
                return self._checked(ExampleShard(path, columns=("inputs", "targets")), shard)
            except UserError as error:
                is_gone = isinstance(error.__cause__, FileNotFoundError) and files.is_remote(self.source.path(shard))
                if not is_gone or attempt == ATTEMPTS - 1:
                    raise
            # Another process that shares the cache has removed the file because it needed space. It may do so again.
            path = self._cache.request_again(self.source.path(shard), self.source.shards[shard]).result()
        raise AssertionError("unreachable")

    def _checked(self, reader: ExampleShard, shard: int) -> ExampleShard:
        try:
            reader.check_rows(self.source.shards[shard].rows, self.source.path(shard))
        except UserError:
            reader.close()
            raise
        return reader
