"""Text shards without the pages that are near to another one: one shard in, one shard out, rows in their order."""

import json
from array import array
from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from c4pipe.errors import UserError
from c4pipe.near_duplicates_run.plan import Corpus, Plan, TextShard
from c4pipe.shards import cluster_files, files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.manifest import describe_shard
from c4pipe.shards.provenance import find, read_provenance, write_provenance
from c4pipe.shards.reading.record import BadRecord, quarantine_rows
from c4pipe.shards.text_shards import COLUMNS, read_pages, write_text_shard
from c4pipe.shards.work.key_files import read_parts
from c4pipe.shards.work.work_files import read_record, write_record
from c4pipe.stages.near_duplicates.find_clusters import MEMBER, SUMMARY

# Of a page that the report shows, as much text.
SHOWN_CHARACTERS = 3_000


class WriteKept(beam.PTransform):
    """`TextShard` -> its number; the record of what was written lies in the work folder."""

    def __init__(self, plan: Plan, corpus, run_key) -> None:
        super().__init__()
        self._plan, self._corpus, self._run_key = plan, corpus, run_key

    def expand(self, shards):
        corpus, run_key = beam.pvalue.AsSingleton(self._corpus), beam.pvalue.AsSingleton(self._run_key)
        return shards | beam.Map(write_kept, self._plan, corpus, run_key)


def write_kept(shard: TextShard, plan: Plan, corpus: Corpus, run_key: str) -> int:
    """Write one shard of the output and its rows of `clusters.parquet`, unless they are there already."""
    record_path = plan.record(shard, run_key)
    record = read_record(record_path, run_key)
    if record is None or not all(map(files.exists, _written(shard, plan, record))):
        sifter = _Sifter(shard, plan, corpus)
        rows = write_text_shard(plan.written(shard), sifter.kept(), format=plan.format)
        has_provenance = _keep_provenance(shard, plan, sifter)
        cluster_files.write_members(plan.members(shard, run_key), sifter.members)
        described = describe_shard(plan.output, files.base_name(plan.written(shard)), rows)
        record = {
            "shard": [described.file, described.rows, described.bytes, described.sha256],
            "dropped": sifter.num_dropped,
            "dropped_characters": sifter.dropped_characters,
            "shown": sifter.shown,
            "has_provenance": has_provenance,
            "quarantined": quarantine_rows(files.base_name(shard.path), sifter.bad),
        }
        write_record(record_path, run_key, record)
    return shard.number


def _written(shard: TextShard, plan: Plan, record: dict[str, Any]) -> list[str]:
    """The files of the output that a record tells of."""
    return [plan.written(shard), *([plan.provenance(shard)] if record["has_provenance"] else [])]


def _keep_provenance(shard: TextShard, plan: Plan, sifter: "_Sifter") -> bool:
    """Write where the rows that stay came from, if the shard has a provenance file; whether it has one.

    Raises: UserError if that file is damaged, or tells of other rows than the shard has.
    """
    path = find(shard.path)
    if path is None:
        return False
    origins = read_provenance(path)
    if len(origins) != sifter.num_rows:
        raise UserError(
            f"{path} tells of {len(origins):,} rows, {files.base_name(shard.path)} has {sifter.num_rows:,}; make the "
            "folder again, or move its provenance files away"
        )
    write_provenance(plan.provenance(shard), (origins[row] for row in sifter.kept_rows))
    return True


class _Sifter:
    """Parts the rows of a shard; what it met on the way is known once all rows were taken."""

    def __init__(self, shard: TextShard, plan: Plan, corpus: Corpus) -> None:
        self._shard, self._first_page = shard, corpus.first_pages[shard.number]
        self._digest = ReadDigest(corpus.digests[shard.number], again=True)
        members = read_parts(plan.later(corpus.run_key, "clusters", f"{shard.number:05d}.members"), 0, 1, MEMBER)
        self._winners = dict(zip(members["row"].tolist(), members["winner"].tolist(), strict=True))
        self._wanted = _wanted(json.loads(files.read_bytes(plan.later(corpus.run_key, "clusters", SUMMARY))))
        self.members: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}
        self.bad: list[BadRecord] = []
        self.num_pages = self.num_dropped = self.dropped_characters = 0
        self.kept_rows = array("L")

    @property
    def num_rows(self) -> int:
        """Rows of the shard that was read."""
        return self.num_pages + len(self.bad)

    def kept(self) -> Iterator[dict[str, Any]]:
        for row, page in read_pages(self._shard.path, COLUMNS, self.bad, digest=self._digest):
            self.num_pages += 1
            winner = self._winners.get(row)
            if winner is not None:
                self._note(row, page, winner)
            if winner is None or winner == self._first_page + row:
                self.kept_rows.append(row)
                yield page
            else:
                self.num_dropped += 1
                self.dropped_characters += len(page["text"])

    def _note(self, row: int, page: dict[str, Any], winner: int) -> None:
        number = self._first_page + row
        self.members.append(
            {
                "cluster": winner,
                "kept": winner == number,
                "shard": files.base_name(self._shard.path),
                "row": row,
                "url": page["url"],
                "timestamp": page["timestamp"],
                "characters": len(page["text"]),
            }
        )
        if number in self._wanted:
            self.shown[str(number)] = {"url": page["url"], "text": page["text"][:SHOWN_CHARACTERS]}


def _wanted(summary: dict[str, Any]) -> set[int]:
    """The pages whose text the report shows."""
    return {page for page, _ in summary["largest"]} | {page for pair in summary["drawn"] for page in pair}
