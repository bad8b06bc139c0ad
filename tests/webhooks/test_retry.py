"""When to try again: the public schedule, the patience endpoints ask for, and the breaker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.webhook import Acknowledged, EndpointGone, NotAcknowledged, OutboxEvent
from sendrail.webhooks.retry import Breaker, settle

NOW = 1_800_000_000_000
MINUTE = 60_000
# The public API's page on events.
SCHEDULE = [1, 5, 15, 60, 120]


def event(**changes):
    values = {
        "id": 7, "endpoint_id": 1, "kind": "delivery", "ref": 1, "at": NOW, "attempts": 0,
        "retries": 0, "body": b"{}",
    }  # fmt: skip
    return OutboxEvent(**values | changes)


def settled(about, answer, chance=0.0):
    return settle(about, answer, started_at=NOW - 10, now=NOW, chance=chance)


@pytest.mark.parametrize(("retries", "minutes"), list(enumerate(SCHEDULE)))
@given(chance=st.floats(0, 1, exclude_max=True))
def test_a_failure_is_tried_again_as_the_public_page_says(retries, minutes, chance):
    due_at = settled(event(retries=retries), NotAcknowledged("no"), chance).due_at
    assert minutes * MINUTE <= due_at - NOW <= minutes * MINUTE * 1.1


def test_the_sixth_failure_is_the_last():
    told = settled(event(retries=5, attempts=5), NotAcknowledged("no", 500))
    assert (told.due_at, told.attempts, told.retries) == (None, 6, 5)


@pytest.mark.parametrize("answer", [Acknowledged(204), EndpointGone()])
def test_an_answer_that_ends_it_ends_it(answer):
    assert settled(event(), answer).due_at is None


@pytest.mark.parametrize(
    ("retries", "asked", "wait"),
    [
        (0, 10_000, MINUTE),  # less than the schedule: the schedule stands
        (0, 10 * MINUTE, 10 * MINUTE),
        (4, 5 * MINUTE, 120 * MINUTE),
        (0, 10**12, 24 * 60 * MINUTE),  # nobody waits for years
    ],
)
def test_an_endpoint_may_ask_for_more_patience(retries, asked, wait):
    told = settled(event(retries=retries), NotAcknowledged("busy", 429, asked))
    assert told.due_at - NOW == wait


def test_an_attempt_tells_how_it_went():
    attempt = settled(event(attempts=2), NotAcknowledged("teapot", 418)).attempt
    assert (attempt.attempt, attempt.outcome, attempt.status, attempt.detail) == (
        3, "failed", 418, "teapot",
    )  # fmt: skip
    assert (attempt.started_at, attempt.ended_at) == (NOW - 10, NOW)
    assert settled(event(), Acknowledged(200, "ok")).attempt.outcome == "acknowledged"
    assert settled(event(), EndpointGone()).attempt.status == 410


def failed(times, now=0.0):
    breaker = Breaker()
    for _ in range(times):
        breaker.failed(now, None)
    return breaker


def test_a_few_failures_are_a_reason_to_go_step_by_step_and_none_to_stop():
    assert failed(0).room(0.0, 3, 8) == 5
    for failures in (1, 4):
        assert failed(failures).room(0.0, 0, 8) == 1
        assert failed(failures).room(0.0, 1, 8) == 0


@pytest.mark.parametrize("count", [1, 4, 5, 50])
def test_retries_go_when_they_are_due_however_often_the_endpoint_has_failed(count):
    assert failed(count).room_again(0.0, 2, 8) == 6
    assert failed(count).room_again(0.0, 9, 8) == 0


def test_what_was_under_way_together_fails_once():
    breaker = Breaker()
    for at in range(8):
        breaker.failed(1.0 + at / 1000, None, started=0.5)
    assert breaker.failures == 1
    breaker.failed(2.0, None, started=1.0)
    assert breaker.failures == 2
    assert [breaker.failed(3.0, None, started=at) for at in (1.999, 2.0)] == [False, True]
    assert breaker.failures == 3


@pytest.mark.parametrize(("rounds", "rests"), [(5, 5.0), (6, 10.0), (7, 20.0), (9, 60.0)])
def test_the_first_probe_comes_after_five_seconds_whatever_was_under_way(rounds, rests):
    breaker = Breaker()
    for at in range(rounds):
        for _ in range(8):
            breaker.failed(at + 0.5, None, started=float(at))
    now = rounds - 0.5
    assert breaker.rests_until == now + rests
    assert breaker.room(now + rests - 0.1, 0, 8) == 0
    assert breaker.room(now + rests, 0, 8) == 1


def test_after_five_in_a_row_one_at_a_time_is_tried():
    breaker = failed(5)
    assert breaker.room(4.9, 0, 8) == 0
    assert breaker.room(5.0, 0, 8) == 1
    assert breaker.room(5.0, 1, 8) == 0


@given(st.integers(5, 10_000))
def test_a_dead_endpoint_is_asked_once_a_minute_at_the_least(failures):
    breaker = failed(failures)
    assert 5.0 <= breaker.rests_until <= 60.0


def test_one_success_closes_it():
    breaker = failed(9)
    breaker.succeeded()
    assert breaker.room(0.0, 3, 8) == 5


def test_a_wish_for_patience_holds_for_the_whole_endpoint():
    breaker = Breaker()
    breaker.failed(100.0, 30_000)
    assert breaker.room(129.9, 0, 8) == breaker.room_again(129.9, 0, 8) == 0
    assert breaker.room(130.0, 0, 8) == 1
    assert breaker.room_again(130.0, 0, 8) == 8
    breaker.failed(200.0, 10**15)
    assert breaker.patient_until == 200.0 + 24 * 3_600
