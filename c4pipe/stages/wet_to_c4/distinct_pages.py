"""Reads judged pages without the dropped near-duplicates."""

from collections.abc import Iterator

from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import File, Plan, digest
from c4pipe.report.summary import Summary
from c4pipe.shards import cluster_files, files
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.work_files import JudgedPage, read_pages, read_record, write_record
from c4pipe.stages.near_duplicates.members_of_file import MembersOfFile
from c4pipe.stages.wet_to_c4.judge_files import JUDGED_ENDING, Lost


class DistinctPages:
    """The judged pages of one WET file, without the dropped near-duplicates.

    key: a digest of the pages that stay. summary: the outcomes of all pages so far; dropped pages are recorded while
    the pages are read. num_rows: the rows of the cleaned file.
    """

    def __init__(self, plan: Plan, file: File, lost: Lost, clusters_key: str) -> None:
        """clusters_key: the key of the clusters. Raises: DamagedWorkFile."""
        self._plan, self._file, self._clusters_key = plan, file, clusters_key
        self._path = plan.finished(file.stem, lost.key, JUDGED_ENDING)
        self._members = MembersOfFile(plan.clustering, clusters_key, file.number)
        self._dropped = self._members.dropped()
        self.key = digest(lost.key, sorted(self._dropped))
        record = read_record(self._path + ".json", lost.key)
        if record is None:
            raise DamagedWorkFile.of(self._path + ".json", "it is gone, or its checksum differs")
        self.summary, self.num_rows = Summary.from_json(record["summary"]), int(record["rows"])

    def batches(self) -> Iterator[list[JudgedPage]]:
        """Yield the pages that stay, in the order of the file. Raises: DamagedWorkFile."""
        ledger = Ledger(self._plan.variant, self.summary)
        for pages in self._judged():
            for place, page in pages.items():
                if place in self._dropped:
                    ledger.add_near_duplicate(page.url, page.text)
            yield [page for place, page in pages.items() if place not in self._dropped]

    def _judged(self) -> Iterator[dict[int, JudgedPage]]:
        """Yield place -> judged page. The clusters refer to pages by their place in the file."""
        place = 0
        for batch in read_pages(self._path, JudgedPage):
            yield dict(enumerate(batch, start=place))
            place += len(batch)

    def note_members(self) -> None:
        """Write the rows of `clusters.parquet` for the file's pages to the work folder, if not there yet."""
        if are_noted(self._plan, self._file, self._clusters_key):
            return
        for pages in self._judged() if len(self._members) else ():
            for place, page in pages.items():
                if place in self._members:
                    origin = {"wet_file": self._file.name, "record": page.record}
                    self._members.note(place, page.url, page.timestamp, page.text, **origin)
        path = self._plan.of_clusters(self._clusters_key, self._file.stem, ".parquet")
        cluster_files.write_members(path, self._members.rows, cluster_files.OF_WET_FILES)
        record = {"sha256": files.sha256(path), "rows": len(self._members), "shown": self._members.shown}
        write_record(self._plan.of_clusters(self._clusters_key, self._file.stem, ".json"), self._clusters_key, record)


def are_noted(plan: Plan, file: File, clusters_key: str) -> bool:
    """Whether the rows of `clusters.parquet` for a file's pages exist and have the bytes that were written."""
    record = read_record(plan.of_clusters(clusters_key, file.stem, ".json"), clusters_key)
    path = plan.of_clusters(clusters_key, file.stem, ".parquet")
    return record is not None and files.exists(path) and files.sha256(path) == record["sha256"]
