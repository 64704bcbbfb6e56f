"""The job of verify_release: the released shards and WET files, their comparison, and the result."""

import json
import pickle
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from itertools import repeat
from typing import Any

import c4pipe
from c4pipe.checked_json import Count
from c4pipe.corpus import assets, release
from c4pipe.corpus.chain import Criteria
from c4pipe.corpus.deduplication import line_contents
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.release import Cleansed, Disagreement, LineOwners, RowJudge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import compat_named, variant_named
from c4pipe.corpus.wet.kinds import Kinds, notices
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.errors import UserError
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import SettingsResult
from c4pipe.progress import followed
from c4pipe.records import Page
from c4pipe.report.release_page import release_page
from c4pipe.shards import files, json_files, manifest, names
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.text_shards import read_text_shard
from pipelines.jobs import earlier_crawls

RESULT, PAGE = "verify.json", "verify.html"
EXIT_DISAGREE = 1
_MAX_EXAMPLES = 1000
_Key = tuple[str, str]


@dataclass(frozen=True)
class Rules:
    """The settings of the judge. Every process builds its own judge from them."""

    assets: assets.Assets
    variant: str
    compat: str
    wet_parser: str


@dataclass
class Result:
    """The content of verify.json. examples: the first disagreements, with `kind, url, timestamp, detail`.

    notices: what a user should know about the kinds of records in the WET files.
    """

    settings: dict[str, Any]
    pages: int = 0
    rows_released: int = 0
    rows_checked: int = 0
    rows_disagreeing: int = 0
    pages_absent: int = 0
    shards_read: int = 0
    shards_of_release: int = 0
    disagreements: Counter = field(default_factory=Counter)
    absent: Counter = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    seconds: float = 0.0
    version: str = c4pipe.__version__


@dataclass(frozen=True)
class Elsewhere:
    """What earlier crawls have of the pages of the WET files: normalized URLs, and lines as they are compared."""

    urls: frozenset[str]
    lines: frozenset[str]

    def object_to(self, text: str, page: Cleansed) -> list[Disagreement]:
        """The fault of a released row that an earlier crawl has in part."""
        shared = [line for line in line_contents(text) if line in self.lines] if self.lines else []
        if page.normalized not in self.urls and not shared:
            return []
        detail = "the URL" if page.normalized in self.urls else shared[0]
        return [Disagreement(release.IN_EARLIER_CRAWL, page.url, page.timestamp, detail)]


@dataclass(frozen=True)
class _Verdict:
    """The fields of verify.json that are read back."""

    rows_checked: Count
    rows_disagreeing: Count
    disagreements: dict[str, Count]


@dataclass(frozen=True)
class Job:
    """The job that a command line of verify_release describes.

    splits: path of a released shard -> its split. rules: pickled `Rules`. earlier: the earlier crawls of the release.
    """

    wet: tuple[str, ...]
    splits: dict[str, str]
    rules: bytes
    settings: dict[str, Any]
    earlier: EarlierCrawls

    def result(self) -> SettingsResult:
        """The result that the command writes to its folder."""
        return SettingsResult("verify_release", RESULT, self.settings, (PAGE,))

    def estimate(self, output: str) -> str:
        """The output of `--dry_run`."""
        return (
            f"would compare {len(self.splits)} released shards with {len(self.wet)} WET files and write the result to "
            f"{output}"
        )


def make_job(flags: Namespace) -> Job:
    """Make the job from the flags. Raises: UserError for any mistake in them."""
    wet, released = files.expand(flags.wet), files.expand(flags.released)
    splits = {path: _split(path) for path in released}
    found = assets.resolve(
        variant_named(flags.variant),
        folder=flags.assets,
        sentence_model=flags.sentence_model,
        badwords_file=flags.badwords,
    )
    settings = {
        "wet": sorted(f"{files.base_name(path)} {files.size(path)}" for path in wet),
        "released": sorted(f"{files.base_name(path)} {files.size(path)}" for path in released),
        "variant": flags.variant,
        "compat": flags.compat,
        "wet_parser": flags.wet_parser,
        "assets": found.sha256,
    }
    earlier = earlier_crawls.open_earlier(earlier_crawls.folders_of(flags.previous), flags.output)
    if earlier.crawls:
        settings["previous"] = [crawl.corpus.keys for crawl in earlier.crawls]
    rules = pickle.dumps(Rules(found, flags.variant, flags.compat, flags.wet_parser))
    return Job(tuple(wet), splits, rules, settings, earlier)


def _split(path: str) -> str:
    parts = names.parse(files.base_name(path))
    if parts is None:
        raise UserError(f"{path} is not named like a shard (c4-train.00000-of-01024.json.gz), so its split is unknown")
    return parts[0].removeprefix("c4-")


def verify(job: Job, pool: Executor) -> Result:
    """Read the WET files, clean their pages, and compare the released shards with them."""
    pages, kinds = _read_pages(pool, job.wet, job.rules)
    cleaned = [page for candidates in pages.values() for page in candidates]
    urls, lines = earlier_crawls.common(
        job.earlier, [page.normalized for page in cleaned], (page.text for page in cleaned)
    )
    result = compare(pool, pages, job.splits, job.rules, job.settings, Elsewhere(frozenset(urls), frozenset(lines)))
    result.notices = notices(kinds, job.settings["wet_parser"])
    return result


def commit(folder: OutputFolder, result: Result) -> None:
    """Write the page, then verify.json, which marks the folder as complete."""
    fields = vars(result)
    page = release_page(fields).encode("utf-8", "backslashreplace")
    files.write_bytes(folder.file(PAGE), page)
    folder.commit(json.dumps(fields, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def read_result(folder: OutputFolder) -> dict[str, Any]:
    """The fields of verify.json in a finished folder. Raises: UserError if it is damaged."""
    path = folder.file(RESULT)
    return asdict(json_files.read(path, _Verdict, "make it again with --overwrite", may_hold_more=True))


def _read_pages(pool: Executor, wet: Sequence[str], rules: bytes) -> tuple[dict[_Key, list[Cleansed]], Kinds]:
    """The cleaned pages of the WET files by URL and timestamp, and the counts of the kinds of their records."""
    pages: dict[_Key, list[Cleansed]] = defaultdict(list)
    kinds: Kinds = Counter()
    tasks = pool.map(_clean_file, wet, repeat(rules))
    for cleaned, kinds_of_file in followed(tasks, "comparing", len(wet), unit="WET files"):
        kinds.update(kinds_of_file)
        for page in cleaned:
            pages[page.url, page.timestamp].append(page)
    return pages, kinds


def compare(
    pool: Executor,
    pages: dict[_Key, list[Cleansed]],
    splits: dict[str, str],
    rules: bytes,
    settings: dict[str, Any],
    elsewhere: Elsewhere,
) -> Result:
    """Compare released shards (path -> split) with the pages of the WET files."""
    result = Result(settings, pages=sum(map(len, pages.values())))
    counts = {parts[0]: parts[2] for parts in map(names.parse, map(files.base_name, splits)) if parts}
    result.shards_read, result.shards_of_release = len(splits), sum(counts.values())
    seen: set[_Key] = set()
    first: _Key = ("", "")
    released_urls: set[str] = set()
    wanted = {normalized_url(url) for url, _ in pages}
    known = manifest.known_digests(list(splits))
    for path, split in followed(splits.items(), "comparing", len(splits), unit="released shards"):
        here: list[tuple[str, str, list[Cleansed]]] = []
        for row in read_text_shard(path, ("url", "timestamp", "text"), digest=ReadDigest(known.get(path))):
            result.rows_released += 1
            key = (row["url"], release.as_in_wet(row["timestamp"]))
            if result.rows_released == 1:
                first = key
            if key in pages:
                seen.add(key)
                here.append((row["text"], split, pages[key]))
            if (normalized := normalized_url(row["url"])) in wanted:
                released_urls.add(normalized)
        batches = _batches(here, 256)
        for rows, found in zip(batches, pool.map(_judge_rows, batches, repeat(rules)), strict=True):
            for (text, _, candidates), disagreements in zip(rows, found, strict=True):
                _count(result, [*disagreements, *elsewhere.object_to(text, candidates[0])])
    if result.rows_released and not result.rows_checked:
        raise UserError(_nothing_in_common(result, pages, len(released_urls), first))
    _explain_absent(pages, seen, released_urls, rules, result, elsewhere)
    return result


def _nothing_in_common(result: Result, pages: Iterable[_Key], num_same_urls: int, released: _Key) -> str:
    """The message that there is nothing to compare. It has a row of each side, to show how they differ."""
    ours = next(iter(pages), ("no page", "no time"))
    return (
        f"none of the {result.rows_released:,} released rows has the URL and timestamp of any of the {result.pages:,} "
        f"pages in the WET files ({num_same_urls:,} URLs are in both); a released row: {released[0]} {released[1]}; "
        f"a page: {ours[0]} {ours[1]}; give WET files of the crawl that the release was made from"
    )


def _count(result: Result, disagreements: Sequence[Disagreement]) -> None:
    result.rows_checked += 1
    result.rows_disagreeing += bool(disagreements)
    for disagreement in disagreements:
        result.disagreements[disagreement.kind] += 1
        if len(result.examples) < _MAX_EXAMPLES:
            result.examples.append(asdict(disagreement))


def _explain_absent(
    pages: dict[_Key, list[Cleansed]],
    seen: set[_Key],
    released_urls: set[str],
    rules: bytes,
    result: Result,
    elsewhere: Elsewhere,
) -> None:
    """Count the possible explanations for the pages that were not released."""
    owners = LineOwners((page for candidates in pages.values() for page in candidates), elsewhere.lines)
    copies = Counter(normalized_url(url) for url, _ in pages)
    missing = [page for key, candidates in pages.items() if key not in seen for page in candidates]
    result.pages_absent = len(missing)
    unexplained = release.COPY_UNSEEN if result.shards_read >= result.shards_of_release else release.OTHER_SHARD
    alone: list[Cleansed] = []
    for page in missing:
        if page.normalized in elsewhere.urls:
            result.absent[release.URL_IN_EARLIER_CRAWL] += 1
        elif page.normalized in released_urls:
            result.absent[release.OTHER_COPY_RELEASED] += 1
        else:
            alone.append(page)
    judge = _judge(rules)
    for page in alone:
        reason = judge.why_absent(page, owners)
        if not reason:
            reason = release.OTHER_COPY_HERE if copies[page.normalized] > 1 else unexplained
        result.absent[reason] += 1


def verdict(fields: dict[str, Any]) -> str:
    checked, wrong = fields["rows_checked"], fields["rows_disagreeing"]
    if not checked:
        return "the released shards hold no rows"
    kinds = ", ".join(f"{name}: {count}" for name, count in sorted(fields["disagreements"].items()))
    return f"{checked:,} released rows checked, {wrong:,} disagree{f' ({kinds})' if kinds else ''}"


def _batches(rows: list, size: int) -> Iterable[list]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


@lru_cache(maxsize=1)
def _judge(pickled_rules: bytes) -> RowJudge:
    """The judge with these rules. It is made once per process, because it reads tables."""
    rules: Rules = pickle.loads(pickled_rules)
    variant = variant_named(rules.variant)
    load = partial(load_identifier, variant.language_identifier)
    return RowJudge(Criteria(variant, compat_named(rules.compat), variant.languages, load, rules.assets))


def _clean_file(path: str, pickled_rules: bytes) -> tuple[list[Cleansed], Kinds]:
    judge, rules = _judge(pickled_rules), pickle.loads(pickled_rules)
    kinds: Kinds = Counter()
    with files.open_for_reading(path) as source:
        outcomes = read_records(source, rules.wet_parser, files.base_name(path), compat_named(rules.compat), kinds)
        return [judge.clean(outcome) for outcome in outcomes if isinstance(outcome, Page)], kinds


def _judge_rows(rows: Sequence[tuple[str, str, list[Cleansed]]], pickled_rules: bytes) -> list[list[Disagreement]]:
    judge = _judge(pickled_rules)
    return [judge.judge(text, split, candidates) for text, split, candidates in rows]
