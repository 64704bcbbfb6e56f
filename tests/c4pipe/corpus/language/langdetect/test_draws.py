import math
import random

import numpy as np
import pytest

from c4pipe.corpus.language.langdetect.draws import draw, join_draws, smoothing_weights

NUM_WORDS = 300


@pytest.mark.parametrize("num_things", [1, 2, 3, 4, 7, 8, 9, 1023, 1024, 1025, 29_999])
def test_choices_are_those_of_pythons_random(num_things):
    draws = draw(np.array([num_things], np.int32), np.array([1000], np.int32), NUM_WORDS)
    stream = random.Random(0)
    expected = [stream.choice(range(num_things)) for _ in range(int(draws.num_draws[0]))]
    assert (draws.number - 1000).tolist() == expected
    assert draws.accepted[0, -1] == len(expected)
    assert draws.accepted[0, draws.word].tolist() == list(range(1, len(expected) + 1))


def test_draws_of_pages_are_concatenated():
    one = draw(np.array([5, 100], np.int32), np.array([0, 5], np.int32), NUM_WORDS)
    other = draw(np.array([17], np.int32), np.array([0], np.int32), NUM_WORDS)
    joined = join_draws([one, other])
    assert joined.num_draws.tolist() == [*one.num_draws, *other.num_draws]
    assert joined.number.tolist() == [*one.number, *other.number]
    assert joined.accepted.shape == (3, NUM_WORDS)


@pytest.mark.parametrize("num_choices", [0, 1, 11, 200])
def test_smoothing_is_drawn_by_gauss_twice_from_four_words(num_choices):
    stream = random.Random(0)
    for _ in range(num_choices):
        stream.getrandbits(7)
    expected = [(0.5 + stream.gauss(0.0, 1.0) * 0.05) / 10_000 for _ in range(2)]
    place = np.array([num_choices])
    assert smoothing_weights(NUM_WORDS)[place][:, 0].tolist() == expected
    assert smoothing_weights(NUM_WORDS)[place][:, 0].tolist() == expected, "the second time it is remembered"
    assert all(math.isfinite(weight) for weight in expected)
