"""Folders of example shards as sources of a stream: their split, their rate, and the examples to hold out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.shards.manifest import Shard
from c4pipe.shards.reading.source_names import parse_source_names
from c4pipe.shards.schemas import MAX_NARROW_VOCABULARY, ROWS_PER_BATCH
from c4pipe.shards.stream.cache import check_shard, check_size
from c4pipe.shards.stream.order import Layout, group_shards

KINDS = ("examples", "tasks")
# No record batch is smaller, however well it is compressed; and no folder has more rows.
_LEAST_BATCH_BYTES = 64
_MAX_ROWS = 1 << 36


@dataclass(frozen=True)
class Source:
    """A folder of example shards to stream from.

    rate: its share of the mixture, relative to the other sources. split: a split of the manifest; in a folder of tasks,
    `train` means every `TASK-train`, one after the other. hold_out: the number of last examples that are not streamed
    (see `held_out`). max_examples: the number of first examples that are streamed, of each replica; None: all.
    """

    folder: str
    rate: float = 1.0
    split: str = "train"
    hold_out: int = 0
    max_examples: int | None = None


def parse_sources(text: str, split: str = "train") -> list[Source]:
    """Sources from a flag: `DIR[@SPLIT][:rate],...`.

    >>> parse_sources("out/en:10,gs://bucket/de@sst2-train")
    ... # doctest: +NORMALIZE_WHITESPACE
    [Source(folder='out/en', rate=10.0, split='train', hold_out=0, max_examples=None),
     Source(folder='gs://bucket/de', rate=1.0, split='sst2-train', hold_out=0, max_examples=None)]

    Raises: UserError if a rate is not a number above 0.
    """
    return [
        Source(name.path.rstrip("/") or name.path, name.weight, split if name.split is None else name.split)
        for name in parse_source_names(text)
    ]


@dataclass(frozen=True)
class OpenSource:
    """A source whose manifest was read and checked.

    shards: the shards of all replicas, in the order of the manifest. first_ids: the number of each shard's first row,
    counted over all shards; an example's id is this number plus its row. layouts: one per replica; epoch e reads
    replica e modulo the number of replicas.
    """

    source: Source
    settings: dict[str, Any]
    assets: dict[str, str]
    shards: tuple[Shard, ...]
    first_ids: np.ndarray
    layouts: tuple[Layout, ...]

    @property
    def inputs_length(self) -> int:
        return int(self.settings["inputs_length"])

    @property
    def targets_length(self) -> int:
        return int(self.settings["targets_length"])

    @property
    def vocabulary_size(self) -> int:
        return int(self.settings["vocabulary_size"])

    @property
    def denoisers(self) -> tuple[str, ...]:
        """The names of the denoisers, if the examples are of a mixture; otherwise empty."""
        return tuple(str(row["name"]) for row in self.settings.get("denoisers") or ())

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """The dtype of ids of this vocabulary."""
        return np.uint16 if self.vocabulary_size <= MAX_NARROW_VOCABULARY else np.uint32

    @property
    def num_examples(self) -> int:
        """The number of examples of one epoch (the first epoch, if replicas differ)."""
        return self.layouts[0].num_rows

    @property
    def rows_of_cycle(self) -> int:
        """The number of examples of all replicas, that is of as many epochs."""
        return sum(layout.num_rows for layout in self.layouts)

    def locate(self, number: int) -> tuple[int, int]:
        """(epoch, place in the epoch's order) of the source's example `number`, counted over all epochs."""
        cycle, place = divmod(number, self.rows_of_cycle)
        epoch = cycle * len(self.layouts)
        while place >= self.layout_of(epoch).num_rows:
            place -= self.layout_of(epoch).num_rows
            epoch += 1
        return epoch, place

    def layout_of(self, epoch: int) -> Layout:
        return self.layouts[epoch % len(self.layouts)]

    def first_shard_of(self, epoch: int) -> int:
        """Index into `shards` of the first shard of the epoch's replica."""
        return (epoch % len(self.layouts)) * (len(self.shards) // len(self.layouts))

    def path(self, shard: int) -> str:
        return files.join(self.source.folder, self.shards[shard].file)


def open_source(source: Source) -> OpenSource:
    """Read and check a source's manifest.

    Raises: UserError if the folder is not finished, does not have examples, or lacks the split.
    """
    made = manifest.read(source.folder)
    if made.kind not in KINDS:
        raise UserError(
            f"{source.folder} has {made.kind}, not examples; give a folder made by c4_to_examples or tasks_to_examples"
        )
    missing = [
        name for name in ("inputs_length", "targets_length", "vocabulary_size") if made.settings.get(name) is None
    ]
    if missing:
        raise UserError(f"{source.folder}: the manifest's settings lack {', '.join(missing)}; make the folder again")
    denoisers = made.settings.get("denoisers") or []
    if not isinstance(denoisers, list) or not all(isinstance(row, dict) and "name" in row for row in denoisers):
        raise UserError(f"{source.folder}: the manifest's denoisers have no names; make the folder again")
    shards = tuple(shard for name in _splits(made, source) for shard in made.splits[name])
    replicas = int(made.settings.get("replicas", 1)) if source.split == "train" and made.kind == "examples" else 1
    if len(shards) % replicas:
        raise UserError(f"{source.folder}: {len(shards)} shards are not {replicas} whole replicas; make it again")
    _check_rows_are_possible(source.folder, shards)
    rows = np.array([shard.rows for shard in shards], dtype=np.int64)
    group = group_shards([shard.bytes for shard in shards])
    layouts = tuple(
        Layout(tuple(_streamed(_less_the_last(part, source.hold_out), source).tolist()), group)
        for part in np.split(rows, replicas)
    )
    if not all(layout.num_rows for layout in layouts):
        raise UserError(
            f"{source.folder}: the split {source.split!r} has {int(rows.sum())} examples"
            + (f" and {source.hold_out} are held out" if source.hold_out else "")
            + "; nothing is left to stream"
        )
    first_ids = np.concatenate([[0], np.cumsum(rows)[:-1]])
    return OpenSource(source, dict(made.settings), dict(made.assets), shards, first_ids, layouts)


def _check_rows_are_possible(folder: str, shards: Sequence[Shard]) -> None:
    """Check the manifest's numbers of rows, because the order of training needs memory for them before shards are read.

    Raises: UserError if a shard cannot have so many rows.
    """
    for shard in shards:
        if shard.rows > (shard.bytes // _LEAST_BATCH_BYTES) * ROWS_PER_BATCH:
            raise UserError(
                f"{folder}: its manifest says that {shard.file} has {shard.rows:,} rows in {shard.bytes:,} bytes; "
                "make the folder again"
            )
    if sum(shard.rows for shard in shards) > _MAX_ROWS:
        raise UserError(f"{folder}: its manifest says more than {_MAX_ROWS:,} rows; make the folder again")


def _splits(made: manifest.Manifest, source: Source) -> list[str]:
    if source.split in made.splits:
        return [source.split]
    of_tasks = sorted(name for name in made.splits if name.endswith(f"-{source.split}"))
    if made.kind == "tasks" and of_tasks:
        return of_tasks
    there = ", ".join(sorted(made.splits)) or "none"
    raise UserError(f"{source.folder} has no split {source.split!r}; its splits: {there}")


def _less_the_last(rows: np.ndarray, count: int) -> np.ndarray:
    """The row counts of shards without the last `count` rows of all.

    >>> _less_the_last(np.array([5, 5, 2]), 4)
    array([5, 3, 0])
    """
    ends = np.cumsum(rows)
    kept = np.clip(ends[-1:] - count - (ends - rows), 0, rows) if len(rows) else rows
    return kept


def _streamed(rows: np.ndarray, source: Source) -> np.ndarray:
    """The row counts of the shards that have the first `max_examples` rows, without the shards after these.

    >>> _streamed(np.array([5, 5, 2]), Source("examples", max_examples=7))
    array([5, 2])

    Raises: UserError if there are not so many rows.
    """
    if source.max_examples is None:
        return rows
    if source.max_examples > rows.sum():
        raise UserError(
            f"{source.folder}: {source.max_examples:,} examples are to be used, but there are only {rows.sum():,}"
            + (f" beside the {source.hold_out:,} that are held out for validation" if source.hold_out else "")
            + "; use fewer, or make more"
        )
    ends = np.cumsum(rows)
    used = np.clip(source.max_examples - (ends - rows), 0, rows)
    return used[: int(np.searchsorted(ends, source.max_examples)) + 1]


def check_sizes(opened: OpenSource) -> None:
    """Check that each shard of a local folder has its full size, before anything is streamed.

    Raises: UserError that names a missing or truncated shard.
    """
    if not files.is_remote(opened.source.folder):
        for index, shard in enumerate(opened.shards):
            check_size(opened.path(index), opened.path(index), shard)


def check_alike(sources: Sequence[OpenSource]) -> None:
    """Check that all sources of a stream have the same vocabulary.

    Raises: UserError that names two sources that differ.
    """
    first = sources[0]
    for other in sources[1:]:
        models = [source.assets.get("spiece.model") for source in (first, other)]
        if first.vocabulary_size != other.vocabulary_size or (None not in models and models[0] != models[1]):
            raise UserError(
                f"{first.source.folder} and {other.source.folder} were made with different vocabularies "
                f"({first.vocabulary_size} and {other.vocabulary_size} ids); make both with the same one"
            )


@dataclass(frozen=True)
class Rows:
    """Examples: inputs (n, Li) and targets (n, Lt), uint16 or uint32, 0 after EOS; denoisers (n,) uint8, the number of
    each example's denoiser, or None if the examples are not of a mixture."""

    inputs: np.ndarray
    targets: np.ndarray
    denoisers: np.ndarray | None = None


def held_out(source: Source) -> Rows:
    """The last `hold_out` examples of a source, which are not streamed."""
    opened = open_source(replace(source, hold_out=0))
    num_rows = opened.num_examples
    return read_rows(opened, max(0, num_rows - source.hold_out), num_rows)


def read_examples(source: Source, count: int | None = None) -> Rows:
    """The first `count` examples of a split (all if None), in the order of the files."""
    opened = open_source(source)
    num_rows = opened.num_examples
    return read_rows(opened, 0, num_rows if count is None else min(count, num_rows))


def read_rows(opened: OpenSource, start: int, stop: int) -> Rows:
    """Rows start..stop-1 of the first replica, in the order of the files.

    Raises: UserError that names a shard that is missing or corrupt.
    """
    _check_shards(opened, start, stop)
    count = max(0, stop - start)
    inputs = np.zeros((count, opened.inputs_length), dtype=opened.dtype)
    targets = np.zeros((count, opened.targets_length), dtype=opened.dtype)
    denoisers = np.zeros(count, np.uint8) if opened.denoisers else None
    for shard, number, part, place in _batches(opened, start, stop):
        for out, column in ((inputs, "inputs"), (targets, "targets")):
            ids = shard.ids(number, column, out.shape[1])[part]
            out[place : place + len(ids)] = ids
        if denoisers is not None:
            numbers = shard.denoisers(number)[part]
            if numbers.max(initial=0) >= len(opened.denoisers):
                raise UserError(f"{shard.path} has other denoisers than its manifest; make the folder again")
            denoisers[place : place + len(numbers)] = numbers
    return Rows(inputs, targets, denoisers)


def _check_shards(opened: OpenSource, start: int, stop: int) -> None:
    """Check the shards of these rows, before memory for the manifest's rows is allocated. Raises: UserError."""
    for index, _, _ in _parts(opened, start, stop):
        check_shard(opened.path(index), opened.shards[index])
        with ExampleShard(opened.path(index)) as shard:
            shard.check_rows(opened.shards[index].rows)


def _parts(opened: OpenSource, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Which rows of which shards of the first replica are in start..stop-1: yields (shard, first row, row after)."""
    for index in range(len(opened.shards) // len(opened.layouts)):
        first = int(opened.first_ids[index])
        low, high = max(start, first), min(stop, first + opened.shards[index].rows)
        if low < high:
            yield index, low, high


def _batches(opened: OpenSource, start: int, stop: int) -> Iterator[tuple[ExampleShard, int, slice, int]]:
    """The record batches of rows start..stop-1: yields (shard, number of batch, rows of it, place of the first one)."""
    for index, low, high in _parts(opened, start, stop):
        first = int(opened.first_ids[index])
        with ExampleShard(opened.path(index)) as shard:
            for number in range((low - first) // ROWS_PER_BATCH, (high - first - 1) // ROWS_PER_BATCH + 1):
                begin = first + number * ROWS_PER_BATCH
                yield shard, number, slice(max(low - begin, 0), high - begin), max(low, begin) - start
