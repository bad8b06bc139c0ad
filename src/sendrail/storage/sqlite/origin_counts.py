"""Counts by origin on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.pipeline.origin_counts import OriginCountTexts

TEXTS: Final = OriginCountTexts(
    before="""
        SELECT m.number, m.lane, m.origin_id, m.list_id, m.segments, m.sending_at, m.status,
            m.attempt, m.epoch, m.sent_at
        FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
    """,
    # The lane is the list's, which is in the key.
    add="""
        INSERT INTO origin_counts (origin_id, list_id, hour, what, shard, n, segments, amount)
        VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (origin_id, list_id, hour, what, shard) DO UPDATE SET n = n + excluded.n,
            segments = segments + excluded.segments, amount = amount + excluded.amount
    """,
)
