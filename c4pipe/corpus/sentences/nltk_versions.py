"""What NLTK's Punkt takes for a word, a number, a sentence's possible end, in the versions that decide otherwise.

NLTK 3.10 made curly quotes and guillemets closing punctuation, and turned from `re` to `regex`, whose letters and
white space are others: combining marks are letters to `regex`, U+001C to U+001F no white space.
"""

import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import regex

_MULTIPLE = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
_CURLY_QUOTES_AND_GUILLEMETS = r"\u2018\u2019\u201c\u201d\xab\xbb"


@dataclass(frozen=True)
class PunktExpressions:
    """The expressions of one version of NLTK, compiled by the engine that it uses.

    candidate: a sentence's possible end, with what is `behind` it and the `next` word behind white space. closing:
    punctuation at the beginning of what follows that belongs to the sentence before. token: one token of a line.
    ellipsis, number, initial: kinds of tokens.
    """

    candidate: Any
    closing: Any
    token: Any
    ellipsis: Any
    number: Any
    initial: Any


def _compile(engine: ModuleType, more_closing: str) -> PunktExpressions:
    """The expressions with `more_closing` among the characters that close a sentence and cannot be within a word."""
    no_word = rf"""[)";}}\]*:@'({{\[{more_closing}?!]"""
    token = rf"""(
        {_MULTIPLE}
        |
        (?=[^("`{{\[:;&\#*@)}}\]\-,])\S+?
        (?=\s|$|{no_word}|{_MULTIPLE}|,(?=$|\s|{no_word}|{_MULTIPLE}))
        |
        \S
    )"""
    return PunktExpressions(
        candidate=engine.compile(rf"[.?!](?=(?P<behind>{no_word}|\s+(?P<next>\S+)))"),
        closing=engine.compile(rf"""["')\]}}{more_closing}]+?(?:\s+|(?=--)|$)""", engine.MULTILINE),
        token=engine.compile(token, engine.VERBOSE),
        ellipsis=engine.compile(r"\.\.+$"),
        number=engine.compile(r"^-?[.,]?\d[\d,.-]*\.?$"),
        initial=engine.compile(r"[^\W\d]\.$"),
    )


# 3.8.1 is what `tensorflow-datasets[c4]` pins; 3.9.1 decides as it does.
NLTK_VERSIONS: dict[str, PunktExpressions] = {
    "nltk-3.8.1": _compile(re, ""),
    "nltk-3.10.4": _compile(regex, _CURLY_QUOTES_AND_GUILLEMETS),
}
