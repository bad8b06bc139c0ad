"""Many rows that are changed or added by one statement of SQLAlchemy.

One server takes a statement for each row as fast as they come. Where tables are distributed over
several servers (Citus), each statement is planned and sent anew, and a change of what all servers
have goes to all of them: ten milliseconds a row. There all rows go as one statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Connection, Update, bindparam, column, func
from sqlalchemy.types import TypeEngine

_SPREAD: Final = "is_spread"


def note_spread(connection: Connection) -> None:
    """Note that a connection speaks with several servers that have the tables together."""
    connection.execution_options(**{_SPREAD: True})


def is_spread(connection: Connection) -> bool:
    """Return whether a connection speaks with several servers that have the tables together."""
    return bool(connection.get_execution_options().get(_SPREAD))


class RowBatch:
    """The values of many rows for a change: `batch["name"]` stands in it for the value of a row."""

    def __init__(
        self,
        connection: Connection,
        types: Mapping[str, TypeEngine[Any]],
        rows: Sequence[Mapping[str, Any]],
    ) -> None:
        """Take the types of the values by their names: the first is what tells the rows apart."""
        self._execute = connection.execute
        self._is_spread = is_spread(connection)
        self._types = types
        self._key = next(iter(types))
        self._rows = rows
        self._batch = _batch(types)

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        if self._is_spread:
            found: ColumnElement[Any] = self._batch.c[name]
            return found
        return bindparam(name, type_=self._types[name])

    def run(self, change: Update) -> None:
        """Change all rows, those of one key in their order; without rows nothing is done."""
        if not self._rows:
            return
        if not self._is_spread:
            self._execute(change, self._rows)
            return
        for some in _apart(self._rows, self._key):
            values = {_all(name): [row[name] for row in some] for name in self._types}
            self._execute(change, values)


def insert_each(connection: Connection, insert: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of the table of an insert, each with the same columns."""
    if not rows:
        return
    if is_spread(connection):
        # Rows that return something are sent as many in one statement.
        insert = insert.returning(*insert.table.primary_key)
    connection.execute(insert, rows)


def _all(name: str) -> str:
    return f"all_{name}"


def _batch(types: Mapping[str, TypeEngine[Any]]) -> Any:
    arrays = (bindparam(_all(name), type_=ARRAY(kind)) for name, kind in types.items())
    columns = (column(name, kind) for name, kind in types.items())
    return func.unnest(*arrays).table_valued(*columns, name="batch").render_derived()


def _apart(rows: Sequence[Mapping[str, Any]], key: str) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Cut rows so that no part has a key twice: a statement changes a row once."""
    while rows:
        part: dict[Any, Mapping[str, Any]] = {}
        later = [row for row in rows if part.setdefault(row[key], row) is not row]
        yield list(part.values())
        rows = later
