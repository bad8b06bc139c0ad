"""Answers byte for byte: what is one, what may be used again, and how much of it is kept."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from desk import until
from leaps import AGES, arrived, leap, run

from sendrail.webhooks.client import (
    ANSWER_BYTES_MAX,
    HEAD_BYTES_MAX,
    RECEIVED_BYTES_MAX,
    BrokenAnswer,
    Client,
    Target,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
IN_CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2;a=b\r\nok\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n"
)


class Here:
    """Leads every host to this machine."""

    async def resolve(self, host, port):  # noqa: ARG002 - as the real one
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]


class Peer:
    """Answers each request of a connection with the next of its pieces of bytes, then closes.

    A number is a pause of so many seconds; None keeps the connection open. `said` is how many
    answers it has come to the end of.
    """

    def __init__(self, *answers):
        self.answers = answers
        self.connections = self.said = 0
        self.heads = []

    @asynccontextmanager
    async def open(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            for pieces in self.answers:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(2)
                for piece in pieces if isinstance(pieces, list) else [pieces]:
                    if isinstance(piece, bytes):
                        writer.write(piece)
                        await writer.drain()
                    else:
                        await asyncio.sleep(2 * AGES if piece is None else piece)
                self.said += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def client():
    """Return a client whose time-outs only protect from hanging, unless they are leapt over."""
    return Client(
        Here(), tls=None, connect_seconds=AGES, total_seconds=AGES, names_kept_seconds=10.0
    )


def send(client, port):
    target = Target.of(f"http://hooks.example.com:{port}/in?x=%20y")
    return client.send(target, "webhook-id: evt_1\r\n", b"{}")


def posts(peer, times=1):
    """Post so many times, each once all of the last answer is there; return the last response."""

    async def work():
        async with peer.open() as port:
            asks = client()
            try:
                for n in range(times):
                    if n:
                        await until(lambda n=n: peer.said == n)
                        await arrived()
                    response = await send(asks, port)
            finally:
                await asks.aclose()
        return response

    return asyncio.run(work())


def out_of_time(peer):
    """Post to a peer whose answer never ends; return what is made of it when its time is over."""

    async def work():
        async with peer.open() as port:
            asks = client()
            sending = asyncio.create_task(send(asks, port))
            try:
                await until(lambda: peer.heads)
                await leap()
                return await sending
            finally:
                await asks.aclose()

    return run(work())


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"ok"),
        # RFC 9112, 7.1: in chunks, with an extension and a trailer.
        (IN_CHUNKS, 200, b"ok!"),
        # RFC 9112, 6.3: without a length it lasts until the connection ends.
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", 200, b"old"),
        # RFC 9110, 15.2: others may precede the answer.
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101, b""),
        # What receivers by hand send.
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    ],
)
def test_an_answer_is_what_the_rfc_says_whole_or_in_drops(answer, status, body):
    whole = posts(Peer(answer))
    assert (whole.status, whole.body) == (status, body)
    drops = [part for at in range(len(answer)) for part in (answer[at : at + 1], 0)]
    assert posts(Peer(drops)) == whole


def test_a_request_has_the_path_the_host_and_the_length_of_its_target():
    peer = Peer(OK)
    posts(peer)
    line, *headers = peer.heads[0].decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "POST /in?x=%20y HTTP/1.1"
    named = dict(header.split(": ") for header in headers)
    assert named["Host"].startswith("hooks.example.com:")
    assert (named["Content-Length"], named["webhook-id"]) == ("2", "evt_1")
    assert len(named) == len(headers)


@pytest.mark.parametrize(
    ("url", "path", "host"),
    [
        ("https://example.com", "/", "example.com"),
        ("https://example.com:443/a b?c", "/a%20b?c", "example.com"),
        ("https://example.com:8443/a", "/a", "example.com:8443"),
        ("http://[2001:db8::1]:8080/a", "/a", "[2001:db8::1]:8080"),
    ],
)
def test_a_target_is_what_its_url_says(url, path, host):
    line, named, *_ = Target.of(url).head.split("\r\n")
    assert (line, named) == (f"POST {path} HTTP/1.1", f"Host: {host}")


def test_a_wish_for_patience_is_read_in_any_spelling():
    answer = b"HTTP/1.1 503 X\r\nretry-AFTER: 17\r\nContent-Length: 0\r\n\r\n"
    assert posts(Peer(answer)).retry_after == "17"
    # The next answer on the same connection does not inherit it.
    assert posts(Peer(answer, OK), times=2).retry_after is None


# What may be used again


def test_a_connection_is_used_again_after_a_whole_answer():
    peer = Peer(*[OK] * 5)
    posts(peer, times=5)
    assert peer.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        # It says that it closes.
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        # Another answer stands behind it, which nobody has asked for: at once, or a while later.
        OK + b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
        [OK, 0.02, b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"],
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_a_connection_is_not_used_again_after_anything_else(answer):
    peer = Peer(answer, OK)
    response = posts(peer, times=2)
    assert (response.status in {200, 101}, peer.connections) == (True, 2)


def test_a_connection_that_its_other_end_has_closed_is_not_used_again():
    peer = Peer(OK)
    assert posts(peer, times=3).status == 200
    assert peer.connections == 3


# What is no answer, and how much of one is kept


@pytest.mark.parametrize(
    "raw",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b""],
)
def test_what_is_no_answer_is_none(raw):
    with pytest.raises(BrokenAnswer):
        posts(Peer(raw))


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * (HEAD_BYTES_MAX + 1),
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * HEAD_BYTES_MAX,
        b"HTTP/1.1 100 Continue\r\n\r\n" * HEAD_BYTES_MAX,
    ],
)
def test_headers_without_end_are_cut_off(flood):
    with pytest.raises(BrokenAnswer, match="too long"):
        posts(Peer([flood, None]))


def test_of_a_body_without_end_the_beginning_is_kept():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer = Peer([head, *[b"400\r\n" + b"a" * 1024 + b"\r\n"] * 100, None])
    response = posts(peer)
    assert response.body == b"a" * ANSWER_BYTES_MAX


@pytest.mark.parametrize(
    "flood",
    [
        b"0\r\nX: " + b"a" * RECEIVED_BYTES_MAX,
        b"0\r\n" + b"X: a\r\n" * (RECEIVED_BYTES_MAX // 6 + 1),
        b"1;" + b"a" * RECEIVED_BYTES_MAX,
        b"1;aaaaaaaa\r\na\r\n" * (RECEIVED_BYTES_MAX // 15 + 1),
    ],
    ids=["a trailer", "trailers", "an extension", "extensions"],
)
def test_what_surrounds_a_body_is_cut_off_too(flood):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert posts(Peer([head, flood, None])).status == 200


def test_headers_in_drops_are_no_answer_in_time_and_a_body_in_drops_is_cut_off():
    drops = [part for _ in range(100) for part in (b"a", AGES / 200)]
    with pytest.raises(TimeoutError):
        out_of_time(Peer([b"HTTP/1.1 200 OK\r\nX: ", *drops]))
    slow = out_of_time(Peer([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *drops]))
    assert slow.status == 200
    assert set(slow.body) <= {ord("a")}
