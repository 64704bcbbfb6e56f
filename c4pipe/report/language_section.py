"""The report's section about each language of a corpus whose rules depend on the language."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from c4pipe.corpus.badwords import FILTERED
from c4pipe.corpus.chain import BADWORDS, CLEANING, LANGUAGE, LINE_COPIES
from c4pipe.report import html

if TYPE_CHECKING:
    from markupsafe import Markup


_NUM_HOSTS = 5


def language_section(languages: Sequence[str], counters: Mapping[str, int]) -> "Markup":
    """Two tables with a row per language: what became of its pages, and of the lines of the pages that were cleaned."""
    pages = [[language, *_pages(language, counters)] for language in languages]
    rules = sorted({rule for language in languages for rule in _below(counters, _lines_prefix(language))})
    lines = [[language, *_lines(language, rules, counters)] for language in languages]
    of_pages = (
        "language (as cleaned)",
        "pages cleaned",
        "dropped by cleaning",
        "without lines of their own",
        "language not sure, or another",
        "bad words",
        "pages before bad words",
    )
    return html.render(
        "{{ pages }}{{ lines }}",
        pages=html.table(of_pages, pages),
        lines=html.table(("language (as cleaned)", "lines kept", *rules), lines),
    )


def lengths_and_domains(found: Mapping[str, Mapping[str, list]], edges: Sequence[int]) -> "Markup":
    """A row per language: how long its pages are, and which hosts have most of them.

    found: language -> `lengths` (pages per bin) and `domains` (host and pages). edges: of the bins, in characters.
    """
    head = ("language", "pages", "a tenth is shorter than", "half", "nine tenths", "largest hosts (pages)")
    rows = []
    for language, own in sorted(found.items(), key=lambda item: (-sum(item[1]["lengths"]), item[0])):
        hosts = ", ".join(f"{host or '(no host)'} ({pages:,})" for host, pages in own["domains"][:_NUM_HOSTS])
        shares = (f"{quantile(own['lengths'], edges, share):,}" for share in (0.1, 0.5, 0.9))
        rows.append([language, sum(own["lengths"]), *shares, hosts])
    return html.table(head, rows)


def quantile(pages: Sequence[int], edges: Sequence[int], share: float) -> int:
    """The smallest edge below which at least this share of the pages is.

    >>> quantile([1, 0, 8, 1], [16, 32, 64, 128, 256], 0.5)
    128
    """
    below = 0
    for count, edge in zip(pages, edges[1:], strict=True):
        below += count
        if below >= share * sum(pages):
            return edge
    return edges[-1]


def _pages(language: str, counters: Mapping[str, int]) -> list[int]:
    cleaned = counters.get(f"{CLEANING.name}-{language}/passed", 0)
    dropped, without_lines, unsure = (
        sum(_below(counters, f"{stage.name}-{language}/filtered:").values())
        for stage in (CLEANING, LINE_COPIES, LANGUAGE)
    )
    badwords = counters.get(f"{BADWORDS.name}-{language}/{FILTERED}", 0)
    kept = counters.get(f"{LANGUAGE.name}-{language}/passed", 0)
    return [cleaned + dropped, dropped, without_lines, unsure, badwords, kept]


def _lines(language: str, rules: Sequence[str], counters: Mapping[str, int]) -> list[int]:
    found = _below(counters, _lines_prefix(language))
    return [counters.get(f"{CLEANING.name}-{language}/line-passed", 0), *(found.get(rule, 0) for rule in rules)]


def _lines_prefix(language: str) -> str:
    return f"{CLEANING.name}-{language}/line-filtered:"


def _below(counters: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in counters.items() if name.startswith(prefix)}
