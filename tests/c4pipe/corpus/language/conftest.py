"""The package langdetect as the oracle, and pages to ask it about."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from langdetect import detector, detector_factory
from langdetect.lang_detect_exception import LangDetectException

SEED_OF_PAGES = 20


def plain_sum(numbers):
    """Python's `sum` before 3.12: from left to right, without compensation."""
    total = 0
    for number in numbers:
        total += number
    return total


@pytest.fixture(scope="session")
def package() -> Callable[[str], tuple[str, float] | None]:
    """What langdetect itself says of a text, with seed 0 and a plain sum."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector, "sum", plain_sum, raising=False)
        patch.setattr(detector_factory.DetectorFactory, "seed", 0)
        detector_factory.init_factory()

        def answer(text: str) -> tuple[str, float] | None:
            try:
                found = detector_factory.detect_langs(text)
            except LangDetectException:
                return None
            return (found[0].lang, found[0].prob) if found else ("unknown", 0.0)

        yield answer


@pytest.fixture(scope="session")
def page_of_language() -> dict[str, str]:
    """A page of some 600 characters in each of the 55 languages: words drawn from its profile, as often as there."""
    pages = {}
    draw = random.Random(SEED_OF_PAGES)
    for path in sorted(Path(detector_factory.PROFILES_DIRECTORY).iterdir()):
        profile = json.loads(path.read_text(encoding="utf-8"))
        ngrams = [ngram for ngram in profile["freq"] if len(ngram) == 3 or " " not in ngram]
        drawn = draw.choices(ngrams, [profile["freq"][ngram] * len(ngram) ** 2 for ngram in ngrams], k=250)
        pages[profile["name"]] = "".join(drawn)
    return pages
