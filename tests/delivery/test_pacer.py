"""Whose turn it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.delivery.pacer import ListTurn, Pacer

NOW = 5_000.0


def test_the_longest_due_comes_first_and_only_what_is_due():
    pacer = Pacer()
    for list_id, at in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 9.0)):
        pacer.wake(7, list_id, NOW + at)
    assert pacer.turns(NOW + 3.0, 2) == [ListTurn(7, 2), ListTurn(7, 3)]
    assert pacer.turns(NOW + 3.0, 2) == [ListTurn(7, 1)]
    assert pacer.turns(NOW + 3.0, 2) == []
    assert pacer.next_at() == NOW + 9.0


def test_who_is_woken_twice_has_one_turn_at_the_earlier_time():
    pacer = Pacer()
    for at in (5.0, 2.0, 8.0):
        pacer.wake(7, 1, NOW + at)
    assert pacer.turns(NOW + 1.9, 9) == []
    assert pacer.turns(NOW + 9.0, 9) == [ListTurn(7, 1)]
    assert pacer.turns(NOW + 9.0, 9) == []


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 10), st.booleans()), max_size=60))
def test_every_wish_for_a_turn_is_met_and_no_list_has_two_turns_at_once(story):
    pacer, now = Pacer(), NOW + 5.0
    # The earliest wish since a list's last turn is owed; a later one may be kept as well.
    owed, possible = {}, {}
    for list_id, at, look in story:
        pacer.wake(7, list_id, NOW + at)
        owed[list_id] = min(NOW + at, owed.get(list_id, NOW + at))
        possible.setdefault(list_id, []).append(NOW + at)
        if look:
            taken = [turn.list_id for turn in pacer.turns(now, 99)]
            assert len(taken) == len(set(taken))
            assert {each for each, wish in owed.items() if wish <= now} <= set(taken)
            assert all(min(possible[each]) <= now for each in taken)
            for each in taken:
                owed.pop(each, None)
                possible[each] = [wish for wish in possible[each] if wish > now] or [now + 99]
        now += 0.1
    assert set(owed) <= {turn.list_id for turn in pacer.turns(NOW + 999, 99)}


def test_a_list_at_rest_is_forgotten_once_its_second_is_over():
    pacer = Pacer()
    pacer.wake(7, 1, NOW)
    pacer.turns(NOW, 1)
    assert pacer.room(1, 60, NOW) == 1
    pacer.took(1, NOW, 1)
    pacer.rest(1, NOW)
    assert len(pacer) == 1
    assert pacer.turns(NOW + 0.99, 1) == []
    assert pacer.turns(NOW + 1.0, 1) == [ListTurn(7, 1)]
    pacer.rest(1, NOW + 1.0)
    assert len(pacer) == 0


def test_a_list_that_was_woken_meanwhile_is_not_forgotten():
    pacer = Pacer()
    pacer.wake(7, 1, NOW)
    pacer.turns(NOW, 1)
    pacer.wake(7, 1, NOW)
    pacer.rest(1, NOW)
    assert pacer.turns(NOW + 0.1, 1) == [ListTurn(7, 1)]


def test_a_list_that_has_just_been_served_is_left_alone_for_a_moment():
    pacer = Pacer()
    pacer.wake(7, 1, NOW)
    pacer.turns(NOW, 1)
    pacer.wake(7, 1, NOW)
    assert pacer.turns(NOW + 0.049, 1) == []
    assert pacer.turns(NOW + 0.051, 1) == [ListTurn(7, 1)]


def test_a_list_that_was_forgotten_gains_no_second_helping():
    pacer = Pacer()
    left = 0
    for tick in range(500):
        now = NOW + tick * 0.02
        pacer.wake(7, 1, now)
        for turn in pacer.turns(now, 1):
            room = pacer.room(turn.list_id, 600, now)
            pacer.took(turn.list_id, now, room)
            left += room
            pacer.rest(turn.list_id, now)
    assert left <= 10 * 10 + 3


def test_after_a_takeover_no_list_starts_before_its_rest_is_over():
    pacer = Pacer(rests_until=NOW + 1.0)
    pacer.wake(7, 1, NOW)
    pacer.turns(NOW, 1)
    assert pacer.room(1, 17_000, NOW + 0.9) == 0
    pacer.again(1, NOW)
    assert pacer.next_at() == NOW + 1.0
    assert pacer.room(1, 17_000, NOW + 1.0) >= 1


def test_room_that_is_held_for_what_waits_is_given_to_nothing_else():
    pacer = Pacer()
    pacer.wake(7, 1, NOW)
    pacer.turns(NOW, 1)
    free = pacer.room(1, 600, NOW)
    pacer.hold(1, free)
    assert pacer.room(1, 600, NOW) == 0
    pacer.rest(1, NOW + 60)
    assert len(pacer) == 1, "it is not forgotten before what waits has left"
    pacer.release(1, free)
    assert pacer.room(1, 600, NOW) == free
    pacer.rest(1, NOW + 61)
    assert pacer.turns(NOW + 62, 1) == [ListTurn(7, 1)]
    pacer.rest(1, NOW + 62)
    assert len(pacer) == 0


@pytest.mark.parametrize("woken_again", [False, True])
@pytest.mark.parametrize(
    "said",
    [
        lambda pacer: pacer.took(1, NOW, 3),
        lambda pacer: pacer.hold(1, 3),
        lambda pacer: pacer.release(1, 3),
        lambda pacer: pacer.hasten(1, NOW),
        lambda pacer: pacer.again(1, NOW),
        lambda pacer: pacer.rest(1, NOW),
    ],
)
def test_a_lane_may_be_lost_while_a_claim_commits(said, woken_again):
    pacer = Pacer()
    pacer.wake(7, 1, NOW)
    assert pacer.turns(NOW, 9) == [ListTurn(7, 1)]
    assert pacer.room(1, 6_000, NOW) > 0
    pacer.forget_lanes([(0, 8)])
    if woken_again:
        pacer.wake(7, 1, NOW + 1.0)
    said(pacer)
    assert pacer.turns(NOW + 9.0, 9) == ([ListTurn(7, 1)] if woken_again else [])


def test_of_a_lane_that_was_lost_nothing_has_room():
    pacer = Pacer()
    pacer.wake(7, 1, NOW)
    pacer.forget_lanes([(0, 8)])
    assert pacer.room(1, 6_000, NOW) == 0
    assert len(pacer) == 0
