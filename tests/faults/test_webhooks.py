"""kill -9 amidst POSTs: every message at rest is told, and told again only word for word."""

import contextlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import standardwebhooks

from .audit import ENDS, look_up_all, rows, settle_down
from .serve import Server, wait_until

# Long enough for a kill to find POSTs under way.
ANSWER_SECONDS = 0.02
OPEN = {
    "webhook_allow_http": 1,
    "webhook_ports": "*",
    "webhook_allow_networks": "127.0.0.0/8",
}


class Receiver(ThreadingHTTPServer):
    """Keeps every POST, and takes its time to answer."""

    daemon_threads = True

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def bodies(self) -> dict[str, list[bytes]]:
        found = defaultdict(list)
        for headers, body in list(self.posts):
            found[headers["webhook-id"]].append(body)
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        time.sleep(ANSWER_SECONDS)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        # Whoever is killed hangs up in the middle of a request.
        with contextlib.suppress(ConnectionError):
            super().handle()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.timeout(120)
def test_three_kills(make_server: Callable[..., Server], receiver: Receiver) -> None:
    server = make_server(**OPEN)
    server.start()
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    secret = server.run("webhooks", "add", url)["secret"]
    for kill in range(3):
        send(server, 15550200000 + 1_000 * kill, 300)
        told = len(receiver.posts)
        wait_until(lambda told=told: len(receiver.posts) >= told + 60, 30, "POSTs are under way")
        server.kill()
        server.start()
    client = server.client()
    settle_down(client, 60)
    wait_until(
        lambda: rows(server, "SELECT count(*) FROM outbox WHERE due_at IS NOT NULL") == [(0,)],
        60,
        "everything is told",
    )
    ended = {
        f"evt_delivery_{each}": message
        for each, message in look_up_all(client).items()
        if message["status"] in ENDS
    }
    bodies = receiver.bodies()
    assert set(bodies) == set(ended)
    assert all(len(set(each)) == 1 for each in bodies.values())
    # Only what was under way at a kill may come twice.
    again = Counter(len(each) for each in bodies.values())
    print(f"{len(bodies)} events, told so many times: {dict(again)}")
    assert sum(count for times, count in again.items() if times > 1) <= 3 * 64
    verifier = standardwebhooks.Webhook(secret)
    for headers, body in receiver.posts:
        assert verifier.verify(body, headers)["event"] == "delivery"
    assert server.stop(15) == 0


def send(server: Server, first: int, count: int) -> None:
    client = server.client()
    answer = client.post(
        "/api/v2/send-raw/bulk",
        {
            "messages": [
                {"to": f"+{first + n}", "list_number": server.list_number, "body": "Hello"}
                for n in range(count)
            ]
        },
    )
    assert answer.body["queued_count"] == count, answer
