"""Clicks on SQLite. Each statement is checked by an EXPLAIN test.

CROSS JOIN keeps SQLite from turning a loop around.
"""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.ids import MessageNumber
from sendrail.storage.driver import Rows
from sendrail.storage.tracking.clicks import Clicks, ClickTexts

TEXTS: Final = ClickTexts(
    linked="""
        SELECT m.number, m.account_id, m.list_id, m.recipient, m.created_at, coalesce(m.sent_at,
            CASE WHEN m.status NOT IN ('queued', 'sending') THEN m.sending_at END), m.links
        FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
    """,
    given="""
        SELECT wanted.value FROM json_each(?) AS wanted CROSS JOIN counters AS c
        WHERE c.name = 'message' AND c.value >= wanted.value
    """,
    standalone="""
        SELECT id, account_id, list_id, recipient, created_at, destination_id FROM short_links
        WHERE id = ?
    """,
    destinations="""
        SELECT account_id, id, url, offer_id FROM destinations WHERE account_id = ? AND id = ?
    """,
    add="""
        INSERT INTO clicks (account_id, number, position, at, click_class, reason, agent_id,
            network, digest)
        VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    """,
)


class SqliteClicks(Clicks):
    """The requests for links."""

    def _linked(self, places: Sequence[tuple[MessageNumber, int]]) -> Rows:
        # In one run of the statement, which is half of what a look-up costs; one table has all.
        return self._driver.rows_by_id(self._texts.linked, [number for number, _ in places])
