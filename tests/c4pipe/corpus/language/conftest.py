"""The package langdetect as the oracle, and pages to ask it about."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from langdetect import detector, detector_factory

from benchmarks import bench_language

SEED_OF_PAGES = 20


@pytest.fixture(scope="session")
def package() -> Iterator[Callable[[str], tuple[str, float] | None]]:
    """What langdetect itself says of a text, with seed 0 and a plain sum."""
    with pytest.MonkeyPatch.context() as patch:
        # The benchmark sets both for good; here they are put back at the end.
        patch.setattr(detector, "sum", bench_language.plain_sum, raising=False)
        patch.setattr(detector_factory.DetectorFactory, "seed", 0)
        yield bench_language.package()


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
