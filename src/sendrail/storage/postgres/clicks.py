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
    # Numbers count lane by lane; a lane's last one stands without it.
    given=read_over_lanes(
        "lane smallint, number bigint",
        f"""
        SELECT batch.number
        FROM {{batch}} JOIN numbers AS n ON n.lane = {{lane}} AND n.last >= batch.number / {LANES}
        """,
        key="n.lane",
    ),
    standalone="""
        SELECT s.id, s.account_id, s.list_id, s.recipient, s.created_at, s.destination_id
        FROM unnest($1::bigint[]) AS wanted (id) JOIN short_links AS s ON s.id = wanted.id
    """,
    destinations="""
        SELECT d.account_id, d.id, d.url, d.offer_id
        FROM unnest($1::bigint[], $2::bigint[]) AS wanted (account_id, id)
        JOIN destinations AS d ON d.id = wanted.id AND d.account_id = wanted.account_id
    """,
    add=InsertRows(
        "clicks",
        "lane smallint, account_id bigint, number bigint, position smallint, at bigint,"
        " click_class smallint, reason smallint, agent_id bigint, network bytea, digest bytea",
        id_of=f"nextval('click_numbers') * {LANES} + {{lane}}",
    ),
)
