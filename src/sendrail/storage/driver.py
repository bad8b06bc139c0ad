"""What a set of statements runs on: one connection to a database, for plain functions.

A set is one class for every database. What differs between them is the text of its statements, of
which each database has its own under the same names, and how many values reach the database at
once, which is for the driver to know.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from sendrail.storage.templates import Statement

Row = Sequence[Any]
Rows = Sequence[Row]


class Driver(Protocol):
    """One connection; good only inside a transaction's function."""

    def begin(self) -> None:
        """Make all that follows durable together, where that is not so already."""
        ...

    def lock(self, *names: str) -> None:
        """Wait for every other transaction that holds one of these names; hold them until our end.

        They are taken in their order: the same for all who take several.
        """
        ...

    def rows(self, statement: Statement, *values: Any) -> Rows:
        """Return every row that a query finds."""
        ...

    def stream(self, statement: Statement, *values: Any) -> Iterator[Row]:
        """Yield every row that a query finds, read one by one where the database can."""
        ...

    def row(self, statement: Statement, *values: Any) -> Row | None:
        """Return the first row that a statement returns, or None."""
        ...

    def rows_by_id(self, statement: Statement, ids: Iterable[int], *values: Any) -> Rows:
        """Return every row that a query finds for one of these ids of messages, events or so.

        The ids are one value on SQLite, and two columns on PostgreSQL: their lanes, and they.
        """
        ...

    def rows_of_batch(self, statement: Statement, batch: Sequence[Row], *values: Any) -> Rows:
        """Return every row that a query finds for the rows of a batch, and some values besides.

        On SQLite the query runs for each row, whose values come before the others.
        """
        ...

    def rows_by_key(self, statement: Statement, keys: Sequence[Row]) -> Rows:
        """Return every row that a query finds for one of these keys, each of some columns."""
        ...

    def run(self, statement: Statement, *values: Any) -> int:
        """Run a statement that writes; return how many rows it wrote."""
        ...

    def returning(self, statement: Statement, *values: Any) -> Rows:
        """Run a statement that writes; return the rows that it returns."""
        ...

    def each(self, statement: Statement, rows: Sequence[Row]) -> int:
        """Run a statement for each of these rows, whose first column is their lane, if any.

        Returns how many rows it wrote in all.
        """
        ...

    def each_value(self, statement: Statement, values: Sequence[Any], *others: Any) -> int:
        """Run a statement for each of these numbers or texts, with some values that they share.

        On SQLite the statement reads them from its first value, a JSON array: that takes a third of
        a run for each. Returns how many rows it wrote in all.
        """
        ...

    def lane_of_ref(self, connector_id: int, carrier_ref: str) -> int:
        """Return the lane of a carrier's reference, 0 where references have none."""
        ...

    def array(self, values: Iterable[Any]) -> Any:
        """Return many numbers or texts as one value of a statement."""
        ...
