"""Counts by sign-up on PostgreSQL."""

from typing import Final

from sendrail.storage.pipeline.cohort_counts import CohortCountTexts
from sendrail.storage.templates import InsertRows, read_over_lanes

TEXTS: Final = CohortCountTexts(
    signups=read_over_lanes(
        "list_id bigint, recipient bigint",
        """
        SELECT c.list_id, c.recipient, c.signup_at
        FROM {batch}
        JOIN list_contacts AS c ON c.list_id = {lane} AND c.recipient = batch.recipient
        """,
        key="c.recipient",
    ),
    add=InsertRows(
        "cohort_counts AS c",
        "list_id bigint, day integer, band smallint, what text, shard smallint, n bigint,"
        " amount bigint",
        """
        ON CONFLICT (list_id, day, band, what, shard) DO UPDATE SET n = c.n + excluded.n,
            amount = c.amount + excluded.amount
        """,
    ),
    add_of_contacts=InsertRows(
        "contact_counts AS c",
        "list_id bigint, recipient bigint, band smallint, what text, n bigint, amount bigint",
        """
        ON CONFLICT (list_id, recipient, band, what) DO UPDATE SET n = c.n + excluded.n,
            amount = c.amount + excluded.amount
        """,
    ),
    forget="""
        DELETE FROM cohort_counts AS c USING (
            SELECT list_id, day, band, what, shard FROM cohort_counts
            WHERE day < $1 ORDER BY day LIMIT $2
        ) AS old
        WHERE c.list_id = old.list_id AND c.day = old.day AND c.band = old.band
            AND c.what = old.what AND c.shard = old.shard
    """,
)
