"""Counts by sign-up on PostgreSQL."""

from typing import Final

from sendrail.storage.pipeline.cohort_counts import CohortCountTexts
from sendrail.storage.templates import InsertRows

TEXTS: Final = CohortCountTexts(
    signups="""
        SELECT c.list_id, c.recipient, c.signup_at
        FROM unnest($1::bigint[], $2::bigint[]) AS batch (list_id, recipient)
        JOIN list_contacts AS c ON c.list_id = batch.list_id AND c.recipient = batch.recipient
    """,
    add=InsertRows(
        "cohort_counts AS c",
        "list_id bigint, day integer, band smallint, what text, shard smallint, n bigint,"
        " amount bigint",
        """
        ON CONFLICT (list_id, day, band, what, shard) DO UPDATE SET n = c.n + excluded.n,
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
