"""What is counted, under the reference's names (`name space/name`), in plain dictionaries.

A worker counts a batch in a `Counts` and reports it once; a counter a line inside a worker doubles the cost of the
rules.
"""

from collections import Counter
from collections.abc import Sequence

from c4pipe.corpus import rules
from c4pipe.records import Dropped, Page, Quarantined

Counts = Counter[str]

# The stages that can drop a page, in order: the name spaces of the reference's counters.
PARSING = "split-wet-file"
LENGTH = "too-long-filter"
LISTED_DOMAINS = "realnews-domain-filter"
URL_DEDUPLICATION = "duplicate-url-filter"
LISTED_URLS = "webtextlike-filter"
PARAGRAPHS = "paragraph-filter"
CLEANING = "clean-page"
LINE_DEDUPLICATION = "dedupe-lines"
ENGLISH = "english-filter"
LANGUAGE = "language-filter"
BADWORDS = "badwords-filter"
QUARANTINE = "quarantine"

TOO_LONG = "too_long"

WET_FILE = f"{PARSING}/wet-file"


def passed(stage: str) -> str:
    """The counter of what a stage lets through."""
    return f"{stage}/passed"


def filtered(stage: str, reason: str = "") -> str:
    """The counter of what a stage drops, for a reason where it has several."""
    return f"{stage}/filtered:{reason}" if reason else f"{stage}/filtered"


def count_record(counts: Counts, outcome: Page | Dropped | Quarantined) -> None:
    """Count what became of one record of a WET file."""
    if isinstance(outcome, Page):
        counts[passed(PARSING)] += 1
        counts[passed(LENGTH)] += 1
    elif isinstance(outcome, Quarantined):
        counts[f"{QUARANTINE}/{outcome.reason}"] += 1
    elif outcome.reason == TOO_LONG:
        counts[passed(PARSING)] += 1
        counts[filtered(LENGTH)] += 1
    else:
        counts[filtered(PARSING, outcome.reason)] += 1


def count_cleaning(counts: Counts, reason: str, line_counts: Sequence[int]) -> None:
    """Count what cleaning made of one page (`Cleaned`). The reference cleans only copies that won their URL."""
    for outcome, number in zip(rules.LINE_OUTCOMES, line_counts, strict=True):
        if number:
            counts[line_counter(CLEANING, outcome)] += int(number)
    counts[filtered(CLEANING, reason) if reason else passed(CLEANING)] += 1


def line_counter(stage: str, outcome: str) -> str:
    """The counter of lines with an outcome: `line-passed`, or `line-filtered:RULE`."""
    return f"{stage}/line-passed" if outcome == rules.LINE_PASSED else f"{stage}/line-filtered:{outcome}"
