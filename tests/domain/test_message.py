"""The table of moves: which lives a message can have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.message import FINAL, MOVES, Status, may_move

RECEIPTED = {Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}


def test_every_status_is_in_the_table():
    assert set(MOVES) == set(Status)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_nothing_follows_a_final_status(status):
    assert MOVES[status] == frozenset()


@pytest.mark.parametrize("status", sorted(set(Status) - FINAL))
def test_from_everywhere_else_an_end_can_be_reached(status):
    reached, edge = set(), {status}
    while edge:
        reached |= edge
        edge = {target for each in edge for target in MOVES[each]} - reached
    assert reached & FINAL


def test_every_status_can_be_reached_from_the_queue():
    reached, edge = set(), {Status.QUEUED}
    while edge:
        reached |= edge
        edge = {target for each in edge for target in MOVES[each]} - reached
    assert reached == set(Status)


@pytest.mark.parametrize("status", sorted(Status))
def test_a_status_does_not_follow_itself(status):
    assert not may_move(status, status)


@pytest.mark.parametrize(
    ("current", "targets"),
    [
        # What waits is sent, dropped or, where it may have been sent before, given up to a receipt.
        (Status.QUEUED, {Status.SENDING, Status.UNCERTAIN, Status.DROPPED, Status.ORPHANED}),
        # An open attempt can end in any way but being dropped: the bytes may have left.
        (Status.SENDING, {Status.QUEUED, Status.SENT, Status.UNCERTAIN, *RECEIPTED}),
        # What the carrier has taken is never sent again.
        (Status.SENT, RECEIPTED),
        (Status.UNCERTAIN, {Status.QUEUED, Status.SENT, *RECEIPTED}),
    ],
)
def test_the_table_says(current, targets):
    assert {target for target in Status if may_move(current, target)} == targets


@given(st.lists(st.sampled_from(Status), max_size=30))
def test_whatever_is_asked_a_life_ends_once(wishes):
    life = [Status.QUEUED]
    for wish in wishes:
        if may_move(life[-1], wish):
            life.append(wish)
    assert sum(status in FINAL for status in life) <= 1
