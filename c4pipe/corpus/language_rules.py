"""Kinds of rules whose parameters depend on the language, for recipes for many languages.

`of(language)` makes such a rule into a rule of `rules.py`. Its name and what it drops are the same for all languages,
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
    """The topics of phrases in the languages' data."""

    POLICY = "policy"
    JAVASCRIPT = "javascript"
    LOREMIPSUM = "loremipsum"


@dataclass(frozen=True)
class Never(LineRule):
    """Applies to no line. It takes the place of a rule that a language does not need."""

    def takes(self, line: str) -> bool:
        return False

    def untaken(self, lines: list[str], lowered: str) -> list[str]:
        return lines


@dataclass(frozen=True)
class LineRuleOfLanguage(LineRule):
    """A rule whose parameters depend on the language. A kind defines `of`."""

    def takes(self, line: str) -> bool:
        raise TypeError(f"the rule {self.name} depends on the language; use of(language)")

    @abstractmethod
    def of(self, language: LanguageData) -> LineRule:
        """The rule for a language."""


@dataclass(frozen=True)
class EndMarksOfLanguage(LineRuleOfLanguage):
    """`EndMarks` with the marks of the language's script. If the script has none (Thai), it applies to no line.

    long_words: the words of a line that may end in one of the language's marks for long lines.
    """

    not_in: str = "..."
    long_words: _Count = 1

    def of(self, language: LanguageData) -> LineRule:
        if not language.end_marks:
            return Never(self.name, self.drops)
        return EndMarks(
            self.name,
            self.drops,
            marks=language.end_marks,
            not_in=self.not_in,
            long_marks=language.long_marks,
            long_words=self.long_words if language.long_marks else 1,
            dashes=language.dashes,
        )


@dataclass(frozen=True)
class FewestWordsOfLanguage(LineRuleOfLanguage):
    """`FewestWords`; if words are not separated by blanks, `FewestCharacters` with the language's number."""

    words: _Count = 1

    def of(self, language: LanguageData) -> LineRule:
        if language.has_blanks:
            return FewestWords(self.name, self.drops, words=self.words)
        return FewestCharacters(self.name, self.drops, characters=language.fewest_characters)


@dataclass(frozen=True)
class LongestWordOfLanguage(LineRuleOfLanguage):
    """`LongestWord`; if words are not separated by blanks, it applies to no line."""

    characters: _Count = 1000

    def of(self, language: LanguageData) -> LineRule:
        if not language.has_blanks:
            return Never(self.name, self.drops)
        return LongestWord(self.name, self.drops, characters=self.characters)


@dataclass(frozen=True)
class PhrasesOfLanguage(LineRuleOfLanguage):
    """`Phrases`, with the phrases of the rule for all languages, and the language's phrases for a topic."""

    topic: Topic = Topic.POLICY
    phrases: tuple[str, ...] = ()

    def of(self, language: LanguageData) -> LineRule:
        own = language.phrases.get(self.topic.value, ())
        return Phrases(self.name, self.drops, phrases=tuple(dict.fromkeys((*self.phrases, *own))))


def rules_of_language(rules: Sequence[Rule], language: LanguageData) -> tuple[Rule, ...]:
    """The rules for a language. Rules that do not depend on the language are unchanged."""
    return tuple(rule.of(language) if isinstance(rule, LineRuleOfLanguage) else rule for rule in rules)
