"""Bandwidth as tables: what we ask, what its answers mean, what its events say."""

import json

import pytest
from fake_bandwidth import (
    ACCOUNT,
    APPLICATION,
    CALLER,
    CALLER_PASSWORD,
    PASSWORD,
    SETTINGS,
    USER,
    FakeBandwidth,
    basic,
    callback,
    event,
    received,
    refusal,
)
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist

from sendrail.carriers.bandwidth.carrier import TOLL_FREE, TOLL_FREE_KEYWORDS, BandwidthCarrier
from sendrail.carriers.http.exchange import Answer
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.domain.text import Encoding

URL = "https://sms.example.com/callbacks/k3"
REF = "1589228074636lm4k2je7j7jklbn2"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body='Your "code" is 1234 & counting: é😊',
    encoding=Encoding.UCS2,
    segments=1,
)


def make(settings=()):
    return BandwidthCarrier({**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=URL))


class TestConformance(HttpConformance):
    kind = BandwidthCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["bandwidth"]
    garbage = (
        *HttpConformance.garbage,
        b"application/json\n\n",
        b"application/json\n\n{}",
        b'application/json\n\n[{"type": "message-delivered"}]',
        b'application/json\n\n[{"type": "message-delivered", "message": {"id": ""}}]',
        b'application/json\n\n[{"message": {"id": "1"}}]',
    )
    wrong_settings = (
        ("colour", SETTINGS | {"colour": "blue"}),
        *(
            (name, {key: value for key, value in SETTINGS.items() if key != name})
            for name in SETTINGS
        ),
        ("account_id", SETTINGS | {"account_id": "../9"}),
        ("application_id", SETTINGS | {"application_id": ""}),
        ("username", SETTINGS | {"username": "a:b"}),
        ("callback_user", SETTINGS | {"callback_user": ""}),
        ("callback_password_secondary", SETTINGS | {"callback_password_secondary": ""}),
        ("base_url", SETTINGS | {"base_url": "http://messaging.bandwidth.com"}),
    )

    url = None

    def make_vendor(self):
        return FakeBandwidth(lambda: self.url)

    def make_with(self, settings):
        linked = super().make_with(settings)
        # An application has one callback URL: that of the connector that was made first.
        if self.door is not None and self.url is None:
            self.url = linked.carrier.context.callback_url
        return linked


# What we ask


def test_a_message_becomes_a_request():
    request = make().compose([MESSAGE])
    assert (request.method, request.url) == (
        "POST",
        f"https://messaging.bandwidth.com/api/v2/users/{ACCOUNT}/messages",
    )
    assert request.headers == {
        "Authorization": basic(USER, PASSWORD),
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == {
        "applicationId": APPLICATION,
        "to": ["+15552340001"],
        "from": "+15559870000",
        "text": MESSAGE.body,
        "tag": "x7y8z9w0",
    }


# What its answers mean


def said(status, kind, *fields, **headers):
    return Answer(status=status, headers=headers, body=refusal(status, kind, *fields).body)


ANSWERS = [
    (Answer(status=202, body=b'{"id": "158", "segmentCount": 1}'), Submitted("158")),
    (
        said(400, "request-validation"),
        Rejected("REJECTED_REQUEST (request-validation, HTTP 400)"),
    ),
    # What is wrong with a recipient is told by number, in an event: this may be any fault of ours.
    (said(400, "request-validation", "to"), Rejected("REJECTED_REQUEST (to, HTTP 400)")),
    (said(400, "request-validation", "from"), Rejected("REJECTED_SENDER (from)")),
    (said(400, "request-validation", "text", "to"), Rejected("REJECTED_CONTENT (text)")),
    (
        said(400, "request-validation", "applicationId"),
        Unavailable("Bandwidth refuses: the application does not exist (applicationId)", 60_000),
    ),
    (said(401, "unauthorized"), Unavailable),
    (said(403, "forbidden"), Unavailable),
    (said(415, "unsupported-content-type"), Rejected),
    (said(429, "rate_limit_exceeded", **{"retry-after": "300"}), Throttled(300_000)),
    (said(429, "too-many-requests"), Throttled(1_000)),
    (said(500, "internal-server-error"), Failed),
    (said(502, "bad-gateway"), Uncertain),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"id": ""}', b'{"id": null}'])
def test_an_answer_that_makes_no_sense_is_trouble(body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=202, body=body))


# What its events say


def heard(*events):
    carrier = make()
    answer = carrier.read_callback(callback(URL, *events))
    assert answer.status == 200
    return list(carrier.parse(*answer.raws))


def receipt(status, detail, trouble=None):
    return Receipt(
        carrier_ref=REF, status=status, detail=detail, message_id="x7y8z9w0", trouble=trouble
    )


DELIVERED = receipt(Status.DELIVERED, "DELIVERED_TO_HANDSET")
FAILED, UNDELIVERED = Status.FAILED, Status.UNDELIVERED
EVENTS = [
    (event("message-sending"), receipt(None, "PENDING_ENROUTE")),
    (event("message-sent"), receipt(None, "PENDING_ENROUTE")),
    (event("message-delivered"), DELIVERED),
    (event("message-read"), DELIVERED),
    (event("message-failed"), receipt(FAILED, "REJECTED_UNKNOWN_REASON")),
    *(
        (
            event("message-failed", errorCode=code),
            receipt(status, f"{word} ({code})", trouble),
        )
        for code, status, word, trouble in [
            (4303, FAILED, "REJECTED_DESTINATION", RecipientTrouble.INVALID_DESTINATION),
            (4360, FAILED, "EXPIRED", None),
            (4405, FAILED, "REJECTED_SENDER", None),
            (4432, FAILED, "REJECTED_REGION", None),
            (4470, FAILED, "REJECTED_SPAM", RecipientTrouble.SPAM),
            (4475, FAILED, "REJECTED_OPTED_OUT", RecipientTrouble.OPTED_OUT),
            (4482, FAILED, "REJECTED_OPTED_OUT", RecipientTrouble.OPTED_OUT),
            (4499, FAILED, "REJECTED_REQUEST", None),
            (4701, UNDELIVERED, "REJECTED_OPERATOR", RecipientTrouble.OPERATOR),
            (4702, UNDELIVERED, "REJECTED_ABSENT_SUBSCRIBER", RecipientTrouble.ABSENT_SUBSCRIBER),
            (4720, UNDELIVERED, "REJECTED_DESTINATION", RecipientTrouble.INVALID_DESTINATION),
            (4750, UNDELIVERED, "REJECTED_OPERATOR", RecipientTrouble.OPERATOR),
            (4770, UNDELIVERED, "REJECTED_SPAM", RecipientTrouble.SPAM),
            (4771, UNDELIVERED, "REJECTED_CONTENT", None),
            (4775, UNDELIVERED, "REJECTED_OPTED_OUT", RecipientTrouble.OPTED_OUT),
            (4780, UNDELIVERED, "REJECTED_RATE_LIMIT", None),
            (4795, UNDELIVERED, "REJECTED_SENDER", None),
            (4799, UNDELIVERED, "REJECTED_UNKNOWN_REASON", None),
            (5100, FAILED, "REJECTED_SYSTEM_ERROR", None),
            (5620, UNDELIVERED, "REJECTED_SYSTEM_ERROR", None),
            (9902, UNDELIVERED, "REJECTED_UNKNOWN_REASON", None),
            (1234, FAILED, "REJECTED_UNKNOWN_REASON", None),
        ]
    ),
]


@pytest.mark.parametrize(("told", "expected"), EVENTS)
def test_an_event_becomes_a_receipt(told, expected):
    assert heard(told) == [expected]


def test_a_message_without_our_tag_is_named_by_bandwidths_id():
    [told] = heard(event("message-delivered", tag=None))
    assert (told.carrier_ref, told.message_id) == (REF, None)


def test_many_events_come_in_one_callback_and_one_of_another_kind_costs_no_other():
    told = heard(event("message-delivered"), {"type": "a-new-kind"}, received("Hi"))
    assert told[::2] == [
        DELIVERED,
        Reply(sender=15552340001, list_number=15559870000, body="Hi", carrier_ref=REF),
    ]
    assert gist(told[1:2]) == ["no unknown"]
    assert heard() == []


REPLIES = [
    ("Thanks 😊", "+15559870000", False),
    ("", "+15559870000", False),
    ("STOP", "+15559870000", False),
    (" stop\n", "+18335550100", True),
    ("START", "+18005550100", True),
    ("STOP PLEASE", "+18335550100", False),
    ("HELP", "+18335550100", False),
    ("STOP", "+448001234567", False),
    *(
        (word, f"+{area}5550100", True)
        for area in sorted(TOLL_FREE)
        for word in sorted(TOLL_FREE_KEYWORDS)
    ),
]


@pytest.mark.parametrize(("text", "to", "answered"), REPLIES)
def test_a_text_becomes_a_reply(text, to, answered):
    assert heard(received(text, to=to)) == [
        Reply(
            sender=15552340001,
            list_number=int(to[1:]),
            body=text,
            carrier_ref=REF,
            answered=answered,
        )
    ]


def test_a_reply_to_a_group_is_for_the_number_the_event_names():
    told = received("Hi")
    told["message"]["to"] = ["+15550000000", "+15559870000"]
    [reply] = heard(told)
    assert reply.list_number == 15559870000


def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused():
    told = heard(
        received("Hi", sender="12345"),
        received("Hi", sender="ACME"),
        received("Hi", to="ACME"),
        received(5),
        event("message-suspended"),
    )
    senders = ["sender_is_no_number", "sender_is_no_number"]
    assert gist(told) == [*senders, "no reply", "no reply", "no unknown"]


def test_a_picture_without_a_text_costs_no_text_beside_it():
    told = heard(received(None), received("STOP"))
    assert [each.body for each in told] == ["", "STOP"]


# Credentials of callbacks


@pytest.mark.parametrize(
    ("user", "password", "passes"),
    [
        (CALLER, CALLER_PASSWORD, True),
        (CALLER, "the-next", True),
        (CALLER, "another", False),
        (CALLER, "", False),
        ("another", CALLER_PASSWORD, False),
        # Our way into Bandwidth is no way into us.
        (USER, PASSWORD, False),
    ],
)
def test_a_callback_comes_with_one_of_two_passwords(user, password, passes):
    carrier = make({"callback_password_secondary": "the-next"})
    told = callback(URL, event("message-delivered"), user=user, password=password)
    answer = carrier.read_callback(told)
    assert (answer.status, bool(answer.raws)) == ((200, True) if passes else (401, False))


def test_a_callback_without_credentials_is_refused():
    body = json.dumps([event("message-delivered")]).encode()
    request = CallbackRequest(method="POST", url=URL, headers={}, body=body)
    assert make().read_callback(request).status == 401
