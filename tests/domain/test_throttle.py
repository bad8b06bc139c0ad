"""A connector that is throttled: pause, half the pace, and a slow way back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.throttle import ConnectorPace

START = 3_600.0


def throttled(mps=100.0, retry_after=0.0):
    pace = ConnectorPace(mps)
    pace.throttled(START, retry_after)
    return pace


def test_an_untroubled_connector_keeps_its_contract():
    pace = ConnectorPace(100.0)
    left = 0
    for tick in range(500):
        room = pace.room(START + tick * 0.02)
        pace.take(START + tick * 0.02, room)
        left += room
    assert left == pytest.approx(1_000, rel=0.03)


@pytest.mark.parametrize(
    ("asked", "pause"), [(0.0, 1.0), (0.2, 1.0), (1.0, 1.0), (7.5, 7.5), (60.0, 60.0), (900, 60.0)]
)
def test_a_throttle_pauses_for_as_long_as_asked_within_bounds(asked, pause):
    connector = throttled(retry_after=asked)
    assert connector.room(START + pause - 0.001) == 0
    assert connector.room(START + pause) > 0
    assert connector.ready_at(START) == START + pause


def test_a_throttle_halves_the_pace():
    assert throttled().per_second == 50.0


def test_one_window_of_throttles_is_one_lesson():
    connector = throttled()
    for _ in range(400):
        connector.throttled(START + 0.5, 0.0)
    assert connector.per_second == 50.0
    assert connector.ready_at(START) == START + 1.0


def test_throttles_that_follow_each_other_pause_longer_and_longer():
    connector, now, pauses = ConnectorPace(100.0), START, []
    for _ in range(8):
        connector.throttled(now, 0.0)
        pauses.append(connector.ready_at(now) - now)
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_pace_never_falls_below_one_a_second():
    connector, now = ConnectorPace(10.0), START
    for _ in range(20):
        connector.throttled(now, 0.0)
        now = connector.ready_at(now)
    assert connector.per_second == 1.0
    assert connector.room(now) == 1


def test_it_regains_a_tenth_of_the_full_pace_a_second():
    connector = throttled()
    seen = []
    for second in range(1, 8):
        connector.room(START + second)
        seen.append(round(connector.per_second))
    assert seen == [50, 60, 70, 80, 90, 100, 100]


def test_a_connector_that_has_recovered_pauses_briefly_again():
    connector = throttled()
    for second in range(1, 10):
        connector.room(START + second)
    connector.throttled(START + 10, 0.0)
    assert connector.ready_at(START + 10) == START + 11


@given(
    st.floats(1.0, 2_000.0),
    st.lists(
        st.tuples(st.floats(0.0, 5.0), st.one_of(st.none(), st.floats(0.0, 100.0))), max_size=60
    ),
)
def test_whatever_happens_the_contract_is_kept_and_the_connector_comes_back(mps, story):
    connector, now, left = ConnectorPace(mps), START, []
    for wait, throttle in story:
        now += wait
        room = connector.room(now)
        connector.take(now, room)
        left.append((now, room))
        if throttle is not None:
            connector.throttled(now, throttle)
        assert 1.0 <= connector.per_second <= mps
        assert sum(count for at, count in left if at > now - 1.0 + 1e-6) <= math.ceil(mps)
    assert connector.ready_at(now) <= now + 61.0
    assert connector.room(max(now, connector.ready_at(now)) + 1.0) >= 1
