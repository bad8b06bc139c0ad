"""HTTP itself, byte by byte: order, framing, the end of a connection, the headers of any answer."""

import json
import re
import socket
import time

import pytest

from sendrail.api.limits import OUTSTANDING_MAX

SANE = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch


_POST = b"POST /api/v2/send-raw HTTP/1.1\r\nhost: a\r\n"


@pytest.fixture
def wire(door):
    with door.wire() as wire:
        yield wire


# Every kind of answer there is, by method, path, status.
ANSWERS = [
    ("POST", "/api/v2/send-raw", 200),
    ("POST", "/v2/send-raw", 200),
    ("POST", "/api/v2/send-raw?a=b", 200),
    ("GET", "/api/v2/send-raw", 405),
    ("PUT", "/api/v2/send-raw", 405),
    ("OPTIONS", "/api/v2/send-raw", 405),
    ("HEAD", "/api/v2/send-raw", 405),
    ("POST", "/api/v2/messages", 405),
    ("GET", "/api/v2/messages", 200),
    ("HEAD", "/api/v2/messages", 200),
    ("GET", "/api/v2/messages/x", 404),
    ("GET", "/", 404),
    ("POST", "/", 404),
    ("POST", "/api/v2/send-raw/", 404),
    ("POST", "/api/v2/SEND-RAW", 404),
    ("GET", "/docs", 200),
    ("GET", "/docs/errors", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
]


BAD_IDS = ["a b", "", "x" * 65, "a\tb", "ä".encode(), "a;b", "a.b", "{}"]


class TestEveryAnswer:
    @pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
    def test_has_a_request_id_and_may_not_be_sniffed(self, door, method, path, status):
        def ask(**headers):
            content = json.dumps(door.order()) if method == "POST" else None
            answer = door.client.request(
                method, path, content=content, headers=door.headers(**headers)
            )
            assert answer.status_code == status
            assert answer.headers["x-content-type-options"] == "nosniff"
            if answer.status_code >= 400 and method != "HEAD":
                assert answer.headers["content-type"] == "application/json"
                assert answer.json()["request_id"] == answer.headers["x-request-id"]
            return answer.headers["x-request-id"]

        assert ask(x_request_id="Mine_0-9") == "Mine_0-9"
        assert ask(x_request_id="x" * 64) == "x" * 64
        # Each lane reads what it is given in one place, for all its answers.
        is_first = (method, path) in {ANSWERS[0][:2], ("GET", "/api/v2/messages")}
        for bad in BAD_IDS if is_first else BAD_IDS[:1]:
            assert UUID7(ask(x_request_id=bad))
        first, second = ask(), ask()
        assert UUID7(first)
        assert UUID7(second)
        assert first < second

    def test_405_names_the_methods(self, door):
        answer = door.client.put("/api/v2/send-raw")
        assert (answer.json()["code"], answer.headers["allow"]) == ("method_not_allowed", "POST")

    def test_500_tells_nothing_but_its_id(self, door, monkeypatch):
        async def break_down(*_):
            raise RuntimeError("secret")

        monkeypatch.setattr(type(door.runtime.messages), "page", break_down)
        answer = door.get("messages", x_request_id="mine")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "secret" not in answer.text
        # The server ends the connection here, and must say so: else the next request is lost.
        assert answer.headers["connection"] == "close"

    def test_413_has_one_too(self, wire):
        wire.send(wire.request(length=False, content_length="5000001", x_request_id="mine"))
        status, headers, _ = wire.answer()
        assert (status, headers["x-request-id"]) == (413, "mine")


class TestPipelining:
    def test_keeps_the_order_of_requests(self, door, wire):
        parts, expected = [], []
        for n in range(30):
            name = f"request-{n}"
            kind = n * 7 % 5
            if kind == 0:
                parts.append(wire.request(door.order(), x_request_id=name))
                expected.append((name, 200))
            elif kind == 1:
                parts.append(wire.request(line="GET /api/v2/messages HTTP/1.1", x_request_id=name))
                expected.append((name, 200))
            elif kind == 2:
                parts.append(wire.request({}, x_request_id=name, x_api_key=None))
                expected.append((name, 401))
            elif kind == 3:
                parts.append(wire.request({"to": "x"}, x_request_id=name))
                expected.append((name, 400))
            else:
                parts.append(wire.request(line="GET /nothing HTTP/1.1", x_request_id=name))
                expected.append((name, 404))
        wire.send(b"".join(parts))
        for name, status in expected:
            got, headers, _ = wire.answer()
            assert (headers["x-request-id"], got) == (name, status)
        wire.send(wire.request(door.order()))
        assert wire.answer()[0] == 200

    def test_a_request_may_come_in_any_pieces(self, door, wire):
        content = wire.request(door.order(), x_request_id="slow") + wire.request(
            door.order(), x_request_id="next"
        )
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(content), 7):
            wire.send(content[at : at + 7])
        assert [wire.answer()[1]["x-request-id"] for _ in range(2)] == ["slow", "next"]

    def test_answers_before_a_refused_size_are_given(self, door, wire):
        wire.send(
            *(wire.request(door.order(), x_request_id=f"n{n}") for n in range(5)),
            wire.request(length=False, content_length="5000001", x_request_id="big"),
        )
        answers = [wire.answer() for _ in range(6)]
        assert [status for status, _, _ in answers] == [200] * 5 + [413]
        assert answers[-1][1]["x-request-id"] == "big"
        assert wire.is_closed()

    @pytest.mark.parametrize(
        ("line", "connection"),
        [
            ("POST /api/v2/send-raw HTTP/1.1", "close"),
            ("GET /api/v2/messages/x HTTP/1.1", "close"),
            ("POST /api/v2/send-raw HTTP/1.0", "keep-alive"),
            ("GET /api/v2/messages/x HTTP/1.0", "keep-alive"),
        ],
    )
    def test_nothing_is_taken_after_the_last_request(self, door, wire, line, connection):
        who = door.recipient()
        wire.send(
            wire.request(door.order(), line=line, connection=connection)
            + wire.request(door.order(to=who))
            + wire.request(line="GET /api/v2/messages HTTP/1.1")
        )
        assert wire.answer()[1]["connection"] == "close"
        assert wire.is_closed()
        assert door.get("messages", params={"to": who}).json()["messages"] == []

    def test_a_client_that_reads_nothing_is_read_no_more(self, door):
        with door.wire() as wire:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.socket.settimeout(1)
            one = wire.request({}, x_api_key=None)
            many = one * 200
            with pytest.raises(TimeoutError):
                wire.send(*[many] * 5_000)

            async def held():
                connections = door.server.server_state.connections
                return [
                    max(each.transport.get_write_buffer_size() for each in connections),
                    max(len(each.turns) for each in connections),
                ]

            to_write, to_answer = door.do(held())
            assert to_write < 1_000_000
            assert to_answer <= OUTSTANDING_MAX
        assert door.post("send-raw", door.order()).status_code == 200


class TestTheEnd:
    def test_a_connection_stays_open(self, door, wire):
        for _ in range(3):
            wire.send(wire.request(door.order()))
            status, headers, _ = wire.answer()
            assert status == 200
            assert "connection" not in headers

    @pytest.mark.parametrize(
        "line",
        ["POST /api/v2/send-raw HTTP/1.1", "GET /healthz HTTP/1.1", "GET /nothing HTTP/1.1"],
    )
    def test_close_closes(self, door, wire, line):
        wire.send(wire.request(door.order(), line=line, connection="close"))
        _, headers, _ = wire.answer()
        assert headers["connection"] == "close"
        assert wire.is_closed()

    @pytest.mark.parametrize("connection", [None, "close", "keep-alive"])
    @pytest.mark.parametrize(
        "line", ["POST /api/v2/send-raw HTTP/1.0", "GET /api/v2/messages HTTP/1.0"]
    )
    def test_http_1_0_ends_with_its_answer(self, door, wire, line, connection):
        wire.send(wire.request(door.order(), line=line, connection=connection))
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert wire.is_closed()

    @pytest.mark.parametrize(
        "garbage",
        [
            b"hello\r\n\r\n",
            _POST + b"content-length: x\r\n\r\n",
            _POST + b"content-length: -1\r\n\r\n",
            _POST + b"content-length: 99999999999999999999\r\n\r\n",
            _POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            _POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
            _POST + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
            _POST + b"x y: z\r\n\r\n",
            b"POST /api/v2/send-raw HTTP/9.9\r\n\r\n",
            b"POST /api/v2/send-raw HTTP/1.1\r\nhost: a\r\nHost: a\r\ncontent-length: 0\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nhost: a.example\r\nx: y\r\nhost: b.example\r\n\r\n",
            b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n",
            b"POST /api/v2/send-raw HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
            b"GET /healthz HTTP/1.1\r\nuser-agent: old\r\n\r\n",
            b"GET /abcdefg HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ],
    )
    def test_what_is_no_http_is_refused(self, wire, garbage):
        wire.send(garbage)
        status, headers, body = wire.answer()
        assert status == 400
        assert headers["connection"] == "close"
        assert wire.is_closed()
        assert body["code"] == "invalid_request"
        assert body["request_id"] == headers["x-request-id"]

    def test_http_1_0_knows_no_host(self, wire):
        wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert wire.answer()[0] == 200

    def test_answers_before_garbage_are_given(self, door, wire):
        wire.send(wire.request(door.order()) + wire.request({}) + b"hello\r\n\r\n")
        if wire.answer()[0] == 200:
            assert [wire.answer()[0], wire.answer()[0]] == [400, 400]
        assert wire.is_closed()


def chunked(content, size):
    """Return a body in chunks of a size."""
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


class TestBodies:
    @pytest.mark.parametrize("size", [1, 10, 100_000])
    def test_may_come_in_chunks(self, door, wire, size):
        head = wire.request(length=False, transfer_encoding="chunked")
        body = chunked(json.dumps(door.order()).encode(), size)
        wire.send(head, body + b"0\r\n\r\n", wire.request(door.order()))
        assert [wire.answer()[0], wire.answer()[0]] == [200, 200]

    def test_trailers_are_no_headers(self, door, wire):
        head = wire.request(length=False, transfer_encoding="chunked", x_api_key=None)
        body = chunked(json.dumps(door.order()).encode(), 1000)
        wire.send(head, body, f"0\r\nx-api-key: {door.key}\r\n\r\n")
        assert wire.answer()[0] == 401
        wire.send(wire.request(door.order()))
        assert wire.answer()[0] == 200

    def test_absent_is_empty(self, wire):
        wire.send(wire.request(length=False))
        status, _, body = wire.answer()
        assert (status, body["code"]) == (400, "invalid_json")

    def test_wait_for_100_continue(self, door, wire):
        content = wire.request(door.order(), expect="100-continue")
        head, _, body = content.partition(b"\r\n\r\n")
        wire.send(head, b"\r\n\r\n")
        assert wire.answer()[0] == 100
        wire.send(body)
        assert wire.answer()[0] == 200
        wire.send(wire.request(door.order()))
        assert wire.answer()[0] == 200

    @pytest.mark.parametrize("path", ["send-raw", "send", "send-raw/bulk", "send/bulk"])
    @pytest.mark.parametrize("expect", [None, "100-continue"])
    def test_too_large_a_length_is_refused_before_the_body(self, door, path, expect):
        with door.wire() as wire:
            line = f"POST /api/v2/{path} HTTP/1.1"
            wire.send(
                wire.request(line=line, length=False, content_length="5000001", expect=expect)
            )
            status, headers, body = wire.answer()
            assert (status, body["code"]) == (413, "payload_too_large")
            assert headers["connection"] == "close"
            assert wire.is_closed()

    @pytest.mark.parametrize("path", ["send-raw", "send-raw/bulk"])
    def test_too_many_chunks_are_refused_before_the_last(self, door, path):
        with door.wire() as wire:
            line = f"POST /api/v2/{path} HTTP/1.1"
            wire.send(wire.request(line=line, length=False, transfer_encoding="chunked"))
            wire.send(chunked(b" " * 5_000_000, 1_000_000))
            wire.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                wire.answer()
            wire.socket.settimeout(60)
            wire.send(b"1\r\n \r\n")
            status, _, body = wire.answer()
            assert (status, body["code"]) == (413, "payload_too_large")
            assert wire.is_closed()

    def test_a_client_that_leaves_in_the_middle_is_forgotten(self, door):
        for line in ("POST /api/v2/send-raw HTTP/1.1", "POST /v2/send?x HTTP/1.1"):
            with door.wire() as wire:
                wire.send(wire.request(line=line, length=False, content_length="100"), b'{"to":')
            with door.wire() as wire:
                wire.send(wire.request(door.order(), line=line))
        time.sleep(0.05)
        assert door.post("send-raw", door.order()).status_code == 200


class TestHeaders:
    @pytest.mark.parametrize("name", ["X-API-Key", "x-api-key", "X-API-KEY"])
    def test_names_have_no_case(self, door, wire, name):
        content = wire.request(door.order(), x_api_key=None)
        line = f"\r\n{name}:{door.key}  \r\nhost: ".encode()
        wire.send(content.replace(b"\r\nhost: ", line))
        assert wire.answer()[0] == 200

    @pytest.mark.parametrize("path", ["/api/v2/send-raw", "/v2/send-raw?ordinary"])
    def test_an_offer_to_upgrade_is_declined(self, door, wire, path):
        line = f"POST {path} HTTP/1.1"
        more = {"upgrade": "h2c", "http2_settings": "AAEAAEAAAAIAAAABAAMAAABk"}
        offer = more | {"connection": "Upgrade, HTTP2-Settings"}
        for _ in range(2):
            content = wire.request(door.order(), line=line, **offer)
            wire.send(content)
            assert wire.answer()[0] == 200
            wire.send(content[:20], content[20:-10], content[-10:])
            assert wire.answer()[2]["code"] == "duplicate_message"
        wire.send(*(wire.request({}, line=line, **offer) for _ in range(3)))
        assert [wire.answer()[0] for _ in range(3)] == [400] * 3
        wire.send(wire.request(line="GET /healthz HTTP/1.1", **offer))
        assert wire.answer()[0] == 200
        wire.send(wire.request({}, line=line, connection="close, upgrade", **more))
        assert wire.answer()[1]["connection"] == "close"
        assert wire.is_closed()

    def test_of_64_kb_are_no_trouble(self, door, wire):
        wire.send(wire.request(door.order(), cookie="x" * 60_000))
        assert wire.answer()[0] == 200
