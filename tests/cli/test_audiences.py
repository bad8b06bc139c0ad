"""`sendrail audiences`."""

import json

import pytest

SANDBOX = "+15550001000"
PRO = {
    "operator": "AND",
    "conditions": [
        {"condition_type": "custom_field", "field": "plan", "operator": "eq", "value": "pro"}
    ],
}


@pytest.fixture
def audience(shell):
    for number, plan in ((1, "pro"), (2, "pro"), (3, "free")):
        fields = ("--field", f"plan={plan}")
        shell.json("contacts", "add", SANDBOX, f"+1555010000{number}", *fields)
    return shell.json("audiences", "add", "Pro", "--filter", json.dumps(PRO), "--list", SANDBOX)


def test_an_audience_is_added_shown_listed_and_archived(shell, audience):
    assert (audience["name"], audience["status"], audience["cached_size"]) == (
        "Pro",
        "active",
        None,
    )
    assert audience["filter"]["conditions"][0]["conditionType"] == "custom_field"
    assert shell.json("audiences", "show", audience["id"]) == audience
    assert shell.json("audiences", "list") == {"audiences": [audience], "total": 1}
    assert "Pro" in shell.run("audiences", "list").stdout
    assert shell.json("audiences", "archive", audience["id"]) == {"archived": True}
    assert shell.json("audiences", "list")["audiences"] == []
    [archived] = shell.json("audiences", "list", "--status", "archived")["audiences"]
    assert archived["id"] == audience["id"]
    back = shell.json("audiences", "update", audience["id"], "--status", "active")
    assert back["status"] == "active"
    actions = [each["action"] for each in shell.json("audit")["entries"]]
    assert actions[:3] == ["audience.changed", "audience.archived", "audience.added"]


def test_an_audience_is_counted_sampled_and_explained(shell, audience):
    for more in ([], ["--estimate"]):
        found = shell.json("audiences", "size", audience["id"], *more)
        assert (found["size"], found["low"], found["high"], found["is_exact"]) == (2, 2, 2, True)
    assert shell.json("audiences", "show", audience["id"])["cached_size"] == 2
    members = shell.json("audiences", "sample", audience["id"])["contacts"]
    assert {each["phone_number"] for each in members} == {"+15550100001", "+15550100002"}
    assert "+15550100001" in shell.run("audiences", "sample", audience["id"]).stdout
    shell.json("blocks", "add", "+15550100001")
    found = shell.json("audiences", "explain", audience["id"])
    del found["counted_at"]
    # By the hour at which the test runs.
    assert found.pop("in_quiet_hours") in {0, 1}
    assert found == {
        "matching": 2, "opted_out": 0, "blocked": 1, "on_journey": 0, "reachable": 1,
    }  # fmt: skip


def test_a_filter_comes_as_text_as_a_file_and_by_the_input(shell, audience, tmp_path):
    file = tmp_path / "filter.json"
    file.write_text(json.dumps(PRO), "utf-8")
    for given, stdin in ((json.dumps(PRO), None), (str(file), None), ("-", file.read_bytes())):
        found = shell.json("audiences", "preview", "--filter", given, stdin=stdin)
        assert found["size"] == 2
    free = PRO | {"conditions": [PRO["conditions"][0] | {"value": "free"}]}
    shell.json("audiences", "size", audience["id"])
    changed = shell.json(
        "audiences", "update", audience["id"], "--filter", json.dumps(free), "--all-lists"
    )
    assert (changed["source_lists"], changed["cached_size"]) == ([], None)
    assert shell.json("audiences", "size", audience["id"])["size"] == 1


def test_faults_end_the_command(shell, audience, tmp_path):
    assert shell.error("audiences", "show", "0" * 24) == (1, "not_found")
    assert shell.error("audiences", "preview", "--filter", "{") == (2, "invalid_filter")
    empty = '{"operator": "AND"}'
    assert shell.error("audiences", "preview", "--filter", empty) == (2, "empty_filter_group")
    missing = str(tmp_path / "none.json")
    assert shell.error("audiences", "preview", "--filter", missing)[1] == "os_error"
    both = ("--list", SANDBOX, "--all-lists")
    assert shell.run("audiences", "update", audience["id"], *both).exit_code == 2
    assert shell.run("audiences", "list", "--status", "gone").exit_code == 2
