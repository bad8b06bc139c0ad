"""Telnyx as tables: what we ask, what its answers mean, what its webhooks say."""

import json

import pytest
from fake_telnyx import (
    KEY,
    OTHER_SEED,
    PROFILE,
    FakeTelnyx,
    callback,
    event,
    public_key,
    sign,
)
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist
from stopped_clock import StoppedClock

from sendrail.carriers.http.exchange import Answer
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.telnyx.carrier import KEYWORDS, TelnyxCarrier
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.domain.text import Encoding

SETTINGS = {"api_key": KEY, "public_key": public_key()}
URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body='Your code is 1234 & "counting": 50 % of é😊',
    encoding=Encoding.UCS2,
    segments=1,
)
ID = "40385f64-5717-4562-b3fc-2c963f66afa6"
# 2026-11-25, 02:00 UTC.
NOW = 1_795_572_000


def make(settings=(), callback_url=URL):
    context = ConnectorContext(callback_url=callback_url, clock=StoppedClock(NOW))
    return TelnyxCarrier({**SETTINGS, **dict(settings)}, context)


def signed(value, signed_at=NOW, **more):
    return callback(f"{URL}?message=not-signed", value, str(signed_at), **more)


class TestConformance(HttpConformance):
    kind = TelnyxCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["telnyx"]
    garbage = (
        *HttpConformance.garbage,
        b"application/json\n\n",
        b"application/json\n\n[]",
        b'application/json\n\n{"data": {"event_type": "message.sent"}}',
        b'application/json\n\n{"data": {"event_type": "message.sent", "payload": {"to": []}}}',
        b'application/json\n\n{"data": {"event_type": "message.received", "payload": {}}}',
        b"\xff\n\n{}",
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("api_key", {"public_key": public_key()}),
        ("api_key", {**SETTINGS, "api_key": ""}),
        ("public_key", {"api_key": KEY}),
        ("public_key", {**SETTINGS, "public_key": "not a key"}),
        ("public_key", {**SETTINGS, "public_key": public_key() + "\n"}),
        ("public_key_secondary", {**SETTINGS, "public_key_secondary": public_key()[:-1]}),
        ("messaging_profile_id", {**SETTINGS, "messaging_profile_id": "mine"}),
        ("answers_keywords", {**SETTINGS, "answers_keywords": 1}),
        ("connections", {**SETTINGS, "connections": 0}),
        ("base_url", {**SETTINGS, "base_url": "http://api.telnyx.com"}),
    )

    def make_vendor(self):
        return FakeTelnyx()


# What we ask

PLAIN = {"from": "+15559870000", "to": "+15552340001", "text": MESSAGE.body, "type": "SMS"}
TOLD = {"webhook_url": f"{URL}?message=x7y8z9w0"}
SUBMITS = {
    "plain": ({}, URL, PLAIN | TOLD),
    "without a public address": ({}, None, PLAIN),
    "by a profile": (
        {"messaging_profile_id": PROFILE},
        URL,
        PLAIN | TOLD | {"messaging_profile_id": PROFILE},
    ),
}


@pytest.mark.parametrize(("settings", "url", "value"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, value):
    request = make(settings, url).compose([MESSAGE])
    assert (request.method, request.url) == ("POST", "https://api.telnyx.com/v2/messages")
    assert request.headers == {
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == value


# What its answers mean


def refused(status, code, **headers):
    body = json.dumps({"errors": [{"code": code, "title": "no"}]}).encode()
    return Answer(status=status, headers=headers, body=body)


ANSWERS = [
    (Answer(status=200, body=b'{"data": {"id": "m1", "parts": 1}}'), Submitted("m1")),
    (refused(401, "10009"), Unavailable),
    (refused(402, "20100"), Unavailable),
    (refused(403, "20012"), Unavailable),
    (refused(403, "40314"), Unavailable),
    (refused(429, "10011", **{"retry-after": "7"}), Throttled(7_000)),
    (refused(429, "10011"), Throttled(1_000)),
    (refused(429, "40318"), Throttled(1_000)),
    (refused(500, "10007"), Failed("REJECTED_SYSTEM_ERROR (10007)")),
    (refused(503, "99999"), Failed),
    (refused(403, "40300"), Rejected("REJECTED_OPTED_OUT (40300)", RecipientTrouble.OPTED_OUT)),
    (refused(400, 40300), Rejected("REJECTED_OPTED_OUT (40300)", RecipientTrouble.OPTED_OUT)),
    (
        refused(400, "40310"),
        Rejected("REJECTED_DESTINATION (40310)", RecipientTrouble.INVALID_DESTINATION),
    ),
    (refused(400, "40301"), Rejected("REJECTED_OPERATOR (40301)", RecipientTrouble.OPERATOR)),
    # One recipient's country or one list's number must not stop the connector for all others.
    (refused(403, "40309"), Rejected("REJECTED_REGION (40309)")),
    (refused(403, "40305"), Rejected("REJECTED_SENDER (40305)")),
    # Which of the two numbers is meant does not stand in the code.
    (refused(422, "10002"), Rejected("REJECTED_REQUEST (10002)")),
    (refused(422, "40322"), Rejected("REJECTED_CONTENT (40322)")),
    # Unknown codes, by their range or by the status.
    (refused(422, "10999"), Rejected("REJECTED_REQUEST (10999)")),
    (refused(400, "20999"), Rejected("REJECTED_ACCOUNT (20999)")),
    (refused(403, "20999"), Unavailable),
    (refused(400, "ab"), Rejected("REJECTED_REQUEST (ab, HTTP 400)")),
    (Answer(status=400, body=b'{"errors": []}'), Rejected("REJECTED_REQUEST (HTTP 400)")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b"{}"), (200, b'{"data": {"id": ""}}'), (200, b""), (400, b"no")],
)
def test_an_answer_that_makes_no_sense_is_said_to_make_none(status, body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=status, body=body))


# What its webhooks say

RECEIPTS = [
    ("queued", None, None, "PENDING_ENROUTE", None),
    ("sent", None, None, "PENDING_ENROUTE", None),
    ("delivered", None, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("read", None, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("expired", None, Status.UNDELIVERED, "EXPIRED", None),
    ("expired", "40005", Status.UNDELIVERED, "EXPIRED (40005)", None),
    ("sending_failed", None, Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    (
        "delivery_failed",
        "40001",
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (40001)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        "delivery_failed",
        "40002",
        Status.UNDELIVERED,
        "REJECTED_SPAM (40002)",
        RecipientTrouble.SPAM,
    ),
    # The sender is to blame: its recipients must not be.
    ("delivery_failed", "40003", Status.UNDELIVERED, "REJECTED_SENDER (40003)", None),
    (
        "delivery_failed",
        "40008",
        Status.UNDELIVERED,
        "REJECTED_OPERATOR (40008)",
        RecipientTrouble.OPERATOR,
    ),
    (
        "sending_failed",
        "40300",
        Status.FAILED,
        "REJECTED_OPTED_OUT (40300)",
        RecipientTrouble.OPTED_OUT,
    ),
    ("delivery_failed", "40777", Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON (40777)", None),
]


def heard(carrier, request):
    answer = carrier.read_callback(request)
    assert (answer.status, answer.content) == (200, b"")
    [raw] = answer.raws
    return carrier.parse(raw)


def outbound(word, code, **more):
    errors = [{"code": code, "title": "no"}] if code else []
    to = [{"phone_number": "+15552340001", "status": word}]
    return {"id": ID, "direction": "outbound", "to": to, "errors": errors, **more}


@pytest.mark.parametrize(("word", "code", "status", "detail", "trouble"), RECEIPTS)
def test_a_status_becomes_a_receipt(word, code, status, detail, trouble):
    kind = "message.sent" if word == "sent" else "message.finalized"
    told = event(kind, outbound(word, code, webhook_url=f"{URL}?message=x7y8z9w0"))
    assert heard(make(), signed(told)) == [
        Receipt(
            carrier_ref=ID, status=status, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


@pytest.mark.parametrize("url", [None, URL, "https://[broken?message=x"])
def test_our_id_is_taken_from_the_signed_body_alone(url):
    told = event("message.sent", outbound("sent", None, webhook_url=url))
    [receipt] = heard(make(), signed(told))
    assert (receipt.carrier_ref, receipt.message_id) == (ID, None)


INCOMING = {
    "id": ID,
    "direction": "inbound",
    "from": {"phone_number": "+15552340001", "carrier": "T-MOBILE USA, INC."},
    "to": [{"phone_number": "+15559870000", "status": "webhook_delivered"}],
}
REPLIES = [
    ({}, {"text": "Thanks, see you at 8 😊"}, False),
    ({}, {"text": ""}, False),
    ({}, {"text": "STOP PLEASE"}, False),
    ({}, {"text": "HELP", "autoresponse_type": None}, False),
    ({}, {"text": "HELP", "autoresponse_type": "HELP"}, True),
    ({}, {"text": " stop all\n"}, True),
    ({"answers_keywords": False}, {"text": "STOP"}, False),
    ({"answers_keywords": False}, {"text": "ARRET", "autoresponse_type": "STOP"}, True),
    *(({}, {"text": word}, True) for word in sorted(KEYWORDS)),
]


@pytest.mark.parametrize(("settings", "fields", "answered"), REPLIES)
def test_an_incoming_text_becomes_a_reply(settings, fields, answered):
    told = event("message.received", INCOMING | fields)
    assert heard(make(settings), signed(told)) == [
        Reply(
            sender=15552340001,
            list_number=15559870000,
            body=fields["text"],
            answered=answered,
            carrier_ref=INCOMING["id"],
        )
    ]


def told_of(word):
    return event("message.finalized", {"id": "m1", "to": [{"status": word}]})


def test_a_picture_without_a_text_is_an_empty_reply():
    [reply] = heard(make(), signed(event("message.received", INCOMING | {"text": None})))
    assert reply.body == ""


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            event("message.received", INCOMING | {"from": {"phone_number": "12345"}}),
            "sender_is_no_number",
        ),
        (event("message.received", INCOMING | {"to": [{"phone_number": "?"}]}), "no reply"),
        (event("message.received", INCOMING | {"from": {"agent_id": "rcs"}}), "no reply"),
        (event("call.initiated", {"call_control_id": "v3"}), "other_event"),
        (told_of("delivery_unconfirmed"), "unconfirmed"),
        (told_of("a_new_word"), "no receipt"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(told, said):
    assert gist(heard(make(), signed(told))) == [said]


def test_an_event_on_a_message_that_is_not_known_is_trouble():
    with pytest.raises(CarrierTrouble, match=r"message\.lost"):
        heard(make(), signed(event("message.lost", INCOMING)))


# Signatures; the vendor's own verifier is asked in tests/oracles

SENT = event("message.sent", outbound("sent", None))


@pytest.mark.parametrize("seed", [bytes(range(32)), OTHER_SEED])
def test_each_of_the_live_keys_proves_a_callback(seed):
    carrier = make({"public_key_secondary": public_key(OTHER_SEED)})
    assert carrier.read_callback(signed(SENT, seed=seed)).raws


@pytest.mark.parametrize(("seconds", "proved"), [(300, True), (301, False)])
@pytest.mark.parametrize("sign_of", [1, -1])
def test_a_callback_is_genuine_for_five_minutes(seconds, proved, sign_of):
    assert make().proves(signed(SENT, NOW + sign_of * seconds)) is proved


def with_header(name, value):
    return signed(SENT, **{name: value})


@pytest.mark.parametrize(
    "request_",
    [
        signed(SENT, seed=OTHER_SEED),
        with_header("telnyx-signature-ed25519", ""),
        with_header("telnyx-signature-ed25519", "ÿ\udcff"),
        with_header("telnyx-signature-ed25519", sign(b"{}", str(NOW))),
        with_header("telnyx-signature-ed25519", "AAAA"),
        with_header("telnyx-timestamp", str(NOW + 1)),
        with_header("telnyx-timestamp", ""),
        with_header("telnyx-timestamp", "yesterday"),
        CallbackRequest(method="POST", url=URL, headers={}, body=b"{}"),
    ],
    ids=[
        "other key",
        "none",
        "no ASCII",
        "other body",
        "too short",
        "other time",
        "no time",
        "no number",
        "no headers",
    ],
)
def test_what_is_not_signed_is_refused_and_not_stored(request_):
    answer = make().read_callback(request_)
    assert (answer.status, answer.raws) == (401, ())
