"""What clicks count for, on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

from sendrail.storage.driver import Row
from sendrail.storage.tracking.message_clicks import (
    CLICK_COLUMNS,
    ClickPlace,
    MessageClicks,
    MessageClickTexts,
    TakenClick,
)

# More are not looked through for where a time began.
_LOOKED_THROUGH: Final = 100_000

TEXTS: Final = MessageClickTexts(
    # The time of the place says nothing here: clicks have their ids in the order they came.
    since=f"SELECT {CLICK_COLUMNS} FROM clicks WHERE id > ?2 ORDER BY id LIMIT ?3",  # noqa: S608 - our own names
    waiting=f"""
        SELECT {CLICK_COLUMNS} FROM clicks
        WHERE id > coalesce((SELECT value FROM counters WHERE name = 'clicks'), 0)
        ORDER BY id LIMIT ?
    """,  # noqa: S608 - our own names
    reclass="UPDATE clicks SET click_class = ?3, reason = ?4 WHERE id = ?2",
    messages="""
        SELECT m.number, m.lane, m.account_id, m.list_id, m.recipient, m.links,
            m.created_at, m.origin_id, m.sending_at
        FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
    """,
    counted="""
        SELECT c.number, c.at, c.clicks, c.human_clicks, c.machine_clicks
        FROM json_each(?) AS wanted CROSS JOIN message_clicks AS c WHERE c.number = wanted.value
    """,
    add="""
        INSERT INTO message_clicks (number, account_id, at, position, offer_id, clicks,
            human_clicks, machine_clicks)
        VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (number) DO UPDATE SET at = coalesce(at, excluded.at),
            position = iif(at IS NULL, excluded.position, position),
            offer_id = iif(at IS NULL, excluded.offer_id, offer_id),
            clicks = clicks + excluded.clicks,
            human_clicks = human_clicks + excluded.human_clicks,
            machine_clicks = machine_clicks + excluded.machine_clicks
    """,
    add_to_contact="""
        INSERT INTO contact_earnings (list_id, recipient, clicks, last_clicked_at, conversions,
            revenue)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (list_id, recipient) DO UPDATE SET clicks = clicks + excluded.clicks,
            last_clicked_at = max(coalesce(last_clicked_at, 0), excluded.last_clicked_at)
    """,
    add_to_link="""
        UPDATE short_links SET clicks = clicks + ?3, human_clicks = human_clicks + ?4,
            last_clicked_at = nullif(max(coalesce(last_clicked_at, 0), ?5), 0)
        WHERE id = ?1 AND account_id = ?2
    """,
    offers="SELECT id, offer_id FROM destinations WHERE id = ? AND account_id = ?",
    first_of_offer="""
        SELECT number, at FROM message_clicks
        WHERE account_id = ?1 AND offer_id = ?2 AND at >= ?3 ORDER BY at LIMIT 1
    """,
)
COME_TO: Final = """
    INSERT INTO counters (name, value) VALUES ('clicks', ?1)
    ON CONFLICT (name) DO UPDATE SET value = ?1
"""
# Back from the last one that was taken.
TAKEN: Final = """
    SELECT id, at FROM clicks
    WHERE id <= coalesce((SELECT value FROM counters WHERE name = 'clicks'), 0)
    ORDER BY id DESC LIMIT ?
"""


class SqliteMessageClicks(MessageClicks):
    """The clicks that wait to be counted, and what they have been counted for."""

    def place_before(self, at: int) -> ClickPlace:
        place = 0
        for click_id, clicked_at in self._driver.stream(TAKEN, _LOOKED_THROUGH):
            if clicked_at < at:
                return ClickPlace(at, click_id)
            place = click_id - 1
        return ClickPlace(at, place)

    def _waiting(self, before: int, after: int, limit: int) -> Iterable[Row]:
        # One that is not ready holds up those behind it: their order says how far we have come.
        rows = self._driver.rows(self._texts.waiting, limit)
        return takewhile(lambda row: row[4] <= before or row[4] > after, rows)

    def _add(self, rows: Sequence[Row]) -> None:
        self._driver.each(self._texts.add, [row[:-1] for row in rows])

    def take(self, clicks: Sequence[TakenClick]) -> list[TakenClick]:
        if clicks:
            self._driver.run(COME_TO, max(each.id for each in clicks))
        return list(clicks)
