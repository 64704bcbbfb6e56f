"""Kinds of rules whose parameters a language gives: rows of a recipe for many languages.

Such a row becomes a rule of `rules.py` by `of(language)`. Its name, and what it drops, are the row's in all languages,
so that counters and reports have the same rows.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec

from c4pipe.corpus.language.language_data import LanguageData
from c4pipe.corpus.rules import (
    EndMarks,
    FewestCharacters,
    FewestWords,
    LineRule,
    LongestWord,
    Phrases,
    Rule,
)

_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Topic(Enum):
    """What phrases of the languages' data are about."""

    POLICY = "policy"
    JAVASCRIPT = "javascript"
    LOREMIPSUM = "loremipsum"


@dataclass(frozen=True)
class Never(LineRule):
    """Applies to no line: a rule that a language has no use for."""

    def takes(self, line: str) -> bool:
        return False

    def untaken(self, lines: list[str], lowered_page: str) -> list[str]:
        return lines


@dataclass(frozen=True)
class LineRuleOfLanguage(LineRule):
    """A row whose parameters a language gives. A kind defines `of`."""

    def takes(self, line: str) -> bool:
        raise TypeError(f"the rule {self.name} has no parameters before a language gives them")

    @abstractmethod
    def of(self, language: LanguageData) -> LineRule:
        """The rule for a language."""


@dataclass(frozen=True)
class EndMarksOfLanguage(LineRuleOfLanguage):
    """`EndMarks` with the marks of the language's script. Where a script has none (Thai), it applies to no line."""

    not_in: str = "..."

    def of(self, language: LanguageData) -> LineRule:
        if not language.end_marks:
            return Never(self.name, self.drops)
        return EndMarks(self.name, self.drops, marks=language.end_marks, not_in=self.not_in)


@dataclass(frozen=True)
class FewestWordsOfLanguage(LineRuleOfLanguage):
    """`FewestWords`; where no blanks part words, `FewestCharacters` with the language's number."""

    words: _Count = 1

    def of(self, language: LanguageData) -> LineRule:
        if language.has_blanks:
            return FewestWords(self.name, self.drops, words=self.words)
        return FewestCharacters(self.name, self.drops, characters=language.fewest_characters)


@dataclass(frozen=True)
class LongestWordOfLanguage(LineRuleOfLanguage):
    """`LongestWord`; where no blanks part words, it applies to no line."""

    characters: _Count = 1000

    def of(self, language: LanguageData) -> LineRule:
        if not language.has_blanks:
            return Never(self.name, self.drops)
        return LongestWord(self.name, self.drops, characters=self.characters)


@dataclass(frozen=True)
class PhrasesOfLanguage(LineRuleOfLanguage):
    """`Phrases`: those of the row, which hold for every language, and the language's own about a topic."""

    topic: Topic = Topic.POLICY
    phrases: tuple[str, ...] = ()

    def of(self, language: LanguageData) -> LineRule:
        own = language.phrases.get(self.topic.value, ())
        return Phrases(self.name, self.drops, phrases=tuple(dict.fromkeys((*self.phrases, *own))))


def rules_of_language(rules: Sequence[Rule], language: LanguageData) -> tuple[Rule, ...]:
    """The rules for a language: those that it gives parameters to, and the others as they are."""
    return tuple(rule.of(language) if isinstance(rule, LineRuleOfLanguage) else rule for rule in rules)
