"""A small vocabulary of made-up words."""

import numpy as np
import pytest

from c4pipe.vocabulary.training import TrainingOptions, train
from c4pipe.vocabulary.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """400 lines of words of one to three syllables."""
    random = np.random.default_rng(0)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    return [" ".join("".join(random.choice(syllables, random.integers(1, 4))) for _ in range(12)) for _ in range(400)]


@pytest.fixture(scope="session")
def vocabulary(texts) -> Vocabulary:
    """220 ids: 200 pieces and 20 sentinels."""
    return Vocabulary(train(texts, TrainingOptions(num_pieces=200)), num_extra_ids=20)
