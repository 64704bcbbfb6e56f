"""langdetect 1.0.9 with seed 0, as the reference calls it."""

from collections.abc import Sequence

from langdetect import detector_factory
from langdetect.lang_detect_exception import LangDetectException

from c4pipe.corpus.language.identifier import UNKNOWN, Identified


class LangdetectIdentifier:
    """The package itself, one page at a time."""

    def __init__(self) -> None:
        detector_factory.init_factory()
        detector_factory.DetectorFactory.seed = 0

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """One answer a text; see `LanguageIdentifier`."""
        return [self._identify(text) for text in texts]

    def _identify(self, text: str) -> Identified | None:
        try:
            found = detector_factory.detect_langs(text)
        except LangDetectException:
            return None
        return Identified(found[0].lang, found[0].prob) if found else Identified(UNKNOWN, 0.0)
