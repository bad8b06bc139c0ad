"""The shared store: PostgreSQL behind the same door as the embedded one.

A transaction's function runs in a greenlet on the event loop, on a connection of its own: while the
database works, the loop goes on. What is submitted while one transaction runs is the next one, so
that a busy process commits its work in groups, as the embedded store does. Each stage of a process
may have a group of its own beside the others (`beside`): a row that delivery waits for must not
hold up a request.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.util import await_only, greenlet_spawn

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.errors import Contended
from sendrail.storage.groups import Done, Outcome, hand_out, result_of
from sendrail.storage.interface import Hints
from sendrail.storage.postgres import distributed
from sendrail.storage.postgres.availability import DRIVER_ERRORS, Availability, engine_for
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.errors import (
    READ_SECONDS_MAX,
    is_lost,
    is_read_only,
    translated,
)
from sendrail.storage.postgres.notify import ClusterHints
from sendrail.storage.postgres.partition_maintenance import PartitionMaintenance
from sendrail.storage.postgres.transaction import PostgresTx

T = TypeVar("T")
Work = Callable[["PostgresTx"], Any]

# While requests come, a piece of a stage's work takes so many times fewer rows.
_PORTION_DIVISOR: Final = 4
_READERS: Final = 3

# To connect comes before, and may take a while.
_CONNECT_SECONDS: Final = 3.0
_WRITE_SECONDS_MAX: Final = 6.0
_ALWAYS: Final = (
    "SET application_name = 'sendrail'",
    "SET jit = off",
    # A transaction that waits longer for a row, or idles, has lost its process and must end.
    "SET lock_timeout = '4s'",
    "SET idle_in_transaction_session_timeout = '30s'",
)
# Rows come by key, a few of many: whatever the statistics say, or before there are any.
_BY_KEY: Final = (
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET enable_seqscan = off",
    # It reads all that match before the first is known, however few are wanted.
    "SET enable_bitmapscan = off",
    # No other plan is to be found for other values: to look for one takes longer than the work.
    "SET plan_cache_mode = force_generic_plan",
)
# A number of our own: one process at a time sets an installation up.
# For that one a process waits longer than for a row: the others may upgrade the schema, and of many
# that start at once on a slow database each takes a while.
WAIT_FOR_OTHERS: Final = "SET LOCAL lock_timeout = '10min'"
LOCK_ALONE: Final = f"SELECT pg_advisory_xact_lock({0x53656E6472})"
# What only reads, with a transaction and without.
_ONLY_READING: Final = (
    f"SET statement_timeout = '{READ_SECONDS_MAX}s'",
    "SET default_transaction_read_only = on",
)
_BEGIN_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CONTENDED_TRIES: Final = 5
_CONTENDED_SECONDS: Final = 0.02


class _Session:
    """One connection, made when it is needed and made anew after it was lost.

    Its methods are plain functions that run in a greenlet.
    """

    def __init__(
        self,
        engine: Engine,
        driver_of: Callable[[Any], PostgresDriver],
        pseudonyms: Pseudonyms,
        hints: Hints,
        *,
        always: Sequence[str],
        planning: Sequence[str],
    ) -> None:
        self._engine = engine
        self._driver_of = driver_of
        self._pseudonyms = pseudonyms
        self._hints = hints
        # How statements are planned on one server. Where tables are spread, the values decide
        # which shard is meant, and no setting of ours reaches the server that has it.
        self._planning = planning
        # How it is set up wherever tables are.
        self._always = always
        self._core: Connection | None = None
        self.tx: PostgresTx

    def open(self) -> PostgresTx:
        """Return the connection without a transaction; one that was closed is made anew."""
        if self._core is not None and self.tx.driver.raw.is_closed():
            self.drop()
        if self._core is None:
            core = self._engine.connect()
            raw: Any = core.connection.driver_connection
            try:
                tx = PostgresTx(core, self._driver_of(raw), self._pseudonyms, self._hints)
                planning = () if tx.driver.is_spread else self._planning
                await_only(raw.execute("; ".join((*self._always, *planning))))
            except BaseException:
                # Half a session must not be kept, also when it is given up for its silence.
                _give_up(core, raw)
                raise
            self._core, self.tx = core, tx
        return self.tx

    def begin(self, *statement: str) -> PostgresTx:
        """Begin a transaction; a connection that was lost unnoticed is made anew, once."""
        if self._core is not None:
            try:
                self.tx.driver.begin(*statement)
            except DRIVER_ERRORS:
                self.drop()
            else:
                return self.tx
        self.open().driver.begin(*statement)
        return self.tx

    def run(self, statement: str) -> None:
        """Run a statement that has no values."""
        await_only(self.tx.driver.raw.execute(statement))

    def commit(self) -> None:
        """Make durable what was done since the transaction began, if any did."""
        if self.tx.driver.is_begun:
            self.tx.driver.commit()

    def roll_back(self) -> None:
        """Undo the transaction, if any; a connection that cannot even do that is given up."""
        try:
            if self._core is not None and self.tx.driver.is_begun:
                self.tx.driver.roll_back()
        except Exception:  # noqa: BLE001 - whatever it is, the connection is of no more use
            self.drop()

    def drop(self) -> None:
        """Give the connection up without a word: the other side may not be there."""
        if self._core is not None:
            core, self._core = self._core, None
            _give_up(core, self.tx.driver.raw)

    def close(self) -> None:
        """Let go of the connection."""
        if self._core is not None:
            self._core.close()
            self._core = None


def _give_up(core: Connection, raw: Any) -> None:
    raw.terminate()
    core.invalidate()


class PostgresStore:
    """A PostgreSQL database, shared with other processes."""

    # What speaks with the database by a connection that was just made.
    driver_of = staticmethod(distributed.driver_of)
    # How the database is reached, and what is done where it is silent.
    engine_of = staticmethod(engine_for)
    availability_of = Availability

    def __init__(
        self,
        url: str,
        pseudonyms: Pseudonyms | None = None,
        *,
        on_commit: Callable[[int, float], None] | None = None,
        writers: int = 1,
        parent: "PostgresStore | None" = None,
    ) -> None:
        """Prepare a store; the first transaction connects.

        `on_commit` gets each group's size and seconds. With more than one of `writers` a group
        need not wait for the one before, and may overtake it.
        """
        self._url = url
        self._parent = parent
        self._pseudonyms = pseudonyms or Pseudonyms()
        self._on_commit = on_commit
        self.engine: Engine = parent.engine if parent else self.engine_of(url)
        self.hints: ClusterHints = parent.hints if parent else ClusterHints()
        self._telling: asyncio.Task[None] | None = None
        self._group: list[_Submitted] = []
        self._committing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._writers = [self._session(_BY_KEY) for _ in range(writers)]
        self._readers = [self._session(always=_ONLY_READING) for _ in range(_READERS)]
        self._free = asyncio.Semaphore(_READERS)
        self._others: list[PostgresStore] = []
        self._maintenance = PartitionMaintenance(self.engine)
        self._availability: Availability = (
            parent._availability if parent else self.availability_of(url)  # noqa: SLF001 - one of us
        )

    def _session(self, planning: Sequence[str] = (), always: Sequence[str] = ()) -> _Session:
        return _Session(
            self.engine,
            self.driver_of,
            self._pseudonyms,
            self.hints,
            always=(*_ALWAYS, *always),
            planning=planning,
        )

    def beside(self, writers: int = 1) -> "PostgresStore":
        """Return the same store with groups of its own; it is closed with this one."""
        other = type(self)(
            self._url, self._pseudonyms, on_commit=self._on_commit, writers=writers, parent=self
        )
        self._others.append(other)
        return other

    def portion(self, most: int) -> int:
        """Return how many rows of `most` to take: they are handled on the loop that answers."""
        requests = self._parent
        is_pressed = requests is not None and (requests._group or requests._committing)  # noqa: SLF001 - one of us
        return max(1, most // _PORTION_DIVISOR) if is_pressed else most

    def start_news(self) -> None:
        """Share hints with the other processes until the store is closed."""
        self._telling = asyncio.get_running_loop().create_task(self.hints.run(self.engine))

    # Writing

    def submit(
        self,
        work: Work,
        done: Done,
        *,
        begun: bool = True,
        synced: bool = True,  # noqa: ARG002
    ) -> None:
        """Run `work` in the next group commit; `synced` makes no difference here."""
        assert not self._closed, "the store is open while anything is submitted"
        self._group.append(_Submitted(work, done, begun))
        self._commit_soon()

    async def write(self, work: Callable[[PostgresTx], T]) -> T:
        """Run `work` in a transaction; one that conflicts with another is tried again."""
        for tries_left in reversed(range(_CONTENDED_TRIES)):
            try:
                return await result_of(self.submit, work)
            except Contended:
                if not tries_left:
                    raise
                await asyncio.sleep(_CONTENDED_SECONDS * random.random())  # noqa: S311 - no secret
        raise AssertionError("the last try returns or raises")

    def _commit_soon(self) -> None:
        if self._writers:
            writer = self._writers.pop()
            task = asyncio.get_running_loop().create_task(self._commit_all(writer))
            self._committing.add(task)
            task.add_done_callback(self._committing.discard)

    async def _commit_all(self, writer: _Session) -> None:
        # One turn of the loop, so that what comes together is one transaction.
        await asyncio.sleep(0)
        try:
            while self._group:
                group, self._group = self._group, []
                await self._commit(writer, group)
        finally:
            self._writers.append(writer)

    async def _commit(self, writer: _Session, group: Sequence["_Submitted"]) -> None:
        began = time.perf_counter()
        try:
            outcomes = await self._run(writer, group)
        except Exception as broken:  # noqa: BLE001 - every caller of the group gets it
            outcomes = [(None, translated(broken))] * len(group)
        if self._on_commit is not None:
            self._on_commit(len(group), time.perf_counter() - began)
        hand_out(zip((each.done for each in group), outcomes, strict=True))

    async def _run(self, writer: _Session, group: Sequence["_Submitted"]) -> list[Outcome]:
        try:
            async with self._availability.watched(_WRITE_SECONDS_MAX):
                return await greenlet_spawn(_transact, writer, group)
        except Exception as error:
            if is_lost(error) or is_read_only(error):
                # Transactions that come now need not wait to learn that.
                self._availability.lose()
            raise

    # Reading

    async def read(self, work: Callable[[PostgresTx], T], *, begun: bool = True) -> T:
        async with self._free:
            session = self._readers.pop()
            try:
                async with self._availability.watched(READ_SECONDS_MAX + _CONNECT_SECONDS):
                    return cast("T", await greenlet_spawn(_read, session, work, begun))
            except Exception as error:
                if is_lost(error):
                    self._availability.lose()
                known = translated(error)
                if known is error:
                    raise
                raise known from error
            finally:
                self._readers.append(session)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold off other processes by a lock that lasts as long as a transaction of its own."""
        session = self._session()
        try:
            await greenlet_spawn(_lock, session)
            yield
        finally:
            await greenlet_spawn(session.roll_back)
            await greenlet_spawn(session.close)

    async def maintain(self, now: int, *, messages_before: int | None, seen_before: int) -> None:
        try:
            await self._maintenance.maintain(
                now, messages_before=messages_before, seen_before=seen_before
            )
        except Exception as error:
            known = translated(error)
            if known is error:
                raise
            raise known from error

    def changed_elsewhere(self) -> bool:
        """Return True: another process may always have written."""
        return True

    def changed_here(self) -> bool:
        """Return True: it is not counted here."""
        return True

    async def close(self) -> None:
        if self._closed:
            return
        for other in self._others:
            await other.close()
        while self._committing:
            await asyncio.wait(self._committing)
        self._closed = True
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._availability.close()
        for session in (*self._readers, *self._writers):
            await greenlet_spawn(session.close)


@dataclass(frozen=True, slots=True)
class _Submitted:
    work: Work
    done: Done
    begun: bool


def _transact(session: _Session, group: Sequence["_Submitted"]) -> list[Outcome]:
    try:
        is_begun = len(group) > 1 or group[0].begun
        tx = session.begin() if is_begun else session.open()
        if not is_begun:
            tx.driver.expect_one_write()
        if len(group) == 1:
            outcomes: list[Outcome] = [(group[0].work(tx), None)]
        else:
            outcomes = [_run_one(session, tx, each.work) for each in group]
        session.commit()
    except asyncio.CancelledError:
        session.drop()
        raise
    except Exception as error:
        if is_read_only(error):
            session.drop()
        else:
            session.roll_back()
        raise
    return outcomes


def _run_one(session: _Session, tx: PostgresTx, work: Work) -> Outcome:
    # A savepoint each: one caller's trouble must not undo its neighbours' work.
    session.run("SAVEPOINT work")
    try:
        result = work(tx)
    except Exception as error:
        if is_lost(error) or is_read_only(error):
            raise
        session.run("ROLLBACK TO SAVEPOINT work")
        return None, translated(error)
    session.run("RELEASE SAVEPOINT work")
    return result, None


def _lock(session: _Session) -> None:
    try:
        session.begin()
        session.run(WAIT_FOR_OTHERS)
        session.run(LOCK_ALONE)
    except DRIVER_ERRORS as error:
        raise translated(error) from error


def _read(session: _Session, work: Callable[[PostgresTx], T], begun: bool) -> T:
    if not begun:
        try:
            return work(session.open())
        except asyncio.CancelledError:
            session.drop()
            raise
        except Exception as error:
            if not is_lost(error):
                raise
            # As where a transaction begins: it may have been lost long before, unnoticed.
            session.drop()
    try:
        return work(session.begin(_BEGIN_READ))
    finally:
        session.roll_back()
