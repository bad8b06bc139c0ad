"""Look-up: one message, and pages of them with filters."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").fullmatch


def test_a_message_tells_everything(door):
    order = door.order(to="+15550100011", body=f"Ω {time.time_ns()}", metadata={"order": 7})
    message_id = door.post("send-raw", order).json()["message_id"]
    deadline = time.monotonic() + 60
    while (found := door.get(f"messages/{message_id}").json())["status"] != "sent":
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    times = {name: found.pop(name) for name in ("created_at", "sent_at")}
    assert all(TIME(text) for text in times.values())
    assert times["created_at"] <= times["sent_at"]
    assert found.pop("provider_message_id")
    assert found == {
        "message_id": message_id,
        "to": "+15550100011",
        "list_number": door.list_number,
        "body": order["body"],
        "status": "sent",
        "status_detail": None,
        "provider_detail": None,
        "encoding": "gsm7",
        "segments": 1,
        "attempts": 1,
        "provider": "simulator",
        "connector": "sandbox",
        "metadata": {"order": 7},
        "automatic": False,
        "links": [],
        "clicks": None,
        "send_at": None,
        "waits_until": None,
        "origin": None,
        "ended_at": None,
    }


@pytest.mark.parametrize("base", ["/api/v2", "/v2"])
def test_answers_are_for_nobody_else(door, base):
    message_id = door.send()
    for path in ("messages", f"messages/{message_id}"):
        answer = door.get(path, base=base)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"


def test_another_accounts_message_looks_like_none(door):
    message_id = door.send()
    theirs = door.get(f"messages/{message_id}", x_api_key=door.their_key, x_request_id="same")
    nothing = door.get("messages/zzzzzzzz", x_api_key=door.their_key, x_request_id="same")
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.content == nothing.content
    assert dict(theirs.headers) == dict(nothing.headers)
    assert theirs.json()["code"] == "not_found"


@pytest.mark.parametrize(
    "name",
    [
        "0",
        "zzzzzzz",
        "zzzzzzzzz",
        "zzzz-zzz",
        "%00%00%00%00%00%00%00%00",
        "%FF",
        "é" * 8,
        "\u0660" * 8,
    ],
)
def test_what_is_no_id_is_no_message(door, name):
    answer = door.get(f"messages/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.fixture(scope="session")
def filled():
    """Remember what was put behind each door for the tests of pages."""
    return {}


@pytest.fixture
def shelf(door, filled):
    """Seven messages on a list of their own: the last is dropped, the others delivered."""
    if door not in filled:
        number = door.new_list("+15550003001")
        before = door.runtime.clock.now()
        ids = [door.send(list_number=number, body=f"Message {n}") for n in range(6)]
        stopped = door.send(list_number=number, to="+15550100020")
        deadline = time.monotonic() + 60
        while any(
            door.get(f"messages/{name}").json()["ended_at"] is None for name in [*ids, stopped]
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        filled[door] = (number, [*ids, stopped][::-1], before)
    return filled[door]


def names(answer):
    assert answer.status_code == 200, answer.text
    return [message["message_id"] for message in answer.json()["messages"]]


class TestPages:
    def test_the_newest_come_first(self, door, shelf):
        number, ids, _ = shelf
        answer = door.get("messages", params={"list_number": number})
        assert names(answer) == ids
        assert answer.json()["pagination"] == {
            "page": 1,
            "per_page": 50,
            "total": 7,
            "total_pages": 1,
            "total_is_exact": True,
            "next_cursor": None,
        }

    def test_go_on_until_there_are_no_more(self, door, shelf):
        number, ids, _ = shelf
        for page, expected in enumerate([ids[:3], ids[3:6], ids[6:], []], 1):
            answer = door.get(
                "messages", params={"list_number": number, "per_page": 3, "page": page}
            )
            assert names(answer) == expected
            told = answer.json()["pagination"]
            assert (told["page"], told["total"], told["total_pages"]) == (page, 7, 3)

    @pytest.mark.parametrize("per_page", [1, 2, 3, 6, 7, 50])
    def test_go_on_by_a_cursor_to_the_end(self, door, shelf, per_page):
        number, ids, _ = shelf
        params = {"list_number": number, "per_page": per_page}
        seen, cursor, asked = [], None, 0
        while asked == 0 or cursor is not None:
            answer = door.get("messages", params=params | ({"cursor": cursor} if cursor else {}))
            seen += names(answer)
            told = answer.json()["pagination"]
            assert told["per_page"] == per_page
            if cursor is not None:
                uncounted = ("page", "total", "total_pages", "total_is_exact")
                assert [told[name] for name in uncounted] == [None] * 4
            cursor, asked = told["next_cursor"], asked + 1
        assert seen == ids
        assert asked == -(-7 // per_page)

    def test_by_a_cursor_obey_the_filters_and_what_came_since_is_not_among_them(self, door):
        who = door.recipient()
        ids = [door.send(to=who, body=f"Message {n}") for n in range(4)]
        params = {"to": who, "per_page": 2}
        cursor = door.get("messages", params=params).json()["pagination"]["next_cursor"]
        door.send(to=who, body="later")
        door.send(body="to another")
        assert names(door.get("messages", params=params | {"cursor": cursor})) == ids[1::-1]
        # What other tests sent for that account may be among them.
        theirs = door.get("messages", params={"cursor": cursor}, x_api_key=door.their_key)
        assert theirs.status_code == 200
        assert not set(ids) & set(names(theirs))

    def test_take_a_page_or_a_cursor(self, door):
        door.send()
        door.send()
        answer = door.get("messages", params={"per_page": 1})
        cursor = answer.json()["pagination"]["next_cursor"]
        error = door.get("messages", params={"page": 1, "cursor": cursor}).json()
        assert (error["code"], error["param"]) == ("invalid_parameter", "cursor")

    def test_of_nothing(self, door):
        told = door.get("messages", params={"list_number": door.unknown}).json()
        assert told["messages"] == []
        assert (told["pagination"]["total"], told["pagination"]["total_pages"]) == (0, 0)

    def test_of_another_account_are_empty(self, door, shelf):
        params = {"list_number": shelf[0]}
        assert names(door.get("messages", params=params, x_api_key=door.their_key)) == []

    def test_by_status(self, door, shelf):
        number, ids, _ = shelf
        for status, expected in {"failed": ids[:1], "delivered": ids[1:], "queued": []}.items():
            params = {"list_number": number, "status": status}
            assert names(door.get("messages", params=params)) == expected

    def test_by_recipient(self, door):
        who = door.recipient()
        ids = [door.send(to=who, body=f"Message {n}") for n in range(2)]
        assert names(door.get("messages", params={"to": who})) == ids[::-1]
        # A plus sign that was not encoded arrives as a space.
        assert (
            names(door.client.get(f"/api/v2/messages?to={who}", headers=door.headers()))
            == ids[::-1]
        )

    def test_by_time(self, door, shelf):
        number, ids, before = shelf
        start = datetime.fromtimestamp(before / 1000, UTC)
        later = start + timedelta(hours=1)

        def found(**times):
            params = {"list_number": number} | {name: t.isoformat() for name, t in times.items()}
            return names(door.get("messages", params=params))

        assert found(created_after=start, created_before=later) == ids
        assert found(created_after=later) == []
        assert found(created_before=start) == []
        elsewhere = start.astimezone(datetime.strptime("+0530", "%z").tzinfo)
        assert found(created_after=elsewhere) == ids
        for text in (start.strftime("%Y-%m-%dT%H:%M:%SZ"), start.strftime("%Y-%m-%d")):
            params = {"list_number": number, "created_after": text}
            assert names(door.get("messages", params=params)) == ids


BAD_NUMBERS = ("0", "-1", "+1", "1.0", "x", "", " 1", "\u0661", "9" * 5000)
BAD_PHONES = ("", "15550100000", "+0", "++15550100000", "x")
BAD_TIMES = ("", "now", "2026-13-01", "1700000000x", "2026-01-31T25:00:00Z")
BAD_VALUES = {
    "page": (*BAD_NUMBERS, "10001"),
    "per_page": (*BAD_NUMBERS, "101"),
    "cursor": ("", "x", "zzzzzzzz", "zzzzzzz1", "x7y8z9w0-1", "x7y8z9w0" + "f" * 16, "0" * 5000),
    "status": ("", "sending", "QUEUED", "queued,sent"),
    "to": BAD_PHONES,
    # A name of at most eleven characters is a sender as well.
    "list_number": (*BAD_PHONES[:-1], "7", "no such name"),
    "created_after": BAD_TIMES,
    "created_before": BAD_TIMES,
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, bad) for name, values in BAD_VALUES.items() for bad in values]
)
def test_a_parameter_at_fault_is_named(door, name, value):
    answer = door.get("messages", params={name: value})
    error = answer.json()
    assert answer.status_code == 400, error
    assert (error["code"], error["param"]) == ("invalid_parameter", name)


def test_the_furthest_page_and_the_longest(door):
    answer = door.get("messages", params={"page": 10_000, "per_page": 100})
    assert answer.status_code == 200
