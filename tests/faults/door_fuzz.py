"""Clients that pipeline, cut, chatter, stall and break off, and keep account of their answers."""

import asyncio
import json
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

TIMEOUT = 60
# After these a client hears every answer; after the others it sees its connection break.
QUIET_ENDS = ("stay", "junk", "long head", "half-close", "half and close", "close")
RUDE_ENDS = ("hang up", "reset", "half and reset")


def _same(order):
    return order


def _bulk(order):
    return {"messages": [order | {"body": f"{order['body']} {n}"} for n in range(300)]}


def _contact(order):
    return {"phone_number": order["to"], "list_number": order["list_number"]}


@dataclass(frozen=True)
class Kind:
    """One kind of request; a key that is empty is the right one."""

    line: str = "POST /api/v2/send-raw"
    status: int = 200
    body: Callable | None = _same
    cut: int = 0
    pad: int = 0
    headers: tuple = ()
    key: str | None = ""
    chunked: bool = False


KINDS = (
    *[Kind()] * 4,
    Kind("POST /api/v2/send-raw?a=b"),
    Kind(chunked=True),
    # More than is kept of a stranger's, more than is read ahead.
    Kind(pad=30_000),
    Kind(pad=200_000),
    # A client that will not wait for the word.
    Kind(headers=("Expect: 100-continue",), status=200),
    Kind("POST /api/v2/contacts", body=_contact),
    Kind("POST /api/v2/send-raw/bulk", body=_bulk),
    Kind("GET /api/v2/messages?per_page=1", body=None),
    Kind("GET /healthz", body=None),
    Kind("POST /nothing", 404, pad=100_000),
    Kind(status=401, key=None),
    Kind(status=401, key=None, pad=100_000),
    Kind(status=401, key="trk_none"),
    Kind(status=401, key="trk_none", pad=100_000),
    Kind(status=400, cut=1),
)


@dataclass
class Asked:
    """One request and what it may come to."""

    name: str
    content: bytes
    status: int
    recipient: str | None = None


@dataclass
class Account:
    """What all clients were told, and what was wrong with it."""

    connections: int = 0
    answers: int = 0
    accepted: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Fuzz:
    """Plays clients against one server, from a seed."""

    def __init__(self, port, key, list_number, seed):
        self._port, self._key, self._list = port, key, list_number
        self._seed = seed
        self.chance = random.Random(seed)
        self._numbers = iter(range(10**9))
        self.account = Account()

    async def run(self, connections, at_once=6):
        async def worker():
            while self.account.connections < connections and not self.account.wrong:
                self.account.connections += 1
                await self._connection()

        await asyncio.gather(*(worker() for _ in range(at_once)))

    # One connection

    async def _connection(self):
        chance = self.chance
        plan = [self._request() for _ in range(chance.choice((1, 1, 2, 5, 20, 90)))]
        end = chance.choice(QUIET_ENDS + RUDE_ENDS)
        content = b"".join(asked.content for asked in plan)
        content += {
            "junk": b"hello\r\n\r\n" * chance.choice((1, 50_000)),
            "long head": b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * chance.choice((150, 20_000)),
            "half and close": self._request().content[: chance.randrange(1, 60)],
            "half and reset": self._request().content[: chance.randrange(1, 60)],
        }.get(end, b"")
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.timeout(TIMEOUT):
                hearing = asyncio.create_task(self._hear(reader, plan, end))
                await self._speak(writer, content, end)
                if end in RUDE_ENDS:
                    await asyncio.sleep(chance.choice((0, 0, 0.01)))
                    self._break_off(writer, end)
                await hearing
        except TimeoutError:
            self.account.wrong.append(f"no end after {end}: {[each.name for each in plan]}")
        finally:
            writer.close()

    async def _speak(self, writer, content, end):
        at = 0
        size = self.chance.choice((1 << 30, 60_000, 1_500, 200))
        try:
            while at < len(content):
                step = self.chance.randrange(1, size + 1) if size < 1 << 30 else size
                writer.write(content[at : at + step])
                at += step
                await writer.drain()
                if self.chance.random() < 0.3:
                    await asyncio.sleep(0)
            if end in {"half-close", "half and close"}:
                writer.write_eof()
        except ConnectionError:
            # The server had its reason: what was heard will tell.
            return

    def _break_off(self, writer, end):
        if end != "hang up":
            end = writer.transport.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async def _hear(self, reader, plan, end):
        """Take the answers; each must be its request's, in their order."""
        try:
            for asked in plan:
                status, headers, body = await _answer(reader)
                self._judge(asked, status, headers, body)
            if end in {"junk", "long head"}:
                status, headers, _ = await _answer(reader)
                if status not in {400, 431} or headers["connection"] != "close":
                    self.account.wrong.append(f"{end}: {status}")
            if end in {"junk", "long head", "half-close", "half and close"} and await reader.read():
                self.account.wrong.append(f"more after {end}")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if end in QUIET_ENDS:
                self.account.wrong.append(f"{end}: broke before {asked.name}: {error!r}")

    def _judge(self, asked, status, headers, body):
        self.account.answers += 1
        if headers["x-request-id"] != asked.name or status != asked.status:
            said = f"{status} {headers['x-request-id']} {body[:200]!r}"
            self.account.wrong.append(f"{asked.name} ({asked.status}) was told {said}")
        if status == 200 and asked.recipient:
            self.account.accepted[json.loads(body)["message_id"]] = asked.recipient

    # One request

    def _request(self):
        number = next(self._numbers)
        to = f"+1555{3_000_000 + number:07d}"
        # A text of its own, or it is a duplicate of another run's.
        order = {"to": to, "list_number": self._list, "body": f"Hello {self._seed} {number}"}
        kind = self.chance.choice(KINDS)
        body = json.dumps(kind.body(order)).encode() if kind.body else b""
        body = body[: len(body) - kind.cut] + b" " * kind.pad
        lines = [f"{kind.line} HTTP/1.1", "Host: x", f"X-Request-Id: r{number}"]
        lines += ["Content-Type: application/json", *kind.headers]
        if kind.key is not None:
            lines.append(f"X-Api-Key: {kind.key or self._key}")
        if kind.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = _chunked(body, self.chance)
        elif body:
            lines.append(f"Content-Length: {len(body)}")
        content = "\r\n".join([*lines, "", ""]).encode() + body
        recipient = to if kind.body is _same and kind.status == 200 else None
        return Asked(f"r{number}", content, kind.status, recipient)


def _chunked(body, chance):
    parts, at = [], 0
    while at < len(body):
        size = chance.randrange(1, 60)
        part = body[at : at + size]
        parts.append(b"%x\r\n%s\r\n" % (len(part), part))
        at += size
    return b"".join([*parts, b"0\r\n\r\n"])


async def _answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = dict(each.lower().split(": ", 1) for each in fields if each)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    status = int(line.split()[1])
    return await _answer(reader) if status == 100 else (status, headers, body)
