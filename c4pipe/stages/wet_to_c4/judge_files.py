"""Judges the pages of cleaned files up to their language, after removing what they lost.

If near-duplicates are dropped, the judged pages are written to files, with the keys to find near-duplicates. Otherwise
finishing continues with them directly.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Candidate, Judges, Verdict, judge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus_run.judges_of_worker import judges_of_worker
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import File, Plan, digest
from c4pipe.near_duplicates.signatures import Signatures
from c4pipe.near_duplicates_run.clustering import Signed
from c4pipe.report.summary import Size, Summary
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.work_files import (
    JUDGED,
    CleanedPage,
    JudgedPage,
    PagesWriter,
    is_whole,
    read_pages,
    read_record,
    write_record,
)
from c4pipe.stages.engine import beam
from c4pipe.stages.near_duplicates.sign_pages import SigningOfFile, are_whole
from c4pipe.stages.wet_to_c4.pack_lines import lost_rows
from c4pipe.stages.wet_to_c4.pick_losers import Losses, losers_of

JUDGED_ENDING = ".judged"


class Lost(NamedTuple):
    """The losses of the pages of one cleaned file.

    key: a digest of the cleaned file, its losses and the settings. rows: the rows of pages that lost their URL. lines:
    row -> the numbers of the lines that other pages keep. earlier_rows, earlier_lines: of pages and lines that the
    corpora of earlier crawls have.
    """

    key: str
    rows: frozenset[int]
    lines: Mapping[int, Sequence[int]]
    earlier_rows: frozenset[int]
    earlier_lines: Mapping[int, Sequence[int]]


def lost_of(losses: Losses, plan: Plan) -> Lost:
    """Read the losses. Raises: DamagedWorkFile if the record of the cleaned file is damaged."""
    urls, lines = losers_of(losses, plan, "urls"), losers_of(losses, plan, "lines")
    rows = [lost_rows(urls[urls["earlier"] == is_earlier]) for is_earlier in (False, True)]
    numbers = [_lost_lines(lines[lines["earlier"] == is_earlier]) for is_earlier in (False, True)]
    cleaned_path = plan.cleaned(losses.of_file.stem, ".json")
    cleaned = read_record(cleaned_path)
    if cleaned is None:
        raise DamagedWorkFile.of(cleaned_path, "its checksum differs")
    cleaned_from = [cleaned["made_from"], cleaned["excluded"]]
    lost = [*(sorted(map(int, found)) for found in rows), *(sorted(found.items()) for found in numbers)]
    return Lost(digest(plan.finishing_key, cleaned_from, lost), rows[0], numbers[0], rows[1], numbers[1])


def _lost_lines(losers: np.ndarray) -> dict[int, list[int]]:
    """Row -> the numbers of its lost lines."""
    losers = losers[np.lexsort((losers["index"], losers["row"]))]
    edges = np.flatnonzero(np.diff(losers["row"].astype(np.int64))) + 1
    return {int(part["row"][0]): part["index"].tolist() for part in np.split(losers, edges) if len(part)}


class FileJudging:
    """Judges the pages of one cleaned file up to the language.

    key: a digest of the judged pages. summary: the outcomes of all pages. num_rows: the rows of the cleaned file, after
    it was read.
    """

    def __init__(self, plan: Plan, file: File, lost: Lost, judges: Judges) -> None:
        """judges: the judges of `chain.AFTER_LINES`."""
        self.key, self.summary, self.num_rows = lost.key, Summary(plan.samples_per_rule), 0
        self._path, self._judges, self._lost = plan.cleaned(file.stem, ".arrow"), judges, lost
        self._ledger = Ledger(plan.variant, self.summary, has_earlier_crawls=bool(plan.earlier.crawls))

    def batches(self) -> Iterator[list[JudgedPage]]:
        """Yield the pages that stay, in the order of the file. All pages are recorded in the summary."""
        for batch in read_pages(self._path, CleanedPage):
            pages = dict(enumerate(batch, start=self.num_rows))
            self.num_rows += len(batch)
            yield list(self._staying(pages))

    def _staying(self, pages: Mapping[int, CleanedPage]) -> Iterable[JudgedPage]:
        """The pages that stay. pages: row -> page."""
        winners = {row: page for row, page in pages.items() if self._stays_so_far(row, page)}
        candidates = [self._candidate(row, page) for row, page in winners.items()]
        verdicts = judge(self._judges, candidates)
        for (row, page), candidate, verdict in zip(winners.items(), candidates, verdicts, strict=True):
            self._ledger.add_after_lines(candidate, verdict)
            if not verdict.stage:
                found = (verdict.probability, verdict.language)
                yield JudgedPage(row, page.record, page.url, page.timestamp, verdict.text, *found)

    def _stays_so_far(self, row: int, page: CleanedPage) -> bool:
        """Whether a page won its URL and passed the stages up to cleaning. Records the outcome in the ledger."""
        size = Size(page.lines, page.bytes)
        if row in self._lost.earlier_rows:
            self._ledger.add_from_earlier_crawl(page.url, size, page.text)
            return False
        if row in self._lost.rows:
            self._ledger.add_url_loser(page.url, size, page.text)
            return False
        verdict = Verdict(
            page.text,
            page.stage,
            page.reason,
            language=page.language,
            line_counts=tuple(page.line_counts),
            counters=tuple(page.counters),
        )
        self._ledger.add_after_urls(page.url, size, verdict)
        return not page.stage

    def _candidate(self, row: int, page: CleanedPage) -> Candidate:
        lost, earlier = self._lost.lines.get(row, ()), self._lost.earlier_lines.get(row, ())
        return Candidate(page.url, normalized_url(page.url), page.text, lost, page.language, earlier)


class JudgeFiles(beam.DoFn):
    """`Losses` -> `Signed` files: the judged pages of each WET file, and their keys."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._judges = judges_of_worker(self._plan, chain.AFTER_LINES)
        self._signatures = Signatures(self._plan.clustering.banding)

    def process(self, losses: Losses):
        plan, file = self._plan, losses.of_file
        lost = lost_of(losses, plan)
        path = plan.finished(file.stem, lost.key, "")
        record_path = path + f"{JUDGED_ENDING}.json"
        record = read_record(record_path, lost.key)
        if record is None or not (is_whole(path + JUDGED_ENDING) and are_whole(path)):
            record = self._judge(file, lost, path)
            write_record(record_path, lost.key, record)
        yield Signed(file.number, path, record["pages"], record["signed"], lost.key)

    def _judge(self, file: File, lost: Lost, path: str) -> dict:
        """Write the judged pages of a file and their keys. path: the path of these files, without their endings."""
        started, plan = time.thread_time(), self._plan
        judging = FileJudging(plan, file, lost, self._judges)
        signing = SigningOfFile(self._signatures, plan.clustering.banding)
        with PagesWriter(path + JUDGED_ENDING, JUDGED) as writer:
            for pages in judging.batches():
                writer.write(pages)
                signing.add([page.text for page in pages], [page.timestamp for page in pages])
        num_signed = signing.write(path)
        judging.summary.seconds["finish_files"] = time.thread_time() - started
        counts = {"rows": judging.num_rows, "pages": signing.num_pages, "signed": num_signed}
        return {**counts, "summary": judging.summary.to_json()}
