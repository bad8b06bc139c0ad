"""A connector that is throttled: a pause, a slower pace, and a way back to the carrier's limit."""

import math
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.throttle import ConnectorPace

START = 3_600.0
NEVER = -math.inf


def sent(connector, now, seconds, offered=1 << 30):
    """Let messages leave for a while, in ticks of 10 ms; return how many did."""
    left, per_tick = 0, offered / 100
    for tick in range(round(seconds * 100)):
        room = min(connector.room(now + tick / 100), int(per_tick * (tick + 1)) - left)
        connector.take(now + tick / 100, room)
        left += room
    return left


def throttled(mps=100.0, retry_after=0.0):
    """A connector that was throttled at its full pace, of which the carrier took a part."""
    connector = ConnectorPace(mps)
    sent(connector, START - 0.99, 0.99)
    connector.throttled(START, retry_after, START - 0.01, START)
    return connector


def paces(connector, seconds):
    seen = []
    for second in seconds:
        connector.room(START + second)
        seen.append(round(connector.per_second, 1))
    return seen


def test_an_untroubled_connector_keeps_its_contract():
    connector = ConnectorPace(100.0)
    assert sent(connector, START, 10.0) == pytest.approx(1_000, rel=0.03)


@pytest.mark.parametrize(
    ("asked", "pause"), [(0.0, 1.0), (0.2, 1.0), (1.0, 1.0), (7.5, 7.5), (60.0, 60.0), (900, 60.0)]
)
def test_a_throttle_pauses_for_as_long_as_asked_within_bounds(asked, pause):
    connector = throttled(retry_after=asked)
    assert connector.room(START + pause - 0.001) == 0
    assert connector.room(START + pause) > 0
    assert connector.ready_at(START) == START + pause


def test_a_throttle_slows_down_to_four_fifths_of_what_left():
    assert throttled().per_second == pytest.approx(80.0, rel=0.02)


def test_what_left_in_the_last_second_counts_and_not_what_might_have():
    connector = ConnectorPace(100.0)
    assert sent(connector, START - 0.99, 0.99, offered=40) == 39
    connector.throttled(START, 0.0, START - 0.01, START)
    assert connector.per_second == pytest.approx(0.8 * 39)


def test_what_throttles_have_found_is_reported_until_the_full_pace_is_back():
    connector = ConnectorPace(100.0)
    sent(connector, START - 0.99, 0.99, offered=50)
    assert connector.found(START) is None
    connector.throttled(START, 0.0, START - 0.01, START)
    # 80 % of the 49 that left, during the pause as well.
    found = connector.found(START)
    assert found == (pytest.approx(0.8 * 49), pytest.approx(49))
    # It is what the pace would be, whether or not messages leave: 1 % of the limit each second.
    assert connector.found(START + 11).per_second == pytest.approx(0.9 * 49)
    assert connector.found(START + 11).per_second == connector.per_second
    assert connector.found(START + 60) is None


def test_a_carrier_that_takes_nothing_shows_no_limit():
    connector = ConnectorPace(100.0)
    connector.take(START, 1)
    connector.throttled(START, 0.0, START, -math.inf)
    assert connector.found(START) == (pytest.approx(15.0), None)


def test_a_lone_throttled_message_says_little():
    connector = ConnectorPace(100.0)
    connector.take(START, 1)
    connector.throttled(START, 0.0, START, START - 5.0)
    assert connector.per_second == pytest.approx(0.8 * 15)


def test_after_a_pause_nothing_is_made_up_for():
    connector = throttled()
    assert connector.room(START + 1.0) == 1
    assert connector.room(START + 1.1) > 1


def test_all_that_left_before_the_pause_is_one_lesson_however_late_its_answers_are():
    connector = throttled()
    before = connector.per_second
    for at in (0.0, 0.5, 1.5, 3.0):
        connector.throttled(START + at, 0.0, START - 0.01, START + at)
    assert connector.per_second == before
    assert connector.ready_at(START) == START + 1.0


def test_a_longer_pause_that_a_late_answer_asks_for_is_kept():
    connector = throttled()
    before = connector.per_second
    connector.throttled(START + 1.5, 30.0, START - 0.01, START + 1.2)
    assert connector.ready_at(START + 1.5) == START + 31.5
    assert connector.per_second == before
    connector.throttled(START + 2.0, 0.5, START - 0.01, START + 1.2)
    assert connector.ready_at(START + 2.0) == START + 31.5


def test_while_nothing_is_taken_the_pauses_grow():
    connector, now, pauses = ConnectorPace(100.0), START, []
    for _ in range(8):
        connector.throttled(now, 0.0, now, NEVER)
        pauses.append(connector.ready_at(now) - now)
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_once_something_is_taken_pauses_are_short_again():
    connector, now = ConnectorPace(100.0), START
    for _ in range(8):
        connector.throttled(now, 0.0, now, NEVER)
        now = connector.ready_at(now)
    connector.throttled(now + 0.1, 0.0, now, now + 0.05)
    assert connector.ready_at(now + 0.1) == now + 0.1 + 1.0


@pytest.mark.parametrize(("mps", "floor"), [(10.0, 0.1), (0.05, 0.05)])
def test_the_pace_has_a_floor(mps, floor):
    connector, now = ConnectorPace(mps), START
    for _ in range(20):
        connector.throttled(now, 0.0, now, NEVER)
        now = connector.ready_at(now)
    assert connector.per_second == floor
    assert connector.room(now) == 1


def test_it_comes_back_slowly_to_the_pace_that_was_too_fast():
    connector = throttled()
    assert paces(connector, [1, 2, 11]) == pytest.approx([80, 81, 90], abs=0.5)
    assert paces(connector, [60]) == [100.0]


def test_it_comes_back_quickly_where_the_limit_is_another_one():
    connector = ConnectorPace(1_000.0)
    sent(connector, START - 1.0, 1.0, offered=100)
    # The least that one throttle leaves is more than the 100 that left.
    connector.throttled(START, 0.0, START - 0.01, START)
    assert paces(connector, [1, 21]) == pytest.approx([120, 150], abs=1)
    # From a tenth above the limit on, half as fast again each second.
    assert paces(connector, [32, 33]) == pytest.approx([247.5, 371.3], abs=3)
    assert paces(connector, [60]) == [1_000.0]


def test_it_comes_back_quickly_to_a_limit_that_a_time_without_any_answer_left_alone():
    connector, now = throttled(), START + 1.0
    for _ in range(3):
        connector.throttled(now, 0.0, now, START)
        now = connector.ready_at(now)
    below = connector.per_second
    assert below < 1
    connector.room(now + 1.0)
    assert connector.per_second == pytest.approx(below * 1.5)
    connector.room(now + 14.0)
    assert connector.per_second == pytest.approx(80.0, rel=0.03)


class LimitedCarrier:
    """A carrier that takes so many messages in each second, or one each so many milliseconds."""

    def __init__(self, limit, is_strict):
        self._limit, self._is_strict = limit, is_strict
        self._taken = deque()

    def takes(self, now):
        apart, most = (1 / self._limit, 1) if self._is_strict else (1.0, self._limit)
        while self._taken and self._taken[0] <= now - apart + 1e-9:
            self._taken.popleft()
        if len(self._taken) >= most:
            return False
        self._taken.append(now)
        return True


def delivered(connector, window, carrier, round_trip, seconds):
    """Send all that the connector and its window allow; return the times of both answers."""
    under_way, taken, refused, last = deque(), [], [], NEVER
    for tick in range(round(seconds * 100)):
        now = START + tick / 100
        while under_way and under_way[0][0] + round_trip <= now:
            left_at, is_taken = under_way.popleft()
            if is_taken:
                last = now
                taken.append(now - START)
            else:
                refused.append(now - START)
                connector.throttled(now, 0.0, left_at, last)
        count = max(0, min(connector.room(now), window - len(under_way)))
        connector.take(now, count)
        for _ in range(count):
            under_way.append((now, carrier.takes(now + round_trip / 2)))
    return taken, refused


@pytest.mark.parametrize("round_trip", [0.005, 0.3, 2.0])
@pytest.mark.parametrize("stated", [1.5, 20.0, None])
@pytest.mark.parametrize(
    ("limit", "is_strict"), [(1, False), (5, False), (5, True), (30, False), (200, False)]
)
def test_a_carriers_limit_is_found_and_used_whatever_is_stated(
    limit, is_strict, stated, round_trip
):
    """Nearly all that the carrier allows is used, and it has to say so only now and then."""
    window = max(10, math.ceil(2 * limit * round_trip))
    full = window * 100.0 if stated is None else limit * stated
    carrier = LimitedCarrier(limit, is_strict)
    taken, refused = delivered(ConnectorPace(full), window, carrier, round_trip, 180)
    settled = [at for at in taken if at >= 60]
    assert len(settled) >= 0.7 * limit * 120
    # One lesson is what a window has under way.
    assert len([at for at in refused if at >= 60]) <= 0.5 * 120


@given(
    st.floats(1.0, 2_000.0),
    st.lists(
        st.tuples(st.floats(0.0, 5.0), st.one_of(st.none(), st.floats(0.0, 100.0)), st.booleans()),
        max_size=60,
    ),
)
def test_whatever_happens_the_contract_is_kept_and_the_connector_comes_back(mps, story):
    connector, now, left = ConnectorPace(mps), START, []
    taken_at = NEVER
    for wait, throttle, is_taken in story:
        now += wait
        room = connector.room(now)
        connector.take(now, room)
        left.append((now, room))
        taken_at = now if is_taken else taken_at
        if throttle is not None:
            connector.throttled(now, throttle, now, taken_at)
        assert 0.1 <= connector.per_second <= mps
        assert sum(count for at, count in left if at > now - 1.0 + 1e-6) <= math.ceil(mps)
    assert connector.ready_at(now) <= now + 61.0
    assert connector.room(max(now, connector.ready_at(now)) + 1.0) >= 1
