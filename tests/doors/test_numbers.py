"""Whole numbers in addresses, queries and commands: an id, a page, a version, a length of time.

None of them, however long or odd, ends in an error of ours, or is taken for another number.
"""

import pytest

from doors import LIST

# `int` reads the third as 3, and refuses the second with an error of its own.
ODD = ("1" * 19, "9" * 5_000, "\u0663", "1_0", "-1", "+1", " 1", "1.0", "\u00b2", "NaN", "", "x")
HUGE = (str(2**63), str(2**70), str(-(2**70)))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/audit", "page"), ("/inbox", "page"), ("/journeys", "page"), ("/offers", "page"),
        ("/clicks", "page"), ("/blocks", "after"), ("/contacts", "after"),
    ],
)  # fmt: skip
def test_a_page_shows_something_whatever_number_its_address_has(doors, path, name):
    for text in (*ODD, *HUGE, f"{'9' * 5_000}.1"):
        answer = doors.browser.get(path, params={name: text})
        assert answer.status_code == 200, text


@pytest.mark.parametrize(
    ("path", "name"),
    [("offers", "page"), ("blocks", "cursor"), ("journeys/{journey}/stats", "version")],
)
def test_a_query_with_another_number_is_refused_by_its_name(doors, path, name):
    where = path.format(journey=_journey(doors))
    for text in (*ODD, *HUGE):
        if text == ODD[0] and name == "version":
            # It is a number, and no version: see below.
            continue
        answer = doors.do(
            doors.http.get(
                f"/api/v2/{where}", params={name: text}, headers={"x-api-key": doors.key}
            )
        )
        assert (answer.status_code, answer.json().get("param")) == (400, name), text


def _journey(doors):
    name = f"Journey {doors.number()}"
    document = {"trigger": {"on": ["signup"]}, "steps": [{"id": "end", "kind": "exit"}]}
    body = {"list_number": LIST, "name": name, "status": "active"} | document
    made = doors.call("POST", "journeys", body)
    assert made.status_code == 200, made.text
    return made.json()["id"]


def test_a_version_that_is_none_has_no_figures_of_another(doors):
    # Cut off, it would be the first version.
    of = _journey(doors)
    assert doors.call("GET", f"journeys/{of}/stats?version=1").is_success
    for version in (10_000, 2**63 - 1):
        assert doors.call("GET", f"journeys/{of}/stats?version={version}").status_code == 404
    body = '{"version": %s}'
    for version in (0, -1, 101, -(2**70), 2**64):
        answer = doors.call("POST", f"journeys/{of}/simulate", body % version)
        assert answer.status_code in {400, 404}, (version, answer.text)


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (("webhooks", "show"), "{}"), (("webhooks", "remove", "--yes"), "{}"),
        (("keys", "revoke"), "{}"), (("creatives", "show"), "{}"),
        (("offers", "list", "--page={}"), ""), (("webhooks", "attempts", "--page={}"), "1"),
        (("webhooks", "rotate", "--overlap={}"), "1"),
    ],
)  # fmt: skip
def test_a_command_with_a_number_beyond_all_says_so(doors, words, argument):
    doors.do(doors.runtime.webhooks.add(doors.us, f"https://x.example/{doors.number()}"))
    for huge in (2**70, -(2**70)):
        options = [word.format(huge) for word in words]
        arguments = [argument.format(huge)] if argument else []
        result = doors.command(*options, "--data", doors.folder, "--", *arguments)
        assert result.exit_code in {1, 2}, (options, result.output)
        assert result.stderr


def test_a_list_beyond_all_is_no_list_of_a_filter_or_a_campaign(doors):
    listed = {"operator": "AND", "conditions": [{"conditionType": "list", "listId": 2**63}]}
    for body in ({"source_lists": [2**63]}, {"source_lists": [-1]}, {"filter": listed}):
        for resource in (doors.resources["audience"], doors.resources["campaign"]):
            # A field that a campaign does not have is passed over, as it is by the public API.
            if "filter" in body and resource.path == "schedules":
                continue
            made = doors.call("POST", resource.path, resource.new(doors) | body)
            assert made.status_code in {400, 404}, made.text
