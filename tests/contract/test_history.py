"""History over HTTP: as documented, each row judged alone, the same rows twice change nothing."""

import json
import re
import uuid
from pathlib import Path

import pytest
from asking import ask, refused, told

from sendrail.domain.audit import Actor
from sendrail.tracking.history import RECORDS_MAX
from sendrail.tracking.offers import OfferChange

ME = Actor(name="a test")
AT = "2025-11-03T17:20:00Z"


@pytest.fixture
def ref():
    return f"old-{uuid.uuid4()}"


@pytest.fixture
def offer(door):
    """The name by which a network calls an offer of ours."""
    name = f"network {uuid.uuid4()}"
    given = OfferChange(
        name="Offer", tracking_url="https://shop.example/", external_id=name, payout=50_000
    )
    door.do(door.runtime.tracking.offers.add(door.us, given, ME))
    return name


def send(ref, **more):
    fields = {"list_number": "+15550001000", "to_number": "+15550100077", "timestamp": AT}
    return {"id": ref} | fields | more


def imported(door, kind, *records, **headers):
    return told(ask(door, "POST", f"history/{kind}", {"records": records}, **headers))


@pytest.fixture
def sent(door, ref):
    """A send that was imported."""
    assert imported(door, "sends", send(ref))["success_count"] == 1
    return ref


def test_sends_are_imported_as_documented(door, ref):
    rows = [
        send(ref, message="Hello", send_type="blast", delivered=True, length=1),
        send(ref),
        send(ref + "b", to_number="12345"),
    ]
    answer = imported(door, "sends", *rows)
    [error] = answer.pop("errors")
    assert error.pop("error")
    assert error == {
        "index": 2, "id": ref + "b", "code": "invalid_phone", "param": "to_number",
    }  # fmt: skip
    assert answer == {
        "success_count": 1,
        "error_count": 1,
        "duplicates_skipped": 1,
        "invalid_phones": 1,
    }


def test_clicks_are_imported_as_documented(door, sent, offer):
    click = {"message_id": sent, "offer_id": offer, "timestamp": AT}
    assert imported(door, "clicks", click, click | {"timestamp": None}) == {
        "success_count": 1,
        "error_count": 0,
        "duplicates_skipped": 1,
        "errors": [],
    }


def test_revenue_is_imported_as_documented(door, sent, offer):
    record = {"message_id": sent, "offer_id": offer, "revenue": 24.99, "payout": 5}
    told_first = imported(door, "revenue", record, record | {"revenue": 0.01})
    assert told_first == {
        "success_count": 2,
        "error_count": 0,
        "duplicates_skipped": 0,
        "total_revenue": 25.0,
        "errors": [],
    }
    again = imported(door, "revenue", record)
    assert (again["success_count"], again["duplicates_skipped"]) == (0, 1)
    assert again["total_revenue"] == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("id", None, "missing_id"),
        ("id", " ", "missing_id"),
        ("id", "x" * 256, "invalid_field"),
        ("id", 5, "invalid_field"),
        ("id", "a\0b", "invalid_field"),
        ("list_number", None, "missing_list_number"),
        ("list_number", "+15550009999", "list_not_found"),
        ("list_number", "+", "invalid_list_number"),
        ("list_id", 0, "invalid_field"),
        ("to_number", None, "missing_to_number"),
        ("to_number", "0155", "invalid_phone"),
        ("timestamp", None, "missing_timestamp"),
        ("timestamp", "yesterday", "invalid_timestamp"),
        ("timestamp", "9999-01-01T00:00:00Z", "invalid_timestamp"),
        ("send_type", "x" * 33, "invalid_field"),
        ("length", -1, "invalid_field"),
        ("delivered", "yes", "invalid_field"),
    ],
)
def test_a_send_at_fault_is_named(door, ref, field, value, code):
    answer = imported(door, "sends", send(ref, **{field: value}))
    assert [each["code"] for each in answer["errors"]] == [code]
    assert (answer["success_count"], answer["error_count"]) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "field", "value", "code"),
    [
        ("clicks", "message_id", None, "missing_message_id"),
        ("clicks", "message_id", "unknown", "message_not_found"),
        ("clicks", "offer_id", None, "missing_offer_id"),
        ("clicks", "offer_id", "unknown", "offer_not_found"),
        ("clicks", "phone_number", "55", "invalid_phone"),
        ("clicks", "phone_number", "+15550100078", "contact_not_found"),
        ("clicks", "timestamp", "never", "invalid_timestamp"),
        ("clicks", "send_timestamp", "never", "invalid_timestamp"),
        ("clicks", "timestamp", "9999-01-01", "invalid_timestamp"),
        ("revenue", "message_id", "unknown", "message_not_found"),
        ("revenue", "offer_id", "unknown", "offer_not_found"),
        ("revenue", "revenue", None, "missing_revenue"),
        ("revenue", "revenue", -1, "invalid_field"),
        ("revenue", "payout", 1e300, "invalid_field"),
        ("revenue", "attribution_type", "gift", "invalid_attribution_type"),
        ("revenue", "event", "gift", "invalid_field"),
        ("revenue", "external_id", "x" * 256, "invalid_field"),
        ("revenue", "timestamp", "9999-01-01", "invalid_timestamp"),
    ],
)
def test_a_click_or_revenue_at_fault_is_named(door, sent, offer, kind, field, value, code):
    record = {"message_id": sent, "offer_id": offer, "revenue": 1} | {field: value}
    answer = imported(door, kind, record)
    assert [each["code"] for each in answer["errors"]] == [code]
    assert answer["success_count"] == 0


def test_a_list_may_be_named_by_its_id(door, ref):
    lists = told(ask(door, "GET", "lists"))["lists"]
    [list_id] = [each["id"] for each in lists if each["phone_number"] == "+15550001000"]
    by_id = send(ref, list_number=None, list_id=list_id)
    assert imported(door, "sends", by_id)["success_count"] == 1


@pytest.mark.parametrize("kind", ["sends", "clicks", "revenue"])
def test_a_batch_has_records_and_not_too_many(door, kind):
    for body in ({}, {"records": []}, {"records": None}):
        refused(ask(door, "POST", f"history/{kind}", body), "missing_records", "records")
    many = {"records": [{}] * (RECORDS_MAX + 1)}
    refused(ask(door, "POST", f"history/{kind}", many), "too_many_records", "records")


@pytest.mark.parametrize("kind", ["sends", "clicks", "revenue"])
def test_no_more_than_a_hundred_errors_are_listed(door, kind):
    answer = imported(door, kind, *([{}, 5, [], "text"] * 26))
    assert (answer["error_count"], len(answer["errors"])) == (104, 100)


def test_a_repeated_request_gets_the_same_answer(door, ref):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = imported(door, "sends", send(ref), **key)
    again = ask(door, "POST", "history/sends", {"records": [send(ref)]}, **key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert told(again) == first


def contact(door, number):
    return told(ask(door, "GET", f"contacts?phone_number={number.replace('+', '%2B')}"))


def test_history_counts_for_a_contact_and_is_taken_back(door, ref, offer):
    number = door.recipient()
    key = {"phone_number": number, "list_number": "+15550001000"}
    told(ask(door, "POST", "contacts", key))
    before = contact(door, number)["contacts"][0]
    imported(door, "sends", send(ref, to_number=number))
    imported(door, "clicks", {"message_id": ref, "offer_id": offer})
    imported(door, "revenue", {"message_id": ref, "offer_id": offer, "revenue": 9.5})
    [shown] = contact(door, number)["contacts"]
    assert (shown["send_count"], shown["last_sent_at"]) == (1, AT)
    assert (shown["click_count"], shown["last_clicked_at"]) == (1, AT)
    assert (shown["conversion_count"], shown["revenue_total"]) == (1, 9.5)
    clear = {"entities": ["sends"], "before_date": "2025-11-04", "confirm": True}
    cleared = told(ask(door, "DELETE", "history/clear", clear))
    assert cleared["success"] is True
    assert min(cleared["cleared"].values()) >= 1
    assert contact(door, number)["contacts"] == [before]


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"confirm": False}, "confirm_required", "confirm"),
        ({"confirm": None}, "confirm_required", "confirm"),
        ({"entities": []}, "missing_entities", "entities"),
        ({"entities": None}, "missing_entities", "entities"),
        ({"entities": ["contacts"]}, "invalid_field", "entities"),
        ({"before_date": "soon"}, "invalid_field", "before_date"),
    ],
)
def test_clearing_needs_its_confirmation(door, sent, change, code, param):
    body = {"entities": ["sends"], "confirm": True} | change
    refused(ask(door, "DELETE", "history/clear", body), code, param)
    assert imported(door, "sends", send(sent))["duplicates_skipped"] == 1


PAGE = (Path(__file__).parents[2] / "docs" / "moving-over.md").read_text("utf-8")
CALLS = re.findall(r"/api/v2/(history/\w+) \\\n.*?-d '(.*?)'\n", PAGE, re.DOTALL)


def test_the_page_on_moving_over_works_as_it_stands(door):
    offer = {"name": "Summer", "tracking_url": "https://shop.example/", "external_id": "summer"}
    told(ask(door, "POST", "offers", offer))
    assert [path.partition("/")[2] for path, _ in CALLS] == ["sends", "clicks", "revenue", "clear"]
    for path, body in CALLS[:-1]:
        answer = told(ask(door, "POST", path, body))
        assert (answer["success_count"], answer["error_count"]) == (1, 0)
    path, body = CALLS[-1]
    cleared = told(ask(door, "DELETE", path, json.loads(body)))["cleared"]
    assert min(cleared.values()) >= 1
