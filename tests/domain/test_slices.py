"""Slices of a shared contract: whoever uses them, and whenever, no second holds too much."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.slices import USABLE_SECONDS, charge, usual_units

SPREAD_US = 10**6 + round(USABLE_SECONDS * 1e6)
LATEST_US = SPREAD_US - 10**6 - 1


def most_in_a_second(times):
    times = sorted(times)
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - 10**6:
            first += 1
        most = max(most, last - first + 1)
    return most


class Calendar:
    """A connector's time, given out as the database does it."""

    def __init__(self, per_second):
        self.per_second, self.until = per_second, 0

    def reserve(self, now, units):
        cost = charge(self.per_second, units)
        start = max(self.until + cost.before_us, now)
        self.until = start + cost.after_us
        return start


rates = st.one_of(st.integers(1, 500), st.floats(0.1, 40))


@given(rates, st.integers(0, 2**32))
def test_no_sliding_second_holds_more_than_the_contract(per_second, seed):
    dice, calendar, now, left = random.Random(seed), Calendar(per_second), 0, []
    for _ in range(60):
        now += dice.choice((0, 0, 1_000, 50_000, 700_000))
        units = dice.randint(1, usual_units(per_second))
        start = calendar.reserve(now, units)
        # Each unit leaves at whatever moment of its slice; the worst ones are its ends.
        for _ in range(units):
            late = dice.choice((0, SPREAD_US - 10**6 - 1, dice.randrange(SPREAD_US - 10**6)))
            left.append(start + late)
    assert most_in_a_second(left) <= math.ceil(per_second)


@pytest.mark.parametrize("per_second", [1, 2, 19, 20, 45, 60, 100, 333, 500, 1_000])
def test_not_even_where_one_slice_is_late_and_all_the_others_are_not(per_second):
    calendar, usual = Calendar(per_second), usual_units(per_second)
    starts = [calendar.reserve(0, usual) for _ in range(60)]
    left = [starts[0] + LATEST_US] * usual
    left += [start for start in starts[1:] for _ in range(usual)]
    assert most_in_a_second(left) <= per_second


@pytest.mark.parametrize("per_second", [1, 20, 60, 333, 1_000])
def test_not_even_where_a_large_slice_follows_upon_small_ones(per_second):
    for small in range(max(1, per_second - 60), per_second + 1):
        calendar = Calendar(per_second)
        # As late as the first of them may leave, and no later than they begin.
        left = [max(calendar.reserve(0, 1), LATEST_US) for _ in range(small)]
        left += [calendar.reserve(0, usual_units(per_second))] * usual_units(per_second)
        assert most_in_a_second(left) <= per_second


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_a_long_message_keeps_to_the_contract_or_leaves_alone(per_second, seed):
    dice, calendar, left = random.Random(seed), Calendar(per_second), []
    for _ in range(40):
        units = dice.choice((1, usual_units(per_second), dice.randint(1, 10)))
        start = calendar.reserve(0, units)
        late = dice.randrange(SPREAD_US - 10**6)
        left.append((start + late, units))
    for at, units in left:
        beside = sum(more for other, more in left if at - 10**6 < other <= at)
        assert beside <= per_second or beside == units


@pytest.mark.parametrize("per_second", [10, 60, 100, 1_000])
def test_a_contract_that_is_shared_is_used_by_more_than_four_fifths(per_second):
    calendar = Calendar(per_second)
    while calendar.until < 10 * 10**6:
        calendar.reserve(0, usual_units(per_second))
    slices = calendar.until / charge(per_second, usual_units(per_second)).after_us
    assert slices * usual_units(per_second) / (calendar.until / 1e6) > 0.8 * per_second


def test_a_slow_contract_is_kept_on_the_average():
    assert charge(0.5, 1).after_us == 2_000_000
