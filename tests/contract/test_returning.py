"""Bringing a contact back over HTTP, by evidence of a new consent."""

from datetime import UTC, datetime

import pytest
from asking import refused, told


@pytest.fixture
def contact(door):
    """Return a body that is taken, changed."""
    return lambda **changes: (
        {"phone_number": door.recipient(), "list_number": door.list_number} | changes
    )


def one(door, number):
    query = {"list_number": door.list_number, "phone_number": number}
    [found] = told(door.get("contacts", params=query))["contacts"]
    return found


AGREED = {"text": "I agree to offers by text message.", "source": "form at example.com/join"}


def later(door):
    """Return a time after now, by the clock of the door."""
    return datetime.fromtimestamp(door.runtime.clock.now() // 1000 + 2, UTC).isoformat()


@pytest.mark.parametrize("path", ["contacts", "contacts/bulk"])
def test_a_newer_consent_brings_a_contact_back(door, contact, path):
    body = contact()
    told(door.post("contacts", body))
    gone = door.client.request("DELETE", "/api/v2/contacts", json=body, headers=door.headers())
    assert told(gone)["unsubscribed"]
    again = body | {"consent": AGREED | {"at": later(door)}, "ip_address": "203.0.113.7"}
    if path == "contacts":
        assert told(door.post(path, again))["resubscribed"] is True
    else:
        assert told(door.post(path, {"contacts": [again]}))["resubscribed"] == 1
    assert one(door, body["phone_number"])["active"]
    assert door.post("send-raw", door.order(to=body["phone_number"])).status_code == 200


def test_a_consent_from_before_the_opt_out_is_none(door, contact):
    who = door.unsubscribed()
    body = contact(phone_number=who, consent=AGREED | {"at": "2026-01-31T08:00:00Z"})
    answer = told(door.post("contacts", body))
    assert "resubscribed" not in answer
    assert len(answer["warnings"]) == 1
    assert not one(door, who)["active"]


def test_after_a_complaint_a_consent_is_refused(door, contact):
    who = door.unsubscribed(reason="complaint")
    body = contact(phone_number=who, consent=AGREED | {"at": later(door)}, custom_fields={"a": 1})
    refused(door.post("contacts", body), "contact_complained", "consent")
    [error] = told(door.post("contacts/bulk", {"contacts": [body]}))["errors"]
    assert (error["code"], error["param"]) == ("contact_complained", "consent")
    assert one(door, who)["custom_fields"] == {}


@pytest.mark.parametrize(
    "consent",
    [
        {},
        AGREED,
        AGREED | {"at": "soon"},
        AGREED | {"at": ""},
        AGREED | {"at": "2099-01-01T00:00:00Z"},
        {"text": AGREED["text"], "at": "2026-01-31T08:00:00Z"},
        {"source": "form", "at": "2026-01-31T08:00:00Z"},
        AGREED | {"at": "2026-01-31T08:00:00Z", "text": " "},
        AGREED | {"at": "2026-01-31T08:00:00Z", "text": "x" * 2_001},
        AGREED | {"at": "2026-01-31T08:00:00Z", "source": "x" * 256},
    ],
)
def test_a_consent_is_whole(door, contact, consent):
    refused(door.post("contacts", contact(consent=consent)), "invalid_field", "consent")
