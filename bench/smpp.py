"""How many messages a second go through the SMPP carrier, as a ratio to bare sockets.

The other side is `smsc.py`, which takes each message and sends its receipt at once. The reference
speaks the same bytes over the same window, ready-made, and only counts what comes back: it is what
sockets and framing cost. Carrier and reference take turns; each ratio is made of two neighbours in
time. Nothing is stored on either side.
"""

import argparse
import asyncio
import statistics
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

import kit
from kit import Figure, Section
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted

METHOD = """
Client pinned to one core, SMSC to the other; {options.total:,} messages of 70 characters,
{options.runs} runs after a short one, window {options.window}, one bind, {options.group} messages a
call; each is submitted, answered, and its receipt handed over and acknowledged. CPU is that of the
client.
"""
TEXT = "Your order has left our house and will be with you tomorrow, we promise."[:70]
HEADER = struct.Struct(">IIII")
SUBMIT_SM, SUBMIT_SM_RESP, DELIVER_SM, BIND, BIND_RESP = 4, 0x80000004, 5, 9, 0x80000009
BODY = b"\0\x01\x0115559870000\0\x01\x0115552340001\0\0\0\0\0\0\x01\0\0\0F" + TEXT.encode()


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
    options = kit.options(__doc__, runs=5)
    options.add_argument("--total", type=int, default=40_000, metavar="N")
    options.add_argument("--window", type=int, default=100, metavar="N")
    options.add_argument("--group", type=int, default=100, metavar="N", help="messages a call")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("SMPP carrier", METHOD.format(options=options))
    with kit.running([sys.executable, str(kit.BENCH / "smsc.py")], kit.LOAD_CORE) as smsc:
        port = smsc.ready["port"]
        with kit.pinned(kit.SERVER_CORE):
            for ways in (bare, through_the_carrier):
                uvloop.run(ways(port, 2_000, options))
            pairs = [pair(port, options, number) for number in range(options.runs)]
            steps = single_steps()
    section.figures += [
        Figure("bare sockets", "messages/s", [bare.rate for bare, _ in pairs]),
        Figure("the carrier", "messages/s", [ours.rate for _, ours in pairs], at_least=10_000),
        Figure("**ratio**", "", [ours.rate / bare.rate for bare, ours in pairs]),
        Figure("bare sockets, CPU", "µs/message", [bare.cpu_us for bare, _ in pairs]),
        Figure("the carrier, CPU", "µs/message", [ours.cpu_us for _, ours in pairs], at_most=100),
        *(Figure(name, "µs", values) for name, values in steps.items()),
    ]
    return section


def pair(port: int, options: argparse.Namespace, number: int) -> tuple[Run, Run]:
    reference = uvloop.run(bare(port, options.total, options))
    ours = uvloop.run(through_the_carrier(port, options.total, options))
    ratio = ours.rate / reference.rate
    kit.say(f"smpp {number + 1}: {ours.rate:,.0f} / {reference.rate:,.0f} = {ratio:.3f}")
    return reference, ours


class Bare(asyncio.Protocol):
    """The same bytes, ready-made; what comes back is counted and answered."""

    def __init__(self, total: int, window: int) -> None:
        self._total = total
        self._window = window
        self._sent = self.answered = self._receipts = 0
        self._rest = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.write(HEADER.pack(16 + 17, BIND, 0, 1) + b"esme\0secret\0\0\x34\0\0\0")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, out = 0, []
        while len(data) - at >= HEADER.size:
            length, command, _, sequence = HEADER.unpack_from(data, at)
            if len(data) - at < length:
                break
            at += length
            if command == DELIVER_SM:
                self._receipts += 1
                out.append(HEADER.pack(17, 0x80000005, 0, sequence) + b"\0")
            elif command == SUBMIT_SM_RESP:
                self.answered += 1
        self._rest = data[at:]
        while self._sent < self._total and self._sent - self.answered < self._window:
            self._sent += 1
            out.append(HEADER.pack(16 + len(BODY), SUBMIT_SM, 0, self._sent + 1) + BODY)
        if out:
            self._transport.write(b"".join(out))
        if self._receipts == self._total and not self.done.done():
            self.done.set_result(None)


async def bare(port: int, total: int, options: argparse.Namespace) -> Run:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(
        lambda: Bare(total, options.window), "127.0.0.1", port
    )
    run = await timed(client.done, total)
    transport.close()
    return run


async def through_the_carrier(port: int, total: int, options: argparse.Namespace) -> Run:
    settings = {"host": "127.0.0.1", "port": port, "system_id": "esme", "password": "secret"}
    carrier = SmppCarrier(settings | {"window": options.window})
    groups = [messages(at, options.group) for at in range(0, total, options.group)]
    done = asyncio.get_running_loop().create_future()
    stored = taken = 0

    async def deliver(raws: Sequence[bytes]) -> None:
        nonlocal stored
        stored += len(raws)
        if stored == total:
            done.set_result(None)

    def report(_: OutboundMessage, outcome: Outcome) -> None:
        nonlocal taken
        taken += isinstance(outcome, Submitted)

    async def play() -> None:
        for group in groups:
            await carrier.submit(group, report)
        await done

    await carrier.start(deliver)
    run = await timed(play(), total)
    await carrier.stop()
    if taken != total:
        raise SystemExit(f"{total - taken} of {total} messages were not taken")
    return run


async def timed(what: Any, count: int) -> Run:
    began, cpu = time.perf_counter(), time.process_time()
    await what
    return Run(time.perf_counter() - began, time.process_time() - cpu, count)


def messages(first: int, count: int) -> list[OutboundMessage]:
    return [
        OutboundMessage(
            message_id=f"m{at:07}",
            recipient=15552340000 + at % 1_000,
            sender=15559870000,
            body=TEXT,
            encoding="gsm7",
            segments=1,
        )
        for at in range(first, first + count)
    ]


def single_steps() -> dict[str, list[float]]:
    """What single steps cost, which the runs above have in them, or the receipts' worker has."""
    carrier = SmppCarrier({"host": "127.0.0.1", "system_id": "esme", "password": "secret"})
    [message] = messages(0, 1)
    text = (
        b"id:0000000001 sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD"
    )
    body = b"\0\x01\x0115552340001\0\x01\x0115559870000\0\x04\0\0\0\0\0\0\0\0%c%b" % (
        len(text),
        text,
    )
    with_tlvs = body + b"\x00\x1e\x00\x0b0000000001\0\x04\x27\x00\x01\x02"
    by_text, by_tlvs = (HEADER.pack(16 + len(each), 5, 0, 1) + each for each in (body, with_tlvs))
    return {
        "make a submit_sm": each_us(lambda: carrier._composer.bodies(message)),  # noqa: SLF001
        "read a receipt by its text": each_us(lambda: carrier.parse(by_text)),
        "read a receipt by its parameters": each_us(lambda: carrier.parse(by_tlvs)),
    }


def each_us(act: Callable[[], object], times: int = 20_000) -> list[float]:
    found = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            act()
        found.append((time.process_time() - began) / times * 1e6)
    return [statistics.median(found)]


if __name__ == "__main__":
    kit.main(parser(), measure)
