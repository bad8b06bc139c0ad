"""Sinch as tables: what we ask, what its answers mean, what its callbacks say."""

import json

import pytest
from fake_sinch import NONCE, PLAN, SECRET, TOKEN, FakeSinch, callback, posted, report, sign
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist
from stopped_clock import StoppedClock

from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.sinch.carrier import KEYWORDS, SinchCarrier
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

SETTINGS = {"service_plan_id": PLAN, "api_token": TOKEN, "webhook_secret": SECRET}
BY_PASSWORD = {"webhook_user": "sinch", "webhook_password": "a pass:word"}
URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body='Your code is 1234 & "counting": 50 % of é😊',
    encoding=Encoding.UCS2,
    segments=1,
)
BATCH = "01FC66621XXXXX119Z8PMV1QPQ"
# 2026-11-25, 02:00 UTC.
NOW = 1_795_572_000


def without(*names):
    return {name: value for name, value in SETTINGS.items() if name not in names}


def make(settings=(), callback_url=URL):
    context = ConnectorContext(callback_url=callback_url, clock=StoppedClock(NOW))
    return SinchCarrier({**SETTINGS, **dict(settings)}, context)


def signed(value, signed_at=NOW, **more):
    return callback(URL, value, str(signed_at), **more)


class TestConformance(HttpConformance):
    kind = SinchCarrier
    settings = SETTINGS | {"overrides_callback_url": True}
    callbacks = CALLBACKS["sinch"]
    garbage = (
        *HttpConformance.garbage,
        b"application/json\n\n",
        b"application/json\n\n[]",
        b'application/json\n\n{"type": "recipient_delivery_report_sms"}',
        b'application/json\n\n{"type": "mo_text", "from": "1"}',
        b"\xff\n\n{}",
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("service_plan_id", without("service_plan_id")),
        ("service_plan_id", {**SETTINGS, "service_plan_id": "../other"}),
        ("service_plan_id", {**SETTINGS, "service_plan_id": PLAN + "\n"}),
        ("api_token", without("api_token")),
        ("api_token", {**SETTINGS, "api_token": ""}),
        ("webhook_secret", without("webhook_secret")),
        ("webhook_secret_secondary", {**SETTINGS, "webhook_secret_secondary": ""}),
        ("webhook_password", {**SETTINGS, "webhook_user": "sinch"}),
        ("webhook_user", {**SETTINGS, "webhook_password": "x"}),
        ("webhook_user", {**SETTINGS, **BY_PASSWORD, "webhook_user": "a:b"}),
        ("replay_window_seconds", {**SETTINGS, "replay_window_seconds": 0}),
        ("overrides_callback_url", {**SETTINGS, "overrides_callback_url": "no"}),
        ("answers_keywords", {**SETTINGS, "answers_keywords": 1}),
        ("connections", {**SETTINGS, "connections": 0}),
        ("base_url", {**SETTINGS, "base_url": "http://us.sms.api.sinch.com"}),
    )

    def make_vendor(self):
        return FakeSinch()


# What we ask

PLAIN = {
    "from": "+15559870000",
    "to": ["+15552340001"],
    "body": MESSAGE.body,
    "type": "mt_text",
    "client_reference": "x7y8z9w0",
}
TOLD = {"delivery_report": "per_recipient_final"}
SUBMITS = {
    "plain": ({}, URL, PLAIN | TOLD),
    "without a public address": ({"overrides_callback_url": True}, None, PLAIN),
    "with the callback URL": (
        {"overrides_callback_url": True},
        URL,
        PLAIN | TOLD | {"callback_url": URL},
    ),
}


@pytest.mark.parametrize(("settings", "url", "value"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, value):
    request = make(settings, url).compose([MESSAGE])
    assert (request.method, request.url) == (
        "POST",
        f"https://us.sms.api.sinch.com/xms/v1/{PLAN}/batches",
    )
    assert request.headers == {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == value


# What its answers mean


def refused(status, code, **headers):
    body = json.dumps({"code": code, "text": "no"}).encode()
    return Answer(status=status, headers=headers, body=body)


ANSWERS = [
    (Answer(status=201, body=b'{"id": "b1", "canceled": false}'), Submitted("b1")),
    (refused(403, "blocked_account"), Unavailable),
    (refused(403, "missing_callback_url"), Unavailable),
    (refused(403, "a_new_word"), Unavailable),
    # One recipient must not stop the connector for all others.
    (
        refused(403, "illegal_number_type"),
        Rejected("REJECTED_OPERATOR (illegal_number_type)", RecipientTrouble.OPERATOR),
    ),
    (
        refused(400, "syntax_invalid_parameter_format"),
        Rejected("REJECTED_REQUEST (syntax_invalid_parameter_format)"),
    ),
    (refused(400, "a_new_word"), Rejected("REJECTED_REQUEST (a_new_word, HTTP 400)")),
    (Answer(status=404), Unavailable),
    (refused(429, None, **{"retry-after": "7"}), Throttled(7_000)),
    (refused(429, None), Throttled(1_000)),
    (refused(500, None), Failed("REJECTED_SYSTEM_ERROR (HTTP 500)")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, b"<html>"),
        (201, b"{}"),
        (201, b'{"id": ""}'),
        (401, b""),
        # A number here is no code of a delivery report: 404 would be one of them.
        (400, b'{"code": 404}'),
    ],
)
def test_an_answer_that_makes_no_sense_is_said_to_make_none(status, body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=status, body=body))


# What its callbacks say

RECEIPTS = [
    ("Queued", 400, None, "PENDING_ENROUTE", None),
    ("Dispatched", 401, None, "PENDING_ENROUTE", None),
    ("Delivered", 0, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("DELIVERED", 0, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("Expired", 0, Status.UNDELIVERED, "EXPIRED", None),
    ("Expired", 406, Status.UNDELIVERED, "EXPIRED (406)", None),
    ("Aborted", 406, Status.FAILED, "EXPIRED (406)", None),
    ("Cancelled", 407, Status.FAILED, "REJECTED_CANCELLED (407)", None),
    ("Failed", 0, Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON", None),
    ("Deleted", 0, Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON", None),
    ("Failed", 11, Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON (11)", None),
    ("Failed", 56, Status.UNDELIVERED, "REJECTED_SYSTEM_ERROR (56)", None),
    ("Failed", 207, Status.UNDELIVERED, "REJECTED_OPERATOR (207)", RecipientTrouble.OPERATOR),
    (
        "Failed",
        150,
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (150)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        "Failed",
        201,
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (201)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    ("Failed", 15, Status.UNDELIVERED, "REJECTED_SPAM (15)", RecipientTrouble.SPAM),
    (
        "Failed",
        300,
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (300)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    ("Rejected", 408, Status.FAILED, "REJECTED_OPERATOR (408)", RecipientTrouble.OPERATOR),
    ("Aborted", 403, Status.FAILED, "REJECTED_SYSTEM_ERROR (403)", None),
    ("Aborted", 410, Status.FAILED, "REJECTED_SENDER (410)", None),
    (
        "Failed",
        257,
        Status.UNDELIVERED,
        "REJECTED_OPTED_OUT (257)",
        RecipientTrouble.OPTED_OUT,
    ),
    # A blocked account is no opt-out: it would unsubscribe everybody.
    ("Aborted", 413, Status.FAILED, "REJECTED_ACCOUNT (413)", None),
    ("Aborted", 999, Status.FAILED, "REJECTED_UNKNOWN_REASON (999)", None),
]


def heard(carrier, request):
    answer = carrier.read_callback(request)
    assert (answer.status, answer.content) == (200, b"")
    [raw] = answer.raws
    return carrier.parse(raw)


@pytest.mark.parametrize(("word", "code", "status", "detail", "trouble"), RECEIPTS)
def test_a_report_becomes_a_receipt(word, code, status, detail, trouble):
    told = report(BATCH, word, code, client_reference="x7y8z9w0")
    assert heard(make(), signed(told)) == [
        Receipt(
            carrier_ref=BATCH, status=status, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


def test_a_receipt_without_our_id_names_sinchs():
    [receipt] = heard(make(), signed(report(BATCH, "Delivered", 0)))
    assert (receipt.carrier_ref, receipt.message_id) == (BATCH, None)


INCOMING = {
    "type": "mo_text",
    "id": BATCH,
    "from": "15552340001",
    "to": "15559870000",
    "received_at": "2026-11-25T02:00:00.000Z",
}
LONG_CODE, TOLL_FREE = 15559870000, 18885550100
REPLIES = [
    ({}, LONG_CODE, "Thanks, see you at 8 😊", False),
    ({}, LONG_CODE, "", False),
    ({}, LONG_CODE, "STOP", False),
    # A German number, and not one of +1 844.
    ({}, 491844555010, "STOP", False),
    ({}, TOLL_FREE, "STOP PLEASE", False),
    ({}, TOLL_FREE, "HELP", False),
    ({}, TOLL_FREE, " stop\n", True),
    ({"answers_keywords": False}, TOLL_FREE, "STOP", False),
    *(({}, TOLL_FREE, word, True) for word in sorted(KEYWORDS)),
    *(({}, int(f"1{code}5550100"), "STOP", True) for code in (800, 833, 844, 855, 866, 877, 888)),
]


@pytest.mark.parametrize(("settings", "list_number", "body", "answered"), REPLIES)
def test_an_incoming_text_becomes_a_reply(settings, list_number, body, answered):
    value = INCOMING | {"to": str(list_number), "body": body}
    assert heard(make(settings), signed(value)) == [
        Reply(
            sender=15552340001,
            list_number=list_number,
            body=body,
            answered=answered,
            carrier_ref=INCOMING["id"],
        )
    ]


@pytest.mark.parametrize(
    ("body", "text"), [({"message": "Hi", "media": []}, "Hi"), ({"subject": "?"}, "")]
)
def test_the_text_of_a_picture_is_a_reply(body, text):
    [reply] = heard(make(), signed(INCOMING | {"type": "mo_media", "body": body}))
    assert reply.body == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (INCOMING | {"body": "Hi", "from": "12345"}, "sender_is_no_number"),
        (INCOMING | {"body": "Hi", "from": None}, "no reply"),
        (INCOMING | {"body": None}, "no reply"),
        (INCOMING | {"body": "AAEC", "type": "mo_binary", "udh": "00"}, "no_text"),
        ({"type": "delivery_report_sms", "batch_id": BATCH, "statuses": []}, "other_event"),
        (report(BATCH, "Unknown", 0), "unconfirmed"),
        (report(BATCH, "A new word", 0), "no receipt"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(value, said):
    assert gist(heard(make(), signed(value))) == [said]


def test_a_text_to_a_short_code_is_its_lists():
    [reply] = heard(make(), signed(INCOMING | {"body": "STOP", "to": "54321"}))
    assert reply.list_number == 54321


# Proofs; the vendor's own verifier is asked in tests/oracles

SENT = report(BATCH, "Dispatched", 401)


@pytest.mark.parametrize("secret", [SECRET, "the-other-secret"])
def test_each_of_the_live_secrets_proves_a_callback(secret):
    carrier = make({"webhook_secret_secondary": "the-other-secret"})
    assert carrier.read_callback(signed(SENT, secret=secret)).raws


@pytest.mark.parametrize(
    ("settings", "seconds", "proved"),
    [
        ({}, 300, True),
        ({}, 301, False),
        ({"replay_window_seconds": 86_400}, 86_400, True),
        ({"replay_window_seconds": 86_400}, 86_401, False),
    ],
)
@pytest.mark.parametrize("sign_of", [1, -1])
def test_a_callback_is_genuine_for_as_long_as_the_window_is(settings, seconds, proved, sign_of):
    assert make(settings).proves(signed(SENT, NOW + sign_of * seconds)) is proved


@pytest.mark.parametrize("password", ["a pass:word", "another"])
@pytest.mark.parametrize("secret", [{}, {"webhook_secret": SECRET}])
def test_each_of_the_live_passwords_proves_a_callback(password, secret):
    settings = {**without("webhook_secret"), **secret, **BY_PASSWORD}
    settings["webhook_password_secondary"] = "another"
    carrier = SinchCarrier(settings, ConnectorContext(callback_url=URL))
    assert carrier.proves(posted(URL, SENT, {"authorization": basic("sinch", password)}))
    for wrong in (basic("sinch", "x"), basic("x", password), f"Bearer {password}", ""):
        assert not carrier.proves(posted(URL, SENT, {"authorization": wrong}))
    assert not carrier.proves(posted(URL, SENT, {}))


def test_a_wrong_signature_is_not_made_good_by_a_right_password():
    headers = {"authorization": basic(*BY_PASSWORD.values())}
    request = signed(SENT, secret="the-other-secret", **headers)
    assert not make(BY_PASSWORD).proves(request)


def test_without_a_secret_a_signature_proves_nothing():
    settings = {**without("webhook_secret"), **BY_PASSWORD}
    carrier = SinchCarrier(settings, ConnectorContext(callback_url=URL, clock=StoppedClock(NOW)))
    assert not carrier.proves(signed(SENT, secret=""))


def with_header(name, value):
    return signed(SENT, **{f"x-sinch-webhook-signature{name}": value})


@pytest.mark.parametrize(
    "request_",
    [
        signed(SENT, secret="the-other-secret"),
        with_header("", ""),
        with_header("", "ÿ\udcff"),
        with_header("", sign(b"{}", str(NOW))),
        with_header("-nonce", NONCE[1:]),
        with_header("-nonce", "ÿ\udcff"),
        with_header("-nonce", ""),
        with_header("-timestamp", str(NOW + 1)),
        with_header("-timestamp", ""),
        with_header("-timestamp", "yesterday"),
        posted(URL, SENT, {}),
        posted(URL, SENT, {"authorization": basic("", "")}),
    ],
)
def test_what_is_not_signed_is_refused_and_not_stored(request_):
    answer = make().read_callback(request_)
    assert (answer.status, answer.raws) == (401, ())
