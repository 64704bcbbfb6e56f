"""The way back from inputs and targets to the tokens, for every objective that keeps them."""

import numpy as np
import pytest

from c4pipe.objectives.catalog import OBJECTIVES, Parameters
from c4pipe.objectives.randomness import example_keys, stream_key

VOCABULARY_SIZE = 32_100
THAT_RESTORE = [name for name, objective in OBJECTIVES.items() if objective.restore is not None]


def _examples(name, lengths, seed=0, **parameters):
    """Tokens (b, n) with corrupted inputs and targets."""
    corruption = OBJECTIVES[name].configure(Parameters(**parameters), VOCABULARY_SIZE, 100)
    lengths = np.minimum(lengths, corruption.lengths.tokens)
    tokens = np.random.default_rng(seed).integers(3, 32_000, (len(lengths), corruption.lengths.tokens))
    tokens[np.arange(tokens.shape[1]) >= lengths[:, None]] = 0
    tokens = tokens.astype(corruption.id_type)
    keys = example_keys(stream_key(seed, 0, "train", 0), np.arange(len(lengths)))
    return tokens, lengths, corruption(tokens, lengths, keys)


@pytest.mark.parametrize("name", THAT_RESTORE)
def test_every_token_comes_back_in_its_place(name):
    # Targets with room for all, so that i.i.d. masks of every phase and length are restored; short pieces too.
    parameters = {} if name in ("lm", "span_corruption") else {"targets_length": 512}
    tokens, lengths, made = _examples(name, np.array([10**6] * 60 + [2, 3, 5, 17, 190, 350, 511]), **parameters)
    if name == "deshuffling":
        assert made.counts["trimmed_targets"] == 0
    for row in range(len(lengths)):
        restored = OBJECTIVES[name].restored(made.inputs[row], made.targets[row], VOCABULARY_SIZE)
        assert restored == tokens[row, : lengths[row]].tolist()


def test_masks_that_begin_with_noise_are_among_them():
    _, _, made = _examples("replace_spans", np.array([511] * 200), targets_length=512)
    begins_with_noise = made.inputs[:, 0] == VOCABULARY_SIZE - 1
    assert 0.05 < begins_with_noise.mean() < 0.30  # 15% of i.i.d. masks


def test_an_objective_that_loses_places_says_so():
    assert "drop_tokens" not in THAT_RESTORE
    assert OBJECTIVES["drop_tokens"].restored([5, 6, 1], [7, 1], VOCABULARY_SIZE) is None
