"""Finds pages with bad words, by the lists of LDNOOBW."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from c4pipe.corpus.judging import Candidate, Ruling
from c4pipe.corpus.splits import url_hash
from c4pipe.corpus.variants import Compat
from c4pipe.errors import UserError

# Words of the lists that are common parts of good words, in languages that write without spaces.
COMMON_SUBWORDS: Final = {"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}

_TOKEN = re.compile(r"\w+")
# A word with one of these characters means something else when it is used as a regular expression.
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")
# Two characters that belong to one word in a language that writes without spaces.
_ONE_RUN = re.compile(r"[ァ-ヺー]{2}|[a-z0-9]{2}")
_KEY_BYTES = 8
_HASH_BITS = 16
_IS_WORD = bytes(byte < 128 and _TOKEN.fullmatch(chr(byte)) is not None for byte in range(256))
# Masks that keep the first n bytes of a little-endian number, for n from 0 to 8.
_FIRST_BYTES = np.array([(1 << (8 * length)) - 1 for length in range(_KEY_BYTES + 1)], dtype=np.uint64)

PASSED = "passed"
SOFT_PASSED = "soft-passed"  # has a bad word, but belongs to the share that stays
FILTERED = "filtered"
_REASON = "badword"
_EMPTY_MATCH = "(an expression that matches nothing at all)"


def parse_lists(lists: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Language -> words, from the texts of the lists (name -> content, one word per line)."""
    words: dict[str, set[str]] = {}
    for name, content in lists.items():
        language = base_language(name)
        words.setdefault(language, set()).update(word for line in content.split("\n") if (word := line.strip()))
    return {language: frozenset(found) for language, found in words.items()}


def base_language(language: str) -> str:
    """The language without its region or script: `fr-CA-u-sd-caqc` -> `fr`, `ru-Latn` -> `ru`."""
    return language.split("-")[0]


class BadwordsFilter:
    """Tells whether a page contains a word from the list of its language (reference: `get_badwords_filter_fn`).

    words: language -> words, as from `parse_lists`. fraction: the share of the pages with a bad word that is dropped;
    the md5 of a page's normalized URL decides whether it is one of them.
    """

    def __init__(
        self,
        words: Mapping[str, frozenset[str]],
        compat: Compat,
        fraction: float = 1.0,
        in_whole_runs: bool = False,
    ) -> None:
        self._in_whole_runs = in_whole_runs
        self._words = dict(words)
        self._compat = compat
        self._fraction = fraction
        share = fraction if compat.soft_badwords else 1.0
        self._numerator, self._denominator = float(share).as_integer_ratio()
        self._matchers = {
            language: _matcher(language, listed - _allowed(language, compat), compat, in_whole_runs)
            for language, listed in self._words.items()
        }

    def __reduce__(self):
        return (BadwordsFilter, (self._words, self._compat, self._fraction, self._in_whole_runs))

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`. Names all its counters: one per outcome, and one per outcome and language that has a list."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Ruling:
        badword = self.badword_in(candidate.text, candidate.language)
        outcome = PASSED
        if badword:
            is_filtered = url_hash(candidate.normalized_url) % self._denominator < self._numerator
            outcome = FILTERED if is_filtered else SOFT_PASSED
        base = base_language(candidate.language)
        counters = (f"/{outcome}", f"-{base}/{outcome}") if base in self._matchers else (f"/{outcome}",)
        if outcome != FILTERED:
            return Ruling(counters=counters)
        return Ruling(_REASON, counters=counters, match=badword)

    def badword_in(self, text: str, language: str) -> str:
        """The alphabetically first word of the language's list that the lower-cased text has; empty if it has none."""
        matcher = self._matchers.get(base_language(language))
        return "" if matcher is None else matcher.match(text)


def _allowed(language: str, compat: Compat) -> frozenset[str]:
    return COMMON_SUBWORDS.get(language, frozenset()) if compat.allows_common_subwords else frozenset()


def _matcher(language: str, words: frozenset[str], compat: Compat, in_whole_runs: bool) -> "Substrings | Words":
    if language in compat.substring_languages:
        return Substrings(words, in_whole_runs)
    expressions = frozenset() if compat.escapes_badwords else frozenset(w for w in words if _SPECIAL.search(w))
    try:
        return Words(words - expressions, expressions)
    except re.error as error:
        raise UserError(
            f"the bad words of {language!r} are not a regular expression ({error}); --compat=tfds-3.1.0 takes them as "
            "plain text"
        ) from error


class Substrings:
    """Matches the words of a language that writes without spaces: they match at any place.

    in_whole_runs: not so inside of a longer run of katakana, or of Latin letters and digits, which is another word.
    """

    def __init__(self, words: frozenset[str], in_whole_runs: bool = False) -> None:
        self._words = sorted(words)
        self._in_whole_runs = in_whole_runs

    def match(self, text: str) -> str:
        """The first of the sorted words that is in the text in lower case; empty if none is."""
        lowered = text.lower()
        found = (word for word in self._words if word in lowered)
        if self._in_whole_runs:
            found = (word for word in found if _stands_in_own_run(word, lowered))
        return next(found, "")


class Words:
    r"""Matches words with no letter, digit or underscore beside them: `(?:\W|^)(...)(?:\W|$)`.

    A regular expression with hundreds of alternatives is slow, and nearly every page contains none of them. So the text
    is cut into tokens first: it can contain a listed word only if it contains the word's longest token. Only these
    words are searched for.
    expressions: words that are regular expressions, not plain text (tfds-3.0.1 does not escape them).
    """

    def __init__(self, words: frozenset[str], expressions: frozenset[str] = frozenset()) -> None:
        # A word is filed by its longest token, likely its rarest. A word without tokens is searched for in every text.
        by_token: dict[str, list[str]] = {}
        self._tokenless: list[str] = []
        for word in sorted(words):
            tokens = _TOKEN.findall(word)
            if tokens:
                by_token.setdefault(max(tokens, key=len), []).append(word)
            else:
                self._tokenless.append(word)
        is_ascii = all(token.isascii() for token in by_token)
        self._index: _AsciiTokens | _AnyTokens = _AsciiTokens(by_token) if is_ascii else _AnyTokens(by_token)
        joined = "|".join(sorted(expressions))
        self._expression = re.compile(rf"(?:\W|^)({joined})(?:\W|$)") if expressions else None

    def match(self, text: str) -> str:
        """The first of the sorted words that is in the text in lower case; empty if none is."""
        lowered = text.lower()
        for word in sorted([*self._index.find(lowered), *self._tokenless]):
            if _stands_alone(word, lowered):
                return word
        found = self._expression.search(lowered) if self._expression is not None else None
        return "" if found is None else found[1] or _EMPTY_MATCH


class _AnyTokens:
    """Finds the words that may be in a text, by one token of each word."""

    def __init__(self, by_token: dict[str, list[str]]) -> None:
        self._by_token = by_token
        self._tokens = frozenset(by_token)

    def find(self, lowered: str) -> list[str]:
        """The words whose token is in the text."""
        return [word for token in self._tokens.intersection(_TOKEN.findall(lowered)) for word in self._by_token[token]]


class _AsciiTokens:
    """As `_AnyTokens`, but for ASCII tokens only, and four times as fast.

    It works on the text's bytes, and every byte that is not ASCII is a separator. A token's key is its first eight
    bytes. So it may find words whose token is not in the text, but it misses none.
    """

    def __init__(self, by_token: dict[str, list[str]]) -> None:
        self._by_key: dict[int, list[str]] = {}
        for token, words in by_token.items():
            self._by_key.setdefault(int.from_bytes(token.encode()[:_KEY_BYTES], "little"), []).extend(words)
        keys = np.array(sorted(self._by_key), dtype=np.uint64)
        self._is_listed = np.zeros(1 << _HASH_BITS, dtype=bool)
        self._is_listed[_hash(keys)] = True

    def find(self, lowered: str) -> list[str]:
        """The words whose token is in the text, and possibly others."""
        content = b" " + lowered.encode("utf-8", "surrogatepass") + b" " * _KEY_BYTES
        is_word = np.frombuffer(content.translate(_IS_WORD), dtype=bool)
        edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
        starts, ends = edges[0::2], edges[1::2]
        eight_bytes: np.ndarray = np.ndarray(len(content) - _KEY_BYTES + 1, dtype="<u8", buffer=content, strides=(1,))
        keys = eight_bytes[starts] & _FIRST_BYTES[np.minimum(ends - starts, _KEY_BYTES)]
        found = keys[self._is_listed[_hash(keys)]]
        return [word for key in set(found.tolist()) for word in self._by_key.get(key, ())]


def _hash(keys: np.ndarray) -> np.ndarray:
    """A small number for each key, (n,) uint64."""
    return (keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _HASH_BITS)


def _stands_alone(word: str, lowered: str) -> bool:
    """Whether the word is in the text without a word character directly before or after it."""
    place = lowered.find(word)
    while place >= 0:
        end = place + len(word)
        if not _is_word_character(lowered[place - 1 : place]) and not _is_word_character(lowered[end : end + 1]):
            return True
        place = lowered.find(word, place + 1)
    return False


def _stands_in_own_run(word: str, lowered: str) -> bool:
    """Whether the word is in the text where its run of katakana, or of Latin letters and digits, does not go on."""
    place = lowered.find(word)
    while place >= 0:
        end = place + len(word)
        around = (lowered[place - 1 : place] + word[0], word[-1] + lowered[end : end + 1])
        if not any(_ONE_RUN.fullmatch(pair) for pair in around):
            return True
        place = lowered.find(word, place + 1)
    return False


def _is_word_character(character: str) -> bool:
    r"""Whether `\w` matches the character. An empty string (before or after the text) is not a word character."""
    return character.isalnum() or character == "_"
