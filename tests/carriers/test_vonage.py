"""Vonage by its SMS API, as tables: our requests, what its answers mean, what its callbacks say."""

import json
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from fake_vonage import (
    API_KEY,
    API_SECRET,
    FakeVonage,
    by_get,
    form,
    in_json,
    incoming,
    receipt,
    signed,
)
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist

from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.vonage.carrier import VonageCarrier
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
from sendrail.domain.receipt import Receipt, Reply, ReplyPart
from sendrail.domain.text import Encoding

TOKEN = "a-token-of-callbacks"
SETTINGS = {"api_key": API_KEY, "api_secret": API_SECRET, "callback_token": TOKEN}
URL = "https://sms.example.com/callbacks/k3"
HEARD = f"{URL}?token={TOKEN}"
NOW = 1_767_261_600
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body="Your code is 1234 & counting: 50 % of é😊",
    encoding=Encoding.UCS2,
    segments=1,
)


class StandingClock:
    def now(self):
        return NOW * 1_000

    def monotonic(self):
        return 0.0


def make(settings=(), callback_url=URL):
    context = ConnectorContext(callback_url=callback_url, clock=StandingClock())
    return VonageCarrier({**SETTINGS, **dict(settings)}, context)


PLACE = {"concat-ref": "7", "concat-total": "2", "concat-part": "1"}


class TestConformance(HttpConformance):
    kind = VonageCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["vonage"]
    garbage = (
        *HttpConformance.garbage,
        b"application/json\n\n",
        b"application/json\n\n{}",
        b"application/json\n\n[1]",
        b'application/json\n\n{"messageId": ""}',
        b"application/x-www-form-urlencoded\n\nstatus=delivered",
        b"application/x-www-form-urlencoded\n\nmessageId=%ff",
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("api_key", {"api_secret": API_SECRET, "callback_token": TOKEN}),
        ("api_key", {**SETTINGS, "api_key": ""}),
        ("api_secret", {"api_key": API_KEY, "callback_token": TOKEN}),
        ("callback_token", {"api_key": API_KEY, "api_secret": API_SECRET}),
        ("callback_token", {**SETTINGS, "callback_token": "too-short"}),
        ("callback_token_secondary", {**SETTINGS, "callback_token_secondary": ""}),
        ("signature_secret", {**SETTINGS, "signature_secret": ""}),
        ("signature_secret_secondary", {**SETTINGS, "signature_secret_secondary": 1}),
        ("signature_method", {**SETTINGS, "signature_method": "sha224"}),
        ("replay_window_seconds", {**SETTINGS, "replay_window_seconds": 0}),
        ("validity_seconds", {**SETTINGS, "validity_seconds": 19}),
        ("words", {**SETTINGS, "words": {"7": "BARRED"}}),
        ("answered_keywords", {**SETTINGS, "answered_keywords": "STOP"}),
        ("base_url", {**SETTINGS, "base_url": "http://rest.nexmo.com"}),
        ("api", {**SETTINGS, "api": "messages"}),
    )

    def make_vendor(self):
        return FakeVonage()


# What we ask

PLAIN = {
    "from": "15559870000",
    "to": "15552340001",
    "text": MESSAGE.body,
    "type": "unicode",
    "client-ref": "x7y8z9w0",
    "status-report-req": "true",
}
BY_SIGNATURE = {"callback_token": None, "signature_secret": "the-key"}
SUBMITS = {
    "plain": ({}, URL, MESSAGE, PLAIN | {"callback": HEARD}),
    "without a public address": ({}, None, MESSAGE, PLAIN),
    "by a callback URL with a query": (
        {},
        f"{URL}?k=v",
        MESSAGE,
        PLAIN | {"callback": f"{URL}?k=v&token={TOKEN}"},
    ),
    "without a token": (BY_SIGNATURE, URL, MESSAGE, PLAIN | {"callback": URL}),
    "in GSM-7": ({}, None, replace(MESSAGE, encoding=Encoding.GSM7), PLAIN | {"type": "text"}),
    "with a validity": ({"validity_seconds": 60}, None, MESSAGE, PLAIN | {"ttl": "60000"}),
}


@pytest.mark.parametrize(("settings", "url", "message", "fields"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, message, fields):
    request = make(settings, url).compose([message])
    assert (request.method, request.url) == ("POST", "https://rest.nexmo.com/sms/json")
    assert request.headers == {
        "Authorization": basic(API_KEY, API_SECRET),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert dict(parse_qsl(request.body.decode(), strict_parsing=True)) == fields


def test_a_callback_url_that_is_too_long_is_refused_when_the_connector_is_made():
    make(callback_url="https://sms.example.com/" + "k" * (100 - 24 - len(f"?token={TOKEN}")))
    with pytest.raises(CarrierTrouble, match=r"101.*shorter"):
        make(callback_url="https://sms.example.com/" + "k" * (101 - 24 - len(f"?token={TOKEN}")))


# What its answers mean


def answered(*parts):
    told = [
        {"status": status} | ({"message-id": message_id} if message_id else {})
        for status, message_id in parts
    ]
    value = {"message-count": str(len(told)), "messages": told}
    return Answer(status=200, body=json.dumps(value).encode())


ANSWERS = [
    (answered(("0", "A1")), Submitted("A1")),
    (answered(("0", "A1"), ("0", "A2"), ("0", "A3")), Submitted("A1", ("A2", "A3"))),
    (answered(("0", "A1"), ("1", None)), Uncertain("Vonage took 1 of the 2 parts")),
    # A part was taken, whatever id it has.
    (answered(("1", None), ("0", None)), Uncertain("Vonage took 1 of the 2 parts")),
    (answered(("0", None)), Uncertain),
    (answered(("1", None)), Throttled(1_000)),
    (answered(("10", None)), Throttled(1_000)),
    (answered(("5", None)), Failed("REJECTED_SYSTEM_ERROR (5)")),
    (answered(("7", None)), Rejected("REJECTED_OPTED_OUT (7)", RecipientTrouble.OPTED_OUT)),
    (
        answered(("33", None)),
        Rejected("REJECTED_DESTINATION (33)", RecipientTrouble.INVALID_DESTINATION),
    ),
    (answered(("4", None)), Unavailable),
    (answered(("8", None)), Unavailable),
    (answered(("9", None)), Unavailable),
    (answered(("14", None)), Unavailable),
    # One list's sender and one message's text must not stop the connector for all others.
    (answered(("15", None)), Rejected("REJECTED_SENDER (15)")),
    (answered(("12", None), ("12", None)), Rejected("REJECTED_CONTENT (12)")),
    (answered(("6", None)), Rejected("REJECTED_REQUEST (6)")),
    # Unknown codes, by their range.
    (answered(("77", None)), Rejected("REJECTED_UNKNOWN_REASON (77)")),
    (answered(("what", None)), Uncertain),
    # Other statuses of HTTP, whatever they say.
    (Answer(status=401, body=b"{}"), Unavailable),
    (Answer(status=429, headers={"retry-after": "7"}), Throttled(7_000)),
    (Answer(status=500, body=b"<html>"), Failed("REJECTED_SYSTEM_ERROR (HTTP 500)")),
    (Answer(status=400), Rejected("REJECTED_REQUEST (HTTP 400)")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"messages": []}', b'{"messages": [{}]}'])
def test_an_answer_that_makes_no_sense_is_left_to_its_status(body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=200, body=body))


def test_what_stops_the_connector_says_why():
    told = make().read_answer([MESSAGE], answered(("9", None)))
    assert told.detail == "Vonage refuses: the account has no credit (9)"


def test_a_word_may_be_set_for_a_code():
    carrier = make({"words": {"7": "REJECTED_OPERATOR", "err-code 9": "REJECTED_SPAM"}})
    told = carrier.read_answer([MESSAGE], answered(("7", None)))
    assert told == Rejected("REJECTED_OPERATOR (7)", RecipientTrouble.OPERATOR)
    [told] = heard(form(HEARD, receipt("A1", "failed", "9")), carrier)
    assert told.trouble is RecipientTrouble.SPAM


# What its callbacks say


def heard(request, carrier=None):
    carrier = carrier or make()
    answer = carrier.read_callback(request)
    assert answer.status == 200
    [raw] = answer.raws
    return carrier.parse(raw)


RECEIPTS = [
    ("accepted", "0", None, "PENDING_ENROUTE", None),
    ("buffered", "0", None, "PENDING_ENROUTE", None),
    ("delivered", "0", Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("deleted", "0", Status.FAILED, "REJECTED_CANCELLED", None),
    ("expired", "0", Status.UNDELIVERED, "EXPIRED", None),
    ("expired", "1", Status.UNDELIVERED, "EXPIRED (err-code 1)", None),
    (
        "expired",
        "2",
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (err-code 2)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    (
        "failed",
        "3",
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (err-code 3)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        "failed",
        "6",
        Status.UNDELIVERED,
        "REJECTED_SPAM (err-code 6)",
        RecipientTrouble.SPAM,
    ),
    (
        "failed",
        "9",
        Status.UNDELIVERED,
        "REJECTED_OPTED_OUT (err-code 9)",
        RecipientTrouble.OPTED_OUT,
    ),
    (
        "rejected",
        "14",
        Status.FAILED,
        "REJECTED_OPERATOR (err-code 14)",
        RecipientTrouble.OPERATOR,
    ),
    ("rejected", "0", Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    ("failed", "77", Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON (err-code 77)", None),
]
WAYS = {"form": form, "JSON": in_json, "GET": by_get}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("word", "error", "status", "detail", "trouble"), RECEIPTS)
def test_a_delivery_receipt_becomes_a_receipt(way, word, error, status, detail, trouble):
    fields = receipt("A1", word, error, **{"client-ref": "x7y8z9w0"})
    assert heard(way(HEARD, fields)) == [
        Receipt(
            carrier_ref="A1", status=status, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


@pytest.mark.parametrize("fields", [{}, {"client-ref": "of-another-system"}, {"client-ref": None}])
def test_a_receipt_without_our_id_names_vonages(fields):
    [told] = heard(in_json(HEARD, receipt("A1", **fields)))
    assert (told.carrier_ref, told.message_id) == ("A1", None)


KEYWORDS = {"answered_keywords": ["stop", "HELP"]}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("settings", "text", "answered_"),
    [
        ({}, "Thanks, see you at 8 = 20 h & so on 😊", False),
        ({}, "STOP", False),
        ({}, "", False),
        (KEYWORDS, " Stop\n", True),
        (KEYWORDS, "STOP PLEASE", False),
    ],
)
def test_an_incoming_text_becomes_a_reply(way, settings, text, answered_):
    given = incoming(text)
    assert heard(way(HEARD, given), make(settings)) == [
        Reply(
            sender=15552340001,
            list_number=15559870000,
            body=text,
            answered=answered_,
            carrier_ref=given["messageId"],
        )
    ]


def concat(reference="7", total="3", number="2"):
    return {
        "concat": "true",
        "concat-ref": reference,
        "concat-total": total,
        "concat-part": number,
    }


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_parts_of_a_long_text_are_numbered(way):
    [reply] = heard(way(HEARD, incoming("and so on", **concat())))
    assert reply.part == ReplyPart(reference=7, total=3, number=2)


@pytest.mark.parametrize(
    "fields",
    [
        concat(number="0"),
        concat(number="4"),
        concat(total="256"),
        concat(reference=""),
        concat(reference="-1"),
        concat(total="²"),
        {"concat": "true"},
        concat() | {"concat": "false"},
    ],
)
def test_a_part_that_makes_no_sense_is_still_heard(fields):
    [reply] = heard(form(HEARD, incoming("STOP", **fields)))
    assert (reply.body, reply.part) == ("STOP", None)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"msisdn": "12345"}, "sender_is_no_number"),
        ({"msisdn": "Shop"}, "sender_is_no_number"),
        ({"msisdn": "5550211113"}, "no reply"),
        ({"to": None}, "no reply"),
        ({"text": None}, "no reply"),
        ({"text": None, "data": "0102", "type": "binary"}, "no_text"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(fields, said):
    assert gist(heard(in_json(HEARD, incoming("Hi") | fields))) == [said]


@pytest.mark.parametrize(
    ("word", "said"), [("a_new_word", "no receipt"), ("unknown", "unconfirmed")]
)
def test_a_status_that_says_nothing_is_counted(word, said):
    assert gist(heard(in_json(HEARD, receipt("A1", word)))) == [said]


# Proofs; the vendor's own signer and verifier are asked in tests/oracles

METHODS = ("md5hash", "md5", "sha1", "sha256", "sha512")
FIELDS = receipt("A1", "delivered", **{"client-ref": "x7y8z9w0", "a": "b&c=d é"})


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("method", METHODS)
def test_a_signature_proves_a_callback(method, way):
    carrier = make(BY_SIGNATURE | {"signature_method": method})
    assert heard(way(URL, signed(FIELDS, "the-key", method, NOW)), carrier)
    for other in METHODS:
        request = way(URL, signed(FIELDS, "the-key", other, NOW))
        assert carrier.proves(request) is (other == method)


def test_the_digest_of_the_default_method_is_that_of_the_page():
    # MD5 over `&a=1&timestamp=1767261600the-key`, by the command md5sum.
    fields = {"a": "1", "timestamp": str(NOW), "sig": "c31c74db78eca2b835adbbb73e511154"}
    assert make(BY_SIGNATURE).proves(form(URL, fields))


def test_each_of_two_live_secrets_proves_a_callback():
    rotated = BY_SIGNATURE | {"signature_secret": "old", "signature_secret_secondary": "new"}
    for secret in ("old", "new"):
        assert make(rotated).proves(form(URL, signed(FIELDS, secret, at=NOW)))
    tokens = {"callback_token_secondary": "another-token-of-callbacks"}
    for token in (TOKEN, *tokens.values()):
        assert make(tokens).proves(form(f"{URL}?token={token}", FIELDS))


@pytest.mark.parametrize(
    ("at", "window", "is_taken"),
    [
        (NOW, 300, True),
        (NOW - 300, 300, True),
        (NOW - 301, 300, False),
        (NOW + 301, 300, False),
        (NOW - 90_000, 90_000, True),
        (NOW - 90_001, 90_000, False),
        ("2026-01-01 10:00:00", 300, False),
        ("", 300, False),
    ],
)
def test_a_signature_grows_old(at, window, is_taken):
    carrier = make(BY_SIGNATURE | {"replay_window_seconds": window})
    assert carrier.proves(form(URL, signed(FIELDS, "the-key", at=at))) is is_taken


def test_a_token_does_not_grow_old():
    assert make().proves(form(HEARD, FIELDS | {"timestamp": "1"}))


SIGNED = signed(FIELDS, "the-key", at=NOW)
REFUSED = {
    "another secret": form(URL, signed(FIELDS, "another", at=NOW)),
    "no signature": form(URL, FIELDS | {"timestamp": str(NOW)}),
    "an empty signature": form(URL, SIGNED | {"sig": ""}),
    "no ASCII": form(URL, SIGNED | {"sig": "ÿ"}),
    "a field more": form(URL, SIGNED | {"x": "y"}),
    "another value": form(URL, SIGNED | {"status": "failed"}),
    "another time": form(URL, SIGNED | {"timestamp": str(NOW + 1)}),
    # It has the same signature as the two fields it holds.
    "two fields in one": form(
        URL,
        {name: value for name, value in SIGNED.items() if name not in {"msisdn", "network-code"}}
        | {"msisdn=15552340001&network-code": "310260"},
    ),
    "a token that is not set": form(HEARD, FIELDS),
    "an empty token": form(f"{URL}?token=", FIELDS),
    "no form": CallbackRequest(method="POST", url=URL, headers={}, body=b"\xff"),
    "no JSON": CallbackRequest(
        method="POST", url=URL, headers={"content-type": "application/json"}, body=b"{"
    ),
    "an object that is no text": CallbackRequest(
        method="POST",
        url=URL,
        headers={"content-type": "application/json"},
        body=b'{"usage": {"currency": "\xff"}}',
    ),
    "nothing": CallbackRequest(method="GET", url=URL, headers={}, body=b""),
}


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
def test_what_is_not_proved_is_refused_and_not_stored(request_):
    answer = make(BY_SIGNATURE).read_callback(request_)
    assert (answer.status, answer.raws) == (401, ())


def test_a_number_in_json_is_signed_in_the_form_it_was_sent():
    fields = {"messageId": "A1", "price": "0.03330000", "timestamp": str(NOW)}
    sig = signed(fields, "the-key", at=NOW)
    body = json.dumps(sig).replace('"0.03330000"', "0.03330000").encode()
    assert b": 0.03330000," in body
    request = replace(in_json(URL, {}), body=body)
    assert make(BY_SIGNATURE).proves(request)
