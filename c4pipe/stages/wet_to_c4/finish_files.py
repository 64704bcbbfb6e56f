"""Finishes cleaned files: removes the pages and lines that they lost, judges the rest, and groups it by split."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence

import apache_beam as beam
import numpy as np

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Candidate, Judges, Verdict, judge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus_run.judges_of_worker import judges_of_worker
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import EXCLUDED_ASSET, File, Plan, digest
from c4pipe.report.summary import Size, Summary
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.work_files import (
    FINISHED,
    CleanedPage,
    FinishedPage,
    PagesWriter,
    is_whole,
    read_pages,
    read_record,
    write_record,
)
from c4pipe.stages.wet_to_c4.pack_lines import lost_rows
from c4pipe.stages.wet_to_c4.pick_losers import Losses, losers_of

_FLUSH_PAGES = 1024
_FLUSH_CHARACTERS = 16 << 20


class FinishFiles(beam.PTransform):
    """`Losses` -> the JSON text of a `Summary` for each.

    run_key: a singleton side input that names the work of this run.
    """

    def __init__(self, plan: Plan, run_key) -> None:
        super().__init__()
        self._plan, self._run_key = plan, run_key

    def expand(self, losses):
        return losses | beam.ParDo(_FinishFile(self._plan), beam.pvalue.AsSingleton(self._run_key))


class _FinishFile(beam.DoFn):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._judges = judges_of_worker(self._plan, chain.AFTER_LINES)

    def process(self, losses: Losses, run_key: str):
        record_path = self._plan.later(run_key, "finished", f"{losses.of_file.stem}.json")
        record = read_record(record_path, run_key)
        if record is not None and not is_whole(self._plan.finished(losses.of_file.stem, record["key"], ".arrow")):
            record = None
        is_new = False
        if record is None:
            record, is_new = self._finish(losses, run_key)
            write_record(record_path, run_key, record)
        if is_new:
            record["summary"]["totals"]["finished_now"] = 1
        yield json.dumps(record["summary"])

    def _finish(self, losses: Losses, run_key: str) -> tuple[dict, bool]:
        """The record of a finished file, and whether it was made now.

        A file that another run made from the same cleaned pages with the same losses is reused. After a takedown these
        are nearly all files.
        """
        plan, file = self._plan, losses.of_file
        lost = lost_rows(losers_of(losses, plan, "urls", run_key))
        lost_lines = _lost_lines(losers_of(losses, plan, "lines", run_key))
        cleaned_path = plan.cleaned(file.stem, ".json")
        cleaned = read_record(cleaned_path)
        if cleaned is None:
            raise DamagedWorkFile.of(cleaned_path, "its checksum differs")
        cleaned_from = [cleaned["made_from"], cleaned["excluded"]]
        key = digest(plan.finishing_key, cleaned_from, sorted(map(int, lost)), sorted(lost_lines.items()))
        own_path = plan.finished(file.stem, key, ".json")
        record = read_record(own_path, key)
        if record is not None and not is_whole(plan.finished(file.stem, key, ".arrow")):
            record = None
        is_new = record is None
        if record is None:
            finishing = FileFinishing(plan, self._judges, lost, lost_lines)
            record = finishing.finish(file, plan.finished(file.stem, key, ".arrow"))
            write_record(own_path, key, record)
        if EXCLUDED_ASSET not in plan.settings.assets:
            _forget_stage(record["summary"], chain.EXCLUDED_URLS.name)
        of_run = {name: record[name] for name in ("batches", "rows", "summary")}
        return {**of_run, "key": key}, is_new


def _forget_stage(summary: dict, stage: str) -> None:
    """Remove a stage from a summary, because the summary may come from a run with this stage, and this run has none."""
    for counts in (summary["counters"], summary["volumes"]):
        for name in [name for name in counts if name.partition("/")[0] == stage]:
            del counts[name]


def _lost_lines(losers: np.ndarray) -> dict[int, list[int]]:
    """Row -> the numbers of its lost lines."""
    losers = losers[np.lexsort((losers["index"], losers["row"]))]
    edges = np.flatnonzero(np.diff(losers["row"].astype(np.int64))) + 1
    return {int(part["row"][0]): part["index"].tolist() for part in np.split(losers, edges) if len(part)}


class FileFinishing:
    """Judges the pages of one WET file by the last stages.

    lost: the rows of pages that lost their URL. lost_lines: row -> the numbers of the lines that other pages keep.
    """

    def __init__(
        self, plan: Plan, judges: Judges, lost: frozenset[int], lost_lines: Mapping[int, Sequence[int]]
    ) -> None:
        self._plan, self._judges = plan, judges
        self._lost, self._lost_lines = lost, lost_lines
        self._summary = Summary(plan.samples_per_rule)
        self._ledger = Ledger(plan.variant, self._summary)

    def finish(self, file: File, path: str) -> dict:
        """Write the file's pages in the corpus. Returns the record: `batches` (split -> record batches), `summary`."""
        started = time.thread_time()
        batches: dict[str, list[int]] = {}
        with PagesWriter(path, FINISHED) as writer:
            filed = _FiledBySplit(writer, batches)
            num_rows = 0
            for batch in read_pages(self._plan.cleaned(file.stem, ".arrow"), CleanedPage):
                self._finish_batch(dict(enumerate(batch, start=num_rows)), filed)
                num_rows += len(batch)
            filed.flush()
        self._summary.seconds["finish_files"] = time.thread_time() - started
        return {"batches": batches, "rows": num_rows, "summary": self._summary.to_json()}

    def _finish_batch(self, pages: dict[int, CleanedPage], filed: "_FiledBySplit") -> None:
        """Judge and write some pages. pages: row -> page."""
        winners = {row: page for row, page in pages.items() if self._stays_so_far(row, page)}
        candidates = [self._candidate(row, page) for row, page in winners.items()]
        verdicts = judge(self._judges, candidates)
        for (row, page), candidate, verdict in zip(winners.items(), candidates, verdicts, strict=True):
            split = chain.split_of_page(self._plan.variant, candidate.normalized_url, verdict.language)
            self._ledger.add_after_lines(page.url, page.text, candidate.lost_lines, verdict, split)
            if not verdict.stage:
                filed.add(split, FinishedPage(row, page.record, page.url, page.timestamp, verdict.text))

    def _stays_so_far(self, row: int, page: CleanedPage) -> bool:
        """Whether a page won its URL and passed the stages up to cleaning. Records the outcome in the ledger."""
        size = Size(page.lines, page.bytes)
        if row in self._lost:
            self._ledger.add_url_loser(page.url, size, page.text)
            return False
        verdict = Verdict(
            page.text, page.stage, page.reason, line_counts=tuple(page.line_counts), counters=tuple(page.counters)
        )
        self._ledger.add_after_urls(page.url, size, verdict)
        return not page.stage

    def _candidate(self, row: int, page: CleanedPage) -> Candidate:
        return Candidate(page.url, normalized_url(page.url), page.text, self._lost_lines.get(row, ()))


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
