"""What leaves of clicks, on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from sendrail.storage.driver import Row
from sendrail.storage.tracking.click_details import ClickDetails, ClickDetailTexts

TEXTS: Final = ClickDetailTexts(
    # In the order they came, behind those that are blank. A clock that stepped back holds up some.
    detailed="""
        SELECT id, at FROM clicks
        WHERE id > coalesce((SELECT value FROM counters WHERE name = 'clicks_blank'), 0)
        ORDER BY id LIMIT ?
    """,
    blank="""
        UPDATE clicks SET agent_id = NULL, network = NULL, digest = NULL
        WHERE id > coalesce((SELECT value FROM counters WHERE name = 'clicks_blank'), 0)
            AND id <= ?
    """,
    come_to="""
        INSERT INTO counters (name, value) VALUES ('clicks_blank', ?1)
        ON CONFLICT (name) DO UPDATE SET value = ?1
    """,
    # The newest stays: SQLite gives the id after the greatest, and what was counted goes by ids.
    forget="""
        DELETE FROM clicks WHERE id IN (
            SELECT id FROM (SELECT id, at FROM clicks ORDER BY id LIMIT ?2)
            WHERE at < ?1 AND id < (SELECT max(id) FROM clicks)
                AND id <= coalesce((SELECT value FROM counters WHERE name = 'clicks'), 0))
    """,
    forget_agents="""
        DELETE FROM agents WHERE id IN (SELECT id FROM agents WHERE seen_on < ? LIMIT ?)
    """,
)


class SqliteClickDetails(ClickDetails):
    """The details of clicks, and their end by retention."""

    def _old(self, before: int, limit: int) -> Sequence[Row]:
        rows = self._driver.rows(self._texts.detailed, limit)
        return list(takewhile(lambda row: row[1] < before, rows))

    def _blank(self, rows: Sequence[Row]) -> None:
        last = rows[-1][0]
        self._driver.run(self._texts.blank, last)
        self._driver.run(self._texts.come_to, last)
