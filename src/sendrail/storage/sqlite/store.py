"""The embedded store: SQLite inside the process, one writer, group commit without a timer.

What is submitted during one turn of the event loop is one transaction, committed inline on the
loop: a batch of some fifty orders forms by itself while the last commit runs, and a writer thread
would fight for the interpreter lock at each row. Reads run beside it in threads, each on a
connection of its own. Checkpoints run in a thread of their own too, so that no request's commit
ever waits for one, except for the last few pages of a log that has grown large under steady load.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar, cast

from sqlalchemy.exc import DBAPIError

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.errors import Overloaded, StorageFull, StorageUnavailable, Unstorable
from sendrail.storage.groups import Done, Outcome, hand_out, result_of
from sendrail.storage.interface import Hints
from sendrail.storage.sqlite.transaction import SqliteTx

T = TypeVar("T")
Work = Callable[["SqliteTx"], Any]
Submitted = tuple[Work, Done]

_READERS: Final = 2
# While requests come, a piece of a stage's work takes so many times fewer rows.
_PORTION_DIVISOR: Final = 8
# A reader that takes longer than this asks for too much; it must not hold the log open for ever.
_READ_SECONDS_MAX: Final = 10.0
_OPERATIONS_BETWEEN_LOOKS: Final = 100_000
# How long we wait for another process (the command line) to finish its short transaction.
_BUSY_MS: Final = 5_000
_CHECKPOINT_SECONDS: Final = 0.25
_CHECKPOINT_BYTES: Final = 4 * 2**20
_LOG_PAGES_MAX: Final = 2_048
# The writer keeps the pages that every commit touches; a reader's look-up needs but a few.
_WRITER_CACHE_KIB: Final = 8_192
_READER_CACHE_KIB: Final = 2_048
# What is the fault of a value and not of the database: 0 is the driver's own word, for what it
# cannot bind.
_REFUSALS: Final = frozenset(
    {
        0,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_RANGE,
    }
)


class SqliteStore:
    """A SQLite database file, opened for reading and writing."""

    # How a commit syncs the log, in SQLite's words: at once as `connect` says, or with a later one.
    _sync_level: ClassVar[str] = "FULL"
    _later_level: ClassVar[str] = "NORMAL"

    def __init__(
        self,
        path: Path,
        pseudonyms: Pseudonyms | None = None,
        *,
        on_commit: Callable[[int, float], None] | None = None,
    ) -> None:
        """Open the file; `on_commit` gets the size and seconds of each group that is synced.

        Raises `StorageUnavailable` when the file cannot be opened or written.
        """
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._pseudonyms = pseudonyms or Pseudonyms()
        self._on_commit = on_commit
        self.hints = Hints()
        try:
            self._raw = connect(path, _WRITER_CACHE_KIB, "BEGIN IMMEDIATE", "ROLLBACK")
        except sqlite3.Error as error:
            raise translated(error) from error
        self._tx = SqliteTx(self._raw, self._pseudonyms, self.hints)
        self._group: list[Submitted] = []
        # Whether anything in the group must be on the disk before its result is handed out.
        self._is_sync_due = False
        self._syncs_as = self._sync_level
        self._stages: list[deque[Submitted]] = []
        self._is_commit_scheduled = False
        # Whether the commit under way, or else the last one, has requests in it.
        self._has_requests = False
        self._closed = False
        self._readers = ThreadPoolExecutor(_READERS, "sendrail-read")
        self._reader = threading.local()
        self._reader_txs: list[SqliteTx] = []
        self._data_version = self._version()
        self._changes = self._raw.total_changes
        # Set by each commit: without one the log does not grow.
        self._log_grew = asyncio.Event()
        self._checkpoints: asyncio.Task[None] | None = None

    # Writing

    def submit(
        self,
        work: Work,
        done: Done,
        *,
        begun: bool = True,  # noqa: ARG002
        synced: bool = True,
    ) -> None:
        """Run `work` in the next group commit; `begun` makes no difference here.

        A log that a later commit syncs is synced up to there, so what is durable never lacks what
        was before it.
        """
        self._group.append((work, done))
        self._is_sync_due |= synced
        self.commit_soon()

    async def write(self, work: Callable[[SqliteTx], T]) -> T:
        """See `interface.Store`."""
        return await result_of(self.submit, work)

    def commit_soon(self) -> None:
        """Commit what waits with the next turn of the event loop."""
        assert not self._closed, "the store is open while anything is submitted"
        if not self._is_commit_scheduled:
            self._is_commit_scheduled = True
            asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        self._is_commit_scheduled = False
        group = self._take_group()
        if not group:
            # `close` was quicker.
            return
        began = time.perf_counter()
        try:
            self._set_sync_level()
            outcomes = self._run(group)
        except Exception as broken:  # noqa: BLE001 - every caller of the group gets it
            self._roll_back()
            outcomes = [(None, translated(broken))] * len(group)
        self._log_grew.set()
        if self._on_commit is not None and self._syncs_as == self._sync_level:
            self._on_commit(len(group), time.perf_counter() - began)
        # Before the next commit: who waited for this one must not wait for that one as well.
        hand_out(zip((done for _, done in group), outcomes, strict=True))
        if any(self._stages):
            self.commit_soon()

    def _take_group(self) -> list[Submitted]:
        """Return every request that waits, and one piece of each stage's work.

        So a request waits for a piece of each at most, and no number of requests stops a stage.
        """
        requests, self._group = self._group, []
        self._has_requests = bool(requests)
        pieces = [stage.popleft() for stage in self._stages if stage]
        self._is_sync_due |= bool(pieces)
        return requests + pieces

    def _set_sync_level(self) -> None:
        """Take the sync that the next commit needs, and forget that it is due."""
        level = self._sync_level if self._is_sync_due else self._later_level
        self._is_sync_due = False
        if level != self._syncs_as:
            self._raw.execute(f"PRAGMA synchronous = {level}")
            self._syncs_as = level

    def _run(self, group: list[Submitted]) -> list[Outcome]:
        execute = self._raw.execute
        execute("BEGIN IMMEDIATE")
        if len(group) == 1:
            outcomes = [self._run_alone(group[0][0])]
        else:
            outcomes = [self._run_one(work) for work, _ in group]
        if self._raw.in_transaction:
            execute("COMMIT")
        return outcomes

    def _run_alone(self, work: Work) -> Outcome:
        try:
            return work(self._tx), None
        except Exception as error:  # noqa: BLE001 - the caller that submitted the work gets it
            self._roll_back()
            return None, translated(error)

    def _run_one(self, work: Work) -> Outcome:
        # A savepoint each: one caller's trouble must not undo its neighbours' work.
        execute = self._raw.execute
        execute("SAVEPOINT work")
        try:
            result = work(self._tx)
        except Exception as error:
            if not self._raw.in_transaction:
                # The disk is full or broken, and SQLite has rolled everything back.
                raise
            execute("ROLLBACK TO work")
            execute("RELEASE work")
            return None, translated(error)
        execute("RELEASE work")
        return result, None

    def _roll_back(self) -> None:
        # A full disk makes SQLite roll back by itself.
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    # Reading

    async def read(self, work: Callable[[SqliteTx], T], *, begun: bool = True) -> T:  # noqa: ARG002
        """Run `work` on a consistent snapshot; `begun` makes no difference here."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[SqliteTx], T]) -> T:
        raw, tx = self._own_reader()
        deadline = time.monotonic() + _READ_SECONDS_MAX
        raw.set_progress_handler(lambda: time.monotonic() > deadline, _OPERATIONS_BETWEEN_LOOKS)
        try:
            raw.execute("BEGIN")
            return work(tx)
        except (sqlite3.Error, DBAPIError) as error:
            raise translated(error) from error
        finally:
            raw.set_progress_handler(None, 0)
            if raw.in_transaction:
                raw.execute("ROLLBACK")

    def _own_reader(self) -> tuple[sqlite3.Connection, SqliteTx]:
        if not hasattr(self._reader, "tx"):
            raw = connect(self._path)
            raw.execute("PRAGMA query_only = 1")
            self._reader.raw = raw
            self._reader.tx = SqliteTx(raw, self._pseudonyms, self.hints)
            self._reader_txs.append(self._reader.tx)
        return self._reader.raw, self._reader.tx

    def beside(self) -> "StageStore":
        """Return a line of its own to the one writer."""
        line: deque[Submitted] = deque()
        self._stages.append(line)
        return StageStore(self, line)

    def portion(self, most: int) -> int:
        return most

    @property
    def is_pressed(self) -> bool:
        """Whether requests wait, or were in the last commit."""
        return self._has_requests or bool(self._group)

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Do nothing: the process that serves has the folder's lock."""
        return nullcontext()

    async def maintain(self, now: int, *, messages_before: int | None, seen_before: int) -> None:
        """Do nothing: here everything is forgotten row by row."""

    def changed_elsewhere(self) -> bool:
        before, self._data_version = self._data_version, self._version()
        return before != self._data_version

    def changed_here(self) -> bool:
        before, self._changes = self._changes, self._raw.total_changes
        return before != self._changes

    def _version(self) -> int:
        return cast("int", self._raw.execute("PRAGMA data_version").fetchone()[0])

    # Checkpoints

    def start_checkpoints(self) -> None:
        """Move the log into the database beside the traffic from now on."""
        self._raw.execute("PRAGMA wal_autocheckpoint = 0")
        self._checkpoints = asyncio.get_running_loop().create_task(self._checkpoint_always())

    async def _checkpoint_always(self) -> None:
        loop = asyncio.get_running_loop()
        raw = connect(self._path)
        with closing(raw), ThreadPoolExecutor(1, "sendrail-checkpoint") as thread:
            while True:
                await self._log_grew.wait()
                self._log_grew.clear()
                await asyncio.sleep(_CHECKPOINT_SECONDS)
                if not self._log.exists() or self._log.stat().st_size < _CHECKPOINT_BYTES:
                    continue
                pages = await loop.run_in_executor(thread, _checkpoint, raw)
                if pages > _LOG_PAGES_MAX:
                    # Under steady load the log never quite empties, and only an empty one is
                    # begun anew: take the few pages written meanwhile, on the writing thread.
                    _checkpoint(self._raw)

    async def close(self) -> None:
        if self._closed:
            return
        if self._checkpoints is not None:
            self._checkpoints.cancel()
            await asyncio.gather(self._checkpoints, return_exceptions=True)
        while self._group or any(self._stages):
            # What commits may submit more, such as the next part of a long line of orders.
            self._commit()
        self.close_now()

    def close_now(self) -> None:
        """Let go of the database; for an end without an event loop."""
        self._closed = True
        self._readers.shutdown()
        for tx in (*self._reader_txs, self._tx):
            tx.close()


class StageStore:
    """The same store for a stage behind the requests; what it writes yields to theirs."""

    def __init__(self, store: SqliteStore, line: deque[Submitted]) -> None:
        self._store = store
        self._line = line
        self.hints = store.hints
        self.read = store.read
        self.beside = store.beside
        self.alone = store.alone
        self.maintain = store.maintain
        self.changed_elsewhere = store.changed_elsewhere
        self.changed_here = store.changed_here

    def submit(
        self,
        work: Work,
        done: Done,
        *,
        begun: bool = True,  # noqa: ARG002
        synced: bool = True,  # noqa: ARG002
    ) -> None:
        """Run `work` in one of the next group commits; the rest makes no difference here."""
        self._line.append((work, done))
        self._store.commit_soon()

    async def write(self, work: Callable[[SqliteTx], T]) -> T:
        """See `interface.Store`."""
        return await result_of(self.submit, work)

    def portion(self, most: int) -> int:
        return max(1, most // _PORTION_DIVISOR) if self._store.is_pressed else most

    async def close(self) -> None:
        """Do nothing: the store that it is beside closes for both."""


def connect(path: Path, cache_kib: int = _READER_CACHE_KIB, *tried: str) -> sqlite3.Connection:
    """Return a connection set up as all of ours are; durable once a commit returns.

    It is closed again where that, or one of the statements to be `tried`, fails.
    """
    raw = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        raw.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")
        # A savepoint keeps what it may have to undo in a temporary file, or else in memory.
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute(f"PRAGMA cache_size = -{cache_kib}")
        for statement in tried:
            raw.execute(statement)
    except sqlite3.Error:
        raw.close()
        raise
    return raw


def translated(error: Exception) -> Exception:
    """Return our error, with what to do about it, for one of the driver's; others as they are."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return _refusal(cause) if code in _REFUSALS else _trouble(cause, code)


def _refusal(cause: sqlite3.Error) -> Exception:
    return Unstorable(f"The database refuses a value: {cause}. Nothing was stored.")


def _trouble(cause: sqlite3.Error, code: int) -> Exception:
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("The disk is full; nothing was stored. Free some space and try again.")
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return StorageUnavailable(
            f"The database is damaged: {cause}. Nothing was stored. Keep a copy of the file for "
            "analysis, and restore a backup."
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return Overloaded(
            f"The search took over {_READ_SECONDS_MAX:.0f} s. Narrow it down, for example with "
            "created_after.",
            code="query_too_broad",
        )
    if code == sqlite3.SQLITE_READONLY:
        return StorageUnavailable(
            "The database is read-only; nothing was stored. Make the data folder and the files "
            "in it writable for the user that runs Sendrail."
        )
    return StorageUnavailable(f"The database cannot be used: {cause}. Nothing was stored.")


def _checkpoint(raw: sqlite3.Connection) -> int:
    """Copy what is possible from the log without waiting; return the pages the log holds."""
    try:
        return int(raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
    except sqlite3.Error:
        # A full disk or a busy moment: the log stays as it is, and the next round tries again.
        return 0
