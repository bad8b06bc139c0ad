"""A store to test, whichever database it is on; a second one joins by its line in `BACKENDS`."""

import asyncio
import atexit
import functools
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from unittest.mock import patch

import postgres
import pytest
import spread_rules
from sqlalchemy import StaticPool, create_engine, event

from sendrail.domain.contact import SignUp, SignupMethod
from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import LANES
from sendrail.domain.message import Skip, Status
from sendrail.storage.pipeline.inbox import ParkedReceipt, StatusChange
from sendrail.storage.pipeline.queue import AttemptResult, AttemptStart, QueuePlace
from sendrail.storage.postgres.availability import Availability
from sendrail.storage.postgres.distributed import LaneByLane
from sendrail.storage.postgres.partitions import PARTITIONS, WEEK_MS, began, week_of
from sendrail.storage.postgres.schema import BY_TIME
from sendrail.storage.postgres.schema import metadata as postgres_tables
from sendrail.storage.postgres.store import PostgresStore
from sendrail.storage.sqlite.store import SqliteStore
from sendrail.storage.tables import metadata

NOW = 1_800_000_000_000
ANN, BEN, CID = 15550100001, 15550100002, 15550100003
OURS, THEIRS = 15550001000, 15550002000
AHEAD, PACED, CAMPAIGN = 0, 1, 2
_SKIPS_OF_RANK = {AHEAD: Skip.RATE_LIMIT, PACED: Skip.NONE, CAMPAIGN: Skip.CAMPAIGN}
FOREVER = 1 << 62


@functools.cache
def empty_file():
    """Return the bytes of a file with our schema: to make it anew takes a hundred times as long."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    image = engine.raw_connection().driver_connection.serialize()
    engine.dispose()
    return image


class SqliteBackend:
    """The embedded store on a file of its own."""

    def __init__(self, folder):
        self._path = folder / "sendrail.db"
        self._path.write_bytes(empty_file())

    def open(self):
        store = SqliteStore(self._path, Pseudonyms(b"a test"))
        # The fsync is tested by pulling plugs; here it would only cost time.
        store._raw.execute("PRAGMA synchronous = OFF")
        return store

    def everything(self):
        """Return all rows of each table as text, for tests of what is left."""
        with closing(sqlite3.connect(self._path)) as raw:
            found = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: str(raw.execute(f"SELECT * FROM {name}").fetchall()) for (name,) in found}

    def close(self):
        """The file goes with its folder."""

    def number(self, n, lane):  # noqa: ARG002 - where lanes count, it does
        """A message's number; here they count through all lanes."""
        return n

    def use_lane(self, tx, lane):
        """Take a lane into use; here there is nothing to do."""

    @contextmanager
    def jammed(self, store):
        """Let no transaction of the store begin."""
        store._raw.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


class _PatientAvailability(Availability):
    """Ends nothing that only takes long: on a busy machine a database is silent at times."""

    def watched(self, seconds_max):
        return super().watched(max(seconds_max, postgres.HANG_SECONDS))

    async def answers(self, within=None):  # noqa: ARG002 - not so soon
        return await super().answers(postgres.HANG_SECONDS)


class PatientStore(PostgresStore):
    """The shared store as an operator has it whose machine is never busy."""

    engine_of = staticmethod(postgres.patient_engine)
    availability_of = _PatientAvailability


@contextmanager
def patient_stores():
    """Let the shared stores that are opened within have that patience, whoever opens them."""
    with (
        patch.object(PostgresStore, "engine_of", staticmethod(postgres.patient_engine)),
        patch.object(PostgresStore, "availability_of", _PatientAvailability),
    ):
        yield


class PostgresBackend:
    """The shared store on a database of our own, as if it were new."""

    def __init__(self, folder):  # noqa: ARG002 - it has its place elsewhere
        self.url = self.database()
        postgres.line(self.url).do(_EMPTY)

    def database(self):
        return postgres_database()

    def admin(self):
        """The URL of another database on the same server."""
        return postgres.url_of("postgres")

    def open(self):
        return PatientStore(self.url, Pseudonyms(b"a test"))

    def everything(self):
        """Return all rows of each table as text, for tests of what is left."""
        return postgres.everything(self.url)

    def close(self):
        """The next one finds the database, and empties it."""

    def number(self, n, lane):
        """A message's number; here they count lane by lane."""
        return n * LANES + lane

    def use_lane(self, tx, lane):
        """Take a lane into use, as its first number does."""
        tx.messages.reserve_in(lane, 0)

    @contextmanager
    def jammed(self, store):  # noqa: ARG002 - all of them are
        """Let no transaction of the store begin."""
        name = postgres.name_of(self.url)
        admin = self.admin()
        ends = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        postgres.do(admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", ends)
        try:
            yield
        finally:
            postgres.do(admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


class _LaneByLaneStore(PatientStore):
    """Speaks with one server as with many: a statement goes to one lane after the other."""

    driver_of = staticmethod(LaneByLane)


class LanesBackend(PostgresBackend):
    """The statements' other form, for tables that are spread, on a server that spreads none."""

    def open(self):
        store = _LaneByLaneStore(self.url, Pseudonyms(b"a test"))
        event.listen(store.engine, "before_cursor_execute", spread_rules.look_at)
        return store


class CitusBackend(PostgresBackend):
    """The same with its tables spread over several servers."""

    def database(self):
        return _database("citus")

    def admin(self):
        return postgres.citus().replace(f"/{postgres.name_of(postgres.citus())}", "/postgres")


def postgres_database(which=0):
    """A database with our schema and room for the tests' own times, made once for each number."""
    return _database(which)


@functools.cache
def _database(which):
    stack = ExitStack()
    there = postgres.citus_schema() if which == "citus" else postgres.database()
    url = stack.enter_context(there)
    atexit.register(stack.close)
    prepare(url)
    return url


def prepare(url):
    """Make our schema in an empty database, and what empties it between tests.

    It has the weeks of the tests' own times alone, not those of today. A statement over all weeks
    is planned for each of them, by every connection that is made.
    """
    postgres.make_tables(url, weeks_from=NOW, version="0000")
    for table in BY_TIME:
        for (name,) in postgres.do(url, PARTITIONS.replace("$1", f"'{table}'")):
            if not week_of(NOW) <= began(name) <= week_of(NOW) + 4 * WEEK_MS:
                postgres.do(url, f"DROP TABLE {name}")
    postgres.do(url, _EMPTYING)


# By rows: to truncate a table, or to look for those that have any, takes ten times as long.
_ROWS = "; ".join(
    f"DELETE FROM {table.name}"
    for table in reversed(postgres_tables.sorted_tables)
    if table.name != "queue_slices"
)
# A connection plans the statements of a function once, and those of a block each time.
_EMPTYING = f"""
    CREATE FUNCTION empty_all() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        {_ROWS};
        PERFORM setval(oid::regclass, 1, false) FROM pg_class
        WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace;
    END $$
"""
_EMPTY = "SELECT empty_all()"
SHARED = {"postgres": PostgresBackend, "lanes": LanesBackend}
if postgres.citus():
    SHARED["citus"] = CitusBackend
BACKENDS = {"sqlite": SqliteBackend, **SHARED}


class House:
    """A store with two accounts, a connector and a list each, and every call run to its end."""

    def __init__(self, backend):
        self.backend = backend
        self.runner = asyncio.Runner()
        self.opened = []
        self.store = self.open()
        self.list, self.their_list = self.write(self._furnish)

    def open(self):
        store = self.backend.open()
        self.opened.append(store)
        return store

    def close(self):
        for store in self.opened:
            self.do(store.close())
        self.runner.close()
        self.backend.close()

    def do(self, work):
        return self.runner.run(work)

    def write(self, work, store=None):
        return self.do((store or self.store).write(work))

    def read(self, work, store=None):
        return self.do((store or self.store).read(work))

    def _furnish(self, tx):
        self.us, self.them = tx.accounts.add("us", NOW), tx.accounts.add("them", NOW)
        self.connector = tx.connectors.add(None, "sandbox", "simulator", b"", 9, None)
        return self._added_list(tx, self.us, OURS), self._added_list(tx, self.them, THEIRS)

    def add_list(self, account, number):
        return self.write(lambda tx: self._added_list(tx, account, number))

    def _added_list(self, tx, account, number):
        tx.lists.add(
            account,
            number,
            name="News",
            brand="News",
            rate=60,
            connector_id=self.connector,
            byoc=False,
            on_uncertain="hold",
            now=NOW,
        )
        return tx.lists.find(account, number)

    # Messages on their way

    def no(self, n, sender=None):
        """The number of the n-th message of a list."""
        return self.backend.number(n, (sender or self.list).lane)

    def nos(self, *ns):
        """The numbers of messages of our list."""
        return [self.no(n) for n in ns]

    def queue(
        self,
        *numbers,
        sender=None,
        rank=PACED,
        due_at=NOW,
        created_at=NOW,
        body="Hello",
        metadata=None,
        links="",
    ):
        sender = sender or self.list
        rows = [
            (
                self.no(number, sender), sender.lane, sender.account_id, sender.id, ANN, created_at,
                _SKIPS_OF_RANK[rank], 1, "gsm7", body, metadata, links,
            )
            for number in numbers
        ]  # fmt: skip

        def insert(tx):
            self.backend.use_lane(tx, sender.lane)
            tx.messages.insert(rows, due_at)

        self.write(insert)

    def due(self, now=NOW, *, rank=PACED, limit=100, sender=None):
        sender = sender or self.list
        return self.read(lambda tx: tx.queue.due(sender.lane, sender.id, rank, now, limit))

    def waiting(self, **about):
        counted = self.no(1) - self.no(0)
        return [place.number // counted for place in self.due(FOREVER, **about)]

    def start_attempts(self, *numbers, attempt=1, epoch=1, rank=PACED, due_at=NOW):
        places = [self.place(number, rank, due_at) for number in numbers]
        self.write(
            lambda tx: tx.queue.start_attempts(
                places,
                [AttemptStart(attempt, epoch, self.connector, NOW, self.no(n)) for n in numbers],
            )
        )

    def place(self, number, rank=PACED, due_at=NOW):
        return QueuePlace(self.list.lane, self.list.id, rank, due_at, self.no(number))

    def result(self, number=1, **changes):
        result = AttemptResult(
            number=self.no(number),
            lane=self.list.lane,
            connector_id=self.connector,
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
        return result._replace(**changes)

    def finish_attempts(self, *results):
        self.write(lambda tx: tx.queue.finish_attempts(results))

    def requeued(self, number=1, due_at=NOW + 5_000, **changes):
        return self.result(
            number,
            outcome="failed",
            status="queued",
            detail="busy",
            carrier_ref=None,
            place=self.place(number, due_at=due_at),
        )._replace(**changes)

    def find(self, number=1, account=None):
        return self.read(lambda tx: tx.lookup.find(account or self.us, self.no(number)))

    def statuses(self, *numbers):
        return [self.find(number).status for number in numbers]


@pytest.fixture(params=BACKENDS)
def house(request, tmp_path):
    house = House(BACKENDS[request.param](tmp_path))
    yield house
    house.close()


def sign_up(tx, list_id, *numbers):
    """Subscribe numbers to a list."""
    new = [(SignUp(recipient=number, method=SignupMethod.CSV), {}) for number in numbers]
    tx.signups.add(list_id, new, NOW)


def take(name, owner="me"):
    return lambda tx: tx.leases.take(name, owner, NOW)


def epoch(name):
    return lambda tx: tx.leases.epoch(name)


def owners(house, *refs):
    """Return what references lead to; what it is counted by, one database reads and one not."""
    found = house.write(
        lambda tx: tx.inbox.targets_by_ref([(house.connector, ref) for ref in refs])
    )
    return {key: target._replace(counted_by=None, sending_at=None) for key, target in found.items()}


def apply(house, number, status="delivered"):
    house.write(
        lambda tx: tx.inbox.apply(
            [StatusChange(status, "ok", NOW + 70, house.no(number), house.list.lane)]
        )
    )


def park(house, *refs, at=NOW, status=Status.DELIVERED):
    house.write(
        lambda tx: tx.inbox.park(
            [ParkedReceipt(0, house.connector, ref, status, "ok", at) for ref in refs]
        )
    )


def parked(house, since=0, limit=10):
    return [each.carrier_ref for each in house.write(lambda tx: tx.inbox.parked(since, limit))]
