"""The few places where the databases' dialects differ, and what follows from their limits."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import sqlite

T = TypeVar("T")

# SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535.
PARAMETERS_MAX: Final = 10_000


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an insert that passes over rows whose key is there already."""
    found: Insert = insert_of(connection, table).on_conflict_do_nothing()
    return found


def insert_or_replace(connection: Connection, table: Table) -> Insert:
    """Return an insert that takes the place of a row whose key is there already."""
    key = table.primary_key
    insert = insert_of(connection, table)
    values = {
        column.name: insert.excluded[column.name]
        for column in table.c
        if column.name not in key.columns
    }
    found: Insert = insert.on_conflict_do_update(index_elements=key, set_=values)
    return found


def insert_of(connection: Connection, table: Table) -> Any:
    """Return the database's own insert, which can say what becomes of a key that is there."""
    if connection.dialect.name == "postgresql":
        # Only here: it brings its driver along, which an embedded database does not need.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def count_new(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> int:
    """Insert the rows whose key is not there yet, and return how many those were."""
    if not rows:
        return 0
    # Not every driver counts what it did with many rows; what comes back is there to be counted.
    key = next(iter(table.primary_key))
    return len(connection.execute(insert_new(connection, table).returning(key), rows).all())


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a long sequence into parts that fit a statement."""
    for start in range(0, len(values), PARAMETERS_MAX):
        yield values[start : start + PARAMETERS_MAX]
