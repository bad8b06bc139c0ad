"""The commands about replies, consent and answers."""

import pytest

from sendrail.domain.consent import read_reply

SANDBOX = "+15550001000"
ANN = 15550100001


@pytest.fixture
def kept(runtime):
    async def keep(it):
        def work(tx):
            sender = tx.lists.find(it.default_account, int(SANDBOX[1:]))
            for at, body in enumerate(("stpo", "hello", "scam")):
                tx.replies.keep(sender, ANN, body, read_reply(body), at * 1000)

        await it.store.write(work)

    runtime(keep)


def bodies(shell, *words):
    return [each["body"] for each in shell.json("replies", "list", *words)["replies"]]


@pytest.mark.usefixtures("kept")
def test_replies_are_listed_and_narrowed_down(shell):
    assert bodies(shell) == ["scam", "hello", "stpo"]
    assert bodies(shell, "--keyword", "stop") == ["stpo"]
    assert bodies(shell, "--review") == ["scam", "stpo"]
    assert bodies(shell, "--list", SANDBOX, "--per-page", "1") == ["scam"]
    [reply] = shell.json("replies", "list", "--keyword", "stop")["replies"]
    assert reply == {
        "received_at": "1970-01-01T00:00:00Z",
        "list_number": SANDBOX,
        "phone_number": f"+{ANN}",
        "keyword": "stop",
        "rule": "misspelling",
        "review": True,
        "body": "stpo",
    }
    lines = shell.run("replies", "list").stdout.splitlines()
    assert lines[0].split("\t")[-1] == "body"
    assert len(lines) == 4


def test_what_cannot_be_asked_of_replies_is_refused(shell):
    assert shell.run("replies", "list", "--keyword", "yes").exit_code == 2
    assert shell.error("replies", "list", "--list", "+15559999999") == (1, "list_not_found")
    assert shell.json("replies", "list") == {"replies": []}
    assert "no such replies" in shell.run("replies", "list").stderr


def test_the_words_of_an_account_are_shown_and_set(shell):
    assert shell.json("replies", "words") == {"stop_words": []}
    told = shell.json("replies", "words", "--set", "avsluta, ta bort mig")
    assert told == {"stop_words": ["avsluta", "ta bort mig"]}
    assert shell.run("replies", "words").stdout == "avsluta\nta bort mig\n"
    assert shell.error("replies", "words", "--set", "help") == (2, "invalid_field")


def test_the_history_of_a_contact_shows_rule_and_words(shell):
    shell.run("contacts", "remove", SANDBOX, f"+{ANN}")
    [event] = shell.json("contacts", "history", SANDBOX, f"+{ANN}")["events"]
    assert event.pop("at")
    assert event == {
        "active": False,
        "reason": "manual",
        "source": "command line",
        "rule": None,
        "evidence": "",
    }
    assert "manual" in shell.run("contacts", "history", SANDBOX, f"+{ANN}").stdout
    none = shell.run("contacts", "history", SANDBOX, "+15550100002")
    assert (none.exit_code, none.stdout) == (0, "")


def test_the_answers_of_a_list_are_shown_and_changed(shell):
    shown = shell.json("lists", "answers", SANDBOX)
    assert shown["answers"] is True
    assert shown["stop_text"].startswith("Sandbox: ")
    changed = shell.json("lists", "answers", SANDBOX, "--no-answers", "--stop-text", "Bye!")
    assert (changed["answers"], changed["stop_text"]) == (False, "Bye!")
    back = shell.json("lists", "answers", SANDBOX, "--answers", "--default-texts")
    assert back == shown
    assert "Sandbox: " in shell.run("lists", "answers", SANDBOX).stdout
    assert shell.error("lists", "answers", SANDBOX, "--help-text", "STOP") == (2, "invalid_field")


def test_a_list_is_added_with_its_answers(shell):
    shell.json("lists", "add", "+15550100000", "--help-text", "Call us.", "--no-answers")
    shown = shell.json("lists", "answers", "+15550100000")
    assert (shown["answers"], shown["help_text"]) == (False, "Call us.")


@pytest.mark.parametrize(("name", "value"), [("OPT_OUT_SCOPE", "brand"), ("ABUSE_WORDS", "block")])
def test_a_setting_that_is_no_choice_is_refused(shell, monkeypatch, name, value):
    monkeypatch.setenv(f"SENDRAIL_{name}", value)
    assert shell.error("keys", "list") == (1, "setup")
