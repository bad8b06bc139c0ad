"""The breaker: what opens it, what closes it, and the laws that hold for every history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sendrail.domain.breaker import Breaker, BreakerState, Trouble, trouble_of
from sendrail.domain.delivery import (
    Failed,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)

START = 1_000.0
LOST = Trouble("no answer", None)


def away(rest=3.0):
    return Trouble("not bound", rest)


def opened(rest=3.0):
    breaker = Breaker()
    breaker.answered(START, breaker.take(START), away(rest))
    return breaker


@pytest.mark.parametrize(
    ("outcome", "speaks"),
    [
        (Submitted("r"), False),
        (Rejected("landline"), False),
        (Failed("busy"), False),
        (Throttled(1_000), False),
        (Unavailable("not bound", 3_000), True),
        (Uncertain("no answer"), True),
    ],
)
def test_only_what_is_no_answer_of_the_carrier_speaks_against_the_connector(outcome, speaks):
    assert (trouble_of(outcome) is not None) == speaks


def test_an_unavailable_connector_rests_for_as_long_as_it_asks():
    breaker = opened(rest=3.0)
    assert (breaker.state, breaker.detail, breaker.retry_at) == (
        BreakerState.OPEN,
        "not bound",
        START + 3.0,
    )
    assert breaker.room(START + 2.999) == 0
    assert breaker.room(START + 3.0) == 1


@pytest.mark.parametrize(("asked", "rest"), [(0.0, 1.0), (1.5, 1.5), (60.0, 60.0), (9_999, 60.0)])
def test_a_rest_has_bounds(asked, rest):
    assert opened(asked).retry_at == START + rest


def test_a_few_lost_answers_are_not_the_connectors_fault_and_many_in_a_row_are():
    breaker = Breaker()
    for _ in range(4):
        assert not breaker.answered(START, breaker.take(START), LOST)
    assert breaker.room(START) is None
    assert breaker.answered(START, breaker.take(START), LOST)
    assert breaker.state is BreakerState.OPEN


def test_one_answer_between_them_begins_the_count_anew():
    breaker = Breaker()
    for _ in range(20):
        for _ in range(4):
            breaker.answered(START, breaker.take(START), LOST)
        breaker.answered(START, breaker.take(START), None)
    assert breaker.state is BreakerState.CLOSED


def test_silent_messages_among_many_that_are_answered_are_not_the_connectors_fault():
    breaker = Breaker()
    departed = breaker.take(START)
    breaker.answered(START + 0.1, departed, None)
    for _ in range(20):
        assert not breaker.answered(START + 60, departed, LOST)
    assert breaker.room(START + 60) is None


def test_one_message_tries_the_connector_and_its_answer_decides():
    breaker = opened()
    departed = breaker.take(START + 3)
    assert (breaker.state, breaker.room(START + 3)) == (BreakerState.HALF_OPEN, 0)
    assert breaker.answered(START + 4, departed, None)
    assert breaker.room(START + 4) is None
    breaker = opened()
    departed = breaker.take(START + 3)
    assert breaker.answered(START + 4, departed, LOST), (
        "one is enough when it is the one that tries"
    )
    assert breaker.state is BreakerState.OPEN


def test_lost_answers_in_a_row_rest_longer_each_time():
    breaker, now, rests = Breaker(), START, []
    for _ in range(5):
        breaker.answered(now, breaker.take(now), LOST)
    for _ in range(8):
        rests.append(breaker.retry_at - now)
        now = breaker.retry_at
        breaker.answered(now, breaker.take(now), LOST)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_answers_to_what_left_before_it_opened_say_nothing():
    breaker = Breaker()
    departed = breaker.take(START)
    breaker.answered(START, departed, away())
    assert not breaker.answered(START + 1, departed, None)
    assert not breaker.answered(START + 1, departed, away(50.0))
    assert breaker.retry_at == START + 3.0


def test_after_a_stop_that_the_first_try_ended_the_next_one_is_short():
    breaker = opened(rest=60.0)
    now = START + 60
    for _ in range(1_000):
        assert breaker.answered(now, breaker.take(now), None)
        assert breaker.answered(now, breaker.take(now), away(60.0))
        assert breaker.retry_at == now + 1.0
        now = breaker.retry_at
    # It is away in truth: the one that tries is refused, and it rests as it asks.
    assert breaker.answered(now, breaker.take(now), away(60.0))
    assert breaker.retry_at == now + 60.0
    now = breaker.retry_at
    # The first try did not end that stop, so that it was no single message's.
    assert breaker.answered(now, breaker.take(now), None)
    assert breaker.answered(now, breaker.take(now), away(60.0))
    assert breaker.retry_at == now + 60.0


class Histories(RuleBasedStateMachine):
    """Any order of hand-overs, answers and time."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker()
        self.now = START
        self.under_way = []
        self.probes = 0

    @rule(seconds=st.floats(0, 90))
    def pass_time(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.breaker.room(self.now) != 0)
    @rule()
    def hand_over(self):
        bound = self.breaker.room(self.now)
        self.under_way.append(self.breaker.take(self.now))
        if bound is not None:
            assert bound == 1
            assert self.breaker.room(self.now) == 0, "a second message tries the connector"

    @precondition(lambda self: self.under_way)
    @rule(at=st.randoms(), trouble=st.sampled_from([None, LOST, away(0.0), away(30.0)]))
    def answer(self, at, trouble):
        departed = self.under_way.pop(at.randrange(len(self.under_way)))
        before = (self.breaker.state, self.breaker.era)
        changed = self.breaker.answered(self.now, departed, trouble)
        assert changed == (before != (self.breaker.state, self.breaker.era))

    @invariant()
    def an_open_breaker_ends_within_a_minute(self):
        if self.breaker.state is BreakerState.OPEN:
            assert self.breaker.room(self.now + 60.0) == 1

    @invariant()
    def a_half_open_breaker_waits_for_somebody(self):
        if self.breaker.state is BreakerState.HALF_OPEN:
            assert self.breaker.era in {each.era for each in self.under_way}, (
                "nobody's answer could ever end this"
            )


TestHistories = Histories.TestCase


@given(st.lists(st.booleans(), max_size=60))
def test_a_connector_that_answers_every_other_message_stays_closed(lost):
    breaker = Breaker()
    for each in lost:
        breaker.answered(START, breaker.take(START), LOST if each else None)
        breaker.answered(START, breaker.take(START), None)
    assert breaker.state is BreakerState.CLOSED
