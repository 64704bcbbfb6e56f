"""The kinds of rules that clean a page. A variant's rules are rows of these kinds, in order (`variants.py`).

A rule's name is its counter's name and the report's row. All parameters are fields of the row. A rule of a kind that
is not here is a `LineTest` or a `PageTest` with a function of its own.
"""

import heapq
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from c4pipe.corpus.sentences.counter import SentenceCounter

MAX_PAGE_LENGTH = 190_000  # characters; a page of exactly so many passes; tested while a file is read

# The outcome of a line that no rule drops.
LINE_PASSED = "passed"


class Drops(Enum):
    """What a rule drops."""

    LINE = "line"
    PAGE = "page"


@dataclass(frozen=True)
class Rewrite:
    """Removes every match of a pattern from each line. What is left is not stripped again.

    sign: a text that stands in every match, so that lines without it need not be searched.
    """

    pattern: str
    sign: str

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def rewritten(self, line: str) -> str:
        """The line without the matches."""
        return self._expression.sub("", line) if self.sign in line else line


@dataclass(frozen=True)
class LineRule:
    """A rule that looks at one line. `drops`: the line that it takes, or the whole page.

    A kind defines `takes`. It may define `untaken` too, where all lines of a page together are faster; both must come
    to the same, and a test holds every kind to it.
    """

    name: str
    drops: Drops = Drops.LINE

    def takes(self, line: str) -> bool:
        """Whether the rule applies to a line, which is stripped and rewritten by then."""
        raise NotImplementedError

    def untaken(self, lines: list[str], lowered_page: str) -> list[str]:
        """The lines that the rule does not apply to, in order.

        lowered_page: holds each of the lines in lower case, and maybe more. What is not in it is in none of them.
        """
        return [line for line in lines if not self.takes(line)]


@dataclass(frozen=True)
class PageRule:
    """A rule that looks at the lines that all line rules left, and drops the page. A kind defines `takes`."""

    name: str

    def takes(self, lines: Sequence[str], sentences: SentenceCounter) -> bool:
        """Whether the rule applies to a page with these lines."""
        raise NotImplementedError


Rule = Rewrite | LineRule | PageRule


@dataclass(frozen=True)
class LongestWord(LineRule):
    """Takes a line with a white-space token of more than `characters`."""

    characters: int = 1000

    def takes(self, line: str) -> bool:
        start = 0
        while len(line) - start > self.characters:
            # From blank to blank in large steps; only where there is none need the words be measured.
            blank = line.rfind(" ", start, start + self.characters + 1)
            if blank < 0:
                return max(map(len, line[start:].split()), default=0) > self.characters
            start = blank + 1
        return False

    def untaken(self, lines: list[str], lowered_page: str) -> list[str]:
        if max(map(len, lines), default=0) <= self.characters:
            return lines
        return super().untaken(lines, lowered_page)


@dataclass(frozen=True)
class EndMarks(LineRule):
    """Takes a line that does not end in one of `marks`, or that ends in `not_in`."""

    marks: tuple[str, ...] = (".",)
    not_in: str = "..."

    def takes(self, line: str) -> bool:
        return not line.endswith(self.marks) or line.endswith(self.not_in)

    def untaken(self, lines: list[str], lowered_page: str) -> list[str]:
        marks, not_in = self.marks, self.not_in
        return [line for line in lines if line.endswith(marks) and not line.endswith(not_in)]


@dataclass(frozen=True)
class FewestWords(LineRule):
    """Takes a line of fewer than `words` white-space tokens."""

    words: int = 1

    def takes(self, line: str) -> bool:
        return len(line.split(None, self.words - 1)) < self.words

    def untaken(self, lines: list[str], lowered_page: str) -> list[str]:
        words = self.words
        return [line for line in lines if len(line.split(None, words - 1)) >= words]


@dataclass(frozen=True)
class Phrases(LineRule):
    """Takes a line that has one of `phrases` (in lower case) in it, in upper or lower case."""

    phrases: tuple[str, ...] = ()

    def takes(self, line: str) -> bool:
        lowered = line.lower()
        return any(phrase in lowered for phrase in self.phrases)

    def untaken(self, lines: list[str], lowered_page: str) -> list[str]:
        for phrase in self.phrases:
            if phrase in lowered_page:
                lines = [line for line in lines if phrase not in line.lower()]
        return lines


@dataclass(frozen=True)
class LineTest(LineRule):
    """Takes a line that a function says yes to. The function must be one of a module, so that it travels."""

    test: Callable[[str], bool] = bool

    def takes(self, line: str) -> bool:
        return self.test(line)


@dataclass(frozen=True)
class FewestSentences(PageRule):
    """Takes a page whose lines have fewer than `sentences` sentences, each line counted by itself."""

    sentences: int = 1

    def takes(self, lines: Sequence[str], sentences: SentenceCounter) -> bool:
        # Each kept line has at least one sentence, so as many lines as sentences need no splitter.
        missing = self.sentences
        if len(lines) >= missing:
            return False
        for line in lines:
            missing -= sentences.count(line, up_to=missing)
            if missing <= 0:
                return False
        return True


@dataclass(frozen=True)
class PageTest(PageRule):
    """Takes a page whose lines a function says yes to. The function must be one of a module, so that it travels."""

    test: Callable[[Sequence[str]], bool] = bool

    def takes(self, lines: Sequence[str], sentences: SentenceCounter) -> bool:
        return self.test(lines)


@dataclass(frozen=True)
class Paragraphs:
    """What a page of paragraphs is: at least `lines` lines, so many of which have `characters` or more."""

    lines: int
    characters: int

    def are_in(self, text: str) -> bool:
        """Whether a text has the paragraphs."""
        lengths = [len(line) for line in text.split("\n")]
        return len(lengths) >= self.lines and heapq.nlargest(self.lines, lengths)[-1] >= self.characters


def line_outcomes(rules: Sequence[Rule]) -> tuple[str, ...]:
    """What can become of a line, in the order of the rules that drop lines; `passed` last."""
    names = (rule.name for rule in rules if isinstance(rule, LineRule) and rule.drops is Drops.LINE)
    return (*names, LINE_PASSED)
