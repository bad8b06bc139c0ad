"""Plivo as tables: what we ask, what its answers mean, what its callbacks say."""

import json
from urllib.parse import urlencode

import pytest
from fake_plivo import (
    ACCOUNT,
    TOKEN,
    FakePlivo,
    callback,
    headers_v2,
    headers_v3,
    posted,
)
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist

from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.plivo.carrier import KEYWORDS, PlivoCarrier
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
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
from sendrail.domain.receipt import Receipt, Refused, Reply
from sendrail.domain.text import Encoding

SETTINGS = {"auth_id": ACCOUNT, "auth_token": TOKEN}
URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body='Your code is 1234 & "counting": 50 % of é😊',
    encoding=Encoding.UCS2,
    segments=1,
)
UUID = "db3ce55a-7f1d-11e1-8ea7-1231380bc196"


def make(settings=(), callback_url=URL):
    return PlivoCarrier({**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=callback_url))


class TestConformance(HttpConformance):
    kind = PlivoCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["plivo"]
    garbage = (
        *HttpConformance.garbage,
        b"application/x-www-form-urlencoded\n\n",
        b"application/x-www-form-urlencoded\n\nStatus=delivered",
        b"application/x-www-form-urlencoded\n\nMessageUUID",
        b"application/x-www-form-urlencoded\n\nMessageUUID=%ff",
        b"\xff\n\nMessageUUID=m1&Status=sent",
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("auth_id", {"auth_token": TOKEN}),
        ("auth_id", {**SETTINGS, "auth_id": "AC" + ACCOUNT[2:]}),
        ("auth_id", {**SETTINGS, "auth_id": ACCOUNT + "\n"}),
        ("auth_token", {"auth_id": ACCOUNT}),
        ("auth_token", {**SETTINGS, "auth_token": ""}),
        ("auth_token_secondary", {**SETTINGS, "auth_token_secondary": ""}),
        ("accepts_v2", {**SETTINGS, "accepts_v2": "no"}),
        ("validity_seconds", {**SETTINGS, "validity_seconds": 4}),
        ("validity_seconds", {**SETTINGS, "validity_seconds": 10_800}),
        ("log", {**SETTINGS, "log": "some"}),
        ("answers_keywords", {**SETTINGS, "answers_keywords": 1}),
        ("connections", {**SETTINGS, "connections": 0}),
        ("base_url", {**SETTINGS, "base_url": "http://api.plivo.com"}),
    )

    def make_vendor(self):
        return FakePlivo()


# What we ask

PLAIN = {
    "src": "+15559870000",
    "dst": "+15552340001",
    "text": MESSAGE.body,
    "type": "sms",
    "log": "true",
    "trackable": False,
}
TOLD = {"url": f"{URL}?message=x7y8z9w0", "method": "POST"}
SUBMITS = {
    "plain": ({}, URL, PLAIN | TOLD),
    "without a public address": ({}, None, PLAIN),
    "with a validity": ({"validity_seconds": 60}, URL, PLAIN | TOLD | {"message_expiry": 60}),
    "without traces": ({"log": "false"}, URL, PLAIN | TOLD | {"log": "false"}),
}


@pytest.mark.parametrize(("settings", "url", "value"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, value):
    request = make(settings, url).compose([MESSAGE])
    assert (request.method, request.url) == (
        "POST",
        f"https://api.plivo.com/v1/Account/{ACCOUNT}/Message/",
    )
    assert request.headers == {
        "Authorization": basic(ACCOUNT, TOKEN),
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == value


# What its answers mean


def refused(status, **headers):
    return Answer(status=status, headers=headers, body=b'{"api_id": "a1", "error": "no"}')


ANSWERS = [
    (Answer(status=202, body=b'{"message_uuid": ["m1"], "api_id": "a1"}'), Submitted("m1")),
    (refused(400), Rejected("REJECTED_REQUEST (HTTP 400)")),
    (refused(401), Unavailable),
    (refused(402), Unavailable),
    # One recipient's country must not stop the connector for all others.
    (refused(403), Rejected("REJECTED_REGION (HTTP 403)")),
    (refused(404), Unavailable),
    (refused(429, **{"retry-after": "7"}), Throttled(7_000)),
    (refused(429), Throttled(1_000)),
    (refused(500), Failed("REJECTED_SYSTEM_ERROR (HTTP 500)")),
    (Answer(status=500, body=b"<html>"), Failed("REJECTED_SYSTEM_ERROR (HTTP 500)")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"message_uuid": []}', b""])
def test_a_success_without_a_reference_makes_no_sense(body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=202, body=body))


def test_a_check_that_is_forbidden_says_nothing_of_countries():
    assert isinstance(make().read_answer((), refused(403)), Unavailable)


# What its callbacks say

RECEIPTS = [
    ({"Status": "queued"}, None, "PENDING_ENROUTE", None),
    ({"Status": "sent"}, None, "PENDING_ENROUTE", None),
    ({"Status": "delivered", "ErrorCode": "000"}, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({"Status": "read"}, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({"Status": "failed"}, Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    ({"Status": "failed", "ErrorCode": ""}, Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    ({"Status": "rejected", "ErrorCode": "10"}, Status.FAILED, "REJECTED_CONTENT (10)", None),
    (
        {"Status": "undelivered", "ErrorCode": "30"},
        Status.UNDELIVERED,
        "REJECTED_SPAM (30)",
        RecipientTrouble.SPAM,
    ),
    (
        {"Status": "undelivered", "ErrorCode": "50"},
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (50)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        {"Status": "undelivered", "ErrorCode": "80"},
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (80)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    (
        {"Status": "undelivered", "ErrorCode": "100"},
        Status.UNDELIVERED,
        "REJECTED_OPERATOR (100)",
        RecipientTrouble.OPERATOR,
    ),
    (
        {"Status": "failed", "ErrorCode": "200"},
        Status.FAILED,
        "REJECTED_OPTED_OUT (200)",
        RecipientTrouble.OPTED_OUT,
    ),
    (
        {"Status": "failed", "ErrorCode": "900"},
        Status.FAILED,
        "REJECTED_NOT_ENOUGH_CREDITS (900)",
        None,
    ),
    ({"Status": "failed", "ErrorCode": "950"}, Status.FAILED, "REJECTED_ACCOUNT (950)", None),
    (
        {"Status": "failed", "ErrorCode": "777"},
        Status.FAILED,
        "REJECTED_UNKNOWN_REASON (777)",
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
    assert heard(make(), callback(url, {"MessageUUID": UUID, "To": "15552340001", **fields})) == [
        Receipt(
            carrier_ref=UUID, status=status, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


def test_a_receipt_for_a_part_names_the_whole():
    fields = {"MessageUUID": "part-2", "ParentMessageUUID": UUID, "PartInfo": "2 of 2"}
    [receipt] = heard(make(), callback(URL, {**fields, "Status": "sent"}))
    assert (receipt.carrier_ref, receipt.message_id) == (UUID, None)


INCOMING = {"MessageUUID": UUID, "Type": "sms", "From": "15552340001", "To": "15559870000"}
REPLIES = [
    ({}, {"Text": "Thanks, see you at 8 😊"}, False),
    ({}, {"Text": ""}, False),
    ({}, {"Text": "Stop it!"}, False),
    ({}, {"Text": " stop\n"}, True),
    ({"answers_keywords": False}, {"Text": "STOP"}, False),
    # Plivo's pages do not say that it answers these.
    ({}, {"Text": "START"}, False),
    *(({}, {"Text": word}, True) for word in sorted(KEYWORDS)),
]


@pytest.mark.parametrize(("settings", "fields", "answered"), REPLIES)
def test_an_incoming_text_becomes_a_reply(settings, fields, answered):
    assert heard(make(settings), callback(URL, INCOMING | fields)) == [
        Reply(
            sender=15552340001,
            list_number=15559870000,
            body=fields["Text"],
            answered=answered,
            carrier_ref=INCOMING["MessageUUID"],
        )
    ]


def test_a_number_is_read_with_a_plus_as_well():
    [reply] = heard(make(), callback(URL, INCOMING | {"From": "+15552340001", "Text": "Hi"}))
    assert reply.sender == 15552340001


def test_a_picture_without_a_text_is_an_empty_reply():
    [reply] = heard(make(), callback(URL, INCOMING | {"Type": "mms", "Media0": "https://x"}))
    assert reply.body == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"From": "12345"}, "sender_is_no_number"),
        ({"To": ""}, "no reply"),
        ({"From": ""}, "no reply"),
        ({"From": "05550211113"}, "no reply"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(fields, said):
    assert gist(heard(make(), callback(URL, INCOMING | {"Text": "Hi"} | fields))) == [said]


@pytest.mark.parametrize("fields", [INCOMING, {"MessageUUID": UUID, "Status": "a_new_word"}])
def test_what_names_neither_a_text_nor_a_known_status_is_refused(fields):
    [refused] = heard(make(), callback(URL, fields))
    assert isinstance(refused, Refused)


def test_a_number_may_be_set_up_to_call_back_by_get():
    url = f"{URL}?{urlencode(INCOMING | {'Text': 'Hi'})}"
    request = CallbackRequest(method="GET", url=url, headers=headers_v3(TOKEN, url, {}), body=b"")
    assert [reply.body for reply in heard(make(), request)] == ["Hi"]


# Signatures; the vendor's own verifier is asked in tests/oracles

SENT = {"MessageUUID": UUID, "Status": "sent"}
OTHER = "the-other-token"
V3 = headers_v3(TOKEN, URL, SENT)
V2 = headers_v2(TOKEN, URL)
OTHER_V3 = headers_v3(OTHER, URL, SENT)


@pytest.mark.parametrize("token", [TOKEN, OTHER])
@pytest.mark.parametrize("headers", [headers_v3, lambda token, url, _: headers_v2(token, url)])
def test_each_of_the_live_tokens_proves_a_callback(token, headers):
    request = posted(URL, SENT, headers(token, URL, SENT))
    assert make({"auth_token_secondary": OTHER}).read_callback(request).raws


def test_one_of_several_signatures_is_enough():
    both = f"{OTHER_V3['x-plivo-signature-v3']},{V3['x-plivo-signature-v3']}"
    assert make().proves(posted(URL, SENT, V3 | {"x-plivo-signature-v3": both}))


def test_version_2_is_accepted_as_long_as_it_is_allowed():
    assert make().proves(posted(URL, SENT, V2))
    assert not make({"accepts_v2": False}).proves(posted(URL, SENT, V2))
    assert make({"accepts_v2": False}).proves(posted(URL, SENT, V3 | V2))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OTHER_V3,
        headers_v2(OTHER, URL),
        V3 | {"x-plivo-signature-v3": ""},
        V3 | {"x-plivo-signature-v3": "ÿ\udcff"},
        V3 | {"x-plivo-signature-v3-nonce": "ÿ\udcff"},
        V3 | {"x-plivo-signature-v3-nonce": ""},
        V2 | {"x-plivo-signature-v2-nonce": "1"},
        V2 | {"x-plivo-signature-v2": ""},
        headers_v3(TOKEN, f"{URL}?x=1", SENT),
        headers_v3(TOKEN, URL, SENT | {"Status": "delivered"}),
        # A wrong signature of the strong kind is not made good by a right one of the weak.
        OTHER_V3 | V2,
        V2 | {"x-plivo-signature-v3": ""},
    ],
)
def test_what_is_not_signed_is_refused_and_not_stored(headers):
    answer = make().read_callback(posted(URL, SENT, headers))
    assert (answer.status, answer.raws) == (401, ())


@pytest.mark.parametrize("body", [b"\xff", b"MessageUUID", b"a=%ff"])
def test_what_is_no_form_is_refused(body):
    request = CallbackRequest(method="POST", url=URL, headers=V3, body=body)
    assert not make().proves(request)
