"""The account over HTTP: its clock, which its schedules go by, and what stands around its texts."""

import uuid

import pytest
from asking import ask, refused, told
from marketer import MONDAY, Marketer

from sendrail.domain.frame import APPEND, PREPEND

NEW = {"timezone": "America/New_York", "country": None, "prepend_text": PREPEND,
       "append_text": APPEND, "quiet_hours": None, "blocked_words": [],
       "stop_words": []}  # fmt: skip


class Owner:
    """An account of a test's own, and its key."""

    def __init__(self, door):
        self.door, self.name = door, f"account {uuid.uuid4()}"
        self.id = door.do(door.runtime.accounts.add(self.name))
        self.key = door.new_key(self.id)

    def show(self):
        return told(self.door.get("account", x_api_key=self.key))

    def put(self, **body):
        return ask(self.door, "PUT", "account", body, x_api_key=self.key)

    def entries(self):
        found = self.door.do(self.door.runtime.audit.page(self.id))
        return [dict(each.details) for each in found if each.action == "account.changed"]


@pytest.fixture
def us(fast_door):
    return Owner(fast_door)


def test_what_is_given_is_changed_and_the_rest_stays(us):
    assert us.show() == NEW | {"name": us.name}
    assert told(us.put()) == us.show()
    mine = {"timezone": "Europe/Oslo", "country": "NO", "append_text": ""}
    assert told(us.put(**mine | {"country": "no"})) == NEW | mine | {"name": us.name}
    assert told(us.put(append_text=" Text STOP to end."))["country"] == "NO"
    assert told(us.put(append_text=None, country=None, timezone=None)) == us.show()
    assert us.show() == NEW | {"name": us.name, "timezone": "Europe/Oslo"}
    # What changed, and who did it; the texts are not repeated.
    assert us.entries() == [
        {"fields": ["country", "append_text"]},
        {"fields": ["append_text"]},
        {"fields": ["timezone", "country", "append_text"], "timezone": "Europe/Oslo"},
    ]


def test_name_quiet_hours_and_words_are_changed_too(us):
    other = f"{us.name} renamed"
    mine = {"name": other, "quiet_hours": "20:00-09:00", "blocked_words": ["casino"],
            "stop_words": ["arret"]}  # fmt: skip
    assert told(us.put(**mine)) == NEW | mine
    assert told(us.put(quiet_hours=None, blocked_words=[])) == NEW | mine | {
        "quiet_hours": None,
        "blocked_words": [],
    }
    assert us.entries() == [
        {"fields": ["blocked_words", "quiet_hours"]},
        {"fields": ["name", "blocked_words", "stop_words", "quiet_hours"]},
    ]
    taken = Owner(us.door).name
    refused(us.put(name=taken), "account_exists", "name")
    refused(us.put(quiet_hours="08:00-21:00"), "invalid_quiet_hours", "quiet_hours")
    refused(us.put(stop_words=["help"]), "invalid_field", "stop_words")


def test_what_cannot_be_is_refused_and_changes_nothing(us):
    for body, code, param in (
        ({"timezone": "Europe/Nowhere"}, "invalid_timezone", "timezone"),
        ({"timezone": "../etc/passwd"}, "invalid_timezone", "timezone"),
        ({"timezone": 7}, "invalid_field", "timezone"),
        ({"country": "Norway"}, "invalid_country", "country"),
        ({"append_text": "Hi {{first_name}}"}, "unknown_macro", "append_text"),
        ({"prepend_text": "x" * 321}, "invalid_field", "prepend_text"),
    ):
        refused(us.put(**{"country": "SE"} | body), code, param)
    assert us.show() == NEW | {"name": us.name}
    assert us.entries() == []


def test_another_account_has_its_own(us):
    told(us.put(timezone="Asia/Tokyo"))
    assert Owner(us.door).show()["timezone"] == "America/New_York"


def test_schedules_that_are_on_go_by_the_other_clock(fast_door):
    us = Marketer(fast_door)
    made = us.make(status="on")
    assert made["next_run_at"] == f"{MONDAY}T15:00:00Z"
    told(us.ask("PUT", "account", {"timezone": "Europe/Oslo"}))
    found = told(us.ask("GET", f"schedules/{made['id']}"))
    assert found["next_run_at"] == f"{MONDAY}T09:00:00Z"
