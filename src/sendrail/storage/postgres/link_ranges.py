"""Ranges of the slots of short links, on PostgreSQL: which messages of a lane they belong to.

A row is never changed, so whatever was read once may be kept. The table stays on the coordinator
where tables are spread: a row stands for a thousand messages.
"""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.ids import lane_in
from sendrail.domain.short_ids import Slot, SlotRange
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.templates import InsertRows

# No transaction waits for another that has taken a part, or gives its part back.
NEXT_PART: Final = "SELECT nextval('link_parts')"
ADD: Final = InsertRows(
    "link_ranges",
    "first_slot bigint, first_number bigint, messages int, per_message smallint, made_at bigint,"
    " lane smallint",
)
_RANGE: Final = "r.first_slot, r.first_number, r.messages, r.per_message, r.made_at"
# The last range that begins at or before what is looked for: a step down the key for each.
BY_SLOT: Final = f"""
    SELECT wanted.slot, {_RANGE}
    FROM unnest($1::bigint[]) AS wanted (slot), LATERAL (
        SELECT * FROM link_ranges WHERE first_slot <= wanted.slot
        ORDER BY first_slot DESC LIMIT 1) AS r
"""
BY_NUMBER: Final = f"""
    SELECT wanted.number, {_RANGE}
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number), LATERAL (
        SELECT * FROM link_ranges WHERE lane = wanted.lane AND first_number <= wanted.number
        ORDER BY first_number DESC LIMIT 1) AS r
"""


def rows_of(ranges: Sequence[SlotRange]) -> list[tuple[int, ...]]:
    """Return the rows of ranges, in the order of the columns of `ADD`."""
    return [(*each, lane_in(each.first_number)) for each in ranges]


class LinkRanges:
    """The ranges of all processes."""

    def __init__(self, driver: PostgresDriver) -> None:
        self._driver = driver

    def next_part(self) -> int:
        """Return the number of the next part of all slots, from 0; none is ever given twice."""
        row = self._driver.row(NEXT_PART)
        assert row is not None, "a sequence has no end"
        return int(row[0]) - 1

    def add(self, ranges: Sequence[SlotRange]) -> None:
        """Keep ranges whose slots belong to nothing else."""
        self._driver.each(ADD, rows_of(ranges))

    def by_slot(self, slots: Sequence[Slot]) -> dict[int, SlotRange]:
        """Return the ranges that slots lie in, by slot; without those that lie in none."""
        rows = self._driver.rows(BY_SLOT, list(slots)) if slots else ()
        found = {row[0]: SlotRange(*row[1:]) for row in rows}
        return {slot: each for slot, each in found.items() if each.has_slot(slot)}

    def by_number(self, numbers: Sequence[int]) -> dict[int, SlotRange]:
        """Return the ranges of messages, by number; without those that have none."""
        rows = self._driver.rows_by_id(BY_NUMBER, numbers)
        found = {row[0]: SlotRange(*row[1:]) for row in rows}
        return {number: each for number, each in found.items() if each.has_number(number)}
