"""Which driver for PostgreSQL: our own statements, by asyncpg and by psycopg 3 in two ways.

The same texts with the same values: a group of messages accepted (fingerprints, then messages and
queue), claimed (due, load, intent) and settled, each in a transaction of its own. Every driver has
a fresh database, and they take turns. psycopg is no dependency of Sendrail: `pip install
'psycopg[binary]'` for this.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import uvloop
from sqlalchemy.util import greenlet_spawn

import kit
from kit import Figure, Section

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import full
import postgres

from sendrail.domain.ids import LANES
from sendrail.storage.postgres import messages as messages_
from sendrail.storage.postgres import queue
from sendrail.storage.postgres.driver import PostgresDriver, columns

METHOD = """
{options.rounds} groups of each size, on one connection, PostgreSQL on the same machine by a Unix
socket, `fsync` {fsync}. A group is accepted, claimed and settled in three transactions by eight
statements of ours. *asyncpg* is driven as the store drives it, from a greenlet; *psycopg, thread*
is its plain connection in one worker thread, a hop for each transaction; *psycopg, async* is its
asynchronous connection in the same greenlets. Messages a second
through all three transactions, and the CPU time of our process alone, which other work on the
machine disturbs less.
"""
_NOW = full.BEGAN
_BODY = "Hello, this is a text of about seventy characters, as a great many are."


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 50, 200])
    return options


class ByAsyncpg:
    name = "asyncpg"

    async def open(self, url):
        self._connection = await asyncpg.connect(url)

    async def run(self, work):
        def within():
            driver = PostgresDriver(self._connection)
            driver.run("BEGIN")
            work(driver.rows)
            driver.run("COMMIT")

        await greenlet_spawn(within)

    async def close(self):
        await self._connection.close()


def _translated(statement):
    """Return a statement with psycopg's placeholders, which are named by their number."""
    return re.sub(r"\$(\d+)", r"%(v\1)s", statement.replace("%", "%%"))


class _Rows:
    """Turns `rows(statement, *values)` into what psycopg takes; each text is translated once."""

    def __init__(self, execute):
        self._execute = execute
        self._texts = {}

    def __call__(self, statement, *values):
        text = self._texts.get(statement) or self._texts.setdefault(
            statement, _translated(statement)
        )
        return self._execute(text, {f"v{n}": value for n, value in enumerate(values, 1)})


class ByThread:
    name = "psycopg, thread"

    async def open(self, url):
        import psycopg

        self._thread = ThreadPoolExecutor(1)
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=1)

        def execute(text, values):
            cursor = self._connection.execute(text, values)
            return cursor.fetchall() if cursor.description else []

        self._rows = _Rows(execute)

    async def run(self, work):
        def within():
            self._connection.execute("BEGIN")
            work(self._rows)
            self._connection.execute("COMMIT")

        await asyncio.get_running_loop().run_in_executor(self._thread, within)

    async def close(self):
        self._connection.close()
        self._thread.shutdown()


class ByAsync:
    name = "psycopg, async"

    async def open(self, url):
        import psycopg
        from sqlalchemy.util import await_only

        self._connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=1
        )

        async def fetch(text, values):
            cursor = await self._connection.execute(text, values)
            return await cursor.fetchall() if cursor.description else []

        self._rows = _Rows(lambda text, values: await_only(fetch(text, values)))

    async def run(self, work):
        def within():
            self._rows("BEGIN")
            work(self._rows)
            self._rows("COMMIT")

        await greenlet_spawn(within)

    async def close(self):
        await self._connection.close()


DRIVERS = (ByAsyncpg, ByThread, ByAsync)


async def passed(driver, size, rounds):
    """Return how many messages a second go through, and what each costs us, in microseconds."""
    lane, started, spent = full.lane(1), time.perf_counter(), time.process_time()
    for each in range(rounds):
        numbers = [(each * size + n + 1) * LANES + lane for n in range(size)]
        await driver.run(lambda rows, numbers=numbers: _accept(rows, lane, numbers))
        await driver.run(lambda rows, size=size: _claim(rows, lane, size))
        await driver.run(lambda rows, numbers=numbers: _settle(rows, lane, numbers))
    count = size * rounds
    return count / (time.perf_counter() - started), (time.process_time() - spent) / count * 1e6


def _accept(rows, lane, numbers):
    about = {"lane": lane, "account_id": 1, "list_id": 2, "created_at": _NOW, "skips": 0}
    text = {"segments": 1, "encoding": "gsm7", "body": _BODY, "metadata": None}
    messages = [
        {"number": n, "recipient": full.RECIPIENT + n % 10**6, "fingerprint": n * 7919}
        | about
        | text
        for n in numbers
    ]
    rows(messages_.INSERT_NEW, json.dumps(messages), 0, [])


def _claim(rows, lane, size):
    texts = queue.TEXTS
    places = rows(texts.due, lane, 2, 1, _NOW, size)
    assert len(places) == size
    lanes, numbers = [row[0] for row in places], [row[4] for row in places]
    rows(texts.load.text, lanes, numbers)
    rows(texts.leave_queue.text, *columns(places))
    starts = [(lane, 1, 1, 1, _NOW, number) for number in numbers]
    rows(texts.start_attempt.text, *columns(starts))


def _settle(rows, lane, numbers):
    finished = [
        (lane, n, 1, 1, "sent", None, None, None, f"r{n}", _NOW, 1, 0)
        for n in numbers
    ]  # fmt: skip
    rows(queue.TEXTS.finish_attempt.text, *columns(finished))
    refs = [(n % LANES, _NOW, 1, f"r{n}", lane, n) for n in numbers]
    rows(queue.TEXTS.keep_ref.text, *columns(refs))


async def one_run(driver, url, size, rounds):
    await driver.open(url)
    try:
        await passed(driver, size, 5)
        await emptied(url)
        return await passed(driver, size, rounds)
    finally:
        await driver.close()


async def emptied(url):
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE messages, queue, fingerprints, carrier_refs")
    await connection.close()


def measure(options: argparse.Namespace) -> Section:
    fsync = postgres.do(postgres.url_of("postgres"), "SHOW fsync")[0][0]
    section = Section("Drivers for PostgreSQL", METHOD.format(options=options, fsync=fsync))
    for size in options.sizes:
        rates = {driver.name: [] for driver in DRIVERS}
        costs = {driver.name: [] for driver in DRIVERS}
        for _ in range(options.runs):
            for driver in DRIVERS:
                with postgres.database() as url:
                    full.fill(url, 100, analysed=True)
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                        rounds = max(20, options.rounds // (1 + size // 50))
                        rate, cost = runner.run(one_run(driver(), url, size, rounds))
                rates[driver.name].append(rate)
                costs[driver.name].append(cost)
                kit.say(f"{driver.name}, {size}: {rate:,.0f}/s, {cost:.0f} us each")
        section.figures += [
            Figure(f"{name}, groups of {size}", "messages/s", values)
            for name, values in rates.items()
        ]
        section.figures += [
            Figure(f"{name}, groups of {size}: our CPU", "µs a message", values)
            for name, values in costs.items()
        ]
    return section


if __name__ == "__main__":
    kit.main(parser(), measure)
