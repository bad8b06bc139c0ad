"""What is refused, with which status, code and parameter, and which fault comes first."""

import gzip
import json
import zlib

import httpx
import pytest

LONG = "a" * 1601
SINGLE = ["send-raw", "send"]
BULK = ["send-raw/bulk", "send/bulk"]


def check(answer, status, code, param=None):
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    error = answer.json()
    assert error.get("param") == param
    assert error["error"]
    assert error["doc_url"] == f"/docs/errors#{code}"
    assert error["request_id"] == answer.headers["x-request-id"]
    return error


# A body with every fault from one row on is refused for that row's.
PRECEDENCE = [
    ({"metadata": []}, "invalid_field", "metadata"),
    ({"to": ...}, "missing_to", "to"),
    ({"list_number": ...}, "missing_list_number", "list_number"),
    ({"body": ...}, "missing_body", "body"),
    ({"to": "15550100000"}, "invalid_phone", "to"),
    ({"list_number": "0"}, "invalid_list_number", "list_number"),
    ({"body": LONG}, "message_too_long", "body"),
    ({"list_number": "unknown"}, "list_not_found", "list_number"),
]


@pytest.mark.parametrize("path", SINGLE)
@pytest.mark.parametrize("at", range(len(PRECEDENCE)), ids=[row[1] for row in PRECEDENCE])
def test_the_first_fault_decides(door, path, at):
    body = door.order()
    for changes, _, _ in reversed(PRECEDENCE[at:]):
        body |= changes
    if body["list_number"] == "unknown":
        body["list_number"] = door.unknown
    _, code, param = PRECEDENCE[at]
    given = {name: value for name, value in body.items() if value is not ...}
    check(door.post(path, given), 400, code, param)


FIELDS = [
    ({"to": None}, "missing_to", "to"),
    ({"to": ""}, "missing_to", "to"),
    ({"to": " \t\n"}, "missing_to", "to"),
    ({"list_number": None}, "missing_list_number", "list_number"),
    ({"list_number": "  "}, "missing_list_number", "list_number"),
    ({"body": None}, "missing_body", "body"),
    ({"body": " \n "}, "missing_body", "body"),
    ({"to": "+0550100000"}, "invalid_phone", "to"),
    ({"to": "+155501"}, "invalid_phone", "to"),
    ({"to": "+1555010000012345"}, "invalid_phone", "to"),
    ({"to": "+1555 0100 000"}, "invalid_phone", "to"),
    ({"to": "+15550100000\n"}, "invalid_phone", "to"),
    ({"to": "+1555010000\u0660"}, "invalid_phone", "to"),
    ({"to": "tel:+15550100000"}, "invalid_phone", "to"),
    ({"list_number": "15550001000"}, "invalid_list_number", "list_number"),
    ({"body": LONG}, "message_too_long", "body"),
    ({"body": "ж" * 1601}, "message_too_long", "body"),
    ({"body": "a\0b"}, "invalid_field", "body"),
    ({"metadata": {"x": "y" * 16_384}}, "metadata_too_large", "metadata"),
]
TYPES = [
    ({"to": 15550100000}, "to", "to must be a string, not a number"),
    ({"to": True}, "to", "to must be a string, not a boolean"),
    ({"to": ["+15550100000"]}, "to", "to must be a string, not an array"),
    ({"list_number": {}}, "list_number", "list_number must be a string, not an object"),
    ({"body": 1.5}, "body", "body must be a string, not a number"),
    ({"metadata": []}, "metadata", "metadata must be an object"),
    ({"metadata": "{}"}, "metadata", "metadata must be an object"),
    ({"metadata": 0}, "metadata", "metadata must be an object"),
    ({"metadata": False}, "metadata", "metadata must be an object"),
]
FLAGS = [
    "skip_duplicate_check",
    "skip_rate_limit",
    "skip_contact_validation",
    "skip_journey_check",
]
RAW_TYPES = [
    ({flag: wrong}, flag, f"{flag} must be a boolean, not {what}")
    for flag in FLAGS
    for wrong, what in [
        ("yes", "a string"),
        ("true", "a string"),
        (1, "a number"),
        ([], "an array"),
    ]
]
SEND_TYPES = [
    ({"wrap_links": "no"}, "wrap_links", "wrap_links must be a boolean, not a string"),
    ({"contact_data": []}, "contact_data", "contact_data must be an object, not an array"),
    (
        {"contact_data": {"first_name": 5}},
        "contact_data.first_name",
        "contact_data.first_name must be a string, not a number",
    ),
    (
        {"contact_data": {"custom_fields": {"a": {}}}},
        "contact_data.custom_fields.a",
        "contact_data.custom_fields.a must be a boolean, a number or a string, not an object",
    ),
]


@pytest.mark.parametrize("path", SINGLE)
@pytest.mark.parametrize(("changes", "code", "param"), FIELDS)
def test_a_field_at_fault(door, path, changes, code, param):
    check(door.post(path, door.order(**changes)), 400, code, param)


@pytest.mark.parametrize(
    ("path", "changes", "param", "text"),
    [(path, *row) for path in SINGLE for row in TYPES]
    + [("send-raw", *row) for row in RAW_TYPES]
    + [("send", *row) for row in SEND_TYPES],
)
def test_a_wrong_type_is_refused_and_named(door, path, changes, param, text):
    error = check(door.post(path, door.order(**changes)), 400, "invalid_field", param)
    assert error["error"] == text


@pytest.mark.parametrize("number", ["9" * 5000, "1e400", "-" + "9" * 400])
def test_a_number_out_of_range(door, number):
    body = json.dumps(door.order()).replace("{", '{"contact_data":{"custom_fields":{"a":%s}},', 1)
    assert door.post("send", body % number).status_code in {200, 400}
    error = check(door.post("send-raw", f'{{"to":{number}}}'), 400, "invalid_field", "to")
    assert error["error"].startswith("to ")


GATE = [
    (lambda door: {"list_number": door.unknown}, "list_not_found", "list_number"),
    (lambda door: {"list_number": door.theirs}, "list_not_found", "list_number"),
    (lambda door: {"list_number": door.deleted}, "list_not_found", "list_number"),
    (lambda door: {"list_number": door.paused}, "list_inactive", "list_number"),
    (lambda door: {"list_number": door.unverified}, "webhook_not_configured", "list_number"),
    (lambda door: {"body": f"a {door.blocked_word.upper()}!"}, "blocked_content", "body"),
    (lambda door: {"to": door.unsubscribed()}, "contact_unsubscribed", "to"),
    (lambda door: {"to": door.blocked()}, "contact_blocked", "to"),
    (lambda door: {"to": door.on_a_journey()}, "journey_conflict", "to"),
]


@pytest.mark.parametrize("path", SINGLE)
@pytest.mark.parametrize(("changes", "code", "param"), GATE, ids=[f"{row[1]}" for row in GATE])
def test_the_gate_refuses(door, path, changes, code, param):
    check(door.post(path, door.order(**changes(door))), 400, code, param)


@pytest.mark.parametrize(
    ("flag", "who", "code"),
    [
        ("skip_contact_validation", "unsubscribed", "contact_unsubscribed"),
        ("skip_contact_validation", "blocked", "contact_blocked"),
        ("skip_journey_check", "on_a_journey", "journey_conflict"),
    ],
)
def test_a_flag_opens_its_check_in_send_raw_and_nothing_in_send(door, flag, who, code):
    order = door.order(to=getattr(door, who)())
    for other in set(FLAGS) - {flag}:
        check(door.post("send-raw", order | {other: True}), 400, code, "to")
    for off in (False, None):
        check(door.post("send-raw", order | {flag: off}), 400, code, "to")
    check(door.post("send", order | dict.fromkeys(FLAGS, True)), 400, code, "to")
    assert door.post("send-raw", order | {flag: True}).status_code == 200


@pytest.mark.parametrize("path", SINGLE)
def test_a_duplicate_names_the_first_message(door, path):
    order = door.order(body="Twice {{messageId}}")
    first = door.post(path, order).json()["message_id"]
    error = check(door.post(path, order), 400, "duplicate_message")
    assert first in error["message"]
    # Another text, another recipient, another list: another message.
    assert door.post(path, order | {"body": "Thrice"}).status_code == 200
    assert door.post(path, order | {"to": door.recipient()}).status_code == 200
    assert door.post("send-raw", order | {"skip_duplicate_check": True}).status_code == 200


class TestWhoAsks:
    @pytest.mark.parametrize("path", SINGLE + BULK)
    @pytest.mark.parametrize("body", [b"{", {}, {"to": 5}, {"messages": []}])
    def test_comes_before_what_is_asked(self, door, path, body):
        check(door.post(path, body, x_api_key=None), 401, "missing_api_key")
        check(door.post(path, body, x_api_key=""), 401, "missing_api_key")
        check(door.post(path, body, x_api_key="trk_" + "x" * 32), 401, "invalid_api_key")
        check(door.post(path, body, x_api_key=door.suspended_key), 403, "account_suspended")
        check(
            door.post(path, body, x_api_key=b"trk_\xe9", content_type="text/plain"),
            401,
            "invalid_api_key",
        )

    @pytest.mark.parametrize("path", ["messages", "messages/00000000", "messages/x"])
    def test_comes_before_what_is_looked_up(self, door, path):
        params = {"page": "x"}
        check(door.get(path, params=params, x_api_key=None), 401, "missing_api_key")
        check(door.get(path, params=params, x_api_key="wrong"), 401, "invalid_api_key")
        check(door.get(path, params=params, x_api_key=door.suspended_key), 403, "account_suspended")

    def test_words_are_the_public_apis(self, door):
        assert door.post("send-raw", {}, x_api_key=None).json()["error"] == "API key required"
        assert door.post("send-raw", {}, x_api_key="no").json()["error"] == "Invalid API key"
        suspended = door.post("send-raw", {}, x_api_key=door.suspended_key)
        assert suspended.json()["error"] == "Account is suspended"

    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
    def test_may_show_the_key_as_bearer(self, door, scheme):
        given = {"x_api_key": None, "authorization": scheme + door.key}
        assert door.post("send-raw", door.order(), **given).status_code == 200
        assert door.get("messages", **given).status_code == 200

    @pytest.mark.parametrize("value", ["Bearer", "Basic dXM6", "{key}"])
    def test_other_authorization_is_no_key(self, door, value):
        given = {"x_api_key": None, "authorization": value.format(key=door.key)}
        check(door.post("send-raw", door.order(), **given), 401, "missing_api_key")

    def test_a_header_is_not_remembered_as_another(self, door):
        in_either = [
            ({"x_api_key": None, "authorization": door.key}, 401),
            ({"x_api_key": door.key}, 200),
            ({"x_api_key": f"Bearer {door.key}"}, 401),
            ({"x_api_key": None, "authorization": f"Bearer {door.key}"}, 200),
            ({"x_api_key": "wrong", "authorization": f"Bearer {door.key}"}, 401),
            ({"x_api_key": "", "authorization": f"Bearer {door.key}"}, 200),
            ({"x_api_key": None}, 401),
        ]
        with httpx.Client(base_url=door.url, verify=False) as client:  # one connection
            for given, status in in_either:
                headers = door.headers(**given)
                answer = client.post("/api/v2/send-raw", json=door.order(), headers=headers)
                assert answer.status_code == status, (given.keys(), answer.text)

    def test_a_revoked_key_is_unknown_at_once(self, door):
        made = door.do(door.runtime.accounts.create_key(door.us, "short-lived"))
        assert door.post("send-raw", door.order(), x_api_key=made.key).status_code == 200
        door.do(door.runtime.accounts.revoke_key(door.us, made.record.id))
        for answer in (
            door.post("send-raw", door.order(), x_api_key=made.key),
            door.get("messages", x_api_key=made.key),
        ):
            check(answer, 401, "invalid_api_key")


# Each body with what its answer says of it.
BROKEN = {
    "empty": (b"", "is empty"),
    "blank": (b"  ", "is empty"),
    "cut": (b'{"to": "+1555', "after 13 bytes"),
    "bare word": (b"hello", "at byte 0"),
    "array": (b"[]", "a JSON object, not an array"),
    "string": (b'"x"', "not a string"),
    "number": (b"5", "not a number"),
    "null": (b"null", "not null"),
    "two values": (b"{} {}", "trailing characters at byte 3"),
    "single quotes": (b"{'to': 1}", "double quotes"),
    "a form": (b"to=%2B15550100000&body=x", "is a form"),
    "trailing comma": (b'{"to": "x",}', "trailing comma in object at byte 11"),
    "trailing comma in a list": (b'{"a": [1,]}', "trailing comma in array at byte 9"),
    "no comma": (b'{"to":"x" "body":"y"}', "expected ',' or '}' at byte 10"),
    "NaN": (b'{"metadata": {"a": NaN}}', "NaN is no number in JSON (at byte 19)"),
    "infinity": (b'{"metadata": {"a": -Infinity}}', "Infinity is no number"),
    "leading zero": (b'{"metadata": {"a": 01}}', "invalid number at byte 20"),
    "Python": (b'{"skip_rate_limit": True}', "True is no word of JSON"),
    "raw NUL": (b'{"body": "a\x00b"}', "invalid character (0x00) at byte 11"),
    "raw NUL between": (b'{"body": "a"}\x00', "at byte 13"),
    "raw line break": (b'{"body": "a\nb"}', "a line break in a string at byte 11; write it as \\n"),
    "raw tab": (b'{"body": "a\tb"}', "a tab in a string at byte 11; write it as \\t"),
    "raw line break of Windows": (b'{"body": "a\r\nb"}', "at byte 11; write it as \\r"),
    "bad escape": (b'{"body": "\\x"}', "at byte 11"),
    "not UTF-8": (b'{"body": "\xff"}', "is not UTF-8: byte 10 is 0xFF"),
    "Latin-1": ('{"body": "Grüße"}'.encode("latin-1"), "byte 12 is 0xFC. If it is Latin-1"),
    "cut UTF-8": (b'{"body": "\xe2\x82"}', "byte 10 is 0xE2"),
    "overlong UTF-8": (b'{"body": "\xc0\xaf"}', "byte 10 is 0xC0"),
    "surrogate as UTF-8": (b'{"body": "\xed\xa0\xbd"}', "byte 10 is 0xED"),
    "not UTF-8 in metadata": (b'{"metadata": {"a": "\xff"}}', "byte 20 is 0xFF"),
    "not UTF-8 where nobody looks": (b'{"other": "\xff"}', "byte 11 is 0xFF"),
    "byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "UTF-16": ('{"to": "x"}'.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ('{"to": "x"}'.encode("utf-16-le"), "UTF-16"),
    "UTF-16 of the other end": ('{"to": "x"}'.encode("utf-16-be"), "UTF-16"),
    "UTF-32": ('{"to": "x"}'.encode("utf-32"), "UTF-32"),
    "gzip": (gzip.compress(b"{}"), "gzip"),
    "deflate": (zlib.compress(b"{}"), "deflate"),
    "a spreadsheet": (b"PK\x03\x04 and so on", "spreadsheet"),
    "deep": (b"[" * 100_000, "object"),
    "too much": (b'{"a":' + b"[" * 5_000 + b"[]," * 200_000, "too many arrays"),
}


@pytest.mark.parametrize("path", SINGLE + BULK)
@pytest.mark.parametrize(("body", "says"), BROKEN.values(), ids=BROKEN)
def test_a_body_that_is_no_json_object(door, path, body, says):
    assert says in check(door.post(path, body), 400, "invalid_json")["error"]


# What is JSON, and yet no text can hold it.
HALVES = {
    "body": '"body": "cut \\ud83d"',
    "to": '"to": "\\ude00"',
    "list_number": '"list_number": "\\ud83d\\ud83d"',
    "metadata": '"metadata": {"a": ["\\ude00\\ud83d"]}',
}


@pytest.mark.parametrize("path", SINGLE)
@pytest.mark.parametrize(("param", "field"), HALVES.items())
def test_half_a_character_is_the_fault_of_its_field(door, path, param, field):
    order = json.dumps(door.order())[:-1] + f", {field}}}"
    error = check(door.post(path, order), 400, "invalid_field", param)
    assert error["error"].startswith(f"{param} holds half of a surrogate pair")


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ('{"first_name": "\\ud83d"}', "contact_data.first_name"),
        ('{"custom_fields": {"city": "\\ud83d"}}', "contact_data.custom_fields.city"),
        ('{"custom_fields": {"\\ud83d": 1}}', "contact_data.custom_fields"),
    ],
)
def test_half_a_character_for_a_macro(door, data, param):
    order = json.dumps(door.order())[:-1] + f', "contact_data": {data}}}'
    check(door.post("send", order), 400, "invalid_field", param)


@pytest.mark.parametrize("path", SINGLE)
def test_what_nobody_looks_at_may_be_anything_that_is_json(door, path):
    odd = '"\\ud83d", "deep": ' + "[" * 20_000 + "]" * 20_000
    order = json.dumps(door.order())[:-1] + f', "other": {odd}}}'
    assert door.post(path, order).status_code == 200
    told = door.post(f"{path}/bulk", f'{{"messages": [{order.replace("Hello", "Again")}]}}')
    assert told.json()["queued_count"] == 1


@pytest.mark.parametrize("path", SINGLE)
@pytest.mark.parametrize("braces", ["[]", '{"a":}'])
@pytest.mark.parametrize(
    ("levels", "fits"), [(64, True), (65, False), (400, False), (1_500, False), (8_000, False)]
)
def test_metadata_has_64_levels(door, path, braces, levels, fits):
    begin, end = braces[:-1], braces[-1]
    # The innermost object has to hold something: a key asks for a value.
    inside = "1" if begin != "[" else ""
    nested = begin * (levels - 1) + inside + end * (levels - 1)
    order = json.dumps(door.order())[:-1] + f', "metadata": {{"x": {nested}}}}}'
    answer = door.post(path, order)
    if fits:
        assert answer.status_code == 200, answer.text
    else:
        error = check(answer, 400, "invalid_field", "metadata")
        assert error["error"] == "metadata is nested more than 64 levels deep"


def test_brackets_in_metadatas_texts_are_no_levels(door):
    door.send(metadata={"x": '[{"\\' * 1_000})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ('{"city": {}}', "contact_data.custom_fields.city"),
        ('{"a": 1, "b": [1]}', "contact_data.custom_fields.b"),
        ('{"": []}', "contact_data.custom_fields"),
        ('{"favourite colour": []}', "contact_data.custom_fields.favourite colour"),
        ('{"%s": []}' % ("k" * 5_000), "contact_data.custom_fields." + "k" * 100),
        ('{"n": 1e400}', "contact_data.custom_fields.n"),
        ("[]", "contact_data.custom_fields"),
    ],
)
def test_a_value_at_fault_is_named_by_its_key(door, fields, param):
    order = json.dumps(door.order())[:-1] + f', "contact_data": {{"custom_fields": {fields}}}}}'
    error = check(door.post("send", order), 400, "invalid_field", param)
    assert param in error["error"]


@pytest.mark.parametrize("path", SINGLE + BULK)
def test_json_only(door, path):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", None):
        check(door.post(path, b"{}", content_type=kind), 415, "unsupported_media_type")
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/json ;v=1"):
        check(
            door.post(path, b"{}", content_type=kind),
            400,
            *(["missing_messages", "messages"] if path in BULK else ["missing_to", "to"]),
        )


@pytest.mark.parametrize("path", SINGLE + BULK)
@pytest.mark.parametrize("extra", [1, 4_000_000])
def test_a_body_over_5_mb(door, path, extra):
    body = b'{"other": "' + b"x" * (5_000_000 - 13) + b'"}'
    assert len(body) == 5_000_000
    assert door.post(path, body).status_code == 400
    check(door.post(path, body + b" " * extra), 413, "payload_too_large")


class TestBatch:
    @pytest.mark.parametrize("path", BULK)
    @pytest.mark.parametrize("body", [{}, {"messages": None}, {"messages": []}])
    def test_without_messages(self, door, path, body):
        check(door.post(path, body), 400, "missing_messages", "messages")

    @pytest.mark.parametrize("path", BULK)
    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"messages": {}}, "messages"),
            ({"messages": "all"}, "messages"),
            ({"messages": 5}, "messages"),
            ({"messages": [{}], "list_number": 5}, "list_number"),
        ],
    )
    def test_of_a_wrong_type(self, door, path, body, param):
        check(door.post(path, body), 400, "invalid_field", param)

    @pytest.mark.parametrize("path", BULK)
    def test_of_too_many(self, door, path):
        many = [{} for _ in range(1_001)]
        check(door.post(path, {"messages": many}), 413, "too_many_messages", "messages")
        answer = door.post(path, {"messages": many[1:]})
        assert (answer.status_code, answer.json()["error_count"]) == (200, 1_000)

    @pytest.mark.parametrize("path", BULK)
    def test_reports_each_message_at_fault_and_queues_the_rest(self, door, path):
        good = [door.order(body=f"Good {n}") for n in range(3)]
        bad = [
            ({}, None, "missing_to", "to"),
            (5, None, "invalid_field", "messages"),
            ([], None, "invalid_field", "messages"),
            (None, None, "invalid_field", "messages"),
            (door.order(to=5), None, "invalid_field", "to"),
            (door.order(to="five"), "five", "invalid_phone", "to"),
            (door.order(to=good[1]["to"], metadata=1), good[1]["to"], "invalid_field", "metadata"),
            (
                good[1] | {"list_number": door.unknown},
                good[1]["to"],
                "list_not_found",
                "list_number",
            ),
            (good[0], good[0]["to"], "duplicate_message", None),
        ]  # fmt: skip
        messages = [good[0], *(row[0] for row in bad), good[1], good[2]]
        answer = door.post(path, {"messages": messages})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["queued_count"], told["error_count"]) == (3, len(bad))
        shown = [
            (error["index"], error["to"], error["code"], error.get("param"))
            for error in told["errors"]
        ]
        assert shown == [(index, *row[1:]) for index, row in enumerate(bad, 1)]
        assert all(error["error"] for error in told["errors"])
        first = told["messages"][0]["message_id"]
        assert first in told["errors"][-1]["message"]
        queued = {each["index"]: each["message_id"] for each in told["messages"]}
        assert list(queued) == [0, len(bad) + 1, len(bad) + 2]
        for index, name in queued.items():
            assert door.get(f"messages/{name}").json()["to"] == messages[index]["to"]

    @pytest.mark.parametrize("path", BULK)
    def test_judges_odd_records_alone(self, door, path):
        good = [json.dumps(door.order(body=f"Good {n}")) for n in range(3)]

        def odd(more):
            return json.dumps(door.order())[:-1] + f", {more}}}"

        bad = [
            (odd(HALVES["body"]), "invalid_field", "body"),
            (odd('"body": "\\ude00\\ud83d"'), "invalid_field", "body"),
            (odd('"body": "a\\u0000b"'), "invalid_field", "body"),
            (odd(HALVES["metadata"]), "invalid_field", "metadata"),
            (odd('"metadata": {"x": ' + "[" * 100 + "]" * 100 + "}"), "invalid_field", "metadata"),
            (
                odd('"metadata": {"x": ' + "[" * 7_000 + "]" * 7_000 + "}"),
                "invalid_field",
                "metadata",
            ),
            ("[" * 2_000 + "]" * 2_000, "invalid_field", "messages"),
            ('"\\ud83d"', "invalid_field", "messages"),
        ]
        records = [good[0], *(row[0] for row in bad), good[1], good[2]]
        answer = door.post(path, f'{{"messages": [{",".join(records)}], "note": "\\ud83d"}}')
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert [each["index"] for each in told["messages"]] == [0, len(bad) + 1, len(bad) + 2]
        shown = [(each["index"], each["code"], each["param"]) for each in told["errors"]]
        assert shown == [(index, *row[1:]) for index, row in enumerate(bad, 1)]
        for error, record in zip(told["errors"][:5], records[1:], strict=False):
            assert error["to"] == json.loads(record)["to"]

    @pytest.mark.parametrize("path", BULK)
    def test_shows_recipients_even_of_what_it_cannot_read(self, door, path):
        numbers = f'{{"a": 1e400, "b": {"9" * 5_000}}}'
        first = f'{{"to": "+15551999998", "metadata": {numbers}, "body": ""}}'
        second = f'{{"to": "+15551999998", "to": "last", "x": {numbers}}}'
        body = f'{{"messages": [{first}, {second}]}}'
        told = door.post(path, body).json()
        assert [error["to"] for error in told["errors"]] == ["+15551999998", "last"]
