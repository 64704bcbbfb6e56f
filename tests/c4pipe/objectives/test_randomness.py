"""Random numbers as pure functions of keys: the same in any grouping, different for different purposes, uniform."""

import numpy as np
import pytest
from scipy import stats

from c4pipe.objectives.randomness import below, example_keys, halves, stream_key, words

# Every statistical test of this folder draws from fixed seeds and fails below this probability: with some 100 such
# tests, one change of the generator in 10,000 would be blamed wrongly.
ALPHA = 1e-6


def keys(count=1000, seed=0):
    return example_keys(stream_key(seed, 0, "train", 0), np.arange(count))


def test_numbers_do_not_depend_on_how_many_are_asked_for():
    many = words(keys(), 1, 100)
    assert np.array_equal(words(keys(), 1, 7), many[:, :7])
    assert np.array_equal(words(keys()[500:600], 1, 100), many[500:600])
    assert np.array_equal(halves(keys(), 1, 13), halves(keys(), 1, 200)[:, :13])


def test_the_published_stream_of_splitmix64_is_reproduced():
    # Key 0, purpose 0 is SplitMix64 seeded with 0; its first outputs are known.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert words(np.zeros(1, np.uint64), 0, 3).tolist() == [expected]


def test_each_part_of_the_key_matters():
    places = [(0, 0, "train", 0), (1, 0, "train", 0), (0, 1, "train", 0), (0, 0, "validation", 0), (0, 0, "train", 1)]
    places += [(1, 0, "train", 1), (0, 1, "train", 1), (0, 0, "de", 0)]
    assert len({stream_key(*place) for place in places}) == len(places)
    assert len(np.unique(keys(100_000))) == 100_000


@pytest.mark.parametrize("draw", ["words", "halves"])
def test_numbers_are_uniform_within_and_across_examples(draw):
    drawn = {"words": words(keys(2000), 3, 200) >> np.uint64(32), "halves": halves(keys(2000), 3, 200)}[draw]
    uniform = drawn.astype(float) / 2**32
    for sample in (uniform[0:20].ravel(), uniform[:, 0], uniform[:, 199], uniform.ravel()[::37]):
        assert stats.kstest(sample, "uniform").pvalue > ALPHA
    for a, b in ((uniform[:, 0], uniform[:, 1]), (uniform[:-1, 5], uniform[1:, 5])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(len(a))


def test_purposes_draw_different_numbers():
    assert not np.isin(words(keys(50), 1, 50), words(keys(50), 2, 50)).any()


def test_integers_below_a_bound_are_equally_likely():
    bounds = np.array([1, 2, 7, 28, 1000])
    drawn = below(keys(40_000), 4, bounds)
    assert (drawn >= 0).all() and (drawn < bounds).all()
    for column, bound in list(zip(drawn.T, bounds, strict=True))[1:]:
        assert stats.chisquare(np.bincount(column, minlength=bound)).pvalue > ALPHA
