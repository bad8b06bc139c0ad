"""PostgreSQL's connection as a driver: a batch goes as one array a column.

A transaction's function runs in a greenlet of its own, as SQLAlchemy's do; while the database
works, the event loop goes on. So nothing runs in threads, and the function stays plain.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

from sqlalchemy.util import await_only

from sendrail.domain.ids import LANES, lane_in, lane_of
from sendrail.storage.driver import Row, Rows
from sendrail.storage.templates import Statement, text_of

LOCK: Final = """
    SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS names (name)
"""
# How the driver reports what a statement did: `INSERT 0 12`, `UPDATE 3`.
_COUNTED: Final = ("INSERT", "UPDATE", "DELETE")
# Over how many lanes the references of one connector are spread.
_LANES_OF_REFS: Final = 8


class PostgresDriver:
    """One connection; see `driver.Driver`."""

    # Whether the database spreads its tables over several servers.
    is_spread: ClassVar[bool] = False

    def __init__(self, connection: Any) -> None:
        self.raw = connection
        # Whether a transaction is open; without one, each statement is durable by itself.
        self.is_begun = False
        # How often work without a transaction may still write; None where it may at all times.
        self._writes_left: int | None = None
        self._before_commit: list[Callable[[], object]] = []

    def begin(self, statement: str = "BEGIN") -> None:
        """Begin a transaction, unless one is open."""
        if not self.is_begun:
            await_only(self.raw.execute(statement))
            self.is_begun = True

    def before_commit(self, work: Callable[[], object]) -> bool:
        """Run `work` once, as the last of the transaction that is open, unless it is undone.

        Returns whether the transaction did not know of it yet.
        """
        assert self.is_begun, "only a transaction that has begun commits"
        if work in self._before_commit:
            return False
        self._before_commit.append(work)
        return True

    def commit(self) -> None:
        """Make durable what was done since the transaction began."""
        last, self._before_commit = self._before_commit, []
        for work in last:
            work()
        self._end("COMMIT")

    def roll_back(self) -> None:
        """Undo what was done since the transaction began."""
        self._before_commit.clear()
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        await_only(self.raw.execute(statement))
        self.is_begun = False

    def expect_one_write(self) -> None:
        """Hold the work that follows to one write, unless it begins a transaction before."""
        self._writes_left = 1

    def lock(self, *names: str) -> None:
        if names:
            self.rows(LOCK, sorted(set(names)))

    def rows(self, statement: Statement, *values: Any) -> Rows:
        found: Rows = await_only(self.raw.fetch(text_of(statement), *values))
        return found

    def stream(self, statement: Statement, *values: Any) -> Iterator[Row]:
        return iter(self.rows(statement, *values))

    def row(self, statement: Statement, *values: Any) -> Row | None:
        found: Row | None = await_only(self.raw.fetchrow(text_of(statement), *values))
        return found

    def rows_by_id(self, statement: Statement, ids: Iterable[int], *values: Any) -> Rows:
        wanted = list(ids)
        if not wanted:
            return ()
        return self.rows(statement, [lane_in(each) for each in wanted], wanted, *values)

    def rows_of_batch(self, statement: Statement, batch: Sequence[Row], *values: Any) -> Rows:
        return self.rows(statement, *columns(batch), *values) if batch else ()

    def rows_by_key(self, statement: Statement, keys: Sequence[Row]) -> Rows:
        return self.rows_of_batch(statement, keys)

    def run(self, statement: Statement, *values: Any) -> int:
        self._note_write()
        word, _, count = await_only(self.raw.execute(text_of(statement), *values)).partition(" ")
        return int(count.rpartition(" ")[2]) if word in _COUNTED else 0

    def returning(self, statement: Statement, *values: Any) -> Rows:
        self._note_write()
        return self.rows(statement, *values)

    def each(self, statement: Statement, rows: Sequence[Row]) -> int:
        return self.run(statement, *columns(rows)) if rows else 0

    def each_value(self, statement: Statement, values: Sequence[Any], *others: Any) -> int:
        return self.each(statement, [(value, *others) for value in values])

    def each_returning(self, statement: Statement, rows: Sequence[Row]) -> Rows:
        """Run a statement for each of these rows; return the rows that it returns in all."""
        return self.returning(statement, *columns(rows)) if rows else ()

    def lane_of_ref(self, connector_id: int, carrier_ref: str) -> int:
        """Return the lane of a carrier's reference: fixed for ever, and known from a receipt.

        A connector's references have a few lanes, evenly apart: on several servers a batch of them
        goes to a few shards, and they fill no server alone.
        """
        share = zlib.crc32(carrier_ref.encode()) % _LANES_OF_REFS
        return (lane_of(connector_id) + share * (LANES // _LANES_OF_REFS)) % LANES

    def array(self, values: Iterable[Any]) -> list[Any]:
        return list(values)

    def _note_write(self) -> None:
        if not self.is_begun and self._writes_left is not None:
            assert self._writes_left, "work that writes more than once begins a transaction before"
            self._writes_left -= 1


def columns(rows: Sequence[Row]) -> list[list[Any]]:
    """Turn rows, at least one, into columns: the driver binds one array for each."""
    return [list(column) for column in zip(*rows, strict=True)]
