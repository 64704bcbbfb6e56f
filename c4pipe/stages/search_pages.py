"""Searches text shards for evaluation texts. One element is one text shard."""

from typing import Any

from c4pipe.contamination.task_grams import Match, TaskGrams
from c4pipe.contamination_run.plan import Plan, TextShard
from c4pipe.contamination_run.results import MOST_PAGES
from c4pipe.shards import files
from c4pipe.shards.digests import ReadDigest, sha256_of
from c4pipe.shards.reading.record import BadRecord, quarantine_rows
from c4pipe.shards.text_shards import read_text_batches
from c4pipe.shards.work.work_files import read_record, write_record
from c4pipe.stages.engine import beam

_PAGES_PER_BATCH = 64


class SearchPages(beam.DoFn):
    """`TextShard` -> its number. The findings are written to the work folder."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._grams = self._plan.grams()

    def process(self, shard: TextShard):
        yield search_shard(shard, self._plan, self._grams)


def search_shard(shard: TextShard, plan: Plan, grams: TaskGrams) -> int:
    """Search a shard and write the findings to the work folder, unless they are there already. Returns its number.

    The record has `pages` (the number of pages that were read), `urls` (the URLs of pages with a match, or an empty
    string for a page without URL), `quarantined` (rows of `quarantine.jsonl`, for rows that are not pages), and
    `texts`: number of an evaluation text -> `words` (where its found grams begin), `num_pages`, `pages` (the first
    URLs).
    """
    sha256 = sha256_of(shard.path, shard.sha256)
    made_from = f"{plan.code} {plan.texts_key} {sha256}"
    if read_record(plan.found(shard), made_from) is None:
        found = _search(shard, grams, ReadDigest(sha256, again=True))
        write_record(plan.found(shard), made_from, {**found, "sha256": sha256})
    return shard.number


def _search(shard: TextShard, grams: TaskGrams, digest: ReadDigest) -> dict[str, Any]:
    found: dict[int, dict[str, Any]] = {}
    urls: list[str] = []
    bad: list[BadRecord] = []
    num_pages = 0
    for pages in read_text_batches(shard.path, ("text", "url"), _PAGES_PER_BATCH, on_bad=bad.append, digest=digest):
        num_pages += len(pages)
        by_page: dict[int, dict[int, list[Match]]] = {}
        for match in grams.find([page["text"] for page in pages]):
            by_page.setdefault(match.page, {}).setdefault(match.text, []).append(match)
        for page_number, by_text in sorted(by_page.items()):
            url = pages[page_number]["url"] or ""
            urls.append(url)
            for text, matches in by_text.items():
                _add(found.setdefault(text, {"words": [], "num_pages": 0, "pages": []}), url, matches)
    return {
        "pages": num_pages - len(bad),
        "urls": urls,
        "texts": {str(text): entry for text, entry in sorted(found.items())},
        "quarantined": quarantine_rows(files.base_name(shard.path), bad),
    }


def _add(entry: dict[str, Any], url: str, matches: list[Match]) -> None:
    entry["words"] = sorted({*entry["words"], *(match.text_word for match in matches)})
    entry["num_pages"] += 1
    if len(entry["pages"]) < MOST_PAGES:
        entry["pages"].append(url)
