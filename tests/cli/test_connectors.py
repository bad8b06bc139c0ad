"""`sendrail connectors` and `sendrail lists verify`: what they take, print and never print."""

import json
import os

import pytest
from pigeon import GIVEN, LOFT, SECRET, pigeons

from sendrail.storage.data_folder import LOCK

__all__ = ["pigeons"]

LIST = "+15550002000"
ANN = "+15550100001"
COOP = ("--set", f"password={SECRET}", "--set", f"loft={LOFT}")

pytestmark = pytest.mark.usefixtures("pigeons")


def add(shell, *more, name="coop"):
    return shell.json("connectors", "add", "pigeon", name, *COOP, *more)


def test_a_connector_has_a_life(shell):
    added = add(shell, "--window", "7", "--mps", "2.5", "--segments-per-second", "9")
    assert (added["kind"], added["owner"], added["state"]) == ("pigeon", "installation", "closed")
    assert (added["window"], added["mps"], added["segments_per_second"]) == (7, 2.5, 9.0)
    assert added["settings"] == {"password": "********", "loft": LOFT}
    assert shell.json("connectors", "show", "coop") == added
    changed = shell.json("connectors", "change", "coop", "--set", "birds=9", "--mps", "0")
    assert (changed["settings"]["birds"], changed["mps"]) == (9, None)
    assert "birds" not in shell.json("connectors", "change", "coop", "--unset", "birds")["settings"]
    assert shell.json("connectors", "pause", "coop")["state"] == "paused"
    assert shell.json("connectors", "resume", "coop")["state"] == "closed"
    rotated = shell.json("connectors", "rotate-url", "coop")
    assert rotated["callback_url"] != added["callback_url"]
    assert rotated["old_callback_url_until"] is not None
    assert shell.json("connectors", "test", "coop")["answer"] == "3 birds are at home."
    names = [each["name"] for each in shell.json("connectors", "list")["connectors"]]
    assert names == ["sandbox", "coop"]
    assert shell.json("connectors", "remove", "coop", "--yes")["removed"]
    assert shell.error("connectors", "show", "coop") == (1, "connector_not_found")


def test_a_secret_comes_from_a_file_or_from_standard_input(shell, tmp_path):
    path = tmp_path / "password"
    path.write_text("chatty\n")
    one = (
        "connectors",
        "add",
        "pigeon",
        "one",
        "--set",
        f"password=@{path}",
        "--set",
        f"loft={LOFT}",
    )
    shell.json(*one)
    two = ("connectors", "add", "pigeon", "two", "--set", "password=-", "--set", "loft=@@home")
    added = shell.json(*two, stdin=b"from a pipe\n")
    assert added["settings"]["loft"] == "@home"


def test_what_a_file_holds_is_the_value(shell, tmp_path, runtime):
    path = tmp_path / "password"
    path.write_text("trailing blank \r\n")
    shell.json(
        "connectors", "add", "pigeon", "coop", "--set", f"password=@{path}", "--set", "loft=x"
    )

    async def settings(it):
        card = await it.connectors.find(it.default_account, "coop")
        return it.connectors._secret_box.settings_of(card.connector)

    assert runtime(settings) == {"password": "trailing blank ", "loft": "x"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "swan", "x"), (1, "carrier_trouble")),
        (("add", "pigeon", "x", "--set", "loft=a"), (1, "carrier_trouble")),
        (("add", "pigeon", "x", "--set", "nonsense"), (1, "carrier_trouble")),
        (("add", "pigeon", "x", *COOP, "--window", "0"), (2, "invalid_field")),
        (("add", "pigeon", "x", "--set", "loft=-", "--set", "password=-"), (2, "invalid_field")),
        (("add", "pigeon", "x", "--set", "password=@/no/such/file"), (1, "os_error")),
        (("add", "pigeon", "sandbox", *COOP), (1, "connector_exists")),
        (("remove", "sandbox", "--yes"), (1, "connector_in_use")),
        (("test", "nowhere"), (1, "connector_not_found")),
    ],
)
def test_trouble_has_a_code_and_an_exit_code(shell, words, expected):
    assert shell.error("connectors", *words) == expected


def test_no_command_prints_a_secret(shell):
    texts = []
    for words in (
        ("add", "pigeon", "coop", *COOP),
        ("add", "pigeon", "coop", *COOP),
        ("add", "pigeon", "x", *COOP, "--set", "birds=no"),
        ("change", "coop", "--set", "loft=chatty"),
        ("test", "coop"),
        ("change", "coop", "--set", "loft=burnt"),
        ("test", "coop"),
        ("show", "coop"),
        ("list",),
        ("kinds",),
        ("rotate-url", "coop"),
        ("pause", "coop"),
        ("remove", "coop", "--yes"),
    ):
        for more in ((), ("--json",)):
            result = shell.run("connectors", *words, *more)
            texts.append(result.output)
            assert result.exception is None or isinstance(result.exception, SystemExit)
    assert SECRET not in "".join(texts)


def test_the_kinds_are_listed_with_their_settings(shell):
    kinds = {each["kind"]: each for each in shell.json("connectors", "kinds")["kinds"]}
    assert set(kinds) >= {"simulator", "pigeon", "dodo"}
    assert "cannot be loaded" in kinds["dodo"]["trouble"]
    by_name = {each["name"]: each for each in kinds["pigeon"]["settings"]}
    assert (by_name["password"]["secret"], by_name["password"]["required"]) == (True, True)
    assert by_name["birds"]["default"] == 3
    [only] = shell.json("connectors", "kinds", "pigeon")["kinds"]
    assert only["kind"] == "pigeon"
    assert "pigeon\tpassword\ttext\t(required)\tyes" in shell.run("connectors", "kinds").stdout


def test_a_list_is_given_other_connectors(shell):
    add(shell)
    shell.json("lists", "add", LIST, "--connector", "sandbox")
    assert shell.json("lists", "change", LIST, "--second-connector", "coop")["has_second_connector"]
    assert not shell.json("lists", "change", LIST, "--second-connector", "none")[
        "has_second_connector"
    ]
    assert shell.json("lists", "change", LIST, "--connector", "coop")["phone_number"] == LIST
    assert shell.json("connectors", "show", "coop")["lists"] == 1
    assert shell.error("lists", "change", LIST, "--connector", "nowhere") == (
        2,
        "invalid_connector",
    )


def test_verifying_goes_on_where_it_was(shell):
    add(shell, "--own")
    shell.json("lists", "add", LIST, "--connector", "coop")
    assert shell.error("send", ANN, "hi", "--list", LIST) == (1, "webhook_not_configured")
    first = shell.json("lists", "verify", LIST, code=1)
    assert (first["next_step"], first["verified"]) == ("test_send", False)
    assert first["credentials_tested_at"] is not None
    second = shell.json("lists", "verify", LIST, "--to", ANN, code=1)
    assert (second["next_step"], second["test_message_to"]) == ("reply", ANN)
    assert second["test_message_status"] == "queued"
    third = shell.json("lists", "verify", LIST, code=1)
    assert third["test_message_id"] == second["test_message_id"]
    assert shell.json("lists", "show", LIST)["own_carrier"]
    assert shell.error("send", ANN, "hi", "--list", LIST) == (1, "webhook_not_configured")


def test_a_list_on_the_installations_connector_needs_no_verifying(shell):
    told = shell.json("lists", "verify", "+15550001000")
    assert (told["verified"], told["own_carrier"], told["next_step"]) == (True, False, None)


def test_the_doctor_tells_of_connectors(shell, runtime):
    add(shell)
    shell.json("connectors", "pause", "coop")
    found = [each for each in shell.json("doctor")["checks"] if each["check"] == "connector"]
    assert [each["level"] for each in found] == ["ok", "warn"]
    assert found[1]["fix"] == "sendrail connectors resume coop"
    shell.json("connectors", "resume", "coop")

    async def break_it(it):
        from sendrail.domain.sender import ConnectorReport, ConnectorState

        card = await it.connectors.find(it.default_account, "coop")
        broken = ConnectorReport(state=ConnectorState.BROKEN, detail="no such loft", since=1)
        await it.store.write(lambda tx: tx.connectors.report({card.connector.id: broken}))

    runtime(break_it)
    found = [
        each for each in shell.json("doctor", code=3)["checks"] if each["check"] == "connector"
    ]
    assert found[1]["level"] == "fail"
    assert "no such loft" in found[1]["text"]
    assert found[1]["fix"] == "sendrail connectors test coop"


def test_the_words_for_people_are_masked_too(shell):
    add(shell)
    shown = shell.run("connectors", "show", "coop").stdout
    assert "set password\t********" in shown
    assert json.dumps(GIVEN["password"]) not in shown


def test_what_a_throttled_connector_has_found_is_shown(shell, runtime, data):
    add(shell)
    shown = shell.json("connectors", "show", "coop")
    assert (shown["found_pace"], shown["found_paces"]) == (None, [])
    assert "found_pace\t-" in shell.run("connectors", "show", "coop").stdout

    async def throttle(it):
        from sendrail.domain.sender import ConnectorReport, ConnectorState, ReportedPace

        card, now = await it.connectors.find(it.default_account, "coop"), it.clock.now()
        for process, per_second, limit in (("a:1", 40.04, 50.0), ("b:2", 8.5, None)):
            pace = ReportedPace(process=process, per_second=per_second, limit=limit, at=now)
            await it.store.write(
                lambda tx, name=process, pace=pace: tx.connectors.report_paces(
                    name, {card.connector.id: pace}
                )
            )
        is_open = ConnectorReport(state=ConnectorState.OPEN)
        await it.store.write(lambda tx: tx.connectors.report({card.connector.id: is_open}))
        cards = await it.connectors.all(it.default_account)
        return [(each.connector.name, len(each.paces)) for each in cards]

    # Nothing submits by it where no server is running.
    assert runtime(throttle) == [("sandbox", 0), ("coop", 0)]
    (data / LOCK).write_text(str(os.getpid()))
    assert runtime(throttle) == [("sandbox", 0), ("coop", 2)]
    shown = shell.json("connectors", "show", "coop")
    assert shown["found_pace"] == 48.5
    assert [
        (each["process"], each["per_second"], each["limit"]) for each in shown["found_paces"]
    ] == [("a:1", 40.0, 50.0), ("b:2", 8.5, None)]
    line = "found_pace\t40 of about 50 a second in a:1, 8.5 a second in b:2\n"
    assert line in shell.run("connectors", "show", "coop").stdout
    rows = shell.run("connectors", "list").stdout.splitlines()
    assert next(row for row in rows if row.startswith("coop")).endswith(
        "throttled to 48.5 a second"
    )
