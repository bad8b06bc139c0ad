"""The carrier that is described by settings: what it asks, and what the answers mean: tables."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from fake_gateways import EXAMPLES, GET, JSON, PAGE, FakeGetGateway, FakeJsonGateway, basic
from generic_connector import BODY, HEARING, MINIMAL, RECEIPTS, REPLIES, URL, make, message
from good_callbacks import CALLBACKS
from http_suite import HttpConformance
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.generic.carrier import GenericCarrier
from sendrail.carriers.generic.paths import find, find_text
from sendrail.carriers.generic.requests import PLACEHOLDERS
from sendrail.carriers.http.exchange import Answer
from sendrail.connectors.settings import typed
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)


def compose(settings, callback_url=URL, body=BODY):
    return make(MINIMAL | settings, callback_url).compose([message(body)])


class TestJsonConformance(HttpConformance):
    kind = GenericCarrier
    settings = JSON
    callbacks = CALLBACKS["http"]
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
        ("encodings", MINIMAL | {"encodings": {"UCS-2": "u"}}),
        ("codes", MINIMAL | {"codes": {"1": {"then": "wait"}}}),
        ("codes", MINIMAL | {"codes": {"1": {"then": "retry", "word": "NO"}}}),
        ("http_statuses", MINIMAL | {"http_statuses": {"200": {"then": "retry"}}}),
        ("callback_token", MINIMAL | {"receipts": RECEIPTS}),
        ("callback_token", MINIMAL | {"replies": REPLIES}),
        ("callback_token", MINIMAL | {"receipts": RECEIPTS, "callback_token": "short"}),
        ("signature_algorithm", MINIMAL | {"signature_algorithm": "md5"}),
        ("trust_callback_url", HEARING | {"trust_callback_url": "yes"}),
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
    callbacks = CALLBACKS["http by GET"]

    def make_vendor(self):
        return FakeGetGateway()

    def answers(self, carrier):
        """Leave these out: by `other_codes`, whatever else a status says is a refusal."""
        del carrier
        return ()


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


@pytest.mark.parametrize("example", [JSON, GET], ids=["json", "get"])
def test_the_examples_settings_can_be_typed(example):
    words = {name: v if isinstance(v, str) else json.dumps(v) for name, v in example.items()}
    given = typed("http", words, GenericCarrier.Settings)
    assert make(given).compose([message()]) == make(example).compose([message()])


@pytest.mark.parametrize(("name", "ref"), [("json", "gw-81"), ("get", "4711")])
def test_the_examples_answer_takes_the_message(name, ref):
    carrier = make(json.loads(EXAMPLES[f"{name}: settings"]))
    answer = Answer(status=200, body=EXAMPLES[f"{name}: answer"].encode())
    assert carrier.read_answer([message()], answer) == Submitted(ref)


# What we ask


@pytest.mark.parametrize("name", sorted(PLACEHOLDERS))
def test_every_placeholder_is_explained(name):
    assert f"`{{{name}}}`" in PAGE.read_text("utf-8")


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
        ("{encoding}/{segments}", "ucs2/1"),
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
    settings = {"body": body, "encodings": {"ucs2": None}}
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
BY_CODE = MINIMAL | {"answer": {"id": "id", "code": "error"}, "codes": CODED["codes"]}
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
        Unavailable("The carrier refuses: so the connector's settings say (shut)", 60_000),
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
    (BY_CODE, 200, {"id": "r1"}, Submitted("r1")),
    (BY_CODE, 200, {"id": "r1", "error": 0}, Submitted("r1")),
    (BY_CODE, 200, {"id": "r1", "error": 7}, SPAM),
    (BY_CODE, 200, {"error": 7}, SPAM),
    (BY_CODE, 200, {"error": 8}, Uncertain),
    (MINIMAL, 400, {"id": "r1"}, Rejected),
]


@pytest.mark.parametrize(("settings", "status", "value", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(settings, status, value, outcome):
    body = b"<html>" if value is None else json.dumps(value).encode()
    told = make(settings).read_answer([message()], Answer(status=status, body=body))
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)
