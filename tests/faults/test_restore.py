"""A backup taken amidst the traffic, and a life begun again from it after the machine is gone."""

import json
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import standardwebhooks

from .audit import check_database, rows, settle_down, total
from .load import Load
from .serve import wait_until

WEBHOOKS = {
    "webhook_allow_http": 1,
    "webhook_ports": "*",
    "webhook_allow_networks": "127.0.0.0/8",
}
# As docs/operate/backup.md prints it.
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
    """Add an endpoint and a link; return the endpoint's id and its secret."""
    url = f"http://127.0.0.1:{receiver.server_port}/"
    endpoint = server.run("webhooks", "add", url, "--event", "reply")
    account = ["--set", f"account_sid=AC{'0' * 32}", "--set", "auth_token=t0ken"]
    server.run("links", "add", "twilio", "tw", *account)
    return endpoint["id"], endpoint["secret"]


@pytest.mark.timeout(120)
def test_what_was_accepted_before_a_backup_is_there_after_it(make_server, receiver, tmp_path, seed):
    lost = make_server(**WEBHOOKS)
    lost.start()
    endpoint, secret = add_things_with_secrets(lost, receiver)
    archive = tmp_path / "sendrail-backup.tar.gz"
    with Load(lost, [lost.list_number], seed) as load:
        time.sleep(1.5)
        before = dict(load.told)
        lost.run("backup", str(archive))
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
    client = again.client()
    # Every id given out before leads to the message it was given for.
    for recipient, message_id in before.items():
        found = client.get(f"/api/v2/messages/{message_id}")
        assert (found.status, found.body["to"]) == (200, recipient), found
    settle_down(client, 60)
    assert total(client, "queued") == 0
    # What is under seal can be opened: the link's credentials, and what events are signed with.
    wait_until(lambda: again.run("links", "show", "tw")["state"] == "open", 10, "the link is open")
    again.run("webhooks", "test", str(endpoint))
    headers, body = receiver.posts[-1]
    assert standardwebhooks.Webhook(secret).verify(body, headers) == json.loads(body)
    # And life goes on.
    order = {"to": "+14990000001", "list_number": lost.list_number, "body": "hi"}
    assert client.post("/api/v2/send-raw", order).status == 200
    wait_until(lambda: total(client, "queued") == 0, 10, "it is sent")
    assert again.stop(30) == 0
    check_database(again)
    assert rows(again, "SELECT count(*) FROM messages WHERE status = 'sending'") == [(0,)]
