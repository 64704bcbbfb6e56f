"""CLD3, the identifier that split mC4 (extra `multilingual`: the wheel `cld3-py`, module `gcld3`)."""

from collections.abc import Sequence

from c4pipe.corpus.language.identifier import Identified
from c4pipe.errors import UserError

# tensorflow-datasets' `detect_languages`: CLD3 is not expected to work well on very short pages, and reads no further
# than this into long ones.
MIN_NUM_BYTES = 100
MAX_NUM_BYTES = 10_000


class Cld3Identifier:
    """`NNetLanguageIdentifier(100, 10000)`. Where CLD3 calls its answer not reliable, the answer is None."""

    def __init__(self) -> None:
        try:
            import gcld3
        except ImportError:
            raise UserError(
                "the language identifier cld3 is not installed; pip install 'c4pipe[multilingual]'"
            ) from None
        self._network = gcld3.NNetLanguageIdentifier(MIN_NUM_BYTES, MAX_NUM_BYTES)

    def __reduce__(self):
        return (Cld3Identifier, ())

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """One answer a text; see `LanguageIdentifier`."""
        return [self._identify(text) for text in texts]

    def _identify(self, text: str) -> Identified | None:
        # The binding takes UTF-8 only: a lone surrogate, which no decoded WET file holds, must not end a run.
        found = self._network.FindLanguage(text.encode("utf-8", "replace").decode("utf-8"))
        return Identified(found.language, found.probability) if found.is_reliable else None
