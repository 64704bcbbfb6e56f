"""The work files of one WET file for one plan: its cleaned pages, and the keys by which they compete for URLs."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from c4pipe.corpus import chain, deduplication
from c4pipe.corpus.judging import Candidate, Verdict, judge
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.language.codes import mc4_code
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.kinds import Kinds
from c4pipe.corpus.wet.language_header import LanguageHeader
from c4pipe.corpus_run.judges_of_worker import judges_of_worker, rules_of
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import File, Plan, digest
from c4pipe.records import Dropped, Page, Quarantined
from c4pipe.report.summary import EXCERPT_LENGTH, InputFile, Size, Summary
from c4pipe.shards import files
from c4pipe.shards.work import key_files, work_files
from c4pipe.shards.work.frames import DamagedWorkFile, FramesWriter
from c4pipe.shards.work.key_files import write_key_file
from c4pipe.shards.work.work_files import CLEANED, CleanedPage, PagesWriter, read_pages, read_record, write_record

_URLS = KINDS["urls"]


class Cleaned(NamedTuple):
    """A cleaned WET file, whose record in the work folder has its summary.

    file: a `File`, as a plain tuple. sha256: of the WET file. num_rows: the number of pages that compete for a URL.
    reused: whether the work of another run was reused.
    """

    file: tuple
    sha256: str
    num_rows: int
    reused: bool


@dataclass(frozen=True, slots=True)
class Competitor:
    """A page that competes for its URL. size: its size when it was read."""

    page: Page
    candidate: Candidate
    size: Size


@dataclass(frozen=True, slots=True)
class _UrlOnly:
    url: str


class Cleaning:
    """Cleans WET files for one plan: finds those that are clean already, and opens others."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.at_reading = judges_of_worker(plan, chain.AT_READING)
        self.after_urls = judges_of_worker(plan, chain.AFTER_URLS)
        self._excluded_urls = rules_of(plan.rules).excluded_urls

    def committed(self, file: File, sha256: Callable[[], str]) -> Cleaned | None:
        """A WET file that is clean already; None if it is not. sha256: gives that of the WET file."""
        record_path = self.plan.cleaned(file.stem, ".json")
        if not files.exists(record_path):
            return None
        record = read_record(record_path, digest(self.plan.cleaning_key, sha256()))
        if record is not None and self._is_whole(file) and record["excluded"] == self._excluded_again(file):
            return Cleaned(tuple(file), sha256(), record["summary"]["totals"]["rows"], reused=True)
        # Otherwise a later run could reuse this record with pages that do not belong to it.
        files.remove(record_path)
        return None

    def _is_whole(self, file: File) -> bool:
        """Whether the work files of a WET file still have the bytes that were written."""
        return (
            work_files.is_whole(self.plan.cleaned(file.stem, ".arrow"))
            and key_files.is_whole(self.plan.cleaned(file.stem, ".urls"), _URLS.dtype)
            and work_files.is_whole(self.plan.cleaned(file.stem, ".quarantine"))
        )

    def _excluded_again(self, file: File) -> str:
        """The result that `_digest_of` would have with this run's list of excluded URLs, found from the work file."""
        excluded = self._excluded_urls
        if excluded is None:
            return ""
        batches = read_pages(self.plan.cleaned(file.stem, ".arrow"), _UrlOnly)
        return _digest_of(page.url for batch in batches for page in batch if normalized_url(page.url) in excluded)

    @contextmanager
    def opened(self, file: File) -> Iterator["CleanedFile"]:
        """The work files of a WET file. They get their names if the block ends without an error."""
        plan = self.plan
        with (
            PagesWriter(plan.cleaned(file.stem, ".arrow"), CLEANED) as writer,
            FramesWriter(plan.cleaned(file.stem, ".quarantine")) as quarantine,
        ):
            yield CleanedFile(self, file, writer, quarantine)


class CleanedFile:
    """One WET file, while it is cleaned."""

    def __init__(self, cleaning: Cleaning, file: File, writer: PagesWriter, quarantine: FramesWriter) -> None:
        self._cleaning, self._plan, self._file = cleaning, cleaning.plan, file
        self._writer, self._quarantine = writer, quarantine
        self._summary = Summary(self._plan.samples_per_rule)
        self._ledger = Ledger(self._plan.variant, self._summary)
        self._ledger.add_file()
        self._waiting: list[Competitor] = []
        self._keys: list[np.ndarray] = []
        self._excluded: list[str] = []
        self._num_rows = 0

    def add_no_page(self, outcome: Dropped | Quarantined) -> None:
        """Record a record that is not a page."""
        self._ledger.add_no_page(outcome)
        if isinstance(outcome, Quarantined):
            self._quarantine.write(_quarantine_row(self._file, outcome))

    def add(self, competitor: Competitor) -> bool:
        """Add a page. Returns: whether it competes for its URL, and so is judged with the next batch."""
        (verdict,) = judge(self._cleaning.at_reading, [competitor.candidate])
        self._ledger.add_at_reading(competitor.page, competitor.size, verdict)
        if not verdict.stage:
            self._waiting.append(competitor)
        return not verdict.stage

    def clean_batch(self) -> None:
        """Judge each page since the last batch as if it won its URL, and write it."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        self._add_keys(batch)
        verdicts = judge(self._cleaning.after_urls, [competitor.candidate for competitor in batch])
        for competitor, verdict in zip(batch, verdicts, strict=True):
            self._ledger.sample_lines(competitor.page, verdict)
        cleaned = [_cleaned_page(competitor, verdict) for competitor, verdict in zip(batch, verdicts, strict=True)]
        self._writer.write(cleaned)
        self._excluded += [page.url for page in cleaned if page.stage == chain.EXCLUDED_URLS.name]
        self._num_rows += len(batch)

    def _add_keys(self, batch: Sequence[Competitor]) -> None:
        """Pack the keys by which the pages compete for their URLs."""
        self._keys.append(
            deduplication.pack_url_keys(
                [competitor.candidate.normalized_url for competitor in batch],
                [competitor.page.timestamp for competitor in batch],
                [competitor.page.text for competitor in batch],
                self._file.number,
                range(self._num_rows, self._num_rows + len(batch)),
                newest_page_wins=self._plan.compat.newest_page_wins,
            )
        )

    def end(self, kinds: Kinds, header: LanguageHeader | None) -> None:
        """Note what is known only at the end of the file: the kinds of its records, and what their header said."""
        self._ledger.add_kinds(kinds)
        if header is not None:
            self._ledger.add_header_samples(self._are_wanted(header.skipped), self._are_wanted(header.kept))
        self._summary.totals["rows"] = self._num_rows
        packed = np.concatenate(self._keys or [np.zeros(0, deduplication.URL_KEY)])
        write_key_file(
            self._plan.cleaned(self._file.stem, ".urls"), packed, _URLS.parts(packed), NUM_KEY_PARTS, _URLS.dtype
        )

    def _are_wanted(self, texts: list[str]) -> list[bool]:
        """Whether the identifier names a wanted language for each text, however sure it is."""
        if not texts:
            return []
        wanted = frozenset(self._plan.settings.languages)
        found = load_identifier(self._plan.settings.language_identifier).identify(texts)
        return [identified is not None and mc4_code(identified.language) in wanted for identified in found]

    def commit(self, sha256: str, num_bytes: int, seconds: float) -> Cleaned:
        """Write the record, after the work files have their names.

        sha256, num_bytes: of the WET file. seconds: of CPU time.
        """
        self._summary.totals["input_bytes"] = num_bytes
        self._summary.seconds["clean_files"] = seconds
        record = {"excluded": _digest_of(self._excluded), "summary": self._summary.to_json()}
        write_record(self._plan.cleaned(self._file.stem, ".json"), digest(self._plan.cleaning_key, sha256), record)
        return Cleaned(tuple(self._file), sha256, self._num_rows, reused=False)


def _cleaned_page(competitor: Competitor, verdict: Verdict) -> CleanedPage:
    page, size = competitor.page, competitor.size
    return CleanedPage(
        record=page.record,
        url=page.url,
        timestamp=page.timestamp,
        text=page.text[:EXCERPT_LENGTH] if verdict.stage else verdict.text,
        stage=verdict.stage,
        reason=verdict.reason,
        lines=size.lines,
        bytes=size.bytes,
        line_counts=verdict.line_counts,
        counters=verdict.counters,
        language=verdict.language,
    )


def _quarantine_row(file: File, record: Quarantined) -> bytes:
    row = {"file": file.name, "offset": record.offset, "reason": record.reason, "detail": record.detail}
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _digest_of(excluded: Iterable[str]) -> str:
    """A digest of the excluded URLs of a file; empty if there are none."""
    urls = sorted(set(excluded))
    return digest(urls) if urls else ""


def summary_of(plan: Plan, cleaned: Cleaned) -> Summary:
    """The summary of a cleaned file. Raises: DamagedWorkFile if its record is missing or damaged."""
    file_fields, sha256, _, reused = cleaned
    file = File(*file_fields)
    path = plan.cleaned(file.stem, ".json")
    record = read_record(path, digest(plan.cleaning_key, sha256))
    if record is None:
        raise DamagedWorkFile.of(path, "it is gone, or its checksum differs")
    summary = Summary.from_json(record["summary"])
    is_quarantine = f"{chain.QUARANTINE}/"
    num_quarantined = sum(count for name, count in summary.counters.items() if name.startswith(is_quarantine))
    num_bytes = summary.totals["input_bytes"]
    summary.inputs = [InputFile(file.number, file.name, sha256, num_bytes, num_quarantined, reused)]
    # The digest includes the file's number, because it breaks ties and is part of the keys.
    summary.add_digest(f"{file.number} {file.name} {sha256}")
    return summary
