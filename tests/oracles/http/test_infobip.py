"""Infobip's own SDK on our requests, and on what our fake answers and brings."""

import json

import pytest
from fake_infobip import KEY, FakeInfobip, incoming, refusal, report
from http_oracle import ask, needs_oracles
from http_peer import Got

from sendrail.carriers.infobip.carrier import InfobipCarrier, reference
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.text import Encoding

pytestmark = needs_oracles

SETTINGS = {"api_key": KEY, "callback_token": "a-token-of-callbacks"}
URL = "https://sms.example.com/callbacks/k3"
MESSAGES = [
    OutboundMessage(
        message_id=f"x7y8z9w{at}",
        recipient=15552340001 + at,
        sender=15559870000,
        body='Your code is 1234 & counting: 50 % of é😊 + \n"=/~',
        encoding=Encoding.UCS2,
        segments=1,
    )
    for at in range(3)
]
ALL = {"validity_seconds": 60, "application_id": "shop", "entity_id": "north"}


def make(settings=(), callback_url=URL):
    return InfobipCarrier(
        {**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=callback_url)
    )


def theirs(message, more):
    """Return a message as the SDK is asked for it."""
    destination = {"to": str(message.recipient), "messageId": reference(message)}
    return {
        "sender": str(message.sender),
        "destinations": [destination],
        "content": {"text": message.body},
        **more,
    }


TOLD = {
    "webhooks": {
        "delivery": {"url": f"{URL}?token=a-token-of-callbacks"},
        "contentType": "application/json",
    }
}
OPTIONS = {
    "options": {
        "platform": {"entityId": "north", "applicationId": "shop"},
        "validityPeriod": {"amount": 60, "timeUnit": "SECONDS"},
    }
}
SUBMITS = {
    "plain": ({}, URL, TOLD),
    "without a public address": ({}, None, {}),
    "with all there is": (ALL, URL, OPTIONS | TOLD),
}


def parts(request):
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = json.loads(request.body) if request.body else None
    return [
        request.method,
        request.url.removeprefix("https://api.infobip.com"),
        headers["authorization"],
        headers.get("content-type"),
        body,
    ]


def recorded(told):
    headers = told["headers"]
    content_type = headers.get("content-type") if told["method"] == "POST" else None
    body = json.loads(told["body"]) if told["body"] else None
    return [told["method"], told["target"], headers["authorization"], content_type, body]


def said_by_the_fake():
    """Return its answer to our request, and the callback that follows."""
    request = make().compose(MESSAGES)
    headers = {"authorization": request.headers["Authorization"]}
    said = FakeInfobip()(
        Got(method="POST", target="/sms/3/messages", headers=headers, body=request.body)
    )
    [told] = said.callbacks
    return json.loads(said.body), json.loads(told.body)


ANSWER, REPORTS = said_by_the_fake()
READ = {
    "an answer": ("read_answer", ANSWER),
    "its reports": ("read_reports", REPORTS),
    "a failure": (
        "read_reports",
        {"results": [report("m-1", "UNDELIVERABLE_NOT_DELIVERED", "EC_ABSENT_SUBSCRIBER")]},
    ),
    "a text": (
        "read_texts",
        {"results": [incoming("Hi")], "messageCount": 1, "pendingMessageCount": 0},
    ),
    "a refusal": ("read_refusal", refusal("E400", ["messages[1].destinations[0].to"])),
}


@pytest.fixture(scope="module")
def told():
    """Ask for everything at once: the SDK takes seconds to be imported."""
    sends = [
        ("send", {"key": KEY, "messages": [theirs(message, more) for message in MESSAGES]})
        for _, _, more in SUBMITS.values()
    ]
    reads = [(name, {"value": value}) for name, value in READ.values()]
    answers = ask("infobip", *sends, *reads, ("latest", {"key": KEY}))
    return dict(zip((*SUBMITS, *READ, "latest"), answers, strict=True))


@pytest.mark.parametrize("name", SUBMITS)
def test_our_requests_are_the_sdks(told, name):
    settings, url, _ = SUBMITS[name]
    assert parts(make(settings, url).compose(MESSAGES)) == recorded(told[name])


def test_our_check_is_the_sdks_request_for_the_latest_message(told):
    assert parts(make().probe()) == recorded(told["latest"])


@pytest.mark.parametrize("name", READ)
def test_the_sdk_finds_all_that_our_fake_says(told, name):
    assert plain(told[name]) == plain(READ[name][1])


def plain(value):
    """Leave out times and prices: they mean nothing to us, and the SDK writes them anew."""
    if isinstance(value, dict):
        left_out = {"sentAt", "doneAt", "receivedAt", "price"}
        return {name: plain(each) for name, each in value.items() if name not in left_out}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
