"""A carrier's HTTP server that says what it is told to, and breaks as it is told to.

It speaks HTTP by hand: so it shares no code with the client it tests, and can stop anywhere. A
vendor is a function from what came to what is said; its callbacks go to the door, which does for
one connector what the API does: prove, store, and only then answer.
"""

import asyncio
import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp

from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import StorageUnavailable

AGAIN_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Got:
    """A request as it came; `target` is the path with its query."""

    method: str
    target: str
    headers: dict
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a vendor says to a request, which of our messages it took, and what it tells later."""

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    took: tuple = ()
    callbacks: tuple[CallbackRequest, ...] = ()


def says(status, value, *, took=(), callbacks=(), **headers):
    """Return an answer in JSON."""
    return Said(
        status=status,
        headers={"content-type": "application/json"} | headers,
        body=json.dumps(value).encode(),
        took=took,
        callbacks=callbacks,
    )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request, in the order of the fields.

    `reads` is False when the body is left unread. `takes` is whether the vendor gets the request
    at all; `said` replaces what it says, down to the bytes. `drip` is the pause before each byte.
    Then the server resets the connection, or closes it in order.
    """

    reads: bool = True
    takes: bool = True
    delay: float = 0.0
    said: bytes | None = None
    drip: float = 0.0
    resets: bool = False
    closes: bool = False


def wire(said):
    """Return an answer as bytes."""
    head = [f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}"]
    head += [f"{name}: {value}" for name, value in said.headers.items()]
    head += [f"content-length: {len(said.body)}", "", ""]
    return "\r\n".join(head).encode() + said.body


def instead(status, value=None, **headers):
    """Return the fault of a vendor that takes nothing and says this."""
    return Fault(takes=False, said=wire(says(status, value, **headers)))


class HttpServer:
    """Answers requests with what `answer`, an async function, makes of them."""

    def __init__(self, answer=None):
        self.answer = answer
        self.faults = deque()
        self.connections = 0
        self.under_way = 0
        self.most_under_way = 0
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await end(self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The other side has hung up, which is its right, or the test is over.
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def _exchange(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        fault = self.faults.popleft() if self.faults else Fault()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            got = await read_request(head, reader) if fault.reads else None
            answer = b""
            if got is not None and fault.takes:
                answer = wire(await self.answer(got))
            await asyncio.sleep(fault.delay)
        finally:
            self.under_way -= 1
        await write(writer, answer if fault.said is None else fault.said, fault.drip)
        if fault.resets:
            writer.transport.abort()
        return not (fault.resets or fault.closes)


async def read_request(head, reader):
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, value in (s.split(":", 1) for s in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Got(method=method, target=target, headers=headers, body=body)


async def write(writer, answer, drip):
    pieces = [answer[at : at + 1] for at in range(len(answer))] if drip else [answer]
    for piece in pieces:
        await asyncio.sleep(drip)
        writer.write(piece)
        await writer.drain()


class HttpPeer(HttpServer):
    """A vendor on a port of its own; `vendor` is a function from `Got` to `Said`.

    It brings its callbacks again until they are taken, as most vendors do.
    """

    def __init__(self, vendor):
        super().__init__(self._take)
        self.vendor = vendor
        self.got = []
        self.took = []

    async def __aenter__(self):
        self._session = aiohttp.ClientSession()
        return await super().__aenter__()

    async def __aexit__(self, *_):
        await super().__aexit__()
        await self._session.close()

    async def _take(self, got):
        self.got.append(got)
        said = self.vendor(got)
        self.took.extend(said.took)
        for callback in said.callbacks:
            task = asyncio.create_task(self._bring(callback))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return said

    async def _bring(self, callback):
        while True:
            async with self._session.request(
                callback.method, callback.url, headers=callback.headers, data=callback.body
            ) as answer:
                if answer.ok:
                    return
            await asyncio.sleep(AGAIN_SECONDS)


class Door(HttpServer):
    """Where callbacks arrive: the part of the API, for the connectors of one test."""

    def __init__(self):
        super().__init__(self._hear)
        self._keys = itertools.count(1)
        self._connectors = {}

    def new_connector(self):
        """Return the key of a connector that is still closed, and its callback URL."""
        key = f"/callbacks/{next(self._keys)}"
        return key, self.url + key

    def open(self, key, carrier, deliver):
        self._connectors[key] = (carrier, deliver)

    async def _hear(self, got):
        carrier, deliver = self._connectors[got.target.partition("?")[0]]
        request = CallbackRequest(
            method=got.method, url=self.url + got.target, headers=got.headers, body=got.body
        )
        answer = carrier.read_callback(request)
        if answer.raws:
            try:
                await deliver(answer.raws)
            except StorageUnavailable:
                return Said(status=503)
        headers = {"content-type": answer.content_type}
        return Said(status=answer.status, headers=headers, body=answer.content)


class Linked:
    """A carrier that hears its callbacks through the door."""

    def __init__(self, carrier, door, key):
        self.carrier = carrier
        self.submit, self.parse = carrier.submit, carrier.parse
        self.check, self.stop = carrier.check, carrier.stop
        self._door, self._key = door, key

    async def start(self, deliver):
        self._door.open(self._key, self.carrier, deliver)
        await self.carrier.start(deliver)


async def end(tasks):
    """Cancel tasks and wait until they are gone."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
