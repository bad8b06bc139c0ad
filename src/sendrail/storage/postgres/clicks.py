"""Clicks on PostgreSQL."""

from typing import Final

from sendrail.domain.ids import LANES
from sendrail.storage.templates import InsertRows, read_over_lanes
from sendrail.storage.tracking.clicks import ClickTexts

TEXTS: Final = ClickTexts(
    # The time chooses the weeks to look into.
    linked=read_over_lanes(
        "lane smallint, number bigint, made_at bigint",
        """
        SELECT m.number, m.account_id, m.list_id, m.recipient, m.created_at, coalesce(m.sent_at,
            CASE WHEN m.status NOT IN ('queued', 'sending') THEN m.sending_at END), m.links
        FROM {batch} JOIN messages AS m
            ON m.lane = {lane} AND m.number = batch.number AND m.created_at >= batch.made_at
        """,
        key="m.number",
    ),
    add=InsertRows(
        "clicks",
        "lane smallint, account_id bigint, number bigint, position smallint, at bigint,"
        " click_class smallint, reason smallint, agent_id bigint, network bytea, digest bytea",
        id_of=f"nextval('click_numbers') * {LANES} + {{lane}}",
    ),
)
