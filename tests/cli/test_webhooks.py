"""`sendrail webhooks`, `listen` and `trigger`, in this process and against a receiver of ours."""

import asyncio
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import standardwebhooks

from sendrail.app import listener, open_runtime
from sendrail.cli.listen import _listen
from sendrail.cli.output import choose_json
from sendrail.domain.webhook import USUAL, Event
from sendrail.settings import load
from sendrail.workers import delivering

URL = "https://example.com/hook"
SANDBOX = "+15550001000"


@pytest.fixture
def receiver(monkeypatch):
    """Return a receiver on this machine, which the settings allow."""
    for name, value in {
        "ALLOW_HTTP": "1", "PORTS": "*", "ALLOW_NETWORKS": "127.0.0.0/8",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SENDRAIL_WEBHOOK_{name}", value)
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.status, server.got = 200, got
        server.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_secret_is_shown_once(shell):
    added = shell.run("webhooks", "add", URL, "--name", "ours")
    assert added.exit_code == 0, added.output
    [secret] = [line.split("\t")[1] for line in added.stdout.splitlines() if "whsec_" in line]
    assert "not shown again" in added.stderr
    for words in (("list",), ("show", "1")):
        for form in ((), ("--json",)):
            told = shell.run("webhooks", *words, *form)
            assert (told.exit_code, "whsec_" in told.stdout) == (0, False)
    rotated = shell.json("webhooks", "rotate", "1")["secret"]
    assert rotated.startswith("whsec_")
    assert rotated != secret


def test_an_endpoint_is_changed_paused_resumed_and_removed(shell):
    made = shell.json("webhooks", "add", URL, "--event", "reply", "--list", SANDBOX)
    assert (made["events"], made["list_number"], made["state"]) == ("reply", SANDBOX, "active")
    changed = shell.json("webhooks", "change", "1", "--url", "https://example.org/", "--list", "")
    assert (changed["url"], changed["list_number"]) == ("https://example.org/", None)
    assert changed["events"] == "reply"
    assert shell.json("webhooks", "pause", "1")["state"] == "paused"
    assert shell.json("webhooks", "resume", "1")["state"] == "active"
    [listed] = shell.json("webhooks", "list")["endpoints"]
    assert (listed["id"], listed["waiting"]) == (1, 0)
    assert shell.run("webhooks", "remove", "1", stdin=b"n\n").exit_code == 1
    assert shell.json("webhooks", "remove", "1", "--yes") == {"removed": True}
    assert shell.json("webhooks", "list") == {"endpoints": []}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "http://example.com/"), (2, "invalid_url")),
        (("add", "https://169.254.169.254/latest"), (2, "invalid_url")),
        (("add", URL, "--event", "tap"), (2, "invalid_event")),
        (("add", URL, "--list", "+15559999999"), (1, "list_not_found")),
        (("show", "7"), (1, "endpoint_not_found")),
        (("remove", "7", "--yes"), (1, "endpoint_not_found")),
        (("replay", "7", "evt_reply_00000000"), (1, "endpoint_not_found")),
    ],
)
def test_trouble_has_a_code_and_an_exit_code(shell, words, expected):
    assert shell.error("webhooks", *words) == expected


@pytest.mark.parametrize("words", [(), ("evt_reply_00000000", "--since", "2026-11-01")])
def test_a_replay_is_of_one_event_or_since_a_time(shell, words):
    shell.run("webhooks", "add", URL)
    result = shell.run("webhooks", "replay", "1", *words)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_test_says_what_the_endpoint_answered(shell, receiver):
    secret = shell.json("webhooks", "add", receiver.url)["secret"]
    told = shell.json("webhooks", "test", "1")
    assert (told["outcome"], told["status"]) == ("acknowledged", 200)
    [(headers, body)] = receiver.got
    assert standardwebhooks.Webhook(secret).verify(body, headers)["test"] is True
    receiver.status = 500
    assert shell.json("webhooks", "test", "1", code=1)["outcome"] == "failed"
    attempts = shell.json("webhooks", "attempts", "1")["attempts"]
    assert [each["status"] for each in attempts] == [500, 200]
    assert "evt_test_" in shell.run("webhooks", "attempts", "1").stdout
    replayed = shell.json("webhooks", "replay", "1", attempts[0]["event_id"])
    assert replayed == {"replayed": 1}
    assert shell.json("webhooks", "replay", "1", "--since", "2020-01-01") == {"replayed": 0}


@pytest.mark.parametrize("event", ["tap", "", "deliveries"])
def test_only_events_there_are_can_be_triggered(shell, event):
    result = shell.run("trigger", event)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("event", sorted(USUAL))
def test_every_event_can_be_triggered_heard_and_told(data, receiver, shell, event):
    secret = shell.json("webhooks", "add", receiver.url, "--event", event.value)["secret"]

    async def work():
        async with open_runtime(load(data_dir=data), serving=True) as runtime:
            ears, heard = await listener(runtime).open(), []
            async with delivering(runtime, lambda: None):
                await runtime.sandbox.trigger(runtime.default_account, event)
                async with asyncio.timeout(60):
                    while not (heard and receiver.got):
                        heard += await ears.step()
                        await asyncio.sleep(0.02)
            await ears.aclose()
            return heard

    heard, *_ = (json.loads(each.body) for each in asyncio.run(work()))
    headers, body = receiver.got[0]
    assert standardwebhooks.Webhook(secret).verify(body, headers) == heard
    assert (heard["event"], heard["list_number"]) == (event, SANDBOX)


# An automatic delivery is no event of its own, and a conversion comes by a postback.
@pytest.mark.parametrize("event", [Event.DELIVERY, Event.REPLY, Event.UNSUBSCRIBE])
def test_a_trigger_without_a_server_waits_for_one(shell, event):
    assert shell.json("trigger", event.value) == {"triggered": event.value}


def _listens(runtime):
    return runtime.store._tx.outbox.has_endpoints()


async def _until(is_so):
    # What we wait for happens in threads and tables, and wakes nobody.
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def test_listening_prints_and_passes_on(data, receiver, capsys):
    choose_json(True)

    async def work():
        async with open_runtime(load(data_dir=data), serving=True) as runtime:
            async with delivering(runtime, lambda: None):
                listening = asyncio.create_task(_listen(runtime, receiver.url))
                async with asyncio.timeout(60):
                    await _until(lambda: _listens(runtime))
                    await runtime.sandbox.trigger(runtime.default_account, Event.REPLY)
                    await _until(lambda: receiver.got)
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening
            return _listens(runtime)

    assert asyncio.run(work()) is False
    told = capsys.readouterr()
    [line] = [each for each in told.out.splitlines() if each.startswith("{")]
    [secret] = [word for word in told.err.split() if word.startswith("whsec_")]
    [(headers, body)] = receiver.got
    assert standardwebhooks.Webhook(secret).verify(body, headers) == json.loads(line)
