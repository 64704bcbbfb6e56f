"""Estimating time, memory and disk of a run from a timed sample of its input."""

import time

from c4pipe.corpus import chain
from c4pipe.corpus.chain import judges_of
from c4pipe.corpus.deduplication import KEPT_KEY
from c4pipe.corpus.judging import Candidate, Judges, judge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.judges_of_worker import criteria_of
from c4pipe.corpus_run.keys import KINDS
from c4pipe.corpus_run.plan import File, Plan, RuleSet
from c4pipe.machine import free_bytes
from c4pipe.near_duplicates.signatures import Signatures
from c4pipe.progress import duration
from c4pipe.records import Page
from c4pipe.shards import files
from c4pipe.shards.digests import CountingReader
from pipelines.jobs.crawl_cost import WORKER_BYTES, Rates

_SAMPLE_EVERY = 20
_MOST_SECONDS = 5.0
_KEY_BYTES = 36 + 12
# Near-duplicates: bytes per page for keys and priorities on disk, and for the forest and the clusters in memory.
_SIGNATURE_BYTES, _FOREST_BYTES = 148, 20
# Of CPU time, to read a key of an earlier crawl and to compare it.
_SECONDS_PER_EARLIER_KEY = 1e-7


def estimate(plan: Plan, wet_files: list[File], rules: RuleSet, num_workers: int) -> str:
    """Time, memory and disk of a run, as lines of text. Reads the middle file for at most five seconds."""
    sizes = [files.size(file.path) for file in wet_files]
    middle = wet_files[len(wet_files) // 2]
    sample = _Sample(plan, middle, rules)
    share = sum(sizes) / max(sample.compressed_bytes, 1)
    seconds = sample.seconds * share / num_workers
    disk = sample.work_bytes * share
    memory = (num_workers + 1) * WORKER_BYTES
    if chain.NEAR_DUPLICATES.when(plan.variant):
        # The work folder has judged pages in addition to the finished ones.
        disk += (sample.finished_bytes * 0.6 + sample.num_kept * _SIGNATURE_BYTES) * share
        memory += int(sample.num_kept * share * _FOREST_BYTES)
    kept_lines = sample.kept_lines if "lines" in plan.kinds_of_keys else 0
    keys = (sample.num_kept + kept_lines) * KEPT_KEY.itemsize * share if plan.kinds_of_keys else 0
    disk += keys
    seconds += sum(map(plan.earlier.num_keys, KINDS)) * _SECONDS_PER_EARLIER_KEY / num_workers
    independent = "" if chain.NEAR_DUPLICATES.when(plan.variant) else ", independent of the number of files"
    output = sample.finished_bytes * 0.45 * share
    lines = [
        f"would make {plan.settings.variant} ({plan.settings.compat}) in {plan.output}: "
        f"{len(wet_files):,} WET files, {sum(sizes) / 1e6:,.1f} MB -> {plan.settings.num_shards:,} shards",
        f"a sample of {sample.num_sampled:,} pages in {middle.name}: {sample.pages / sample.seconds:,.0f} pages/s "
        f"per core, {sample.kept_share:.0%} kept (before deduplication)",
        f"time: about {duration(seconds)} with {num_workers} workers ({duration(seconds * num_workers)} of CPU time)",
        f"memory: about {memory / 2**30:.1f} GiB{independent}",
        f"disk: about {disk / 1e6:,.0f} MB of work files in {plan.work} (removed at the end), "
        f"{output / 1e6:,.0f} MB of shards"
        + (f", {keys / 1e6:,.1f} MB of keys for --previous (--keys=off omits them)" if plan.kinds_of_keys else ""),
    ]
    if plan.earlier.crawls:
        lines.append(_of_earlier_crawls(plan.earlier))
    if not files.is_remote(plan.work) and (free := free_bytes(plan.work)) < disk + output + keys:
        lines.append(f"notice: {plan.work} has {free / 1e6:,.0f} MB free, which may not be enough; --work_dir moves it")
    return "\n".join(lines)


def _of_earlier_crawls(earlier: EarlierCrawls) -> str:
    num_bytes = sum(map(earlier.num_bytes, KINDS))
    return (
        f"earlier crawls: {len(earlier.crawls)} with {earlier.num_keys('urls'):,} URLs and "
        f"{earlier.num_keys('lines'):,} lines, whose keys ({num_bytes / 1e6:,.1f} MB) are read; this estimate does not "
        "know which pages and lines they have"
    )


def rates(plan: Plan, wet_files: list[File], rules: RuleSet) -> Rates:
    """What the files need per compressed byte, from the sample of `estimate`."""
    middle = wet_files[len(wet_files) // 2]
    sample = _Sample(plan, middle, rules)
    num_bytes = max(sample.compressed_bytes, 1)
    return Rates(
        sample.seconds / num_bytes,
        sample.work_bytes / num_bytes,
        sample.finished_bytes * 0.45 / num_bytes,
        f"a sample of {sample.num_sampled:,} pages in {middle.name}, timed here",
    )


class _Sample:
    """Some pages of a file, judged by all stages and timed. Counts are scaled up to all pages that were read."""

    def __init__(self, plan: Plan, file: File, rules: RuleSet) -> None:
        criteria = criteria_of(plan, rules)
        last = (*chain.AFTER_LINES, *chain.AFTER_NEAR_DUPLICATES)
        parts = [judges_of(stages, criteria) for stages in (chain.AT_READING, chain.AFTER_URLS, last)]
        # Judge a page before the clock runs, because loading of models is not part of the rate.
        judge(parts[-1], [Candidate("http://a.example/", "a.example", "This is one. This is two. This is three.")])
        pages, share, reading_seconds = self._read(plan, file)
        started = time.perf_counter()
        candidates = [Candidate(page.url, normalized_url(page.url), page.text) for page in pages]
        competitors = _staying(parts[0], candidates)
        cleaned = _staying(parts[1], competitors)
        kept = _staying(parts[2], cleaned)
        if chain.NEAR_DUPLICATES.when(plan.variant):
            Signatures(plan.clustering.banding).of_texts([page.text for page in kept])
        self.seconds = max((time.perf_counter() - started) / share + reading_seconds, 1e-6)
        self.pages, self.num_sampled = self.num_read, len(pages)
        self.kept_share = len(kept) / max(len(pages), 1)
        self.cleaned_bytes = sum(len(page.text.encode()) for page in cleaned) / share
        self.num_kept = len(kept) / share
        self.finished_bytes = sum(len(page.text.encode()) for page in kept) / share
        self.kept_lines = sum(page.text.count("\n") + 1 for page in kept) / share
        self.lines = sum(page.text.count("\n") + 1 for page in cleaned) / share

    @property
    def work_bytes(self) -> float:
        """Of cleaned and finished pages and of keys in the work folder."""
        return self.cleaned_bytes * 0.6 + self.finished_bytes * 0.6 + self.lines * _KEY_BYTES

    def _read(self, plan: Plan, file: File) -> tuple[list[Page], float, float]:
        """Read a file. Returns: every 20th page (neighbours are similar), their share of all pages, and the seconds."""
        started = time.perf_counter()
        pages, self.num_read = [], 0
        with files.open_for_reading(file.path) as raw:
            source = CountingReader(raw)
            records = read_records(
                source,  # type: ignore[arg-type]
                plan.settings.wet_parser,
                file.name,
                plan.compat,
                language_header=plan.language_header(),
            )
            for page in records:
                if not isinstance(page, Page):
                    continue
                if self.num_read % _SAMPLE_EVERY == 0:
                    pages.append(page)
                self.num_read += 1
                if time.perf_counter() - started > _MOST_SECONDS:
                    break
            self.compressed_bytes = source.num_bytes
        return pages, len(pages) / max(self.num_read, 1) or 1.0, time.perf_counter() - started


def _staying(judges: Judges, candidates: list[Candidate]) -> list[Candidate]:
    """The pages that no stage drops, with the text after the last stage."""
    verdicts = judge(judges, candidates)
    return [
        candidate._replace(text=verdict.text)
        for candidate, verdict in zip(candidates, verdicts, strict=True)
        if not verdict.stage
    ]
