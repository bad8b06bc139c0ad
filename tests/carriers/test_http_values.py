"""The kit's pure parts: codes, waits, what is stored of a callback, and proofs."""

import base64
from email.utils import format_datetime, formatdate
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.http.codes import Action, Code, Codes, outcome_by_status
from sendrail.carriers.http.exchange import Answer, basic, post_form, post_json
from sendrail.carriers.reading import mended, read_json
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import Failed, Rejected, Throttled, Unavailable, Uncertain
from sendrail.domain.errors import CarrierTrouble

# Codes

CODES = Codes(
    "Plain",
    {
        "slow": Code(Action.THROTTLE, Detail.RATE, "too fast"),
        "later": Code(Action.RETRY, Detail.SYSTEM, "a bad moment"),
        "shut": Code(Action.STOP, Detail.ACCOUNT, "the account is shut"),
        "7": Code(Action.REFUSE, Detail.SPAM, "spam"),
    },
    ranges=[(range(100, 200), Code(Action.REFUSE, Detail.OPERATOR, "the operator's"))],
)
SPAM = Rejected("REJECTED_SPAM (7)", RecipientTrouble.SPAM)
OPERATOR = Rejected("REJECTED_OPERATOR (150)", RecipientTrouble.OPERATOR)
VERDICTS = [
    (400, "slow", Throttled(1_000)),
    (400, "later", Failed("REJECTED_SYSTEM_ERROR (later)")),
    (400, "shut", Unavailable("Plain refuses: the account is shut (shut)", 60_000)),
    # A known code beats any status; some vendors say 200 to everything.
    (400, "7", SPAM),
    (200, "7", SPAM),
    (500, "7", SPAM),
    (403, "7", SPAM),
    (400, "150", OPERATOR),
    (200, "150", OPERATOR),
    (404, "150", OPERATOR),
    # A code that is known by its range alone does not.
    (403, "150", Unavailable("Plain refuses: the account may not do this (150, HTTP 403)", 60_000)),
    (429, "150", Throttled(1_000)),
    (500, "150", Failed("REJECTED_SYSTEM_ERROR (150, HTTP 500)")),
    (502, "150", Uncertain("a gateway of Plain got no answer (150, HTTP 502)")),
    (400, "200", Rejected("REJECTED_REQUEST (200, HTTP 400)")),
    (400, None, Rejected("REJECTED_REQUEST (HTTP 400)")),
    (200, None, Uncertain("Plain answered what we cannot read (HTTP 200)")),
    (400, "\u0667", Rejected("REJECTED_REQUEST (\u0667, HTTP 400)")),
    (400, "1" * 5_000, Rejected("REJECTED_REQUEST (…, HTTP 400)")),
]


@pytest.mark.parametrize(("status", "code", "outcome"), VERDICTS)
def test_a_code_decides_else_its_range_else_the_status(status, code, outcome):
    assert CODES.outcome(Answer(status=status), code) == outcome


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("30007", "30007"),
        ("999999999", "999999999"),
        ("to +15552340001 is barred", "to +… is barred"),
        ("a\x1b[2J\0\nb", "a\ufffd[2J\ufffd\ufffdb"),
        ("é\ud83d", "é\ufffd"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100 + "…"),
        ("x" * 95 + "15552340001", "x" * 95 + "…"),
    ],
)
def test_a_code_is_shown_in_short_and_names_no_person(code, shown):
    for outcome in (CODES.outcome(Answer(status=status), code) for status in (200, 400, 401, 500)):
        assert f"({shown}, HTTP " in outcome.detail
    assert CODES.explain(code) == (f"REJECTED_UNKNOWN_REASON ({shown})", None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Uncertain), (204, Uncertain), (301, Unavailable), (307, Unavailable),
        (400, Rejected), (401, Unavailable), (402, Unavailable), (403, Unavailable),
        (404, Rejected), (408, Failed), (409, Rejected), (422, Rejected), (425, Failed),
        (429, Throttled), (500, Failed), (501, Failed), (502, Uncertain), (503, Failed),
        (504, Uncertain), (520, Uncertain), (521, Failed), (524, Uncertain), (529, Failed),
        (599, Failed),
    ],
)  # fmt: skip
def test_every_status_has_a_meaning(status, kind):
    assert type(outcome_by_status("Plain", Answer(status=status))) is kind


def test_a_receipt_takes_a_codes_word():
    assert CODES.explain("7") == ("REJECTED_SPAM (7)", RecipientTrouble.SPAM)
    assert CODES.explain("shut") == ("REJECTED_ACCOUNT (shut)", None)
    assert CODES.explain("8") == ("REJECTED_UNKNOWN_REASON (8)", None)
    assert CODES.explain(None) == ("REJECTED_UNKNOWN_REASON", None)


def test_every_trouble_of_a_recipient_has_its_word():
    assert set(TROUBLE.values()) == set(RecipientTrouble)


# Waits

NOW = 1_800_000_000
WAITS = [
    ({"retry-after": "0"}, 0),
    ({"retry-after": " 120 "}, 120_000),
    ({"retry-after": "99999999999"}, 3_600_000),
    (
        {"retry-after": formatdate(NOW + 30, usegmt=True), "date": formatdate(NOW, usegmt=True)},
        30_000,
    ),
    ({"retry-after": formatdate(NOW - 30, usegmt=True), "date": formatdate(NOW, usegmt=True)}, 0),
    ({}, None),
    ({"retry-after": ""}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "-1"}, None),
    ({"retry-after": "1.5"}, None),
    ({"retry-after": "٣"}, None),
    ({"retry-after": formatdate(NOW, usegmt=True)}, None),
    ({"retry-after": "Mon, 01 Jan 2029 00:00:00", "date": formatdate(NOW, usegmt=True)}, None),
]


@pytest.mark.parametrize(("headers", "milliseconds"), WAITS)
def test_a_wait_is_read_in_seconds_or_as_a_date(headers, milliseconds):
    assert Answer(status=429, headers=headers).retry_after_ms == milliseconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_is_too_odd_to_be_read(after, date):
    wait = Answer(status=429, headers={"retry-after": after, "date": date}).retry_after_ms
    assert wait is None or 0 <= wait <= 3_600_000


@given(st.datetimes(), st.datetimes(timezones=st.just(None)))
def test_no_date_is_too_far_to_be_read(until, now):
    headers = {"retry-after": format_datetime(until), "date": format_datetime(now)}
    wait = Answer(status=429, headers=headers).retry_after_ms
    assert wait is None or 0 <= wait <= 3_600_000


# Requests


def test_a_form_and_a_json_body_carry_their_type_and_the_headers_given():
    form = post_form("https://e.com/", {"b": "ü +", "a": "1&2"}, {"X": "1"})
    assert form.headers == {"X": "1", "Content-Type": "application/x-www-form-urlencoded"}
    assert form.body == b"b=%C3%BC+%2B&a=1%262"
    made = post_json("https://e.com/", {"a": "ü"}, {"X": "1"})
    assert made.headers == {"X": "1", "Content-Type": "application/json"}
    assert made.body == '{"a":"ü"}'.encode()


def test_a_request_and_an_answer_print_no_secret_and_no_text():
    request = post_json("https://e.com/secret", {"a": "secret"}, {"X": "secret"})
    assert repr(request) == "Request(method='POST')"
    answer = Answer(status=200, headers={"x": "secret"}, body=b"secret")
    assert repr(answer) == "Answer(status=200)"


def test_basic_credentials_are_those_of_rfc_7617():
    assert basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert basic("test", "123£") == "Basic dGVzdDoxMjPCow=="


@pytest.mark.parametrize("body", [b"", b"{", b'"a"', b"\xff", b"[" * 100_000, b'{"a": "\xff"}'])
def test_what_is_no_json_of_that_shape_is_trouble(body):
    with pytest.raises(CarrierTrouble):
        read_json(body, dict[str, int])


# Stored callbacks


def request(body=b"", query="", content_type="application/json", method="POST"):
    url = "https://e.com/cb" + (f"?{query}" if query else "")
    headers = {} if content_type is None else {"content-type": content_type}
    return CallbackRequest(method=method, url=url, headers=headers, body=body)


def test_a_stored_callback_can_be_read_by_a_person():
    raw = callbacks.pack(request(b'{"a": 1}', "message=x7", "Application/JSON; charset=utf-8"))
    assert raw == b'application/json\nmessage=x7\n{"a": 1}'


@given(st.binary(max_size=50), st.text("ab=&%2+", max_size=20))
def test_what_is_stored_comes_back_whole(body, query):
    stored = callbacks.unpack(callbacks.pack(request(body, query, None)))
    assert (stored.content_type, stored.query, stored.body) == ("", query, body)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_to_be_unpacked_or_refused(raw):
    try:
        stored = callbacks.unpack(raw)
        _ = stored.message_id
        stored.form()
    except CarrierTrouble:
        pass


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=5))
def test_a_form_is_read_as_it_was_written(fields):
    assert callbacks.read_form(urlencode(fields).encode()) == fields


def test_a_byte_that_is_no_text_stays_what_it_is():
    [(_, value)] = callbacks.read_form(b"a=%ff%ED%A0%BDz")
    assert value.encode("utf-8", "surrogateescape") == b"\xff\xed\xa0\xbdz"
    assert callbacks.unpack(b"\n\na=%ffz").form() == {"a": "\ufffdz"}


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("é😊".encode(), "é😊"),
        (b"hi \xed\xa0\xbd", "hi \ufffd"),
        (b"\xed\xb8\x80 hi", "\ufffd hi"),
        # An emoji as its two halves, each written as a character: CESU-8.
        (b"\xed\xa0\xbd\xed\xb8\x80", "\U0001f600"),
        (b"a\xff\xfeb", "a\ufffd\ufffdb"),
        (b"\xed\xa0", "\ufffd\ufffd"),
    ],
)
def test_what_is_no_text_is_put_right(octets, text):
    assert mended(octets) == text
    assert read_json(b'"' + octets + b'"', str) == text
    assert callbacks.unpack(b"\n\na=" + quote_from_bytes(octets).encode()).form() == {"a": text}


@pytest.mark.parametrize(
    "body", [b"a", b"a=1&b", b"a=1&&b=2", "a=ü".encode(), b"&".join([b"a=1"] * 257)]
)
def test_what_could_be_read_in_two_ways_is_no_form(body):
    with pytest.raises(CarrierTrouble):
        callbacks.read_form(body)


@pytest.mark.parametrize("url", ["https://e.com/cb", "https://e.com/cb?k=v"])
def test_the_callback_url_of_a_message_names_it(url):
    told = callbacks.about(url, "x7y8z9w0")
    assert told.startswith(url)
    stored = callbacks.unpack(callbacks.pack(request(b"{}", told.partition("?")[2])))
    assert stored.message_id == "x7y8z9w0"
    assert callbacks.unpack(callbacks.pack(request(b"{}"))).message_id is None


# Proofs


def test_a_digest_is_that_of_rfc_4231():
    # Test case 2.
    assert signatures.digest("Jefe", b"what do ya want for nothing?", "sha256").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_any_of_those_expected_matches_and_nothing_else():
    assert signatures.matches("b", ["a", b"b"])
    assert signatures.matches(b"b", ["b"])
    assert not signatures.matches("c", ["a", "b"])
    assert not signatures.matches("", ["a"])
    assert not signatures.matches("a", [])
    assert not signatures.matches("\udcff\u20ac", ["a"])


@pytest.mark.parametrize(
    ("seconds", "fresh"),
    [("1000", True), ("700", True), ("699", False), ("1300", True), ("1301", False)]
    + [(odd, False) for odd in ("", "-1000", "1e3", "1000.0", "٣", " 1000", "9" * 5_000)],
)
def test_a_signed_time_must_be_near(seconds, fresh):
    assert signatures.is_fresh(seconds, 1_000_000) is fresh


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        (basic("u", "p"), True),
        (basic("u", "old"), True),
        (basic("u", "p").replace("Basic", "basic"), True),
        (basic("u", "x"), False),
        (basic("v", "p"), False),
        ("", False),
        ("Basic", False),
        ("Basic ü", False),
        ("Bearer " + base64.b64encode(b"u:p").decode(), False),
    ],
)
def test_a_user_is_let_in_with_one_of_two_passwords(header, passes):
    assert signatures.basic_matches(header, [("u", "p"), ("u", "old")]) is passes
