"""`sendrail journeys`: who is on a journey, and many contacts put on it."""

import json

import pytest

SANDBOX = "+15550001000"
ANN, BEN, CID = "+15550100001", "+15550100002", "+15550100003"
DOCUMENT = {
    "name": "Hello",
    "trigger": {"on": ["api"]},
    "steps": [{"id": "day", "kind": "wait", "value": 1, "unit": "days"}],
}


@pytest.fixture
def hello(shell, tmp_path):
    """Make an active journey; return a function that writes a file and returns its path."""

    def written(text, name="file.txt"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return str(path)

    shell.json("journeys", "draft", SANDBOX, written(json.dumps(DOCUMENT), "hello.json"))
    shell.json("journeys", "status", SANDBOX, "Hello", "active")
    return written


def test_the_numbers_of_a_file_are_put_on_a_journey(shell, hello):
    file = hello(f"{ANN}\n\n12\n{BEN}\n")
    found = shell.json("journeys", "enrol", SANDBOX, "Hello", "--file", file)
    assert found["enrolled"] == 2
    assert [(each["line"], each["code"]) for each in found["errors"]] == [(3, "invalid_phone")]
    assert "enrolled 2" in shell.run("journeys", "enrol", SANDBOX, "Hello", "--file", file).stderr
    [one, two] = shell.json("journeys", "enrolments", SANDBOX, "Hello")["enrolments"]
    assert (one["phone_number"], two["phone_number"], one["step"]) == (ANN, BEN, "day")
    shell.json("journeys", "end", SANDBOX, "Hello", ANN)

    def numbers(*options):
        listed = shell.json("journeys", "enrolments", SANDBOX, "Hello", *options)["enrolments"]
        return [each["phone_number"] for each in listed]

    assert numbers() == numbers("--step", "day", "--version", "1") == [BEN]
    assert numbers("--state", "ended") == numbers("--state", "any", "--number", ANN) == [ANN]
    assert numbers("--started-after", "2020-01-01") == [BEN]
    assert numbers("--started-before", "2020-01-01") == []


@pytest.mark.usefixtures("hello")
def test_the_list_or_an_audience_enters_by_a_task(shell):
    task = shell.json("journeys", "backfill", SANDBOX, "Hello")
    assert (task["kind"], task["state"], task["dry_run"]) == ("backfill", "running", True)
    task = shell.json("journeys", "backfill", SANDBOX, "Hello", "--confirm", "--dry-run")
    assert task["dry_run"] is True
    task = shell.json("journeys", "backfill", SANDBOX, "Hello", "--confirm")
    assert task["dry_run"] is False
    shown = shell.json("journeys", "task", SANDBOX, "Hello", str(task["id"]))
    assert shown == task
    nowhere = ("journeys", "backfill", SANDBOX, "Hello", "--audience", "0" * 24)
    assert shell.error(*nowhere)[1] == "audience_not_found"
    for wrong in ((), (ANN, "--file", "x"), ("--file", "x")):
        assert shell.run("journeys", "enrol", SANDBOX, "Hello", *wrong).exit_code == 2
