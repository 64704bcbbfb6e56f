"""Writes text shards without the dropped near-duplicates. Each input shard gives one output shard."""

from array import array
from collections.abc import Iterator
from typing import Any

from c4pipe.errors import UserError
from c4pipe.near_duplicates_run.plan import Plan
from c4pipe.shards import cluster_files, files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.manifest import describe_shard
from c4pipe.shards.provenance import find, read_provenance, write_provenance
from c4pipe.shards.reading.record import BadRecord, quarantine_rows
from c4pipe.shards.text_shards import COLUMNS, TextShard, read_pages, write_text_shard
from c4pipe.shards.work.work_files import read_record, write_record
from c4pipe.stages.near_duplicates.members_of_file import MembersOfFile
from c4pipe.stages.near_duplicates.sign_pages import TIMES, timestamp_of


def write_kept(shard: TextShard, plan: Plan, run_key: str) -> int:
    """Write one shard of the output and its rows of `clusters.parquet`, unless they are there already.

    The record of what was written is in the work folder. Returns: the number of the shard.
    """
    record_path = plan.record(shard, run_key)
    record = read_record(record_path, run_key)
    if record is None or not all(map(files.exists, _written(shard, plan, record))):
        sifter = _Sifter(shard, MembersOfFile(plan.clustering, run_key, shard.number))
        rows = write_text_shard(plan.written(shard), sifter.kept(), format=plan.format)
        has_provenance = _keep_provenance(shard, plan, sifter)
        cluster_files.write_members(plan.members(shard, run_key), sifter.members.rows)
        described = describe_shard(plan.output, files.base_name(plan.written(shard)), rows)
        record = {
            "shard": [described.file, described.rows, described.bytes, described.sha256],
            "dropped_characters": sifter.dropped_characters,
            "shown": sifter.members.shown,
            "has_provenance": has_provenance,
            "quarantined": quarantine_rows(files.base_name(shard.path), sifter.bad),
        }
        write_record(record_path, run_key, record)
    return shard.number


def _written(shard: TextShard, plan: Plan, record: dict[str, Any]) -> list[str]:
    """The output files of a record."""
    return [plan.written(shard), *([plan.provenance(shard)] if record["has_provenance"] else [])]


def _keep_provenance(shard: TextShard, plan: Plan, sifter: "_Sifter") -> bool:
    """Write the provenance of the rows that stay, if the shard has a provenance file. Returns: whether it has one.

    Raises: UserError if that file is damaged, or does not have the same number of rows as the shard.
    """
    path = find(shard.path)
    if path is None:
        return False
    origins = read_provenance(path)
    if len(origins) != sifter.num_rows:
        raise UserError(
            f"{path} has {len(origins):,} rows, but {files.base_name(shard.path)} has {sifter.num_rows:,}; make the "
            "folder again, or move its provenance files away"
        )
    write_provenance(plan.provenance(shard), (origins[row] for row in sifter.kept_rows))
    return True


class _Sifter:
    """Separates the rows of a shard into kept and dropped. Its attributes are complete after all rows were read."""

    def __init__(self, shard: TextShard, members: MembersOfFile) -> None:
        self._shard, self.members = shard, members
        self.bad: list[BadRecord] = []
        self.num_pages = self.dropped_characters = 0
        self.kept_rows = array("L")

    @property
    def num_rows(self) -> int:
        """The number of rows of the input shard."""
        return self.num_pages + len(self.bad)

    def kept(self) -> Iterator[dict[str, Any]]:
        dropped, name = self.members.dropped(), files.base_name(self._shard.path)
        digest = ReadDigest(self.members.made_from, again=True)
        for row, page in read_pages(self._shard.path, (*COLUMNS, *TIMES), self.bad, digest=digest):
            page["timestamp"] = timestamp_of(page)
            self.num_pages += 1
            if row in self.members:
                self.members.note(row, page["url"], page["timestamp"], page["text"], shard=name, row=row)
            if row in dropped:
                self.dropped_characters += len(page["text"])
            else:
                self.kept_rows.append(row)
                yield page
