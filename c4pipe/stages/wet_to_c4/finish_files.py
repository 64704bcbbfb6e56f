"""Finishes cleaned files: removes the pages and lines that they lost, judges the rest, and groups it by split."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Candidate, Judges, judge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus_run.judges_of_worker import judges_of_worker
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import EXCLUDED_ASSET, File, Plan
from c4pipe.report.summary import Summary
from c4pipe.shards.judged_pages import JudgedPage
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.work_files import (
    FINISHED,
    FinishedPage,
    PagesWriter,
    is_whole,
    read_pages,
    read_record,
    write_record,
)
from c4pipe.stages.wet_to_c4.distinct_pages import DistinctPages, are_noted
from c4pipe.stages.wet_to_c4.judge_files import FileJudging, lost_of
from c4pipe.stages.wet_to_c4.keys_of_file import KeysOfFile, are_whole
from c4pipe.stages.wet_to_c4.pick_losers import Losses

_FLUSH_PAGES = 1024
_FLUSH_CHARACTERS = 16 << 20


class Finished(NamedTuple):
    """A finished WET file, whose record in the work folder has its summary.

    file: a `File`, as a plain tuple. is_new: whether its pages were judged now, and not by another run.
    """

    file: tuple
    run_key: str
    is_new: bool


class FinishFiles(beam.PTransform):
    """`Losses` -> `Finished` for each.

    run_key: a singleton side input that names the work of this run. clusters_key: a singleton side input that names the
    clusters of near-duplicates; None if they are not dropped.
    """

    def __init__(self, plan: Plan, run_key, clusters_key=None) -> None:
        super().__init__()
        self._plan = plan
        self._side_inputs = [run_key] if clusters_key is None else [run_key, clusters_key]

    def expand(self, losses):
        return losses | beam.ParDo(_FinishFile(self._plan), *map(beam.pvalue.AsSingleton, self._side_inputs))


class _FinishFile(beam.DoFn):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._judges_after_lines = judges_of_worker(self._plan, chain.AFTER_LINES)
        self._last_judges = judges_of_worker(self._plan, chain.AFTER_NEAR_DUPLICATES)

    def process(self, losses: Losses, run_key: str, clusters_key: str = ""):
        plan, file = self._plan, losses.of_file
        record_path = plan.later(run_key, "finished", f"{file.stem}.json")
        record = read_record(record_path, run_key)
        if record is not None and not _are_whole(plan, file, record["key"]):
            record = None
        is_new = False
        if record is None or not (clusters_key == "" or are_noted(plan, file, clusters_key)):
            record, is_new = self._finish(losses, clusters_key)
            write_record(record_path, run_key, record)
        yield Finished(tuple(file), run_key, is_new)

    def _finish(self, losses: Losses, clusters_key: str) -> tuple[dict, bool]:
        """The record of a finished file, and whether it was made now.

        A file that another run made from the same cleaned pages with the same losses is reused. After a takedown these
        are nearly all files.
        """
        plan, file = self._plan, losses.of_file
        judged = self._judged(losses, clusters_key)
        own_path, pages_path = (plan.finished(file.stem, judged.key, ending) for ending in (".json", ".arrow"))
        record = read_record(own_path, judged.key)
        if record is not None and not _are_whole(plan, file, judged.key):
            record = None
        is_new = record is None
        if record is None:
            keys = KeysOfFile(plan.kinds_of_keys)
            record = FileFinishing(plan, self._last_judges).finish(judged, pages_path, keys)
            keys.write(plan, file.stem, judged.key)
            write_record(own_path, judged.key, record)
        if isinstance(judged, DistinctPages):
            judged.note_members()
        if EXCLUDED_ASSET not in plan.settings.assets:
            _forget_stage(record["summary"], chain.EXCLUDED_URLS.name)
        of_run = {name: record[name] for name in ("batches", "rows", "summary")}
        return {**of_run, "key": judged.key}, is_new

    def _judged(self, losses: Losses, clusters_key: str) -> FileJudging | DistinctPages:
        plan, file = self._plan, losses.of_file
        lost = lost_of(losses, plan)
        if clusters_key:
            return DistinctPages(plan, file, lost, clusters_key)
        return FileJudging(plan, file, lost, self._judges_after_lines)


def _are_whole(plan: Plan, file: File, key: str) -> bool:
    """Whether the finished pages of a file and their keys have the bytes that were written."""
    return is_whole(plan.finished(file.stem, key, ".arrow")) and are_whole(plan, file.stem, key)


def _forget_stage(summary: dict, stage: str) -> None:
    """Remove a stage from a summary, because the summary may come from a run with this stage, and this run has none."""
    for counts in (summary["counters"], summary["volumes"]):
        for name in [name for name in counts if name.partition("/")[0] == stage]:
            del counts[name]


class FileFinishing:
    """Judges the pages of one WET file by the last stages. judges: theirs."""

    def __init__(self, plan: Plan, judges: Judges) -> None:
        self._plan, self._judges = plan, judges

    def finish(self, judged: FileJudging | DistinctPages, path: str, keys: KeysOfFile) -> dict:
        """Write the file's pages of the corpus, and collect their keys.

        Record: `batches` (split -> numbers of record batches), `summary`.
        """
        started = time.thread_time()
        summary, batches = judged.summary, dict[str, list[int]]()
        ledger = Ledger(self._plan.variant, summary)
        with PagesWriter(path, FINISHED) as writer:
            filed = _FiledBySplit(writer, batches)
            for pages in judged.batches():
                self._finish_batch(pages, filed, ledger, keys)
            filed.flush()
        summary.seconds["finish_files"] += time.thread_time() - started
        return {"batches": batches, "rows": judged.num_rows, "summary": summary.to_json()}

    def _finish_batch(
        self, pages: Sequence[JudgedPage], filed: "_FiledBySplit", ledger: Ledger, keys: KeysOfFile
    ) -> None:
        candidates = [Candidate(page.url, normalized_url(page.url), page.text, (), page.language) for page in pages]
        for page, candidate, verdict in zip(pages, candidates, judge(self._judges, candidates), strict=True):
            split = chain.split_of_page(self._plan.variant, candidate.normalized_url, page.language)
            ledger.add_to_the_end(page.url, page.text, verdict, split)
            if not verdict.stage:
                place = (page.row, page.record, page.url, page.timestamp)
                filed.add(split, FinishedPage(*place, verdict.text, page.probability))
                keys.add(candidate.normalized_url, verdict.text)


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
