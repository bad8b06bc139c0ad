"""The way to the database: which host is spoken to, and who waits while none is there."""

import asyncio
import socket
import time
from contextlib import suppress
from statistics import median
from unittest.mock import Mock

import leaps
import postgres
import pytest
from cluster import Cluster
from ports import own_port
from postgres import HANG_SECONDS
from sqlalchemy.util import greenlet_spawn
from stores import NOW, PostgresBackend

from sendrail.domain.errors import SetupError, StorageUnavailable
from sendrail.storage.postgres import availability, distributed
from sendrail.storage.postgres import store as store_module
from sendrail.storage.postgres.availability import Hosts
from sendrail.storage.postgres.store import PostgresStore

# Less than a connection or a transaction has here, and far more than it takes to notice that
# nobody answers.
NOTICED_SECONDS = 30.0
TRANSACTION_SECONDS = 300.0
# Until a database that is there is found again.
BACK_SECONDS = 60.0


class PatientHosts(Hosts):
    """Hosts that are given the time that a busy machine needs."""

    async def connect(self, within=HANG_SECONDS):
        return await super().connect(max(within, HANG_SECONDS))


class WatchedStore(PostgresStore):
    """The store with its own watch; only a connection has the time that it needs."""

    engine_of = staticmethod(postgres.patient_engine)

    def __init__(self, url, hosts=None):
        super().__init__(url)
        self._availability._hosts = hosts or PatientHosts(url)


@pytest.fixture
def url(tmp_path):
    return PostgresBackend(tmp_path).url


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.close()


class Silent:
    """A host that takes connections and says nothing."""

    def __init__(self, listener):
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._held = []
        listener.setblocking(False)

    def times_asked(self):
        """Return how many have connected since the last time."""
        times = 0
        with suppress(BlockingIOError):
            while True:
                self._held.append(self._listener.accept()[0])
                times += 1
        return times

    def close(self):
        for each in self._held:
            each.close()


@pytest.fixture
def silent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = Silent(listener)
        yield host
        host.close()


def add(name):
    return lambda tx: tx.accounts.add(name, NOW)


async def found(store):
    """Wait until the store knows that its database is there."""
    async with asyncio.timeout(BACK_SECONDS):
        while store._availability.is_lost:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def refused(store, why="Send the same again"):
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match=why):
        await store.write(add("nobody"))
    return time.monotonic() - began


def connecting(hosts):
    async def connect():
        connection = await hosts.connect(HANG_SECONDS)
        await connection.close()

    asyncio.run(connect())


@pytest.mark.parametrize(
    "given", ["", "mysql://host/name", "postgresql://host", "postgresql://host/", "/some/file"]
)
def test_what_is_no_address_is_said_to_be_none(given):
    with pytest.raises(SetupError, match="postgresql://user:password@host:5432/name"):
        Hosts(given)


def test_each_host_is_tried_and_the_one_that_was_there_is_the_first_next_time(cluster, silent):
    nobody = own_port()
    hosts = Hosts(cluster.url(port=f"{nobody},127.0.0.1:{silent.port},127.0.0.1:{cluster.port}"))

    async def connect():
        connecting = asyncio.ensure_future(hosts.connect(leaps.AGES))
        while not (asked := silent.times_asked()):  # noqa: ASYNC110 - a socket has no event
            await asyncio.sleep(0.01)
        await leaps.leap()
        await (await connecting).close()
        return asked

    assert leaps.run(connect()) == 1
    connecting(hosts)
    assert silent.times_asked() == 0


def test_of_several_hosts_one_is_wanted_that_takes_what_is_written(cluster):
    nobody = own_port()
    ports = f"{cluster.port},127.0.0.1:{nobody}"
    cluster.do("ALTER DATABASE postgres SET default_transaction_read_only = on")
    with pytest.raises(OSError, match=str(nobody)):
        connecting(Hosts(cluster.url(port=ports)))
    with pytest.raises(ConnectionError, match="read_write"):
        connecting(Hosts(cluster.url() + "?target_session_attrs=read-write"))
    connecting(Hosts(cluster.url(port=ports) + "?target_session_attrs=any"))
    connecting(Hosts(cluster.url()))
    cluster.do("SET default_transaction_read_only = off",
               "ALTER DATABASE postgres RESET default_transaction_read_only")  # fmt: skip


def test_a_silent_database_is_noticed_and_its_return_as_well(url, silent, monkeypatch):
    monkeypatch.setattr(store_module, "_WRITE_SECONDS_MAX", TRANSACTION_SECONDS)
    nobody = f"postgresql://postgres@127.0.0.1:{silent.port}/name"

    async def scene():
        store = WatchedStore(nobody, Hosts(nobody))
        first, later = await refused(store), [await refused(store) for _ in range(20)]
        with pytest.raises(StorageUnavailable, match="Send the same again"):
            await store.read(lambda tx: tx.accounts.all())
        # Now it speaks.
        store._availability._hosts = PatientHosts(url)
        await found(store)
        await store.close()
        return first, later

    first, later = asyncio.run(scene())
    # No longer than a request may wait: the watch's two limits, and not those of a transaction.
    assert availability._SILENCE_SECONDS + availability._PROOF_SECONDS <= 1.0
    assert availability._SILENCE_SECONDS <= first < NOTICED_SECONDS
    # Whoever comes later is told without being made to wait for anything.
    assert median(later) < availability._SILENCE_SECONDS


class StandsStill:
    """The way to a database, on which this process stands still the first time that it is asked."""

    def __init__(self, hosts):
        self._hosts = hosts
        self.asked = 0

    async def connect(self, within):  # noqa: ARG002 - only the first time counts
        if self.asked == 0:
            self.asked += 1
            time.sleep(0.8)  # noqa: ASYNC251 - the loop does not come round
            raise TimeoutError
        self.asked += 1
        return await self._hosts.connect()


def test_a_process_that_stands_still_does_not_take_its_database_for_lost(url):
    async def scene():
        store = WatchedStore(url)
        await found(store)
        hosts = store._availability._hosts = StandsStill(PatientHosts(url))
        await store.read(lambda tx: tx.driver.row("SELECT pg_sleep(1.0)"))
        await store.close()
        return hosts.asked

    assert asyncio.run(scene()) >= 1


class Turns:
    """A loop that comes round when it is told to."""

    def __init__(self):
        self.now, self._callback = 100.0, None

    def time(self):
        return self.now

    def call_at(self, when, callback):
        assert when > self.now
        self._callback = callback
        return Mock()

    def come_round_after(self, seconds):
        self.now += seconds
        self._callback()


@pytest.mark.parametrize(
    ("turns", "stood_still"),
    [
        ([0.05] * 14, 0.0),
        # Slices of our own work.
        ([0.09] * 8, 0.0),
        ([0.05, 0.8], 0.75),
        # Each too short to say something by itself.
        ([0.16] * 4, 0.44),
    ],
)
def test_all_moments_count_in_which_a_process_stood_still(turns, stood_still):
    loop = Turns()
    with availability._StallMeter(loop) as meter:
        for seconds in turns:
            loop.come_round_after(seconds)
        # The last moment ends without a turn.
        loop.now += 0.04
    assert meter.seconds == pytest.approx(stood_still)


def test_a_transaction_that_only_takes_long_goes_on(url):
    def slowly(tx):
        # Beyond the time in which a silent one is given up.
        tx.driver.row("SELECT pg_sleep(1.5)")
        return tx.accounts.add("slow", NOW)

    async def scene():
        store = WatchedStore(url)
        told = await asyncio.gather(store.write(slowly), store.read(lambda tx: tx.accounts.all()))
        await store.close()
        return told

    account, before = asyncio.run(scene())
    assert before == []
    assert account


def test_a_connection_given_up_while_it_is_made_ready_is_made_anew(url, monkeypatch):
    async def scene():
        with monkeypatch.context() as hung:
            hung.setattr(store_module, "READ_SECONDS_MAX", 0)
            hung.setattr(store_module, "_CONNECT_SECONDS", 0.3)
            hung.setattr(store_module, "_WRITE_SECONDS_MAX", 0.3)
            hung.setattr(distributed, "HAS_EXTENSION", "SELECT pg_sleep(60)")
            store = WatchedStore(url)
            for _ in range(2):
                with pytest.raises(StorageUnavailable):
                    await store.read(lambda tx: tx.accounts.all())
                with pytest.raises(StorageUnavailable):
                    await store.write(add("nobody"))
        await found(store)
        account = await store.write(add("somebody"))
        found_there = await store.read(lambda tx: tx.accounts.all())
        await store.close()
        return account, found_there

    account, [there] = asyncio.run(scene())
    assert there.id == account


def test_a_server_that_has_become_a_standby_is_left(url):
    async def scene():
        store = WatchedStore(url)
        await store.write(add("before"))
        [session] = store._writers
        await greenlet_spawn(session.run, "SET default_transaction_read_only = on")
        await refused(store, "Nothing was stored")
        await found(store)
        # A new connection, to whoever takes what is written now.
        await store.write(add("after"))
        names = [each.name for each in await store.read(lambda tx: tx.accounts.all())]
        await store.close()
        return names

    assert asyncio.run(scene()) == ["before", "after"]
