"""Pages with bad words, by the lists of LDNOOBW."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from c4pipe.corpus.splits import url_hash
from c4pipe.corpus.variants import Compat
from c4pipe.errors import UserError

# Listed, but common parts of good words in languages that write without spaces.
COMMON_SUBWORDS: Final = {"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}

PASSED = "passed"
SOFT_PASSED = "soft-passed"
FILTERED = "filtered"


def parse_lists(lists: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Words by language from the texts of lists (name -> content, one word a line)."""
    words: dict[str, set[str]] = {}
    for name, content in lists.items():
        language = base_language(name)
        words.setdefault(language, set()).update(word for line in content.split("\n") if (word := line.strip()))
    return {language: frozenset(found) for language, found in words.items()}


def base_language(language: str) -> str:
    """The language without its region or script: `fr-CA-u-sd-caqc` -> `fr`, `ru-Latn` -> `ru`."""
    return language.split("-")[0]


class BadwordsFilter:
    """Says of a page whether a word of its language's list stands in it (reference: `get_badwords_filter_fn`).

    words: words by language, as `parse_lists` gives them. fraction: the share of pages with a bad word that goes;
    which ones is decided by the md5 of the page's normalized URL.
    """

    def __init__(self, words: Mapping[str, frozenset[str]], compat: Compat, fraction: float = 1.0) -> None:
        self._words = dict(words)
        self._compat = compat
        self._fraction = fraction
        share = fraction if compat.soft_badwords else 1.0
        self._numerator, self._denominator = float(share).as_integer_ratio()
        self._expressions = {
            language: _expression(language, sorted(listed - _allowed(language, compat)), compat)
            for language, listed in self._words.items()
        }

    def __reduce__(self):
        return (BadwordsFilter, (self._words, self._compat, self._fraction))

    def outcome(self, text: str, language: str, normalized_url: str) -> str:
        """`passed`, `soft-passed` (a bad word, but the page is one of the share that stays) or `filtered`."""
        if not self.has_badword(text, language):
            return PASSED
        return FILTERED if url_hash(normalized_url) % self._denominator < self._numerator else SOFT_PASSED

    def has_list(self, language: str) -> bool:
        """Whether there are words for a language."""
        return base_language(language) in self._expressions

    def has_badword(self, text: str, language: str) -> bool:
        """Whether the lower-cased text has a word of the language's list."""
        expression = self._expressions.get(base_language(language))
        return expression is not None and expression.search(text.lower()) is not None


def _allowed(language: str, compat: Compat) -> frozenset[str]:
    return COMMON_SUBWORDS.get(language, frozenset()) if compat.allows_common_subwords else frozenset()


def _expression(language: str, words: Sequence[str], compat: Compat) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(word) if compat.escapes_badwords else word for word in words)
    inside_words = language in compat.substring_languages
    try:
        return re.compile(alternatives if inside_words else rf"(?:\W|^)({alternatives})(?:\W|$)")
    except re.error as error:
        raise UserError(
            f"the bad words of {language!r} are no expression ({error}); --compat=tfds-3.1.0 takes them as plain text"
        ) from error
