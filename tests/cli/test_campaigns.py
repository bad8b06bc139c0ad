"""`sendrail campaigns`: schedules by the command line."""

import json

import pytest

FILTER = json.dumps(
    {
        "operator": "AND",
        "conditions": [
            {"condition_type": "custom_field", "field": "plan", "operator": "eq", "value": "pro"}
        ],
    }
)
TEXT = "Deals! Reply STOP to opt out."
NUMBER = "+15550001000"


@pytest.fixture
def audience(shell):
    return shell.json("audiences", "add", "Pro", "--filter", FILTER)["id"]


@pytest.fixture
def campaign(shell, audience):
    return shell.json(
        "campaigns", "add", "Deals", "--audience", audience, "--at", "10:00", "--on", "2097-01-07",
        "--text", TEXT,
    )  # fmt: skip


def test_a_campaign_is_added_shown_and_listed(shell, audience, campaign):
    assert (campaign["name"], campaign["status"], campaign["audiences"]) == (
        "Deals",
        "draft",
        [audience],
    )
    assert campaign["blasts"] == [{"message": TEXT, "percent_audience": 100}]
    assert (campaign["send_time"], campaign["send_date"]) == ("10:00", "2097-01-07")
    campaign.pop("warnings")
    assert shell.json("campaigns", "show", campaign["id"]) == campaign
    assert shell.json("campaigns", "list") == {"schedules": [campaign]}
    assert "Deals" in shell.run("campaigns", "list").stdout
    for_people = shell.run("campaigns", "show", campaign["id"]).stdout
    assert f"text 1\t100 %: {TEXT}" in for_people
    assert f"audiences\t{audience}" in for_people
    assert "frequency_cap" not in for_people


def test_several_texts_get_their_shares_and_links(shell, audience):
    offer = shell.json("offers", "add", "Summer", "https://shop.example/")["id"]
    made = shell.json(
        "campaigns", "add", "Weekly", "--audience", audience, "--at", "09:30", "--local-time",
        "--from", "2097-01-07", "--until", "2097-03-25", "--days", "monday,friday",
        "--text", "A {{link1}}", "--text", "B", "--text", "C", "--link", f"link1={offer}",
        "--list", NUMBER, "--set", "holdout_percent=5", "--set", "late_zones=next_day",
        "--set", 'frequency_cap={"messages": 3, "days": 7}',
    )  # fmt: skip
    assert [each["percent_audience"] for each in made["blasts"]] == [34, 33, 33]
    assert [each.get("link1") for each in made["blasts"]] == [offer, None, None]
    assert made["days_of_week"] == ["monday", "friday"]
    assert (made["holdout_percent"], made["late_zones"]) == (5, "next_day")
    assert made["frequency_cap"] == {"messages": 3, "days": 7}
    assert (made["is_repeating"], made["use_local_time"]) == (True, True)
    assert len(made["source_lists"]) == 1
    changed = shell.json(
        "campaigns", "update", made["id"], "--text", "A", "--text", "B", "--share", "90",
        "--share", "10", "--account-time",
    )  # fmt: skip
    assert [each["percent_audience"] for each in changed["blasts"]] == [90, 10]
    assert not changed["use_local_time"]


def test_what_keeps_it_off_is_told_and_it_is_switched_on_and_archived(shell, campaign):
    made = campaign["id"]
    assert shell.error("campaigns", "update", made, "--status", "on") == (2, "audience_empty")
    found = shell.run("campaigns", "preflight", made)
    assert found.exit_code == 1
    assert "(audience_empty, audiences)" in found.stderr
    shell.json("contacts", "add", NUMBER, "+15550100001", "--field", "plan=pro")
    checked = shell.json("campaigns", "preflight", made)
    assert (checked["ok"], checked["first_run_at"]) == (True, "2097-01-07T15:00:00Z")
    switched = shell.json("campaigns", "update", made, "--status", "on")
    assert switched["next_run_at"] == "2097-01-07T15:00:00Z"
    assert shell.json("campaigns", "archive", made) == {"archived": True}
    assert shell.json("campaigns", "list") == {"schedules": []}
    assert len(shell.json("campaigns", "list", "--status", "archive")["schedules"]) == 1


def test_another_clock_moves_what_is_on(shell, campaign):
    assert shell.json("campaigns", "timezone") == {"timezone": "America/New_York"}
    shell.json("contacts", "add", NUMBER, "+15550100001", "--field", "plan=pro")
    shell.json("campaigns", "update", campaign["id"], "--status", "on")
    assert shell.json("campaigns", "timezone", "Europe/Oslo") == {"timezone": "Europe/Oslo"}
    moved = shell.json("campaigns", "show", campaign["id"])
    assert moved["next_run_at"] == "2097-01-07T09:00:00Z"
    assert shell.error("campaigns", "timezone", "Europe/Nowhere") == (2, "invalid_timezone")


def test_what_is_wrong_is_named(shell, audience):
    add = ("campaigns", "add", "Deals", "--audience", audience)
    assert shell.error("campaigns", "show", "0" * 24) == (1, "not_found")
    assert shell.error(*add, "--on", "2097-01-07") == (2, "missing_send_time")
    assert shell.error(*add, "--at", "10:00") == (2, "missing_send_date")
    assert shell.error("campaigns", "list", "--status", "gone") == (2, "invalid_field")
    for wrong in (
        ("--set", "colour=red"),
        ("--set", "holdout_percent=x"),
        ("--share", "1"),
        ("--on", "2097-01-07", "--days", "x"),
    ):
        assert shell.run(*add, *wrong).exit_code == 2


def test_a_text_is_tried_on_a_few_numbers(shell, campaign):
    numbers = ("+12025550190", "+12025550191")
    found = shell.json("campaigns", "test", campaign["id"], *numbers)["results"]
    assert [each["phone_number"] for each in found] == list(numbers)
    assert all(each["message_id"] for each in found)
    spoilt = shell.run("campaigns", "test", campaign["id"], numbers[0], "+1")
    assert (spoilt.exit_code, "invalid_phone" in spoilt.stdout) == (1, True)
    assert shell.error("campaigns", "test", campaign["id"], *numbers * 3) == (2, "invalid_field")


def test_a_dry_run_is_told(shell, campaign):
    shell.json("contacts", "add", NUMBER, "+12025550192")
    found = shell.json("campaigns", "dry-run", campaign["id"])
    assert (found["is_exact"], found["recipients"]["size"]) == (True, 0)
    shell.json("campaigns", "update", campaign["id"], "--audience", everybody(shell))
    found = shell.json("campaigns", "dry-run", campaign["id"])
    assert found["recipients"] == {"size": 1, "low": 1, "high": 1}
    assert [each["phone_number"] for each in found["examples"]] == ["+12025550192"]
    shown = shell.run("campaigns", "dry-run", campaign["id"]).stdout
    assert "1 each, 1 at most" in shown.replace(".0", "")
    assert "+12025550192" in shown


def everybody(shell):
    filter_ = {"condition_type": "count", "field": "send_count", "operator": "gte", "value": 0}
    everyone = json.dumps({"operator": "AND", "conditions": [filter_]})
    return shell.json("audiences", "add", "All", "--filter", everyone)["id"]
