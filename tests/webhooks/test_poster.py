"""Posting over a real socket: redirects, floods, silence, rebinding, TLS, proxies."""

import asyncio
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest
from desk import until
from leaps import AGES, leap, run
from refusing import refusing

from sendrail.domain.webhook import Acknowledged, EndpointGone, NotAcknowledged
from sendrail.webhooks.guard import Rules
from sendrail.webhooks.poster import Poster, retry_after_ms

NOW = 1_800_000_000_000
LOCAL = Rules.parse(allow_http=True, ports="*", networks="127.0.0.0/8", denied_hosts="")
HEADERS = {"webhook-id": "evt_test_1", "X-Trackly-Signature": "abc"}


class Peer:
    """A server that keeps what it gets, and answers what it is told to, byte for byte."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
        self.answer = answer
        self.connections = 0
        self.requests = []

    @asynccontextmanager
    async def open(self, tls=None):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((lines[0], headers, body))
                if self.answer is None:
                    await asyncio.sleep(2 * AGES)
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


# What only protects from hanging.
PATIENT = {"connect_seconds": AGES, "total_seconds": AGES}


def post(peer, *, rules=LOCAL, path="/hook", host="127.0.0.1", times=1, tls=None, **settings):
    """Post an event to a peer; return what came of it, the last time."""
    server_tls, client_tls = tls or (None, None)
    scheme = "https" if tls else "http"

    async def work():
        async with peer.open(server_tls):
            poster = Poster(rules, tls=client_tls, **PATIENT, **settings)
            try:
                for _ in range(times):
                    url = f"{scheme}://{host}:{peer.port}{path}"
                    answer = await poster.post(url, b'{"event":"reply"}', HEADERS, NOW)
            finally:
                await poster.aclose()
        return answer

    return asyncio.run(work())


def answer(status, *headers, body=b""):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_what_is_posted_is_what_was_signed():
    peer = Peer()
    assert post(peer, path="/hook?a=%20b") == Acknowledged(200, "ok")
    [(line, headers, body)] = peer.requests
    assert line == "POST /hook?a=%20b HTTP/1.1"
    assert body == b'{"event":"reply"}'
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "evt_test_1"
    assert headers["x-trackly-signature"] == "abc"
    assert headers["user-agent"].startswith("sendrail/")


def get(peer, *, rules=LOCAL, path="/page"):
    """Get a page of a peer; return what came of it."""

    async def work():
        async with peer.open():
            poster = Poster(rules, **PATIENT)
            try:
                return await poster.get(f"http://127.0.0.1:{peer.port}{path}", NOW)
            finally:
                await poster.aclose()

    return asyncio.run(work())


def test_a_page_is_got_within_the_same_rules():
    peer = Peer()
    assert get(peer) == Acknowledged(200, "ok")
    [(line, headers, body)] = peer.requests
    assert (line, body) == ("GET /page HTTP/1.1", b"")
    assert "webhook-id" not in headers
    moved = Peer(answer(302, "Location: http://127.0.0.1/x"))
    assert get(moved).status == 302
    assert len(moved.requests) == 1
    closed = Peer()
    strict = Rules.parse(allow_http=True, ports="*", networks="", denied_hosts="")
    assert isinstance(get(closed, rules=strict), NotAcknowledged)
    assert closed.requests == []


def test_a_page_may_be_on_the_port_of_https_whatever_endpoints_may_have():
    async def work(port):
        poster = Poster(Rules(ports=(8443,)))
        try:
            return await poster.get(f"https://127.0.0.1:{port}/", NOW)
        finally:
            await poster.aclose()

    refused = asyncio.run(work(443))
    assert "webhook_allow_networks" in refused.detail
    assert "webhook_ports" in asyncio.run(work(444)).detail


def test_a_connection_is_kept():
    peer = Peer()
    post(peer, times=3)
    assert (len(peer.requests), peer.connections) == (3, 1)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_told(status):
    assert post(Peer(answer(status))) == Acknowledged(status)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 500, 502])
def test_anything_else_is_not(status):
    assert post(Peer(answer(status, body=b"why"))) == NotAcknowledged("why", status)


def test_gone_is_gone():
    assert post(Peer(answer(410))) == EndpointGone()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    target = Peer()

    async def work():
        async with target.open():
            moved = Peer(answer(status, f"Location: http://127.0.0.1:{target.port}/"))
            async with moved.open():
                poster = Poster(LOCAL)
                told = await poster.post(f"http://127.0.0.1:{moved.port}/", b"{}", HEADERS, NOW)
                await poster.aclose()
                return told

    told = asyncio.run(work())
    assert (told.status, target.requests) == (status, [])
    assert "redirects" in told.detail


@pytest.mark.parametrize("status", [429, 503])
def test_a_wish_for_patience_is_heard(status):
    assert post(Peer(answer(status, "Retry-After: 120"))).retry_after_ms == 120_000


def test_only_429_and_503_may_ask_for_patience():
    assert post(Peer(answer(500, "Retry-After: 120"))).retry_after_ms is None


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", 0),
        ("17", 17_000),
        ("9" * 5_000, 999_999_999_000),
        # RFC 9110, 10.2.3 has this form; the moment is two minutes after NOW.
        ("Fri, 15 Jan 2027 08:02:00 GMT", 120_000),
        ("Fri, 15 Jan 2021 08:02:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        # No date has such a year or such a zone.
        ("Fri, 15 Jan " + "9" * 20 + " 08:02:00 GMT", None),
        ("Fri, 15 Jan 2027 08:02:00 +" + "9" * 20, None),
    ],
)
def test_retry_after_is_read_as_the_rfc_says(value, wait):
    assert retry_after_ms(value, NOW) == wait


def test_of_a_flood_only_the_beginning_is_read():
    peer = Peer(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b"a" * 50_000_000)
    told = post(peer, times=2)
    assert isinstance(told, Acknowledged)
    assert len(told.detail) == 200
    # What was not read to its end is not used again.
    assert peer.connections == 2


def test_a_2xx_counts_even_if_its_text_never_ends():
    peer = Peer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    assert out_of_time(peer) == Acknowledged(200, "only this")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\x00\x1b[",
    ],
)
def test_what_an_endpoint_answers_is_never_unpacked_and_never_drives_a_terminal(raw):
    told = post(Peer(raw))
    assert told.status == 200
    assert told.detail.isprintable()


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"\x00" * 100])
def test_nonsense_is_no_answer(raw):
    told = post(Peer(raw))
    assert isinstance(told, NotAcknowledged)
    assert told.status is None


def out_of_time(peer):
    """Post an event to a peer that never comes to its end; return what is made of it."""

    async def work():
        async with peer.open():
            poster = Poster(LOCAL, **PATIENT)
            url = f"http://127.0.0.1:{peer.port}/"
            posting = asyncio.create_task(poster.post(url, b"{}", HEADERS, NOW))
            await until(lambda: peer.requests)
            await leap()
            answer = await posting
            await poster.aclose()
        return answer

    return run(work())


def test_silence_ends_at_its_time_out():
    assert out_of_time(Peer(None)) == NotAcknowledged("no answer in time")


def test_endpoints_that_hang_drip_or_refuse_hold_up_no_other():
    class Dripping(Peer):
        async def _serve(self, reader, writer):
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    writer.write(b"a")
                    await asyncio.sleep(0.05)
            except ConnectionError:
                pass
            finally:
                writer.close()

    async def work():
        good, silent, dripping = Peer(), Peer(None), Dripping()
        async with good.open(), silent.open(), dripping.open():
            poster = Poster(LOCAL, **PATIENT)

            def told(port):
                return poster.post(f"http://127.0.0.1:{port}/", b"{}", HEADERS, NOW)

            hanging = [asyncio.create_task(told(peer.port)) for peer in (silent, dripping) * 64]
            with refusing() as port:
                refused = await asyncio.gather(*(told(port) for _ in range(64)))
            answers = [await told(good.port) for _ in range(500)]
            still = sum(not task.done() for task in hanging)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            await poster.aclose()
        return refused, answers, still, good.connections

    refused, answers, still, connections = asyncio.run(work())
    assert all("no connection" in each.detail for each in refused)
    assert answers == [Acknowledged(200, "ok")] * 500
    assert (still, connections) == (128, 1)


def test_a_cookie_is_not_kept():
    peer = Peer(answer(200, "Set-Cookie: spy=1"))
    post(peer, times=2)
    assert "cookie" not in peer.requests[1][1]


def test_proxies_of_the_environment_are_ignored(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(post(Peer()), Acknowledged)


def test_nobody_listening_is_told_as_that():
    async def work():
        poster = Poster(LOCAL, **PATIENT)
        with refusing() as port:
            told = await poster.post(f"http://127.0.0.1:{port}/", b"{}", HEADERS, NOW)
        await poster.aclose()
        return told

    assert "no connection" in asyncio.run(work()).detail


# The guard at work


def test_a_closed_target_is_not_even_connected_to():
    peer = Peer()
    told = post(peer, rules=Rules(allow_http=True, ports=None))
    assert "webhook_allow_networks" in told.detail
    assert peer.connections == 0


@pytest.mark.parametrize(
    ("answers", "connections"),
    [
        # Public at first, private from then on: whatever is asked is checked again.
        ([["93.184.215.14"], ["127.0.0.1"]], 0),
        # A private address hidden behind a public one.
        ([["93.184.215.14", "127.0.0.1"]], 0),
    ],
)
def test_a_name_that_changes_its_mind_gains_nothing(answers, connections):
    peer, asked = Peer(), []

    async def lookup(host):
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    async def work():
        async with peer.open():
            rules = Rules(allow_http=True, ports=None)
            # A post is as long after the last one as names are kept.
            poster = Poster(rules, lookup=lookup, connect_seconds=0.2, names_kept_seconds=0.0)
            told = []
            for _ in range(3):
                url = f"http://rebind.example.com:{peer.port}/"
                told.append(await poster.post(url, b"{}", HEADERS, NOW))
            await poster.aclose()
            return told

    told = asyncio.run(work())
    assert all(isinstance(each, NotAcknowledged) for each in told)
    assert "webhook_allow_networks" in told[-1].detail
    assert peer.connections == connections
    assert len(asked) == 3


def test_the_address_that_was_checked_is_the_one_connected_to():
    # The system's resolver knows no such name: the connection goes where the guard's answer says.
    peer = Peer()

    async def lookup(_):
        return ["127.0.0.1"]

    assert isinstance(post(peer, host="hooks.example.com", lookup=lookup), Acknowledged)
    assert peer.requests[0][1]["host"] == f"hooks.example.com:{peer.port}"


def test_lookups_for_one_host_are_shared():
    asked = []

    async def lookup(host):
        asked.append(host)
        await asyncio.sleep(0.05)
        return ["127.0.0.1"]

    async def work():
        peer = Peer()
        async with peer.open():
            poster = Poster(LOCAL, lookup=lookup, **PATIENT)
            url = f"http://hooks.example.com:{peer.port}/"
            await asyncio.gather(*(poster.post(url, b"{}", HEADERS, NOW) for _ in range(20)))
            await poster.aclose()

    asyncio.run(work())
    assert asked == ["hooks.example.com"]


def looked_up(*answers, posts, waits):
    """Post as often to a name whose lookups have these answers; return what came of the posts.

    A None is an answer that never comes, as where a stranger's hosts hold up all lookups. What
    still waits for one after so many seconds waits for longer.
    """
    asked, peer = [], Peer(answer(200, "Connection: close"))

    async def work():
        hangs = asyncio.Event()

        async def lookup(host):
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
            if found is None:
                hangs.set()
                await asyncio.Event().wait()
            return found

        async with peer.open():
            # A post is as long after the last one as names are kept.
            poster = Poster(LOCAL, lookup=lookup, names_kept_seconds=0.0, **PATIENT)
            url, told = f"http://hooks.example.com:{peer.port}/", []
            for _ in range(posts):
                posting = asyncio.create_task(poster.post(url, b"{}", HEADERS, NOW))
                await until(lambda posting=posting: posting.done() or hangs.is_set())
                await leap(waits)
                told.append(await posting)
            await poster.aclose()
            return told

    return run(work()), len(asked)


def test_a_name_whose_lookup_hangs_is_where_it_was():
    # Far from what a whole post may take.
    told, lookups = looked_up(["127.0.0.1"], None, posts=4, waits=AGES / 100)
    assert [type(each) for each in told] == [Acknowledged] * 4
    # One hangs, and the later posts neither begin another nor wait for it again.
    assert lookups == 2


@pytest.mark.parametrize("answer", [["192.0.2.1"], []])
def test_a_name_that_has_moved_is_never_where_it_was(answer):
    told, _ = looked_up(["127.0.0.1"], answer, None, posts=3, waits=AGES)
    assert [type(each) for each in told] == [Acknowledged, NotAcknowledged, NotAcknowledged]


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a server's and a client's TLS for hooks.example.com."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com",
         "-keyout", str(folder / "key"), "-out", str(folder / "cert")],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert", folder / "key")
    return server, ssl.create_default_context(cafile=str(folder / "cert"))


async def _here(_):
    return ["127.0.0.1"]


def test_the_certificate_is_that_of_the_name_though_the_address_is_pinned(certificate):
    peer = Peer()
    told = post(peer, host="hooks.example.com", tls=certificate, lookup=_here)
    assert isinstance(told, Acknowledged)


@pytest.mark.parametrize("host", ["other.example.com", "127.0.0.1"])
def test_a_certificate_of_another_name_is_refused(certificate, host):
    peer = Peer()
    told = post(peer, host=host, tls=certificate, lookup=_here)
    assert "certificate" in told.detail
    assert peer.requests == []


def test_a_certificate_nobody_vouches_for_is_refused(certificate):
    told = post(Peer(), host="hooks.example.com", tls=(certificate[0], None), lookup=_here)
    assert "certificate" in told.detail
