"""A store to test, whichever database it is on; a second one joins by its line in `BACKENDS`."""

import asyncio
import sqlite3
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import create_engine

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.message import Skip, Status
from sendrail.storage.rows import Arrival, Departure, ParkedReceipt, QueuePlace, Verdict
from sendrail.storage.sqlite import SqliteStore
from sendrail.storage.tables import metadata

NOW = 1_800_000_000_000
ANN, BEN, CID = 15550100001, 15550100002, 15550100003
OURS, THEIRS = 15550001000, 15550002000
AHEAD, PACED = 0, 1
FOREVER = 1 << 62


class SqliteBackend:
    """The embedded store on a file of its own."""

    def __init__(self, folder):
        self._path = folder / "sendrail.db"
        engine = create_engine(f"sqlite:///{self._path}")
        metadata.create_all(engine)
        engine.dispose()

    def open(self):
        return SqliteStore(self._path, Pseudonyms(b"a test"))

    def everything(self):
        """Return all rows of each table as text, for tests of what is left."""
        with closing(sqlite3.connect(self._path)) as raw:
            found = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: str(raw.execute(f"SELECT * FROM {name}").fetchall()) for (name,) in found}

    @contextmanager
    def jammed(self, store):
        """Let no transaction of the store begin."""
        store._raw.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


BACKENDS = {"sqlite": SqliteBackend}


class House:
    """A store with two accounts, a link and a list each, and every call run to its end."""

    def __init__(self, backend):
        self.backend = backend
        self.runner = asyncio.Runner()
        self.opened = []
        self.store = self.open()
        self.us, self.them = self.write(
            lambda tx: (tx.accounts.add("us", NOW), tx.accounts.add("them", NOW))
        )
        self.link = self.write(lambda tx: tx.links.add(None, "sandbox", "simulator", b"", 9, None))
        self.list = self.add_list(self.us, OURS)
        self.their_list = self.add_list(self.them, THEIRS)

    def open(self):
        store = self.backend.open()
        self.opened.append(store)
        return store

    def close(self):
        for store in self.opened:
            self.do(store.close())
        self.runner.close()

    def do(self, work):
        return self.runner.run(work)

    def write(self, work, store=None):
        return self.do((store or self.store).write(work))

    def read(self, work, store=None):
        return self.do((store or self.store).read(work))

    def add_list(self, account, number):
        def add(tx):
            tx.lists.add(
                account,
                number,
                name="News",
                brand="News",
                rate=60,
                link_id=self.link,
                byoc=False,
                on_uncertain="hold",
                now=NOW,
            )
            return tx.lists.find(account, number)

        return self.write(add)

    # Messages on their way

    def queue(self, *numbers, sender=None, rank=PACED, due_at=NOW, created_at=NOW, body="Hello"):
        sender = sender or self.list
        self.write(
            lambda tx: tx.messages.insert(
                [
                    (
                        number, sender.lane, sender.account_id, sender.id, ANN, created_at,
                        Skip.RATE_LIMIT if rank == AHEAD else 0, 1, "gsm7", body, None,
                    )
                    for number in numbers
                ],
                due_at,
            )
        )  # fmt: skip

    def due(self, now=NOW, *, rank=PACED, limit=100, sender=None):
        sender = sender or self.list
        return self.read(lambda tx: tx.queue.due(sender.lane, sender.id, rank, now, limit))

    def waiting(self, **about):
        return [place.number for place in self.due(FOREVER, **about)]

    def depart(self, *numbers, attempt=1, epoch=1, rank=PACED, due_at=NOW):
        places = [self.place(number, rank, due_at) for number in numbers]
        self.write(
            lambda tx: tx.queue.depart(
                places,
                [Departure(attempt, epoch, self.link, NOW, number) for number in numbers],
            )
        )

    def place(self, number, rank=PACED, due_at=NOW):
        return QueuePlace(self.list.lane, self.list.id, rank, due_at, number)

    def arrival(self, number=1, **changes):
        arrival = Arrival(
            number=number,
            lane=self.list.lane,
            link_id=self.link,
            epoch=1,
            attempt=1,
            started_at=NOW,
            ended_at=NOW + 50,
            outcome="submitted",
            status="sent",
            attempts_spent=1,
            resent=0,
            detail=None,
            carrier_ref="ref-1",
            place=None,
        )
        return arrival._replace(**changes)

    def arrive(self, *arrivals):
        self.write(lambda tx: tx.queue.arrive(arrivals))

    def requeued(self, number=1, due_at=NOW + 5_000, **changes):
        return self.arrival(
            number,
            outcome="failed",
            status="queued",
            detail="busy",
            carrier_ref=None,
            place=self.place(number, due_at=due_at),
        )._replace(**changes)

    def find(self, number=1, account=None):
        return self.read(lambda tx: tx.lookup.find(account or self.us, number))

    def statuses(self, *numbers):
        return [self.find(number).status for number in numbers]


@pytest.fixture(params=BACKENDS)
def house(request, tmp_path):
    house = House(BACKENDS[request.param](tmp_path))
    yield house
    house.close()


def take(name, owner="me"):
    return lambda tx: tx.leases.take(name, owner, NOW)


def epoch(name):
    return lambda tx: tx.leases.epoch(name)


def owners(house, *refs):
    return house.read(lambda tx: tx.inbox.owners([(house.link, ref) for ref in refs]))


def apply(house, number, status="delivered"):
    house.write(
        lambda tx: tx.inbox.apply([Verdict(status, "ok", NOW + 70, number, house.list.lane)])
    )


def park(house, *refs, at=NOW, status=Status.DELIVERED):
    house.write(
        lambda tx: tx.inbox.park(
            [ParkedReceipt(0, house.link, ref, status, "ok", at) for ref in refs]
        )
    )


def parked(house, since=0, limit=10):
    return [each.carrier_ref for each in house.read(lambda tx: tx.inbox.parked(since, limit))]
