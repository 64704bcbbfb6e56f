"""Compares a released corpus with the WET files that it was made from: which rows agree, and why pages are absent.

Only some of the WET files are available. So the decisions over the whole crawl are unknown (which copy of a URL stayed,
which page kept a line). The decisions that depend on one page alone are known and must agree: its lines after cleaning,
its language, its split, its bad words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from c4pipe.corpus import chain
from c4pipe.corpus.chain import Criteria, judges_of
from c4pipe.corpus.judging import Candidate, Ruling, judge
from c4pipe.corpus.language.identifier import Identified
from c4pipe.corpus.language.wanted import SureOfLanguage
from c4pipe.corpus.splits import split_of
from c4pipe.corpus.urls import normalized_url
from c4pipe.records import Page

# The kinds of disagreement about a released row.
NOT_CLEANED_SO = "we drop the page"
OTHER_LINES = "lines that ours do not have, or in another order"
OTHER_LANGUAGE = "language"
OTHER_SPLIT = "split"
BAD_WORDS = "bad words"
TOO_FEW_SENTENCES = "fewer than three sentences"
IN_EARLIER_CRAWL = "a URL or line that an earlier crawl has"

# Reasons why a page of the WET files may be absent from the release, besides the names of the rules that drop pages.
URL_IN_EARLIER_CRAWL = "an earlier crawl has its URL"
OTHER_COPY_RELEASED = "another copy of its URL was released"
OTHER_COPY_HERE = "another copy of its URL wins in these files"
LINES_ELSEWHERE = "other pages here, or earlier crawls, keep its lines"
COPY_UNSEEN = "passes every rule; a copy of its URL or lines in files not given would explain it"
OTHER_SHARD = "passes every rule; it may be in a released shard that was not given"


@dataclass(frozen=True, slots=True)
class Cleansed:
    """A page of the WET files after cleaning: its text, or the reason why cleaning drops it."""

    url: str
    timestamp: str
    text: str
    reason: str

    @property
    def normalized(self) -> str:
        return normalized_url(self.url)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A released row that our rules would not have made."""

    kind: str
    url: str
    timestamp: str
    detail: str


class RowJudge:
    """Judges released rows and absent pages by the stages that need only the page itself. Has exactly one language."""

    def __init__(self, criteria: Criteria) -> None:
        (self._language,) = criteria.languages
        self._after_urls = judges_of(chain.AFTER_URLS, criteria)
        english = chain.ENGLISH.judge(criteria)
        assert criteria.sentences is not None and isinstance(english, SureOfLanguage)
        self._sentences, self._min_sentences = criteria.sentences, criteria.variant.min_sentences
        self._english = english
        self._badwords = chain.BADWORDS.judge(criteria) if chain.BADWORDS.when(criteria.variant) else None

    def clean(self, page: Page) -> Cleansed:
        """Clean a page of a WET file."""
        (verdict,) = judge(self._after_urls, [Candidate(page.url, normalized_url(page.url), page.text)])
        return Cleansed(page.url, page.timestamp, "" if verdict.reason else verdict.text, verdict.reason)

    def judge(self, text: str, split: str, candidates: Sequence[Cleansed]) -> list[Disagreement]:
        """The faults of a released row. candidates: the pages with its URL and timestamp, at least one."""
        page = candidates[0]
        found: list[Disagreement] = []

        def object_to(kind: str, detail: str) -> None:
            found.append(Disagreement(kind, page.url, page.timestamp, detail))

        kept = [candidate for candidate in candidates if not candidate.reason]
        if not kept:
            object_to(NOT_CLEANED_SO, f"rule {page.reason}")
        elif all(strange := [first_strange_line(text, candidate.text) for candidate in kept]):
            object_to(OTHER_LINES, str(strange[0]))
        if self._has_too_few_sentences(text):
            object_to(TOO_FEW_SENTENCES, f"{self._sentences.count(text)} sentences")
        (identified,) = self._english.identify([text])
        if self._english.rule(identified).reason:
            object_to(OTHER_LANGUAGE, _describe(identified))
        if self._has_badwords(text, page):
            object_to(BAD_WORDS, "the text matches the list")
        if split != (ours := split_of(page.normalized)):
            object_to(OTHER_SPLIT, f"released in {split}, the URL's hash says {ours}")
        return found

    def why_absent(self, page: Cleansed, lines_of_others: "LineOwners") -> str:
        """Why a page may be absent: a rule, or its lines are on other pages too. Empty if nothing here explains it."""
        if page.reason:
            return page.reason
        ruling = self._rule_on_language(page.text)
        if ruling.reason:
            return "low_confidence" if ruling.language == self._language else "language"
        if self._has_badwords(page.text, page):
            return "badwords"
        left = "\n".join(line for line in page.text.split("\n") if not lines_of_others.others_have(line, page))
        return LINES_ELSEWHERE if self._has_too_few_sentences(left) else ""

    def _rule_on_language(self, text: str) -> Ruling:
        return self._english.rule(self._english.identify([text])[0])

    def _has_too_few_sentences(self, text: str) -> bool:
        return self._sentences.count(text, up_to=self._min_sentences) < self._min_sentences

    def _has_badwords(self, text: str, page: Cleansed) -> bool:
        if self._badwords is None:
            return False
        (ruling,) = self._badwords.judge([Candidate(page.url, page.normalized, text, language=self._language)])
        return bool(ruling.reason)


class LineOwners:
    """Knows which lines are on more than one page of the WET files, as line deduplication compares them."""

    def __init__(self, pages: Iterable[Cleansed], elsewhere: Iterable[str] = ()) -> None:
        """elsewhere: lines that earlier crawls have."""
        self._owner: dict[int, str] = {}
        self._shared: set[int] = set(map(_key, elsewhere))
        for page in pages:
            for key in set(_keys(page.text)):
                if self._owner.setdefault(key, page.url) != page.url:
                    self._shared.add(key)

    def others_have(self, line: str, page: Cleansed) -> bool:
        """Whether a page other than this one, or an earlier crawl, also has the line."""
        key = _key(line)
        return key in self._shared or self._owner.get(key, page.url) != page.url


def as_in_wet(timestamp: Any) -> Any:
    """A timestamp as WET files and C4 write it. Tables made by `datasets` hold `datetime`s, in UTC if without a zone.

    >>> as_in_wet(datetime(2019, 4, 25, 12, 57, 54)), as_in_wet("2019-04-25T12:57:54Z")
    ('2019-04-25T12:57:54Z', '2019-04-25T12:57:54Z')
    """
    if not isinstance(timestamp, datetime):
        return timestamp
    moment = timestamp if timestamp.tzinfo is None else timestamp.astimezone(timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def first_strange_line(released: str, ours: str) -> str | None:
    """The first line of a released text that is not in ours or not in our order; None for an ordered subset.

    >>> first_strange_line("b\\nd", "a\\nb\\nc\\nd") is None
    True
    >>> first_strange_line("d\\nb", "a\\nb\\nc\\nd")
    'b'
    """
    left = iter(ours.split("\n"))
    for line in released.split("\n"):
        # `in` consumes the iterator up to the line that it finds, so the next line must come after it.
        if line not in left:
            return line
    return None


def _keys(text: str) -> Iterator[int]:
    return (_key(line) for line in text.split("\n"))


def _key(line: str) -> int:
    return hash(line.strip().lower())


def _describe(identified: Identified | None) -> str:
    return "no features" if identified is None else f"{identified.language} with {identified.probability:.4f}"
