"""Writes text shards and their provenance files from the files of finished pages."""

from collections.abc import Iterator
from dataclasses import asdict

from c4pipe.corpus.splits import TRAIN, VALIDATION, train_split_of
from c4pipe.corpus_run.inputs import read_list
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.corpus_run.results import WrittenShard
from c4pipe.report.summary import SPLIT
from c4pipe.shards import files, names
from c4pipe.shards.manifest import describe_shard
from c4pipe.shards.provenance import write_provenance
from c4pipe.shards.text_shards import PROBABILITY, Row, write_text_shard
from c4pipe.shards.work.work_files import read_record, write_record
from c4pipe.stages.engine import beam
from c4pipe.stages.gather import read_gathered
from c4pipe.stages.wet_to_c4.finished_file import read_finished, record_of

_TRAIN_SHARDS_PER_VALIDATION_SHARD = 128
_PROBABILITY_DIGITS = 6


class WriteShards(beam.PTransform):
    """The path of the summary of all finished files -> (number, the `WrittenShard` as a dict), in the order of names.

    run_key: a singleton side input; empty if nothing is to be written.
    """

    def __init__(self, plan: Plan, run_key) -> None:
        super().__init__()
        self._plan, self._run_key = plan, run_key

    def expand(self, summary):
        run_key = beam.pvalue.AsSingleton(self._run_key)
        return (
            summary
            | "Lay out" >> beam.FlatMap(_lay_out, self._plan, run_key)
            | beam.Reshuffle()
            | "Write" >> beam.Map(_write, self._plan, run_key)
        )


def _lay_out(summary: str, plan: Plan, run_key: str) -> list[tuple[int, tuple[str, int, int]]]:
    if not run_key:
        return []
    volumes = read_gathered(summary)["volumes"]
    rows = {name.removeprefix(SPLIT): volume[0] for name, volume in volumes.items() if name.startswith(SPLIT)}
    return list(enumerate(lay_out(rows, plan)))


def lay_out(rows_of_split: dict[str, int], plan: Plan) -> list[tuple[str, int, int]]:
    """(split, number of the shard, number of shards in its split) for all shards to write.

    A training split has `num_shards` shards, and its validation split one per 128 of them, at least one. A split
    without rows has one empty shard. Training and validation splits always come in pairs.
    """
    trains = {train_split_of(split) for split in rows_of_split} if plan.variant.splits_by_language else {TRAIN}
    num_validation = max(plan.settings.num_shards // _TRAIN_SHARDS_PER_VALIDATION_SHARD, 1)
    shards: list[tuple[str, int, int]] = []
    if plan.variant.cleans_by_language:
        # These languages were asked for by name, mC4's were not.
        trains |= set(plan.settings.languages)
    for train in sorted(trains):
        validation = f"{train}-{VALIDATION}" if plan.variant.splits_by_language else VALIDATION
        for split, count in ((train, plan.settings.num_shards), (validation, num_validation)):
            count = count if rows_of_split.get(split) else 1
            shards.extend((split, number, count) for number in range(count))
    return shards


def part_of_inputs(number: int, count: int, num_files: int) -> list[tuple[int, int, int]]:
    """The consecutive part of the WET files whose pages go to shard `number` of `count`.

    Returns: (file, first, end), where first and end are in `count`-ths of the file's rows. If there are more shards
    than files, files are divided; if there are fewer, files are joined.

    >>> part_of_inputs(1, 2, 4)
    [(2, 0, 2), (3, 0, 2)]
    >>> part_of_inputs(1, 4, 2), part_of_inputs(2, 4, 2)
    ([(0, 2, 4)], [(1, 0, 2)])
    """
    first, end = number * num_files, (number + 1) * num_files
    parts = []
    for file in range(first // count, -(-end // count)):
        low, high = max(first - file * count, 0), min(end - file * count, count)
        parts.append((file, low, high))
    return parts


def _write(numbered: tuple[int, tuple[str, int, int]], plan: Plan, run_key: str) -> tuple[int, dict]:
    number, shard = numbered
    return number, asdict(_written(shard, plan, run_key))


def _written(element: tuple[str, int, int], plan: Plan, run_key: str) -> WrittenShard:
    """Write a shard and its provenance, unless an earlier start has written them."""
    split, number, count = element
    name = names.text_shard(split, number, count, f".{plan.settings.format}")
    path = files.join(plan.output, name)
    record_path = plan.later(run_key, "shards", f"{name}.json".removeprefix("c4-"))
    record = read_record(record_path, run_key)
    provenance = files.join(plan.output, names.provenance(split, number, count))
    if record is None or not (_is(path, record["sha256"]) and _is(provenance, record["provenance"])):
        origins: list[tuple[str, int]] = []
        found = _rows(split, number, count, plan, run_key, origins)
        rows = write_text_shard(path, found, plan.settings.format, plan.settings.columns)
        write_provenance(provenance, origins)
        shard = describe_shard(plan.output, name, rows)
        written = WrittenShard(split, shard.file, shard.rows, shard.bytes, shard.sha256)
        write_record(record_path, run_key, {**asdict(written), "provenance": files.sha256(provenance)})
        return written
    return WrittenShard(**{name: record[name] for name in WrittenShard.__slots__})


def _is(path: str, sha256: str) -> bool:
    """Whether the file exists and has this SHA-256, so that a restart need not write it again."""
    return files.exists(path) and files.sha256(path) == sha256


def _rows(
    split: str, number: int, count: int, plan: Plan, run_key: str, origins: list[tuple[str, int]]
) -> Iterator[Row]:
    """Yield the rows of a shard in the order of WET files and their records, and append the origin of each."""
    parts = {file: (low, high) for file, low, high in part_of_inputs(number, count, plan.num_files)}
    for file in read_list(plan.inputs):
        if file.number in parts:
            low, high = parts[file.number]
            yield from _rows_of_file(file, split, low, high, count, plan, run_key, origins)


def _rows_of_file(
    file: File, split: str, low: int, high: int, count: int, plan: Plan, run_key: str, origins: list[tuple[str, int]]
) -> Iterator[Row]:
    num_rows = record_of(plan, file, run_key)["rows"]
    first, end = num_rows * low // count, num_rows * high // count
    for page in read_finished(plan, file, run_key, split):
        if first <= page.row < end:
            origins.append((file.name, page.record))
            probability = round(page.probability, _PROBABILITY_DIGITS)
            yield {"text": page.text, "timestamp": page.timestamp, "url": page.url, PROBABILITY: probability}
