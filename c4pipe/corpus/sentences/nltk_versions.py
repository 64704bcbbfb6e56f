"""The regular expressions of NLTK's Punkt, for each version of NLTK that decides differently.

NLTK 3.10 made curly quotes and guillemets closing punctuation, and moved from `re` to `regex`. To `regex`, combining
marks are letters, and U+001C to U+001F are not white space.
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

    candidate: a possible end of a sentence, with the groups `behind` (the text after it) and `next` (the next word, if
    white space comes first). closing: punctuation after a sentence's end that still belongs to the sentence. token: one
    token of a line. ellipsis, number, initial: kinds of tokens.
    """

    candidate: Any
    closing: Any
    token: Any
    ellipsis: Any
    number: Any
    initial: Any


def _compile(engine: ModuleType, more_closing: str) -> PunktExpressions:
    """The expressions. `more_closing`: further characters that close a sentence and cannot be inside a word."""
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


# `tensorflow-datasets[c4]` pins 3.8.1. NLTK 3.9.1 gives the same sentences.
NLTK_VERSIONS: dict[str, PunktExpressions] = {
    "nltk-3.8.1": _compile(re, ""),
    "nltk-3.10.4": _compile(regex, _CURLY_QUOTES_AND_GUILLEMETS),
}
