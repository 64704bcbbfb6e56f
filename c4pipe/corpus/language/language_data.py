"""The data of each language that cleaning needs, from the files in `data/`, one per language.

The codes are mC4's (`codes.py`). docs/languages.md says where the data come from and how they were checked.
"""

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, Any

import msgspec

from c4pipe.choices import check_choice
from c4pipe.corpus.language.codes import mc4_code
from c4pipe.toml_tables import converted, parse_toml

# Used instead of a language of `punkt_tab`: sentences are separated only by end marks.
BY_MARKS = "end_marks"

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Code3 = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{3}\Z")]
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


@dataclass(frozen=True)
class LanguageData:
    """The data of one language.

    iso639_3: its codes in Common Crawl's header. end_marks: the marks at the end of a sentence; empty if the script has
    none. quotes: the end marks that close quoted speech. has_blanks: whether words are separated by blanks.
    fewest_characters: if not, the length of the shortest line to keep. sentences: the language in `punkt_tab`, or
    `BY_MARKS`. phrases: topic -> phrases in lower case. min_probability: identifier -> the smallest probability that
    counts; identifiers that do not know the language are left out. source: the sources of the data.
    long_marks: further marks at the end of long lines. dashes: the dashes before speech, which may end in an ellipsis.
    ordinary_words: words of the list of bad words that mostly mean something else.
    """

    code: _Text
    name: _Text
    source: _Text
    iso639_3: Annotated[tuple[_Code3, ...], msgspec.Meta(min_length=1)]
    end_marks: tuple[_Text, ...]
    quotes: tuple[_Text, ...]
    sentences: _Text
    min_probability: dict[str, _Share]
    has_blanks: bool = True
    fewest_characters: Annotated[int, msgspec.Meta(ge=0)] = 0
    long_marks: tuple[_Text, ...] = ()
    dashes: tuple[_Text, ...] = ()
    ordinary_words: tuple[_Text, ...] = ()
    phrases: dict[str, tuple[_Text, ...]] = field(default_factory=dict)


@cache
def codes() -> tuple[str, ...]:
    """The codes of all languages with data."""
    names = [entry.name for entry in _folder().iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def language_data(code: str) -> LanguageData:
    """The data of a language. Raises: UserError if it has no data."""
    check_choice("language", code, codes())
    name = f"{code}.toml"
    table = parse_toml(_folder().joinpath(name).read_bytes(), name)
    return converted({"code": code, **table}, LanguageData, name)


def canonical_code(name: str) -> str:
    """The code that is used here for a language, from any common code.

    >>> [canonical_code(name) for name in ("de", "nb", "he", "zh-cn")]
    ['de', 'no', 'iw', 'zh']
    """
    return _ALIASES.get(name) or mc4_code(name)


# Identifiers have Bokmål (`nb`) for Norwegian.
_ALIASES = {"nb": "no", "fil": "fil"}


def _folder() -> Any:
    return resources.files("c4pipe.corpus.language").joinpath("data")
