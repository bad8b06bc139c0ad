"""A data folder that cannot be used: a clear refusal, exit code 1, and nothing changed on disk."""

import hashlib
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from .audit import rows
from .disk import frozen, mounted_tmpfs
from .serve import COMMAND, Server


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Iterator[Server]:
    """A server that has stopped, with a message in its folder."""
    folder = tmp_path_factory.mktemp("first")
    server = Server(folder / "data", folder / "said", free_disk_min_mb=0)
    server.start()
    order = {"to": "+15550100001", "list_number": server.list_number, "body": "hi"}
    assert server.client().post("/api/v2/send-raw", order).status == 200
    assert server.stop(15) == 0
    yield server
    server.close()


@pytest.fixture
def used(first, make_server) -> Server:
    """A folder of one's own with a message in it, and nobody on it."""
    server = make_server()
    shutil.copytree(first.data, server.data)
    server.said.write_bytes(first.said.read_bytes())
    server.key, server.list_number = first.key, first.list_number
    return server


def checksums(folder):
    """Return what the files hold that are somebody's data."""
    kept = [folder / name for name in ("sendrail.db", "master.key")]
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in kept if path.exists()}


def check_refused(server, *words):
    """Check that a start is refused in so many words, and leaves everything as it was."""
    before = checksums(server.data)
    code, sentence = server.refusal()
    assert code == 1
    for word in words:
        assert word in sentence, sentence
    assert checksums(server.data) == before


def test_a_second_server(make_server, used):
    told = used.start()
    second = make_server(used.data)
    code, sentence = second.refusal()
    assert code == 1
    assert f"process {used.process.pid})" in sentence
    assert "Stop it first" in sentence
    # The same port is no reason to hide behind the port's trouble.
    second.settings["port"] = used.port
    assert f"process {used.process.pid})" in second.refusal()[1]
    client = used.client()
    order = {"to": "+15550100001", "list_number": told["list_number"], "body": "undisturbed"}
    assert client.post("/api/v2/send-raw", order).status == 200
    assert used.stop(15) == 0


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", ["000", "022"])
def test_a_folder_that_others_may_read_holds_nothing_that_they_may(make_server, tmp_path, umask):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    program = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", *COMMAND]
    server = make_server(folder, program=program)
    server.start()
    modes = {path.name: mode_of(path) for path in folder.iterdir()}
    assert {"sendrail.db", "sendrail.db-wal", "master.key", "lock"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert server.stop(15) == 0
    said = server.said.read_text()
    assert "data_folder_open" in said
    assert "files_made_private" not in said
    assert mode_of(folder) == 0o755, "the folder is its owner's matter"


def test_files_that_others_may_read_are_made_private(used):
    assert "data_folder_open" not in used.said.read_text()
    for name in ("sendrail.db", "master.key"):
        (used.data / name).chmod(0o644)
    used.start()
    assert {mode_of(path) for path in used.data.iterdir()} == {0o600}
    assert used.stop(15) == 0
    assert "files_made_private" in used.said.read_text()


def test_a_dead_servers_lock_is_no_lock(used):
    used.start()
    used.kill()
    assert (used.data / "lock").exists()
    used.start()
    assert used.stop(15) == 0


def test_the_key_is_missing(used):
    (used.data / "master.key").unlink()
    check_refused(used, "master.key", "is missing", "backup")


@pytest.mark.parametrize("content", ["", "no hex at all\n"])
def test_the_key_is_no_key(used, content):
    (used.data / "master.key").write_text(content)
    check_refused(used, "master.key", "backup")


def test_the_database_is_garbage(used):
    (used.data / "sendrail.db").write_bytes(os.urandom(100_000))
    check_refused(used, "damaged", "backup")


def test_the_database_is_cut_off(used):
    path = used.data / "sendrail.db"
    os.truncate(path, path.stat().st_size // 2)
    check_refused(used, "damaged", "backup")


def test_the_database_is_somebody_elses(used):
    path = used.data / "sendrail.db"
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (x)")
    code, sentence = used.refusal()
    assert code == 1
    assert "theirs" in sentence
    assert "--data" in sentence
    assert rows(used, "SELECT name FROM sqlite_schema") == [("theirs",)]


def test_the_database_is_from_a_newer_version(used):
    with closing(sqlite3.connect(used.data / "sendrail.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    check_refused(used, "9999", "newer")


def test_the_folder_is_a_file(make_server, tmp_path):
    path = tmp_path / "file"
    path.write_text("not a folder")
    code, sentence = make_server(path).refusal()
    assert code == 1
    assert "--data" in sentence
    assert path.read_text() == "not a folder"


def test_the_database_is_read_only(used):
    path = used.data / "sendrail.db"
    if os.geteuid() != 0:
        path.chmod(0o400)
        check_refused(used, "read-only", "writable")
        return
    with frozen(path):
        check_refused(used, "read-only", "writable")


def test_the_disk_is_read_only(make_server, tmp_path):
    with mounted_tmpfs(tmp_path / "disk", "16m") as disk:
        server = make_server(disk)
        server.start()
        assert server.stop(15) == 0
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        check_refused(server, str(disk), "writable")
