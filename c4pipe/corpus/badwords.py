"""Pages with bad words, by the lists of LDNOOBW."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from c4pipe.corpus.splits import url_hash
from c4pipe.corpus.variants import Compat
from c4pipe.errors import UserError

# Listed, but common parts of good words in languages that write without spaces.
COMMON_SUBWORDS: Final = {"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}

_TOKEN = re.compile(r"\w+")
# What makes a word more than plain text when it is taken as an expression.
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")
_SEPARATED = bytes(byte if byte < 128 and _TOKEN.fullmatch(chr(byte)) else 32 for byte in range(256))

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
        self._matchers = {
            language: _matcher(language, listed - _allowed(language, compat), compat)
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
        return base_language(language) in self._matchers

    def has_badword(self, text: str, language: str) -> bool:
        """Whether the lower-cased text has a word of the language's list."""
        matcher = self._matchers.get(base_language(language))
        return matcher is not None and matcher.matches(text.lower())


def _allowed(language: str, compat: Compat) -> frozenset[str]:
    return COMMON_SUBWORDS.get(language, frozenset()) if compat.allows_common_subwords else frozenset()


def _matcher(language: str, words: frozenset[str], compat: Compat) -> "Substrings | Words":
    if language in compat.substring_languages:
        return Substrings(words)
    expressions = frozenset() if compat.escapes_badwords else frozenset(w for w in words if _SPECIAL.search(w))
    try:
        return Words(words - expressions, expressions)
    except re.error as error:
        raise UserError(
            f"the bad words of {language!r} are no expression ({error}); --compat=tfds-3.1.0 takes them as plain text"
        ) from error


class Substrings:
    """Words of a language that writes without spaces: they match wherever they stand."""

    def __init__(self, words: frozenset[str]) -> None:
        self._words = sorted(words)

    def matches(self, lowered: str) -> bool:
        """Whether one of the words is in the text."""
        return any(word in lowered for word in self._words)


class Words:
    r"""Words that match between what is no letter, digit or underscore: `(?:\W|^)(...)(?:\W|$)`.

    An expression of some hundred alternatives is slow, and nearly every page has none of them. So the text is cut
    into tokens first: a listed word can only be there if each of its own tokens is. Those that pass are looked for.
    expressions: words that are no plain text (tfds-3.0.1 does not escape them).
    """

    def __init__(self, words: frozenset[str], expressions: frozenset[str] = frozenset()) -> None:
        # A word by its first token; a word without any has to be looked for in every text.
        self._by_token: dict[str, list[str]] = {}
        self._tokenless: list[str] = []
        for word in sorted(words):
            tokens = _TOKEN.findall(word)
            if tokens:
                self._by_token.setdefault(tokens[0], []).append(word)
            else:
                self._tokenless.append(word)
        self._first_tokens = frozenset(self._by_token)
        self._first_ascii_tokens = frozenset(token.encode() for token in self._first_tokens)
        self._is_ascii = all(token.isascii() for token in self._first_tokens)
        joined = "|".join(sorted(expressions))
        self._expression = re.compile(rf"(?:\W|^)({joined})(?:\W|$)") if expressions else None

    def matches(self, lowered: str) -> bool:
        """Whether one of the words is in the text."""
        words = [word for token in self._tokens(lowered) for word in self._by_token[token]]
        if any(_stands_alone(word, lowered) for word in words):
            return True
        if any(_stands_alone(word, lowered) for word in self._tokenless):
            return True
        return self._expression is not None and self._expression.search(lowered) is not None

    def _tokens(self, lowered: str) -> Iterable[str]:
        """The first tokens of listed words that are in the text; some may be parts of longer tokens."""
        if not self._is_ascii:
            return self._first_tokens.intersection(_TOKEN.findall(lowered))
        # In bytes, with all that is not ASCII as a separator: more tokens than there are, and several times as fast.
        tokens = lowered.encode("utf-8", "surrogatepass").translate(_SEPARATED).split()
        return [token.decode() for token in self._first_ascii_tokens.intersection(tokens)]


def _stands_alone(word: str, lowered: str) -> bool:
    """Whether the word is in the text with nothing that belongs to a word right before or behind it."""
    place = lowered.find(word)
    while place >= 0:
        end = place + len(word)
        if not _is_word_character(lowered[place - 1 : place]) and not _is_word_character(lowered[end : end + 1]):
            return True
        place = lowered.find(word, place + 1)
    return False


def _is_word_character(character: str) -> bool:
    r"""Whether an expression's `\w` takes the character; an empty string, the text's end, is none."""
    return character.isalnum() or character == "_"
