"""Listening along: what a receiver would get, as long as somebody listens, and nothing after."""

import json
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hooks import HEADER

from sendrail.domain.delivery import Rejected
from sendrail.domain.receipt import Reply
from sendrail.webhooks.listener import Listener

ANN = 15550100001
URL = "http://127.0.0.1:3000/"


@pytest.fixture
def listen(road):
    def listen():
        listener = Listener(
            road.store,
            road.ids,
            account_id=road.account,
            signature_header=HEADER,
            now=road.clock.now,
        )
        return road.do(listener.open())

    return listen


def end_one(road, sender, recipient=ANN):
    road.carrier.will(recipient, Rejected("spam"))
    road.send(sender, recipient)
    road.deliver(1)


def heard(road, listener):
    return [json.loads(event.body)["event"] for event in road.do(listener.step())]


def test_what_happens_is_heard_once_and_by_everybody_who_listens(road, listen):
    sender = road.add_list()
    end_one(road, sender)
    first, second = listen(), listen()
    assert heard(road, first) == []
    end_one(road, sender, ANN + 1)
    road.callback(Reply(sender=ANN, list_number=sender.number, body="Hello"))
    road.pass_time(1)
    assert heard(road, first) == ["delivery", "reply"]
    assert heard(road, first) == []
    assert heard(road, second) == ["delivery", "reply"]


def test_who_stops_listening_leaves_nothing_behind(road, listen):
    sender, listener = road.add_list(), listen()
    end_one(road, sender)
    road.do(listener.step())
    end_one(road, sender, ANN + 1)
    road.do(listener.aclose())
    end_one(road, sender, ANN + 2)
    for table in ("webhook_endpoints", "outbox", "webhook_attempts"):
        assert road.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_listener_that_was_killed_is_forgotten(road, listen):
    sender = road.add_list()
    listen()
    road.clock.advance(31)
    end_one(road, sender)
    assert road.sql("SELECT count(*) FROM outbox") == [(0,)]
    assert road.write(lambda tx: tx.endpoints.end_listeners(road.clock.now())) == 1
    assert road.sql("SELECT count(*) FROM webhook_endpoints") == [(0,)]


def test_a_listener_that_lives_is_not(road, listen):
    sender, listener = road.add_list(), listen()
    for _ in range(10):
        road.clock.advance(11)
        road.do(listener.step())
        assert road.write(lambda tx: tx.endpoints.end_listeners(road.clock.now())) == 0
    end_one(road, sender)
    assert heard(road, listener) == ["delivery"]


def test_a_listener_that_slept_too_long_begins_anew(road, listen):
    sender, listener = road.add_list(), listen()
    road.clock.advance(3_600)
    road.write(lambda tx: tx.endpoints.end_listeners(road.clock.now()))
    assert heard(road, listener) == []
    end_one(road, sender)
    assert heard(road, listener) == ["delivery"]


def test_a_listener_is_no_endpoint_for_anybody_else(road, hooks, listen):
    sender, listener = road.add_list(), listen()
    hooks.start()
    assert hooks.ask("all") == []
    end_one(road, sender)
    hooks.pass_time(5)
    assert hooks.receiver.posts == []
    assert heard(road, listener) == ["delivery"]


def test_what_is_passed_on_is_signed(road, hooks, listen):
    sender, listener = road.add_list(), listen()
    end_one(road, sender)
    [event] = road.do(listener.step())
    road.do(listener.forward(hooks.receiver, URL, event))
    [post] = hooks.receiver.posts
    at = datetime.fromtimestamp(int(post.headers["webhook-timestamp"]), UTC)
    theirs = standardwebhooks.Webhook(listener.secret).sign(post.id, at, post.body.decode())
    assert post.headers["webhook-signature"] == theirs
    assert post.url == URL
