"""What a receipt's webhook costs: the whole way with one for each message, and without.

N messages are posted by bulk and go by SMPP to `smsc.py`, which gives each a receipt at once. With
webhooks, each receipt is posted to `receiver.py`, and the clock stops when the last is taken
there; without, when the last message is delivered. Then posts alone: our poster and bare sockets
post the same signed events to the same receiver, by turns. That is what the HTTP client costs over
what sockets and a parser do.
"""

import argparse
import asyncio
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import httptools
import uvloop

import endtoend
import kit
from kit import Figure, Section
from sendrail.webhooks import signing
from sendrail.webhooks.guard import LOCAL
from sendrail.webhooks.poster import Poster

METHOD = """
Nothing pinned on the whole way: server, SMSC, receiver and load share the machine's cores.
{options.total:,} messages by bulk on 4 connections, on one list that nothing paces; one endpoint;
{options.runs} runs each, with and without, by turns, on fresh data folders. CPU is that of the
server, its own and the system's for it. *Posts alone*: {options.posts:,} events signed and posted
on {options.connections} connections, client pinned to one core, receiver to the other;
{options.runs} runs each, by turns.
"""
SETTINGS = {
    "SENDRAIL_WEBHOOK_ALLOW_HTTP": "true",
    "SENDRAIL_WEBHOOK_PORTS": "*",
    "SENDRAIL_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
}
LOOK_SECONDS = 0.05
NOW = 1_800_000_000_000
EVENT = "evt_delivery_x7y8z9w0"
SECRET = signing.secret_of(bytes(32))
PLAIN_HEADER = "X-Trackly-Signature"
BODY = (
    b'{"event":"delivery","message_id":"x7y8z9w0","to":"+15552340001",'
    b'"list_number":"+15550000001","status":"delivered","status_detail":"delivered",'
    b'"provider_detail":null,"provider":"smpp","connector":"bench",'
    b'"timestamp":"2027-01-15T08:00:00.000Z"}'
)


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    cpu: float
    count: int

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu / self.count * 1e6


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3)
    options.add_argument("--total", type=int, default=30_000, metavar="N", help="messages a run")
    options.add_argument("--posts", type=int, default=20_000, metavar="N", help="posts alone")
    options.add_argument("--connections", type=int, default=8, metavar="N", help="of posts alone")
    options.add_argument("--posts-only", action="store_true")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Receipts with a webhook each", METHOD.format(options=options))
    if not options.posts_only:
        pairs = [
            (whole_way(options, section, webhook=True), whole_way(options, section, webhook=False))
            for _ in range(options.runs)
        ]
        told, plain = zip(*pairs, strict=True)
        section.figures += [
            Figure("with a webhook each", "messages/s", [run.rate for run in told], 3_000),
            Figure("without webhooks", "messages/s", [run.rate for run in plain]),
            Figure("**ratio, with ÷ without**", "", [a.rate / b.rate for a, b in pairs]),
            Figure("CPU, with", "µs/message", [run.cpu_us for run in told], at_most=300),
            Figure("CPU, without", "µs/message", [run.cpu_us for run in plain]),
        ]
    pairs = posts_alone(options)
    section.figures += [
        Figure("posts alone, bare sockets", "posts/s", [bare.rate for _, bare in pairs]),
        Figure("posts alone, the poster", "posts/s", [ours.rate for ours, _ in pairs]),
        Figure("**ratio, poster ÷ bare**", "", [a.rate / b.rate for a, b in pairs]),
        Figure("posts alone, bare sockets, CPU", "µs/post", [bare.cpu_us for _, bare in pairs]),
        Figure("posts alone, the poster, CPU", "µs/post", [ours.cpu_us for ours, _ in pairs]),
    ]
    return section


# --- the whole way ----------------------------------------------------------------------------


def whole_way(options: argparse.Namespace, section: Section, *, webhook: bool) -> Run:
    """Post all, wait for the last webhook, or without them for the last delivery."""
    where = "with webhooks" if webhook else "without"
    with ExitStack() as stack:
        smsc = stack.enter_context(kit.running([sys.executable, str(kit.BENCH / "smsc.py")]))
        receiver = stack.enter_context(a_receiver())
        url = f"http://127.0.0.1:{receiver.ready['port']}/hook"
        ours, server, lists = stack.enter_context(
            endtoend.on_sendrail(
                options,
                endtoend.Centre(smsc.ready["port"], control=0),
                webhook=url if webhook else None,
                **SETTINGS,
            )
        )
        began, cpu = time.monotonic(), kit.cpu_seconds(server.process)
        result = ours.load(server, total=options.total, batch=1000, connections=4, list_file=lists)
        ended = wait_for(
            result["accepted"],
            (lambda: posts(url)) if webhook else lambda: server.count("delivered"),
        )
        run = Run(ended - began, kit.cpu_seconds(server.process) - cpu, result["accepted"])
        section.troubles += kit.troubles_of(result, where)
        seen = posts(url)
    if seen != (result["accepted"] if webhook else 0):
        section.troubles.append(f"{where}: {seen:,} posts for {result['accepted']:,} messages")
    kit.say(f"{where}: {run.rate:,.0f}/s, {run.cpu_us:,.0f} µs")
    return run


def a_receiver(core: int | None = None) -> AbstractContextManager[kit.Server]:
    return kit.running([sys.executable, str(kit.BENCH / "receiver.py")], core)


def posts(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return int(answer.read())


def wait_for(wanted: int, count: Callable[[], int]) -> float:
    """Return when the count was reached, or when it last moved if it stops before."""
    seen, moved = -1, time.monotonic()
    while (now := count()) < wanted:
        if now > seen:
            seen, moved = now, time.monotonic()
        if time.monotonic() - moved > endtoend.SILENCE_SECONDS:
            return moved
        time.sleep(LOOK_SECONDS)
    return time.monotonic()


# --- posts alone ------------------------------------------------------------------------------


def posts_alone(options: argparse.Namespace) -> list[tuple[Run, Run]]:
    with a_receiver(kit.LOAD_CORE) as receiver, kit.pinned(kit.SERVER_CORE):
        port = receiver.ready["port"]
        for way in (by_the_poster, bare):
            uvloop.run(way(port, 1_000, options.connections))
        return [pair(port, options, number) for number in range(options.runs)]


def pair(port: int, options: argparse.Namespace, number: int) -> tuple[Run, Run]:
    ours = uvloop.run(by_the_poster(port, options.posts, options.connections))
    reference = uvloop.run(bare(port, options.posts, options.connections))
    ratio = ours.rate / reference.rate
    kit.say(f"posts {number + 1}: {ours.rate:,.0f} / {reference.rate:,.0f} = {ratio:.3f}")
    return ours, reference


def signature() -> dict[str, str]:
    return signing.headers([SECRET], EVENT, NOW // 1000, BODY, plain_header=PLAIN_HEADER)


async def by_the_poster(port: int, total: int, connections: int) -> Run:
    poster = Poster(LOCAL)
    url = f"http://127.0.0.1:{port}/hook"
    try:
        return await timed(lambda: poster.post(url, BODY, signature(), NOW), total, connections)
    finally:
        await poster.aclose()


class Bare(asyncio.Protocol):
    """One connection: a request's bytes go out, and a parser says when the answer is complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[None]":
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._answered.set_result(None)


async def bare(port: int, total: int, connections: int) -> Run:
    loop = asyncio.get_running_loop()
    free = [(await loop.create_connection(Bare, "127.0.0.1", port))[1] for _ in range(connections)]

    async def post() -> None:
        connection = free.pop()
        lines = "".join(f"{name}: {value}\r\n" for name, value in signature().items())
        await connection.ask(
            f"POST /hook HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(BODY)}\r\n{lines}\r\n".encode()
            + BODY
        )
        free.append(connection)

    try:
        return await timed(post, total, connections)
    finally:
        for each in free:
            each.transport.close()


async def timed(post: Callable[[], Awaitable[object]], total: int, connections: int) -> Run:
    left = total

    async def one_after_another() -> None:
        nonlocal left
        while left:
            left -= 1
            await post()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_after_another() for _ in range(connections)))
    return Run(time.perf_counter() - began, time.process_time() - cpu, total)


if __name__ == "__main__":
    kit.main(parser(), measure)
