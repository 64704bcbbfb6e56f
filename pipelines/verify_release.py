"""Check a released C4 (allenai/c4) against the WET files it was made from.

    python -m pipelines.verify_release --wet='wet/*.warc.wet.gz' --released='en/c4-*.json.gz' --output=verified

For every released page whose URL and timestamp are in the WET files, its lines must be an ordered subset of ours after
cleaning, and language, bad words and split must agree. For every page that was not released the table says which rule
or which duplicate could explain it. Exit status 0: every row agrees; 1: some do not; verify.html says which.
"""

import json
import pickle
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import Any

from tqdm import tqdm

import c4pipe
from c4pipe.command_line import Parser, run
from c4pipe.corpus import assets, release
from c4pipe.corpus.badwords import BadwordsFilter
from c4pipe.corpus.language.identifier import load_identifier
from c4pipe.corpus.release import Cleansed, Disagreement, Judge, LineOwners
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import COMPATS, compat_named, variant_named
from c4pipe.corpus.wet.parsers import WET_PARSERS, read_records
from c4pipe.errors import UserError
from c4pipe.records import Page
from c4pipe.report.release_page import release_page
from c4pipe.shards import files, names
from c4pipe.shards.text_shards import read_text_shard
from pipelines.launch import beam_options

RESULT, PAGE = "verify.json", "verify.html"
EXIT_DISAGREE = 1
_MAX_EXAMPLES = 1000
_Key = tuple[str, str]


@dataclass(frozen=True)
class Rules:
    """What the judge's rules are made of; every process builds its own judge from it."""

    assets: assets.Assets
    variant: str
    compat: str
    wet_parser: str


@dataclass
class Result:
    """verify.json. examples: the first disagreements, `kind, url, timestamp, detail`."""

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
    seconds: float = 0.0
    version: str = c4pipe.__version__


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.verify_release", description=__doc__)
    add = parser.add_argument
    add("--wet", required=True, metavar="GLOB", help="WET files of the crawl that the release was made from")
    add("--released", required=True, metavar="GLOB", help="shards of the release, as c4-train.00000-of-01024.json.gz")
    add("--output", required=True, help="folder for verify.json and verify.html")
    add("--variant", default="en", choices=("en", "en.noblocklist"), help="what was released")
    add("--compat", default="tfds-3.0.1", choices=tuple(COMPATS), help="whose rules; AllenAI released 3.0.1")
    add("--wet_parser", default="tfds", choices=tuple(WET_PARSERS), help="how WET files are read")
    add("--assets", help="folder with punkt_tab and badwords; downloaded once if not given")
    add("--sentence_model", default=assets.PUNKT_TAB, help="punkt_tab, bundled, or a folder with Punkt's four files")
    add("--badwords", help="a list of bad words of your own")
    add("--num_workers", type=int, default=beam_options.num_cores(), help="processes")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be compared")
    return parser


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
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
    if flags.dry_run:
        print(f"would compare {len(released)} released shards with {len(wet)} WET files into {flags.output}")
        return 0
    held = _held(flags.output, settings, flags.overwrite)
    if held is not None:
        print(f"{flags.output} holds this comparison already; nothing to do\n{_verdict(held)}")
        return EXIT_DISAGREE if held["rows_disagreeing"] else 0
    started = time.monotonic()
    rules = pickle.dumps(Rules(found, flags.variant, flags.compat, flags.wet_parser))
    with ProcessPoolExecutor(max(1, flags.num_workers)) as pool:
        pages = _read_pages(pool, wet, rules)
        result = compare(pool, pages, splits, rules, settings)
    result.seconds = round(time.monotonic() - started, 2)
    fields = vars(result)
    files.write_bytes(files.join(flags.output, PAGE), release_page(fields).encode("utf-8", "backslashreplace"))
    # The page first: verify.json says that the folder is whole.
    text = json.dumps(fields, indent=1, ensure_ascii=False)
    files.write_bytes(files.join(flags.output, RESULT), text.encode("utf-8", "backslashreplace"))
    print(f"{_verdict(fields)}; {files.join(flags.output, PAGE)} shows more, after {result.seconds:.0f} s")
    return EXIT_DISAGREE if result.rows_disagreeing else 0


def _held(output: str, settings: dict[str, Any], overwrite: bool) -> dict[str, Any] | None:
    path = files.join(output, RESULT)
    if overwrite or not files.exists(path):
        return None
    held = json.loads(files.read_bytes(path))
    if held["settings"] != settings:
        raise UserError(
            f"{output} holds a comparison of other files or settings; give another --output, or --overwrite"
        )
    return held


def _split(path: str) -> str:
    parts = names.parse(files.base_name(path))
    if parts is None:
        raise UserError(f"{path} is not named like a shard (c4-train.00000-of-01024.json.gz), which tells its split")
    return parts[0].removeprefix("c4-")


def _read_pages(pool: ProcessPoolExecutor, wet: Sequence[str], rules: bytes) -> dict[_Key, list[Cleansed]]:
    """The pages of the WET files by URL and timestamp, cleaned."""
    pages: dict[_Key, list[Cleansed]] = defaultdict(list)
    tasks = pool.map(_clean_file, wet, repeat(rules))
    for cleaned in tqdm(tasks, total=len(wet), desc="WET files", unit="file", disable=None):
        for page in cleaned:
            pages[page.url, page.timestamp].append(page)
    return pages


def compare(
    pool: ProcessPoolExecutor,
    pages: dict[_Key, list[Cleansed]],
    splits: dict[str, str],
    rules: bytes,
    settings: dict[str, Any],
) -> Result:
    """Compare released shards (path -> split) with the pages of the WET files."""
    result = Result(settings, pages=sum(map(len, pages.values())))
    counts = {parts[0]: parts[2] for parts in map(names.parse, map(files.base_name, splits)) if parts}
    result.shards_read, result.shards_of_release = len(splits), sum(counts.values())
    seen: set[_Key] = set()
    released_urls: set[str] = set()
    wanted = {normalized_url(url) for url, _ in pages}
    for path, split in tqdm(splits.items(), desc="released shards", unit="shard", disable=None):
        here: list[tuple[str, str, list[Cleansed]]] = []
        for row in read_text_shard(path, ("url", "timestamp", "text")):
            result.rows_released += 1
            key = (row["url"], row["timestamp"])
            if key in pages:
                seen.add(key)
                here.append((row["text"], split, pages[key]))
            if (normalized := normalized_url(row["url"])) in wanted:
                released_urls.add(normalized)
        for found in pool.map(_judge_rows, _batches(here, 256), repeat(rules)):
            for disagreements in found:
                _count(result, disagreements)
    _explain_absent(pool, pages, seen, released_urls, rules, result)
    return result


def _count(result: Result, disagreements: Sequence[Disagreement]) -> None:
    result.rows_checked += 1
    result.rows_disagreeing += bool(disagreements)
    for one in disagreements:
        result.disagreements[one.kind] += 1
        if len(result.examples) < _MAX_EXAMPLES:
            result.examples.append(asdict(one))


def _explain_absent(
    pool: ProcessPoolExecutor,
    pages: dict[_Key, list[Cleansed]],
    seen: set[_Key],
    released_urls: set[str],
    rules: bytes,
    result: Result,
) -> None:
    """Count, for each page that was not released, what could explain it."""
    owners = LineOwners(page for candidates in pages.values() for page in candidates)
    copies = Counter(normalized_url(url) for url, _ in pages)
    missing = [page for key, candidates in pages.items() if key not in seen for page in candidates]
    result.pages_absent = len(missing)
    unexplained = release.COPY_UNSEEN if result.shards_read >= result.shards_of_release else release.OTHER_SHARD
    alone: list[Cleansed] = []
    for page in missing:
        if page.normalized in released_urls:
            result.absent[release.OTHER_COPY_RELEASED] += 1
        else:
            alone.append(page)
    judge = _judge(rules)
    for page in alone:
        reason = judge.why_absent(page, owners)
        if not reason:
            reason = release.OTHER_COPY_HERE if copies[page.normalized] > 1 else unexplained
        result.absent[reason] += 1


def _verdict(fields: dict[str, Any]) -> str:
    checked, wrong = fields["rows_checked"], fields["rows_disagreeing"]
    if not checked:
        return f"none of the {fields['rows_released']:,} released rows is from these WET files"
    kinds = ", ".join(f"{name}: {count}" for name, count in sorted(fields["disagreements"].items()))
    return f"{checked:,} released rows checked, {wrong:,} disagree{f' ({kinds})' if kinds else ''}"


def _batches(rows: list, size: int) -> Iterable[list]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


@lru_cache(maxsize=1)
def _judge(pickled_rules: bytes) -> Judge:
    """The judge of these rules: built once a process, for it reads tables."""
    rules: Rules = pickle.loads(pickled_rules)
    variant = variant_named(rules.variant)
    badwords = None
    if rules.assets.badwords is not None:
        badwords = BadwordsFilter(rules.assets.badwords, compat_named(rules.compat), variant.badwords_fraction)
    assert rules.assets.punkt is not None
    return Judge(SentenceCounter(rules.assets.punkt), load_identifier(variant.language_identifier), badwords)


def _clean_file(path: str, pickled_rules: bytes) -> list[Cleansed]:
    judge, rules = _judge(pickled_rules), pickle.loads(pickled_rules)
    with files.open_for_reading(path) as source:
        outcomes = read_records(source, rules.wet_parser, files.base_name(path), compat_named(rules.compat))
        return [judge.clean(outcome) for outcome in outcomes if isinstance(outcome, Page)]


def _judge_rows(rows: Sequence[tuple[str, str, list[Cleansed]]], pickled_rules: bytes) -> list[list[Disagreement]]:
    judge = _judge(pickled_rules)
    return [judge.judge(text, split, candidates) for text, split, candidates in rows]


if __name__ == "__main__":
    run(main)
