"""Estimating time, memory and disk of a run from a timed sample of its input."""

import time
from collections.abc import Sequence

from c4pipe.corpus import chain
from c4pipe.corpus.chain import judges_of
from c4pipe.corpus.deduplication import KEPT_KEY
from c4pipe.corpus.judging import Candidate, Judges, judge
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.judges_of_worker import LoadsIdentifier, SharedIdentifiers, criteria_of
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
    sample = _Sample(plan, _Pages(plan, middle), rules)
    share = sum(sizes) / max(sample.compressed_bytes, 1)
    seconds = sample.seconds * share / num_workers
    disk = (sample.work_bytes + sample.key_bytes) * share
    memory = (num_workers + 1) * WORKER_BYTES + int(sample.forest_bytes * share)
    seconds += sum(map(plan.earlier.num_keys, KINDS)) * _SECONDS_PER_EARLIER_KEY / num_workers
    independent = "" if sample.forest_bytes else ", independent of the number of files"
    output, keys = sample.output_bytes * share, sample.key_bytes * share
    lines = [
        f"would make {plan.settings.variant} ({plan.settings.compat}) in {plan.output}: "
        f"{len(wet_files):,} WET files, {sum(sizes) / 1e6:,.1f} MB -> {plan.settings.num_shards:,} shards",
        f"a sample of {sample.num_sampled:,} pages in {middle.name}: {sample.pages / sample.seconds:,.0f} pages/s "
        f"per core, {sample.kept_share:.0%} kept (before deduplication)",
        _of_time(seconds, num_workers),
        f"memory: about {memory / 2**30:.1f} GiB{independent}",
        f"disk: about {disk / 1e6:,.0f} MB of work files in {plan.work} (removed at the end), "
        f"{output / 1e6:,.0f} MB of shards"
        + (f", {keys / 1e6:,.1f} MB of keys for --previous (--keys=off omits them)" if plan.kinds_of_keys else ""),
    ]
    if plan.earlier.crawls:
        lines.append(_of_earlier_crawls(plan.earlier))
    return "\n".join([*lines, *_of_free_disk(plan.work, disk + output + keys)])


def estimate_together(plans: Sequence[Plan], wet_files: list[File], rules: Sequence[RuleSet], num_workers: int) -> str:
    """The same for several corpora from the same files, which share what they have in common."""
    sizes = [files.size(file.path) for file in wet_files]
    middle = wet_files[len(wet_files) // 2]
    read: dict[tuple[str, ...] | None, _Pages] = {}
    cleaned: set[str] = set()
    identifiers = SharedIdentifiers()
    seconds = disk = output = forest = 0.0
    rows = []
    for plan, of_plan in zip(plans, rules, strict=True):
        languages = plan.settings.languages if plan.variant.prefers_language_header else None
        if languages not in read:
            read[languages] = _Pages(plan, middle)
            seconds += read[languages].seconds
        sample = _Sample(plan, read[languages], of_plan, identifiers.load)
        is_cleaned = plan.cleaning_key in cleaned
        cleaned.add(plan.cleaning_key)
        seconds += sample.judging_seconds - is_cleaned * sample.cleaning_seconds
        disk += sample.work_bytes - is_cleaned * sample.cleaning_bytes + sample.key_bytes
        output, forest = output + sample.output_bytes + sample.key_bytes, forest + sample.forest_bytes
        share = sum(sizes) / max(sample.compressed_bytes, 1)
        rows.append(
            f"  {plan.output}: {sample.kept_share:.0%} kept (before deduplication), "
            f"{sample.output_bytes * share / 1e6:,.0f} MB of shards, {sample.key_bytes * share / 1e6:,.1f} MB of keys"
        )
    earlier = sum(plan.earlier.num_keys(kind) for plan in plans for kind in KINDS)
    seconds = (seconds * share + earlier * _SECONDS_PER_EARLIER_KEY) / num_workers
    memory = (num_workers + 1) * WORKER_BYTES + int(forest * share)
    names = ", ".join(plan.settings.variant for plan in plans)
    lines = [
        f"would make {names} ({plans[0].settings.compat}) together: {len(wet_files):,} WET files, "
        f"{sum(sizes) / 1e6:,.1f} MB -> {plans[0].settings.num_shards:,} shards each",
        *rows,
        _of_time(seconds, num_workers),
        f"memory: about {memory / 2**30:.1f} GiB",
        f"disk: about {disk * share / 1e6:,.0f} MB of work files in {plans[0].work} (removed at the end), "
        f"{output * share / 1e6:,.0f} MB of shards and keys",
    ]
    return "\n".join([*lines, *_of_free_disk(plans[0].work, (disk + output) * share)])


def _of_time(seconds: float, num_workers: int) -> str:
    return f"time: about {duration(seconds)} with {num_workers} workers ({duration(seconds * num_workers)} of CPU time)"


def _of_free_disk(work: str, needed: float) -> list[str]:
    """A notice, if the folder for work has less free space than the bytes that are needed."""
    if files.is_remote(work) or (free := free_bytes(work)) >= needed:
        return []
    return [f"notice: {work} has {free / 1e6:,.0f} MB free, which may not be enough; --work_dir moves it"]


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
    sample = _Sample(plan, _Pages(plan, middle), rules)
    num_bytes = max(sample.compressed_bytes, 1)
    return Rates(
        sample.seconds / num_bytes,
        sample.work_bytes / num_bytes,
        sample.output_bytes / num_bytes,
        f"a sample of {sample.num_sampled:,} pages in {middle.name}, timed here",
    )


class _Pages:
    """Some pages of a file. share: of all its pages. seconds: of reading all of them."""

    def __init__(self, plan: Plan, file: File) -> None:
        """Read a file, and take every 20th page, because neighbours are similar."""
        started = time.perf_counter()
        self.pages: list[Page] = []
        self.num_read = 0
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
                    self.pages.append(page)
                self.num_read += 1
                if time.perf_counter() - started > _MOST_SECONDS:
                    break
            self.compressed_bytes = source.num_bytes
        self.share = len(self.pages) / max(self.num_read, 1) or 1.0
        self.seconds = time.perf_counter() - started


class _Sample:
    """Some pages of a file, judged by all stages and timed. Counts are scaled up to all pages that were read.

    load: gives the language identifier of a name. judging_seconds: without reading.
    """

    def __init__(self, plan: Plan, read: _Pages, rules: RuleSet, load: LoadsIdentifier = load_identifier) -> None:
        criteria = criteria_of(plan, rules, load)
        last = (*chain.AFTER_LINES, *chain.AFTER_NEAR_DUPLICATES)
        parts = [judges_of(stages, criteria) for stages in (chain.AT_READING, chain.AFTER_URLS, last)]
        # Judge a page before the clock runs, because loading of models is not part of the rate.
        judge(parts[-1], [Candidate("http://a.example/", "a.example", "This is one. This is two. This is three.")])
        pages, share = read.pages, read.share
        started = time.perf_counter()
        candidates = [Candidate(page.url, normalized_url(page.url), page.text) for page in pages]
        competitors = _staying(parts[0], candidates)
        cleaned = _staying(parts[1], competitors)
        self.cleaning_seconds = (time.perf_counter() - started) / share
        kept = _staying(parts[2], cleaned)
        if chain.NEAR_DUPLICATES.when(plan.variant):
            Signatures(plan.clustering.banding).of_texts([page.text for page in kept])
        self.judging_seconds = (time.perf_counter() - started) / share
        self.seconds = max(self.judging_seconds + read.seconds, 1e-6)
        self.compressed_bytes = read.compressed_bytes
        self.pages, self.num_sampled = read.num_read, len(pages)
        self.kept_share = len(kept) / max(len(pages), 1)
        self.cleaned_bytes = sum(len(page.text.encode()) for page in cleaned) / share
        self.num_kept = len(kept) / share
        self.finished_bytes = sum(len(page.text.encode()) for page in kept) / share
        self.kept_lines = sum(page.text.count("\n") + 1 for page in kept) / share
        self.lines = sum(page.text.count("\n") + 1 for page in cleaned) / share
        # Of judged pages in the work folder, beside the finished ones, and of the keys of their signatures.
        has_clusters = chain.NEAR_DUPLICATES.when(plan.variant)
        self._judged_bytes = self.finished_bytes * 0.6 + self.num_kept * _SIGNATURE_BYTES if has_clusters else 0.0
        self.forest_bytes = self.num_kept * _FOREST_BYTES if has_clusters else 0.0
        kept_lines = self.kept_lines if "lines" in plan.kinds_of_keys else 0
        self.key_bytes = (self.num_kept + kept_lines) * KEPT_KEY.itemsize if plan.kinds_of_keys else 0

    @property
    def cleaning_bytes(self) -> float:
        """Of cleaned pages and their keys in the work folder."""
        return self.cleaned_bytes * 0.6 + self.lines * _KEY_BYTES

    @property
    def work_bytes(self) -> float:
        """Of cleaned and finished pages and of keys in the work folder."""
        return self.cleaning_bytes + self.finished_bytes * 0.6 + self._judged_bytes

    @property
    def output_bytes(self) -> float:
        """Of shards."""
        return self.finished_bytes * 0.45


def _staying(judges: Judges, candidates: list[Candidate]) -> list[Candidate]:
    """The pages that no stage drops, with the text after the last stage."""
    verdicts = judge(judges, candidates)
    return [
        candidate._replace(text=verdict.text)
        for candidate, verdict in zip(candidates, verdicts, strict=True)
        if not verdict.stage
    ]
