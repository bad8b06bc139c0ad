"""The kit sends what it is given, knows what may have left, and keeps secrets to itself."""

import asyncio
import gzip
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest
from desk import until
from http_peer import Fault, HttpPeer, Said, instead, says, wire
from http_suite import HttpConformance
from leaps import AGES, leap, run
from logged import logged_here
from plain_http import KEY, PlainCarrier, PlainVendor, messages
from refusing import refusing

from sendrail.carriers.http.client import ANSWER_MAX, HttpClient, RequestProgress
from sendrail.carriers.http.exchange import Answer, Request
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.delivery import (
    Failed,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble

# Never reached in a test that passes, nor by the leap over a time-out.
LONG = 2 * AGES
# Of an answer that is waited for: it comes by a leap.
LATE = AGES / 2


class TestOneByOne(HttpConformance):
    kind = PlainCarrier
    settings = {}  # noqa: RUF012 - only read
    wrong_settings = (
        ("base_url", {"base_url": "http://plain.example.com"}),
        ("base_url", {"base_url": "http://127.0.0.1.example.com"}),
        ("base_url", {"base_url": "http://localhost@example.com"}),
        ("base_url", {"base_url": "https://user:word@example.com"}),
        ("base_url", {"base_url": "https://example.com/"}),
        ("base_url", {"base_url": "https://example.com?x"}),
        ("base_url", {"base_url": "https://example.com\n"}),
        ("country", {"country": "us"}),
        ("country", {"country": "XX"}),
        ("country", {"country": ""}),
    )

    def make_vendor(self):
        return PlainVendor()

    def answers(self, carrier):
        """Leave these to the vendors' own parts: this one trips over what is not as it expects."""
        del carrier
        return ()


class TestManyAtOnce(TestOneByOne):
    connections = 8


class TestTogether(TestOneByOne):
    settings = {"together": 20}  # noqa: RUF012 - only read


class TestTogetherAndAtOnce(TestOneByOne):
    settings = {"together": 20}  # noqa: RUF012 - only read
    connections = 8


class Connector:
    """A started connector to a plain vendor, and what it reported."""

    def __init__(self, carrier, peer):
        self.carrier, self.peer, self.told = carrier, peer, []

    def report(self, message, outcome):
        self.told.append((message.message_id, outcome))

    @property
    def outcomes(self):
        return [outcome for _, outcome in self.told]

    async def send(self, count=1):
        await self.carrier.submit(messages(count), self.report)
        return self.outcomes


@asynccontextmanager
async def linked(*faults, vendor=None, kind=HttpPeer, **settings):
    async with kind(vendor or PlainVendor()) as peer:
        peer.faults.extend(faults)
        chosen = {"base_url": peer.url, "timeout_seconds": AGES, **settings}
        connector = Connector(PlainCarrier(chosen, ConnectorContext(name="a-connector")), peer)
        await connector.carrier.start(None)
        try:
            yield connector
        finally:
            await connector.carrier.stop()


def outcome_of(*faults, **settings):
    async def play():
        async with linked(*faults, **settings) as connector:
            [outcome] = await connector.send()
            return outcome

    return asyncio.run(play())


async def beyond_its_time_out(peer, work):
    """Let an exchange time out, once the peer has said what it says; return what comes of it."""
    exchange = asyncio.create_task(work)
    await until(lambda: peer.got)
    await leap()
    return await exchange


def outcome_in_time(fault):
    async def play():
        async with linked(fault) as connector:
            [outcome] = await beyond_its_time_out(connector.peer, connector.send())
            return outcome

    return run(play())


# What comes back, and what does not

TOOK = wire(says(200, {"refs": ["r1"]}))
# A few kilobytes that would be 40 MB.
BOMB = gzip.compress(b'{"refs": ["r1"]}'.ljust(40 * 2**20))


def cut(status, end=b"Content-Length: 100\r\n\r\nsome of it", **headers):
    """Return the fault of a server that hangs up inside the body."""
    lines = [f"HTTP/1.1 {status} So\r\n", *(f"{name}: {headers[name]}\r\n" for name in headers)]
    return Fault(takes=False, said="".join(lines).encode() + end, closes=True)


OUTCOMES = {
    "taken": (Fault(), Submitted("r1")),
    "taken, slowly": (Fault(delay=0.2), Submitted("r1")),
    "a slow drip": (Fault(drip=0.001), Submitted("r1")),
    "the last answer of a connection": (
        Fault(said=wire(says(200, {"refs": ["r1"]}, connection="close"))),
        Submitted("r1"),
    ),
    "reset before the body was read": (Fault(reads=False, said=b"", resets=True), Uncertain),
    "reset after it was taken": (Fault(said=b"", resets=True), Uncertain),
    "reset inside the answer": (Fault(said=TOOK[:-5], resets=True), Uncertain),
    "garbage": (Fault(said=b"\x16\x03\x01 no HTTP \r\n\r\n", resets=True), Uncertain),
    "a refusal that breaks off": (cut(401), Unavailable),
    "a throttle that breaks off": (cut(429, **{"retry-after": "30"}), Throttled(30_000)),
    "a broken proxy that breaks off": (cut(502), Uncertain),
    "a refusal without a last chunk": (
        cut(400, b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        Rejected("REJECTED_REQUEST (HTTP 400)"),
    ),
    "a success without a last chunk": (
        cut(200, b'Transfer-Encoding: chunked\r\n\r\n10\r\n{"refs": ["r1"]}\r\n'),
        Uncertain,
    ),
    "half a head": (Fault(said=b"HTTP/1.1 400 Bad Req", closes=True), Uncertain),
    "a head without an end": (
        Fault(said=b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000, resets=True),
        Uncertain,
    ),
    "HTTP/1.0": (
        Fault(said=b'HTTP/1.0 200 OK\r\n\r\n{"refs": ["r1"]}', closes=True),
        Submitted("r1"),
    ),
    "news before the answer": (
        Fault(said=b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000 + TOOK),
        Submitted("r1"),
    ),
    "compressed, though not asked for": (
        Fault(said=wire(Said(headers={"content-encoding": "gzip"}, body=BOMB))),
        Uncertain,
    ),
    "another language": (
        Fault(said=b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
        Uncertain,
    ),
    "too long an answer": (
        Fault(said=wire(Said(body=b'{"refs": ["r1"]}'.ljust(ANSWER_MAX + 1)))),
        Uncertain,
    ),
    "the longest answer": (
        Fault(said=wire(Said(body=b'{"refs": ["r1"]}'.ljust(ANSWER_MAX)))),
        Submitted("r1"),
    ),
    "a long no": (
        Fault(said=wire(Said(status=400, body=b" " * (ANSWER_MAX * 4)))),
        Rejected("REJECTED_REQUEST (HTTP 400)"),
    ),
    "a redirect": (instead(307, location="http://127.0.0.1:1/"), Unavailable),
    "wrong credentials": (instead(401), Unavailable),
    "no credit": (instead(402), Unavailable),
    "forbidden": (instead(403), Unavailable),
    "throttled": (instead(429), Throttled(1_000)),
    "throttled for a while": (instead(429, **{"retry-after": "30"}), Throttled(30_000)),
    "broken": (instead(500), Failed("REJECTED_SYSTEM_ERROR (HTTP 500)")),
    "a broken proxy": (instead(502), Uncertain("a gateway of Plain got no answer (HTTP 502)")),
    "away": (instead(503), Failed("REJECTED_SYSTEM_ERROR (HTTP 503)")),
    "away for a while": (instead(503, **{"retry-after": "5"}), Throttled(5_000)),
    "a tired proxy": (instead(504), Uncertain("a gateway of Plain got no answer (HTTP 504)")),
}


@pytest.mark.parametrize(("fault", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_exchange_becomes_an_outcome(fault, expected):
    outcome = outcome_of(fault)
    assert outcome == expected if not isinstance(expected, type) else isinstance(outcome, expected)


@pytest.mark.parametrize("fault", [Fault(delay=LONG), Fault(drip=0.05)], ids=["silent", "dripping"])
def test_a_carrier_too_slow_to_answer_leaves_the_message_uncertain(fault):
    assert outcome_in_time(fault) == Uncertain("no answer: it took too long")


def test_a_refusal_whose_body_never_ends_is_one():
    head = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n"
    outcome = outcome_in_time(Fault(said=head + b" " * 99))
    assert outcome == Rejected("REJECTED_REQUEST (HTTP 400)")


def test_a_get_is_not_sent_again_when_a_kept_connection_breaks():
    async def play():
        async with linked(Fault(), Fault(said=b"", resets=True), method="GET") as connector:
            await connector.send()
            await connector.send()
            assert isinstance(connector.outcomes[1], Uncertain)
            assert len(connector.peer.got) == 2

    asyncio.run(play())


# Connectors that are not reached: nothing has left


async def send(url, **settings):
    connector = Connector(PlainCarrier({"base_url": url, **settings}, ConnectorContext()), None)
    await connector.carrier.start(None)
    try:
        [outcome] = await connector.send()
        return outcome
    finally:
        await connector.carrier.stop()


def test_where_nobody_listens_nothing_has_left():
    with refusing() as port:
        outcome = asyncio.run(send(f"http://127.0.0.1:{port}"))
    assert isinstance(outcome, Unavailable)
    assert outcome.detail.startswith("not reached: ")


def test_a_host_that_is_not_known_is_not_reached():
    # RFC 6761: `invalid` never is a name.
    outcome = asyncio.run(send("https://carrier.invalid"))
    assert outcome == Unavailable("not reached: its host name is not known", 5_000)


@pytest.mark.parametrize("host", ["-.example..com", "x" * 64 + ".example.com"])
def test_a_host_that_cannot_be_is_not_reached(host):
    assert isinstance(asyncio.run(send(f"https://{host}")), Unavailable)


def test_a_carrier_that_does_not_accept_is_not_reached():
    async def play():
        with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
            # Linux drops a connection beyond the backlog, as a firewall would.
            fillers = [socket.create_connection(deaf.getsockname())]
            try:
                url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
                return await send(url, connect_timeout_seconds=0.2, timeout_seconds=AGES)
            finally:
                for each in fillers:
                    each.close()

    assert asyncio.run(play()) == Unavailable(
        "not reached: it did not accept the connection in time", 5_000
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *files, *subject], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


async def hang_up(_, writer):
    writer.write(b"220 no HTTP here\r\n")
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def send_to(handler, tls=None):
    async def play():
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
        async with server:
            return await send(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    return asyncio.run(play())


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(certificate):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    assert send_to(hang_up, tls) == Unavailable(
        "not reached: its TLS certificate is not trusted", 5_000
    )


def test_what_is_not_tls_is_not_reached():
    assert send_to(hang_up) == Unavailable("not reached: TLS failed", 5_000)


# What the client sends


def exchange(request, *faults, vendor=None):
    async def play():
        async with HttpPeer(vendor or (lambda _: Said())) as peer:
            peer.faults.extend(faults)
            client = HttpClient(connections=1, connect_timeout_seconds=60, timeout_seconds=60)
            url = peer.url + request.url
            try:
                made = Request(
                    method=request.method, url=url, headers=request.headers, body=request.body
                )
                return await client.send(made, RequestProgress()), peer.got
            finally:
                await client.close()

    return asyncio.run(play())


def test_a_request_arrives_as_it_was_composed():
    request = Request(
        method="POST",
        url="/a%2fb/%41/c?x=%2b1&y=a+b&&z",
        headers={"Content-Type": "text/plain", "Authorization": "Basic eA=="},
        body="ü=%20\r\n".encode(),
    )
    _, [got] = exchange(request)
    assert (got.method, got.target, got.body) == ("POST", request.url, request.body)
    assert got.headers["content-type"] == "text/plain"
    assert got.headers["authorization"] == "Basic eA=="
    assert got.headers["accept-encoding"] == "identity"
    assert got.headers["user-agent"].startswith("sendrail/")


def test_no_proxy_and_no_password_is_taken_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with refusing() as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        answer, [got] = exchange(Request(method="GET", url="/"))
    assert answer.status == 200
    assert "authorization" not in got.headers


def test_a_redirect_is_an_answer_like_any_other():
    answer, got = exchange(
        Request(method="GET", url="/first"),
        vendor=lambda _: Said(status=302, headers={"location": "/second"}),
    )
    assert (answer.status, answer.headers["location"], len(got)) == (302, "/second", 1)


def test_a_cookie_is_not_kept():
    async def play():
        async with HttpPeer(lambda _: Said(headers={"set-cookie": "a=b"})) as peer:
            client = HttpClient(connections=1, connect_timeout_seconds=60, timeout_seconds=60)
            url = peer.url.replace("127.0.0.1", "localhost")
            for _ in range(2):
                answer = await client.send(Request(method="GET", url=url), RequestProgress())
                assert isinstance(answer, Answer)
            await client.close()
            return peer

    peer = asyncio.run(play())
    assert not any("cookie" in got.headers for got in peer.got)
    assert peer.connections == 1


# Many at once


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_requests_are_under_way_than_allowed_and_connections_are_kept(connections):
    async def play():
        all_there = asyncio.Event()

        class Waiting(HttpPeer):
            """Says nothing until as many requests are under way as may be."""

            async def _take(self, got):
                if self.under_way == connections:
                    all_there.set()
                await all_there.wait()
                # For one too many to come.
                await asyncio.sleep(0.01)
                return await super()._take(got)

        async with linked(kind=Waiting, connections=connections) as connector:
            await asyncio.gather(connector.send(6), connector.send(6))
            assert connector.peer.most_under_way == connections
            assert connector.peer.connections == connections
            assert len(connector.told) == 12

    asyncio.run(play())


def test_one_slow_request_delays_no_other():
    async def play():
        async with linked(Fault(delay=LONG), connections=2) as connector:
            sending = asyncio.create_task(connector.send(20))
            await until(lambda: len(connector.told) == 19)
            assert "m0000000" not in dict(connector.told)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    asyncio.run(play())


def test_a_submit_that_is_given_up_tells_what_may_have_left():
    async def play():
        async with linked(*[Fault(delay=LONG)] * 2, connections=2) as connector:
            sending = asyncio.create_task(connector.send(5))
            await until(lambda: connector.peer.under_way == 2)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            kinds = {name: type(outcome) for name, outcome in connector.told}
            assert len(connector.told) == len(kinds) == 5
            assert kinds.pop("m0000000") is kinds.pop("m0000001") is Uncertain
            assert set(kinds.values()) == {Unavailable}

    asyncio.run(play())


def test_a_submit_that_is_given_up_before_it_began_reports_all_the_same():
    async def play():
        async with linked() as connector:
            sending = asyncio.create_task(connector.send(3))
            await asyncio.sleep(0)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            assert [type(outcome) for outcome in connector.outcomes] == [Unavailable] * 3

    asyncio.run(play())


def test_a_stop_waits_for_answers_and_begins_nothing():
    async def play():
        async with linked(*[Fault(delay=LATE)] * 2, connections=2) as connector:
            sending = asyncio.create_task(connector.send(6))
            await until(lambda: connector.peer.under_way == 2)
            await stopped_meanwhile(connector)
            await sending
            kinds = [type(outcome) for outcome in connector.outcomes]
            assert sorted(kinds, key=str) == [Submitted] * 2 + [Unavailable] * 4
            assert len(connector.peer.got) == 2

    run(play())


async def stopped_meanwhile(connector):
    """Stop while answers are waited for, and let them come."""
    stopping = asyncio.create_task(connector.carrier.stop())
    await leap(LATE)
    await stopping


def test_what_the_vendors_part_trips_over_harms_no_other_message():
    class Tripping(PlainVendor):
        def __call__(self, got):
            said = super().__call__(got)
            return says(200, {"other": []}) if b"m0000001" in got.body else said

    async def play():
        async with linked(vendor=Tripping(), connections=1) as connector:
            with pytest.raises(KeyError):
                await connector.send(3)
            assert [name for name, _ in connector.told] == ["m0000000", "m0000002"]

    asyncio.run(play())


class Choosy(PlainVendor):
    """Refuses each request with one of some messages in it, as a firewall before a vendor would."""

    def __init__(self, *bad):
        super().__init__()
        self.bad, self.sizes = bad, []

    def __call__(self, got):
        self.sizes.append(got.body.count(b'"id"'))
        if any(name in got.body for name in self.bad):
            return Said(status=400, body=b"<html>Blocked</html>")
        return super().__call__(got)


@pytest.mark.parametrize("bad", [[5], [0], [19], [3, 4], [0, 19], list(range(20))])
def test_one_message_does_not_have_its_whole_request_refused(bad):
    async def play():
        names = [b"m%07d" % at for at in bad]
        async with linked(vendor=Choosy(*names), together=20, connections=1) as connector:
            await connector.send(20)
            assert [name for name, _ in connector.told] == [f"m{at:07}" for at in range(20)]
            for at, outcome in enumerate(connector.outcomes):
                no = Rejected("REJECTED_REQUEST (HTTP 400)")
                assert outcome == no if at in bad else isinstance(outcome, Submitted)
            # Each message that is taken has left once.
            assert connector.peer.took == [f"m{at:07}" for at in range(20) if at not in bad]
            assert len(connector.peer.vendor.sizes) <= 2 * 20 - 1

    asyncio.run(play())


def test_halves_that_are_given_up_tell_what_may_have_left():
    async def play():
        faults = [instead(400), Fault(), Fault(delay=LONG)]
        async with linked(*faults, together=8, connections=1) as connector:
            sending = asyncio.create_task(connector.send(16))
            await until(lambda: len(connector.told) == 4 and connector.peer.under_way)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            told = dict(connector.told)
            assert len(connector.told) == len(told) == 16
            kinds = [type(told[f"m{at:07}"]) for at in range(16)]
            assert kinds == [Submitted] * 4 + [Uncertain] * 4 + [Unavailable] * 8

    asyncio.run(play())


def test_a_stop_begins_no_further_half():
    async def play():
        async with linked(instead(400), Fault(delay=LATE), together=8, connections=1) as connector:
            sending = asyncio.create_task(connector.send(8))
            await until(lambda: connector.peer.got)
            await stopped_meanwhile(connector)
            await sending
            kinds = [type(outcome) for outcome in connector.outcomes]
            assert kinds == [Submitted] * 4 + [Unavailable] * 4

    run(play())


# What is said of it


def test_a_connector_that_goes_away_is_logged_once_and_once_again_when_it_is_back():
    async def play():
        away = [instead(401)] * 3
        async with linked(*away, instead(500), instead(401), connections=1) as connector:
            await connector.send(7)

    with logged_here() as lines:
        asyncio.run(play())
    assert [(line["log_level"], line["event"], line["connector"]) for line in lines] == [
        ("error", "connector_unavailable", "a-connector"),
        ("info", "connector_available", "a-connector"),
        ("error", "connector_unavailable", "a-connector"),
        ("info", "connector_available", "a-connector"),
    ]


def test_no_secret_is_told():
    async def play():
        faults = [Fault(said=b"", resets=True), Fault(delay=LONG), instead(401)]
        async with linked(*faults, connections=1) as connector:
            sending = asyncio.create_task(connector.send(3))
            await until(lambda: len(connector.peer.got) == 2)
            await leap()
            await sending
            return [*map(repr, connector.outcomes), repr(connector.carrier.compose(messages(1)))]

    with logged_here() as lines, refusing() as port:
        told = run(play())
        told += [repr(asyncio.run(send(f"http://127.0.0.1:{port}")))]
    assert lines
    for line in [*told, *map(repr, lines)]:
        assert KEY not in line
        assert "127.0.0.1" not in line


# Checks


def check(*faults):
    async def play():
        async with linked(*faults) as connector:
            checking = connector.carrier.check()
            if any(each.delay for each in faults):
                return await beyond_its_time_out(connector.peer, checking)
            return await checking

    return run(play())


def test_a_check_that_passes_says_so():
    assert check() == "Plain accepts the credentials."


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (instead(401), "The check failed: Plain refuses: the credentials are wrong (HTTP 401)."),
        (instead(429), "The check failed: the carrier asks for a pause; try again in a minute."),
        (instead(404), "The check failed: REJECTED_REQUEST (HTTP 404)."),
        (Fault(said=b"", resets=True), "Plain could not be asked: "),
        (Fault(delay=LONG), "Plain could not be asked: no answer: it took too long."),
    ],
)
def test_a_check_that_fails_says_why(fault, says):
    with pytest.raises(CarrierTrouble) as caught:
        check(fault)
    assert caught.value.message.startswith(says)


def test_where_there_is_nothing_to_try_a_check_says_that(monkeypatch):
    monkeypatch.setattr(PlainCarrier, "probe", lambda _: None)
    assert check() == PlainCarrier.unchecked
