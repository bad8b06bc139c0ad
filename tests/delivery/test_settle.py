"""What follows an outcome: total, legal, and never a second copy that nobody wanted."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.delivery.settle import settle
from sendrail.domain.delivery import (
    Failed,
    Outcome,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.message import FINAL, Status, may_move
from sendrail.domain.retry import ATTEMPTS_MAX
from sendrail.domain.sender import OnUncertain

NOW = 1_800_000_000_000
DUE = NOW - 90_000

EXAMPLES = {
    Submitted: Submitted("ref-1"),
    Throttled: Throttled(2_000),
    Unavailable: Unavailable("not bound", 5_000),
    Failed: Failed("never connected"),
    Rejected: Rejected("landline"),
    Uncertain: Uncertain("no answer in time"),
}
outcomes = st.one_of(
    st.builds(Submitted, st.text(min_size=1, max_size=8)),
    st.builds(Throttled, st.integers(0, 10**6)),
    st.builds(Unavailable, st.text(max_size=8), st.integers(0, 10**6)),
    st.builds(Failed, st.text(max_size=8)),
    st.builds(Rejected, st.text(max_size=8)),
    st.builds(Uncertain, st.text(max_size=8)),
)
attempts = st.integers(1, ATTEMPTS_MAX)
policies = st.sampled_from(OnUncertain)
chances = st.floats(0.0, 1.0, exclude_max=True)


def settled(outcome, attempt=1, on_uncertain=OnUncertain.HOLD, *, resent=False, chance=0.5):
    return settle(
        attempt,
        outcome,
        due_at=DUE,
        now=NOW,
        chance=chance,
        on_uncertain=on_uncertain,
        resent=resent,
    )


def test_there_is_an_example_of_every_outcome():
    assert set(EXAMPLES) == set(get_args(Outcome))


@pytest.mark.parametrize(
    ("outcome", "attempt", "status", "cost", "detail", "ref", "due_at"),
    [
        (Submitted("r"), 1, Status.SENT, 1, None, "r", None),
        (Submitted("r"), 5, Status.SENT, 5, None, "r", None),
        (Throttled(9), 1, Status.QUEUED, 0, None, None, DUE),
        (Throttled(9), 5, Status.QUEUED, 4, None, None, DUE),
        (Unavailable("x", 9), 3, Status.QUEUED, 2, None, None, DUE),
        (Failed("x"), 1, Status.QUEUED, 1, "x", None, NOW + 5_000),
        (Failed("x"), 4, Status.QUEUED, 4, "x", None, NOW + 120_000),
        (Failed("x"), 5, Status.FAILED, 5, "x", None, None),
        (Rejected("x"), 1, Status.FAILED, 1, "x", None, None),
        (Uncertain("x"), 1, Status.UNCERTAIN, 1, "uncertain", None, None),
    ],
)
def test_an_outcome_is_followed_by(outcome, attempt, status, cost, detail, ref, due_at):
    found = settled(outcome, attempt)
    assert (found.status, found.attempt, found.detail, found.carrier_ref, found.due_at) == (
        status,
        cost,
        detail,
        ref,
        due_at,
    )


@pytest.mark.parametrize("attempt", [1, ATTEMPTS_MAX])
@pytest.mark.parametrize(
    ("outcome", "word", "own"),
    [
        (Failed("REJECTED_SYSTEM_ERROR (500)"), "REJECTED_SYSTEM_ERROR", "500"),
        (Failed("out of order"), "unknown", "out of order"),
        (Rejected("REJECTED_SPAM (30007)"), "REJECTED_SPAM", "30007"),
        (Rejected("REJECTED_SPAM"), "REJECTED_SPAM", None),
        (Uncertain("no answer (HTTP 502)"), "uncertain", "no answer (HTTP 502)"),
    ],
)
def test_the_word_and_the_carriers_own_stand_apart(outcome, word, own, attempt):
    found = settled(outcome, attempt)
    assert (found.detail, found.provider_detail) == (word, own)
    again = settled(outcome, attempt, OnUncertain.RESEND_ONCE)
    assert (again.detail, again.provider_detail) == (word, own)


@pytest.mark.parametrize(
    ("on_uncertain", "resent", "status", "due_at"),
    [
        (OnUncertain.HOLD, False, Status.UNCERTAIN, None),
        (OnUncertain.HOLD, True, Status.UNCERTAIN, None),
        (OnUncertain.RESEND_ONCE, False, Status.QUEUED, NOW),
        (OnUncertain.RESEND_ONCE, True, Status.UNCERTAIN, None),
    ],
)
def test_an_uncertain_message_is_sent_again_once_at_most(on_uncertain, resent, status, due_at):
    found = settled(EXAMPLES[Uncertain], on_uncertain=on_uncertain, resent=resent)
    assert (found.status, found.due_at) == (status, due_at)
    assert found.resent is (resent or status is Status.QUEUED)


@given(attempts, outcomes, policies, st.booleans(), chances)
def test_a_settlement_is_a_legal_move(attempt, outcome, policy, resent, chance):
    found = settled(outcome, attempt, policy, resent=resent, chance=chance)
    assert may_move(Status.SENDING, found.status)
    assert (found.due_at is not None) == (found.status is Status.QUEUED)
    assert (found.carrier_ref is not None) == (found.status is Status.SENT)
    assert found.resent or not resent


@given(
    st.lists(st.tuples(outcomes, st.sampled_from([*FINAL, Status.SENT])), max_size=40),
    policies,
    chances,
)
def test_any_sequence_of_outcomes_and_receipts_is_a_walk_in_the_table(story, policy, chance):
    status, attempt, resent, copies = Status.QUEUED, 0, False, 0
    walk = [status]
    for outcome, receipt in story:
        if status is Status.QUEUED:
            status = Status.SENDING
            walk.append(status)
            copies += isinstance(outcome, Submitted | Uncertain)
            found = settled(outcome, attempt + 1, policy, resent=resent, chance=chance)
            status, attempt, resent = found.status, found.attempt, found.resent
            walk.append(status)
        elif may_move(status, receipt):
            status = receipt
            walk.append(status)
    assert all(may_move(before, after) for before, after in itertools.pairwise(walk))
    assert attempt <= ATTEMPTS_MAX + (policy is OnUncertain.RESEND_ONCE)
    assert copies <= (1 if policy is OnUncertain.HOLD else 2)


@given(st.lists(st.builds(Failed, st.just("down")), min_size=ATTEMPTS_MAX, max_size=20))
def test_a_message_that_only_fails_comes_to_rest_at_the_last_attempt(failures):
    status, attempt = Status.QUEUED, 0
    for failure in failures:
        if status is Status.QUEUED:
            found = settled(failure, attempt + 1)
            status, attempt = found.status, found.attempt
    assert (status, attempt) == (Status.FAILED, ATTEMPTS_MAX)
