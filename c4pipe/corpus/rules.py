"""The kinds of rules that clean a page. A recipe's rules are an ordered list of such rules (`recipes/`).

A rule's name is also the name of its counter and of its row in the report. All its parameters are fields. Recipe files
know the kinds that `KINDS` in `recipes/recipe_files.py` names.
"""

import heapq
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Annotated, ClassVar

import msgspec

from c4pipe.corpus.sentences.counter import CountsSentences

MAX_PAGE_LENGTH = 190_000  # characters; a page of exactly this length passes; tested while a file is read

# The outcome of a line that no rule drops.
LINE_PASSED = "passed"

# What the fields of a recipe may be.
_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Texts = Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]
# The name of a rule, which is also in counters and reports.
_RuleName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,63}\Z")]


class Drops(Enum):
    """What a rule drops: one line, or the whole page."""

    LINE = "line"
    PAGE = "page"


@dataclass(frozen=True)
class Rewrite:
    """Removes every match of a pattern from each line. The rest of the line is not stripped again.

    sign: a text that every match contains, so that lines without it need not be searched.
    """

    pattern: _Text
    sign: str

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def rewritten(self, line: str) -> str:
        """The line without the matches."""
        return self._expression.sub("", line) if self.sign in line else line


@dataclass(frozen=True)
class LineRule(ABC):
    """A rule that looks at one line. `drops`: whether it drops the lines that it applies to, or their whole page.

    A kind defines `takes`. It may also define `untaken`, if testing all lines of a page together is faster. Both must
    give the same result; a test compares them for every kind.
    """

    name: _RuleName
    drops: Drops = Drops.LINE
    needs_lowered: ClassVar[bool] = False

    @abstractmethod
    def takes(self, line: str) -> bool:
        """Whether the rule applies to a line, which was stripped and rewritten before."""

    def untaken(self, lines: list[str], lowered: str) -> list[str]:
        """The lines that the rule does not apply to, in order.

        lowered: for kinds with `needs_lowered`. It contains each of the lines in lower case, and possibly other text. A
        phrase that is not in it is in none of the lines.
        """
        return [line for line in lines if not self.takes(line)]


@dataclass(frozen=True)
class PageRule(ABC):
    """A rule that looks at all lines that the line rules kept, and drops the page. A kind defines `takes`."""

    name: _RuleName

    @abstractmethod
    def takes(self, lines: Sequence[str], sentences: CountsSentences) -> bool:
        """Whether the rule applies to a page with these lines."""


Rule = Rewrite | LineRule | PageRule


@dataclass(frozen=True)
class LongestWord(LineRule):
    """Applies to a line with a word (separated by white space) of more than `characters`."""

    characters: _Count = 1000

    def takes(self, line: str) -> bool:
        start = 0
        while len(line) - start > self.characters:
            # Jump from blank to blank in large steps. Only a stretch without a blank needs its words measured.
            blank = line.rfind(" ", start, start + self.characters + 1)
            if blank < 0:
                return max(map(len, line[start:].split()), default=0) > self.characters
            start = blank + 1
        return False

    def untaken(self, lines: list[str], lowered: str) -> list[str]:
        if max(map(len, lines), default=0) <= self.characters:
            return lines
        return super().untaken(lines, lowered)


_ELLIPSES = ("...", "…")


@dataclass(frozen=True)
class EndMarks(LineRule):
    """Applies to a line that does not end in one of `marks`, or that ends in `not_in`, unless that is empty.

    There are two exceptions. A line of at least `long_words` words may also end in one of `long_marks`. A line that
    begins with one of `dashes`, as speech does in some languages, may also end in an ellipsis.
    """

    marks: _Texts = (".",)
    not_in: str = "..."
    long_marks: _Texts = ()
    long_words: _Count = 1
    dashes: _Texts = ()

    def takes(self, line: str) -> bool:
        is_ended = line.endswith(self.marks) and not (self.not_in and line.endswith(self.not_in))
        return not (is_ended or self._is_exception(line))

    def _is_exception(self, line: str) -> bool:
        if line.endswith(self.long_marks):
            return len(line.split(None, self.long_words - 1)) >= self.long_words
        return line.startswith(self.dashes) and line.endswith(_ELLIPSES)

    def untaken(self, lines: list[str], lowered: str) -> list[str]:
        marks, not_in = self.marks, self.not_in
        if self.long_marks or self.dashes:
            return super().untaken(lines, lowered)
        if not not_in:
            return [line for line in lines if line.endswith(marks)]
        return [line for line in lines if line.endswith(marks) and not line.endswith(not_in)]


@dataclass(frozen=True)
class FewestWords(LineRule):
    """Applies to a line of fewer than `words` words (separated by white space)."""

    words: _Count = 1

    def takes(self, line: str) -> bool:
        return len(line.split(None, self.words - 1)) < self.words

    def untaken(self, lines: list[str], lowered: str) -> list[str]:
        words = self.words
        return [line for line in lines if len(line.split(None, words - 1)) >= words]


@dataclass(frozen=True)
class FewestCharacters(LineRule):
    """Applies to a line of fewer than `characters` characters that are not white space: for scripts without blanks."""

    characters: _Count = 1

    def takes(self, line: str) -> bool:
        return sum(map(len, line.split())) < self.characters


@dataclass(frozen=True)
class Phrases(LineRule):
    """Applies to a line that contains one of `phrases` (given in lower case), in upper or lower case."""

    phrases: _Texts = ()
    needs_lowered: ClassVar[bool] = True

    def takes(self, line: str) -> bool:
        lowered = line.lower()
        return any(phrase in lowered for phrase in self.phrases)

    def untaken(self, lines: list[str], lowered: str) -> list[str]:
        for phrase in self.phrases:
            if phrase in lowered:
                lines = [line for line in lines if phrase not in line.lower()]
        return lines


@dataclass(frozen=True)
class FewestSentences(PageRule):
    """Applies to a page whose lines have fewer than `sentences` sentences, each line counted by itself."""

    sentences: _Count = 1

    def takes(self, lines: Sequence[str], sentences: CountsSentences) -> bool:
        # Each kept line has at least one sentence, so a page with enough lines need not be split into sentences.
        missing = self.sentences
        if len(lines) >= missing:
            return False
        for line in lines:
            missing -= sentences.count(line, up_to=missing)
            if missing <= 0:
                return False
        return True


@dataclass(frozen=True)
class Paragraphs:
    """A page has paragraphs if at least `lines` of its lines have `characters` characters or more."""

    lines: _Count
    characters: _Count

    def are_in(self, text: str) -> bool:
        """Whether a text has the paragraphs."""
        lengths = [len(line) for line in text.split("\n")]
        return len(lengths) >= self.lines and heapq.nlargest(self.lines, lengths)[-1] >= self.characters


def line_outcomes(rules: Sequence[Rule]) -> tuple[str, ...]:
    """The possible outcomes of a line: the names of the rules that drop lines, in their order, then `passed`."""
    names = (rule.name for rule in rules if isinstance(rule, LineRule) and rule.drops is Drops.LINE)
    return (*names, LINE_PASSED)
