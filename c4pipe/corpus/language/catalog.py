"""The language identifiers there are.

Another one (fastText, GlotLID, CLD2) is one file with one class, one line in `IDENTIFIERS`, and its codes in `codes.py`
where they differ from mC4's.
"""

from collections.abc import Callable

from c4pipe.choices import choose
from c4pipe.corpus.language.identifier import LanguageIdentifier


def _langdetect() -> LanguageIdentifier:
    from c4pipe.corpus.language.langdetect.identifier import LangdetectIdentifier

    return LangdetectIdentifier()


def _cld3() -> LanguageIdentifier:
    from c4pipe.corpus.language.cld3_identifier import Cld3Identifier

    return Cld3Identifier()


# Imported when asked for: `cld3` is an extra, and each brings tables that the others do not need.
IDENTIFIERS: dict[str, Callable[[], LanguageIdentifier]] = {
    "langdetect": _langdetect,
    "cld3": _cld3,
}


def load_identifier(name: str) -> LanguageIdentifier:
    """The identifier of that name. Raises UserError for an unknown name, or if its package is not installed."""
    return choose("language identifier", name, IDENTIFIERS)()
