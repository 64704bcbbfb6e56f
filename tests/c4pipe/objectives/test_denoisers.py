"""UL2's denoisers as rows of the catalog: T5's own objectives behind a mode token."""

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.described import Described, described
from c4pipe.objectives.objective import MODE_TOKENS, Parameters
from c4pipe.objectives.randomness import example_keys, stream_key

SIZE, EXTRA_IDS = 32_200, 200
KINDS = {"r_denoiser": "span_corruption", "s_denoiser": "prefix_lm", "x_denoiser": "span_corruption"}


def encode(text):
    """Three ids for any mode token, as a vocabulary without such a piece would give."""
    return [10, 11, 12 + len(text)]


def configured(name, **parameters):
    return OBJECTIVES[name].configure(Parameters(**parameters), SIZE, EXTRA_IDS, encode)


def block(corruption, count=20, seed=0):
    n = corruption.lengths.tokens
    tokens = np.random.default_rng(seed).integers(3, 32_000, (count, n))
    lengths = np.full(count, n)
    lengths[-3:] = (1, 2, n // 2)
    tokens[np.arange(n) >= lengths[:, None]] = 0
    return tokens, lengths, example_keys(stream_key(seed, 0, "train", 0), np.arange(count))


@pytest.mark.parametrize("name", KINDS)
def test_without_a_mode_token_a_denoiser_is_t5s_objective(name):
    parameters = {"noise_density": 0.5, "mean_noise_span_length": 8.0} if name != "s_denoiser" else {}
    ours, t5s = configured(name, **parameters), configured(KINDS[name], **parameters)
    assert ours.lengths == t5s.lengths
    made, expected = ours(*block(ours)), t5s(*block(ours))
    assert np.array_equal(made.inputs, expected.inputs) and np.array_equal(made.targets, expected.targets)


@pytest.mark.parametrize("name", KINDS)
def test_a_mode_token_stands_before_the_inputs_and_takes_its_place_from_them(name):
    plain, marked = configured(name, inputs_length=125), configured(name, inputs_length=128, mode_tokens="nlu")
    assert marked.prefix == MODE_TOKENS["nlu"][OBJECTIVES[name].mode]
    assert marked.prefix_ids == tuple(encode(marked.prefix))
    assert marked.lengths.inputs == 128 and marked.lengths.tokens == plain.lengths.tokens
    tokens, lengths, keys = block(plain)
    made, expected = marked(tokens, lengths, keys), plain(tokens, lengths, keys)
    assert (made.inputs[:, :3] == marked.prefix_ids).all()
    assert np.array_equal(made.inputs[:, 3:], expected.inputs)
    assert np.array_equal(made.input_lengths, expected.input_lengths + 3)
    assert np.array_equal(made.targets[:, :125], expected.targets[:, :125])
    assert made.counts == expected.counts
    (how,) = described(marked.settings)
    assert how == Described(name, OBJECTIVES[name], 3)
    for row, length in enumerate(lengths):
        assert how.restored(made.inputs[row], made.targets[row], SIZE) == tokens[row, :length].tolist()


def test_a_prefix_may_be_any_text():
    corruption = configured("drop_tokens", inputs_length=64, prefix="fill in:")
    assert corruption.settings["prefix"] == "fill in:" and corruption.settings["prefix_ids"] == [10, 11, 20]
    assert "prefix" not in configured("r_denoiser", mode_tokens="nlu", prefix="").settings


def test_mode_tokens_that_leave_no_room_or_are_unknown_are_errors():
    with pytest.raises(UserError, match="no room for the 3 tokens"):
        configured("s_denoiser", inputs_length=4, mode_tokens="rsx")
    with pytest.raises(UserError, match="rsx"):
        configured("s_denoiser", mode_tokens="rsz")
