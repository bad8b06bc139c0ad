"""The way to the database: which host is spoken to, and who waits while none is there."""

import asyncio
import socket
import time

import pytest
from cluster import Cluster, free_port
from sqlalchemy.util import greenlet_spawn
from stores import NOW, PostgresBackend

from sendrail.domain.errors import SetupError, StorageUnavailable
from sendrail.storage.postgres.reach import Hosts
from sendrail.storage.postgres.store import PostgresStore


@pytest.fixture
def url(tmp_path):
    return PostgresBackend(tmp_path).url


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def silent():
    """The port of a host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def add(name):
    return lambda tx: tx.accounts.add(name, NOW)


async def refused(store, why="Send the same again"):
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match=why):
        await store.write(add("nobody"))
    return time.monotonic() - began


def connecting(hosts):
    """Connect; return how long that took."""

    async def connect():
        connection = await hosts.connect()
        await connection.close()

    began = time.monotonic()
    asyncio.run(connect())
    return time.monotonic() - began


@pytest.mark.parametrize(
    "given", ["", "mysql://host/name", "postgresql://host", "postgresql://host/", "/some/file"]
)
def test_what_is_no_address_is_said_to_be_none(given):
    with pytest.raises(SetupError, match="postgresql://user:password@host:5432/name"):
        Hosts(given)


def test_each_host_is_tried_and_the_one_that_was_there_is_the_first_next_time(cluster, silent):
    nobody = free_port()
    hosts = Hosts(cluster.url(port=f"{nobody},127.0.0.1:{silent},127.0.0.1:{cluster.port}"))
    assert 1.0 <= connecting(hosts) < 3.0
    assert connecting(hosts) < 1.0


def test_of_several_hosts_one_is_wanted_that_takes_what_is_written(cluster):
    nobody = free_port()
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


def test_a_silent_database_is_noticed_and_its_return_as_well(url, silent):
    async def scene():
        store = PostgresStore(f"postgresql://postgres@127.0.0.1:{silent}/name")
        first, later = await refused(store), [await refused(store) for _ in range(20)]
        with pytest.raises(StorageUnavailable, match="Send the same again"):
            await store.read(lambda tx: tx.accounts.all())
        # Now it speaks.
        store._reach._hosts = Hosts(url)
        await asyncio.sleep(1.5)
        assert not store._reach.is_lost
        await store.close()
        return first, later

    first, later = asyncio.run(scene())
    assert 0.3 <= first <= 1.5
    assert max(later) < 0.1


def test_a_transaction_that_only_takes_long_goes_on(url):
    def slowly(tx):
        tx.driver.row("SELECT pg_sleep(2.5)")
        return tx.accounts.add("slow", NOW)

    async def scene():
        store = PostgresStore(url)
        told = await asyncio.gather(store.write(slowly), store.read(lambda tx: tx.accounts.all()))
        await store.close()
        return told

    account, before = asyncio.run(scene())
    assert before == []
    assert account


def test_a_server_that_has_become_a_standby_is_left(url):
    async def scene():
        store = PostgresStore(url)
        await store.write(add("before"))
        [session] = store._writers
        await greenlet_spawn(session.tell, "SET default_transaction_read_only = on")
        await refused(store, "Nothing was stored")
        await asyncio.sleep(0.5)
        # A new connection, to whoever takes what is written now.
        await store.write(add("after"))
        names = [each.name for each in await store.read(lambda tx: tx.accounts.all())]
        await store.close()
        return names

    assert asyncio.run(scene()) == ["before", "after"]
