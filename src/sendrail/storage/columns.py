"""What tables are made of, whichever room they are for."""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, MetaData, Text, cast
from sqlalchemy.types import UserDefinedType

metadata: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "uq": "%(table_name)s_one_%(column_0_N_name)s",
        "fk": "%(table_name)s_to_%(referred_table_name)s",
        "pk": "%(table_name)s_key",
    }
)
# SQLite makes a row number of `INTEGER PRIMARY KEY` only.
RowId: Final = BigInteger().with_variant(Integer(), "sqlite")


class _Jsonb(UserDefinedType[str]):
    """PostgreSQL's `jsonb`, which is text to the program: written as text and read as text.

    Its own type in SQLAlchemy would bring PostgreSQL's driver along, and make objects of it.
    """

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_options: Any) -> str:
        return "JSONB"

    def column_expression(self, colexpr: ColumnElement[str]) -> ColumnElement[str]:
        return cast(colexpr, Text)


# An object in JSON that statements look into.
JsonText: Final = Text().with_variant(_Jsonb(), "postgresql")


def row_id() -> Column[int]:
    """Return the column of a key that the database counts up.

    SQLite gives the number of the newest row, once it is deleted, to the next one. A table whose
    rows are deleted while callers know their numbers has `sqlite_autoincrement`, so that no number
    comes again; in PostgreSQL none does.
    """
    return Column("id", RowId, primary_key=True, autoincrement=True)


def key(name: str, kind: Any, *more: Any) -> Column[Any]:
    """Return a column of a key that is given, and not counted up."""
    return Column(name, kind, *more, primary_key=True, autoincrement=False)


def needed(name: str, kind: Any, *more: Any, **options: Any) -> Column[Any]:
    """Return a column that always has a value."""
    return Column(name, kind, *more, nullable=False, **options)
