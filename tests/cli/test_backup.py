"""A backup is taken beside the traffic, overwrites nothing, and can be lived in again."""

import os
import sqlite3
import tarfile

import pytest

SANDBOX = "+15550001000"
ANN = "+15550100001"


def test_a_restored_backup_is_the_same_installation(shell, tmp_path):
    sent = shell.json("send", ANN, "hi")["message_id"]
    (shell.data / "sendrail.toml").write_text("retention_days = 7\n")
    archive = tmp_path / "backup.tar.gz"
    told = shell.json("backup", str(archive))
    assert told == {"file": str(archive), "bytes": archive.stat().st_size}
    assert archive.stat().st_mode & 0o777 == 0o600

    shell.json("send", ANN, "after the backup")
    before = shell.json("messages", "show", sent)
    restored = tmp_path / "restored"
    with tarfile.open(archive) as tar:
        assert {entry.name for entry in tar} == {"sendrail.db", "master.key", "sendrail.toml"}
        assert {entry.mode for entry in tar} == {0o600}
        tar.extractall(restored, filter="data")
    shell.data = restored
    assert shell.json("messages", "show", sent) == before
    assert shell.json("messages", "list")["pagination"]["total"] == 1
    restored.chmod(0o700)
    assert shell.json("doctor")["healthy"]


def test_a_backup_waits_for_no_writer_and_holds_only_what_is_committed(shell, tmp_path):
    shell.json("send", ANN, "committed")
    writer = sqlite3.connect(shell.data / "sendrail.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM messages")
    shell.json("backup", str(tmp_path / "backup.tar.gz"))
    writer.execute("ROLLBACK")
    writer.close()
    with tarfile.open(tmp_path / "backup.tar.gz") as tar:
        tar.extract("sendrail.db", tmp_path, filter="data")
    copy = sqlite3.connect(tmp_path / "sendrail.db")
    assert copy.execute("SELECT body FROM messages").fetchall() == [("committed",)]
    copy.close()


def test_nothing_is_overwritten(shell, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    archive.write_text("precious")
    assert shell.error("backup", str(archive)) == (1, "file_exists")
    assert archive.read_text() == "precious"


@pytest.mark.parametrize("missing", ["master.key", "sendrail.db"])
def test_a_backup_that_fails_leaves_nothing_behind(shell, tmp_path, missing):
    if missing == "sendrail.db":
        # There, but no database: the copying itself fails.
        for path in shell.data.glob("sendrail.db*"):
            path.unlink()
        (shell.data / missing).write_bytes(b"not a database" * 1_000)
    else:
        (shell.data / missing).unlink()
    target = tmp_path / "target"
    target.mkdir()
    code, _ = shell.error("backup", str(target / "backup.tar.gz"))
    assert code == 1
    assert os.listdir(target) == []  # noqa: PTH208 - hidden files count too


def test_a_folder_that_is_not_there_is_an_error(shell, tmp_path):
    assert shell.error("backup", str(tmp_path / "no" / "backup.tar.gz")) == (1, "os_error")


def test_a_database_of_its_own_is_backed_up_by_its_own_means(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("SENDRAIL_DATABASE_URL", "postgresql://sms@db.example/sms")
    archive = tmp_path / "backup.tar.gz"
    assert shell.error("backup", str(archive)) == (1, "setup")
    assert not archive.exists()
