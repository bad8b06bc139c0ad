"""The laws of pace, for any pattern of calls."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.pacing import Pace

# A clock is never at 0, and floats are coarser far from it: an hour and ten days of uptime.
starts = st.sampled_from([3_600.0, 864_000.25])
rates = st.one_of(
    st.integers(1, 60_000).map(lambda per_minute: per_minute / 60),
    st.sampled_from([1 / 60, 0.5, 1.0, 1.5, 7.0, 17_000 / 60, 1_000.0]),
)
# Ticks, hiccups and stalls.
waits = st.one_of(
    st.just(0.0), st.floats(0.0, 0.05), st.floats(0.0, 1.2), st.floats(0.9, 1.1), st.floats(5, 90)
)
# How much of the room a caller uses.
shares = st.one_of(st.just(1.0), st.floats(0.0, 1.0))
ROUNDING = 1e-6


def greedy(pace, now, share=1.0):
    """Take what there is room for, or a part of it."""
    count = math.ceil(pace.room(now) * share)
    pace.take(now, count)
    return count


def driven(pace, start, calls):
    """Return (time, count) of everything that left."""
    now, left = start, []
    for wait, share in calls:
        now += wait
        if count := greedy(pace, now, share):
            left.append((now, count))
    return left


def most_in_a_second(left):
    """Return the most that left within any half-open second."""
    return max(
        (
            sum(count for at, count in left[index:] if at < begin + 1.0 - ROUNDING)
            for index, (begin, _) in enumerate(left)
        ),
        default=0,
    )


calls = st.lists(st.tuples(waits, shares), min_size=1, max_size=120)


@given(rates, starts, calls)
def test_no_sliding_second_holds_more_than_the_rate(rate, start, calls):
    assert most_in_a_second(driven(Pace(rate), start, calls)) <= math.ceil(rate)


@given(rates, starts, calls)
def test_messages_are_spaced_evenly_but_for_a_quarter_second_of_grace(rate, start, calls):
    left = driven(Pace(rate), start, calls)
    for index, (begin, _) in enumerate(left):
        total = 0
        for end, count in left[index:]:
            total += count
            assert total <= (end - begin + 0.25) * rate + 1 + ROUNDING


@given(starts, st.lists(st.tuples(waits, shares, rates), min_size=1, max_size=80))
def test_a_changed_rate_holds_from_the_next_message_on(start, calls):
    pace, now, left = Pace(1.0), start, []
    for wait, share, rate in calls:
        now += wait
        pace.per_second = rate
        if count := greedy(pace, now, share):
            left.append((now, count))
            lately = sum(count for at, count in left if at > now - 1.0 + ROUNDING)
            assert lately <= math.ceil(rate)


@pytest.mark.parametrize(
    "per_minute", [60, 90, 100, 120, 420, 600, 999, 1_000, 3_000, 5_999, 17_000, 60_000, 100_001]
)
def test_under_regular_ticks_the_long_run_is_within_one_percent(per_minute):
    pace, seconds = Pace(per_minute / 60), 300
    left = sum(greedy(pace, 3_600 + tick * 0.02) for tick in range(seconds * 50))
    assert left == pytest.approx(per_minute / 60 * seconds, rel=0.01)


@pytest.mark.parametrize("per_minute", [1, 2, 7, 59])
def test_a_low_rate_is_a_message_now_and_then(per_minute):
    pace = Pace(per_minute / 60)
    left = [3_600 + tick * 0.02 for tick in range(600 * 50) if greedy(pace, 3_600 + tick * 0.02)]
    assert len(left) == pytest.approx(10 * per_minute, abs=1)
    # A quarter of a second of grace for the first, a tick of lateness for any.
    assert all(b - a == pytest.approx(60 / per_minute, abs=0.28) for a, b in pairwise(left))


@given(rates, starts, st.floats(2.0, 100_000.0))
def test_what_a_stall_lost_stays_lost(rate, start, stall):
    pace = Pace(rate)
    for tick in range(100):
        greedy(pace, start + tick * 0.02)
    assert pace.room(start + 2.0 + stall) <= 0.25 * rate + 1 + ROUNDING


@given(rates, st.floats(0.0, 1.0))
def test_nothing_leaves_before_the_pace_is_rested(rate, early):
    pace = Pace(rate, rests_until=3_601.0)
    assert (pace.room(3_600.0 + early) == 0) == (3_600.0 + early < 3_601.0)
    assert pace.ready_at(3_600.0) == 3_601.0


@given(rates, starts, calls)
def test_who_waits_until_it_is_ready_finds_room(rate, start, calls):
    pace = Pace(rate)
    driven(pace, start, calls)
    now = start + sum(wait for wait, _ in calls)
    ready = pace.ready_at(now)
    assert ready >= now
    assert pace.room(ready + ROUNDING) >= 1
    assert (pace.room(now) >= 1) or ready > now


@given(rates, starts, calls)
def test_a_pace_is_not_at_rest_while_its_last_second_counts(rate, start, calls):
    pace, now, last = Pace(rate), start, -math.inf
    for wait, share in calls:
        now += wait
        if pace.is_rested(now):
            assert now - last >= 1.0 - ROUNDING
            assert pace.room(now) >= 1
        if greedy(pace, now, share):
            last = now


@given(rates, starts, calls)
def test_a_rested_pace_may_be_forgotten(rate, start, calls):
    pace = Pace(rate)
    driven(pace, start, calls)
    now = start + sum(wait for wait, _ in calls)
    rested = max(now + 1.0, pace.ready_at(now)) + ROUNDING
    assert pace.is_rested(rested)
    # The fresh one may have the quarter second of grace once more, and nothing beyond.
    assert Pace(rate).room(rested) - pace.room(rested) <= 0.25 * rate + 1


def test_taking_nothing_changes_nothing():
    pace = Pace(10.0)
    pace.take(3_600.0, 0)
    assert pace.room(3_600.0) == Pace(10.0).room(3_600.0)
    assert pace.is_rested(3_600.0)


@given(
    rate=st.floats(1, 200),
    units=st.lists(st.integers(1, 12), max_size=80),
    pauses=st.lists(st.floats(0, 0.5), max_size=80),
)
def test_no_second_holds_more_units_than_the_rate_unless_one_piece_is_larger(rate, units, pauses):
    pace, now, left = Pace(rate), 1_000.0, []
    for piece, pause in zip(units, pauses, strict=False):
        now += pause
        if not pace.admits(now, 0, piece):
            later = pace.ready_at(now, piece)
            assert later > now
            now = later + 1e-6
        assert pace.admits(now, 0, piece)
        pace.take(now, piece)
        left.append((now, piece))
    for start, piece in left:
        inside = [each for at, each in left if start <= at < start + 1.0 - 1e-6]
        assert sum(inside) <= math.ceil(rate) or inside == [piece]
