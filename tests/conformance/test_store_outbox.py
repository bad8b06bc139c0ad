"""What a store keeps for customers: events with what they tell of, told once, and not for ever."""

import pytest
from stores import ANN, NOW, apply, house

from sendrail.domain.consent import Keyword, KeywordReading, Rule
from sendrail.domain.message import Status
from sendrail.domain.webhook import (
    Event,
    EventSettlement,
    OutboxEvent,
    WebhookAttempt,
)

__all__ = ["house"]
LATER = NOW + 10**9


@pytest.fixture
def endpoint(house):
    return add_endpoint(house, house.us)


def add_endpoint(house, account, **more):
    values = {
        "name": "", "url": "https://example.com/", "events": frozenset(Event), "state": "active",
        "secret": b"sealed", "created_at": NOW,
    }  # fmt: skip
    return house.write(lambda tx: tx.endpoints.add(account, **values | more))


def due(house, endpoint, now=LATER, limit=100):
    return house.read(lambda tx: tx.outbox.due(endpoint, now, limit))


def told(event, outcome="acknowledged", due_at=None):
    attempt = WebhookAttempt(
        event_id=event.id,
        endpoint_id=event.endpoint_id,
        attempt=event.attempts + 1,
        started_at=NOW,
        ended_at=NOW + 5,
        outcome=outcome,
        status=200 if outcome == "acknowledged" else 500,
        detail="",
    )
    return EventSettlement(
        event_id=event.id, attempts=event.attempts + 1, retries=0, due_at=due_at, attempt=attempt
    )


def settle(house, *settlements):
    house.write(lambda tx: tx.outbox.settle(settlements))


def under_way(house, *numbers):
    house.queue(*numbers)
    house.start_attempts(*numbers)


ENDINGS = {
    "receipt": (lambda house: apply(house, 1), "delivered"),
    "answer": (
        lambda house: house.finish_attempts(house.result(status="failed", carrier_ref=None)),
        "failed",
    ),
    "expiry": (
        lambda house: (
            house.finish_attempts(house.result(status="uncertain", carrier_ref=None)),
            house.write(
                lambda tx: tx.queue.expire(house.no(1), house.list.lane, "unknown", NOW + 50)
            ),
        ),
        "failed",
    ),
}


@pytest.mark.parametrize("way", ENDINGS)
def test_an_ending_is_kept_once_though_it_is_written_twice(house, endpoint, way):
    end, status = ENDINGS[way]
    under_way(house, 1, 2)
    end(house)
    end(house)
    [event] = due(house, endpoint)
    assert (event.kind, event.ref, event.endpoint_id) == ("delivery", house.no(1), endpoint)
    assert house.find(1).status is Status(status)
    [message] = house.read(lambda tx: tx.outbox.ended_messages([event.ref])).values()
    assert (message.number, message.recipient, message.status) == (house.no(1), ANN, status)
    assert (message.list_number, message.provider) == (house.list.shown, "simulator")
    assert (message.connector, message.ended_at) == ("sandbox", event.at)


def test_a_drop_is_kept_once(house, endpoint):
    house.queue(1)
    drop = [(house.place(1), Status.DROPPED, "stale")]
    for _ in range(2):
        house.write(lambda tx: tx.queue.drop(drop, NOW))
    [event] = due(house, endpoint)
    [message] = house.read(lambda tx: tx.outbox.ended_messages([event.ref])).values()
    assert (message.status, message.detail, message.provider) == ("dropped", "stale", None)


@pytest.mark.parametrize(("keyword", "kind"), [(Keyword.STOP, "unsubscribe"), (None, "reply")])
def test_a_reply_is_kept_with_what_it_said(house, endpoint, keyword, kind):
    reading = KeywordReading(
        keyword=keyword, rule=keyword and Rule.LANGUAGE, word=keyword and "ARRET"
    )
    house.write(lambda tx: tx.replies.keep(house.list, ANN, "text", reading, NOW))
    [event] = due(house, endpoint)
    assert event.kind == kind
    [reply] = house.read(lambda tx: tx.outbox.taken_replies([event.ref])).values()
    assert (reply.sender, reply.list_number, reply.body) == (ANN, house.list.shown, "text")
    assert (reply.keyword, reply.received_at) == (keyword, NOW)
    assert (reply.rule, reply.word) == (reading.rule, reading.word)


@pytest.mark.parametrize("way", ENDINGS)
def test_nobody_else_is_told(house, way):
    theirs = add_endpoint(house, house.them)
    gone = add_endpoint(house, house.us, state="gone")
    of_other_list = add_endpoint(house, house.us, list_id=house.their_list.id)
    only_replies = add_endpoint(house, house.us, events=frozenset({Event.REPLY}))
    lapsed = add_endpoint(house, house.us, listens_until=NOW)
    under_way(house, 1)
    ENDINGS[way][0](house)
    for each in (theirs, gone, of_other_list, only_replies, lapsed):
        assert due(house, each) == []


def test_what_is_due_comes_in_its_order_and_not_before(house, endpoint):
    under_way(house, 1, 2, 3)
    for number in (2, 1, 3):
        apply(house, number)
    assert due(house, endpoint, NOW) == []
    assert [event.ref for event in due(house, endpoint)] == house.nos(2, 1, 3)
    [_, second, _] = due(house, endpoint)
    settle(house, told(second, "failed", due_at=NOW + 60_000))
    assert [event.ref for event in due(house, endpoint, NOW + 59_999)] == house.nos(2, 3)
    [*_, last] = due(house, endpoint, NOW + 60_000)
    assert (last.ref, last.attempts) == (house.no(1), 1)
    assert len(due(house, endpoint, limit=2)) == 2


def test_a_body_once_kept_stays(house, endpoint):
    under_way(house, 1)
    apply(house, 1)
    [event] = due(house, endpoint)
    assert event.body is None
    for body in (b"first", b"second"):
        house.write(lambda tx, body=body: tx.outbox.store_bodies([(body, event.id)]))
    [event] = due(house, endpoint)
    assert event.body == b"first"


def test_a_settlement_may_be_written_twice(house, endpoint):
    under_way(house, 1)
    apply(house, 1)
    [event] = due(house, endpoint)
    first = told(event, "failed", due_at=NOW + 60_000)
    settle(house, first)
    settle(house, first)
    [again] = due(house, endpoint)
    assert again.attempts == 1
    settle(house, told(again))
    # Late news of the first attempt does not make it due anew.
    settle(house, first)
    assert due(house, endpoint) == []
    kept = house.read(lambda tx: tx.endpoints.attempts(house.us, endpoint, 0, 9))
    assert [(a.attempt, a.outcome, a.status) for a, _ in kept] == [
        (2, "acknowledged", 200),
        (1, "failed", 500),
    ]
    assert house.read(lambda tx: tx.endpoints.attempts(house.them, endpoint, 0, 9)) == []


def test_what_was_told_is_replayed_only_by_name(house, endpoint):
    under_way(house, 1, 2)
    apply(house, 1)
    apply(house, 2)
    [first, second] = due(house, endpoint)
    settle(house, told(first), told(second, "failed"))

    def replay(**about):
        return house.write(lambda tx: tx.endpoints.replay(endpoint, NOW, **about))

    assert replay(event=None, since=LATER) == 0
    assert replay(event=None, since=0) == 1
    assert [event.ref for event in due(house, endpoint)] == house.nos(2)
    assert replay(event=("delivery", house.no(1)), since=0) == 1
    assert replay(event=("reply", house.no(1)), since=0) == 0
    assert {event.ref for event in due(house, endpoint)} == set(house.nos(1, 2))


def test_old_events_are_forgotten_with_their_attempts_in_bites(house, endpoint):
    under_way(house, 1, 2, 3)
    for number in (1, 2, 3):
        apply(house, number)
    [first, *_] = due(house, endpoint)
    settle(house, told(first))

    def forget(before, limit=2):
        return house.write(lambda tx: tx.outbox.forget_before(before, limit))

    assert forget(NOW) == (0, 0)
    assert forget(LATER) == (2, 1)
    assert forget(LATER) == (1, 1)
    assert forget(LATER) == (0, 0)
    assert house.read(lambda tx: tx.endpoints.attempts(house.us, endpoint, 0, 9)) == []
    # An answer that comes after that leaves nothing behind.
    settle(house, told(first))
    assert house.read(lambda tx: tx.endpoints.attempts(house.us, endpoint, 0, 9)) == []


def test_a_test_event_waits_for_nobody(house, endpoint):
    event_id = house.write(lambda tx: tx.outbox.add_test(endpoint, b"{}", NOW))
    assert due(house, endpoint) == []
    assert house.write(lambda tx: tx.endpoints.replay(endpoint, NOW, event=("test", NOW), since=0))
    [event] = due(house, endpoint)
    assert event == OutboxEvent(
        id=event_id,
        endpoint_id=endpoint,
        kind="test",
        ref=NOW,
        at=NOW,
        attempts=0,
        retries=0,
        body=b"{}",
        due_at=NOW,
    )


def test_what_is_still_to_be_told_is_counted(house, endpoint):
    theirs = add_endpoint(house, house.them)
    under_way(house, 1, 2)
    apply(house, 1)
    apply(house, 2)
    [first, _] = due(house, endpoint)
    settle(house, told(first))
    assert house.read(lambda tx: tx.endpoints.backlog()) == 1
    assert house.read(lambda tx: tx.endpoints.waiting(house.us)) == {endpoint: 1}
    assert house.read(lambda tx: tx.endpoints.waiting(house.them)) == {}
    assert due(house, theirs) == []


def test_the_active_endpoints_of_all_accounts_are_the_workers(house, endpoint):
    theirs = add_endpoint(house, house.them)
    for state in ("paused", "gone"):
        add_endpoint(house, house.us, state=state)
    add_endpoint(house, house.us, listens_until=LATER)
    active = house.read(lambda tx: tx.endpoints.active())
    assert [each.id for each in active] == [endpoint, theirs]


@pytest.mark.usefixtures("endpoint")
def test_telling_wakes_who_waits_for_it(house):
    assert not house.store.hints.outbox_event.is_set()
    under_way(house, 1)
    apply(house, 1)
    assert house.store.hints.outbox_event.is_set()
