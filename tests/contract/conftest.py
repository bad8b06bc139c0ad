"""A real server with both ways in, the fast lane and ASGI alone, and the means to ask it.

Both servers live as long as the test run, each with its own data; tests keep apart by sending to
recipients of their own.
"""

import asyncio
import dataclasses
import itertools
import json
import socket
import threading
import traceback
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, suppress

import httpx
import postgres
import pytest
import uvloop
from stores import patient_stores
from written import DELETE, PAUSE, parsed

from sendrail.api.server import listen, make_server
from sendrail.app import open_runtime
from sendrail.connectors.service import ConnectorCapacity
from sendrail.domain import phone
from sendrail.domain.audit import Actor
from sendrail.domain.contact import OptOutReason
from sendrail.sandbox import SANDBOX_NUMBER
from sendrail.settings import load
from sendrail.tracking.offers import OfferChange
from sendrail.workers import delivering

WORD = "forbiddenword"
FILE_BYTES_MAX = 4_000_000


class Door:
    """One server, and what was set up behind it."""

    list_number = phone.show(SANDBOX_NUMBER)
    paused = "+15550002001"
    unverified = "+15550002002"
    deleted = "+15550002003"
    theirs = "+15550002004"
    unknown = "+15550002999"
    blocked_word = WORD
    links_host = "go.links.example"
    offer_url = "https://shop.example/?m={{sendId}}&s={{sub1}}"

    def __init__(self, port, runtime, loop, server):
        self.port = port
        self.runtime = runtime
        self.server = server
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=60, verify=False)
        self._loop = loop
        self._recipients = itertools.count(15551000000)

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def write(self, work):
        return self.do(self.runtime.store.write(work))

    def set_up(self):
        runtime, us = self.runtime, self.runtime.default_account
        self.us = us
        self.them = self.do(runtime.accounts.add("them"))
        suspended = self.do(runtime.accounts.add("suspended"))
        self.key = self.new_key(us)
        self.their_key = self.new_key(self.them)
        self.suspended_key = self.new_key(suspended)
        self.do(runtime.accounts.suspend("suspended"))
        self.write(lambda tx: tx.accounts.set_blocked_words(us, WORD))
        self.do(runtime.lists.add(us, parsed(self.paused)))
        self.do(runtime.lists.update(us, parsed(self.paused), PAUSE))
        self.do(runtime.lists.add(us, parsed(self.deleted)))
        self.do(runtime.lists.update(us, parsed(self.deleted), DELETE))
        self.do(runtime.lists.add(self.them, parsed(self.theirs)))
        self.do(runtime.connectors.add(us, "simulator", "own", {}, ConnectorCapacity(), own=True))
        self.do(runtime.lists.add(us, parsed(self.unverified), connector="own"))
        self.do(runtime.journeys.add(us, parsed(self.list_number), "welcome"))

    def new_key(self, account):
        return self.do(self.runtime.accounts.create_key(account, "test")).key

    def new_list(self, number):
        self.do(self.runtime.lists.add(self.us, parsed(number), connector="sandbox"))
        return number

    def linked_list(self):
        """Return the number of our list, which has a tracking domain."""

        def add(tx):
            domains = tx.domains.all(self.us)
            ours = next((each.id for each in domains if each.host == self.links_host), None)
            if ours is None:
                ours = tx.domains.add(
                    self.us,
                    host=self.links_host,
                    letters=7,
                    is_default=False,
                    token="t",
                    verified_at=1,
                    # Not looked at for a day: no such host answers.
                    checked_at=self.runtime.clock.now(),
                    created_at=1,
                )
                sender = tx.lists.find(self.us, parsed(self.list_number))
                tx.domains.use(self.us, ours, [sender.id])

        self.write(add)
        self.do(self.runtime.tracking.hosts.refresh())
        return self.list_number

    def new_offer(self, account=None, **more):
        """Return the id of an offer."""
        given = OfferChange(**{"name": "Summer", "tracking_url": self.offer_url} | more)
        offers = self.runtime.tracking.offers
        return self.do(offers.add(account or self.us, given, Actor(name="test"))).ref

    def recipient(self):
        return phone.show(next(self._recipients))

    def unsubscribed(self, reason="manual"):
        who = self.recipient()
        contacts = self.runtime.contacts
        self.do(contacts.add(self.us, parsed(self.list_number), parsed(who)))
        why = OptOutReason(reason)
        self.do(
            contacts.remove(
                self.us, parsed(self.list_number), parsed(who), reason=why, source="test"
            )
        )
        return who

    def blocked(self):
        who = self.recipient()
        self.do(self.runtime.blocks.add(self.us, parsed(who)))
        return who

    def on_a_journey(self):
        who = self.recipient()
        self.do(
            self.runtime.journeys.enrol(self.us, parsed(self.list_number), "welcome", parsed(who))
        )
        return who

    def order(self, **changes):
        """Return a body that is accepted, changed; a field changed to `...` is left out."""
        body = {"to": self.recipient(), "list_number": self.list_number, "body": "Hello"} | changes
        return {name: value for name, value in body.items() if value is not ...}

    # Asking

    def headers(self, **more):
        given = {"x-api-key": self.key, "content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in more.items()
        }
        return {name: value for name, value in given.items() if value is not None}

    def post(self, path, body, *, base="/api/v2", **headers):
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.client.post(f"{base}/{path}", content=content, headers=self.headers(**headers))

    def get(self, path, *, base="/api/v2", params=None, **headers):
        return self.client.get(f"{base}/{path}", params=params, headers=self.headers(**headers))

    def send(self, **changes):
        """Send one message; return its id."""
        answer = self.post("send-raw", self.order(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json()["message_id"]

    def wire(self):
        return Wire(self)

    def close(self):
        self.client.close()


class Wire:
    """A connection on which every byte is ours."""

    def __init__(self, door):
        self._door = door
        self.socket = socket.create_connection(("127.0.0.1", door.port), timeout=60)
        self._read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part if isinstance(part, bytes) else part.encode())
        return self

    def request(
        self, body=b"", *, line="POST /api/v2/send-raw HTTP/1.1", length=True, key=..., **more
    ):
        """Return the bytes of a request."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = self._door.headers(host="test", **more)
        if key is not ...:
            headers["x-api-key"] = key
        if length:
            headers["content-length"] = str(len(content))
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        return "\r\n".join([line, *lines, "", ""]).encode() + content

    def answer(self):
        """Read one answer: status, headers, body."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (r.partition(":") for r in rest)
        }
        status = int(line.split()[1])
        length = int(headers.get("content-length", 0))
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        if headers.get("content-type") == "application/json" and body:
            return status, headers, json.loads(body)
        return status, headers, body

    def is_closed(self):
        """Tell whether the server ends the connection, with nothing more said."""
        try:
            return self._read == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _more(self):
        found = self.socket.recv(65536)
        assert found, f"the connection ended after {self._read!r}"
        self._read += found


class _Servers:
    """Starts each server when it is first asked for."""

    def __init__(self, make_folder):
        self._make_folder = make_folder
        self._running = {}
        self._databases = ExitStack()

    def door(self, name):
        """Return the server of a name; one that starts with the fast lane's has it."""
        if name in self._running and not self._running[name][1].is_alive():
            # Once: what ended it is to be found, and the next tests have a server again.
            ended = self._running.pop(name)[0]
            ended.close()
            raise AssertionError(f"the server {name!r} ended:\n{''.join(ended.server.left_by)}")
        if name not in self._running:
            url = self._database() if name.startswith("postgres") else ""
            self._running[name] = self._start(fast=not name.startswith("asgi"), url=url)
        return self._running[name][0]

    def _database(self):
        return self._databases.enter_context(postgres.database())

    def _start(self, *, fast, url):
        ready = Future()
        folder = self._make_folder("data")
        settings = load(
            {},
            data_dir=folder,
            free_disk_min_mb=0,
            import_bytes_max=FILE_BYTES_MAX,
            # Nothing changes but by what a test does.
            number_lookup="none",
            quiet_hours="",
            database_url=url,
        )
        thread = threading.Thread(target=self._run, args=(settings, fast, ready), daemon=True)
        thread.start()
        door = Door(*ready.result(120))
        door.set_up()
        return door, thread

    @staticmethod
    def _run(settings, fast, ready):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(_serve(settings, fast, ready))
            except BaseException as error:
                if ready.done():
                    ready.result()[-1].left_by += traceback.format_exception(error)
                    raise
                ready.set_exception(error)

    def stop(self):
        for door, thread in self._running.values():
            door.close()
            # One that has ended has said why on its way out.
            with suppress(RuntimeError):
                door._loop.call_soon_threadsafe(door.server.leave)
            thread.join(120)
            assert not thread.is_alive(), "the server does not stop"
        self._databases.close()


# Where it makes a difference by which lane a request comes in. All else is asked of the bare ASGI
# application in the long form only (`-m slow`), as are generated requests of the shared database.
BOTH_LANES = {
    "test_answers",
    "test_faults",
    "test_idempotency",
    "test_key_use",
    "test_limits",
    "test_lookup",
    "test_own_hosts",
    "test_public_examples",
    "test_schemathesis",
    "test_send_later",
    "test_sending",
    "test_tenancy",
    "test_wire",
}
LONG = {"test_answers_are_as_described[postgres, worn]"}
# What is refused before any statement is run; with the other database in the long form as well.
BEFORE_ANY_STATEMENT = {
    "test_a_body_over_5_mb",
    "test_a_body_that_is_no_json_object",
    "test_a_parameter_at_fault_is_named",
    "test_a_wrong_type_is_refused_and_named",
    "test_half_a_character_is_the_fault_of_its_field",
    "test_it_serves_nothing_of_the_api",
    "test_too_large_a_length_is_refused_before_the_body",
    "test_what_is_no_http_is_refused",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name != "contract":
            continue
        is_twin = "asgi alone" in item.name and item.path.stem not in BOTH_LANES
        is_twin |= "postgres" in item.name and item.originalname in BEFORE_ANY_STATEMENT
        # What is good for one database is good for the other: of strangers both are asked.
        is_proof = item.name.startswith("test_the_requests_of_the_matrix_are_good_ones[postgres")
        if is_twin or is_proof or item.name in LONG:
            item.add_marker(pytest.mark.slow)


class _NoVerifier:
    """Looks at no domain: none of those that tests make is there, and each would be a warning."""

    async def verify(self, domain):  # noqa: ARG002 - as the real one
        return None


class _PatientClock:
    """A follower of a link waits a quarter of a second for the storage; here that is a while."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()

    def time(self):
        return self._loop.time() / 100

    def call_later(self, delay, callback):
        return self._loop.call_later(delay * 100, callback)


async def _serve(settings, fast, ready):
    async with AsyncExitStack() as opened:
        with patient_stores():
            runtime = await opened.enter_async_context(open_runtime(settings, serving=True))
        runtime.tracking.redirects._clock = _PatientClock()
        server = make_server(runtime, fast=fast)
        server.left_by = []

        def leave():
            server.left_by += traceback.format_stack()
            server.leave()

        unseen = dataclasses.replace(runtime.tracking, verifier=_NoVerifier())
        working = dataclasses.replace(runtime, tracking=unseen)
        async with delivering(working, leave):
            listener = listen("127.0.0.1", 0)
            serving = asyncio.create_task(server.serve([listener]))
            await server.listening(serving)
            loop = asyncio.get_running_loop()
            ready.set_result((listener.getsockname()[1], runtime, loop, server))
            await serving


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    running = _Servers(tmp_path_factory.mktemp)
    yield running
    running.stop()


@pytest.fixture(params=["fast lane", "asgi alone", "postgres"])
def door(request, servers):
    return servers.door(request.param)


@pytest.fixture(params=["fast lane, worn", "asgi alone, worn", "postgres, worn"])
def worn_door(request, servers):
    """A server for tests that block, delete and unsubscribe what others would need."""
    return servers.door(request.param)


@pytest.fixture
def fast_door(servers):
    """The server as it runs, where a test asks for nothing that differs by the way in."""
    return servers.door("fast lane")
