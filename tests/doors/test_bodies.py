"""What a body of JSON may hold: whatever it is, it is taken or refused by its place, at a bounded
cost, and a refusal repeats little of it.
"""

import json
import re

import pytest
from campaigning import a_campaign
from dashboard_site import ME
from written import parsed

from doors import LIST
from sendrail.api.openapi import OPERATIONS

HALF = r'"a\ud800"'
DEEP = '{"a":' * 1_000 + "1" + "}" * 1_000
LONG_KEY = json.dumps({"k" * 50_000: []})
# As they stand in a body: no encoder writes some of them.
HOSTILE = (
    "null", "7", "-1", "1.5", "1e400", str(2**70), "true", '"7"', '" "', '"a\\u0000"', HALF,
    "[]", '["x"]', "[null]", "[[]]", '["a\\ud800"]', json.dumps(["x"] * 10_000),
    json.dumps(list(range(1, 10_001))), "[" * 1_000 + "]" * 1_000, "[" * 100_001 + "]" * 100_001,
    "{}", '{"a":1,"a":[1e400]}', '{"a":{"\\ud800":["\\u0000"]}}', DEEP, LONG_KEY,
)  # fmt: skip
# An answer to one fault: what was given is shown in part, however long.
ANSWER_BYTES_MAX = 8_000
BODIES = [each for each in OPERATIONS if each.request is not None]


@pytest.fixture(scope="module")
def things(doors):
    """One of each thing that a path or a body may name, by the name it has there."""
    of = a_campaign(doors.site, doors.list_id)
    journey = doors.do(doors.runtime.journeys.add(doors.us, parsed(LIST), "Ours")).id
    domain = doors.do(doors.runtime.tracking.domains.add(doors.us, "go.ours.example", ME))
    message = doors.site.send(doors.number(), LIST, "Hello")
    return of | {
        "list_id": doors.list_id, "journey_id": journey, "domain_id": domain.domain.id,
        "message_id": message, "audiences": [of["audience_id"]], "offerId": of["offer_id"],
        "list_number": LIST, "phoneNumber": LIST,
    }  # fmt: skip


def _body(operation, things):
    example = next(iter(operation.examples.values()), {})
    return {name: things.get(name, value) for name, value in example.items()}


@pytest.mark.parametrize("operation", BODIES, ids=[each.id for each in BODIES])
def test_no_value_of_a_field_breaks_a_call(doors, things, operation):
    path = re.sub(r"{(\w+)}", lambda found: str(things[found[1]]), operation.path)[1:]
    given = _body(operation, things)
    struct = operation.request.__struct_encode_fields__
    for field in dict.fromkeys((*struct, *given)):
        for raw in HOSTILE:
            marked = json.dumps(given | {field: "@"}).replace('"@"', raw)
            answer = doors.call(operation.method, path, marked)
            what = (field, raw[:30], answer.text[:300])
            assert answer.status_code < 500, what
            if answer.is_success:
                continue
            error = answer.json()
            assert len(answer.content) < ANSWER_BYTES_MAX, what
            assert error["error"], what
            assert error["code"] != "invalid_field" or error["param"], what


@pytest.mark.parametrize("body", ["null", "7", '"x"', "[]", "true", "", "[" * 3_000, DEEP[:-1]])
def test_a_body_is_an_object(doors, things, body):
    for operation in BODIES:
        path = re.sub(r"{(\w+)}", lambda found: str(things[found[1]]), operation.path)[1:]
        answer = doors.call(operation.method, path, body)
        allowed = {"invalid_json"} if body else {"invalid_json", None, "run_state_conflict"}
        code = None if answer.is_success else answer.json()["code"]
        assert code in allowed or not body, (operation.id, answer.text)
        assert answer.status_code < 500


# A body, and the code and the place of the fault in it.
PLACES = [
    ("POST", "audiences/preview", '{"filter": {"operator": 1e400}}', "invalid_filter", "filter"),
    ("POST", "audiences/preview", '{"filter": {"operator": "\\ud800"}}', "invalid_field", "filter"),
    ("POST", "audiences/preview", '{"filter": {"conditions": ["\\u0000"]}}', "invalid_filter",
     "filter.conditions[0]"),
    ("POST", "audiences/preview", '{"filter": @DEEP}', "filter_too_large", "filter"),
    ("POST", "journeys", '{"list_number": "@LIST", "name": "J", "steps": [-1e400]}',
     "invalid_field", "steps"),
    ("POST", "journeys/{journey_id}/validate", '{"goal": {"a": ["\\u0000"]}}', "invalid_field",
     "goal.a[0]"),
    ("POST", "journeys/{journey_id}/simulate", '{"verdicts": @DEEP}', "invalid_field",
     "verdicts"),
    ("PUT", "account", '{"blocked_words": ["ok", @HALF]}', "invalid_field", "blocked_words[1]"),
    ("PUT", "account", '{"stop_words": ["a\\u0000"]}', "invalid_field", "stop_words[0]"),
    ("POST", "schedules/{schedule_id}/test", '{"phone_numbers": [@HALF]}', "invalid_field",
     "phone_numbers[0]"),
    ("PUT", "offers/{offer_id}", '{"metadata": {"a": "x", "b": 5}}', "invalid_field", "metadata.b"),
    ("PUT", "offers/{offer_id}", '{"metadata": {"a": "x", "b": @DEEP}}', "invalid_field",
     "metadata.b"),
    ("POST", "schedules",
     '{"blasts": [{"offer_links": [{}, {"url_params": {"a": "x", "b": [1]}}]}]}', "invalid_field",
     "blasts[0].offer_links[1].url_params.b"),
    ("PUT", "domains/{domain_id}", '{"lists": ["@LIST", "+15557299999"]}', "list_not_found",
     "lists[1]"),
    ("PUT", "domains/{domain_id}", '{"lists": ["@LIST", "five"]}', "list_not_found",
     "lists[1]"),
    ("PUT", "domains/{domain_id}", '{"lists": ["5"]}', "invalid_list_number", "lists[0]"),
    ("POST", "send-raw", '{"to": "+15557100001", "list_number": "+15557299999", "body": "x"}',
     "list_not_found", "list_number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "param"),
    PLACES,
    ids=[f"{row[1]}-{row[4]}" for row in PLACES],
)
def test_a_fault_is_named_by_its_place(doors, things, method, path, body, code, param):
    for name, text in {"@LIST": LIST, "@HALF": HALF, "@DEEP": DEEP}.items():
        body = body.replace(name, text)
    answer = doors.call(method, path.format(**things), body)
    error = answer.json()
    assert (error["code"], error["param"]) == (code, param), answer.text


@pytest.mark.parametrize(
    ("path", "record", "code", "param"),
    [
        ("revenue/bulk", {"message_id": 5}, "invalid_field", "message_id"),
        ("revenue/bulk", {"message_id": "AAAAAAAA", "revenue": 1}, "missing_attribution_type",
         "attribution_type"),
        ("history/sends", {"id": " "}, "missing_id", "id"),
        ("history/sends", {"id": "a", "list_number": "5"}, "invalid_list_number", "list_number"),
        ("history/clicks", {"message_id": "a", "offer_id": "b", "timestamp": "x"},
         "invalid_timestamp", "timestamp"),
        ("history/revenue", {"message_id": "a", "offer_id": "b", "revenue": -1}, "invalid_field",
         "revenue"),
    ],
)  # fmt: skip
def test_a_record_of_a_batch_is_refused_by_its_field(doors, path, record, code, param):
    [error] = doors.call("POST", path, {"records": [record]}).json()["errors"]
    assert (error["index"], error["code"], error["param"]) == (0, code, param)


# Whose field, and what the account, another one and nobody has of its kind. Each is a call.
NAMED = [
    ("revenue", "message_id", {"revenue": 1, "attribution_type": "send"}),
    ("links", "offerId", {"phoneNumber": LIST}),
    ("links/shorten", "listId", {"url": "https://x.example/"}),
    ("links/shorten", "phoneNumber", {"url": "https://x.example/"}),
    ("contacts", "list_number", {"phone_number": "+15557100001"}),
    ("events", "list_number", {"phone_number": "+15557100001", "event": "e"}),
    ("journeys", "list_number", {"name": "J"}),
    ("send-raw", "list_number", {"to": "+15557100001", "body": "x"}),
    ("audiences/preview", "source_lists", {"filter": None}),
]


@pytest.fixture(scope="module")
def theirs(doors):
    """Things of another account, by the fields that would name them."""
    runtime, them = doors.runtime, doors.site.them
    number = doors.number()
    made = doors.do(runtime.lists.add(them, parsed(number), connector="sandbox")).sender.id
    key = doors.do(runtime.accounts.create_key(them, "theirs")).key
    ours, doors.key = doors.key, key
    offer = doors.resources["offer"].made(doors)
    doors.key = ours
    message = doors.site.send(doors.number(), number, "Hello", them)
    return {
        "message_id": message, "offerId": offer, "listId": made, "phoneNumber": number,
        "list_number": number, "source_lists": [made],
    }  # fmt: skip


NOBODYS = {
    "message_id": "AAAAAAAA", "offerId": "0" * 24, "listId": 2**40, "phoneNumber": "+15557299999",
    "list_number": "+15557299999", "source_lists": [2**40],
}  # fmt: skip


@pytest.mark.parametrize(("path", "field", "more"), NAMED)
def test_what_is_anothers_is_as_what_is_not_there(doors, theirs, path, field, more):
    if path.startswith("audiences"):
        more = {"filter": doors.resources["audience"].new(doors)["filter"]}
    answers = [doors.call("POST", path, more | {field: each[field]}) for each in (theirs, NOBODYS)]
    shown = [(each.status_code, each.json()["code"], each.json()["param"]) for each in answers]
    assert shown[0] == shown[1]
    assert shown[0][2] == field
    assert not answers[0].is_success


def test_a_journeys_warnings_are_few_however_many_keys(doors, things):
    path = f"journeys/{things['journey_id']}/validate"
    for keys in (200, 20_000):
        answer = doors.call("POST", path, {str(at): 1 for at in range(keys)})
        assert len(answer.json()["warnings"]) == 100
    # Of a body that is far larger than a document, none are looked for.
    assert doors.call("POST", path, {str(at): 1 for at in range(60_000)}).json()["warnings"] == []
    within = doors.call("POST", path, {"goal": {str(at): 1 for at in range(5_000)}})
    assert len(within.json()["warnings"]) <= 100
    beyond = doors.call("POST", path, {"goal": {str(at): 1 for at in range(20_000)}})
    assert (beyond.status_code, beyond.json()["param"]) == (413, "goal")


def test_blanks_around_a_document_are_no_part_of_it(doors, things):
    path = f"journeys/{things['journey_id']}/validate"
    answer = doors.call("POST", path, f'{{"steps": [{" " * 100_000}]}}')
    assert "payload_too_large" not in answer.text


def test_a_list_that_is_named_often_is_named_once(doors, things):
    place = f"domains/{things['domain_id']}"
    answer = doors.call("PUT", place, {"lists": [LIST] * 10_000})
    assert answer.json()["lists"] == [LIST]
    assert doors.call("PUT", place, {"lists": []}).json()["lists"] == []


def test_a_number_of_what_was_removed_names_nothing_else_later(doors):
    def journey():
        body = {"list_number": LIST, "name": f"Journey {doors.number()}", "status": "draft"}
        return doors.call("POST", "journeys", body).json()["id"]

    def domain():
        host = f"go{doors.number()[1:]}.example"
        return doors.call("POST", "domains", {"domain": host}).json()["id"]

    def endpoint():
        result = doors.command("webhooks", "add", "https://x.example/", "--json")
        return json.loads(result.stdout)["id"]

    domain()
    for make, path in ((journey, "journeys"), (domain, "domains")):
        removed = make()
        assert doors.call("DELETE", f"{path}/{removed}").is_success
        assert make() > removed
        assert doors.call("GET", f"{path}/{removed}").status_code == 404
    removed = endpoint()
    assert doors.command("webhooks", "remove", str(removed), "--yes").exit_code == 0
    assert endpoint() > removed
