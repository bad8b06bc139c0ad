"""Reading from PostgreSQL: in a transaction of its own, or by statements that need none."""

import asyncio
import time

import pytest
from round_trips import counted, heard
from sqlalchemy import text
from sqlalchemy.util import await_only
from stores import NOW, PatientStore, PostgresBackend

from sendrail.domain.errors import Overloaded, StorageUnavailable
from sendrail.storage.postgres import store as store_module

# Work of one statement, as workers and the API read it.
OF_ONE = {
    "queue": lambda tx: tx.queue.lists_waiting(),
    "scheduled": lambda tx: tx.scheduled.next_at(),
    "responder": lambda tx: tx.auto_replies.waiting(0, 10),
    "look_up": lambda tx: tx.numbers.unknown(10),
    "activity": lambda tx: tx.activity.behind(),
    "next_work": lambda tx: tx.runs.next_work_at(),
    "waves_due": lambda tx: tx.runs.waves_due(NOW, 10),
    "waiting": lambda tx: tx.runs.waiting(10),
    "watched": lambda tx: tx.runs.watched(10),
    "abandoned": lambda tx: tx.runs.abandoned(10),
    "walked_out": lambda tx: tx.runs.walked_out(10),
    "to_sweep": lambda tx: tx.runs.to_sweep(10),
    "schedules": lambda tx: tx.schedules.due(NOW, 10),
    "tasks": lambda tx: tx.journey_tasks.open(),
    "callbacks": lambda tx: tx.connectors.by_token(b"none", NOW),
    "accounts": lambda tx: tx.processes.full_accounts(),
    "callers": lambda tx: tx.gate.callers([b"no key"]),
}


@pytest.fixture
def url(tmp_path):
    return PostgresBackend(tmp_path).url


def on_store(url, scene):
    async def run():
        store = PatientStore(url)
        try:
            await store.read(lambda tx: tx.accounts.all())
            return await scene(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def trips(store, work, *, begun):
    """Return how many round trips a read takes that was made before."""
    # The first of a connection asks for what it knows from then on.
    for _ in store._readers:
        await store.read(work, begun=begun)
    with heard(store) as ran:
        await store.read(work, begun=begun)
        # The driver tells of a statement in the next turn of the loop.
        await asyncio.sleep(0)
    return counted(ran)


@pytest.mark.parametrize("which", OF_ONE)
def test_one_statement_without_a_transaction_is_one_round_trip(url, which):
    work = OF_ONE[which]
    assert on_store(url, lambda store: trips(store, work, begun=False)) == 1


def test_a_transaction_adds_its_begin_and_its_end(url):
    work = OF_ONE["accounts"]
    assert on_store(url, lambda store: trips(store, work, begun=True)) == 3


@pytest.mark.parametrize("begun", [False, True])
def test_a_read_writes_nothing(url, begun):
    async def scene(store):
        with pytest.raises(StorageUnavailable, match="read-only"):
            await store.read(lambda tx: tx.driver.run("DELETE FROM accounts"), begun=begun)
        # Nor does what is read with SQLAlchemy, and the connection is good for more.
        with pytest.raises(StorageUnavailable, match="read-only"):
            await store.read(lambda tx: tx.core.execute(text("DELETE FROM lists")), begun=begun)
        return await store.read(lambda tx: tx.accounts.all(), begun=begun)

    assert on_store(url, scene) == []


@pytest.mark.parametrize("begun", [False, True])
def test_a_read_has_its_time(url, monkeypatch, begun):
    monkeypatch.setattr(store_module, "_ONLY_READING", ("SET statement_timeout = '200ms'",))

    async def scene(store):
        with pytest.raises(Overloaded, match="Narrow it down"):
            await store.read(lambda tx: tx.driver.row("SELECT pg_sleep(300)"), begun=begun)
        return await store.read(lambda tx: tx.driver.row("SELECT 1"), begun=begun)

    began = time.monotonic()
    assert on_store(url, scene)[0] == 1
    assert time.monotonic() - began < 120


@pytest.mark.parametrize("begun", [False, True])
def test_a_connection_that_was_lost_unnoticed_is_made_anew(url, begun):
    async def scene(store):
        for session in store._readers:
            if session._core is not None:
                pid = session.tx.driver.raw.get_server_pid()
                await store.write(lambda tx, pid=pid: tx.driver.row(
                    "SELECT pg_terminate_backend($1)", pid))  # fmt: skip
        return await store.read(lambda tx: tx.accounts.all(), begun=begun)

    assert on_store(url, scene) == []


def test_statements_in_a_transaction_see_one_snapshot(url):
    seen = []

    async def scene(store):
        once, written = asyncio.Event(), asyncio.Event()

        def twice(tx):
            seen.append(len(tx.accounts.all()))
            once.set()
            await_only(written.wait())
            seen.append(len(tx.accounts.all()))

        reading = asyncio.ensure_future(store.read(twice))
        await once.wait()
        await store.write(lambda tx: tx.accounts.add("between", NOW))
        written.set()
        await reading
        return len(await store.read(lambda tx: tx.accounts.all()))

    assert on_store(url, scene) == 1
    assert seen == [0, 0]


def test_a_read_that_is_given_up_leaves_no_half_connection(url):
    async def scene(store):
        asked = asyncio.Event()

        def sleep(tx):
            asked.set()
            tx.driver.row("SELECT pg_sleep(300)")

        reading = asyncio.ensure_future(store.read(sleep, begun=False))
        await asked.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        open_ones = [session._core for session in store._readers if session._core is not None]
        return open_ones, await store.read(lambda tx: tx.driver.row("SELECT 1"), begun=False)

    open_ones, row = on_store(url, scene)
    assert open_ones == []
    assert row[0] == 1
