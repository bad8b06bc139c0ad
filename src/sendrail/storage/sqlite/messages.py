"""Messages coming in, on SQLite: numbers grow with time, and one process gives them out."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from sendrail.domain.ids import MessageNumber
from sendrail.storage.driver import Row
from sendrail.storage.pipeline.messages import (
    NO_ORIGINS,
    RANK_OF_SKIPS,
    MessageRow,
    RecentMessage,
)
from sendrail.storage.sqlite.driver import SqliteDriver

RESERVE: Final = """
    INSERT INTO counters (name, value) VALUES ('message', ?1)
    ON CONFLICT (name) DO UPDATE SET value = value + ?1 RETURNING value
"""
RESERVED: Final = "SELECT value FROM counters WHERE name = 'message'"
# Absent metadata and links come as empty texts: to bind None costs more than all other values.
_MESSAGE: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), 'queued', 0, 0, 0)"
INSERT_MESSAGE: Final = f"""
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,
        segments, encoding, body, metadata, links, status, attempt, epoch, resent)
    VALUES {_MESSAGE}
"""  # noqa: S608 - every piece is a constant of this file
# Many rows a statement cost a third less each than one.
_ROWS_AT_ONCE: Final = 16
# Those that have an origin.
_WITH_ORIGIN: Final = f"{_MESSAGE[:-1]}, ?)"
INSERT_WITH_ORIGIN: Final = INSERT_MESSAGE.replace("resent)", "resent, origin_id)").replace(
    _MESSAGE, _WITH_ORIGIN
)
INSERT_MESSAGES: Final = INSERT_MESSAGE.rstrip() + f", {_MESSAGE}" * (_ROWS_AT_ONCE - 1)
INSERT_ALL_WITH_ORIGIN: Final = INSERT_WITH_ORIGIN.rstrip() + f", {_WITH_ORIGIN}" * (
    _ROWS_AT_ONCE - 1
)
# Those that differ in their number, their recipient and their text alone, as most of a page of a
# campaign do: what they share is bound once, for to bind a value costs as much as to store it.
_SHARED: Final = 10
_ALIKE_AT_ONCE: Final = 40
_ALIKE: Final = (
    f"(?{{0}}, ?1, ?2, ?3, ?{{1}}, ?4, ?5, ?6, ?7, ?{{2}}, ?8, ?9, 'queued', 0, 0, 0, ?{_SHARED})"
)
INSERT_ALIKE: Final = INSERT_WITH_ORIGIN.replace(
    _WITH_ORIGIN,
    ", ".join(
        _ALIKE.format(first, first + 1, first + 2)
        for first in range(_SHARED + 1, _SHARED + 1 + 3 * _ALIKE_AT_ONCE, 3)
    ),
)
# The places of what they share in a row; the origin follows.
_SHARED_PLACES: Final = (1, 2, 3, 5, 6, 7, 8, 10, 11)
# One statement for a whole batch costs less than half of a row each from outside.
QUEUE_MESSAGES: Final = f"""
    INSERT INTO queue (lane, list_id, rank, due_at, number)
    SELECT lane, list_id,
        {RANK_OF_SKIPS},
        coalesce(?3, created_at), number
    FROM messages WHERE number BETWEEN ?1 AND ?2
"""  # noqa: S608 - every piece is a constant of the domain
CREATED_FROM: Final = (
    "SELECT number, created_at FROM messages WHERE number >= ? ORDER BY number LIMIT 1"
)
BOUNDS: Final = "SELECT (SELECT min(number) FROM messages), (SELECT max(number) FROM messages)"
RECENT: Final = """
    SELECT number, created_at, list_id, recipient, body, account_id, links FROM messages
    WHERE number >= ? ORDER BY number
"""


class SqliteMessages:
    """Messages coming in, as the only process that accepts any for long."""

    def __init__(self, driver: SqliteDriver) -> None:
        self._driver = driver

    def reserve(self, count: int) -> MessageNumber:
        """Return the first of `count` consecutive new numbers; none is ever given twice."""
        [(last,)] = self._driver.returning(RESERVE, count)
        return MessageNumber(last - count + 1)

    def reserved(self) -> int:
        """Return the last number that any process has reserved, or 0."""
        row = self._driver.row(RESERVED)
        return row[0] if row else 0

    def insert(
        self,
        rows: Sequence[MessageRow],
        due_at: int | None = None,
        origins: Mapping[int, int] = NO_ORIGINS,
    ) -> None:
        """Insert messages and queue them, at once unless `due_at` says when.

        Their numbers ascend, and no other message lies between the first and the last. Those of
        `origins` come from there.
        """
        if not rows:
            return
        if origins:
            self._insert_with_origins(rows, origins)
        else:
            self._insert(INSERT_MESSAGE, INSERT_MESSAGES, rows)
        self._driver.run(QUEUE_MESSAGES, rows[0][0], rows[-1][0], due_at)

    def _insert_with_origins(self, rows: Sequence[MessageRow], origins: Mapping[int, int]) -> None:
        numbers, recipients, bodies = (_column(rows, place) for place in (0, 4, 9))
        origin_ids = list(map(origins.get, numbers))
        shared = [*(_column(rows, place) for place in _SHARED_PLACES), origin_ids]
        for at in range(0, len(rows), _ALIKE_AT_ONCE):
            here = slice(at, at + _ALIKE_AT_ONCE)
            if all(each[here].count(each[at]) == _ALIKE_AT_ONCE for each in shared):
                # An empty text among them is an absent value.
                of_all = [None if each[at] == "" else each[at] for each in shared]
                own = zip(numbers[here], recipients[here], bodies[here], strict=True)
                self._driver.run(INSERT_ALIKE, *of_all, *chain.from_iterable(own))
            else:
                whole = [
                    (*row, origin_id)
                    for row, origin_id in zip(rows[here], origin_ids[here], strict=True)
                ]
                self._insert(INSERT_WITH_ORIGIN, INSERT_ALL_WITH_ORIGIN, whole)

    def _insert(self, one: str, many: str, rows: Sequence[Row]) -> None:
        left = len(rows) % _ROWS_AT_ONCE
        for at in range(0, len(rows) - left, _ROWS_AT_ONCE):
            self._driver.run(many, *chain.from_iterable(rows[at : at + _ROWS_AT_ONCE]))
        self._driver.each(one, rows[len(rows) - left :])

    def first_since(self, since: int) -> MessageNumber:
        """Return the number from which on messages were created at `since` or later.

        Numbers grow with time, so this is a binary search over the primary key.
        """
        row = self._driver.row(BOUNDS)
        if row is None or row[0] is None:
            return MessageNumber(0)
        low, high = row[0], row[1] + 1
        while low < high:
            middle = (low + high) // 2
            found = self._driver.row(CREATED_FROM, middle)
            if found is None or found[1] >= since:
                high = middle
            else:
                low = found[0] + 1
        return MessageNumber(low)

    def recent(self, first: int) -> Iterator[RecentMessage]:
        """Yield the messages from a number on, in order; there may be millions."""
        for row in self._driver.stream(RECENT, first):
            yield RecentMessage(*row)


def _column(rows: Sequence[MessageRow], place: int) -> list[Any]:
    return [row[place] for row in rows]
