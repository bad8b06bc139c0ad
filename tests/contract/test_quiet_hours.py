"""Quiet hours of a list: set over HTTP, kept by what waits for them, and told in look-up."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from asking import ask, refused, told
from marketer import Marketer

# Where no hour is left out or comes twice, on any day of the year.
PHOENIX, ZONE = count(16025550200), ZoneInfo("America/Phoenix")


def quiet_now():
    """Return quiet hours that leave one minute of the day, some hours from now, and its begin."""
    opens = datetime.now(ZONE).replace(second=0, microsecond=0) + timedelta(hours=3)
    hours = f"{opens + timedelta(minutes=1):%H:%M}-{opens:%H:%M}"
    return hours, opens.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def make(fast_door):
    def make(**more):
        body = {"phone_number": fast_door.recipient(), "connector": "sandbox"} | more
        return told(fast_door.post("lists", body))

    return make


def send(door, sender, call="send-raw", **more):
    body = door.order(list_number=sender["phone_number"], to=f"+{next(PHOENIX)}") | more
    return told(door.post(call, body))["message_id"]


def look(door, message_id):
    found = told(door.get(f"messages/{message_id}"))
    # What does not wait may be on its way.
    return found["status_detail"] == "quiet_hours", found["waits_until"]


def test_a_list_has_its_hours_and_says_which_messages_keep_them(fast_door, make):
    sender = make()
    assert (sender["quiet_scope"], sender["quiet_hours"]) == ("campaigns", None)
    own = make(quiet_scope="all", quiet_hours="22:00-07:30")
    assert (own["quiet_scope"], own["quiet_hours"]) == ("all", "22:00-07:30")
    path = f"lists/{own['id']}"
    changed = told(ask(fast_door, "PUT", path, {"quiet_scope": "none"}))
    assert (changed["quiet_scope"], changed["quiet_hours"]) == ("none", "22:00-07:30")
    changed = told(ask(fast_door, "PUT", path, {"quiet_hours": None}))
    assert (changed["quiet_scope"], changed["quiet_hours"]) == ("none", None)
    assert told(fast_door.get(path)) == changed


def test_a_list_goes_by_its_account_unless_it_says_otherwise(fast_door):
    us = Marketer(fast_door)
    at = f"lists/{us.list.id}"
    hours, opens = quiet_now()
    order = {"list_number": us.list.shown, "body": "Hi", "skip_duplicate_check": True}
    told(us.ask("PUT", at, {"quiet_scope": "all"}))

    def waits():
        body = order | {"to": f"+{next(PHOENIX)}"}
        sent = told(us.ask("POST", "send-raw", body))["message_id"]
        return told(us.ask("GET", f"messages/{sent}"))["waits_until"]

    told(us.ask("PUT", "account", {"quiet_hours": hours}))
    assert told(us.ask("GET", at))["quiet_hours"] is None
    assert waits() == opens
    # Its own stand in the place of the account's, and are not changed with them.
    own = told(us.ask("PUT", at, {"quiet_hours": "none"}))
    assert own["quiet_hours"] == "none"
    told(us.ask("PUT", "account", {"quiet_hours": hours}))
    assert waits() is None or waits() != opens
    assert told(us.ask("PUT", at, {"quiet_hours": None}))["quiet_hours"] is None
    assert waits() == opens
    told(us.ask("PUT", "account", {"quiet_hours": None}))
    assert waits() != opens


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"quiet_hours": "08:00-21:00"}, "invalid_quiet_hours"),
        ({"quiet_hours": "at night"}, "invalid_quiet_hours"),
        ({"quiet_scope": "some"}, "invalid_field"),
    ],
)
def test_what_are_no_quiet_hours_is_refused_and_changes_nothing(fast_door, make, body, code):
    sender = make()
    [param] = body
    refused(ask(fast_door, "PUT", f"lists/{sender['id']}", body), code, param)
    assert told(fast_door.get(f"lists/{sender['id']}")) == sender
    new = {"phone_number": fast_door.recipient(), "connector": "sandbox"} | body
    refused(fast_door.post("lists", new), code, param)


@pytest.mark.parametrize("call", ["send", "send-raw"])
def test_a_message_says_until_when_it_waits(fast_door, make, call):
    hours, opening = quiet_now()
    sender = make(quiet_scope="all", quiet_hours=hours)
    waits = send(fast_door, sender, call)
    leaves = send(fast_door, sender, call, skip_quiet_hours=True)
    assert look(fast_door, waits) == (True, opening)
    assert look(fast_door, leaves) == (False, None)
    page = told(fast_door.get(f"messages?list_number=%2B{sender['phone_number'][1:]}"))["messages"]
    assert {each["message_id"]: each["waits_until"] for each in page} == {
        waits: opening, leaves: None,
    }  # fmt: skip


def test_what_the_api_sends_does_not_wait_unless_the_list_says_so(fast_door, make):
    hours, _ = quiet_now()
    assert look(fast_door, send(fast_door, make(quiet_hours=hours))) == (False, None)


def test_another_accounts_list_is_no_list(fast_door, make):
    sender = make()
    body = {"quiet_scope": "none"}
    theirs = ask(fast_door, "PUT", f"lists/{sender['id']}", body, x_api_key=fast_door.their_key)
    refused(theirs, "not_found")
    assert told(fast_door.get(f"lists/{sender['id']}"))["quiet_scope"] == "campaigns"
