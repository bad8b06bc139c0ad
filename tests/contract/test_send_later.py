"""`send_at` on the four sending calls, and calling a message back."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from asking import ask, refused, told

from sendrail.domain.message import Status
from sendrail.domain.times import shown
from sendrail.intake.orders import Limits
from sendrail.intake.scheduled import LATE_MS_MAX, TOO_MANY, SendTimes, why_not_cancelled

HOUR = 3_600_000
NOW = 1_800_000_000_000
LIMITS = Limits(segments_max=10, characters_max=1_600, scheduled_max=2)
CALLS = ("send", "send-raw")


def at(door, ahead_ms):
    return shown(door.runtime.clock.now() + ahead_ms)


def later(door, call="send-raw", ahead_ms=HOUR, **more):
    return door.post(call, door.order(send_at=at(door, ahead_ms), **more))


def look(door, message_id, **headers):
    return door.get(f"messages/{message_id}", **headers)


def cancel(door, message_id, **headers):
    return ask(door, "DELETE", f"messages/{message_id}", **headers)


@pytest.mark.parametrize("call", CALLS)
def test_a_message_waits_for_its_time(door, call):
    when = at(door, HOUR)
    answer = told(door.post(call, door.order(send_at=when)))
    assert answer["status"] == "queued"
    found = told(look(door, answer["message_id"]))
    assert (found["status"], found["status_detail"]) == ("queued", "scheduled")
    assert (found["send_at"], found["sent_at"]) == (when, None)


def test_a_message_with_short_links_waits_as_well(door):
    when = at(door, HOUR)
    sent = door.order(body="See https://shop.example/", wrap_links=True, send_at=when)
    answer = told(door.post("send", sent | {"list_number": door.linked_list()}))
    found = told(look(door, answer["message_id"]))
    assert (found["status_detail"], found["send_at"]) == ("scheduled", when)
    assert found["body"] == "See {{link1}}"


@pytest.mark.parametrize("call", CALLS)
def test_each_message_of_a_batch_has_its_own_time(door, call):
    when = at(door, 2 * HOUR)
    batch = {"messages": [door.order(), door.order(send_at=when), door.order(send_at="soon")]}
    answer = told(door.post(f"{call}/bulk", batch))
    assert [each["index"] for each in answer["messages"]] == [0, 1]
    assert [each["code"] for each in answer["errors"]] == ["invalid_send_at"]
    first, second = (told(look(door, each["message_id"])) for each in answer["messages"])
    assert (first["send_at"], second["send_at"]) == (None, when)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "when",
    [
        "",
        "soon",
        "2026-01-31",
        "2999-01-31T08:00:00",
        "2999-01-31T08:00:00Z",
        "1999-01-31T08:00:00Z",
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_a_time_has_a_zone_and_lies_ahead_but_not_too_far(door, call, when):
    refused(door.post(call, door.order(send_at=when)), "invalid_send_at", "send_at")


def test_what_is_missing_comes_before_the_time(door):
    refused(door.post("send-raw", {"send_at": "soon"}), "missing_to", "to")
    refused(door.post("send", {"send_at": "soon"}), "missing_to", "to")
    refused(door.post("send", door.order(send_at=5)), "invalid_field", "send_at")


def test_the_furthest_time_is_thirty_days_ahead(door):
    told(later(door, ahead_ms=30 * 24 * HOUR - 60_000))
    refused(later(door, ahead_ms=30 * 24 * HOUR + 60_000), "invalid_send_at", "send_at")


def test_a_time_with_another_zone_is_the_same_moment(door):
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    local = moment.astimezone(timezone(timedelta(hours=-5)))
    answer = told(door.post("send-raw", door.order(send_at=local.isoformat())))
    found = told(look(door, answer["message_id"]))
    assert found["send_at"] == moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_moment_ago_is_now(door):
    answer = told(later(door, ahead_ms=-LATE_MS_MAX // 2))
    assert told(look(door, answer["message_id"]))["send_at"] is None
    refused(later(door, ahead_ms=-2 * LATE_MS_MAX), "invalid_send_at", "send_at")


def test_null_is_at_once(door):
    answer = told(door.post("send-raw", door.order(send_at=None)))
    assert told(look(door, answer["message_id"]))["send_at"] is None


def test_it_leaves_when_its_time_has_come(door):
    when = at(door, 1_500)
    message_id = told(door.post("send-raw", door.order(send_at=when)))["message_id"]
    found = lambda: told(look(door, message_id))  # noqa: E731
    until = time.monotonic() + 60
    while found()["status"] == "queued":
        assert time.monotonic() < until, "it never leaves"
        time.sleep(0.05)
    left = found()
    assert left["send_at"] is None
    assert left["sent_at"] >= when


def test_an_account_has_a_limited_number_of_them(door):
    account = door.do(door.runtime.accounts.add(f"later {door.recipient()}"))
    times = lambda tx: SendTimes(tx, LIMITS, NOW)  # noqa: E731
    read = lambda tx: [times(tx).read(account, NOW + HOUR)]  # noqa: E731
    assert door.write(read) == [NOW + HOUR]
    three = lambda tx: [one.read(account, NOW + HOUR) for one in [times(tx)] for _ in range(3)]  # noqa: E731
    assert door.write(three) == [NOW + HOUR, NOW + HOUR, TOO_MANY]


def test_a_message_is_called_back_once(door):
    message_id = told(later(door))["message_id"]
    assert told(cancel(door, message_id)) == {"success": True, "cancelled": True}
    found = told(look(door, message_id))
    assert (found["status"], found["status_detail"]) == ("dropped", "cancelled")
    assert found["send_at"] is None
    assert found["ended_at"] is not None
    assert told(cancel(door, message_id), 409)["error"] == "The message is cancelled already."


def test_what_has_left_is_not_called_back(door):
    message_id = door.send()
    until = time.monotonic() + 60
    while told(look(door, message_id))["status"] != "delivered":
        assert time.monotonic() < until, "it never leaves"
        time.sleep(0.05)
    refused(cancel(door, message_id), "not_scheduled")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status.QUEUED, "had no answer: it may have left"),
        (Status.SENDING, "is being handed to a carrier now"),
        (Status.SENT, "has left"),
        (Status.UNCERTAIN, "has left"),
        (Status.DELIVERED, "has ended as delivered"),
        (Status.DROPPED, "has ended as dropped"),
    ],
)
def test_a_message_that_cannot_be_called_back_says_why(status, said):
    assert said in why_not_cancelled(status, None)


def test_another_accounts_message_is_none(door):
    message_id = told(later(door))["message_id"]
    refused(cancel(door, message_id, x_api_key=door.their_key), "not_found")
    refused(cancel(door, "zzzzzzzz"), "not_found")
    refused(cancel(door, "no id"), "not_found")
    assert told(look(door, message_id))["status_detail"] == "scheduled"
    told(cancel(door, message_id))


def test_a_key_answers_the_same_and_schedules_once(door):
    order, key = door.order(send_at=at(door, HOUR)), f"later {door.recipient()}"
    first = door.post("send-raw", order, idempotency_key=key)
    again = door.post("send-raw", order, idempotency_key=key)
    assert told(first) == told(again)
    assert again.headers["idempotency-replayed"] == "true"


def test_a_duplicate_is_one_whenever_it_is_to_leave(door):
    order = door.order()
    told(door.post("send-raw", order | {"send_at": at(door, HOUR)}))
    refused(door.post("send-raw", order | {"send_at": at(door, 2 * HOUR)}), "duplicate_message")
