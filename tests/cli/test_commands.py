"""Every command, in this process: what it prints, and its exit code."""

import json
import re
import sqlite3
from contextlib import closing

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sendrail import __version__
from sendrail.cli.main import app
from sendrail.domain.message import Skip

SANDBOX = "+15550001000"
LIST = "+15550100000"
ANN = "+15550100001"
BEN = "+15550100002"


@pytest.fixture
def contacts(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text(f"phone,first_name\n{ANN},Ann\nnobody,\n{BEN},Ben\n")
    return str(path)


def commands(of):
    """Yield each command below a group."""
    for each in of.commands.values():
        yield from commands(each) if hasattr(each, "commands") else (each,)


def test_every_command_has_the_common_options_once_and_last():
    found = list(commands(get_command(app)))
    assert len(found) > 150
    for command in found:
        names = [name for each in command.params for name in each.opts]
        assert names[-2:] == ["--data", "--json"], command.name
        assert len(names) == len(set(names)), command.name


def test_an_error_outside_the_installation_has_an_exit_code_too(shell, tmp_path):
    absent = str(tmp_path / "none.json")
    assert shell.error("journeys", "draft", SANDBOX, absent) == (2, "invalid_json")


def test_the_version_is_one_line():
    assert CliRunner().invoke(app, ["--version"]).stdout == f"sendrail {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "list"),
        ("lists", "list"),
        ("contacts", "list", SANDBOX),
        ("blocks", "list"),
        ("journeys", "list"),
        ("messages", "list"),
        ("messages", "tail", "--no-follow"),
        ("send", ANN, "hi"),
        ("migrate",),
        ("backup", "x.tar.gz"),
    ],
)
def test_only_serve_makes_an_installation(tmp_path, words):
    folder = tmp_path / "elsewhere"
    result = CliRunner().invoke(app, [*words, "--data", str(folder)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: There is no installation")
    assert "sendrail serve" in result.stderr
    assert result.stderr.endswith("(not_set_up)\n")
    assert not folder.exists()


def test_a_wrong_setting_is_an_error_and_no_traceback(shell, monkeypatch):
    monkeypatch.setenv("SENDRAIL_PORRT", "1")
    assert shell.error("keys", "list") == (1, "setup")


# keys


def test_a_key_is_shown_once_and_can_be_revoked(shell):
    made = shell.run("keys", "create", "ci")
    key = made.stdout.strip()
    assert re.fullmatch(r"trk_[A-Za-z0-9]{32}", key)
    assert "not shown again" in made.stderr
    [listed] = [each for each in shell.json("keys", "list")["keys"] if each["name"] == "ci"]
    assert key not in str(listed)
    assert key.startswith(listed["key"].rstrip("…"))
    assert listed["revoked_at"] is None
    assert shell.json("keys", "revoke", str(listed["id"]))["revoked_at"] is not None
    assert shell.error("keys", "revoke", "99") == (1, "key_not_found")


def test_a_new_key_in_json_is_whole(shell):
    assert len(shell.json("keys", "create")["key"]) == 36


# lists


def test_a_list_is_added_changed_and_deleted(shell):
    added = shell.json("lists", "add", LIST, "--name", "News", "--rate", "60")
    assert (added["phone_number"], added["list_name"], added["rate"]) == (LIST, "News", 60)
    assert added["status"] == "active"
    assert shell.json("lists", "pause", LIST)["status"] == "paused"
    assert shell.json("lists", "resume", LIST)["status"] == "active"
    assert shell.json("lists", "rate", LIST, "120")["rate"] == 120
    assert shell.json("lists", "on-uncertain", LIST, "resend_once")["on_uncertain"] == "resend_once"
    assert shell.json("lists", "show", LIST)["rate"] == 120
    assert shell.json("lists", "delete", LIST, "--yes")["status"] == "deleted"
    numbers = [each["phone_number"] for each in shell.json("lists", "list")["lists"]]
    assert numbers == [SANDBOX]
    [gone] = shell.json("lists", "list", "--status", "deleted")["lists"]
    assert gone["phone_number"] == LIST


def test_deleting_asks_first(shell):
    shell.run("lists", "add", LIST)
    refused = shell.run("lists", "delete", LIST, stdin=b"n\n")
    assert refused.exit_code == 1
    assert shell.json("lists", "show", LIST)["status"] == "active"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", LIST), (1, "list_not_found")),
        (("show", "nobody's list"), (2, "invalid_list_number")),
        (("show", "nobody"), (1, "list_not_found")),
        (("add", SANDBOX), (1, "list_exists")),
        (("rate", SANDBOX, "0"), (2, "invalid_rate")),
        (("add", LIST, "--connector", "nowhere"), (2, "invalid_connector")),
    ],
)
def test_trouble_has_a_code_and_an_exit_code(shell, words, expected):
    assert shell.error("lists", *words) == expected


def test_a_wrong_status_is_a_matter_of_usage(shell):
    result = shell.run("lists", "list", "--status", "happy")
    assert (result.exit_code, result.stdout) == (2, "")


def test_lists_come_from_a_file(shell, tmp_path):
    path = tmp_path / "lists.csv"
    path.write_text(f"number,name,rate\n{LIST},News,60\n{SANDBOX},,\n")
    report = shell.json("lists", "import", str(path))
    assert (report["created"], report["already_there"], report["refused"]) == (1, 1, 0)


# contacts


def test_a_contact_is_added_shown_and_taken_off(shell):
    added = shell.json("contacts", "add", SANDBOX, ANN, "--first-name", "Ann")
    assert (added["phone_number"], added["active"], added["is_new"]) == (ANN, True, True)
    assert shell.json("contacts", "remove", SANDBOX, ANN) == {"unsubscribed": True}
    assert shell.json("contacts", "remove", SANDBOX, ANN) == {"unsubscribed": False}
    shown = shell.json("contacts", "show", SANDBOX, ANN)
    assert (shown["active"], shown["reason"], shown["first_name"]) == (False, "manual", "Ann")
    assert shell.error("contacts", "add", SANDBOX, ANN) == (1, "contact_unsubscribed")
    assert shell.json("contacts", "list", SANDBOX, "--active")["contacts"] == []
    assert len(shell.json("contacts", "list", SANDBOX, "--left")["contacts"]) == 1
    assert len(shell.json("contacts", "list", SANDBOX)["contacts"]) == 1


def test_a_contact_has_fields_journeys_and_a_history(shell):
    shell.json("journeys", "add", SANDBOX, "welcome")
    fields = ("--field", "plan=gold", "--field", "note=a=b")
    added = shell.json("contacts", "add", SANDBOX, ANN, *fields, "--use-journeys")
    assert added["custom_fields"] == {"plan": "gold", "note": "a=b"}
    assert (added["signup_method"], added["is_new"]) == ("cli", True)
    assert len(shell.json("journeys", "enrolments", SANDBOX, "welcome")["enrolments"]) == 1
    again = shell.json("contacts", "add", SANDBOX, ANN, "--field", "plan=silver")
    assert again["custom_fields"] == {"plan": "silver", "note": "a=b"}
    shell.json("contacts", "remove", SANDBOX, ANN)
    events = shell.json("contacts", "history", SANDBOX, ANN)["events"]
    assert [(each["active"], each["reason"], each["source"]) for each in events] == [
        (True, "signed_up", "cli"),
        (False, "manual", "command line"),
    ]


def test_a_contacts_fields_have_types(shell):
    fields = ("--field", "spend:number=50", "--field", "vip:boolean=yes", "--field", "a:b:text=1")
    added = shell.json("contacts", "add", SANDBOX, ANN, *fields)
    assert added["custom_fields"] == {"spend": 50, "vip": True, "a:b": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        ("plan",),
        ("=gold",),
        (":number=1",),
        ("spend:numbr=50",),
        ("spend:number=1,000",),
        ("vip:boolean=perhaps",),
        ("plan=gold", "plan:text=silver"),
    ],
)
def test_a_field_that_is_none_adds_no_contact(shell, fields):
    said = [word for each in fields for word in ("--field", each)]
    assert shell.error("contacts", "add", SANDBOX, ANN, *said) == (2, "invalid_parameter")
    assert shell.json("contacts", "list", SANDBOX)["contacts"] == []


# blocks


def test_a_contact_comes_back_by_evidence_that_is_kept(shell):
    shell.json("contacts", "add", SANDBOX, ANN)
    given = ("--consent", "I agree to offers.", "--source", "paper 17", "--at", "2026-01-31")
    assert shell.error("contacts", "resubscribe", SANDBOX, ANN, *given) == (1, "contact_subscribed")
    shell.json("contacts", "remove", SANDBOX, ANN)
    assert shell.json("contacts", "resubscribe", SANDBOX, ANN, *given)["active"] is True
    event = shell.json("contacts", "history", SANDBOX, ANN)["events"][-1]
    assert (event["active"], event["reason"], event["source"]) == (True, "resubscribed", "cli")
    assert "I agree to offers." in event["evidence"]
    assert "paper 17" in event["evidence"]
    [entry] = shell.json("audit", "--action", "contacts.resubscribed")["entries"]
    assert entry["actor"].startswith("command line: ")
    assert entry["details"]["consent_at"] == "2026-01-31T00:00:00Z"
    assert ANN[1:] not in str(entry)


@pytest.mark.parametrize("missing", ["--consent", "--source", "--at"])
def test_evidence_has_all_its_parts(shell, missing):
    given = {"--consent": "I agree.", "--source": "paper", "--at": "2026-01-31"}
    rest = [word for name, value in given.items() if name != missing for word in (name, value)]
    assert shell.run("contacts", "resubscribe", SANDBOX, ANN, *rest).exit_code == 2


def test_a_number_is_blocked_and_unblocked(shell, contacts):
    assert shell.json("blocks", "add", ANN, "--note", "asked")["is_new"]
    assert not shell.json("blocks", "add", ANN)["is_new"]
    assert shell.json("blocks", "import", contacts, code=1)["created"] == 1
    [first, second] = shell.json("blocks", "list")["blocks"]
    looked_up = shell.json("blocks", "list", "--number", BEN)
    assert (looked_up["blocks"], looked_up["total"]) == ([second], 1)
    assert (first["phone_number"], first["note"]) == (ANN, "asked")
    assert second["phone_number"] == BEN
    assert shell.error("send", ANN, "hi") == (1, "contact_blocked")
    assert shell.json("blocks", "remove", ANN) == {"unblocked": True}
    assert shell.json("blocks", "remove", ANN) == {"unblocked": False}
    assert shell.json("send", ANN, "hi")["success"]


def test_blocked_words_stop_a_message(shell):
    assert shell.json("blocks", "words") == {"blocked_words": []}
    kept = shell.json("blocks", "words", "--set", "casino, free money")
    assert kept == {"blocked_words": ["casino", "free money"]}
    assert shell.run("blocks", "words").stdout == "casino\nfree money\n"
    assert shell.error("send", ANN, "Free money!") == (1, "blocked_content")
    assert shell.json("blocks", "words", "--set", "") == {"blocked_words": []}
    assert shell.json("send", ANN, "Free money!")["success"]


# journeys


def test_a_journey_holds_other_messages_back(shell):
    added = shell.json("journeys", "add", SANDBOX, "welcome")
    assert (added["list_number"], added["name"]) == (SANDBOX, "welcome")
    assert shell.json("journeys", "list")["journeys"] == [added]
    shell.json("journeys", "enrol", SANDBOX, "welcome", ANN)
    [on_it] = shell.json("journeys", "enrolments", SANDBOX, "welcome")["enrolments"]
    assert on_it["phone_number"] == ANN
    assert shell.error("send", ANN, "hi") == (1, "journey_conflict")
    assert shell.json("send", ANN, "hi", "--skip-journey-check")["success"]
    assert shell.json("journeys", "end", SANDBOX, "welcome", ANN) == {"ended": True}
    assert shell.json("journeys", "end", SANDBOX, "welcome", ANN) == {"ended": False}
    assert shell.json("send", ANN, "hello")["success"]


def test_a_journey_is_deleted_with_who_is_on_it(shell):
    shell.json("journeys", "add", SANDBOX, "welcome", "--trigger", "none")
    assert shell.json("journeys", "list")["journeys"][0]["trigger"] == "none"
    shell.json("journeys", "enrol", SANDBOX, "welcome", ANN)
    assert shell.json("journeys", "remove", SANDBOX, "welcome") == {"deleted": True}
    assert shell.json("journeys", "list")["journeys"] == []
    assert shell.json("send", ANN, "hello")["success"]
    assert shell.error("journeys", "remove", SANDBOX, "welcome") == (1, "journey_not_found")
    assert shell.error("journeys", "add", SANDBOX, "x", "--trigger", "y") == (2, "invalid_field")


def test_a_journey_says_how_far_its_contacts_are(shell, tmp_path):
    document = tmp_path / "journey.json"
    steps = [{"id": "hour", "kind": "wait", "value": 1, "unit": "hours"}]
    document.write_text(
        json.dumps({"name": "w", "trigger": {"on": ["event"], "event": "cart"}, "steps": steps})
    )
    shell.json("journeys", "draft", SANDBOX, str(document))
    shell.json("journeys", "status", SANDBOX, "w", "active")
    shell.json("contacts", "add", SANDBOX, ANN)
    assert shell.json("journeys", "event", SANDBOX, ANN, "cart")["journeys"] == 1
    found = shell.json("journeys", "stats", SANDBOX, "w")
    assert (found["version"], found["entered"], found["ended"]) == (1, 1, {})
    assert [each["step"] for each in found["steps"]] == ["hour"]
    assert shell.error("journeys", "exit", SANDBOX, "w") == (2, "confirm_required")
    task = shell.json("journeys", "exit", SANDBOX, "w", "--confirm")
    assert (task["kind"], task["state"]) == ("exit", "running")
    shell.json("journeys", "backfill", SANDBOX, "w", "--confirm")
    ended = shell.json("journeys", "cancel", SANDBOX, "w", str(task["id"]))
    assert ended["state"] == "cancelled"
    kinds = [each["kind"] for each in shell.json("journeys", "tasks", SANDBOX, "w")["tasks"]]
    assert kinds == ["backfill", "exit"]


# send and messages


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("text", "--metadata", "{"), "The metadata is not valid JSON: "),
        # A byte of Latin-1, as Python reads it from the words of a command line.
        (("caf\udce9",), "'caf?' is not valid UTF-8."),
    ],
)
def test_what_cannot_be_read_is_named(shell, words, said):
    result = shell.run("send", ANN, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_message_is_queued_and_found(shell):
    sent = shell.json("send", ANN, "code {{messageId}}", "--metadata", '{"order": 7}')
    assert (sent["success"], sent["status"]) == (True, "queued")
    found = shell.json("messages", "show", sent["message_id"])
    assert (found["to"], found["list_number"], found["body"]) == (
        ANN,
        SANDBOX,
        "code {{messageId}}",
    )
    assert (found["status"], found["metadata"], found["attempts"]) == ("queued", {"order": 7}, [])
    [listed] = shell.json("messages", "list")["messages"]
    assert listed == {name: value for name, value in found.items() if name != "attempts"}


CONSENT = ("--consent", "yes", "--source", "form", "--at", "2026-01-31T08:00Z")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("contacts", "add", "x" * 12, ANN), "invalid_list_number"),
        (("contacts", "add", SANDBOX, "1"), "invalid_phone"),
        (("contacts", "resubscribe", SANDBOX, "1", *CONSENT), "invalid_phone"),
        (("contacts", "remove", SANDBOX, " "), "missing_phone_number"),
        (("contacts", "show", " ", ANN), "missing_list_number"),
        (("contacts", "history", SANDBOX, "1"), "invalid_phone"),
        (("contacts", "list", "x" * 12), "invalid_list_number"),
        (("contacts", "import", "x" * 12, "-"), "invalid_list_number"),
        (("contacts", "erase", "1", "--yes"), "invalid_phone"),
        (("blocks", "add", "1"), "invalid_phone"),
        (("blocks", "remove", "1"), "invalid_phone"),
        (("blocks", "list", "--number", "1"), "invalid_phone"),
        (("journeys", "add", "x" * 12, "welcome"), "invalid_list_number"),
        (("journeys", "remove", "x" * 12, "welcome"), "invalid_list_number"),
        (("journeys", "enrol", SANDBOX, "welcome", "1"), "invalid_phone"),
        (("journeys", "end", SANDBOX, "welcome", "1"), "invalid_phone"),
        (("journeys", "enrolments", "x" * 12, "welcome"), "invalid_list_number"),
        (("replies", "list", "--list", "x" * 12), "invalid_list_number"),
        (("lists", "verify", "x" * 12), "invalid_list_number"),
    ],
)
def test_what_is_no_number_is_refused_by_code(shell, words, code):
    assert shell.error(*words) == (2, code)


def test_only_the_id_goes_to_a_script(shell):
    result = shell.run("send", ANN, "hi")
    assert re.fullmatch(r"[0-9A-Za-z]{8}\n", result.stdout)
    assert result.stderr == "queued\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("5550100001", "hi"), (2, "invalid_phone")),
        ((ANN, " "), (2, "missing_body")),
        ((ANN, "x" * 1_601), (2, "message_too_long")),
        ((ANN, "hi", "--list", LIST), (1, "list_not_found")),
        ((ANN, "hi", "--metadata", "[1]"), (2, "invalid_field")),
        ((ANN, "hi", "--metadata", "{"), (2, "invalid_field")),
        ((ANN, "hi", "--metadata", '{"a": NaN}'), (2, "invalid_field")),
        ((ANN, "hi", "--metadata", '{"a": ' + "[" * 64 + "]" * 64 + "}"), (2, "invalid_field")),
        ((ANN, "hi", "--metadata", '{"a": ' + "[" * 9_999), (2, "invalid_field")),
        ((ANN, "hi", "--metadata", '{"a": "' + "x" * 16_384 + '"}'), (2, "metadata_too_large")),
    ],
)
def test_send_refuses_what_the_api_refuses(shell, words, expected):
    assert shell.error("send", *words) == expected


def test_each_skip_flag_opens_its_check(shell):
    shell.json("send", ANN, "hi")
    assert shell.error("send", ANN, "hi") == (1, "duplicate_message")
    assert shell.error("send", ANN, "hi", "--skip-rate-limit") == (1, "duplicate_message")
    assert shell.json("send", ANN, "hi", "--skip-duplicate-check")["success"]
    shell.run("contacts", "remove", SANDBOX, BEN)
    assert shell.error("send", BEN, "hi") == (1, "contact_unsubscribed")
    assert shell.json("send", BEN, "hi", "--skip-contact-validation")["success"]


def test_a_message_keeps_the_checks_that_its_flags_name(shell):
    flags = {
        "--skip-duplicate-check": Skip.DUPLICATE,
        "--skip-rate-limit": Skip.RATE_LIMIT,
        "--skip-contact-validation": Skip.CONTACT_VALIDATION,
        "--skip-journey-check": Skip.JOURNEY,
    }
    for serial, (name, _) in enumerate(flags.items()):
        shell.json("send", ANN, f"Hello {serial}", name)
    shell.json("send", ANN, "Hello all", *flags)
    with closing(sqlite3.connect(shell.data / "sendrail.db")) as raw:
        kept = [skips for (skips,) in raw.execute("SELECT skips FROM messages ORDER BY number")]
    assert kept == [*flags.values(), sum(flags.values())]


def test_with_two_lists_send_must_be_told_which(shell):
    shell.run("lists", "add", LIST)
    assert shell.error("send", ANN, "hi") == (2, "missing_list_number")
    assert shell.json("send", ANN, "hi", "--list", LIST)["success"]


def test_messages_are_filtered_and_paged(shell):
    shell.run("lists", "add", LIST)
    for number, sender in ((ANN, SANDBOX), (BEN, SANDBOX), (ANN, LIST)):
        shell.run("send", number, "hi", "--list", sender)

    def listed(*words):
        found = shell.json("messages", "list", *words)
        return found["pagination"]["total"], len(found["messages"])

    assert listed() == (3, 3)
    assert listed("--to", ANN) == (2, 2)
    assert listed("--to", ANN, "--list", LIST) == (1, 1)
    assert listed("--status", "queued", "--status", "failed") == (3, 3)
    assert listed("--status", "failed") == (0, 0)
    assert listed("--since", "2099-01-01") == (0, 0)
    assert listed("--until", "2001-01-01T00:00Z") == (0, 0)
    assert listed("--page", "2", "--per-page", "2") == (3, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("--status", "happy"),
        ("--to", "5550100001"),
        ("--list", "7"),
        ("--since", "yesterday"),
        ("--page", "0"),
        ("--per-page", "1001"),
    ],
)
def test_a_wrong_filter_is_a_matter_of_usage(shell, words):
    result = shell.run("messages", "list", *words)
    assert (result.exit_code, result.stdout) == (2, "")


def test_an_unknown_message_is_not_found(shell):
    assert shell.error("messages", "show", "00000000") == (1, "not_found")
    assert shell.error("messages", "show", "nonsense!") == (1, "not_found")


# config, migrate


def test_config_tells_where_a_value_comes_from(shell, monkeypatch):
    monkeypatch.setenv("SENDRAIL_PORT", "9000")
    (shell.data / "sendrail.toml").write_text("retention_days = 7\n")
    settings = {each["setting"]: each for each in shell.json("config", "show")["settings"]}
    assert (settings["port"]["value"], settings["port"]["origin"]) == (9000, "SENDRAIL_PORT")
    assert settings["retention_days"]["value"] == 7
    assert settings["retention_days"]["origin"].endswith("sendrail.toml")
    assert settings["host"]["origin"] == "default"
    assert settings["data_dir"] == settings["data_dir"] | {
        "value": str(shell.data),
        "origin": "command line",
    }
    assert all(each["help"] for each in settings.values())


def test_migrate_of_an_up_to_date_database_does_nothing(shell):
    told = shell.json("migrate")
    assert told["before"] == told["after"]


@pytest.mark.parametrize("words", [("migrate",), ("keys", "list"), ("messages", "list")])
def test_a_damaged_database_is_an_error_and_no_traceback(shell, words):
    for path in shell.data.glob("sendrail.db*"):
        path.unlink()
    (shell.data / "sendrail.db").write_bytes(b"not a database" * 1_000)
    assert shell.error(*words) == (1, "storage_unavailable")


def test_text_from_outside_cannot_drive_the_terminal(shell):
    shell.run("contacts", "add", SANDBOX, ANN, "--first-name", "A\x1b[31m[red]n")
    listed = shell.run("contacts", "list", SANDBOX).stdout
    assert "\x1b" not in listed
    assert "[red]n" in listed
