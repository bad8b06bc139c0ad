"""Every row of the table of limits: what fits passes, and what does not is answered, not dropped.

Both ways in are bounded by the same connection. Times are asked of the server with a clock of the
test's own.
"""

import asyncio
import contextlib
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from sendrail.api import limits
from sendrail.api.bodies import Bodies, Budget
from sendrail.api.server import look_after

JUNK = b"hello\r\n\r\n"


@pytest.fixture(params=["fast lane", "asgi alone"])
def door(request, servers):
    return servers.door(request.param)


@pytest.fixture
def wire(door):
    with door.wire() as wire:
        yield wire


def test_each_row_has_a_test_here():
    rows = {limit.name for limit in limits.LIMITS}
    constants = {name for name in vars(limits) if name.endswith(("_MAX", "_STOPPING_SECONDS"))}
    assert rows == constants
    text = Path(__file__).read_text("utf-8")
    assert [name for name in rows if text.count(name) == 0] == []


class Clock:
    """Looks after a server's connections, at times of the test's own."""

    def __init__(self, door):
        self._door = door

    def after(self, seconds, since=None):
        """Look as it will be in so many seconds, or so long after a moment of the server's loop."""

        async def look():
            began = asyncio.get_running_loop().time() if since is None else since
            look_after(self._door.server, began + seconds)

        self._door.do(look())


@pytest.fixture
def clock(door):
    return Clock(door)


def connections_of(door):
    return list(door.server.server_state.connections)


def connection_of(door, wire):
    ours = wire.socket.getsockname()

    def mine():
        return [
            each
            for each in connections_of(door)
            if each.transport.get_extra_info("peername") == ours
        ]

    settled(door, mine)
    return mine()[0]


def settled(door, holds):
    """Wait until the server's loop has come to where something holds."""

    async def wait():
        for _ in range(6_000):
            if holds():
                return True
            await asyncio.sleep(0.005)
        return False

    assert door.do(wait())


class Held:
    """The gate of a server, which a test opens."""

    def __init__(self, door, monkeypatch):
        self._door, self._waiting = door, []
        self._offer = door.runtime.intake.offer
        monkeypatch.setattr(door.runtime.intake, "offer", self._waiting.append)

    def __len__(self):
        return len(self._waiting)

    def release(self):
        async def go():
            for each in self._waiting.copy():
                self._offer(each)
            self._waiting.clear()

        self._door.do(go())


class TestHeads:
    def head(self, wire, size, **more):
        """Return a request whose line and headers have this many bytes as the door counts them."""
        bare = wire.request(line="GET /healthz HTTP/1.1", pad="", **more).partition(b"\r\n\r\n")[0]
        target, *fields = bare.split(b"\r\n")
        counted = len(target.split()[1]) + sum(len(f.replace(b": ", b"", 1)) + 4 for f in fields)
        return wire.request(line="GET /healthz HTTP/1.1", pad="x" * (size - counted), **more)

    @pytest.mark.parametrize("piece", [1_000, 30_000, 10**6])
    def test_of_as_many_bytes_pass_and_of_one_more_are_refused(self, wire, piece):
        for size, expected in ((limits.HEAD_BYTES_MAX, 200), (limits.HEAD_BYTES_MAX + 1, 431)):
            content = self.head(wire, size, x_request_id="mine")
            wire.send(*(content[at : at + piece] for at in range(0, len(content), piece)))
            status, headers, body = wire.answer()
            assert status == expected
            assert expected == 200 or body["code"] == "head_too_large"
            assert headers["x-request-id"] == "mine"
        assert headers["connection"] == "close"
        assert wire.is_closed()

    @pytest.mark.parametrize("line", ["GET /healthz HTTP/1.1", "POST /api/v2/send-raw HTTP/1.1"])
    @pytest.mark.parametrize("cut", [None, 300])
    def test_of_as_many_fields_pass_and_of_one_more_are_refused(self, door, line, cut):
        for count, expected in (
            (limits.HEAD_FIELDS_MAX, {200, 400}), (limits.HEAD_FIELDS_MAX + 1, {431}),
        ):  # fmt: skip
            with door.wire() as wire:
                bare = wire.request({}, line=line)
                more = count - bare.partition(b"\r\n\r\n")[0].count(b"\r\n")
                fields = b"".join(b"x: y\r\n" for _ in range(more))
                content = bare.replace(b"\r\nhost: ", b"\r\n" + fields + b"host: ")
                wire.send(content[:cut], content[cut:] if cut else b"")
                assert wire.answer()[0] in expected

    @pytest.mark.parametrize(
        "endless",
        [b"x: y\r\n" * 1_000, b"x" * 10_000, b" " * 10_000],
        ids=["lines", "a name", "blanks"],
    )
    def test_that_do_not_end_are_refused_while_they_come(self, door, wire, endless):
        wire.send(b"POST /api/v2/send-raw HTTP/1.1\r\nx: ")
        for _ in range(40):
            wire.send(endless)
        assert wire.answer()[0] == 431
        settled(door, lambda: all(not each.headers for each in connections_of(door)))

    def test_a_target_that_does_not_end_is_refused(self, wire):
        wire.send(b"GET /", *[b"x" * 10_000] * 40)
        assert wire.answer()[0] == 431

    @pytest.mark.parametrize("trailers", [b"x: y\r\n" * 20_000, b"x: " + b"y" * 300_000 + b"\r\n"])
    def test_trailers_are_bounded_as_headers_are(self, wire, trailers):
        line = "POST /api/v2/send-raw HTTP/1.1"
        wire.send(wire.request(line=line, length=False, transfer_encoding="chunked"))
        wire.send(b"1\r\nx\r\n0\r\n", trailers[:150_000], trailers[150_000:], b"\r\n")
        assert wire.answer()[0] == 431

    def test_what_a_chunk_is_called_is_bounded_too(self, wire):
        line = "POST /api/v2/send-raw HTTP/1.1"
        wire.send(wire.request(line=line, length=False, transfer_encoding="chunked"))
        wire.send(b"1;", *[b"x" * 10_000] * 40)
        assert wire.answer()[0] in {400, 431}


class TestQueries:
    PATHS = ("/healthz", "/api/v2/messages", "/api/webhook-feedbacks/http", "/nothing")

    @pytest.mark.parametrize("path", PATHS)
    def test_of_as_many_bytes_pass_and_of_one_more_are_refused(self, door, path):
        for size, is_long in ((limits.QUERY_BYTES_MAX, False), (limits.QUERY_BYTES_MAX + 1, True)):
            answer = door.client.get(f"{path}?{'x' * size}", headers=door.headers())
            assert (answer.status_code == 414) is is_long
        assert answer.json()["code"] == "query_too_long"

    @pytest.mark.parametrize("path", PATHS)
    def test_of_as_many_fields_pass_and_of_one_more_are_refused(self, door, path):
        for count, is_long in (
            (limits.QUERY_FIELDS_MAX, False), (limits.QUERY_FIELDS_MAX + 1, True),
        ):  # fmt: skip
            query = "&".join(["a="] * count)
            answer = door.client.get(f"{path}?{query}", headers=door.headers())
            assert (answer.status_code == 414) is is_long


CALLS = [
    "POST /api/v2/send-raw HTTP/1.1",
    "POST /api/v2/send/bulk HTTP/1.1",
    "POST /api/v2/contacts HTTP/1.1",
]


class TestBodies:
    @pytest.mark.parametrize("line", CALLS)
    @pytest.mark.parametrize("key", [None, "trk_unknown"])
    def test_a_stranger_is_turned_away_before_the_body(self, door, line, key):
        with door.wire() as wire:
            length = str(limits.UNASKED_BYTES_MAX + 1)
            wire.send(wire.request(line=line, length=False, content_length=length, key=key))
            assert wire.answer()[0] == 401

    def test_what_nobody_reads_of_it_is_passed_over(self, door, wire):
        for line in (*CALLS, "POST /nothing HTTP/1.1"):
            wire.send(wire.request(b" " * 300_000, line=line, key=None))
            assert wire.answer()[0] in {401, 404}
        wire.send(wire.request(door.order()))
        assert wire.answer()[0] == 200

    def test_a_large_one_of_a_known_caller_is_taken(self, door, wire):
        for size in (limits.UNASKED_BYTES_MAX, limits.UNASKED_BYTES_MAX + 1, 300_000):
            content = json.dumps(door.order()).encode()
            wire.send(wire.request(content + b" " * (size - len(content))))
            assert wire.answer()[0] == 200

    @pytest.mark.parametrize("line", [*CALLS, "POST /api/webhook-feedbacks/http HTTP/1.1"])
    def test_of_one_byte_too_many_are_refused(self, door, line):
        most = limits.CALLBACK_BYTES_MAX if "webhook" in line else limits.BODY_BYTES_MAX
        for more in ({"content_length": str(most + 1)}, {"transfer_encoding": "chunked"}):
            with door.wire() as wire:
                wire.send(wire.request(line=line, length=False, **more))
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (most + 1, b" " * (most + 1))
                wire.send(body if "transfer_encoding" in more else b"")
                status, headers, body = wire.answer()
                assert (status, body["code"]) == (413, "payload_too_large")
                assert headers["connection"] == "close"

    def test_a_form_of_one_byte_too_many_is_refused(self, door):
        line = "POST /dashboard/sign-in HTTP/1.1"
        for more, expected in ((0, 403), (1, 413)):
            with door.wire() as wire:
                body = b" " * (limits.FORM_BYTES_MAX + more)
                wire.send(wire.request(line=line, length=False, content_length=str(len(body))))
                wire.send(body)
                assert wire.answer()[0] == expected

    @pytest.mark.parametrize("line", CALLS)
    def test_all_together_are_bounded(self, wire, monkeypatch, line):
        # What is free is told by `limits.BODIES_BYTES_MAX`; here nothing is.
        assert Bodies().known.free == limits.BODIES_BYTES_MAX
        monkeypatch.setattr(Budget, "take", lambda *_: False)
        wire.send(wire.request(b" " * 20_000, line=line))
        status, headers, body = wire.answer()
        assert (status, body["code"]) == (503, "overloaded")
        assert headers["retry-after"]

    def test_what_was_held_is_free_after_any_end(self, servers):
        door = servers.door("fast lane")
        bodies = door.server.config.http_protocol_class.bodies
        line = "POST /api/v2/send-raw HTTP/1.1"
        for length in ("10000", "1000000"):
            for _ in range(3):
                with door.wire() as wire:
                    wire.send(
                        wire.request(line=line, length=False, content_length=length), b"[" * 99
                    )
            with door.wire() as wire:
                wire.send(wire.request(b" " * int(length), line=line))
                assert wire.answer()[0] == 400
        full = limits.BODIES_BYTES_MAX, limits.STRANGERS_BYTES_MAX
        settled(door, lambda: (bodies.known.free, bodies.strangers.free) == full)

    def test_where_strangers_hold_all_they_may_a_caller_is_asked_for_first(self, servers):
        door = servers.door("fast lane")
        strangers = door.server.config.http_protocol_class.bodies.strangers
        assert strangers.free == limits.STRANGERS_BYTES_MAX
        strangers.free = 0
        try:
            with door.wire() as wire:
                head, mark, body = wire.request(door.order()).partition(b"\r\n\r\n")
                wire.send(head, mark)
                settled(door, lambda: any(each.turns for each in connections_of(door)))
                wire.send(body)
                assert wire.answer()[0] == 200
            with door.wire() as wire:
                head, mark, _ = wire.request(door.order(), key="trk_unknown").partition(b"\r\n\r\n")
                # Its body is not waited for.
                wire.send(head, mark)
                assert wire.answer()[0] == 401
            answer = door.client.post("/api/webhook-feedbacks/http", content=b"x")
            assert answer.status_code == 503
        finally:
            strangers.free = limits.STRANGERS_BYTES_MAX


class TestOutstanding:
    def test_no_more_than_so_many_wait_and_the_others_come_after_them(
        self, door, wire, monkeypatch
    ):
        held = Held(door, monkeypatch)
        names = [f"n{n}" for n in range(3 * limits.OUTSTANDING_MAX)]
        wire.send(b"".join(wire.request(door.order(), x_request_id=name) for name in names))
        ours = connection_of(door, wire)
        settled(door, lambda: len(ours.turns) == limits.OUTSTANDING_MAX)
        assert len(held) <= limits.OUTSTANDING_MAX
        # Nobody else waits for them.
        assert door.client.get("/healthz").status_code == 200
        answers = []
        reader = threading.Thread(target=lambda: answers.extend(wire.answer() for _ in names))
        reader.start()
        while reader.is_alive():
            settled(door, lambda: len(held) or not reader.is_alive())
            assert len(ours.turns) <= limits.OUTSTANDING_MAX
            held.release()
        assert [(each[1]["x-request-id"], each[0]) for each in answers] == [
            (name, 200) for name in names
        ]

    def test_many_in_one_piece_are_all_answered_in_their_order(self, wire):
        names = [f"n{n}" for n in range(5 * limits.OUTSTANDING_MAX)]
        reader = threading.Thread(
            target=wire.send,
            args=[b"".join(wire.request({}, key=None, x_request_id=name) for name in names)],
        )
        reader.start()
        assert [wire.answer()[1]["x-request-id"] for _ in names] == names
        reader.join()

    def test_a_client_that_reads_nothing_fills_no_memory(self, door, wire, clock):
        ours = connection_of(door, wire)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.socket(fileno=os.dup(ours.transport.get_extra_info("socket").fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        wire.socket.settimeout(0.05)
        content, at = wire.request({}, x_api_key=None) * 200, 0
        while not ours.write_paused:
            with contextlib.suppress(TimeoutError):
                at = (at + wire.socket.send(content[at:])) % len(content)
        # High water of the transport, and what a group wrote over it.
        assert ours.transport.get_write_buffer_size() < 2 * limits.UNREAD_BYTES_MAX
        clock.after(limits.ANSWER_SECONDS_MAX - 20, ours._stalled_at)
        assert ours in connections_of(door)
        clock.after(limits.ANSWER_SECONDS_MAX + 1)
        settled(door, lambda: ours not in connections_of(door))


class TestTimes:
    @pytest.mark.parametrize(
        "content",
        [
            b"POST /api/v2/send-raw HTTP/1.1\r\n",
            b"GET /healthz HTTP/1.1\r\nhost: ",
            b"POST /v2/send HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\nx-api-key: KEY\r\n\r\n{",
        ],
    )
    def test_a_request_that_dawdles_is_told_so(self, door, wire, clock, content):
        wire.send(wire.request({}), content.replace(b"KEY", door.key.encode()))
        assert wire.answer()[0] == 400
        ours = connection_of(door, wire)
        settled(door, lambda: ours.receiving)
        clock.after(limits.REQUEST_SECONDS_MAX - 10, ours.touched_at)
        assert ours.taking
        clock.after(limits.REQUEST_SECONDS_MAX + 1)
        status, headers, body = wire.answer()
        assert (status, body["code"]) == (408, "request_timeout")
        assert headers["connection"] == "close"
        assert wire.is_closed()

    @pytest.mark.parametrize("path", ["/x/import", "/api/v2/blocks/import"])
    @pytest.mark.parametrize("key", [None, "trk_unknown"])
    def test_no_path_gives_a_stranger_more_time(self, door, wire, clock, path, key):
        more = {"content_type": "text/csv", "content_length": "100000", "key": key}
        wire.send(wire.request(line=f"POST {path} HTTP/1.1", length=False, **more), b"x")
        assert wire.answer()[0] in {401, 404}
        ours = connection_of(door, wire)
        settled(door, lambda: ours.receiving or not ours.taking)
        # It goes on to send, which helps it nothing.
        wire.send(b"x")
        clock.after(limits.REQUEST_SECONDS_MAX + 1)
        assert wire.is_closed()

    def test_a_file_of_a_known_caller_may_take_longer_while_it_comes(self, door, wire, clock):
        line = "POST /api/v2/blocks/import HTTP/1.1"
        more = {"content_type": "text/csv", "transfer_encoding": "chunked"}
        wire.send(wire.request(line=line, length=False, **more))
        ours = connection_of(door, wire)
        settled(door, lambda: ours._cycle and ours._cycle.pace.is_free)
        began = ours.touched_at = ours.touched_at - limits.REQUEST_SECONDS_MAX
        piece = b"phone_number\n+15559990001\n"
        wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        settled(door, lambda: ours.touched_at > began)
        clock.after(limits.REQUEST_SECONDS_MAX - 10, ours.touched_at)
        wire.send(b"0\r\n\r\n")
        assert wire.answer()[0] == 200

    def test_an_idle_connection_is_closed_and_one_with_a_request_under_way_never(
        self, door, wire, clock, monkeypatch
    ):
        wire.send(wire.request(line="GET /healthz HTTP/1.1"))
        assert wire.answer()[0] == 200
        held = Held(door, monkeypatch)
        # The client goes on sending: as one that asked for something else first.
        wire.send(wire.request(door.order()))
        settled(door, lambda: len(held) == 1)
        clock.after(10 * limits.IDLE_SECONDS_MAX)
        clock.after(20 * limits.IDLE_SECONDS_MAX)
        held.release()
        assert wire.answer()[0] == 200
        clock.after(20 * limits.IDLE_SECONDS_MAX + limits.IDLE_SECONDS_MAX + 1)
        assert wire.is_closed()

    def test_no_timer_closes_a_connection_that_is_in_use(self, door, wire):
        wire.send(wire.request(line="GET /healthz HTTP/1.1"))
        assert wire.answer()[0] == 200
        connection = connection_of(door, wire)
        # What could close it later is the one look after all connections.
        assert [name for name, value in vars(connection).items() if hasattr(value, "when")] == []


class TestTheLastAnswer:
    def refused(self, wire):
        wire.send(wire.request(length=False, content_length="9000000"), b" " * 1_000_000)

    def test_is_heard_by_a_client_that_writes_on(self, wire):
        self.refused(wire)
        # What fits no buffer between us: a reset would throw the answer away.
        for _ in range(8):
            wire.send(b" " * 1_000_000)
        assert wire.answer()[0] == 413
        assert wire.is_closed()

    def test_is_waited_for_no_longer_than_so(self, door, wire, clock):
        self.refused(wire)
        assert wire.answer()[0] == 413
        lingering = connection_of(door, wire)
        assert lingering._lingering
        clock.after(limits.LINGER_SECONDS_MAX - 5, lingering.touched_at)
        assert lingering in connections_of(door)
        clock.after(limits.LINGER_SECONDS_MAX + 1)
        settled(door, lambda: lingering not in connections_of(door))

    def test_is_waited_for_no_longer_than_so_many_bytes(self, door, monkeypatch):
        monkeypatch.setattr(limits, "LINGER_BYTES_MAX", 2_000_000)
        with door.wire() as wire:
            self.refused(wire)
            assert wire.answer()[0] == 413
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                wire.send(*[b" " * 1_000_000] * 64)

    def test_holds_up_no_stop(self, door, wire):
        # `limits.LINGER_STOPPING_SECONDS`: a server that stops waits a moment only.
        assert limits.LINGER_STOPPING_SECONDS <= 1
        self.refused(wire)
        assert wire.answer()[0] == 413
        lingering = connection_of(door, wire)
        assert lingering._lingering

        async def stop():
            lingering.shutdown()

        door.do(stop())
        settled(door, lambda: lingering not in connections_of(door))


class TestOrder:
    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("POST /api/v2/contacts HTTP/1.1", None),
            ("POST /api/v2/send-raw HTTP/1.1", None),
            ("GET /api/v2/messages HTTP/1.1", b""),
        ],
    )
    @pytest.mark.parametrize(
        ("after", "status"),
        [
            (JUNK, 400),
            (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 101 + b"\r\n", 431),
            (
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                400,
            ),
        ],
        ids=["junk", "a long head", "two lengths"],
    )
    def test_a_request_that_ran_is_answered_before_what_comes_after_it_is_refused(
        self, door, wire, line, body, after, status
    ):
        if body is None:
            body = door.order()
            body |= {"phone_number": body["to"]}
        wire.send(wire.request(body, line=line, x_request_id="first") + after)
        first = wire.answer()
        assert (first[0], first[1]["x-request-id"]) == (200, "first")
        assert wire.answer()[0] == status
        assert wire.is_closed()

    def test_a_client_that_says_no_more_gets_what_it_asked_for(self, door):
        for line in ("POST /api/v2/send-raw HTTP/1.1", "POST /api/v2/send-raw?ordinary HTTP/1.1"):
            with door.wire() as wire:
                wire.send(*(wire.request(door.order(), line=line) for _ in range(3)))
                wire.socket.shutdown(1)
                assert [wire.answer()[0] for _ in range(3)] == [200] * 3
                assert wire.is_closed()

    def test_half_a_request_and_a_hang_up_leave_the_ones_before_it_answered(self, door):
        for line in ("POST /api/v2/send-raw HTTP/1.1", "POST /api/v2/contacts HTTP/1.1"):
            with door.wire() as wire:
                half = wire.request(door.order(), line=line)[:-5]
                wire.send(wire.request(door.order()) + half)
                wire.socket.shutdown(1)
                assert wire.answer()[0] == 200
                assert wire.is_closed()
