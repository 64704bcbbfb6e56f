"""WET files -> files of cleaned pages in the work folder, with the keys by which the pages compete for their URLs."""

import hashlib
import io
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from c4pipe.corpus import counters, deduplication
from c4pipe.corpus.cleaning import dropped_lines
from c4pipe.corpus.page_lists import has_paragraphs
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.keys import KINDS
from c4pipe.corpus_run.plan import NUM_KEY_PARTS, File, Plan, digest
from c4pipe.corpus_run.rules_of_worker import CleaningRules
from c4pipe.records import Dropped, Page, Quarantined
from c4pipe.report.summary import EXCERPT_LENGTH, Summary
from c4pipe.shards import files
from c4pipe.shards.work import key_files, work_files
from c4pipe.shards.work.frames import FramesWriter
from c4pipe.shards.work.key_files import write_key_file
from c4pipe.shards.work.work_files import CLEANED, PagesWriter, read_pages, read_record, write_record

EXCLUDED_URLS = "excluded-url-filter"
LISTED = "filtered"
_URLS = KINDS["urls"]
# A record batch of work files: as many pages, or as much text.
_BATCH_PAGES = 1024
_BATCH_BYTES = 16 << 20
# Lines that rules dropped are looked at again for samples in one page of so many.
_SAMPLED_PAGES_SHARE = 16


class CleanFiles(beam.PTransform):
    """`File` tuples -> the JSON text of a `Summary` each. Committed files are taken over."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, wet_files):
        return wet_files | beam.ParDo(_CleanFile(self._plan))


class _CleanFile(beam.DoFn):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._rules = CleaningRules(self._plan)

    def process(self, element):
        yield json.dumps(clean_file(File(*element), self._plan, self._rules).to_json())


def clean_file(file: File, plan: Plan, rules: CleaningRules) -> Summary:
    """Clean one WET file into the work folder, unless that is done already; returns what is known of it.

    The notes of the summary have one row: place, base name, SHA-256, compressed bytes, quarantined records, whether it
    was done already.
    """
    record_path = plan.cleaned(file.stem, ".json")
    if files.exists(record_path):
        sha256 = files.sha256(file.path)
        record = read_record(record_path, digest(plan.cleaning_key, sha256))
        if record is not None and _is_whole(file, plan) and record["excluded"] == _excluded_again(file, plan, rules):
            return _described(file, sha256, record, reused=True)
        # A record beside other pages than its own would be taken over by a later run.
        files.remove(record_path)
    started = time.thread_time()
    summary = Summary(plan.samples_per_rule)
    with files.open_for_reading(file.path) as raw:
        source = _HashingReader(raw)
        excluded = _clean(file, source, plan, rules, summary)
        sha256 = source.finish()
    summary.totals["input_bytes"] = source.num_bytes
    summary.seconds["clean_files"] = time.thread_time() - started
    record = {"excluded": excluded, "summary": summary.to_json()}
    write_record(record_path, digest(plan.cleaning_key, sha256), record)
    return _described(file, sha256, record, reused=False)


def _is_whole(file: File, plan: Plan) -> bool:
    """Whether the work files of a WET file are still what was written."""
    return (
        work_files.is_whole(plan.cleaned(file.stem, ".arrow"))
        and key_files.is_whole(plan.cleaned(file.stem, ".urls"), _URLS.dtype)
        and work_files.is_whole(plan.cleaned(file.stem, ".quarantine"))
    )


def _excluded_again(file: File, plan: Plan, rules: CleaningRules) -> str:
    """What `_digest_of` would be if the file were cleaned with this run's list, told from its work file."""
    if rules.excluded_urls is None:
        return ""
    batches = read_pages(plan.cleaned(file.stem, ".arrow"), columns=["url"])
    return _digest_of(url for batch in batches for url in batch["url"] if normalized_url(url) in rules.excluded_urls)


def _digest_of(excluded: Iterable[str]) -> str:
    """Names the URLs of a file that were excluded; empty where none was."""
    urls = sorted(set(excluded))
    return digest(urls) if urls else ""


def _described(file: File, sha256: str, record: dict[str, Any], reused: bool) -> Summary:
    summary = Summary.from_json(record["summary"])
    quarantined = sum(count for name, count in summary.counters.items() if name.startswith(f"{counters.QUARANTINE}/"))
    summary.notes = [[file.number, file.name, sha256, summary.totals["input_bytes"], quarantined, int(reused)]]
    # The place too: it breaks ties, and stands in the keys.
    summary.add_digest(f"{file.number} {file.name} {sha256}")
    return summary


class _HashingReader(io.RawIOBase):
    """A binary file whose bytes are hashed as they are read."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.num_bytes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self._hash.update(block)
        self.num_bytes += len(block)
        return block

    def finish(self) -> str:
        """Read what is left (a parser stops at what it cannot read); the SHA-256 of the whole file."""
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()


def _clean(file: File, source: Any, plan: Plan, rules: CleaningRules, summary: Summary) -> str:
    """Write the work files of a WET file; returns what names its excluded URLs."""
    keys = _Keys(file, plan)
    excluded: list[str] = []
    with (
        PagesWriter(plan.cleaned(file.stem, ".arrow"), CLEANED) as writer,
        FramesWriter(plan.cleaned(file.stem, ".quarantine")) as quarantine,
    ):
        summary.counters[counters.WET_FILE] += 1
        row = 0
        for pages in _batches(_pages(file, source, plan, rules, summary, quarantine)):
            keys.add(pages, row)
            columns = _columns(pages, rules, summary)
            writer.write(columns)
            excluded += [
                url for url, stage in zip(columns["url"], columns["stage"], strict=True) if stage == EXCLUDED_URLS
            ]
            row += len(pages)
    summary.totals["rows"] = row
    keys.write(plan.cleaned(file.stem, ".urls"))
    return _digest_of(excluded)


def _pages(file, source, plan: Plan, rules: CleaningRules, summary: Summary, quarantine) -> Iterator[tuple[Page, str]]:
    """(page, normalized URL) of the pages that compete for a URL; the others are counted."""
    for outcome in read_records(source, plan.settings.wet_parser, file.name, plan.compat):
        counters.count_record(summary.counters, outcome)
        summary.totals["records"] += 1
        if isinstance(outcome, Quarantined):
            row = {"file": file.name, "offset": outcome.offset, "reason": outcome.reason, "detail": outcome.detail}
            quarantine.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        elif isinstance(outcome, Dropped):
            if outcome.reason == counters.TOO_LONG:
                summary.volume(counters.PARSING).pages += 1
                summary.volume(f"{counters.LENGTH}/{outcome.reason}").pages += 1
            else:
                summary.volume(f"{counters.PARSING}/{outcome.reason}").pages += 1
        else:
            lines, size = outcome.text.count("\n") + 1, len(outcome.text.encode())
            summary.volume(counters.PARSING).add(lines, size)
            summary.volume(counters.LENGTH).add(lines, size)
            normalized = normalized_url(outcome.url)
            reason = rules.listed_domains.reason(normalized) if rules.listed_domains is not None else ""
            if rules.listed_domains is not None:
                stage = counters.LISTED_DOMAINS
                summary.volume(f"{stage}/{reason}" if reason else stage).add(lines, size)
                name = counters.filtered(stage, reason) if reason else counters.passed(stage)
                summary.counters[name] += 1
                if reason:
                    summary.sample(name, outcome.url, outcome.text)
            if not reason:
                yield outcome, normalized


def _batches(pages: Iterator[tuple[Page, str]]) -> Iterator[list[tuple[Page, str]]]:
    batch: list[tuple[Page, str]] = []
    num_characters = 0
    for page in pages:
        batch.append(page)
        num_characters += len(page[0].text)
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

    def add(self, pages: list[tuple[Page, str]], row: int) -> None:
        self._packed.append(
            deduplication.pack_url_keys(
                [normalized for _, normalized in pages],
                [page.timestamp for page, _ in pages],
                [page.text for page, _ in pages],
                self._file.number,
                range(row, row + len(pages)),
                newest_page_wins=self._compat.newest_page_wins,
            )
        )

    def write(self, path: str) -> None:
        packed = np.concatenate(self._packed or [np.zeros(0, deduplication.URL_KEY)])
        write_key_file(path, packed, _URLS.parts(packed), NUM_KEY_PARTS, _URLS.dtype)


def _columns(pages: list[tuple[Page, str]], rules: CleaningRules, summary: Summary) -> dict[str, list]:
    """The columns of a batch of cleaned pages; each page is judged as if it won its URL."""
    columns: dict[str, list] = {name: [] for name in CLEANED.names}
    for page, normalized in pages:
        stage, reason, text, line_counts = _judge(page, normalized, rules)
        columns["record"].append(page.record)
        columns["url"].append(page.url)
        columns["timestamp"].append(page.timestamp)
        columns["text"].append(page.text[:EXCERPT_LENGTH] if reason else text)
        columns["stage"].append(stage)
        columns["reason"].append(reason)
        columns["lines"].append(page.text.count("\n") + 1)
        columns["bytes"].append(len(page.text.encode()))
        columns["line_counts"].append(line_counts)
        if rules.cleaner is not None and (not stage or stage == counters.CLEANING):
            _sample_lines(page, summary)
    return columns


def _judge(page: Page, normalized: str, rules: CleaningRules) -> tuple[str, str, str, tuple[int, ...]]:
    """(stage and reason that drop the page or nothing, its text after cleaning, lines by outcome)."""
    if rules.excluded_urls is not None and normalized in rules.excluded_urls:
        return EXCLUDED_URLS, LISTED, "", ()
    if rules.listed_urls is not None and normalized not in rules.listed_urls:
        return counters.LISTED_URLS, LISTED, "", ()
    if rules.paragraph_filter and not has_paragraphs(page.text):
        return counters.PARAGRAPHS, LISTED, "", ()
    if rules.cleaner is None:
        return "", "", page.text, ()
    cleaned = rules.cleaner.clean(page.text)
    stage = counters.CLEANING if cleaned.reason else ""
    return stage, cleaned.reason, cleaned.text, cleaned.line_counts


def _sample_lines(page: Page, summary: Summary) -> None:
    """Offer the lines that cleaning took from a few pages. A page that loses its URL may be among them."""
    if hashlib.md5(page.url.encode("utf-8", "surrogatepass")).digest()[0] % _SAMPLED_PAGES_SHARE:
        return
    for line, rule in dropped_lines(page.text):
        summary.sample(counters.line_counter(counters.CLEANING, rule), page.url, line)
