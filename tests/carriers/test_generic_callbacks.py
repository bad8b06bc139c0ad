"""The carrier that is described by settings: what callbacks say, and which are believed."""

import contextlib
import json
from dataclasses import replace

import pytest
from fake_gateways import EXAMPLES, GET, JSON, basic, signed
from generic_connector import HEARING, MINIMAL, RECEIPTS, REPLIES, URL, heard, make, message
from http_suite import gist
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.http import callbacks
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply


def post(value, **headers):
    return CallbackRequest(
        method="POST",
        url=URL,
        headers={"content-type": "application/json"} | headers,
        body=json.dumps(value).encode(),
    )


def test_the_examples_callbacks_are_heard():
    body = EXAMPLES["json: callback"].encode()
    assert heard(JSON, signed(URL, body, JSON["signature_secret"])) == [
        Receipt(
            carrier_ref="gw-81",
            status=Status.UNDELIVERED,
            detail="REJECTED_ABSENT_SUBSCRIBER (E30)",
            message_id="x7y8z9w0",
            trouble=RecipientTrouble.ABSENT_SUBSCRIBER,
        ),
        Reply(sender=15550100001, list_number=15550001000, body="Yes please", carrier_ref="in-7"),
    ]
    method, url = EXAMPLES["get: callback"].split(" ")
    request = CallbackRequest(method=method, url=url, headers={}, body=b"")
    assert make(GET).read_callback(request).content == b"OK"
    assert heard(GET, request) == [
        Receipt(
            carrier_ref="4711",
            status=Status.UNDELIVERED,
            detail="REJECTED_UNKNOWN_REASON (2)",
            message_id="x7y8z9w0",
        )
    ]


# What its callbacks say


def receipt(status, detail, trouble=None, ref="r1"):
    return Receipt(carrier_ref=ref, status=status, detail=detail, trouble=trouble)


WORDS = {"ok": "delivered", "no": "failed", "un": "undelivered", "old": "expired", "on": "enroute"}
CODES = {"7": {"then": "refuse", "word": "REJECTED_SPAM"}, "un": {"then": "stop"}}
TELLING = HEARING | {"codes": CODES, "receipts": RECEIPTS | {"statuses": WORDS, "code": "why"}}
SAID = [
    ({"state": "ok"}, receipt(Status.DELIVERED, "DELIVERED_TO_HANDSET")),
    ({"state": "on"}, receipt(None, "PENDING_ENROUTE")),
    ({"state": "un"}, receipt(Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON (un)")),
    ({"state": "old"}, receipt(Status.UNDELIVERED, "EXPIRED (old)")),
    (
        {"state": "no", "why": 7},
        receipt(Status.FAILED, "REJECTED_SPAM (7)", RecipientTrouble.SPAM),
    ),
    ({"state": "no", "why": "8"}, receipt(Status.FAILED, "REJECTED_UNKNOWN_REASON (8)")),
    ({"state": "ok", "why": "7"}, receipt(Status.DELIVERED, "DELIVERED_TO_HANDSET")),
]


@pytest.mark.parametrize(("fields", "said"), SAID)
def test_a_status_becomes_a_receipt(fields, said):
    assert heard(TELLING, post({"id": "r1"} | fields)) == [said]


TEXT = {"from": "+15550100001", "to": "0015550001000", "text": "Stop "}
REPLY = Reply(sender=15550100001, list_number=15550001000, body="Stop ")
DONE = receipt(Status.DELIVERED, "DELIVERED_TO_HANDSET")
TYPED = HEARING | {
    "events": "data.events",
    "receipts": RECEIPTS | {"when": {"kind": "dlr"}},
    "replies": REPLIES | {"when": {"kind": "mo"}, "answered_words": ["STOP"]},
}
DLR = {"id": "r1", "state": "ok"}
EVENTS = [
    (HEARING, TEXT, [REPLY]),
    (HEARING, TEXT | {"text": ""}, [Reply(sender=15550100001, list_number=15550001000, body="")]),
    (HEARING, [DLR, TEXT], [DONE, REPLY]),
    (HEARING, [], []),
    (HEARING, TEXT | {"to": "12345"}, [replace(REPLY, list_number=12345)]),
    # What could be either is a receipt, unless `when` says otherwise.
    (HEARING, DLR | TEXT, [DONE]),
    (
        TYPED,
        {"data": {"events": [DLR | {"kind": "dlr"}, DLR | TEXT | {"kind": "mo"}]}},
        [DONE, Reply(sender=15550100001, list_number=15550001000, body="Stop ", answered=True)],
    ),
    (TYPED, DLR | {"kind": "dlr"}, [DONE]),
]


@pytest.mark.parametrize(("settings", "value", "said"), EVENTS)
def test_events_become_receipts_and_replies(settings, value, said):
    assert heard(settings, post(value)) == said


def test_a_form_and_a_query_are_read_alike():
    form = CallbackRequest(
        method="POST",
        url=URL,
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"a.id=r1&b=ok",
    )
    query = CallbackRequest(method="GET", url=f"{URL}?a.id=r1&b=ok", headers={}, body=b"")
    settings = HEARING | {"receipts": RECEIPTS | {"id": "a.id", "status": "b"}}
    assert heard(settings, form) == heard(settings, query) == [DONE]


@pytest.mark.parametrize(
    ("settings", "event", "said"),
    [
        (HEARING, {"hello": "world"}, "other_event"),
        (HEARING, TEXT | {"from": "ACME"}, "sender_is_no_number"),
        (HEARING, {"from": "1", "to": "2"}, "no unknown"),
        (HEARING, {"text": "STOP"}, "no reply"),
        (HEARING, TEXT | {"from": "5550211113"}, "no reply"),
        (HEARING, {"id": "r1"}, "no receipt"),
        (HEARING, {"id": "r1", "state": "a_new_word"}, "no receipt"),
        (HEARING, {"id": "r1", "state": ["ok"]}, "no receipt"),
        (TYPED, TEXT | {"kind": "balance"}, "other_event"),
        (TYPED, TEXT, "no reply"),
        (TYPED, DLR, "no receipt"),
        (HEARING, "r1", "no unknown"),
        (HEARING, 7, "no unknown"),
        (HEARING, None, "no unknown"),
        (HEARING, [], "no unknown"),
    ],
)
def test_what_is_neither_costs_no_other(settings, event, said):
    good = DLR | {"kind": "dlr"}
    told = heard(settings, post([good, event, good]))
    assert (told[::2], gist(told[1:2])) == ([DONE, DONE], [said])


@pytest.mark.parametrize("value", ["r1", 7, None])
def test_what_holds_no_events_is_refused(value):
    assert gist(heard(HEARING, post(value))) == ["no unknown"]


def test_a_connector_of_a_country_reads_its_national_numbers():
    [reply] = heard(HEARING | {"country": "US"}, post(TEXT | {"from": "5550211113"}))
    assert reply.sender == 15550211113


@given(st.binary(max_size=200))
def test_no_callback_is_too_odd_to_be_read_or_refused(body):
    request = CallbackRequest(method="POST", url=URL, headers={}, body=body)
    with contextlib.suppress(CarrierTrouble):
        list(make(TYPED).parse(callbacks.pack(request)))


# Which are believed; how each proof is made is the kit's, and tested there

SAYS = {"id": "r1", "state": "ok"}
BODY = json.dumps(SAYS).encode()
PROVED = MINIMAL | {"receipts": RECEIPTS, "replies": REPLIES}
TOKEN = {"callback_token": "a-token-of-some-length"}
PASSWORD = {"callback_user": "u", "callback_password": "p"}
KEY = {"signature_secret": "key", "signature_prefix": "sha256="}
BY_TOKEN = CallbackRequest(
    method="POST", url=f"{URL}?token=a-token-of-some-length", headers={}, body=BODY
)
BY_PASSWORD = post(SAYS, authorization=basic("u", "p"))
BY_KEY = signed(URL, BODY, "key")
BELIEVED = [
    (TOKEN, BY_TOKEN, True),
    (PASSWORD, BY_PASSWORD, True),
    (KEY, BY_KEY, True),
    (KEY | TOKEN, BY_TOKEN, True),
    ({"trust_callback_url": True}, post(SAYS), True),
    (TOKEN, BY_KEY, False),
    (PASSWORD, BY_TOKEN, False),
    (KEY, BY_PASSWORD, False),
    (KEY, signed(URL, BODY, "another"), False),
    (KEY, post(SAYS), False),
]


@pytest.mark.parametrize(("proof", "request_", "passes"), BELIEVED)
def test_a_callback_is_believed_when_it_is_proved(proof, request_, passes):
    answer = make(PROVED | proof).read_callback(request_)
    assert (answer.status, bool(answer.raws)) == ((200, True) if passes else (401, False))


@pytest.mark.parametrize("at", range(len(BODY)))
def test_every_flipped_byte_is_refused(at):
    body = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
    forged = CallbackRequest(method="POST", url=URL, headers=BY_KEY.headers, body=body)
    assert not make(PROVED | KEY).read_callback(forged).raws


def test_a_signature_of_nothing_proves_no_query():
    told = signed(f"{URL}?id=r1&state=ok", b"", "key")
    assert make(PROVED | KEY).read_callback(told).status == 401


def test_a_connector_that_hears_nothing_refuses_every_callback():
    for proof, request in ((TOKEN, BY_TOKEN), ({"trust_callback_url": True}, post(SAYS))):
        assert make(MINIMAL | proof).read_callback(request).status == 401


def test_a_signature_covers_no_url_so_nothing_in_it_is_believed():
    [told] = heard(PROVED | KEY, signed(f"{URL}?message=x7y8z9w0", BODY, "key"))
    assert told.message_id is None
    settings = PROVED | KEY | {"body": {"cb": "{callback_url}"}}
    assert json.loads(make(settings).compose([message()]).body) == {"cb": URL}


def test_a_token_goes_along_with_the_callback_url_and_is_not_stored():
    settings = PROVED | TOKEN | {"body": ["{callback_url}"]}
    [told] = json.loads(make(settings).compose([message()]).body)
    request = CallbackRequest(method="POST", url=told, headers={}, body=BODY)
    carrier = make(settings)
    [raw] = carrier.read_callback(request).raws
    assert b"a-token-of" not in raw
    assert [receipt.message_id for receipt in carrier.parse(raw)] == ["x7y8z9w0"]
