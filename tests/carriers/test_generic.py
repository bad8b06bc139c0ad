"""The carrier that is described by settings: its templates, paths, codes and proofs, as tables."""

import base64
import contextlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from fake_gateways import EXAMPLES, GET, JSON, FakeGetGateway, FakeJsonGateway, basic, signed
from http_suite import HttpConformance
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.generic.carrier import GenericCarrier
from sendrail.carriers.generic.paths import find, find_text
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.exchange import Answer
from sendrail.carriers.sdk import CallbackRequest, LinkContext
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    Outbound,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply

URL = "https://sms.example.com/callbacks/k3"
BODY = '50 % off & more: "now" 😊'
MINIMAL = {"url": "https://g.example/send", "answer": {"id": "id"}}
RECEIPTS = {"id": "id", "status": "state", "statuses": {"ok": "delivered", "no": "failed"}}
REPLIES = {"from": "from", "to": "to", "text": "text"}
HEARING = MINIMAL | {"signature": {"scheme": "none"}, "receipts": RECEIPTS, "replies": REPLIES}


def message(body=BODY, encoding="UCS-2"):
    return Outbound(
        message_id="x7y8z9w0",
        recipient=15550100001,
        sender=15550001000,
        body=body,
        encoding=encoding,
        segments=1,
    )


def make(settings, callback_url=URL):
    return GenericCarrier(settings, LinkContext(callback_url=callback_url))


def compose(settings, callback_url=URL, body=BODY, **more):
    return make(MINIMAL | settings, callback_url).compose([message(body, **more)])


def post(value, **headers):
    return CallbackRequest(
        method="POST",
        url=URL,
        headers={"content-type": "application/json"} | headers,
        body=json.dumps(value).encode(),
    )


def heard(settings, request):
    carrier = make(settings)
    answer = carrier.read_callback(request)
    assert answer.status == 200, answer
    return list(carrier.parse(*answer.raws))


class TestJsonConformance(HttpConformance):
    kind = GenericCarrier
    settings = JSON
    garbage = (
        *HttpConformance.garbage,
        b"\n\n",
        b"application/json\n\n7",
        b"application/json\n\n{",
    )
    wrong_settings = (
        ("colour", JSON | {"colour": "blue"}),
        ("url", {"answer": {"id": "id"}}),
        ("url", MINIMAL | {"url": "http://g.example/send"}),
        ("url", MINIMAL | {"url": "https://{to}.example/send"}),
        ("url", MINIMAL | {"url": "https://g.example/{nobody}"}),
        ("url", MINIMAL | {"url": "https://g.example/{"}),
        ("url", MINIMAL | {"url": "https://g.example/{api_key}"}),
        ("answer", {"url": "https://g.example/send"}),
        ("answer", MINIMAL | {"answer": {"id": "id", "status": "status"}}),
        ("answer", MINIMAL | {"answer": {"id": "id", "taken": ["0"]}}),
        ("answer", MINIMAL | {"answer": {"id": "id", "ref": "id"}}),
        ("method", MINIMAL | {"method": "DELETE"}),
        ("headers", MINIMAL | {"headers": {"X": "{text}"}}),
        ("headers", MINIMAL | {"headers": {"X": "a\r\nY: b"}}),
        ("headers", MINIMAL | {"headers": {"X Y": "a"}}),
        ("headers", MINIMAL | {"headers": {"Content-Length": "5"}}),
        ("headers", MINIMAL | {"headers": {"X": "{api_key}"}, "api_key": "a\nb"}),
        ("body", MINIMAL | {"body": {"text": "{txt}"}}),
        ("body", MINIMAL | {"body": {}, "method": "GET"}),
        ("body", MINIMAL | {"body": ["{text}"], "content_type": "form"}),
        ("body", MINIMAL | {"body": {"n": 1}, "content_type": "form"}),
        ("basic_auth", MINIMAL | {"basic_auth": True, "username": "u"}),
        ("encodings", MINIMAL | {"encodings": {"UCS2": "u"}}),
        ("codes", MINIMAL | {"codes": {"1": {"then": "wait"}}}),
        ("codes", MINIMAL | {"codes": {"1": {"then": "retry", "word": "NO"}}}),
        ("http_statuses", MINIMAL | {"http_statuses": {"200": {"then": "retry"}}}),
        ("signature", MINIMAL | {"receipts": RECEIPTS}),
        ("signature", MINIMAL | {"replies": REPLIES}),
        ("signature", MINIMAL | {"signature": {"scheme": "rsa"}}),
        ("callback_secret", MINIMAL | {"signature": {"scheme": "token"}}),
        ("receipts", HEARING | {"receipts": {"id": "id"}}),
        ("replies", HEARING | {"replies": {"from": "from"}}),
        ("connections", MINIMAL | {"connections": 0}),
    )

    def make_vendor(self):
        return FakeJsonGateway()

    def make_carrier(self):
        changed = {"connections": 1}
        for name in ("url", "check_url"):
            if name in self.settings and self.fake is not None:
                end = self.settings[name].split(".example", 1)[1]
                changed[name] = self.fake.url + end
        return self.make_with(self.settings | changed)


class TestGetConformance(TestJsonConformance):
    settings = GET

    def make_vendor(self):
        return FakeGetGateway()


# The page's examples


@pytest.mark.parametrize("name", ["json", "get"])
def test_the_examples_request_is_what_is_sent(name):
    head, _, body = EXAMPLES[f"{name}: request"].partition("\n\n")
    first, *lines = head.split("\n")
    request = make(json.loads(EXAMPLES[f"{name}: settings"])).compose([message()])
    assert f"{request.method} {request.url}" == first
    assert request.headers == dict(line.split(": ") for line in lines)
    assert (json.loads(request.body) if body else request.body) == (
        json.loads(body) if body else b""
    )


@pytest.mark.parametrize(("name", "ref"), [("json", "gw-81"), ("get", "4711")])
def test_the_examples_answer_takes_the_message(name, ref):
    carrier = make(json.loads(EXAMPLES[f"{name}: settings"]))
    answer = Answer(status=200, body=EXAMPLES[f"{name}: answer"].encode())
    assert carrier.read_answer([message()], answer) == Submitted(ref)


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


# What we ask


@given(st.text())
def test_no_text_gets_out_of_its_place(body):
    tree = {"t": "{text}", "list": ["<{text}>"], "n": 7, "none": None}
    assert json.loads(compose({"body": tree}, body=body).body) == {
        "t": body, "list": [f"<{body}>"], "n": 7, "none": None,
    }  # fmt: skip


@given(st.text())
def test_no_text_gets_out_of_its_field_or_parameter(body):
    form = {"a": "1", "t": "{text}", "z": "{{text}}"}
    request = compose({"body": form, "content_type": "form"}, body=body)
    fields = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert fields == [("a", "1"), ("t", body), ("z", "{text}")]
    url = "https://g.example/{text}/s?t={text}&z=1"
    request = compose({"method": "GET", "url": url}, body=body)
    parts = urlsplit(request.url)
    assert parts.netloc == "g.example"
    assert parts.path.count("/") == 2
    assert parse_qsl(parts.query, keep_blank_values=True) == [("t", body), ("z", "1")]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{to}", "+15550100001"),
        ("{to_digits}", "15550100001"),
        ("00{to_digits}", "0015550100001"),
        ("{to_int}", 15550100001),
        ("00{to_int}", "0015550100001"),
        ("{from}{from_digits}", "+1555000100015550001000"),
        ("{from_int}", 15550001000),
        ("{message_id}", "x7y8z9w0"),
        ("{encoding}/{segments}", "UCS-2/1"),
        ("{callback_url}", f"{URL}?message=x7y8z9w0"),
        ("{{to}} {to}}}", "{to} +15550100001}"),
        ("", ""),
    ],
)
def test_a_placeholder_becomes_what_it_says(template, value):
    settings = HEARING | {"body": {"x": template}}
    assert json.loads(make(settings).compose([message()]).body) == {"x": value}


def test_what_is_not_known_is_left_out():
    body = {"cb": "{callback_url}", "list": ["{callback_url}", "x"], "e": "{encoding}"}
    settings = {"body": body, "encodings": {"UCS-2": None}}
    assert json.loads(compose(HEARING | settings, None).body) == {"list": ["x"]}
    # Nobody listens: there is nothing to call back for.
    assert json.loads(compose(settings).body) == {"list": ["x"]}
    form = {"body": {"cb": "{callback_url}", "a": "1"}, "content_type": "form"}
    assert compose(form).body == b"a=1"


def test_credentials_go_where_the_settings_say():
    secret = {"username": "ü", "password": "p&:", "api_key": "k"}
    request = compose(secret | {"basic_auth": True, "body": {}, "method": "PUT"})
    assert request.method == "PUT"
    assert request.headers["Authorization"] == basic("ü", "p&:")
    request = compose(secret | {"headers": {"X-Key": "{api_key}"}, "body": ["{password}"]})
    assert request.headers["X-Key"] == "k"
    assert "Authorization" not in request.headers
    assert request.body == b'["p&:"]'
    probe = make(MINIMAL | secret | {"check_url": "https://g.example/?p={password}"}).probe()
    assert (probe.method, probe.url) == ("GET", "https://g.example/?p=p%26%3A")
    assert make(MINIMAL).probe() is None


# Where things stand

VALUE = {"a": {"b": [{"c": 1}, {"c": True}]}, "d.e": "f", "g": None, "0": {"1": "h"}, "n": 0.5}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.b.0.c", "1"), ("a.b.1.c", "true"), ("d.e", "f"), ("0.1", "h"), ("a", None),
        ("a.b.2.c", None), ("a.b.-1.c", None), ("a.b.\u0660.c", None), ("g", None), ("n", None),
        ("a..b", None), ("", None), ("a.b.0.c.d", None), ("a.b." + "9" * 5_000, None),
    ],
)  # fmt: skip
def test_a_path_leads_to_a_text_or_nowhere(path, text):
    assert find_text(VALUE, path) == text


def test_a_path_leads_to_a_value():
    assert find(VALUE, "a.b") == VALUE["a"]["b"]
    assert find([1, 2], "1") == 2
    assert find(7, "a") is None


# What its answers mean

CODED = MINIMAL | {
    "answer": {"id": "id", "status": "status", "taken": ["0", "ok"], "code": "error"},
    "codes": {
        "slow": {"then": "throttle"},
        "shut": {"then": "stop"},
        "7": {"then": "refuse", "word": "REJECTED_SPAM"},
    },
    "http_statuses": {"409": {"then": "retry"}, "503": {"then": "stop"}},
}
STRICT = CODED | {"other_codes": {"then": "refuse"}}
SPAM = Rejected("REJECTED_SPAM (7)", RecipientTrouble.SPAM)
ANSWERS = [
    (CODED, 200, {"status": 0, "id": "r1"}, Submitted("r1")),
    (CODED, 202, {"status": "ok", "id": 5}, Submitted("5")),
    (CODED, 200, {"status": 7}, SPAM),
    (CODED, 200, {"status": "no", "error": 7, "id": "r1"}, SPAM),
    (CODED, 400, {"error": 7}, SPAM),
    (CODED, 409, {"error": 7}, SPAM),
    (CODED, 400, {"error": "slow"}, Throttled(1_000)),
    (CODED, 200, {"status": "slow"}, Throttled(1_000)),
    (
        CODED,
        200,
        {"status": "shut"},
        Unavailable("The carrier refuses: so the link's settings say (shut)", 60_000),
    ),
    (CODED, 409, {}, Failed("REJECTED_SYSTEM_ERROR (HTTP 409)")),
    (CODED, 409, {"error": "new"}, Failed("REJECTED_SYSTEM_ERROR (HTTP 409)")),
    (CODED, 503, None, Unavailable),
    (CODED, 500, {"error": "new"}, Failed("REJECTED_SYSTEM_ERROR (new, HTTP 500)")),
    (CODED, 401, None, Unavailable),
    (CODED, 400, {"error": "new"}, Rejected("REJECTED_REQUEST (new, HTTP 400)")),
    # Nobody knows: it may have been taken.
    (CODED, 200, {"status": "new"}, Uncertain),
    (CODED, 200, {"status": "ok"}, Uncertain),
    (CODED, 200, {"status": "ok", "id": ""}, Uncertain),
    (CODED, 200, {"id": "r1"}, Uncertain),
    (CODED, 200, None, Uncertain),
    (STRICT, 200, {"status": "new"}, Rejected("REJECTED_REQUEST (new)")),
    (STRICT, 200, {"status": "ok"}, Uncertain),
    (STRICT, 200, {}, Uncertain),
    (STRICT, 500, {"status": "new"}, Failed),
    (MINIMAL, 200, {"id": "r1"}, Submitted("r1")),
    (MINIMAL, 400, {"id": "r1"}, Rejected),
]


@pytest.mark.parametrize(("settings", "status", "value", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(settings, status, value, outcome):
    body = b"<html>" if value is None else json.dumps(value).encode()
    told = make(settings).read_answer([message()], Answer(status=status, body=body))
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


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
