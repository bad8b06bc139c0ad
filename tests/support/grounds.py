"""The grounds a road may lie on: one for each database, with its ways behind the door.

Where the event loop would sleep, our clock jumps; but a call of a database on the other side of a
socket takes a real while. So the loop waits for a call that is under way, and no time passes
meanwhile. One call goes at a time: then a seed tells the same story on every ground.
"""

import asyncio
import itertools
import re
import selectors
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import postgres
import pytest
import spread_rules
import stores
from sqlalchemy import event
from sqlalchemy.util import greenlet_spawn

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import LANES, lane_of
from sendrail.intake.cluster import ClusterAcceptor
from sendrail.intake.duplicates import DuplicateWindow
from sendrail.intake.local import LocalAcceptor
from sendrail.links.ranges import RangeSlots
from sendrail.links.slots import ArithmeticSlots
from sendrail.storage.postgres import store as shared
from sendrail.storage.postgres.distributed import LaneByLane
from sendrail.storage.postgres.outbox import ADD
from sendrail.storage.postgres.store import PostgresStore
from sendrail.storage.sqlite.store import SqliteStore

# Longer than any call takes: then a test fails and does not hang.
_CALL_SECONDS_MAX = 100
_UPTIME = 5_000.0
_PLACEHOLDER = re.compile(r"\?")

NOW = 1_800_000_000_000


class OwnClock:
    """Both times of a `Clock`; they pass only when told to."""

    def __init__(self):
        self.passed_us = 0

    def now(self):
        return NOW + self.passed_us // 1000

    def monotonic(self):
        return _UPTIME + self.passed_us / 1e6

    def advance(self, seconds):
        # Up, never down: the loop must not find itself a hair before its own timer.
        self.passed_us += -int(-seconds * 1e6 // 1)


class Calls:
    """A database's calls: one at a time, in the order they are asked for."""

    def __init__(self):
        self.under_way = 0
        self._turn = asyncio.Lock()
        self._resting = False

    @asynccontextmanager
    async def one(self):
        async with self._turn:
            self.under_way += 1
            try:
                yield
            finally:
                self.under_way -= 1

    async def rest(self):
        """Wait for the calls asked for so far, and let no other begin."""
        await self._turn.acquire()
        self._resting = True

    def go_on(self):
        if self._resting:
            self._resting = False
            self._turn.release()


class _Jump(selectors.DefaultSelector):
    """Where the loop would sleep, time passes instead; but a call under way is waited for."""

    def __init__(self, clock, calls):
        super().__init__()
        self._clock = clock
        self._calls = calls

    def select(self, timeout=None):
        if self._calls.under_way:
            # An answer is heard only when nothing else is left to do, however soon it comes.
            if timeout == 0:
                return []
            if heard := super().select(_CALL_SECONDS_MAX):
                return heard
            raise RuntimeError("the database does not answer")
        if timeout is None:
            raise RuntimeError("nothing is left that could ever happen")
        if timeout > 0:
            self._clock.advance(timeout)
        return super().select(0)


class OwnLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a clock of ours."""

    def __init__(self, clock, calls):
        super().__init__(_Jump(clock, calls))
        self.time = clock.monotonic


def in_own_time(work):
    """Run a coroutine on a clock of ours: its sleeps take no time, and come in their order."""
    with asyncio.Runner(loop_factory=lambda: OwnLoop(OwnClock(), Calls())) as runner:
        return runner.run(work)


class _Troubled:
    """What a test may do to a store: trouble its transactions, hold them up, kill its process."""

    def __init__(self, ground, *address):
        super().__init__(*address)
        self.ground = ground
        self.dead = False
        # What every transaction fails with, at its very beginning or when it should be committed.
        self.trouble = None
        self.trouble_is_late = False
        # What every transaction fails with when it is committed, and nobody knows.
        self.doubt = None
        # What every read fails with.
        self.read_trouble = None
        # Called before each commit.
        self.before_commit = lambda: None


class OwnStore(_Troubled, SqliteStore):
    """The embedded store; reads run in line, so that nothing depends on a thread's moods."""

    def __init__(self, ground):
        super().__init__(ground, ground.path, Pseudonyms(b"a test"))
        # The fsync is tested by pulling plugs; here it would only cost time.
        self._raw.execute("PRAGMA synchronous = OFF")

    async def read(self, work, *, begun=True):  # noqa: ARG002 - no difference here
        if self.read_trouble is not None:
            raise self.read_trouble
        return self._read(work)

    def submit(self, work, done, **how):
        if not self.dead:
            super().submit(work, done, **how)

    def sql(self, text, *values):
        """Look behind the door."""
        return self._raw.execute(text, values).fetchall()

    def sql_many(self, text, rows):
        self._raw.executemany(text, rows)

    def trace(self, heard):
        """Let somebody hear each statement until what is returned is called."""
        self._raw.set_trace_callback(heard)
        return lambda: self._raw.set_trace_callback(None)

    def tell(self, endpoint_id, numbers, now):
        """Put events of messages that ended into the outbox."""
        self.sql_many(
            "INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)"
            " VALUES (?, 'delivery', ?, ?, ?, FALSE, 0, 0)",
            [(endpoint_id, number, now, now) for number in numbers],
        )

    def _commit(self):
        self.before_commit()
        super()._commit()

    def _run(self, group):
        if self.trouble is None:
            outcomes = super()._run(group)
            if self.doubt is not None:
                raise self.doubt
            return outcomes
        if self.trouble_is_late:
            self._raw.execute("BEGIN IMMEDIATE")
            for work, _ in group:
                self._run_one(work)
        raise self.trouble

    def die(self):
        """End as a killed process does: what is not committed is gone."""
        self.dead, self._group = True, []
        self.close_now()


class OwnSharedStore(_Troubled, PostgresStore):
    """The shared store, one call at a time."""

    def __init__(self, ground):
        super().__init__(ground, ground.url, Pseudonyms(b"a test"))
        self._calls = ground.calls
        self._sessions = [*self._writers, *self._readers]
        # Whether anybody may have written since it was last asked, and what was written till then.
        self._is_touched, self._written = False, None

    def changed_elsewhere(self):
        """Return whether anything was written; where nothing follows, it may have been."""
        if not self.hints.is_watched:
            return True
        if not self._is_touched:
            return False
        self._is_touched = False
        # Who only reads is given no number.
        [(number,)] = self.ground.line.do("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        before, self._written = self._written, number
        return before != number

    def changed_here(self):
        """Return False: whoever wrote, it counts as written elsewhere."""
        return False

    def sql(self, text, *values):
        """Look behind the door."""
        self._is_touched = True
        return [tuple(row) for row in self.ground.line.do(_dollars(text), *values)]

    def sql_many(self, text, rows):
        self._is_touched = True
        self.ground.line.do_many(_dollars(text), rows)

    def trace(self, heard):
        """Let somebody hear each statement until what is returned is called."""
        [session] = self._writers
        raw = session.tx.driver.raw

        def logger(query):
            heard(query.query)

        raw.add_query_logger(logger)
        return lambda: raw.remove_query_logger(logger)

    def tell(self, endpoint_id, numbers, now):
        """Put events of messages that ended into the outbox."""
        self._is_touched = True
        events = [[lane_of(endpoint_id)], [endpoint_id], ["delivery"], numbers, [now], [now]]
        events += [[False], [0], [0]]
        count = len(numbers)
        self.ground.line.do(ADD.text, *(each * (count // len(each)) for each in events))

    async def maintain(self, now, *, messages_before, seen_before):
        """Leave the weeks alone: tests with other times share the database."""

    async def read(self, work, *, begun=True):
        async with self._calls.one():
            if self.read_trouble is not None:
                raise self.read_trouble
            try:
                return await super().read(work, begun=begun)
            finally:
                if self.dead:
                    # It was connecting when it was killed.
                    self._drop()

    def submit(self, work, done, **how):
        if not self.dead:
            super().submit(work, done, **how)

    async def _commit(self, writer, group):
        async with self._calls.one():
            if not self.dead:
                self._is_touched = True
                self.before_commit()
                told = [replace(each, done=partial(self._tell, each.done)) for each in group]
                await super()._commit(writer, told)

    def _tell(self, done, result, error):
        if not self.dead:
            done(result, error)

    async def _run(self, writer, group):
        if self.trouble is None:
            outcomes = await super()._run(writer, group)
            if self.doubt is not None:
                raise self.doubt
            return outcomes
        if self.trouble_is_late:
            await greenlet_spawn(self._run_and_undo, writer, group)
        raise self.trouble

    @staticmethod
    def _run_and_undo(writer, group):
        tx = writer.begin("BEGIN")
        for each in group:
            shared._run_one(writer, tx, each.work)
        writer.roll_back()

    async def close(self):
        self._calls.under_way += 1
        try:
            await super().close()
        finally:
            self._calls.under_way -= 1

    def die(self):
        """End as a killed process does: what is not committed is gone."""
        self.dead, self._closed, self._group = True, True, []
        # Nobody is left to ask whether the database is there.
        self._availability.lose = lambda: None
        self._drop()

    def _drop(self):
        for session in self._sessions:
            session.drop()


class SqliteGround:
    """A file of its own."""

    watch_moves = (
        "CREATE TABLE moves (id INTEGER PRIMARY KEY, number, before, after)",
        """
        CREATE TRIGGER move AFTER UPDATE OF status ON messages WHEN old.status <> new.status BEGIN
            INSERT INTO moves (number, before, after) VALUES (new.number, old.status, new.status);
        END
        """,
    )

    def __init__(self, folder, which):
        self.path = folder / f"road-{which}.db"
        self.path.write_bytes(stores.empty_file())
        self.calls = Calls()

    def forget(self):
        self.path.unlink()

    def open(self):
        return OwnStore(self)

    def open_acceptor(self, ids, window_ms):
        return LocalAcceptor(ids, DuplicateWindow(window_ms))

    def open_slots(self):
        """The slots of links, as a process knows them that has just started."""
        return ArithmeticSlots()

    def number(self, n):
        """The number of the n-th message of lane 0; here they count through all lanes."""
        return n

    def image(self):
        """Everything that is stored, as it lies on the disk."""
        return b"".join(path.read_bytes() for path in self.path.parent.glob(self.path.name + "*"))


class PostgresGround:
    """A database that is emptied for each road; several roads of a test have several."""

    watch_moves = (
        "DROP TABLE IF EXISTS moves",
        "CREATE TABLE moves (id bigserial, number bigint, before text, after text)",
        """
        CREATE OR REPLACE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO moves (number, before, after) VALUES (new.number, old.status, new.status);
            RETURN NULL;
        END $$
        """,
        """
        CREATE OR REPLACE TRIGGER move AFTER UPDATE OF status ON messages FOR EACH ROW
        WHEN (old.status <> new.status) EXECUTE FUNCTION move()
        """,
    )

    def __init__(self, folder, which):  # noqa: ARG002 - it has its place elsewhere
        self.url = stores.postgres_database(which)
        self.line = postgres.line(self.url)
        self.line.do("DROP TRIGGER IF EXISTS move ON messages")
        self.line.do(stores._EMPTY)
        self.calls = Calls()

    def forget(self):
        """The next one empties it."""

    def open(self):
        return OwnSharedStore(self)

    def open_acceptor(self, ids, window_ms):
        return ClusterAcceptor(
            ids, self.open_slots(), window_ms=window_ms, fingerprint_key=bytes(16)
        )

    def open_slots(self):
        """The slots of links, as a process knows them that has just started."""
        return RangeSlots()

    def number(self, n):
        """The number of the n-th message of lane 0; here they count lane by lane."""
        return n * LANES

    def image(self):
        """Everything that is stored, as a copy in binary form has it."""
        tables = self.line.do("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace ="
                              " 'public'::regnamespace")  # fmt: skip
        return b"".join(self.line.copy(name) for (name,) in tables)


def _dollars(text):
    found = itertools.count(1)
    return _PLACEHOLDER.sub(lambda _: f"${next(found)}", text)


class LaneByLaneStore(OwnSharedStore):
    """Speaks with one server as with many."""

    driver_of = staticmethod(LaneByLane)


class LanesGround(PostgresGround):
    """The statements for tables that are spread, on a server that spreads none."""

    def open(self):
        store = LaneByLaneStore(self)
        event.listen(store.engine, "before_cursor_execute", spread_rules.look_at)
        return store


GROUNDS = {"sqlite": SqliteGround, "postgres": PostgresGround}
# For a test that is about the embedded store's own ways; its reason stands beside it.
embedded_only = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
shared_only = pytest.mark.parametrize("ground", ["postgres"], indirect=True)
