"""A released corpus against the WET files it was made from: which rows agree, and why other pages are not in it.

Only some WET files are at hand, so what the whole crawl decided (which copy of a URL stayed, which page kept a line) is
not known. What a page alone decides is, and that must agree: its lines after cleaning, its language, its split, its bad
words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from c4pipe.corpus import rules
from c4pipe.corpus.badwords import FILTERED, BadwordsFilter
from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.finishing import MIN_LANGDETECT_PROBABILITY
from c4pipe.corpus.language.identifier import Identified, LanguageIdentifier
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.splits import split_of
from c4pipe.corpus.urls import normalized_url
from c4pipe.records import Page

# Kinds of disagreement about a row that was released.
NOT_CLEANED_SO = "we drop the page"
OTHER_LINES = "lines that ours do not have, or in another order"
OTHER_LANGUAGE = "language"
OTHER_SPLIT = "split"
BAD_WORDS = "bad words"
TOO_FEW_SENTENCES = "fewer than three sentences"
DISAGREEMENTS = (NOT_CLEANED_SO, OTHER_LINES, OTHER_LANGUAGE, OTHER_SPLIT, BAD_WORDS, TOO_FEW_SENTENCES)

# Why a page of the WET files may be absent from the release, besides a rule that drops it by its own name.
OTHER_COPY_RELEASED = "another copy of its URL was released"
OTHER_COPY_HERE = "another copy of its URL wins in these files"
LINES_ELSEWHERE = "other pages here keep its lines"
COPY_UNSEEN = "passes every rule; a copy of its URL or lines in files not given would explain it"
OTHER_SHARD = "passes every rule; it may be in a released shard that was not given"


@dataclass(frozen=True, slots=True)
class Cleansed:
    """A page of the WET files with what cleaning makes of it alone: its text, or the reason why it goes."""

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


class Judge:
    """Judges released rows and absent pages by the rules that need nothing but the page."""

    def __init__(
        self,
        sentences: SentenceCounter,
        identifier: LanguageIdentifier,
        badwords: BadwordsFilter | None,
        language: str = "en",
    ) -> None:
        self._cleaner = Cleaner(sentences)
        self._sentences = sentences
        self._identifier = identifier
        self._badwords = badwords
        self._language = language

    def clean(self, page: Page) -> Cleansed:
        """What cleaning makes of a page of a WET file."""
        cleaned = self._cleaner.clean(page.text)
        return Cleansed(page.url, page.timestamp, cleaned.text, cleaned.reason)

    def judge(self, text: str, split: str, candidates: Sequence[Cleansed]) -> list[Disagreement]:
        """What is wrong with a released row. candidates: the pages of its URL and timestamp, one at least."""
        page = candidates[0]
        found: list[Disagreement] = []

        def object_to(kind: str, detail: str) -> None:
            found.append(Disagreement(kind, page.url, page.timestamp, detail))

        kept = [candidate for candidate in candidates if not candidate.reason]
        if not kept:
            object_to(NOT_CLEANED_SO, f"rule {page.reason}")
        elif all(strange := [first_strange_line(text, candidate.text) for candidate in kept]):
            object_to(OTHER_LINES, str(strange[0]))
        if self._sentences.count(text, up_to=rules.MIN_SENTENCES) < rules.MIN_SENTENCES:
            object_to(TOO_FEW_SENTENCES, f"{self._sentences.count(text)} sentences")
        if not self._is_wanted(identified := self._identifier.identify([text])[0]):
            object_to(OTHER_LANGUAGE, _describe(identified))
        if self._has_badwords(text, page.normalized):
            object_to(BAD_WORDS, "the text matches the list")
        if split != (ours := split_of(page.normalized)):
            object_to(OTHER_SPLIT, f"released in {split}, the URL's hash says {ours}")
        return found

    def why_absent(self, page: Cleansed, lines_of_others: "LineOwners") -> str:
        """The rule, or the lines of other pages, that could keep a page out; empty where nothing here does."""
        if page.reason:
            return page.reason
        if not self._is_wanted(identified := self._identifier.identify([page.text])[0]):
            return "low_confidence" if identified and identified.language == self._language else "language"
        if self._has_badwords(page.text, page.normalized):
            return "badwords"
        left = "\n".join(line for line in page.text.split("\n") if not lines_of_others.others_have(line, page))
        if self._sentences.count(left, up_to=rules.MIN_SENTENCES) < rules.MIN_SENTENCES:
            return LINES_ELSEWHERE
        return ""

    def _is_wanted(self, identified: Identified | None) -> bool:
        return (
            identified is not None
            and identified.language == self._language
            and identified.probability >= MIN_LANGDETECT_PROBABILITY
        )

    def _has_badwords(self, text: str, normalized: str) -> bool:
        return self._badwords is not None and self._badwords.outcome(text, self._language, normalized) == FILTERED


class LineOwners:
    """Which lines stand on more than one page of the WET files, as line deduplication compares them."""

    def __init__(self, pages: Iterable[Cleansed]) -> None:
        self._owner: dict[int, str] = {}
        self._shared: set[int] = set()
        for page in pages:
            for key in set(_keys(page.text)):
                if self._owner.setdefault(key, page.url) != page.url:
                    self._shared.add(key)

    def others_have(self, line: str, page: Cleansed) -> bool:
        """Whether another page than this one has the line too."""
        key = _key(line)
        return key in self._shared or self._owner.get(key, page.url) != page.url


def first_strange_line(released: str, ours: str) -> str | None:
    """The first line of a released text that breaks the order or is not among ours; None for an ordered subset.

    >>> first_strange_line("b\\nd", "a\\nb\\nc\\nd") is None
    True
    >>> first_strange_line("d\\nb", "a\\nb\\nc\\nd")
    'b'
    """
    left = iter(ours.split("\n"))
    for line in released.split("\n"):
        # `in` on an iterator goes on behind the line it found: what comes next must stand further down.
        if line not in left:
            return line
    return None


def _keys(text: str) -> Iterator[int]:
    return (_key(line) for line in text.split("\n"))


def _key(line: str) -> int:
    return hash(line.strip().lower())


def _describe(identified: Identified | None) -> str:
    return "no features" if identified is None else f"{identified.language} with {identified.probability:.4f}"
