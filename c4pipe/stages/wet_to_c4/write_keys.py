"""Writes the keys of the URLs and lines that a corpus has, so that other crawls can be added to it later.

The keys of the pages of each WET file are in the work folder. As in `pick_losers`, they come together either by reading
the parts of a bucket from every file, or through the runner's shuffle. The files are the same in both ways.
"""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from c4pipe.corpus import deduplication
from c4pipe.corpus.deduplication import KEPT_KEY
from c4pipe.corpus_run.inputs import read_list
from c4pipe.corpus_run.keys import NUM_KEY_PARTS, bucket_edges, num_buckets
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.corpus_run.results import WrittenKeys
from c4pipe.report.summary import SPLIT
from c4pipe.shards import files, names
from c4pipe.shards.manifest import describe_shard
from c4pipe.shards.work.key_files import read_parts, write_key_file
from c4pipe.shards.work.work_files import read_record, write_record
from c4pipe.stages.engine import beam
from c4pipe.stages.gather import read_gathered
from c4pipe.stages.wet_to_c4.finished_file import record_of
from c4pipe.stages.wet_to_c4.keys_of_file import parts_of_kept
from c4pipe.stages.wet_to_c4.packed_rows import packed_by_place
from c4pipe.stages.wet_to_c4.pick_losers import Losses

# The size of a key file, until there are as many as parts.
FILE_BYTES = 32 << 20


class WriteKeys(beam.PTransform):
    """Takes two collections: `Losses` (one per WET file), and the path of the summary of all finished files.

    Gives (number, the `WrittenKeys` as a dict).

    run_key: a singleton side input; empty if nothing is to be written.
    """

    def __init__(self, plan: Plan, run_key) -> None:
        super().__init__()
        self._plan, self._run_key = plan, run_key

    def expand(self, collections):
        losses, summary = collections
        plan, run_key = self._plan, beam.pvalue.AsSingleton(self._run_key)
        names_of_files = summary | "Lay out" >> beam.FlatMap(_lay_out, plan, run_key)
        if plan.through_files:
            return names_of_files | beam.Reshuffle() | "Write" >> beam.Map(_write_from_files, plan, run_key)
        sizes = beam.pvalue.AsSingleton(summary)
        keys = losses | "Emit keys" >> beam.FlatMap(_emit, plan, run_key, sizes)
        # A file without keys is written too.
        none = names_of_files | "No keys" >> beam.Map(lambda name: (name, b""))
        return (
            (keys, none)
            | beam.Flatten()
            | "Group by file" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write_group, plan, run_key)
        )  # fmt: skip


def _num_files(summary: str, plan: Plan) -> dict[str, int]:
    """Kind of key -> the number of its files."""
    volumes = [volume for name, volume in read_gathered(summary)["volumes"].items() if name.startswith(SPLIT)]
    counts = {"urls": sum(volume[0] for volume in volumes), "lines": sum(volume[1] for volume in volumes)}
    return {kind: num_buckets(counts[kind], KEPT_KEY.itemsize, FILE_BYTES) for kind in plan.kinds_of_keys}


def _lay_out(summary: str, plan: Plan, run_key: str) -> list[str]:
    """The names of all key files of the corpus."""
    if not run_key:
        return []
    return [
        names.keys(kind, number, count) for kind, count in _num_files(summary, plan).items() for number in range(count)
    ]


def _kind_and_parts(name: str) -> tuple[str, tuple[int, int]]:
    """The kind of the keys in a file, and their parts."""
    parsed = names.parse(files.base_name(name))
    assert parsed is not None, "the name is ours"
    kind, number, count, _ = parsed
    return kind, bucket_edges(count)[number]


def _keys_of(file: File, kind: str, parts: tuple[int, int], plan: Plan, run_key: str) -> np.ndarray:
    key = record_of(plan, file, run_key)["key"]
    return read_parts(plan.finished(file.stem, key, f".{kind}"), *parts, KEPT_KEY)


def _write_from_files(name: str, plan: Plan, run_key: str) -> tuple[int, dict]:
    kind, parts = _kind_and_parts(name)

    def read() -> list[np.ndarray]:
        return [_keys_of(file, kind, parts, plan, run_key) for file in read_list(plan.inputs)]

    return _write(name, read, plan, run_key)


def _emit(losses: Losses, plan: Plan, run_key: str, summary: str):
    for kind, count in _num_files(summary, plan).items():
        keys = _keys_of(losses.of_file, kind, (0, NUM_KEY_PARTS), plan, run_key)
        ends = np.array([end for _, end in bucket_edges(count)])
        for number, packed in packed_by_place(keys, np.searchsorted(ends, parts_of_kept(keys), side="right"), KEPT_KEY):
            yield names.keys(kind, number, count), packed


def _write_group(element, plan: Plan, run_key: str) -> tuple[int, dict]:
    name, packed = element
    return _write(name, lambda: [np.frombuffer(block, KEPT_KEY) for block in packed], plan, run_key)


def _write(name: str, read: Callable[[], list[np.ndarray]], plan: Plan, run_key: str) -> tuple[int, dict]:
    """Write a key file of the corpus, unless an earlier start has written it. read: gives its keys.

    Returns: its number, and its `WrittenKeys` as a dict.
    """
    (kind, parts), base_name = _kind_and_parts(name), files.base_name(name)
    path = files.join(plan.output, name)
    record_path = plan.later(run_key, "keys", f"{base_name}.json")
    record = read_record(record_path, run_key)
    if record is None or not (files.exists(path) and files.sha256(path) == record["sha256"]):
        kept = deduplication.sorted_kept_keys(np.concatenate([np.empty(0, KEPT_KEY), *read()]).astype(KEPT_KEY))
        write_key_file(path, kept, parts_of_kept(kept), NUM_KEY_PARTS, KEPT_KEY)
        shard = describe_shard(files.join(plan.output, names.KEYS_FOLDER), base_name, len(kept))
        record = asdict(WrittenKeys(kind, shard.file, shard.rows, shard.bytes, shard.sha256))
        write_record(record_path, run_key, record)
    return parts[0], {name: record[name] for name in WrittenKeys.__slots__}
