"""Mixing: exact shares at every position, and closed formulas that agree with walking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.errors import UserError
from c4pipe.shards.stream.mixing import MAX_DENOMINATOR, Mixture, exact_shares

RATES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6)


@given(RATES)
@settings(max_examples=60, deadline=None)
def test_each_position_belongs_to_one_source_and_shares_are_exact(rates):
    mixture, count = Mixture(rates), 3000
    counts = np.array([mixture.counts(source, np.arange(count + 1)) for source in range(len(rates))])
    np.testing.assert_array_equal(counts.sum(axis=0), np.arange(count + 1))
    owners = np.diff(counts, axis=1)
    assert set(np.unique(owners)) <= {0, 1}
    shares = np.array(exact_shares(rates)) / sum(exact_shares(rates))
    assert np.abs(counts - shares[:, None] * np.arange(count + 1)).max() < len(rates)
    for source in range(len(rates)):
        where = np.flatnonzero(owners[source])
        np.testing.assert_array_equal(mixture.positions(source, np.arange(len(where))), where)


def test_positions_far_out_are_as_exact():
    mixture = Mixture([1 / 3, 0.123456789, 1e-4, 5.0])
    for source in range(4):
        numbers = np.arange(10**6, 10**6 + 50)
        positions = mixture.positions(source, numbers)
        np.testing.assert_array_equal(mixture.counts(source, positions), numbers)
        np.testing.assert_array_equal(mixture.counts(source, positions + 1), numbers + 1)
    far = np.array([6 * 10**10])
    assert sum(int(mixture.counts(source, far)[0]) for source in range(4)) == far[0]


def test_rates_that_have_a_common_denominator_are_taken_exactly():
    assert exact_shares([0.7, 0.2, 0.1]) == [7, 2, 1]
    assert exact_shares([2, 6]) == [1, 3]
    assert sum(exact_shares([0.1234567890123, 0.7])) == pytest.approx(MAX_DENOMINATOR, abs=2)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_an_error(rate):
    with pytest.raises(UserError, match="rate"):
        exact_shares([1, rate])
