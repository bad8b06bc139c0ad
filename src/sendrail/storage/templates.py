"""Statements over the rows of a batch, each written once for two kinds of PostgreSQL.

On one server a batch is read as a whole, one array a column. Where tables are distributed by lane
over several servers (Citus), no planner can see from a join which shards are meant: it would ask
all of them, and lock no rows. There a statement that changes or locks rows goes to one lane after
the other, with the lane as a value; one that only reads names all its lanes beside the join; and
new rows go as `VALUES`, which the coordinator sends to their shards by itself.

Contacts are distributed by their list. What is said here of lanes holds for lists there.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# By what tables are distributed.
_DISTRIBUTED_BY: Final = ("lane", "list_id")


class OverLanes:
    """A statement over a batch whose rows each name their lane, which changes or locks rows.

    `columns` are those of the batch, each as `name type`, the lane first: `lane smallint, number
    bigint`. They are the statement's first values; others follow. In the template `{batch}` stands
    where the batch is read, as `batch`, and `{lane}` for the lane of its rows. For a table of
    contacts, `list_id bigint` is first, and `{lane}` stands for the list.
    """

    __slots__ = ("on_one_lane", "text", "width")

    def __init__(self, columns: str, template: str, *, key: str = "") -> None:
        """Take the column of the table that finds its rows, beside their lane, as `key`.

        For one lane it is compared with all of the batch, too. Otherwise the plan of a table whose
        lanes were never counted reads the whole lane, since a lane is thought to be few rows.
        """
        names, types = _parsed(columns)
        assert names[0] in _DISTRIBUTED_BY, "a batch begins with what its table is distributed by"
        # How many of the values are the batch's columns.
        self.width = len(names)
        # For one server: every value of a column is an array.
        self.text = template.format(batch=_batch(names, types, first=1), lane=f"batch.{names[0]}")
        # For one lane: the first value is that lane, and the batch is without it.
        self.on_one_lane = template.format(
            batch=_batch(names[1:], types[1:], first=2),
            lane=f"$1::{types[0]}{_any_of(key, names, types)}",
        )


class InsertRows:
    """Rows for one table, whatever their lanes; `columns` as in `OverLanes`, in any order."""

    __slots__ = ("_end", "_into", "_made", "_names", "_types", "text")

    def __init__(self, table: str, columns: str, end: str = "", *, id_of: str = "") -> None:
        """Take what follows the rows, such as `ON CONFLICT DO NOTHING`, as `end`.

        Where the database makes the ids, `id_of` is the expression, with `{lane}` for the first
        column's value.
        """
        names, types = _parsed(columns)
        into = [*names, "id"] if id_of else names
        self._into = f"INSERT INTO {table} ({', '.join(into)})"
        self._types = types
        self._end = end
        self._made = f", {id_of}" if id_of else ""
        self._names = names
        # For one server: every value is an array.
        self.text = self.of_arrays(1)

    @property
    def width(self) -> int:
        """How many values a row has."""
        return len(self._types)

    def of_arrays(self, first: int) -> str:
        """Return the text for one server whose arrays are the statement's values from `first`."""
        made = self._made.format(lane=f"batch.{self._names[0]}")
        batch = _batch(self._names, self._types, first=first)
        return f"{self._into} SELECT batch.*{made} FROM {batch} {self._end}"  # noqa: S608 - our own names

    @lru_cache(maxsize=256)  # noqa: B019 - every one of these is a constant of a module
    def of_values(self, count: int) -> str:
        """Return the text for so many rows, every value of which is a value of the statement."""
        rows = ", ".join(self._row(first) for first in range(1, count * self.width, self.width))
        return f"{self._into} VALUES {rows} {self._end}"

    def _row(self, first: int) -> str:
        values = [f"${place}::{each}" for place, each in enumerate(self._types, first)]
        return f"({', '.join(values)}{self._made.format(lane=values[0])})"


@dataclass(frozen=True, slots=True)
class StatementForms:
    """A statement that is another one where tables are distributed."""

    text: str
    distributed: str


def read_over_lanes(columns: str, template: str, *, key: str, beside: str = "") -> StatementForms:
    """Return a query over a batch whose rows each name their lane, and that locks nothing.

    The arguments are as in `OverLanes`, but that the lane need not be the first column. On many
    servers all lanes of the batch stand beside the join: so the coordinator asks their shards
    alone, all in one statement. A second distributed table that the query joins is named as
    `beside`, and must be joined to the lane of the first: `{beside}` is a condition of that join,
    without which all shards are asked for its sake.
    """
    names, types = _parsed(columns)
    column = next(each for each in names if each in _DISTRIBUTED_BY)
    batch, lane = _batch(names, types, first=1), f"batch.{column}"
    table, _, _ = key.partition(".")
    lanes = lane + "".join(_any_of(each, names, types) for each in (f"{table}.{column}", key))
    other = _any_of(f"{beside}.{column}", names, types) if beside else ""
    return StatementForms(
        template.format(batch=batch, lane=lane, beside=""),
        template.format(batch=batch, lane=lanes, beside=other),
    )


Statement = str | OverLanes | InsertRows | StatementForms


def text_of(statement: Statement) -> str:
    """Return the text for a database on one server."""
    return statement if isinstance(statement, str) else statement.text


def _any_of(key: str, names: list[str], types: list[str]) -> str:
    """Return a condition beside the join: that a column is one of the batch's."""
    if not key:
        return ""
    place = names.index(key.partition(".")[2])
    return f" AND {key} = ANY(${place + 1}::{types[place]}[])"


def _parsed(columns: str) -> tuple[list[str], list[str]]:
    pairs = [each.split() for each in columns.split(",")]
    return [name for name, _ in pairs], [kind for _, kind in pairs]


def _batch(names: list[str], types: list[str], *, first: int) -> str:
    if not names:
        return "(SELECT) AS batch"
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(types, first))
    return f"unnest({arrays}) AS batch ({', '.join(names)})"
