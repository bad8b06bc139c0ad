"""However much hangs, a stop is over when it was said to be, and nothing accepted is lost by it."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import postgres
import pytest

from sendrail.drain import CLOSING_SECONDS
from sendrail.settings import Settings

from .audit import rows
from .serve import wait_until

DRAIN_SECONDS = 2
# What a supervisor grants when nobody tells it otherwise: Kubernetes, and our own unit.
GRANTED_SECONDS = 30
# What a process that is ended by force may need to be gone on a busy machine.
LATE_SECONDS = 30
HANDSET = "+15550100001"
IS_SENDING = "SELECT count(*) FROM messages WHERE status = 'sending'"
WEBHOOKS = {
    "webhook_allow_http": 1,
    "webhook_ports": "*",
    "webhook_allow_networks": "127.0.0.0/8",
}

CARRIER = """
import asyncio
import os

import msgspec

from sendrail.domain.delivery import Submitted


class Hangs:
    class Settings(msgspec.Struct):
        manner: str

    def __init__(self, settings, context):
        self._manner = settings["manner"]

    async def start(self, deliver):
        pass

    async def submit(self, messages, report):
        if self._manner.startswith("/"):
            while not os.path.exists(self._manner):
                await asyncio.sleep(0.01)
            for message in messages:
                report(message, Submitted("ref"))
            return
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if self._manner != "deaf":
                    raise

    def parse(self, raw):
        return []

    async def stop(self):
        if self._manner == "clinging":
            await asyncio.sleep(3600)
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a carrier that hangs, as a package beside Sendrail."""
    folder = tmp_path / "packages"
    info = folder / "hangs-1.dist-info"
    info.mkdir(parents=True)
    (folder / "hangs.py").write_text(CARRIER)
    (info / "METADATA").write_text("Name: hangs\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[sendrail.carriers]\nhangs = hangs:Hangs\n")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.syspath_prepend(folder)


class _Silent(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.heard.set()
        self.server.ended.wait(600)

    def log_message(self, *_):
        pass


@pytest.fixture
def silent_receiver():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as receiver:
        receiver.daemon_threads = True
        receiver.heard, receiver.ended = threading.Event(), threading.Event()
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        yield receiver
        receiver.ended.set()
        receiver.shutdown()
        thread.join()


def seconds_to_stop(server, code):
    """Stop; return how long that took. What is not closed in time is ended by force, with 1."""
    began = time.monotonic()
    assert server.stop(DRAIN_SECONDS + CLOSING_SECONDS + 5) == code, Path(server.said).read_text()
    return time.monotonic() - began


def hand_over(server, manner):
    """Have a message handed over to a carrier that never answers, or once a file is there."""
    server.run("connectors", "add", "hangs", "hangs", "--set", f"manner={manner}")
    server.run("lists", "change", server.list_number, "--connector", "hangs")
    wait_until(lambda: state_of(server, "hangs") == "open", 5, "the connector is open")
    order = {"to": HANDSET, "list_number": server.list_number, "body": "hi"}
    assert server.client().post("/api/v2/send-raw", order).status == 200
    wait_until(lambda: rows(server, IS_SENDING) == [(1,)], 5, "it is handed over")


def state_of(server, name):
    return server.run("connectors", "show", name)["state"]


def statuses(server):
    return [status for (status,) in rows(server, "SELECT status FROM messages")]


def test_by_default_a_stop_is_over_before_a_supervisor_kills():
    assert Settings().drain_seconds + CLOSING_SECONDS < GRANTED_SECONDS


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("manner", ["silent", pytest.param("clinging", marks=pytest.mark.slow)])
def test_a_carrier_that_never_answers_is_not_waited_for(make_server, manner):
    server = make_server(drain_seconds=DRAIN_SECONDS)
    server.start()
    hand_over(server, manner)
    assert seconds_to_stop(server, 0) >= DRAIN_SECONDS
    assert statuses(server) == ["uncertain"]
    assert ("connectors_cut_off" in server.said.read_text()) is (manner == "clinging")


@pytest.mark.usefixtures("installed")
def test_an_answer_under_way_is_waited_for(make_server, tmp_path):
    server = make_server(drain_seconds=60)
    server.start()
    answers = tmp_path / "answers"
    hand_over(server, answers)
    with ThreadPoolExecutor(1) as aside:
        stopping = aside.submit(server.stop, 60)
        wait_until(lambda: not listens(server), 5, "the stop has begun")
        answers.touch()
        assert stopping.result() == 0
    assert statuses(server) == ["sent"]


def listens(server):
    """Return whether the server takes connections."""
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.usefixtures("installed")
@pytest.mark.slow
def test_a_carrier_that_cannot_be_ended_is_ended_with_the_process(make_server):
    server = make_server(drain_seconds=DRAIN_SECONDS)
    server.start()
    hand_over(server, "deaf")
    took = seconds_to_stop(server, 1)
    assert DRAIN_SECONDS + CLOSING_SECONDS <= took < DRAIN_SECONDS + CLOSING_SECONDS + LATE_SECONDS
    assert "stop_overdue" in server.said.read_text()
    server.start()
    assert statuses(server) == ["uncertain"]


def test_webhooks_that_hang_are_not_waited_for_and_told_again(make_server, silent_receiver):
    server = make_server(drain_seconds=DRAIN_SECONDS, **WEBHOOKS)
    server.start()
    server.run("webhooks", "add", f"http://127.0.0.1:{silent_receiver.server_port}/")
    order = {"to": HANDSET, "list_number": server.list_number, "body": "hi"}
    server.client().post("/api/v2/send-raw", order)
    assert silent_receiver.heard.wait(60)
    assert seconds_to_stop(server, 0) >= DRAIN_SECONDS
    due = "SELECT count(*) FROM outbox WHERE due_at IS NOT NULL"
    assert rows(server, due) == [(1,)]


@pytest.mark.usefixtures("installed")
def test_all_that_can_hang_at_once_takes_one_deadline(make_server, silent_receiver):
    server = make_server(drain_seconds=DRAIN_SECONDS, **WEBHOOKS)
    server.start()
    server.run("webhooks", "add", f"http://127.0.0.1:{silent_receiver.server_port}/")
    order = {"to": HANDSET, "list_number": server.list_number, "body": "hi"}
    server.client().post("/api/v2/send-raw", order)
    assert silent_receiver.heard.wait(60)
    server.run("connectors", "add", "hangs", "hangs", "--set", "manner=clinging")
    server.run("lists", "change", server.list_number, "--connector", "hangs")
    wait_until(lambda: state_of(server, "hangs") == "open", 5, "the connector is open")
    server.client().post("/api/v2/send-raw", order | {"body": "another"})
    wait_until(lambda: rows(server, IS_SENDING) == [(1,)], 5, "it is handed over")
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(b"POST /api/v2/send-raw HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        seconds_to_stop(server, 0)
    assert "uncertain" in statuses(server)


@pytest.mark.skipif(
    "SENDRAIL_TEST_POSTGRES" in os.environ, reason="the server's processes may be elsewhere"
)
def test_a_database_that_hangs_is_not_waited_for(make_server):
    with postgres.database() as url:
        server = make_server(drain_seconds=DRAIN_SECONDS, database_url=url)
        server.start()
        client = server.client()
        order = {"to": HANDSET, "list_number": server.list_number, "body": "hi"}
        accepted = client.post("/api/v2/send-raw", order).body["message_id"]
        stopped = backends_of(url)
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            code = server.stop(DRAIN_SECONDS + CLOSING_SECONDS + 5)
            assert time.monotonic() - began < DRAIN_SECONDS + CLOSING_SECONDS + LATE_SECONDS
            assert code in {0, 1}
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        server.start()
        assert server.client().get(f"/api/v2/messages/{accepted}").status == 200


def backends_of(url):
    """Return the processes of the database's server that serve this database's users."""
    asked = f"SELECT pid FROM pg_stat_activity WHERE datname = '{postgres.name_of(url)}'"
    return [row["pid"] for row in postgres.do(postgres.url_of("postgres"), asked)]
