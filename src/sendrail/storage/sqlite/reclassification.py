"""Stored clicks judged again, on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Sequence
from typing import Final

from sendrail.storage.driver import Row, Rows
from sendrail.storage.tracking.reclassification import (
    VISITED_COLUMNS,
    Reclassification,
    ReclassificationTexts,
)

TEXTS: Final = ReclassificationTexts(
    # The time of the place says nothing here: clicks have their ids in the order they came.
    page=f"""
        SELECT {VISITED_COLUMNS},
            c.id <= coalesce((SELECT value FROM counters WHERE name = 'clicks'), 0)
        FROM clicks AS c LEFT JOIN agents AS a ON a.id = c.agent_id
        WHERE c.id > ?2 ORDER BY c.id LIMIT ?3
    """,  # noqa: S608 - our own names
    first="""
        SELECT c.number, c.at, c.position, c.offer_id, c.human_clicks
        FROM json_each(?1) AS wanted CROSS JOIN message_clicks AS c
        WHERE c.number = wanted.value AND c.account_id = ?2
    """,
    reclass="""
        UPDATE clicks SET click_class = ?6, reason = ?7
        WHERE id = ?2 AND account_id = ?3 AND click_class = ?4 AND reason = ?5 RETURNING id
    """,
    correct="""
        UPDATE message_clicks SET at = ?5, position = ?6, offer_id = ?7,
            human_clicks = human_clicks + ?8, machine_clicks = machine_clicks + ?9
        WHERE number = ?2 AND account_id = ?3
    """,
    take_from_contact="""
        UPDATE contact_earnings SET clicks = clicks - ?3,
            last_clicked_at = nullif(last_clicked_at, ?4)
        WHERE list_id = ?1 AND recipient = ?2
    """,
    last_of_contact="""
        UPDATE contact_earnings SET last_clicked_at = ?3
        WHERE list_id = ?1 AND recipient = ?2 AND coalesce(last_clicked_at, 0) < ?3
    """,
)


class SqliteReclassification(Reclassification):
    """The clicks of an account, judged again."""

    @staticmethod
    def _key(at: int, click_id: int) -> tuple[int, ...]:  # noqa: ARG004 - the order they came in
        return (click_id,)

    def _reclass(self, rows: Sequence[Row]) -> Rows:
        return self._driver.rows_of_batch(self._texts.reclass, rows)
