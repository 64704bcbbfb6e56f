"""Intervals, and the rule of two standard deviations."""

import pytest

from model.experiments.spreads import judge, paired, spread


def test_a_spread_is_students_interval_of_the_mean():
    found = spread([80.0, 82.0, 84.0])
    assert (found.mean, found.deviation) == (82.0, 2.0)
    assert found.half_width == pytest.approx(4.302653 * 2 / 3**0.5, rel=1e-5)
    assert spread([5.0]).half_width == 0.0


def test_differences_are_between_the_same_seeds():
    assert paired({0: 5.0, 1: 7.0, 2: 100.0}, {0: 4.0, 1: 4.0, 3: 0.0}) == spread([1.0, 3.0])
    assert paired({0: 5.0}, {1: 5.0}) is None


def test_rows_within_two_deviations_of_the_best_are_near():
    found = judge({"a": [78.0, 80.0, 82.0], "b": [84.0], "c": [80.0], "d": [79.9]}, "a")
    assert (found.best, found.margin, found.near, found.below) == (("b",), 4.0, ("a", "c"), ("d",))
    assert judge({"a": [1.0], "b": [2.0]}, "a").margin is None
    assert judge({"a": [1.0, 1.0], "b": [2.0]}, "a").margin is None
    assert judge({"a": [1.0], "b": [2.0]}, "a").near == ()


def test_rows_with_the_same_mean_are_the_best_together():
    found = judge({"a": [50.0, 50.0], "b": [50.0], "c": [49.0, 51.0], "d": [49.9]}, "a")
    assert (found.best, found.margin, found.near, found.below) == (("a", "b", "c"), None, (), ("d",))
