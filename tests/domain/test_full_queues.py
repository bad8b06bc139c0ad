"""A queue that is full: the recipient's own, while few are; the connector's, once many are."""

import random

from sendrail.domain.suspects import ThrottledMessages

START = 3_600.0


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


def test_one_recipient_in_a_hundred_hardly_slows_a_connector_and_one_in_five_does():
    assert lessons_of(0.001) <= 1
    assert lessons_of(0.01) <= 50
    assert lessons_of(0.2) >= 10_000
