"""Counts by sign-up on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.pipeline.cohort_counts import CohortCountTexts

TEXTS: Final = CohortCountTexts(
    signups="""
        SELECT list_id, recipient, signup_at FROM list_contacts
        WHERE list_id = ?1 AND recipient = ?2
    """,
    add="""
        INSERT INTO cohort_counts (list_id, day, band, what, shard, n, amount)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (list_id, day, band, what, shard) DO UPDATE SET n = n + excluded.n,
            amount = amount + excluded.amount
    """,
    add_of_contacts="""
        INSERT INTO contact_counts (list_id, recipient, band, what, n, amount)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (list_id, recipient, band, what) DO UPDATE SET n = n + excluded.n,
            amount = amount + excluded.amount
    """,
    forget="""
        DELETE FROM cohort_counts WHERE (list_id, day, band, what, shard) IN (
            SELECT list_id, day, band, what, shard FROM cohort_counts
            WHERE day < ? ORDER BY day LIMIT ?)
    """,
)
