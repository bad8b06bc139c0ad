"""The carrier that is described by settings: what callbacks say, and which are believed."""

import base64
import contextlib
import hmac
import json

import pytest
from fake_gateways import EXAMPLES, GET, JSON, basic, signed
from generic_link import HEARING, MINIMAL, RECEIPTS, REPLIES, URL, heard, make, message
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
    assert heard(JSON, signed(URL, body, JSON["callback_secret"])) == [
        Receipt(
            carrier_ref="gw-81",
            status=Status.UNDELIVERED,
            detail="REJECTED_ABSENT_SUBSCRIBER (E30)",
            message_id="x7y8z9w0",
            trouble=RecipientTrouble.ABSENT_SUBSCRIBER,
        ),
        Reply(sender=15550100001, list_number=15550001000, body="Yes please"),
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
    ({"state": "new"}, receipt(None, "PENDING_ENROUTE")),
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
    (HEARING, {"hello": "world"}, []),
    (HEARING, TEXT | {"from": "ACME"}, []),
    (HEARING, TEXT | {"to": "12345"}, []),
    (HEARING, {"from": "1", "to": "2"}, []),
    # What could be either is a receipt, unless `when` says otherwise.
    (HEARING, DLR | TEXT, [DONE]),
    (
        TYPED,
        {"data": {"events": [DLR | {"kind": "dlr"}, DLR | TEXT | {"kind": "mo"}, DLR]}},
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


@pytest.mark.parametrize("value", ["r1", 7, None, ["r1"], [[]], [DLR, 7]])
def test_what_holds_no_events_is_trouble(value):
    with pytest.raises(CarrierTrouble):
        heard(HEARING, post(value))


@given(st.binary(max_size=200))
def test_no_callback_is_too_odd_to_be_read_or_refused(body):
    request = CallbackRequest(method="POST", url=URL, headers={}, body=body)
    with contextlib.suppress(CarrierTrouble):
        list(make(TYPED).parse(callbacks.pack(request)))


# How they are proved

VALUE_OF = b'{"id": "r1", "state": "ok"}'


def proved(scheme, request, **more):
    secrets = {"callback_secret": "new", "callback_secret_secondary": "old"}
    return make(HEARING | secrets | {"signature": scheme} | more).read_callback(request)


def with_header(**headers):
    return CallbackRequest(method="POST", url=URL, headers=headers, body=VALUE_OF)


def digest(algorithm, secret="new", body=VALUE_OF):
    return hmac.digest(secret.encode(), body, algorithm)


HMAC = {"scheme": "hmac", "header": "X-Sig"}
SCHEMES = [
    ({"scheme": "none"}, with_header(), True),
    (HMAC, with_header(**{"x-sig": digest("sha256").hex()}), True),
    (HMAC, with_header(**{"x-sig": digest("sha256").hex().upper()}), True),
    (HMAC, with_header(**{"x-sig": digest("sha256", "old").hex()}), True),
    (HMAC, with_header(**{"x-sig": digest("sha256", "other").hex()}), False),
    (HMAC, with_header(**{"x-sig": digest("sha1").hex()}), False),
    (HMAC, with_header(**{"x-sig": ""}), False),
    (HMAC, with_header(**{"x-sig": "ü\udcff"}), False),
    (HMAC, with_header(), False),
    (HMAC | {"algorithm": "sha1"}, with_header(**{"x-sig": digest("sha1").hex()}), True),
    (
        HMAC | {"algorithm": "sha512", "encoding": "base64", "prefix": "v1="},
        with_header(**{"x-sig": "v1=" + base64.b64encode(digest("sha512")).decode()}),
        True,
    ),
    (HMAC | {"prefix": "V1="}, with_header(**{"x-sig": "V1=" + digest("sha256").hex()}), True),
    (HMAC | {"prefix": "V1="}, with_header(**{"x-sig": "v1=" + digest("sha256").hex()}), False),
    (HMAC | {"prefix": "v1="}, with_header(**{"x-sig": digest("sha256").hex()}), False),
    (
        HMAC,
        CallbackRequest(
            method="GET",
            url=f"{URL}?id=r1&state=ok",
            headers={"x-sig": digest("sha256", body=b"").hex()},
            body=b"",
        ),
        False,
    ),
    ({"scheme": "basic", "username": "u"}, with_header(authorization=basic("u", "new")), True),
    ({"scheme": "basic", "username": "u"}, with_header(authorization=basic("u", "old")), True),
    ({"scheme": "basic", "username": "u"}, with_header(authorization=basic("v", "new")), False),
    ({"scheme": "basic", "username": "u"}, with_header(), False),
    *(
        (
            {"scheme": "token", "parameter": "key"},
            CallbackRequest(method="POST", url=f"{URL}?{query}", headers={}, body=VALUE_OF),
            passes,
        )
        for query, passes in [
            ("key=new", True), ("a=b&key=old", True), ("key=", False), ("", False),
            ("key=other", False), ("token=new", False), ("key=new&key=new", False),
        ]
    ),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "request_", "passes"), SCHEMES)
def test_a_callback_is_proved_by_its_scheme(scheme, request_, passes):
    answer = proved(scheme, request_)
    assert (answer.status, bool(answer.raws)) == ((200, True) if passes else (401, False))


@pytest.mark.parametrize("at", range(len(VALUE_OF)))
def test_every_flipped_byte_is_refused(at):
    request = signed(URL, VALUE_OF, "new")
    body = VALUE_OF[:at] + bytes([VALUE_OF[at] ^ 1]) + VALUE_OF[at + 1 :]
    forged = CallbackRequest(method="POST", url=URL, headers=request.headers, body=body)
    assert proved(JSON["signature"], request).raws
    assert not proved(JSON["signature"], forged).raws


def test_a_link_that_hears_nothing_refuses_every_callback():
    carrier = make(MINIMAL | {"signature": {"scheme": "none"}})
    assert carrier.read_callback(with_header()).status == 401


def test_an_hmac_covers_no_url_so_nothing_in_it_is_believed():
    body = json.dumps({"id": "r1", "state": "ok"}).encode()
    settings = HEARING | {"signature": JSON["signature"], "callback_secret": "new"}
    [told] = heard(settings, signed(f"{URL}?message=x7y8z9w0", body, "new"))
    assert told.message_id is None
    settings |= {"body": {"cb": "{callback_url}"}}
    assert json.loads(make(settings).compose([message()]).body) == {"cb": URL}


def test_a_token_goes_along_with_the_callback_url():
    settings = HEARING | {
        "signature": {"scheme": "token"}, "callback_secret": "a b&c", "body": ["{callback_url}"],
    }  # fmt: skip
    for public, joint in ((URL, "?"), (f"{URL}?k=v", "&")):
        [told] = json.loads(make(settings, public).compose([message()]).body)
        assert told == f"{public}{joint}token=a%20b%26c&message=x7y8z9w0"
        assert (
            make(settings)
            .read_callback(CallbackRequest(method="POST", url=told, headers={}, body=VALUE_OF))
            .raws
        )
