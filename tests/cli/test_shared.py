"""The command line on a shared database: `SENDRAIL_DATABASE_URL` is all that changes."""

import asyncio

import postgres
import pytest
from stores import patient_stores

from sendrail.app import open_runtime
from sendrail.settings import load


@pytest.fixture(autouse=True)
def _patience():
    """On a busy machine a database that is there may be silent for a second."""
    with patient_stores():
        yield


@pytest.fixture(scope="module")
def database():
    """One installation for the module, made as `serve` makes it."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def data(tmp_path, database, monkeypatch):
    monkeypatch.setenv("SENDRAIL_DATABASE_URL", database)
    monkeypatch.setenv("SENDRAIL_MASTER_KEY", "5e" * 32)

    async def make():
        async with open_runtime(load(), serving=True):
            pass

    asyncio.run(make())
    return tmp_path / "elsewhere"


def test_commands_work_from_any_machine_that_has_the_key(shell):
    made = shell.json("keys", "create", "second")
    assert made["key"].startswith("trk_")
    assert "second" in [key["name"] for key in shell.json("keys", "list")["keys"]]
    [sandbox] = shell.json("lists", "list")["lists"]
    sent = shell.json("send", "+15550001001", "Hello", "--list", sandbox["phone_number"])
    assert shell.json("messages", "show", sent["message_id"])["status"] == "queued"
    assert not (shell.data / "master.key").exists()


def test_the_doctor_finds_nothing_but_what_is_so(shell, database):
    # The server of the tests does not sync, and the doctor must say so.
    [(syncs,)] = postgres.do(database, "SHOW fsync")
    told = shell.json("doctor", code=0 if syncs == "on" else 3)
    levels = {each["check"]: each["level"] for each in told["checks"]}
    assert levels | {"durable": "", "open files": ""} == {
        "version": "ok", "postgresql": "ok", "database": "ok", "durable": "", "clock": "ok",
        "connections": "ok", "partitions": "ok", "callbacks": "ok", "connector": "ok",
        "imports": "ok", "open files": "",
    }  # fmt: skip


def test_the_doctor_names_what_would_lose_messages(shell, database):
    name = postgres.name_of(database)
    postgres.do(database, f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        told = shell.json("doctor", code=3)
    finally:
        postgres.do(database, f"ALTER DATABASE {name} RESET synchronous_commit")
    [durable] = [each for each in told["checks"] if each["check"] == "durable"]
    assert (durable["level"], "synchronous_commit" in durable["text"]) == ("fail", True)


def test_the_doctor_says_when_nothing_answers(shell, monkeypatch):
    monkeypatch.setenv("SENDRAIL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    told = shell.json("doctor", code=3)
    assert [each["check"] for each in told["checks"]] == ["version", "database", "open files"]


def test_an_empty_database_is_not_set_up_by_a_command(shell, monkeypatch):
    with postgres.database() as empty:
        monkeypatch.setenv("SENDRAIL_DATABASE_URL", empty)
        for words in (("keys", "list"), ("migrate",)):
            assert shell.error(*words) == (1, "not_set_up")
        assert postgres.do(empty, "SELECT count(*) FROM pg_tables WHERE schemaname='public'") == [
            (0,)
        ]


def test_without_the_key_nothing_is_opened_and_none_is_made(shell, monkeypatch):
    monkeypatch.delenv("SENDRAIL_MASTER_KEY")
    code, error = shell.error("keys", "list")
    assert (code, error) == (1, "setup")
    assert not (shell.data / "master.key").exists()


def test_another_key_is_refused(shell, monkeypatch):
    monkeypatch.setenv("SENDRAIL_MASTER_KEY", "ab" * 32)
    assert shell.error("keys", "list") == (1, "wrong_master_key")


def test_a_migration_with_nothing_to_do_says_so(shell):
    told = shell.json("migrate")
    assert told["before"] == told["after"]
    assert shell.json("migrate", "--finish") == told


def test_secrets_are_not_shown(shell, database):
    shown = shell.run("config", "show").stdout
    assert database not in shown
    assert "5e5e" not in shown
    values = {each["setting"]: each["value"] for each in shell.json("config", "show")["settings"]}
    assert values["database_url"] == values["master_key"] == "(set)"
