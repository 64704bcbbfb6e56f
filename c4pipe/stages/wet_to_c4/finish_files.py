"""Files of cleaned pages, and what they lost -> files of the pages of the corpus, filed by split."""

import json
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import apache_beam as beam
import numpy as np

from c4pipe.corpus import counters
from c4pipe.corpus.finishing import Finished, Finisher
from c4pipe.corpus_run.plan import EXCLUDED_ASSET, File, Plan, digest
from c4pipe.corpus_run.rules_of_worker import make_finisher
from c4pipe.report.summary import EXCERPT_LENGTH, Summary
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.work_files import FINISHED, PagesWriter, is_whole, read_pages, read_record, write_record
from c4pipe.stages.wet_to_c4.clean_files import EXCLUDED_URLS
from c4pipe.stages.wet_to_c4.pack_lines import lost_rows
from c4pipe.stages.wet_to_c4.pick_losers import losers_of

_OTHER_COPY = "other_copy_stays"
_FLUSH_PAGES = 1024
_FLUSH_CHARACTERS = 16 << 20


class FinishFiles(beam.PTransform):
    """(`File` tuple, [what tells its losers of URLs, of lines]) -> the JSON text of a `Summary` each.

    run_key: a singleton side input that names the work of this run.
    """

    def __init__(self, plan: Plan, run_key) -> None:
        super().__init__()
        self._plan, self._run_key = plan, run_key

    def expand(self, held):
        return held | beam.ParDo(_FinishFile(self._plan), beam.pvalue.AsSingleton(self._run_key))


class _FinishFile(beam.DoFn):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._finisher = make_finisher(self._plan)

    def process(self, element, run_key: str):
        file, held = File(*element[0]), element[1]
        record_path = self._plan.later(run_key, "finished", f"{file.stem}.json")
        record = read_record(record_path, run_key)
        if record is not None and not is_whole(self._plan.finished(file.stem, record["key"], ".arrow")):
            record = None
        is_new = False
        if record is None:
            record, is_new = self._finish(file, held, run_key)
            write_record(record_path, run_key, record)
        if is_new:
            record["summary"]["totals"]["finished_now"] = 1
        yield json.dumps(record["summary"])

    def _finish(self, file: File, held: list[bytes | int], run_key: str) -> tuple[dict, bool]:
        """The record of a finished file, and whether it was made now.

        What another run made of the same cleaned pages with the same losses is taken over: after a takedown, that of
        all files but a few.
        """
        plan = self._plan
        lost = lost_rows(losers_of(file, plan, "urls", held[0], run_key))
        lost_lines = _lost_lines(losers_of(file, plan, "lines", held[1] if len(held) > 1 else b"", run_key))
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
            record = _finish(plan.finished(file.stem, key, ".arrow"), file, plan, self._finisher, lost, lost_lines)
            write_record(own_path, key, record)
        if EXCLUDED_ASSET not in plan.settings.assets:
            _forget_stage(record["summary"], EXCLUDED_URLS)
        of_run = {name: record[name] for name in ("batches", "rows", "summary")}
        return {**of_run, "key": key}, is_new


def _forget_stage(summary: dict, stage: str) -> None:
    """Take a stage that this run does not have out of a summary that serves runs with and without it."""
    for counts in (summary["counters"], summary["volumes"]):
        for name in [name for name in counts if name.partition("/")[0] == stage]:
            del counts[name]


def _finish(
    path: str,
    file: File,
    plan: Plan,
    finisher: Finisher,
    lost: frozenset[int],
    lost_lines: dict[int, list[int]],
) -> dict:
    """Write the file's pages of the corpus. Record: `batches` (split -> numbers of record batches), `summary`."""
    started = time.thread_time()
    summary = Summary(plan.samples_per_rule)
    batches: dict[str, list[int]] = {}
    with PagesWriter(path, FINISHED) as writer:
        filed = _FiledBySplit(writer, batches)
        row = 0
        for batch in read_pages(plan.cleaned(file.stem, ".arrow")):
            rows = range(row, row + len(batch["url"]))
            row = rows.stop
            places = _winners(batch, rows, lost, plan, summary)
            finished = finisher.finish(
                [batch["url"][place] for place in places],
                [batch["text"][place] for place in places],
                [lost_lines.get(rows[place], ()) for place in places],
                summary.counters,
            )
            for place, outcome in zip(places, finished, strict=True):
                url, text = batch["url"][place], batch["text"][place]
                _account(url, text, outcome, plan, summary, lost_lines.get(rows[place], ()))
                if not outcome.reason:
                    page = (rows[place], batch["record"][place], url, batch["timestamp"][place], outcome.text)
                    filed.add(outcome.split, page)
        filed.flush()
    summary.seconds["finish_files"] = time.thread_time() - started
    return {"batches": batches, "rows": row, "summary": summary.to_json()}


def _lost_lines(losers: np.ndarray) -> dict[int, list[int]]:
    """Row -> numbers of the lines that it lost."""
    losers = losers[np.lexsort((losers["index"], losers["row"]))]
    edges = np.flatnonzero(np.diff(losers["row"].astype(np.int64))) + 1
    return {int(part["row"][0]): part["index"].tolist() for part in np.split(losers, edges) if len(part)}


def _winners(batch, rows: range, lost: frozenset[int], plan: Plan, summary: Summary) -> list[int]:
    """The places of the pages that won their URL and that no rule dropped; the others are counted here."""
    stages = _stages_of_cleaning(plan)
    places = []
    for place, row in enumerate(rows):
        lines, size, url = batch["lines"][place], batch["bytes"][place], batch["url"][place]
        if row in lost:
            name = counters.filtered(counters.URL_DEDUPLICATION)
            summary.counters[name] += 1
            summary.volume(f"{counters.URL_DEDUPLICATION}/{_OTHER_COPY}").add(lines, size)
            summary.sample(name, url, batch["text"][place])
            continue
        summary.counters[counters.passed(counters.URL_DEDUPLICATION)] += 1
        summary.volume(counters.URL_DEDUPLICATION).add(lines, size)
        stage, reason = batch["stage"][place], batch["reason"][place]
        if batch["line_counts"][place]:
            counters.count_cleaning(summary.counters, reason, batch["line_counts"][place])
        for name in stages[: stages.index(stage)] if stage else stages:
            if name == counters.CLEANING:
                summary.volume(name).add_text(batch["text"][place])
            else:
                summary.volume(name).add(lines, size)
                summary.counters[counters.passed(name)] += 1
        if not stage:
            places.append(place)
            continue
        if stage != counters.CLEANING:
            summary.counters[counters.filtered(stage)] += 1
        summary.volume(f"{stage}/{reason}").add(lines, size)
        name = counters.filtered(stage, reason if stage == counters.CLEANING else "")
        summary.sample(name, url, batch["text"][place])
    return places


def _stages_of_cleaning(plan: Plan) -> list[str]:
    """The stages between URL and line deduplication, in order."""
    variant = plan.variant
    present = {
        EXCLUDED_URLS: True,  # also without a list: a finished file serves runs with one and without
        counters.LISTED_URLS: variant.listed_urls,
        counters.PARAGRAPHS: variant.paragraph_filter,
        counters.CLEANING: variant.clean,
    }
    return [stage for stage, is_there in present.items() if is_there]


def _account(url: str, cleaned: str, outcome: Finished, plan: Plan, summary: Summary, lost_lines) -> None:
    """Count what became of a page after cleaning: volumes, samples, languages, hosts, lengths."""
    if plan.variant.deduplicate_lines and lost_lines:
        lines = cleaned.split("\n")
        name = counters.line_counter(counters.LINE_DEDUPLICATION, "global_duplicate")
        summary.sample(name, url, lines[lost_lines[0]])
    language_stage = counters.LANGUAGE if plan.variant.splits_by_language else counters.ENGLISH
    stages = [counters.LINE_DEDUPLICATION, language_stage, counters.BADWORDS]
    if outcome.reason == "" or outcome.stage != counters.LINE_DEDUPLICATION:
        summary.languages[outcome.language or "unknown"] += 1
    if outcome.reason:
        summary.sample(counters.filtered(outcome.stage, outcome.reason), url, cleaned[:EXCERPT_LENGTH])
        held = cleaned if outcome.stage == counters.LINE_DEDUPLICATION else outcome.text
        summary.volume(f"{outcome.stage}/{outcome.reason}").add_text(held)
        for stage in stages[: stages.index(outcome.stage)]:
            summary.volume(stage).add_text(held)
        return
    for stage in [*stages, f"split:{outcome.split}"]:
        summary.volume(stage).add_text(outcome.text)
    summary.domains[_host(url)] += 1
    summary.add_length(len(outcome.text))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")[:253]
    except ValueError:
        return ""


class _FiledBySplit:
    """Pages on their way to a work file, gathered by split into record batches."""

    def __init__(self, writer: PagesWriter, batches: dict[str, list[int]]) -> None:
        self._writer, self._batches = writer, batches
        self._held: dict[str, list[tuple]] = {}
        self._num_characters = 0

    def add(self, split: str, page: tuple) -> None:
        """One page, as a tuple in the order of `FINISHED`."""
        self._held.setdefault(split, []).append(page)
        self._num_characters += len(page[-1])
        if len(self._held[split]) >= _FLUSH_PAGES or self._num_characters >= _FLUSH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        for split, pages in sorted(self._held.items()):
            columns = dict(zip(FINISHED.names, map(list, zip(*pages, strict=True)), strict=True))
            self._batches.setdefault(split, []).append(self._writer.write(columns))
        self._held, self._num_characters = {}, 0


def record_of(plan: Plan, file: File, run_key: str) -> dict:
    """The record of a finished file. Raises: DamagedWorkFile where it is gone or not what was written."""
    path = plan.later(run_key, "finished", f"{file.stem}.json")
    record = read_record(path, run_key)
    if record is None:
        raise DamagedWorkFile.of(path, "it is gone, or its checksum differs")
    return record


def read_finished(plan: Plan, file: File, run_key: str, split: str) -> Iterator[dict[str, list]]:
    """The pages of one split that a WET file gave, as batches of columns."""
    record = record_of(plan, file, run_key)
    if batches := record["batches"].get(split):
        yield from read_pages(plan.finished(file.stem, record["key"], ".arrow"), batches=batches)
