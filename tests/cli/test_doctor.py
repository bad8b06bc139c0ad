"""The doctor: each illness is found, told with a remedy, and nothing is touched."""

import resource
import shutil
import sqlite3
from collections import namedtuple
from types import SimpleNamespace

import pytest

from sendrail.clock import SystemClock
from sendrail.domain.audit import Action, Actor
from sendrail.domain.times import DAY_MS


def finding(shell, check, *, code=3):
    told = shell.json("doctor", code=code)
    assert told["healthy"] == (code == 0)
    return next(each for each in told["checks"] if each["check"] == check)


def files(folder):
    return {path.name for path in folder.rglob("*")}


def test_a_sound_installation_is_healthy_and_left_as_it_was(shell):
    before = files(shell.data)
    told = shell.json("doctor")
    assert told["healthy"]
    assert {each["level"] for each in told["checks"]} <= {"ok", "warn"}
    assert [each["check"] for each in told["checks"]] == [
        "version",
        "sqlite",
        "data folder",
        "disk speed",
        "free disk",
        "master key",
        "database",
        "connector",
        "callbacks",
        "imports",
        "open files",
    ]
    assert all(each["fix"] for each in told["checks"] if each["level"] != "ok")
    assert files(shell.data) - before <= {"sendrail.db-wal", "sendrail.db-shm"}


def test_the_words_for_people_name_the_fix(shell):
    (shell.data / "master.key").chmod(0o644)
    result = shell.run("doctor")
    assert result.exit_code == 3
    assert "fail  master key: " in result.stdout
    assert f"fix: chmod 600 {shell.data / 'master.key'}" in result.stdout


def test_a_folder_that_is_not_there_is_not_made(shell):
    shutil.rmtree(shell.data)
    assert finding(shell, "data folder")["level"] == "fail"
    assert not shell.data.exists()


def test_a_folder_open_to_others_is_a_warning(shell):
    shell.data.chmod(0o755)
    found = finding(shell, "data folder", code=0)
    assert (found["level"], found["fix"]) == ("warn", f"chmod 700 {shell.data}")


def test_a_folder_that_cannot_be_written_is_found(shell, monkeypatch):
    # The tests may run as root, whom file modes do not stop.
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    assert "Read-only" in finding(shell, "data folder")["text"]


def test_a_missing_key_is_found(shell):
    (shell.data / "master.key").unlink()
    assert "backup" in finding(shell, "master key")["fix"]


def test_a_missing_database_is_found_and_not_made(shell):
    (shell.data / "sendrail.db").unlink()
    assert "sendrail serve" in finding(shell, "database")["fix"]
    assert not (shell.data / "sendrail.db").exists()


def test_what_is_no_database_is_found(shell):
    for path in shell.data.glob("sendrail.db*"):
        path.unlink()
    (shell.data / "sendrail.db").write_bytes(b"not a database" * 1_000)
    assert "not a database" in finding(shell, "database")["text"]


@pytest.mark.parametrize(("version", "level", "code"), [("9999", "fail", 3), ("0000", "warn", 0)])
def test_another_schema_is_found(shell, version, level, code):
    with sqlite3.connect(shell.data / "sendrail.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", [version])
    raw.close()
    assert finding(shell, "database", code=code)["level"] == level


def test_a_carrier_that_is_not_installed_is_found(shell):
    with sqlite3.connect(shell.data / "sendrail.db") as raw:
        raw.execute("UPDATE connectors SET kind = 'pigeon'")
    raw.close()
    assert "pigeon" in finding(shell, "connector")["text"]


@pytest.mark.parametrize(
    ("free_mib", "level", "code"), [(64, "fail", 3), (640, "warn", 0), (641, "ok", 0)]
)
def test_a_disk_that_fills_up_is_found(shell, monkeypatch, free_mib, level, code):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - it stands in for shutil's
    full = SimpleNamespace(disk_usage=lambda _: usage(0, 0, free_mib * 2**20))
    monkeypatch.setattr("sendrail.storage.sqlite.checkup.shutil", full)
    assert finding(shell, "free disk", code=code)["level"] == level


def test_a_slow_disk_is_a_warning(shell, monkeypatch):
    ticks = iter(range(1_000))
    slow = SimpleNamespace(perf_counter=lambda: next(ticks))
    monkeypatch.setattr("sendrail.storage.sqlite.checkup.time", slow)
    assert finding(shell, "disk speed", code=0)["level"] == "warn"


@pytest.mark.parametrize(("limit", "level"), [(1_024, "warn"), (4_096, "ok")])
def test_a_low_limit_of_open_files_is_a_warning(shell, monkeypatch, limit, level):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert finding(shell, "open files", code=0)["level"] == level


def begun(runtime, action, about, at, *, end_at=None):
    """Note an import that began, and its end where it has one."""

    def write(tx):
        account = tx.accounts.all()[0].id
        actor, action_of_end = Actor(name="a test"), Action(action)
        tx.audit.add(account, actor, Action.IMPORT_BEGUN, about, {"action": action}, at)
        if end_at is not None:
            tx.audit.add(account, actor, action_of_end, about, {"complete": False}, end_at)

    runtime(lambda it: it.store.write(write))


def test_an_import_that_was_cut_off_is_named_until_it_was_done_again(shell, runtime):
    now = SystemClock().now()
    begun(runtime, "contacts.imported", "list +15550100000", now - 2 * DAY_MS)
    begun(runtime, "contacts.imported", "list Acme", now - 2 * DAY_MS, end_at=now - DAY_MS)
    begun(runtime, "blocks.imported", "block list", now - 3_600_000)
    begun(runtime, "lists.imported", "lists", now - 40 * DAY_MS)
    found = finding(shell, "imports", code=0)
    assert found["level"] == "warn"
    assert found["text"].startswith(
        "began more than a day ago and have no end: contacts.imported of list +15550100000 "
        "(account 1, begun 20"
    )
    assert "Acme" not in found["text"]
    assert "block list" not in found["text"]
    begun(runtime, "contacts.imported", "list +15550100000", now - 100, end_at=now)
    assert finding(shell, "imports", code=0)["level"] == "ok"
