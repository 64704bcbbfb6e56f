"""Cleans WET files: writes their cleaned pages to the work folder, and the keys by which pages compete for URLs."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from c4pipe.corpus import chain, deduplication
from c4pipe.corpus.judging import Candidate, Judges, Verdict, judge
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.language.codes import mc4_code
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.kinds import Kinds
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.judges_of_worker import judges_of_worker, rules_of
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.corpus_run.plan import File, Plan, digest
from c4pipe.records import Page, Quarantined
from c4pipe.report.summary import EXCERPT_LENGTH, InputFile, Size, Summary
from c4pipe.shards import files
from c4pipe.shards.cleaned_pages import CLEANED_IN_LANGUAGE, PageInLanguage
from c4pipe.shards.digests import HashingReader
from c4pipe.shards.work import key_files, work_files
from c4pipe.shards.work.frames import DamagedWorkFile, FramesWriter
from c4pipe.shards.work.key_files import write_key_file
from c4pipe.shards.work.work_files import (
    PagesWriter,
    read_pages,
    read_record,
    write_record,
)

_URLS = KINDS["urls"]
# The limits of a record batch in work files: pages, and bytes of text.
_BATCH_PAGES = 1024
_BATCH_BYTES = 16 << 20


class CleanFiles(beam.PTransform):
    """`File` tuples -> `Cleaned` for each. Files that are already committed are reused."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, wet_files):
        return wet_files | beam.ParDo(_CleanFile(self._plan))


class _CleanFile(beam.DoFn):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._cleaning = FileCleaning(self._plan)

    def process(self, element):
        yield self._cleaning.clean_file(File(*element))


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
class _Competitor:
    """A page that competes for its URL. size: its size when it was read."""

    page: Page
    candidate: Candidate
    size: Size


@dataclass(frozen=True, slots=True)
class _UrlOnly:
    url: str


class FileCleaning:
    """Cleans WET files one after the other."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._at_reading: Judges = judges_of_worker(plan, chain.AT_READING)
        self._after_urls: Judges = judges_of_worker(plan, chain.AFTER_URLS)
        self._excluded_urls = rules_of(plan.rules).excluded_urls

    def clean_file(self, file: File) -> Cleaned:
        """Clean one WET file into the work folder, unless this is done already."""
        plan = self._plan
        record_path = plan.cleaned(file.stem, ".json")
        if files.exists(record_path):
            sha256 = files.sha256(file.path)
            record = read_record(record_path, digest(plan.cleaning_key, sha256))
            if record is not None and self._is_whole(file) and record["excluded"] == self._excluded_again(file):
                return _cleaned(file, sha256, record, reused=True)
            # Otherwise a later run could reuse this record with pages that do not belong to it.
            files.remove(record_path)
        started = time.thread_time()
        summary = Summary(plan.samples_per_rule)
        with files.open_for_reading(file.path) as raw:
            source = HashingReader(raw)
            excluded = self._clean(file, source, summary)
            sha256 = source.finish()
        summary.totals["input_bytes"] = source.num_bytes
        summary.seconds["clean_files"] = time.thread_time() - started
        record = {"excluded": excluded, "summary": summary.to_json()}
        write_record(record_path, digest(plan.cleaning_key, sha256), record)
        return _cleaned(file, sha256, record, reused=False)

    def _is_whole(self, file: File) -> bool:
        """Whether the work files of a WET file still have the bytes that were written."""
        return (
            work_files.is_whole(self._plan.cleaned(file.stem, ".arrow"))
            and key_files.is_whole(self._plan.cleaned(file.stem, ".urls"), _URLS.dtype)
            and work_files.is_whole(self._plan.cleaned(file.stem, ".quarantine"))
        )

    def _excluded_again(self, file: File) -> str:
        """The result that `_digest_of` would have with this run's list of excluded URLs, found from the work file."""
        excluded = self._excluded_urls
        if excluded is None:
            return ""
        batches = read_pages(self._plan.cleaned(file.stem, ".arrow"), _UrlOnly)
        return _digest_of(page.url for batch in batches for page in batch if normalized_url(page.url) in excluded)

    def _clean(self, file: File, source: Any, summary: Summary) -> str:
        """Write the work files of a WET file. Returns the digest of its excluded URLs."""
        plan, ledger = self._plan, Ledger(self._plan.variant, summary)
        keys = _Keys(file, plan)
        excluded: list[str] = []
        with (
            PagesWriter(plan.cleaned(file.stem, ".arrow"), CLEANED_IN_LANGUAGE) as writer,
            FramesWriter(plan.cleaned(file.stem, ".quarantine")) as quarantine,
        ):
            ledger.add_file()
            row = 0
            for batch in _batches(self._competitors(file, source, ledger, quarantine)):
                keys.add(batch, row)
                cleaned = self._clean_batch(batch, ledger)
                writer.write(cleaned)
                excluded += [page.url for page in cleaned if page.stage == chain.EXCLUDED_URLS.name]
                row += len(batch)
        summary.totals["rows"] = row
        keys.write(plan.cleaned(file.stem, ".urls"))
        return _digest_of(excluded)

    def _competitors(self, file: File, source: Any, ledger: Ledger, quarantine) -> Iterator[_Competitor]:
        """Yield the pages that compete for a URL, and record all records in the ledger."""
        plan = self._plan
        kinds: Kinds = Counter()
        header = plan.language_header()
        for outcome in read_records(source, plan.settings.wet_parser, file.name, plan.compat, kinds, header):
            if not isinstance(outcome, Page):
                ledger.add_no_page(outcome)
                if isinstance(outcome, Quarantined):
                    quarantine.write(_quarantine_row(file, outcome))
                continue
            size = Size.of(outcome.text)
            candidate = Candidate(outcome.url, normalized_url(outcome.url), outcome.text)
            (verdict,) = judge(self._at_reading, [candidate])
            ledger.add_at_reading(outcome, size, verdict)
            if not verdict.stage:
                yield _Competitor(outcome, candidate, size)
        ledger.add_kinds(kinds)
        if header is not None:
            ledger.add_header_samples(self._are_wanted(header.skipped), self._are_wanted(header.kept))

    def _are_wanted(self, texts: list[str]) -> list[bool]:
        """Whether the identifier names a wanted language for each text, however sure it is."""
        if not texts:
            return []
        wanted = frozenset(self._plan.settings.languages)
        found = load_identifier(self._plan.settings.language_identifier).identify(texts)
        return [identified is not None and mc4_code(identified.language) in wanted for identified in found]

    def _clean_batch(self, batch: list[_Competitor], ledger: Ledger) -> list[PageInLanguage]:
        """Judge each page as if it won its URL."""
        verdicts = judge(self._after_urls, [competitor.candidate for competitor in batch])
        for competitor, verdict in zip(batch, verdicts, strict=True):
            ledger.sample_lines(competitor.page, verdict)
        return [_cleaned_page(competitor, verdict) for competitor, verdict in zip(batch, verdicts, strict=True)]


def _cleaned_page(competitor: _Competitor, verdict: Verdict) -> PageInLanguage:
    page, size = competitor.page, competitor.size
    return PageInLanguage(
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


def _cleaned(file: File, sha256: str, record: dict[str, Any], reused: bool) -> Cleaned:
    return Cleaned(tuple(file), sha256, record["summary"]["totals"]["rows"], reused)


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


def _batches(competitors: Iterator[_Competitor]) -> Iterator[list[_Competitor]]:
    batch: list[_Competitor] = []
    num_characters = 0
    for competitor in competitors:
        batch.append(competitor)
        num_characters += len(competitor.page.text)
        if len(batch) >= _BATCH_PAGES or num_characters >= _BATCH_BYTES:
            yield batch
            batch, num_characters = [], 0
    if batch:
        yield batch


class _Keys:
    """The keys by which the pages of a file compete for their URLs."""

    def __init__(self, file: File, plan: Plan) -> None:
        self._file, self._compat = file, plan.compat
        self._packed: list[np.ndarray] = []

    def add(self, batch: list[_Competitor], row: int) -> None:
        """Add the next pages of the file. row: the row of the first of them."""
        self._packed.append(
            deduplication.pack_url_keys(
                [competitor.candidate.normalized_url for competitor in batch],
                [competitor.page.timestamp for competitor in batch],
                [competitor.page.text for competitor in batch],
                self._file.number,
                range(row, row + len(batch)),
                newest_page_wins=self._compat.newest_page_wins,
            )
        )

    def write(self, path: str) -> None:
        packed = np.concatenate(self._packed or [np.zeros(0, deduplication.URL_KEY)])
        write_key_file(path, packed, _URLS.parts(packed), NUM_KEY_PARTS, _URLS.dtype)
