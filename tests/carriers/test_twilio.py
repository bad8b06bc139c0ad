"""Twilio as tables: what we ask, what its answers mean, what its callbacks say."""

import base64
import hmac
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from fake_twilio import ACCOUNT, TOKEN, FakeTwilio, callback
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist

from sendrail.carriers.http import callbacks
from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.twilio.carrier import KEYWORDS, TwilioCarrier
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

SETTINGS = {"account_sid": ACCOUNT, "auth_token": TOKEN}
KEY = {"api_key_sid": "SK" + "a" * 32, "api_key_secret": "key-secret"}
URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body="Your code is 1234 & counting: 50 % of é😊",
    encoding=Encoding.UCS2,
    segments=1,
)
SID = "SM" + "b" * 32


def make(settings=(), callback_url=URL):
    return TwilioCarrier(
        {**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=callback_url)
    )


class TestConformance(HttpConformance):
    kind = TwilioCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["twilio"]
    garbage = (
        *HttpConformance.garbage,
        b"application/x-www-form-urlencoded\n\n",
        b"application/x-www-form-urlencoded\n\nMessageStatus=delivered",
        b"application/x-www-form-urlencoded\n\nMessageSid",
        b"application/x-www-form-urlencoded\n\nMessageSid=%ff",
        b"\xff\n\nMessageSid=SM1&MessageStatus=sent",
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("account_sid", {"auth_token": TOKEN}),
        ("auth_token", {"account_sid": ACCOUNT}),
        ("account_sid", {**SETTINGS, "account_sid": "MG" + "0" * 32}),
        ("account_sid", {**SETTINGS, "account_sid": ACCOUNT + "\n"}),
        ("auth_token", {**SETTINGS, "auth_token": ""}),
        ("api_key_secret", {**SETTINGS, "api_key_sid": KEY["api_key_sid"]}),
        ("api_key_sid", {**SETTINGS, "api_key_secret": "s"}),
        ("api_key_sid", {**SETTINGS, **KEY, "api_key_sid": ACCOUNT}),
        ("messaging_service_sid", {**SETTINGS, "messaging_service_sid": "AC"}),
        ("validity_seconds", {**SETTINGS, "validity_seconds": 36_001}),
        ("smart_encoding", {**SETTINGS, "smart_encoding": "yes"}),
        ("answers_keywords", {**SETTINGS, "answers_keywords": 1}),
        ("connections", {**SETTINGS, "connections": 0}),
        ("timeout_seconds", {**SETTINGS, "timeout_seconds": 0}),
        ("connect_timeout_seconds", {**SETTINGS, "connect_timeout_seconds": "5"}),
        ("base_url", {**SETTINGS, "base_url": "http://api.twilio.com"}),
    )

    def make_vendor(self):
        return FakeTwilio()


# What we ask

PLAIN = {"To": "+15552340001", "From": "+15559870000", "Body": MESSAGE.body}
TOLD = {"StatusCallback": f"{URL}?message=x7y8z9w0"}
SUBMITS = {
    "plain": ({}, URL, PLAIN | TOLD),
    "without a public address": ({}, None, PLAIN),
    "by a callback URL with a query": (
        {},
        f"{URL}?k=v",
        PLAIN | {"StatusCallback": f"{URL}?k=v&message=x7y8z9w0"},
    ),
    "by a service": (
        {"messaging_service_sid": "MG" + "c" * 32},
        URL,
        PLAIN | TOLD | {"MessagingServiceSid": "MG" + "c" * 32},
    ),
    "with a validity": ({"validity_seconds": 60}, URL, PLAIN | TOLD | {"ValidityPeriod": "60"}),
    "smart": ({"smart_encoding": True}, URL, PLAIN | TOLD | {"SmartEncoded": "true"}),
}


@pytest.mark.parametrize(("settings", "url", "form"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, form):
    request = make(settings, url).compose([MESSAGE])
    assert (request.method, request.url) == (
        "POST",
        f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
    )
    assert request.headers == {
        "Authorization": basic(ACCOUNT, TOKEN),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert dict(parse_qsl(request.body.decode(), strict_parsing=True)) == form


def test_an_api_key_takes_the_place_of_the_token():
    carrier = make(KEY)
    for request in (carrier.compose([MESSAGE]), carrier.probe()):
        assert request.headers["Authorization"] == basic(*KEY.values())


# What its answers mean


def refused(status, code, **headers):
    body = b'{"code": %d, "message": "no", "status": %d}' % (code, status)
    return Answer(status=status, headers=headers, body=body)


ANSWERS = [
    (Answer(status=201, body=b'{"sid": "SM1", "status": "queued"}'), Submitted("SM1")),
    (refused(401, 20003), Unavailable),
    (refused(404, 20404), Unavailable),
    (refused(429, 20429, **{"retry-after": "7"}), Throttled(7_000)),
    (refused(429, 20429), Throttled(1_000)),
    (refused(400, 21611), Throttled(1_000)),
    (refused(500, 20500), Failed("REJECTED_SYSTEM_ERROR (20500)")),
    (refused(503, 20503), Failed("REJECTED_SYSTEM_ERROR (20503)")),
    (
        refused(400, 21211),
        Rejected("REJECTED_DESTINATION (21211)", RecipientTrouble.INVALID_DESTINATION),
    ),
    (
        refused(400, 21614),
        Rejected("REJECTED_DESTINATION (21614)", RecipientTrouble.INVALID_DESTINATION),
    ),
    (refused(400, 21612), Rejected("REJECTED_OPERATOR (21612)", RecipientTrouble.OPERATOR)),
    (refused(400, 21610), Rejected("REJECTED_OPTED_OUT (21610)", RecipientTrouble.OPTED_OUT)),
    (refused(403, 21610), Rejected("REJECTED_OPTED_OUT (21610)", RecipientTrouble.OPTED_OUT)),
    # One recipient's country or one list's number must not stop the connector for all others.
    (refused(400, 21408), Rejected("REJECTED_REGION (21408)")),
    (refused(403, 21408), Rejected("REJECTED_REGION (21408)")),
    (refused(400, 21606), Rejected("REJECTED_SENDER (21606)")),
    # Unknown codes, by their range or by the status.
    (refused(400, 21999), Rejected("REJECTED_REQUEST (21999)")),
    (refused(403, 20999), Unavailable),
    (refused(500, 21999), Failed),
    (refused(400, 99999), Rejected("REJECTED_REQUEST (99999, HTTP 400)")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


# What the kit makes of these stands in test_http_kit.py: a success is uncertain then.
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=201),
        Answer(status=201, body=b"<html>"),
        Answer(status=201, body=b'{"sid": ""}'),
        Answer(status=201, body=b'{"sid": null}'),
        Answer(status=400, body=b"no"),
    ],
)
def test_an_answer_that_makes_no_sense_is_trouble(answer):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], answer)


def test_what_stops_the_connector_says_why():
    told = make().read_answer([MESSAGE], refused(401, 20003))
    assert told.detail == "Twilio refuses: the credentials are wrong (20003)"


# What its callbacks say

RECEIPTS = [
    ({"MessageStatus": "queued"}, None, "PENDING_ENROUTE", None),
    ({"MessageStatus": "sent"}, None, "PENDING_ENROUTE", None),
    ({"MessageStatus": "delivered"}, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({"MessageStatus": "read"}, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({"MessageStatus": "canceled"}, Status.FAILED, "REJECTED_CANCELLED", None),
    ({"MessageStatus": "failed"}, Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    (
        {"MessageStatus": "undelivered", "ErrorCode": "30003"},
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (30003)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    (
        {"MessageStatus": "undelivered", "ErrorCode": "30004"},
        Status.UNDELIVERED,
        "REJECTED_OPERATOR (30004)",
        RecipientTrouble.OPERATOR,
    ),
    (
        {"MessageStatus": "undelivered", "ErrorCode": "30005"},
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (30005)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        {"MessageStatus": "failed", "ErrorCode": "30007"},
        Status.FAILED,
        "REJECTED_SPAM (30007)",
        RecipientTrouble.SPAM,
    ),
    (
        {"MessageStatus": "failed", "ErrorCode": "21610"},
        Status.FAILED,
        "REJECTED_OPTED_OUT (21610)",
        RecipientTrouble.OPTED_OUT,
    ),
    (
        {"MessageStatus": "failed", "ErrorCode": "30034"},
        Status.FAILED,
        "REJECTED_SENDER (30034)",
        None,
    ),
    (
        {"MessageStatus": "undelivered", "ErrorCode": "30777"},
        Status.UNDELIVERED,
        "REJECTED_UNKNOWN_REASON (30777)",
        None,
    ),
]


def heard(carrier, request):
    answer = carrier.read_callback(request)
    assert (answer.status, answer.content, answer.content_type) == (200, b"<Response/>", "text/xml")
    [raw] = answer.raws
    return carrier.parse(raw)


@pytest.mark.parametrize(("fields", "status", "detail", "trouble"), RECEIPTS)
def test_a_status_callback_becomes_a_receipt(fields, status, detail, trouble):
    url = f"{URL}?message=x7y8z9w0"
    assert heard(make(), callback(url, {"MessageSid": SID, "To": "+15552340001", **fields})) == [
        Receipt(
            carrier_ref=SID, status=status, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


def test_a_receipt_without_our_id_names_twilios():
    [receipt] = heard(make(), callback(URL, {"MessageSid": SID, "MessageStatus": "sent"}))
    assert (receipt.carrier_ref, receipt.message_id) == (SID, None)


INCOMING = {"MessageSid": SID, "SmsStatus": "received", "NumMedia": "0"}
INCOMING |= {"From": "+15552340001", "To": "+15559870000"}
REPLIES = [
    ({}, {"Body": "Thanks, see you at 8 😊"}, False),
    ({}, {"Body": ""}, False),
    ({}, {"Body": "STOP PLEASE"}, False),
    ({}, {"Body": " stop\n"}, True),
    ({"answers_keywords": False}, {"Body": "STOP"}, False),
    ({"answers_keywords": False}, {"Body": "ARRET", "OptOutType": "STOP"}, True),
    ({}, {"Body": "ARRET", "OptOutType": "STOP"}, True),
    *(({}, {"Body": word}, True) for word in sorted(KEYWORDS)),
]


@pytest.mark.parametrize(("settings", "fields", "answered"), REPLIES)
def test_an_incoming_text_becomes_a_reply(settings, fields, answered):
    assert heard(make(settings), callback(URL, INCOMING | fields)) == [
        Reply(
            sender=15552340001,
            list_number=15559870000,
            body=fields["Body"],
            answered=answered,
            carrier_ref=INCOMING["MessageSid"],
        )
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"From": "12345"}, "sender_is_no_number"),
        ({"From": "whatsapp:+15552340001"}, "other_channel"),
        ({"To": "rcs:agent"}, "other_channel"),
        ({"From": ""}, "no reply"),
        ({"From": "5550211113"}, "no reply"),
        ({"MessageStatus": "a_new_word"}, "no receipt"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(fields, said):
    assert gist(heard(make(), callback(URL, INCOMING | {"Body": "Hi"} | fields))) == [said]


def test_half_an_emoji_is_proved_as_it_came_and_put_right():
    request = callback(URL, INCOMING | {"Body": "STOP"})
    body = request.body.replace(b"Body=STOP", b"Body=STOP%ED%A0%BD")
    fields = {name: value.encode() for name, value in INCOMING.items()}
    fields["Body"] = b"STOP\xed\xa0\xbd"
    signed = URL.encode() + b"".join(name.encode() + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed, "sha1")).decode()
    headers = request.headers | {"x-twilio-signature": signature}
    [reply] = heard(make(), replace(request, headers=headers, body=body))
    assert reply.body == "STOP\ufffd"


def test_a_text_without_a_text_is_refused():
    assert gist(heard(make(), callback(URL, INCOMING))) == ["no reply"]


def test_a_number_may_be_set_up_to_call_back_by_get():
    query = urlencode(INCOMING | {"Body": "Hi & bye"})
    signed = callback(f"{URL}?{query}", {})
    request = CallbackRequest(method="GET", url=signed.url, headers=signed.headers, body=b"")
    assert [reply.body for reply in heard(make(), request)] == ["Hi & bye"]


# Signatures; the vendor's own signer and verifier are asked in tests/oracles

SIGNED = {"MessageSid": SID, "MessageStatus": "delivered"}
ROTATED = {"auth_token_secondary": "the-other-token", "webhook_secret": "the-key-of-webhooks"}


@pytest.mark.parametrize("token", [TOKEN, *ROTATED.values()])
def test_each_of_the_live_secrets_proves_a_callback(token):
    assert make(ROTATED).read_callback(callback(URL, SIGNED, token)).raws


@pytest.mark.parametrize(
    "request_",
    [
        callback(URL, SIGNED, "the-other-token"),
        callback(URL, SIGNED, **{"x-twilio-signature": ""}),
        callback(URL, SIGNED, **{"x-twilio-signature": "ÿ\udcff"}),
        callback(
            URL + "?x=1",
            SIGNED,
            **{"x-twilio-signature": callback(URL, SIGNED).headers["x-twilio-signature"]},
        ),
        callback(URL, SIGNED, **{"x-twilio-webhooks-signature-settings": "key=k,algorithm=MD5"}),
        callback(URL, SIGNED, **{"x-twilio-webhooks-signature-settings": "algorithm=HMAC_SHA256"}),
    ],
    ids=["other token", "none", "no ASCII", "other URL", "other algorithm", "SHA-1 said to be 256"],
)
def test_what_is_not_signed_is_refused_and_not_stored(request_):
    answer = make().read_callback(request_)
    assert (answer.status, answer.raws) == (401, ())


def test_a_stored_callback_is_read_without_its_signature():
    raw = callbacks.pack(callback(URL, SIGNED))
    assert raw.startswith(b"application/x-www-form-urlencoded\n\nMessageSid=")
