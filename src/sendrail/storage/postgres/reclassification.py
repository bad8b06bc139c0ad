"""Stored clicks judged again, on PostgreSQL: by their time."""

from collections.abc import Sequence
from typing import Final

from sendrail.storage.driver import Row, Rows
from sendrail.storage.postgres.driver import columns
from sendrail.storage.templates import OverLanes, read_over_lanes
from sendrail.storage.tracking.reclassification import (
    VISITED_COLUMNS,
    Reclassification,
    ReclassificationTexts,
)

TEXTS: Final = ReclassificationTexts(
    page=f"""
        SELECT {VISITED_COLUMNS}, NOT c.waits
        FROM clicks AS c LEFT JOIN agents AS a ON a.id = c.agent_id
        WHERE (c.at, c.id) > ($1::bigint, $2::bigint) ORDER BY c.at, c.id LIMIT $3
    """,
    first=read_over_lanes(
        "lane smallint, number bigint",
        """
        SELECT c.number, c.at, c.position, c.offer_id, c.human_clicks
        FROM {batch} JOIN message_clicks AS c ON c.lane = {lane} AND c.number = batch.number
        WHERE c.account_id = $3
        """,
        key="c.number",
    ),
    reclass=OverLanes(
        "lane smallint, id bigint, account_id bigint, old_class smallint, old_reason smallint,"
        " click_class smallint, reason smallint",
        """
        UPDATE clicks AS c SET click_class = batch.click_class, reason = batch.reason
        FROM {batch} WHERE c.lane = {lane} AND c.id = batch.id
            AND c.account_id = batch.account_id AND c.click_class = batch.old_class
            AND c.reason = batch.old_reason AND NOT c.waits
        RETURNING c.id
        """,
        key="c.id",
    ),
    correct=OverLanes(
        "lane smallint, number bigint, account_id bigint, made_at bigint, at bigint,"
        " position smallint, offer_id bigint, humans integer, machines integer",
        """
        UPDATE message_clicks AS c SET at = batch.at, position = batch.position,
            offer_id = batch.offer_id, human_clicks = c.human_clicks + batch.humans,
            machine_clicks = c.machine_clicks + batch.machines
        FROM {batch} WHERE c.lane = {lane} AND c.number = batch.number
            AND c.made_at = batch.made_at AND c.account_id = batch.account_id
        """,
        key="c.number",
    ),
    take_from_contact="""
        UPDATE contact_earnings AS e SET clicks = e.clicks - batch.clicks,
            last_clicked_at = nullif(e.last_clicked_at, batch.last_clicked_at)
        FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[])
            AS batch (list_id, recipient, clicks, last_clicked_at)
        WHERE e.list_id = batch.list_id AND e.recipient = batch.recipient
    """,
    last_of_contact="""
        UPDATE contact_earnings AS e SET last_clicked_at = batch.at
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS batch (list_id, recipient, at)
        WHERE e.list_id = batch.list_id AND e.recipient = batch.recipient
            AND coalesce(e.last_clicked_at, 0) < batch.at
    """,
)


class PostgresReclassification(Reclassification):
    """The clicks of an account, judged again."""

    @staticmethod
    def _key(at: int, click_id: int) -> tuple[int, ...]:
        return (at, click_id)

    def _reclass(self, rows: Sequence[Row]) -> Rows:
        self._driver.begin()
        return self._driver.returning(self._texts.reclass, *columns(rows))
