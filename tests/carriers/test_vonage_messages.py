"""Vonage by its Messages API, as tables: what differs from kind `vonage`, by the SMS API."""

import base64
import json
from dataclasses import replace

import pytest
from fake_vonage import (
    API_KEY,
    API_SECRET,
    FakeVonage,
    form,
    in_json,
    incoming,
    message_in,
    problem,
    receipt,
    signed,
    status,
    token,
    with_token,
)
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist

from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.vonage.carrier import VonageCarrier
from sendrail.carriers.vonage.messages import VonageMessagesCarrier
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

SECRET = "the-key"
SETTINGS = {
    "api_key": API_KEY,
    "api_secret": API_SECRET,
    "signature_secret": SECRET,
}
URL = "https://sms.example.com/callbacks/k3"
NOW = 1_767_261_600
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body="50 % of é😊",
    encoding=Encoding.UCS2,
    segments=1,
)
UUID = "00000000-0000-4000-8000-000000000001"


class StandingClock:
    def now(self):
        return NOW * 1_000

    def monotonic(self):
        return 0.0


def make(settings=(), callback_url=URL, kind=VonageMessagesCarrier):
    context = ConnectorContext(callback_url=callback_url, clock=StandingClock())
    return kind({**SETTINGS, **dict(settings)}, context)


class TestConformance(HttpConformance):
    kind = VonageMessagesCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["vonage_messages"]
    garbage = (
        *HttpConformance.garbage,
        b'application/json\n\n{"message_uuid": ""}',
        b'application/json\n\n{"message_uuid": 1}',
        b'application/json\n\n{"message_uuid": "u", "status": "failed", "error": "no"}',
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("base_url", {**SETTINGS, "base_url": "http://api.nexmo.com"}),
        ("account_url", {**SETTINGS, "account_url": "http://rest.nexmo.com"}),
        ("callback_token", {"api_key": API_KEY, "api_secret": API_SECRET}),
    )

    def make_vendor(self):
        return FakeVonage(SECRET)

    def make_with(self, settings):
        if settings.get("base_url", "").startswith("http://127.0.0.1"):
            settings = {"account_url": settings["base_url"], **settings}
        return super().make_with(settings)


# What we ask

PLAIN = {
    "channel": "sms",
    "message_type": "text",
    "from": "15559870000",
    "to": "15552340001",
    "text": MESSAGE.body,
    "client_ref": "x7y8z9w0",
    "sms": {"encoding_type": "unicode"},
}
SUBMITS = {
    "plain": ({}, URL, MESSAGE, PLAIN | {"webhook_url": URL}),
    "without a public address": ({}, None, MESSAGE, PLAIN),
    "in GSM-7": (
        {},
        None,
        replace(MESSAGE, encoding=Encoding.GSM7),
        PLAIN | {"sms": {"encoding_type": "text"}},
    ),
    "with a validity": ({"validity_seconds": 60}, None, MESSAGE, PLAIN | {"ttl": 60}),
    "by a long callback URL": (
        {},
        URL + "k" * 100,
        MESSAGE,
        PLAIN | {"webhook_url": URL + "k" * 100},
    ),
}


@pytest.mark.parametrize(("settings", "url", "message", "asked"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, message, asked):
    request = make(settings, url).compose([message])
    assert (request.method, request.url) == ("POST", "https://api.nexmo.com/v1/messages")
    assert request.headers == {
        "Authorization": basic(API_KEY, API_SECRET),
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == asked


# What its answers mean


def refused(http_status, code, **headers):
    return Answer(status=http_status, headers=headers, body=problem(http_status, code).body)


ANSWERS = [
    (Answer(status=202, body=b'{"message_uuid": "u1"}'), Submitted("u1")),
    (refused(429, "1000"), Throttled(1_000)),
    (refused(500, "1030"), Failed("REJECTED_SYSTEM_ERROR (1030)")),
    (refused(422, "1050"), Rejected("REJECTED_OPTED_OUT (1050)", RecipientTrouble.OPTED_OUT)),
    (refused(422, "1120"), Rejected("REJECTED_SENDER (1120)")),
    (refused(402, "1070"), Unavailable),
    (refused(402, "low-balance"), Unavailable),
    (refused(401, "unauthorized"), Unavailable),
    (refused(422, "1999"), Rejected("REJECTED_UNKNOWN_REASON (1999)")),
    (refused(422, ""), Rejected("REJECTED_REQUEST (HTTP 422)")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"message_uuid": ""}'])
def test_an_answer_that_makes_no_sense_is_left_to_its_status(body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=202, body=body))


# What its callbacks say


def heard(fields, settings=()):
    carrier = make(settings)
    answer = carrier.read_callback(with_token(URL, fields, SECRET, NOW))
    assert answer.status == 200
    [raw] = answer.raws
    return carrier.parse(raw)


RECEIPTS = [
    ("submitted", None, None, "PENDING_ENROUTE", None),
    ("delivered", None, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("read", None, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    (
        "undeliverable",
        "1180",
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (1180)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    ("rejected", "1210", Status.FAILED, "REJECTED_SPAM (1210)", RecipientTrouble.SPAM),
    ("rejected", "1240", Status.FAILED, "REJECTED_OPTED_OUT (1240)", RecipientTrouble.OPTED_OUT),
    ("rejected", None, Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    ("rejected", "2001", Status.FAILED, "REJECTED_UNKNOWN_REASON (2001)", None),
]


@pytest.mark.parametrize(("word", "code", "status_", "detail", "trouble"), RECEIPTS)
def test_a_status_becomes_a_receipt(word, code, status_, detail, trouble):
    assert heard(status(UUID, word, code, client_ref="x7y8z9w0")) == [
        Receipt(
            carrier_ref=UUID, status=status_, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


@pytest.mark.parametrize("fields", [{}, {"client_ref": None}, {"client_ref": "of-others"}])
def test_a_receipt_without_our_id_names_vonages(fields):
    [told] = heard(status(UUID, **fields))
    assert (told.carrier_ref, told.message_id) == (UUID, None)


@pytest.mark.parametrize(
    ("settings", "text", "answered"),
    [({}, "See you at 8 😊", False), ({"answered_keywords": ["STOP"]}, "stop ", True)],
)
def test_an_incoming_text_becomes_a_reply(settings, text, answered):
    assert heard(message_in(text), settings) == [
        Reply(sender=15552340001, list_number=15559870000, body=text, answered=answered)
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"channel": "whatsapp"}, "other_channel"),
        ({"channel": None}, "no reply"),
        ({"from": "12345"}, "sender_is_no_number"),
        ({"to": None}, "no reply"),
        ({"text": None}, "no reply"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(fields, said):
    assert gist(heard(message_in("Hi") | fields)) == [said]


def test_a_status_that_is_not_known_is_no_receipt():
    assert gist(heard(status(UUID, "a_new_word"))) == ["no receipt"]


# Proofs; the vendor's own verifier is asked in tests/oracles

FIELDS = status(UUID)
BODY = in_json(URL, FIELDS).body


def bearing(authorization, body=BODY):
    headers = {"content-type": "application/json", "authorization": authorization}
    return replace(in_json(URL, FIELDS), headers=headers, body=body)


@pytest.mark.parametrize(
    ("at", "is_taken"), [(NOW, True), (NOW - 300, True), (NOW - 301, False), (NOW + 301, False)]
)
def test_a_token_grows_old(at, is_taken):
    carrier = make({"replay_window_seconds": 300})
    assert carrier.proves(with_token(URL, FIELDS, SECRET, at)) is is_taken


def test_each_of_two_live_secrets_proves_a_callback():
    carrier = make({"signature_secret": "old", "signature_secret_secondary": "new"})
    for secret in ("old", "new"):
        assert carrier.proves(with_token(URL, FIELDS, secret, NOW))


GOOD = token(SECRET, BODY, NOW)
UNSIGNED = base64.urlsafe_b64encode(b'{"alg": "none", "typ": "JWT"}').rstrip(b"=").decode()
REFUSED = {
    "another secret": bearing("Bearer " + token("another", BODY, NOW)),
    "another scheme": bearing("Basic " + GOOD),
    "no scheme": bearing(GOOD),
    "nothing": bearing(""),
    "no signature": bearing("Bearer " + GOOD.rpartition(".")[0] + "."),
    "no algorithm": bearing(f"Bearer {UNSIGNED}.{GOOD.split('.')[1]}."),
    "one part": bearing("Bearer " + GOOD.replace(".", "")),
    "no ASCII": bearing("Bearer ÿ\udcff." + GOOD),
    "another body": bearing("Bearer " + GOOD, BODY + b" "),
    "no digest": bearing("Bearer " + token(SECRET, BODY, NOW, payload_hash=None)),
    "an empty digest": bearing("Bearer " + token(SECRET, BODY, NOW, payload_hash="")),
    "no time": bearing("Bearer " + token(SECRET, BODY, "now")),
}


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
def test_what_is_not_proved_is_refused_and_not_stored(request_):
    answer = make().read_callback(request_)
    assert (answer.status, answer.raws) == (401, ())


def flips(raw):
    for at, bit in ((at, bit) for at in range(len(raw)) for bit in range(8)):
        yield raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


def test_every_flipped_bit_of_the_body_or_the_token_is_refused():
    carrier = make()
    assert carrier.proves(bearing(f"Bearer {GOOD}"))
    assert not any(carrier.proves(bearing(f"Bearer {GOOD}", body)) for body in flips(BODY))
    for changed in flips(GOOD.encode()):
        assert not carrier.proves(bearing(f"Bearer {changed.decode('latin-1')}"))


# Which form a webhook has is the account's choice, not the connector's

TEXT_OF_SMS = signed(incoming("STOP", messageId="A1"), SECRET, at=NOW)
RECEIPT_OF_SMS = signed(receipt("A1", "failed", "9"), SECRET, at=NOW)
OF_BOTH = {
    "a text of the SMS API": (form(URL, TEXT_OF_SMS), "STOP"),
    "a receipt of the SMS API": (form(URL, RECEIPT_OF_SMS), "REJECTED_OPTED_OUT (err-code 9)"),
    "a text of the Messages API": (with_token(URL, message_in("STOP"), SECRET, NOW), "STOP"),
    "a status of the Messages API": (
        with_token(URL, status(UUID, "rejected", "1240"), SECRET, NOW),
        "REJECTED_OPTED_OUT (1240)",
    ),
}


@pytest.mark.parametrize("kind", [VonageCarrier, VonageMessagesCarrier])
@pytest.mark.parametrize(("request_", "said"), OF_BOTH.values(), ids=OF_BOTH)
def test_either_kind_reads_the_webhooks_of_both_apis(kind, request_, said):
    carrier = make(kind=kind)
    [raw] = carrier.read_callback(request_).raws
    [told] = carrier.parse(raw)
    assert said in (getattr(told, "detail", None), getattr(told, "body", None))


def test_the_account_is_asked_for_where_it_is():
    probe = make().probe()
    assert (probe.method, probe.url) == ("GET", "https://rest.nexmo.com/account/get-balance")
    assert probe.headers == {"Authorization": basic(API_KEY, API_SECRET)}
    elsewhere = make({"account_url": "https://rest.example.com"}).probe()
    assert elsewhere.url == "https://rest.example.com/account/get-balance"
