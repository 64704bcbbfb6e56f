"""Language identifiers behind one small interface, so that another one is one class and one line in a table."""

from collections.abc import Callable, Sequence
from typing import Protocol

from c4pipe.errors import UserError

# A language and its probability; None where the identifier has no answer.
Identification = tuple[str, float] | None


class LanguageIdentifier(Protocol):
    """Names the language of texts. Codes are mC4's (`iw`, `zh`, `fil`) only after `to_mc4_code`."""

    def identify(self, texts: Sequence[str]) -> list[Identification]:
        """The most probable language of each text, in the identifier's own codes."""


class Langdetect:
    """langdetect 1.0.9 with seed 0, as the reference asks it."""

    def identify(self, texts: Sequence[str]) -> list[Identification]:
        import langdetect
        from langdetect.lang_detect_exception import LangDetectException

        langdetect.DetectorFactory.seed = 0
        found: list[Identification] = []
        for text in texts:
            try:
                best = langdetect.detect_langs(text)[0]
                found.append((best.lang, best.prob))
            except LangDetectException:
                found.append(None)
        return found


class Cld3:
    """CLD3 (wheel `cld3-py`), as the reference asks it; an unreliable answer is none."""

    def __init__(self) -> None:
        try:
            import gcld3
        except ImportError as error:
            raise UserError("CLD3 is not installed; `pip install 'c4pipe[multilingual]'` brings it") from error
        # The reference's limits: CLD3 does not work well on very short texts.
        self._identifier = gcld3.NNetLanguageIdentifier(min_num_bytes=100, max_num_bytes=10000)

    def __reduce__(self):
        return (Cld3, ())

    def identify(self, texts: Sequence[str]) -> list[Identification]:
        results = [self._identifier.FindLanguage(text) for text in texts]
        return [(result.language, result.probability) if result.is_reliable else None for result in results]


LANGUAGE_IDENTIFIERS: dict[str, Callable[[], LanguageIdentifier]] = {"langdetect": Langdetect, "cld3": Cld3}

# Codes of langdetect and others that mC4 writes in another way.
_MC4_CODES = {"he": "iw", "zh-cn": "zh", "zh-tw": "zh", "tl": "fil"}


def to_mc4_code(language: str) -> str:
    """An identifier's language code as mC4 names that language."""
    return _MC4_CODES.get(language, language)


def identifier_named(name: str) -> LanguageIdentifier:
    """A new identifier. Raises: UserError for a name that is none or a package that is not installed."""
    if name not in LANGUAGE_IDENTIFIERS:
        raise UserError(f"there is no language identifier {name!r}; one of {', '.join(LANGUAGE_IDENTIFIERS)}")
    return LANGUAGE_IDENTIFIERS[name]()
