"""The catalog of language identifiers.

To add another one (fastText, GlotLID, CLD2), write one file with one class, add a line to `IDENTIFIERS`, and add its
language codes to `codes.py` if they differ from mC4's.
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


# Imported only when used: `cld3` is an optional package, and each identifier loads its own large tables.
IDENTIFIERS: dict[str, Callable[[], LanguageIdentifier]] = {
    "langdetect": _langdetect,
    "cld3": _cld3,
}


def load_identifier(name: str) -> LanguageIdentifier:
    """The identifier of that name. Raises: UserError if the name is unknown, or if its package is not installed."""
    return choose("language identifier", name, IDENTIFIERS)()
