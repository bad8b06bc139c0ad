"""A list's own answers to keywords: told only to who asks for them, and marked as such."""

import pytest

from sendrail.domain.delivery import Rejected
from sendrail.domain.receipt import Reply
from sendrail.domain.webhook import Event

USUAL, BOTH, ONLY = (f"https://{name}.example.com/" for name in ("usual", "both", "only"))
ANN = 15550100001


@pytest.fixture
def sender(road, hooks):
    hooks.add(USUAL)
    hooks.add(BOTH, events=[Event.DELIVERY, Event.AUTOMATIC])
    hooks.add(ONLY, events=[Event.AUTOMATIC])
    hooks.start()
    road.start_all()
    return road.add_list()


def told(hooks, url):
    return [post.event for post in hooks.receiver.of(url) if post.event["event"] == "delivery"]


@pytest.mark.parametrize("keyword", ["STOP", "HELP", "START"])
def test_an_answer_to_a_keyword_is_told_only_on_request(road, hooks, sender, keyword):
    road.carrier.will(ANN, Rejected("spam"))
    road.callback(Reply(sender=ANN, list_number=sender.number, body=keyword))
    road.pass_time(1)
    assert told(hooks, USUAL) == []
    for url in (BOTH, ONLY):
        [event] = told(hooks, url)
        assert (event["to"], event["automatic"]) == ("+15550100001", True)


def test_what_a_customer_sends_is_told_as_ever(road, hooks, sender):
    road.carrier.will(ANN, Rejected("spam"))
    road.send(sender, ANN)
    road.pass_time(1)
    assert told(hooks, ONLY) == []
    for url in (USUAL, BOTH):
        [event] = told(hooks, url)
        assert "automatic" not in event


def test_an_endpoint_that_names_no_events_gets_the_usual_ones(hooks):
    [endpoint] = [hooks.add(USUAL).endpoint]
    assert endpoint.events == {Event.DELIVERY, Event.REPLY, Event.UNSUBSCRIBE}
