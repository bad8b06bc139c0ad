"""SQLite's connection as a driver: rows go one by one, and ids as one JSON array."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from sendrail.storage.driver import Row, Rows
from sendrail.storage.templates import Statement

_json: Final = msgspec.json.Encoder().encode


class SqliteDriver:
    """One connection; see `driver.Driver`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute: Any = connection.execute
        self._executemany: Any = connection.executemany

    def begin(self) -> None:
        """Do nothing: whatever runs is begun."""

    def lock(self, *names: str) -> None:
        """Do nothing: there is one writer."""

    def rows(self, statement: Statement, *values: Any) -> Rows:
        found: Rows = self._execute(statement, values).fetchall()
        return found

    def stream(self, statement: Statement, *values: Any) -> Iterator[Row]:
        yield from self._execute(statement, values)

    def row(self, statement: Statement, *values: Any) -> Row | None:
        found: Row | None = self._execute(statement, values).fetchone()
        return found

    def rows_by_id(self, statement: Statement, ids: Iterable[int], *values: Any) -> Rows:
        found: Rows = self._execute(statement, (self.array(ids), *values)).fetchall()
        return found

    def rows_of_batch(self, statement: Statement, batch: Sequence[Row], *values: Any) -> Rows:
        return [row for each in batch for row in self._execute(statement, (*each, *values))]

    def rows_by_key(self, statement: Statement, keys: Sequence[Row]) -> Rows:
        return [row for key in keys for row in self._execute(statement, key)]

    def run(self, statement: Statement, *values: Any) -> int:
        return int(self._execute(statement, values).rowcount)

    def returning(self, statement: Statement, *values: Any) -> Rows:
        return self.rows(statement, *values)

    def each(self, statement: Statement, rows: Sequence[Row]) -> int:
        return int(self._executemany(statement, rows).rowcount) if rows else 0

    def each_value(self, statement: Statement, values: Sequence[Any], *others: Any) -> int:
        return self.run(statement, self.array(values), *others) if values else 0

    def lane_of_ref(self, connector_id: int, carrier_ref: str) -> int:  # noqa: ARG002
        return 0

    def array(self, values: Iterable[Any]) -> str:
        return _json(list(values)).decode()
