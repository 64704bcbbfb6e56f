"""Splits texts into sentences with Punkt (Kiss and Strunk 2006) exactly as NLTK does, but lazily and faster.

A sentence may end at `.`, `?` or `!` before white space or closing punctuation. At each such place, the words before
and after it are cut into tokens, and the parameters decide whether the period ends a sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from c4pipe.corpus.sentences.nltk_versions import PunktExpressions

_SENTENCE_ENDS = frozenset(".?!")
_PUNCTUATION = frozenset(";:,.!?")
_NUMBER_TYPE = "##number##"
_ASCII_WHITE_SPACE = " \n\t\r\x0b\x0c"

# Bits for where a word was seen in training: at the beginning of a sentence, inside, or unclear; in upper or lower
# case.
_BEGINS_UPPER, _INSIDE_UPPER, _UNCLEAR_UPPER = 2, 4, 8
_BEGINS_LOWER, _INSIDE_LOWER, _UNCLEAR_LOWER = 16, 32, 64
_ANY_UPPER = _BEGINS_UPPER | _INSIDE_UPPER | _UNCLEAR_UPPER
_ANY_LOWER = _BEGINS_LOWER | _INSIDE_LOWER | _UNCLEAR_LOWER


@dataclass(frozen=True)
class PunktParameters:
    """The parameters that Punkt learned for a language. Plain Python, so that they can be sent with a job."""

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    sentence_starters: frozenset[str]
    orthographic_contexts: dict[str, int]

    @cached_property
    def words_in_doubt(self) -> frozenset[str]:
        """Words after which a period need not end a sentence: abbreviations, and first words of collocations."""
        return self.abbreviations | {first for first, _ in self.collocations}


def sentence_spans(text: str, parameters: PunktParameters, expressions: PunktExpressions) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence of a text, lazily.

    Closing quotes and brackets directly after a sentence's end belong to it.
    """
    moved = 0
    spans = _spans(text, parameters, expressions)
    match_closing = expressions.closing.match
    start, end = next(spans)
    for next_start, next_end in spans:
        start += moved
        closing = match_closing(text, next_start, next_end)
        if closing:
            yield start, next_start + len(closing.group().rstrip())
            moved = closing.end() - next_start
        else:
            moved = 0
            if start < end:
                yield start, end
        start, end = next_start, next_end
    start += moved
    if start < end:
        yield start, end


def _spans(text: str, parameters: PunktParameters, expressions: PunktExpressions) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence, without the closing punctuation after it."""
    start = 0
    for word_start, match in _candidates(text, expressions):
        is_end = _is_plain_end(text[word_start : match.start()], match, parameters)
        if is_end or _has_sentence_end(text[word_start : match.end("behind")], parameters, expressions):
            yield start, match.end()
            start = match.end() if match.start("next") < 0 else match.start("next")
    yield start, len(text.rstrip())


def _candidates(text: str, expressions: PunktExpressions) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield (start of the word before it, match) for each possible end. If a word has several, only the last counts."""
    white_space = [character for character in _ASCII_WHITE_SPACE if character in text]
    word_start = word_end = 0
    previous = None
    for match in expressions.candidate.finditer(text):
        end = match.start()
        last_space = max((text.rfind(character, word_end, end) for character in white_space), default=-1)
        # As in NLTK, a blank at the very beginning of the searched range does not count.
        start = last_space + 1 if last_space > word_end else word_start
        if previous is not None and word_end <= start:
            yield word_start, previous
        previous, word_start, word_end = match, start, end
    if previous is not None:
        yield word_start, previous


def _is_plain_end(word: str, match: re.Match[str], parameters: PunktParameters) -> bool:
    """Whether this is clearly the end of a sentence: after a word of plain letters that the parameters do not know.

    Most ends are such, and need no tokens. Single letters may be initials. A next word of separators (U+001C to U+001F,
    which are white space to Python but not to `regex`) may be a line without tokens.
    """
    if len(word) < 2 or match.start("next") < 0 or not (word.isascii() and word.isalpha()):
        return False
    if match["next"].isspace():
        return False
    return match.group() != "." or word.lower() not in parameters.words_in_doubt


def _has_sentence_end(context: str, parameters: PunktParameters, expressions: PunktExpressions) -> bool:
    """Whether any token except the last ends a sentence."""
    tokens = [token for line in context.split("\n") if line.strip() for token in expressions.token.findall(line)]
    return any(_ends_sentence(token, behind, parameters, expressions) for token, behind in pairwise(tokens))


def _ends_sentence(token: str, behind: str, parameters: PunktParameters, expressions: PunktExpressions) -> bool:
    """Whether a sentence ends with `token`. behind: the next token."""
    if not token.endswith("."):
        return token in _SENTENCE_ENDS
    is_break, is_abbreviation, is_ellipsis = _by_type(token, parameters, expressions)
    word, next_word = _type(token, expressions), _type(behind, expressions)
    word = word[:-1] if len(word) > 1 and word.endswith(".") else word
    if len(next_word) > 1 and next_word.endswith(".") and _by_type(behind, parameters, expressions)[0]:
        next_word = next_word[:-1]
    if (word, next_word) in parameters.collocations:
        return False
    is_initial = expressions.initial.match(token) is not None
    if (is_abbreviation or is_ellipsis) and not is_initial:
        if _starts_sentence(behind, next_word, parameters) is True:
            return True
        if behind[0].isupper() and next_word in parameters.sentence_starters:
            return True
    if is_initial or word == _NUMBER_TYPE:
        starts = _starts_sentence(behind, next_word, parameters)
        if starts is False:
            return False
        never_lower = not parameters.orthographic_contexts.get(next_word, 0) & _ANY_LOWER
        if starts is None and is_initial and behind[0].isupper() and never_lower:
            return False
    return is_break


def _by_type(token: str, parameters: PunktParameters, expressions: PunktExpressions) -> tuple[bool, bool, bool]:
    """(ends a sentence, is an abbreviation, is an ellipsis), judged by the token alone."""
    if token in _SENTENCE_ENDS:
        return True, False, False
    if expressions.ellipsis.match(token):
        return False, False, True
    if not token.endswith(".") or token.endswith(".."):
        return False, False, False
    word = token[:-1].lower()
    is_abbreviation = word in parameters.abbreviations or word.split("-")[-1] in parameters.abbreviations
    return not is_abbreviation, is_abbreviation, False


def _type(token: str, expressions: PunktExpressions) -> str:
    """The token in lower case; all numbers have the same type."""
    return expressions.number.sub(_NUMBER_TYPE, token.lower())


def _starts_sentence(token: str, word: str, parameters: PunktParameters) -> bool | None:
    """Whether a sentence starts with the token, judged by its spellings in training; None if they do not tell."""
    if token in _PUNCTUATION:
        return False
    seen = parameters.orthographic_contexts.get(word, 0)
    first = token[0]
    if first.isupper() and seen & _ANY_LOWER and not seen & _INSIDE_UPPER:
        return True
    if first.islower() and (seen & _ANY_UPPER or not seen & _BEGINS_LOWER):
        return False
    return None
