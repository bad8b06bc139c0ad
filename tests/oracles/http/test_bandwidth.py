"""Bandwidth's own SDK on our requests, and on the events our fake posts."""

import json

import pytest
from fake_bandwidth import ACCOUNT, APPLICATION, PASSWORD, SETTINGS, USER, event, received
from http_oracle import ask, needs_oracles

from sendrail.carriers.bandwidth.carrier import BandwidthCarrier
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.text import Encoding

pytestmark = needs_oracles

CREDENTIALS = {"username": USER, "password": PASSWORD}
BODY = 'Your code is 1234 & counting: 50 % of é😊 "+" \\ \n=/~'
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body=BODY,
    encoding=Encoding.UCS2,
    segments=1,
)


def parts(request):
    """Return what must be equal: how, where, by whom, and the value."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {
        "method": request.method,
        "url": request.url,
        "authorization": headers["authorization"],
        "content-type": headers.get("content-type"),
        "body": json.loads(request.body) if request.body else None,
    }


def recorded(told):
    return {
        "method": told["method"],
        "url": told["url"],
        "authorization": told["headers"]["authorization"],
        "content-type": told["headers"].get("content-type"),
        "body": told["body"],
    }


@pytest.fixture
def carrier():
    return BandwidthCarrier(SETTINGS, ConnectorContext())


def test_our_requests_are_the_sdks(carrier):
    message = {
        "applicationId": APPLICATION,
        "to": ["+15552340001"],
        "from": "+15559870000",
        "text": BODY,
        "tag": "x7y8z9w0",
    }
    common = {"credentials": CREDENTIALS, "account": ACCOUNT}
    created, media = ask("bandwidth", ("create", common | {"message": message}), ("media", common))
    assert parts(carrier.compose([MESSAGE])) == recorded(created)
    assert parts(carrier.probe()) == recorded(media)


def test_our_fakes_events_are_such_as_the_sdk_reads():
    events = [
        event("message-sending"),
        event("message-delivered"),
        event("message-failed", errorCode=4720),
        received(BODY),
    ]
    told = ask("bandwidth", *(("read", {"event": each}) for each in events))
    for read, ours in zip(told, events, strict=True):
        assert read["type"] == ours["type"]
        assert read["to"] == ours["to"]
        assert read["message"]["id"] == ours["message"]["id"]
        assert read["message"]["from"] == ours["message"]["from"]
        assert read["message"]["tag"] == ours["message"]["tag"]
        assert read.get("errorCode") == ours.get("errorCode")
    assert told[-1]["message"]["text"] == BODY
