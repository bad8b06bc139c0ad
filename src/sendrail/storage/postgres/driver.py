"""The driver's connection, for plain functions: they wait for its answers without awaiting.

A transaction's function runs in a greenlet of its own, as SQLAlchemy's do; while the database
works, the event loop goes on. So nothing runs in threads, and the function stays plain.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from sqlalchemy.util import await_only

Rows = Sequence[Sequence[Any]]

# How the driver reports what a statement did: `INSERT 0 12`, `UPDATE 3`.
_COUNTED: Final = ("INSERT", "UPDATE", "DELETE")


class Driver:
    """One connection; good only inside a transaction's function."""

    # Whether the database spreads its tables over several servers.
    is_spread: ClassVar[bool] = False

    def __init__(self, connection: Any) -> None:
        self.raw = connection
        # Whether a transaction is open; without one, each statement is durable by itself.
        self.is_begun = False

    def begin(self, statement: str = "BEGIN") -> None:
        """Begin a transaction, unless one is open."""
        if not self.is_begun:
            await_only(self.raw.execute(statement))
            self.is_begun = True

    def end(self, statement: str) -> None:
        """End the transaction that is open."""
        await_only(self.raw.execute(statement))
        self.is_begun = False

    def rows(self, statement: str, *values: Any) -> Rows:
        """Return every row of the statement's answer."""
        found: Rows = await_only(self.raw.fetch(statement, *values))
        return found

    def row(self, statement: str, *values: Any) -> Sequence[Any] | None:
        """Return the first row of the statement's answer, or None."""
        found: Sequence[Any] | None = await_only(self.raw.fetchrow(statement, *values))
        return found

    def run(self, statement: str, *values: Any) -> int:
        """Run a statement; return how many rows it wrote."""
        word, _, count = await_only(self.raw.execute(statement, *values)).partition(" ")
        return int(count.rpartition(" ")[2]) if word in _COUNTED else 0


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into columns: the driver binds one array for each."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * width
