import math

import pytest

from c4pipe.errors import UserError
from model.training.schedules import SCHEDULES, constant, cosine, inverse_square_root, linear, schedule_by_name


@pytest.mark.parametrize("step", [1, 9_999, 10_000, 10_001, 250_000, 524_288])
def test_the_default_is_the_papers_formula(step):
    assert inverse_square_root(step, 0.01, 10_000, 524_288) == pytest.approx(1 / math.sqrt(max(step, 10_000)))


@pytest.mark.parametrize("schedule", [constant, cosine, linear])
def test_a_warm_up_climbs_in_equal_steps_to_the_peak(schedule):
    rates = [schedule(step, 2.0, 10, 1000) for step in range(1, 11)]
    assert rates == pytest.approx([0.2 * step for step in range(1, 11)])


def test_a_cosine_is_half_way_in_the_middle_and_ends_at_a_thousandth():
    assert cosine(550, 1.0, 100, 1000) == pytest.approx((1 + 0.001) / 2)
    assert cosine(1000, 1.0, 100, 1000) == pytest.approx(0.001)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_is_negative_or_above_its_peak(name):
    rates = [schedule_by_name(name)(step, 0.5, 7, 50) for step in range(1, 51)]
    assert all(0 < rate <= 0.5 for rate in rates)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_may_be_longer_than_the_run(name):
    assert 0 < schedule_by_name(name)(3, 0.5, 4, 3) <= 0.5


def test_a_schedule_that_does_not_exist_is_the_users_error():
    with pytest.raises(UserError, match="inverse_square_root"):
        schedule_by_name("step")
