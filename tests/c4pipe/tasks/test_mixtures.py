"""Mixing rates by the paper's formulas."""

import pytest

from c4pipe.errors import UserError
from c4pipe.tasks import mixtures

SIZES = {"rte": 2_490, "sst2": 67_349, "mnli": 392_702, "c4": 360_000_000}


def test_rates_are_the_papers_formula():
    limit, temperature = 2**16, 4
    rates = mixtures.proportional(SIZES, limit, temperature)
    weights = {name: min(size, limit) ** (1 / temperature) for name, size in SIZES.items()}
    assert rates == {name: pytest.approx(weight / sum(weights.values())) for name, weight in weights.items()}


def test_a_low_limit_or_a_high_temperature_comes_near_to_equal():
    assert mixtures.proportional(SIZES, limit=1) == mixtures.equal(SIZES)
    assert mixtures.proportional(SIZES, temperature=1e9) == pytest.approx(mixtures.equal(SIZES))


def test_a_tiny_temperature_leaves_the_largest_task():
    assert mixtures.proportional({"a": 10, "b": 1000}, temperature=0.001) == {"a": 0.0, "b": 1.0}


def test_leave_one_out_takes_a_task_or_a_benchmark():
    assert set(mixtures.leave_one_out(SIZES, "rte")) == {"sst2", "mnli", "c4"}
    assert set(mixtures.leave_one_out(SIZES, ["rte", "sst2", "mnli"])) == {"c4"}
    with pytest.raises(UserError, match="qnli cannot be left out"):
        mixtures.leave_one_out(SIZES, "qnli")
    with pytest.raises(UserError, match="empty"):
        mixtures.leave_one_out({"rte": 1}, "rte")


@pytest.mark.parametrize(("limit", "temperature"), [(0, 1), (-1, 1), (1, 0), (1, -2), (float("nan"), 1)])
def test_senseless_settings_are_refused(limit, temperature):
    with pytest.raises(UserError):
        mixtures.proportional(SIZES, limit, temperature)


def test_a_mixture_of_empty_tasks_is_refused():
    with pytest.raises(UserError, match="no examples"):
        mixtures.proportional({"a": 0, "b": 0})
