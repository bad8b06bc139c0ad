"""How soon a journey's message is queued once it is due, and what callers notice of the engine.

A server runs as it does, with delivery, on an installation whose contacts were put on a journey
before its start. Each way of waiting has its own clock: *due* is the moment that was written for a
contact, *event* the moment at which the caller began to post it, and *queued* the message's own
time of acceptance.
"""

import argparse
import asyncio
import http.client
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import kit
from journeys_engine import FIRST, add_journey, put_all_on
from kit import Figure, Section
from on_postgres import House, Postgres, installed, postgres
from sendrail.app import Runtime, open_runtime
from sendrail.domain.contact import Journey
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.settings import load
from sendrail.storage.interface import Tx

METHOD = """
{options.runs} runs, each on fresh installations. *Sustained*: {options.contacts:,} contacts that
are all due when the server starts, from the first message to the last. *Due*: contacts that become
due one after another at 70 % of that rate, {options.seconds:g} s long. *Event*: {options.events}
events a second on one connection, each of a contact that waits for it, {options.seconds:g} s long.
*Callers*: an open loop of {options.callers} single requests a second on 16 connections, beside
contacts that are all due and without. Nothing pinned; the sandbox's simulator delivers.
"""
SEND: dict[str, object] = {
    "name": "due",
    "trigger": {"on": ["api"]},
    "steps": [{"id": "hello", "kind": "send", "body": "Hello"}],
}
WAIT: dict[str, object] = {
    "name": "event",
    "trigger": {"on": ["api"]},
    "steps": [
        {
            "id": "wait",
            "kind": "wait_event",
            "if": {"type": "event", "event": "custom", "name": "paid"},
            "timeout": {"value": 2, "unit": "days"},
            "yes": "thanks",
            "no": None,
        },
        {"id": "thanks", "kind": "send", "body": "Thank you"},
    ],
}
# When the first is due, once all are there: a server notices within a second what others write.
SOON_MS = 5_000
LATER_MS = 30 * 86_400_000
SILENCE_SECONDS = 20
SHARE = 0.7
AT_ALL_HOURS = {"SENDRAIL_QUIET_HOURS": ""}
SOONER = "UPDATE enrolments SET due_at = due_at - {by}"
MESSAGES = "SELECT recipient, created_at FROM messages ORDER BY created_at"


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__ or "", runs=3, seconds=5)
    options.add_argument("--contacts", type=int, default=30_000)
    options.add_argument("--events", type=int, default=200)
    options.add_argument("--callers", type=int, default=500)
    options.add_argument("--postgres", action="store_true", help="on PostgreSQL")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Journeys: how soon", METHOD.format(options=options))
    rates, due, event, beside, alone = [], [], [], [], []
    with ExitStack() as stack:
        server = stack.enter_context(postgres()) if options.postgres else None
        for run in range(options.runs):
            rates.append(sustained(options, server))
            due.append(high(due_to_queued(options, server, rates[-1] * SHARE)))
            event.append(high(event_to_queued(options, server)))
            alone.append(callers(options, server, 0))
            beside.append(callers(options, server, round(rates[-1] * options.seconds * 1.5)))
            kit.say(f"run {run + 1}: {rates[-1]:,.0f}/s, due {due[-1]:.0f} ms")
    section.figures += [
        Figure("sustained", "messages/s", rates),
        Figure(f"due to queued at {SHARE:.0%}, p99", "ms", due, at_most=1_000),
        Figure("event to queued, p99", "ms", event, at_most=500),
        Figure("callers' p99 alone", "ms", alone),
        Figure("callers' p99 beside a full engine", "ms", beside),
        Figure("**ratio of the two**", "",
               [a / b for a, b in zip(beside, alone, strict=True)], at_most=2),
    ]  # fmt: skip
    return section


def high(values: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100)[98]


# --- the four questions -------------------------------------------------------------------------


def sustained(options: argparse.Namespace, server: Postgres | None) -> float:
    """Return messages a second of contacts that are all due."""
    with opened(options, server) as house:
        prepare(house, SEND, dict.fromkeys(numbers(options.contacts), 1))
        serve_until(house, options.contacts)
        times = [at for _, at in messages(house)]
        return (len(times) - 1) / (times[-1] - times[0]) * 1e3


def due_to_queued(options: argparse.Namespace, server: Postgres | None, rate: float) -> list[float]:
    """Return how long each message took from its due time, in ms.

    Contacts are prepared for a time far away. Once a server is ready, all are moved to where the
    first is due soon: so it does not matter how long preparing and starting take.
    """
    with opened(options, server) as house:
        contacts = numbers(round(rate * options.seconds))
        later = now_ms() + LATER_MS
        due = {number: later + round(n / rate * 1e3) for n, number in enumerate(contacts)}
        prepare(house, SEND, due)
        moved: list[int] = []

        def make_sooner(_: kit.Server) -> None:
            moved.append(_run(house, lambda runtime: runtime.store.write(sooner)))
            first = later - moved[0]
            assert now_ms() < first, "the contacts were moved only once some were due"
            time.sleep((first - now_ms()) / 1e3)

        def sooner(tx: Tx) -> int:
            by = later - now_ms() - SOON_MS
            tx.core.exec_driver_sql(SOONER.format(by=by))
            return by

        serve_until(house, len(due), make_sooner)
        return [at - (due[PhoneNumber(number)] - moved[0]) for number, at in messages(house)]


def event_to_queued(options: argparse.Namespace, server: Postgres | None) -> list[float]:
    """Return how long each message took from the post of its event, in ms."""
    with opened(options, server) as house:
        waiting = numbers(round(options.events * options.seconds))
        prepare(house, WAIT, dict.fromkeys(waiting, 1))
        posted: dict[int, float] = {}

        def post(running: kit.Server) -> None:
            time.sleep(2)  # until each of them waits
            connection = http.client.HTTPConnection(running.url.removeprefix("http://"))
            headers = {"x-api-key": house.sendrail.key, "content-type": "application/json"}
            began = time.time()
            for n, number in enumerate(waiting):
                time.sleep(max(0, began + n / options.events - time.time()))
                body = {
                    "phone_number": f"+{number}",
                    "list_number": house.sendrail.list_number,
                    "event": "paid",
                }
                posted[int(number)] = time.time() * 1e3
                connection.request("POST", "/api/v2/events", json.dumps(body), headers)
                answer = connection.getresponse()
                said = json.loads(answer.read())
                assert said.get("journeys") == 1, said

        serve_until(house, len(waiting), post)
        return [at - posted[number] for number, at in messages(house)]


def callers(options: argparse.Namespace, server: Postgres | None, contacts: int) -> float:
    """Return the 99th percentile of answers in ms, with contacts that are due beside."""
    with opened(options, server) as house:
        prepare(house, SEND, dict.fromkeys(numbers(contacts), 1))
        with house.sendrail.serve(**house.settings, **AT_ALL_HOURS) as running:
            result = house.sendrail.load(
                running, connections=16, rate=options.callers, seconds=options.seconds
            )
            return float(result["p99"])


# --- an installation ----------------------------------------------------------------------------


@contextmanager
def opened(options: argparse.Namespace, server: Postgres | None) -> Iterator[House]:
    """Make an installation whose list's rate holds nothing back."""
    with installed(options, server) as house:
        number = house.sendrail.list_number
        house.sendrail.run("lists", "rate", number, "6000000", **house.settings)
        yield house


def numbers(count: int) -> list[PhoneNumber]:
    return [PhoneNumber(FIRST + n) for n in range(count)]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def prepare(house: House, document: dict[str, object], due: dict[PhoneNumber, int]) -> None:
    """Put contacts on a new journey of the first list."""

    def add(tx: Tx) -> tuple[AccountId, Journey]:
        [account] = tx.accounts.all()
        sender = tx.lists.all(account.id)[0]
        return account.id, add_journey(tx, account.id, sender, document)

    async def work(runtime: Runtime) -> None:
        await put_all_on(runtime, *await runtime.store.write(add), due)

    _run(house, work)


def messages(house: House) -> list[tuple[int, int]]:
    """Return each message's recipient and the time at which it was queued, the oldest first."""

    def read(tx: Tx) -> list[tuple[int, int]]:
        return [tuple(row) for row in tx.core.exec_driver_sql(MESSAGES)]

    return _run(house, lambda runtime: runtime.store.read(read))


def _run(house: House, work: Callable[[Runtime], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        settings = load(environment=house.settings, data_dir=house.sendrail.data)
        async with open_runtime(settings) as runtime:
            return await work(runtime)

    return asyncio.run(run())


def serve_until(
    house: House, count: int, beside: Callable[[kit.Server], None] | None = None
) -> None:
    """Run a server until so many messages were accepted."""
    with house.sendrail.serve(**house.settings, **AT_ALL_HOURS) as running:
        if beside is not None:
            beside(running)
        seen, moved = -1, time.monotonic()
        while (accepted := running.count("accepted")) < count:
            now = time.monotonic()
            seen, moved = (accepted, now) if accepted > seen else (seen, moved)
            assert now - moved < SILENCE_SECONDS, f"{accepted} of {count} came, and no more"
            time.sleep(0.2)


if __name__ == "__main__":
    kit.main(parser(), measure)
