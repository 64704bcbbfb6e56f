"""The pages of one WET file that are in a corpus, grouped by split: how they are written, and read again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Candidate, Judges, judge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.report.summary import Summary
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.work_files import FINISHED, FinishedPage, JudgedPage, PagesWriter, read_pages, read_record
from c4pipe.stages.wet_to_c4.distinct_pages import DistinctPages
from c4pipe.stages.wet_to_c4.judge_files import FileJudging
from c4pipe.stages.wet_to_c4.keys_of_file import KeysOfFile

_FLUSH_PAGES = 1024
_FLUSH_CHARACTERS = 16 << 20


class Finished(NamedTuple):
    """A finished WET file, whose record in the work folder has its summary.

    file: a `File`, as a plain tuple. is_new: whether its pages were judged now, and not by another run.
    """

    file: tuple
    run_key: str
    is_new: bool


class FinishedFile:
    """Judges the pages of one WET file by the last stages, and writes those that stay, with their keys."""

    def __init__(self, plan: Plan, judges: Judges, writer: PagesWriter) -> None:
        """judges: of `chain.AFTER_NEAR_DUPLICATES`."""
        self._plan, self._judges = plan, judges
        self._summary, self._batches = Summary(plan.samples_per_rule), dict[str, list[int]]()
        self._ledger = Ledger(plan.variant, self._summary)
        self._filed = _FiledBySplit(writer, self._batches)
        self.keys = KeysOfFile(plan.kinds_of_keys)

    @classmethod
    @contextmanager
    def opened(cls, plan: Plan, judges: Judges, path: str) -> Iterator["FinishedFile"]:
        """The file gets its name if the block ends without an error."""
        with PagesWriter(path, FINISHED) as writer:
            finished = cls(plan, judges, writer)
            yield finished
            finished._filed.flush()

    def add(self, pages: Sequence[JudgedPage]) -> None:
        """Judge pages, and write those that stay."""
        candidates = [Candidate(page.url, normalized_url(page.url), page.text, (), page.language) for page in pages]
        for page, candidate, verdict in zip(pages, candidates, judge(self._judges, candidates), strict=True):
            split = chain.split_of_page(self._plan.variant, candidate.normalized_url, page.language)
            self._ledger.add_to_the_end(page.url, page.text, verdict, split)
            if not verdict.stage:
                place = (page.row, page.record, page.url, page.timestamp)
                self._filed.add(split, FinishedPage(*place, verdict.text, page.probability))
                self.keys.add(candidate.normalized_url, verdict.text)

    def record(self, judged: FileJudging | DistinctPages, seconds: float) -> dict:
        """The record of the file: `batches` (split -> numbers of record batches), `rows`, `summary`.

        judged: what gave the pages. seconds: of CPU time.
        """
        summary = Summary.from_json(judged.summary.to_json()).merge(self._summary)
        summary.seconds["finish_files"] += seconds
        return {"batches": self._batches, "rows": judged.num_rows, "summary": summary.to_json()}


class _FiledBySplit:
    """Collects pages by split into record batches of a work file."""

    def __init__(self, writer: PagesWriter, batches: dict[str, list[int]]) -> None:
        self._writer, self._batches = writer, batches
        self._waiting: dict[str, list[FinishedPage]] = {}
        self._num_characters = 0

    def add(self, split: str, page: FinishedPage) -> None:
        """Add a page."""
        self._waiting.setdefault(split, []).append(page)
        self._num_characters += len(page.text)
        if len(self._waiting[split]) >= _FLUSH_PAGES or self._num_characters >= _FLUSH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write all pages that are not written yet."""
        for split, pages in sorted(self._waiting.items()):
            self._batches.setdefault(split, []).append(self._writer.write(pages))
        self._waiting, self._num_characters = {}, 0


def summary_of(plan: Plan, finished: Finished) -> Summary:
    """The summary of a finished file. Raises: DamagedWorkFile if its record is missing or damaged."""
    file_fields, run_key, is_new = finished
    summary = Summary.from_json(record_of(plan, File(*file_fields), run_key)["summary"])
    if is_new:
        summary.totals["finished_now"] = 1
    return summary


def record_of(plan: Plan, file: File, run_key: str) -> dict:
    """The record of a finished file. Raises: DamagedWorkFile if it is missing or damaged."""
    path = plan.later(run_key, "finished", f"{file.stem}.json")
    record = read_record(path, run_key)
    if record is None:
        raise DamagedWorkFile.of(path, "it is gone, or its checksum differs")
    return record


def read_finished(plan: Plan, file: File, run_key: str, split: str) -> Iterator[FinishedPage]:
    """Yield the pages of one split that come from a WET file."""
    record = record_of(plan, file, run_key)
    if batches := record["batches"].get(split):
        for batch in read_pages(plan.finished(file.stem, record["key"], ".arrow"), FinishedPage, batches):
            yield from batch
