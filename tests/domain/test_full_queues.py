"""A queue that is full: the recipient's own, while few are; the connector's, once many are."""

import random

from sendrail.domain.delivery import Claim
from sendrail.domain.sender import OnUncertain
from sendrail.domain.suspects import ThrottledMessages

START = 3_600.0
STALE_MS = 1_800_000


def full(throttles, number):
    return throttles.is_own(number, START, may_be_own=True)


def test_two_full_queues_are_recipients_and_a_third_is_the_connectors():
    throttles = ThrottledMessages()
    assert [full(throttles, number) for number in range(6)] == [True, True] + [False] * 4


def test_each_twenty_that_are_taken_excuse_another_one():
    throttles = ThrottledMessages()
    for number in range(10):
        full(throttles, number)
    for _ in range(19):
        throttles.taken(START)
    assert not full(throttles, 10)
    throttles.taken(START)
    assert [full(throttles, number) for number in (11, 12)] == [True, False]


def test_a_true_throttle_is_never_a_recipients():
    throttles = ThrottledMessages()
    for number in range(100):
        throttles.taken(START)
        assert not throttles.is_own(number, START, may_be_own=False)


def lessons_of(share, answers=100_000):
    throttles, chance = ThrottledMessages(), random.Random(7)
    lessons = 0
    for number in range(answers):
        if chance.random() < share:
            lessons += not full(throttles, number)
        else:
            throttles.taken(START)
    return lessons


def put_back(throttles, number, at, due_at, *, is_own):
    """Return since when a throttled message is due; the clocks show the same milliseconds."""
    claim = Claim(number, 0, 1, 1, 1, 1, 0, due_at, 0, False, OnUncertain.HOLD, None)
    return throttles.put_back(
        claim, at, int(at * 1000), is_own=is_own, rest_ms=1_000, stale_after_ms=STALE_MS
    )


def test_one_that_waits_apart_excuses_itself_while_others_are_taken():
    throttles, due_at = ThrottledMessages(), int(START * 1000)
    for attempt in range(30):
        at = START + attempt * 60
        assert throttles.is_own(1, at, may_be_own=True)
        due_at = put_back(throttles, 1, at, due_at, is_own=True)
        throttles.taken(at + 1)
    # It has taken nothing from the others: two more may be full.
    assert [full(throttles, number) for number in (2, 3, 4)] == [True, True, False]


def test_all_that_wait_apart_are_stale_in_the_end_and_no_more_wait_than_are_remembered():
    throttles, begun = ThrottledMessages(), int(START * 1000)
    due = dict.fromkeys(range(12_000), begun)

    def throttle(number, at):
        for _ in range(20):
            throttles.taken(at)
        is_own = throttles.is_own(number, at, may_be_own=True)
        due[number] = put_back(throttles, number, at, due[number], is_own=is_own)
        return is_own

    assert sum(throttle(number, START) for number in due) == 10_000
    # The others keep their place, and slow the connector down.
    assert [due[number] for number in range(10_000, 12_000)] == [begun] * 2_000
    for minute in range(5, 36, 5):
        for number in range(10_000):
            throttle(number, START + minute * 60 + number / 1_000)
        assert (due[0] == begun) == (minute > 30)
    assert set(due.values()) == {begun}
    # What has not come back for ten minutes makes room.
    assert full(throttles, 12_000) is False
    assert throttles.is_own(12_000, START + 50 * 60, may_be_own=True)


def test_one_recipient_in_a_hundred_hardly_slows_a_connector_and_one_in_five_does():
    assert lessons_of(0.001) <= 1
    assert lessons_of(0.01) <= 50
    assert lessons_of(0.2) >= 10_000
