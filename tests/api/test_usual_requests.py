"""The pattern of usual requests is narrower than HTTP, and means the same.

What it is held against is the parser that reads everything else.
"""

import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sendrail.api.limits import HEAD_FIELDS_MAX, UNASKED_BYTES_MAX
from sendrail.api.usual_requests import usual_requests_to

PATHS = (b"/api/v2/send-raw", b"/api/v2/send", b"/v2/send-raw", b"/v2/send")
read = usual_requests_to(PATHS)
BODY = b'{"to":"+15550100001","list_number":"+15550000001","body":"Hi"}'

# What clients send, as their own documentation and a look at the wire have it.
CLIENTS = {
    "curl": "Host: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nX-API-Key: k\r\n"
    "Content-Type: application/json\r\nContent-Length: {size}\r\n",
    "requests": "Host: localhost:8080\r\nUser-Agent: python-requests/2.32.3\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept: */*\r\nConnection: keep-alive\r\n"
    "X-Api-Key: k\r\nContent-Length: {size}\r\nContent-Type: application/json\r\n",
    "node": "host: localhost:8080\r\nconnection: keep-alive\r\nauthorization: Bearer k\r\n"
    "content-type: application/json\r\naccept: */*\r\naccept-language: *\r\n"
    "sec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n"
    "content-length: {size}\r\n",
    "go": "Host: localhost:8080\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: {size}\r\n"
    "Content-Type: application/json\r\nX-Api-Key: k\r\nAccept-Encoding: gzip\r\n",
    "dotnet": "Host: localhost:8080\r\nX-Api-Key: k\r\nX-Request-Id: 7f-1\r\n"
    "Content-Type: application/json; charset=utf-8\r\nContent-Length: {size}\r\n",
}
USUAL = CLIENTS["curl"]
ODD = {
    "no host": USUAL.replace("Host: localhost:8080\r\n", ""),
    "two hosts": "Host: other\r\n" + USUAL,
    "two lengths": "Content-Length: {size}\r\n" + USUAL,
    "two keys": "x-api-key: other\r\n" + USUAL,
    "a form": USUAL.replace("application/json", "application/x-www-form-urlencoded"),
    "another charset": USUAL.replace("application/json", "application/json; charset=latin1"),
    "chunks": "Transfer-Encoding: chunked\r\n" + USUAL,
    "chunks, spelt oddly": "tRANSFER-encoding: chunked\r\n" + USUAL,
    "to be asked first": "Expect: 100-continue\r\n" + USUAL,
    "an upgrade": "Upgrade: h2c\r\nConnection: Upgrade\r\n" + USUAL,
    "the last one": "Connection: close\r\n" + USUAL,
    "the last one, for a proxy": "Proxy-Connection: close\r\n" + USUAL,
    "an idempotency key": "Idempotency-Key: a\r\n" + USUAL,
    "a name before a blank": "Transfer-Encoding : chunked\r\n" + USUAL,
    "a folded header": "X-Odd: a\r\n b\r\n" + USUAL,
    "a bare line feed": "X-Odd: a\nTransfer-Encoding: chunked\r\n" + USUAL,
    "a bare carriage return": "X-Odd: a\rb\r\n" + USUAL,
    "a NUL": "X-Odd: a\0b\r\n" + USUAL,
    "a header of no name": ": a\r\n" + USUAL,
    "a signed length": USUAL.replace("{size}", "+{size}"),
    "a length of two": USUAL.replace("{size}", "{size}, {size}"),
    "a key of blanks": USUAL.replace("X-API-Key: k", "X-API-Key:    "),
    "too many headers": "X-Odd: a\r\n" * (HEAD_FIELDS_MAX - 4) + USUAL,
}


def request(
    headers: str, body: bytes = BODY, line: str = "POST /api/v2/send-raw HTTP/1.1"
) -> bytes:
    return f"{line}\r\n{headers.format(size=len(body))}\r\n".encode("latin-1") + body


class Parsed:
    """What the parser makes of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.headers, self.ends = b"", b"", [], 0
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(data)
        self.method, self.version = self.parser.get_method(), self.parser.get_http_version()
        self.stays = self.parser.should_keep_alive()
        self.upgrades = self.parser.should_upgrade()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ends += 1

    def all_of(self, name: bytes) -> list[bytes]:
        return [value for known, value in self.headers if known == name]


def holds(data: bytes) -> bool:
    """Return whether the pattern takes these bytes; then the parser must read the same in them."""
    found = read(data)
    if found is None:
        return False
    path, body, host, key, authorization, request_id = found
    parsed = Parsed(data)
    assert (parsed.method, parsed.version, parsed.url) == (b"POST", "1.1", path)
    assert (parsed.ends, parsed.body) == (1, body)
    assert parsed.stays
    assert not parsed.upgrades
    assert parsed.all_of(b"host") == [host]
    for name, value in (
        (b"x-api-key", key),
        (b"authorization", authorization),
        (b"x-request-id", request_id),
    ):
        assert parsed.all_of(name) == ([] if value is None else [value])
    assert len(parsed.all_of(b"content-type")) == len(parsed.all_of(b"content-length")) == 1
    assert parsed.all_of(b"content-type")[0].partition(b";")[0].lower() == b"application/json"
    assert not parsed.all_of(b"transfer-encoding") + parsed.all_of(b"expect")
    assert not parsed.all_of(b"idempotency-key")
    assert len(parsed.headers) <= HEAD_FIELDS_MAX
    return True


@pytest.mark.parametrize("client", CLIENTS)
def test_what_clients_send_is_usual(client):
    assert holds(request(CLIENTS[client]))


@pytest.mark.parametrize("odd", ODD)
def test_what_says_more_or_less_goes_to_the_parser(odd):
    assert read(request(ODD[odd])) is None


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/v2/send-raw HTTP/1.1",
        "POST /api/v2/send-raw HTTP/1.0",
        "POST /api/v2/send-raw?a=b HTTP/1.1",
        "POST /api/v2/send-raw/bulk HTTP/1.1",
        "POST /api/v2/send-rawer HTTP/1.1",
        "POST http://localhost/api/v2/send-raw HTTP/1.1",
        "POST  /api/v2/send-raw HTTP/1.1",
        "post /api/v2/send-raw HTTP/1.1",
    ],
)
def test_another_request_line_goes_to_the_parser(line):
    assert read(request(USUAL, line=line)) is None


def test_a_request_is_taken_whole_or_not_at_all():
    whole = request(USUAL)
    assert all(read(whole[:end]) is None for end in range(len(whole)))
    assert read(whole + b"P") is None
    assert read(whole + whole) is None


def test_what_is_held_for_a_stranger_is_bounded():
    head = len(request(USUAL, b"x" * 10_000)) - 10_000
    assert read(request(USUAL, b"x" * (UNASKED_BYTES_MAX - head))) is not None
    assert read(request(USUAL, b"x" * (UNASKED_BYTES_MAX - head + 1))) is None


NAMES = ["Host", "X-Api-Key", "Authorization", "X-Request-Id", "Content-Length", "Content-Type"]
NAMES += ["Connection", "Expect", "Transfer-Encoding", "Upgrade", "TE", "Trailer", "X-Odd", "A b"]
NAMES += ["Proxy-Connection", "Idempotency-Key", "Keep-Alive", "X_Odd", "hostx", "Content-Lengthy"]
VALUES = ["k", "a b", "  a", "a ", "", "keep-alive", "close", "chunked", "100-continue", "h2c", "0"]
VALUES += [
    "application/json",
    "Application/JSON;charset=UTF-8",
    "text/plain",
    "5",
    "é",
    "\t",
    "a\n",
]
HEADERS = st.tuples(
    st.sampled_from(NAMES).flatmap(
        lambda name: st.sampled_from([name, name.lower(), name.upper()])
    ),
    st.sampled_from([": ", ":", " : ", ":  "]),
    st.sampled_from(VALUES),
    st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r\n "]),
).map("".join)


@given(before=st.lists(HEADERS, max_size=3), after=st.lists(HEADERS, max_size=3))
@settings(max_examples=400)
@example(["Connection: keep-alive\r\n"], [])
def test_headers_mean_what_the_parser_says(before, after):
    for client in CLIENTS.values():
        holds(request("".join(before) + client + "".join(after)))


@given(st.sampled_from(sorted(CLIENTS)), st.data())
@settings(max_examples=400)
def test_a_changed_octet_means_what_the_parser_says(client, data):
    octets = bytearray(request(CLIENTS[client]))
    for at in data.draw(st.lists(st.integers(0, len(octets) - 1), min_size=1, max_size=3)):
        octets[at] = data.draw(
            st.one_of(st.sampled_from(b"\r\n :\t\0-,;05kK"), st.integers(0, 255))
        )
    holds(bytes(octets))
