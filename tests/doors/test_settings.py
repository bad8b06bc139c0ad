"""One rule for a setting of the account, whichever way it comes: a call, a form or a command."""

import json

import pytest
from page_forms import fields_of

from doors import LIST, REFUSED

# Where a setting stands: the path of a call, the form of its page, and the option of a command.
NAME = ("account", "name", "/settings/account", ("accounts", "change"), "--name")
ZONE = ("account", "timezone", "/settings/account", ("accounts", "change"), "--timezone")
COUNTRY = ("account", "country", "/settings/account", ("accounts", "change"), "--country")
HOURS = ("account", "quiet_hours", "/settings/quiet", ("accounts", "change"), "--quiet-hours")
BEFORE = ("account", "prepend_text", "/settings/texts", ("accounts", "frame"), "--prepend")
TITLE = ("link-settings", "page_title", "/settings/links", ("link-settings", "set"), "--title")
TAG = ("link-settings", "page_language", "/settings/links", ("link-settings", "set"), "--language")
CURRENCY = ("postbacks", "currency", None, ("postbacks", "set"), "--currency")
WINDOW = ("postbacks", "click_window_days", None, ("postbacks", "set"), "--window")
HALF = "\ud83d"
USUAL = object()
# A value, and what is kept of it. An empty text takes away what may be without.
VALUES = [
    *((NAME, *each) for each in (
        ("  Ann's ", "Ann's"), ("e\u0301", "e\u0301"), ("", REFUSED), (" ", REFUSED),
        ("x" * 5_000, REFUSED), ("a\0b", REFUSED), (HALF, REFUSED),
    )),
    *((ZONE, *each) for each in (
        ("Europe/Oslo", "Europe/Oslo"), (" Europe/Oslo ", "Europe/Oslo"), ("Oslo", REFUSED),
        ("", REFUSED), ("../etc/passwd", REFUSED), ("a\0b", REFUSED),
    )),
    *((COUNTRY, *each) for each in (
        ("NO", "NO"), (" no ", "NO"), ("", None), (" ", None), ("XX", REFUSED), ("NOR", REFUSED),
    )),
    *((HOURS, *each) for each in (
        ("22:00-07:00", "22:00-07:00"), ("", None), ("7-22", REFUSED), ("25:00-07:00", REFUSED),
    )),
    *((BEFORE, *each) for each in (
        (" Ann: ", " Ann: "), ("", ""), ("{{nope}}", REFUSED), ("x" * 5_000, REFUSED),
    )),
    *((TITLE, *each) for each in (
        ("  Soon ", "Soon"), ("<b>", "<b>"), ("", USUAL), (" ", USUAL), ("x" * 5_000, REFUSED),
        ("a\0b", REFUSED),
    )),
    *((TAG, *each) for each in (("pt-BR", "pt-BR"), ("", USUAL), ("a b", REFUSED))),
    *((CURRENCY, *each) for each in (("nok", "NOK"), ("US1", REFUSED), ("\uff35SD", REFUSED))),
    *((WINDOW, *each) for each in ((90, 90), (91, REFUSED), (-1, REFUSED), (2**70, REFUSED))),
]  # fmt: skip
# A command opens the installation anew: of values that one rule takes, one is enough.
COMMANDS = {"  Ann's ", " no ", "25:00-07:00", " Ann: ", "<b>", "nok", 90, 2**70}


def _shown(doors, path, field):
    return doors.call("GET", path).json()[field]


def _by_call(doors, setting, value):
    path, field = setting[:2]
    answer = doors.call("PUT", path, {field: value})
    if answer.status_code != 200:
        assert answer.json()["param"] == field, answer.text
        return REFUSED
    return _shown(doors, path, field)


def _by_form(doors, setting, value):
    path, field, form, *_ = setting
    answer = doors.form(form, **fields_of(doors.browser.page("/settings")) | {field: str(value)})
    assert answer.status_code in {303, 400}, answer.text[-500:]
    return REFUSED if answer.status_code == 400 else _shown(doors, path, field)


def _by_command(doors, setting, value):
    path, field, _, words, option = setting
    result = doors.command(*words, f"{option}={value}", "--json")
    if result.exit_code:
        assert result.exit_code == 2, result.output
        return REFUSED
    return _shown(doors, path, field)


@pytest.mark.parametrize(
    ("setting", "value", "kept"),
    VALUES,
    ids=[f"{setting[1]}-{ascii(value)[:24]}" for setting, value, _ in VALUES],
)
def test_a_setting_is_kept_alike_whichever_way_it_comes(doors, setting, value, kept):
    path, field, form, *_ = setting
    before = _shown(doors, path, field)
    ways = [_by_call]
    if form is not None and value != HALF:
        ways.append(_by_form)
    if value in COMMANDS:
        ways.append(_by_command)
    found = {}
    for way in ways:
        found[way.__name__] = way(doors, setting, value)
        doors.call("PUT", path, {field: before})
    assert found == dict.fromkeys(found, before if kept is USUAL else kept)


ANSWERS = ("stop_text", "start_text", "help_text")


@pytest.mark.parametrize("field", ANSWERS)
@pytest.mark.parametrize(("value", "kept"), [("", None), (" ", None), (" Bye. ", "Bye.")])
def test_an_answer_of_a_list_is_alike_in_a_new_one_and_a_changed_one(doors, field, value, kept):
    made = doors.call("POST", "lists", {"phone_number": doors.number(), field: value})
    assert made.status_code == 200, made.text
    assert made.json()[field] == kept
    of = made.json()["id"]
    assert doors.call("PUT", f"lists/{of}", {field: "Own words."}).json()[field] == "Own words."
    assert doors.call("PUT", f"lists/{of}", {field: value}).json()[field] == kept


@pytest.mark.parametrize("field", ["connector", "second_connector", "list_name", "brand_name"])
def test_a_blank_is_as_nothing_in_a_new_list(doors, field):
    for blank in (None, "", " "):
        made = doors.call("POST", "lists", {"phone_number": doors.number(), field: blank})
        assert made.status_code == 200, made.text


def test_a_choice_is_one_of_its_words_in_a_new_thing_and_a_changed_one(doors):
    number = doors.number()
    made = doors.call("POST", "lists", {"phone_number": number}).json()["id"]
    for field in ("on_uncertain", "quiet_scope"):
        for word in ("", " ", "nope"):
            new = doors.call("POST", "lists", {"phone_number": doors.number(), field: word})
            changed = doors.call("PUT", f"lists/{made}", {field: word})
            for answer in (new, changed):
                assert (answer.status_code, answer.json()["param"]) == (400, field)
    journey = {"list_number": number, "name": "J", "status": ""}
    assert doors.call("POST", "journeys", journey).json()["code"] == "invalid_status"


@pytest.mark.parametrize(
    "words",
    [
        ("send", "+15557100001", "Hello", "--list", LIST, "--at="),
        ("history", "clear", "sends", "--yes", "--before="),
        ("callbacks", "forget", "--connector=sandbox", "--since="),
        ("callbacks", "retry", "--connector=sandbox", "--since="),
        ("messages", "list", "--since="),
        ("webhooks", "replay", "1", "--since="),
    ],
)
def test_an_empty_time_of_a_command_is_not_now_nor_all_that_there_is(doors, words):
    # As of a script whose variable is unset.
    result = doors.command(*words)
    assert result.exit_code == 2, result.output
    assert "must be a time" in result.stderr


def test_a_filter_that_is_nested_too_deeply_has_one_code(doors):
    deep = '{"groups":[' * 70 + "]}" * 70
    called = doors.call("POST", "audiences/preview", f'{{"filter": {deep}}}').json()["code"]
    result = doors.command("audiences", "add", "Deep", f"--filter={deep}", "--json")
    assert json.loads(result.stderr.splitlines()[-1])["code"] == called == "filter_too_large"
