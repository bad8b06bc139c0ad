"""The examples of the public pages, answered as documented by both ways in.

Each file of `public_examples/` is a story: its examples run in their order, against a server that
nothing else uses. An answer may hold more than the page shows, never less, and lists have the very
length. What differs from call to call stands in angle brackets.
"""

import json
import re
import time
import tomllib
from pathlib import Path

import pytest
from written import DELETE, parsed

from sendrail.app import listener
from sendrail.connectors.service import ConnectorCapacity

STORIES = sorted(Path(__file__).with_name("public_examples").glob("*.toml"))
PLACEHOLDERS = {
    "<message id>": re.compile(r"[0-9A-Za-z]{8}"),
    "<24 hex digits>": re.compile(r"[0-9a-f]{24}"),
    "<time>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "<time with milliseconds>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "<text>": re.compile(r".+"),
}
SIZES = {"<5 MB>": 5_000_000, "<4 KB>": 4_000}
# What each kind of carrier must be told before a list can go by it.
SETTINGS = {
    "infobip": {"api_key": "key", "callback_token": "token-of-a-test-0123456789"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "token"},
}


def differences(expected, found, place="$"):
    """Return where an answer is not as the page shows it."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{place}: {found!r} is no object"]
        return [
            difference
            for name, value in expected.items()
            for difference in (
                differences(value, found[name], f"{place}.{name}")
                if name in found
                else [f"{place}.{name} is missing"]
            )
        ]
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{place}: {found!r} has not {len(expected)} parts"]
        return [
            difference
            for at, (one, other) in enumerate(zip(expected, found, strict=True))
            for difference in differences(one, other, f"{place}[{at}]")
        ]
    if expected == "<number>":
        right = type(found) is int
    elif isinstance(expected, str) and expected in PLACEHOLDERS:
        right = isinstance(found, str) and PLACEHOLDERS[expected].fullmatch(found) is not None
    else:
        right = found == expected and isinstance(found, bool) is isinstance(expected, bool)
    return [] if right else [f"{place}: {found!r} instead of {expected!r}"]


@pytest.mark.parametrize(
    ("expected", "found", "count"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ({"a": 1, "b": 2}, {"a": 1}, 1),
        ({"a": 1}, {"a": True}, 1),
        ({"a": True}, {"a": 1}, 1),
        ({"a": 0}, {"a": 0.0}, 0),
        ([1, 2], [1], 1),
        ([{"a": 1}], [{"a": 2}], 1),
        ({"a": []}, {"a": [1]}, 1),
        ("<message id>", "x7y8z9w0", 0),
        ("<message id>", "x7y8z9w0a", 1),
        ("<time>", "2025-03-15T14:30:00Z", 0),
        ("<time>", "2025-03-15T14:30:00.000Z", 1),
        ("<number>", "42", 1),
        ({"a": 1}, [], 1),
        (None, None, 0),
        (None, 0, 1),
    ],
)
def test_what_differs_is_seen(expected, found, count):
    assert len(differences(expected, found)) == count


class Teller:
    """One story on one server."""

    def __init__(self, door, setup):
        self.door = door
        runtime, us = door.runtime, door.us
        keys = {"": door.key, "none": None, "unknown": "trk_" + "0" * 32}
        self.keys = keys | {"suspended": door.suspended_key}
        for number in setup.get("deleted", ()):
            door.do(runtime.lists.update(us, parsed(number), DELETE))
        for each in setup.get("lists", ()):
            kind = each.get("kind", "")
            if kind:
                settings = SETTINGS[kind]
                door.do(runtime.connectors.add(us, kind, kind, settings, ConnectorCapacity()))
            door.do(
                runtime.lists.add(
                    us,
                    parsed(each["number"]),
                    name=each.get("name", ""),
                    brand=each.get("brand", ""),
                    connector=kind or "sandbox",
                )
            )
        for number in setup.get("unverified", ()):
            door.do(runtime.lists.add(us, parsed(number), connector="own"))
        for each in setup.get("journeys", ()):
            door.do(runtime.journeys.add(us, parsed(each["list"]), each["name"]))
        self.listener = door.do(listener(runtime).open()) if setup.get("listens") else None
        self.events = []

    def tell(self, example):
        """Run one example; return what is not as documented."""
        method, path = example["call"].split(" ", 1)
        answer = self.door.client.request(
            method,
            f"/api{self._path(path)}",
            content=self._body(example),
            headers=self.door.headers(x_api_key=self.keys[example.get("key", "")]),
        )
        if answer.status_code != example["status"]:
            return [f"{answer.status_code} instead of {example['status']}: {answer.text}"]
        found = differences(json.loads(example["answer"]), answer.json())
        if "event" in example:
            found += self._await_event(json.loads(example["event"]))
        return found

    def _path(self, path):
        def id_of(match):
            lists = [
                each
                for status in ("", "?status=deleted")
                for each in self.door.get(f"lists{status}").json()["lists"]
            ]
            return next(str(one["id"]) for one in lists if one["phone_number"] == match[1])

        return re.sub(r"<id of ([^>]+)>", id_of, path)

    def _body(self, example):
        body = example.get("body", "")
        if "many" in example:
            many = [
                example["many"].replace("<4 digits>", f"{n:04}") for n in range(example["count"])
            ]
            body = body.replace("<many>", f"[{','.join(many)}]")
        for name, size in SIZES.items():
            body = body.replace(name, "x" * size)
        return body

    def _await_event(self, expected):
        deadline = time.monotonic() + 60
        told = []
        while time.monotonic() < deadline:
            self.events += [json.loads(e.body) for e in self.door.do(self.listener.step())]
            told = [
                differences(expected, each)
                for each in self.events
                if each["event"] == expected["event"]
            ]
            if [] in told:
                return []
            time.sleep(0.02)
        return [f"no such event among {self.events}: {told}"]


@pytest.mark.parametrize("way", ["fast lane", "asgi alone"])
@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_every_example_answers_as_documented(servers, way, story):
    told = tomllib.loads(story.read_text("utf-8"))
    teller = Teller(servers.door(f"{way}, {story.stem}"), told["setup"])
    wrong = [
        f"{at} {example['call']} ({example['page']}): {difference}"
        for at, example in enumerate(told["example"], 1)
        for difference in teller.tell(example)
    ]
    assert not wrong, "\n".join(wrong)
