"""What clicks count for, on PostgreSQL.

Two processes that count at once pass nothing over and count nothing twice: a click is theirs whose
mark they have taken away, and the message it is on is held before its first click is looked for.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sendrail.domain.ids import lane_in
from sendrail.storage.driver import Row
from sendrail.storage.postgres.driver import columns
from sendrail.storage.templates import InsertRows, OverLanes, read_over_lanes
from sendrail.storage.tracking.message_clicks import (
    CLICK_COLUMNS,
    ClickPlace,
    MessageClicks,
    MessageClickTexts,
    TakenClick,
)

_EVER: Final = 1 << 62

TEXTS: Final = MessageClickTexts(
    since=f"""
        SELECT {CLICK_COLUMNS} FROM clicks WHERE (at, id) > ($1::bigint, $2::bigint)
        ORDER BY at, id LIMIT $3
    """,
    waiting=f"""
        SELECT {CLICK_COLUMNS} FROM clicks WHERE waits AND at > $1 AND at <= $2
        ORDER BY at, id LIMIT $3
    """,
    reclass=OverLanes(
        "lane smallint, id bigint, click_class smallint, reason smallint",
        """
        UPDATE clicks AS c SET click_class = batch.click_class, reason = batch.reason
        FROM {batch} WHERE c.lane = {lane} AND c.id = batch.id
        """,
        key="c.id",
    ),
    # The first click is read by a statement of its own, which sees what was waited for.
    messages=OverLanes(
        "lane smallint, number bigint",
        """
        SELECT m.number, m.lane, m.account_id, m.list_id, m.recipient, m.links, m.created_at,
            m.origin_id, m.sending_at
        FROM messages AS m
        JOIN {batch} ON m.lane = {lane} AND m.number = batch.number
        ORDER BY m.lane, m.number FOR UPDATE OF m
        """,
        key="m.number",
    ),
    counted=read_over_lanes(
        "lane smallint, number bigint",
        """
        SELECT c.number, c.at, c.clicks, c.human_clicks, c.machine_clicks
        FROM {batch} JOIN message_clicks AS c ON c.lane = {lane} AND c.number = batch.number
        """,
        key="c.number",
    ),
    add=InsertRows(
        "message_clicks AS c",
        "lane smallint, number bigint, account_id bigint, at bigint, position smallint,"
        " offer_id bigint, clicks integer, human_clicks integer, machine_clicks integer,"
        " made_at bigint",
        """
        ON CONFLICT (lane, number, made_at) DO UPDATE SET at = coalesce(c.at, excluded.at),
            position = CASE WHEN c.at IS NULL THEN excluded.position ELSE c.position END,
            offer_id = CASE WHEN c.at IS NULL THEN excluded.offer_id ELSE c.offer_id END,
            clicks = c.clicks + excluded.clicks,
            human_clicks = c.human_clicks + excluded.human_clicks,
            machine_clicks = c.machine_clicks + excluded.machine_clicks
        """,
    ),
    add_to_contact=InsertRows(
        "contact_earnings AS e",
        "list_id bigint, recipient bigint, clicks integer, last_clicked_at bigint,"
        " conversions integer, revenue bigint",
        """
        ON CONFLICT (list_id, recipient) DO UPDATE SET clicks = e.clicks + excluded.clicks,
            last_clicked_at = greatest(e.last_clicked_at, excluded.last_clicked_at)
        """,
    ),
    add_to_link="""
        UPDATE short_links AS s SET clicks = s.clicks + batch.clicks,
            human_clicks = s.human_clicks + batch.human_clicks,
            last_clicked_at = nullif(greatest(s.last_clicked_at, batch.last_clicked_at), 0)
        FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::bigint[])
            AS batch (id, account_id, clicks, human_clicks, last_clicked_at)
        WHERE s.id = batch.id AND s.account_id = batch.account_id
    """,
    offers="""
        SELECT d.id, d.offer_id
        FROM unnest($1::bigint[], $2::bigint[]) AS wanted (id, account_id)
        JOIN destinations AS d ON d.id = wanted.id AND d.account_id = wanted.account_id
    """,
    first_of_offer="""
        SELECT number, at FROM message_clicks
        WHERE account_id = $1 AND offer_id = $2 AND at >= $3 ORDER BY at LIMIT 1
    """,
)
# By their key, and not by the index of those that wait, however few these were when last analysed.
TAKE: Final = OverLanes(
    "lane smallint, id bigint",
    """
    UPDATE clicks AS c SET waits = false FROM {batch}
    WHERE c.lane = {lane} AND c.id = batch.id AND coalesce(c.waits, false)
    RETURNING c.id
    """,
    key="c.id",
)


class PostgresMessageClicks(MessageClicks):
    """The clicks that wait to be counted, and what they have been counted for."""

    def place_before(self, at: int) -> ClickPlace:
        return ClickPlace(at - 1, 0)

    def _waiting(self, before: int, after: int, limit: int) -> Iterable[Row]:
        rows = [*self._driver.rows(self._texts.waiting, -1, before, limit)]
        if after < _EVER and len(rows) < limit:
            rows += self._driver.rows(self._texts.waiting, after, _EVER, limit - len(rows))
        return rows

    def take(self, clicks: Sequence[TakenClick]) -> list[TakenClick]:
        if not clicks:
            return []
        self._driver.begin()
        batch = sorted((lane_in(each.id), each.id) for each in clicks)
        ours = {row[0] for row in self._driver.returning(TAKE, *columns(batch))}
        return [each for each in clicks if each.id in ours]
