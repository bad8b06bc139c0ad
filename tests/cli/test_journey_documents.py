"""`sendrail journeys` with documents."""

import json

import pytest

SANDBOX = "+15550001000"
DOCUMENT = {
    "name": "Hello",
    "trigger": {"on": ["signup"]},
    "steps": [
        {"id": "hello", "kind": "send", "body": "Hi {{first_name|there}}"},
        {"id": "day", "kind": "wait", "value": 1, "unit": "days"},
    ],
}


@pytest.fixture
def written(tmp_path):
    """Return a function that writes JSON to a file of a name and returns its path."""

    def write(value, name="document.json"):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
        return str(path)

    return write


def test_a_journey_from_a_file_to_its_versions(shell, written):
    draft = shell.json("journeys", "draft", SANDBOX, written(DOCUMENT))
    assert (draft["status"], draft["active_version"], draft["draft"]) == ("draft", None, DOCUMENT)
    assert shell.json("journeys", "validate", SANDBOX, "Hello") == {"faults": []}
    script = {"contact": {"first_name": "Ann"}, "starts_at": "2026-03-02T15:00:00Z"}
    found = shell.json("journeys", "simulate", SANDBOX, "Hello", "--script", written(script))
    assert [each["did"] for each in found["path"]] == ["sent", "waits", "done"]
    assert (found["path"][0]["text"], found["ended"]) == ("Hi Ann", "completed")
    assert "Hi there" in shell.run("journeys", "simulate", SANDBOX, "Hello").stdout

    active = shell.json("journeys", "status", SANDBOX, "Hello", "active")
    assert (active["status"], active["active_version"], active["draft"]) == ("active", 1, None)
    changed = shell.json("journeys", "draft", SANDBOX, written(DOCUMENT | {"max_days": 3}))
    assert (changed["document"], changed["has_draft"]) == (DOCUMENT, True)
    shell.json("journeys", "status", SANDBOX, "Hello", "active")
    command = ("journeys", "migrate", SANDBOX, "Hello", "--from", "1", "--map", "day=day")
    dry = shell.json(*command, "--rest", "exit", "--dry-run")
    assert [(each["step"], each["to"]) for each in dry["steps"]] == [
        ("hello", "ends"), ("day", "day"),
    ]  # fmt: skip
    assert dry["task_id"] is None
    assert "day" in shell.run(*command, "--map", "hello=").stdout
    [task] = shell.json("journeys", "tasks", SANDBOX, "Hello")["tasks"]
    assert task["kind"] == "migrate"
    listed = shell.json("journeys", "versions", SANDBOX, "Hello")["versions"]
    assert [each["version"] for each in listed] == [2, 1]
    assert shell.json("journeys", "version", SANDBOX, "Hello", "1")["document"] == DOCUMENT
    assert shell.json("journeys", "show", SANDBOX, "Hello")["active_version"] == 2
    assert shell.json("journeys", "remove", SANDBOX, "Hello") == {"archived": True}


def test_faults_are_listed_and_end_the_command(shell, written):
    faulty = DOCUMENT | {"steps": [{"id": "a", "kind": "wait", "value": 0, "unit": "days"}]}
    shell.json("journeys", "draft", SANDBOX, written(faulty))
    found = shell.run("journeys", "validate", SANDBOX, "Hello", "--json")
    assert found.exit_code == 1
    [fault] = json.loads(found.stdout)["faults"]
    assert (fault["is"], fault["code"], fault["param"]) == (
        "fault", "invalid_duration", "steps[0].value",
    )  # fmt: skip
    activate = ("journeys", "status", SANDBOX, "Hello", "active")
    assert shell.error(*activate) == (2, "invalid_duration")
    assert shell.error("journeys", "status", SANDBOX, "Hello", "asleep") == (2, "invalid_status")
    assert shell.error("journeys", "draft", SANDBOX, written("{", "x")) == (2, "invalid_json")
    assert shell.error("journeys", "draft", SANDBOX, written("[]", "x")) == (2, "invalid_json")
    assert shell.error("journeys", "draft", SANDBOX, "nowhere.json") == (2, "invalid_json")
