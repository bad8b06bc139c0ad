"""Counts by origin on PostgreSQL.

Each connection has a share of every count, which no other one writes meanwhile: so none waits for
another, and two that write the same counts never wait for each other in a circle.
"""

from typing import Final

from sendrail.storage.driver import Driver
from sendrail.storage.pipeline.origin_counts import OriginCounts, OriginCountTexts
from sendrail.storage.templates import InsertRows

# More connections than write at once, in all processes together.
_SHARDS: Final = 64
# A number of our own; the second one is the share.
_LOCK: Final = 0x4F436E74

TEXTS: Final = OriginCountTexts(
    add=InsertRows(
        "origin_counts AS c",
        "lane smallint, origin_id bigint, list_id bigint, hour integer, what text, shard smallint,"
        " n bigint, segments bigint, amount bigint",
        """
        ON CONFLICT (lane, origin_id, list_id, hour, what, shard) DO UPDATE SET
            n = c.n + excluded.n, segments = c.segments + excluded.segments,
            amount = c.amount + excluded.amount
        """,
    ),
    last_origin="""
        SELECT last_origin_id, last_origin_at FROM contact_activity
        WHERE list_id = $1 AND recipient = $2 AND last_origin_at > $3
    """,
    forget="""
        DELETE FROM origin_counts AS c USING (
            SELECT lane, origin_id, list_id, hour, what, shard FROM origin_counts
            WHERE hour < $1 ORDER BY hour LIMIT $2
        ) AS old
        WHERE c.lane = old.lane AND c.origin_id = old.origin_id AND c.list_id = old.list_id
            AND c.hour = old.hour AND c.what = old.what AND c.shard = old.shard
    """,
)
# Held as long as the connection lasts.
TAKE_SHARD: Final = f"""
    SELECT shard FROM generate_series(0, {_SHARDS - 1}) AS shares (shard)
    WHERE pg_try_advisory_lock({_LOCK}, shard) LIMIT 1
"""


class PostgresOriginCounts(OriginCounts):
    """Counts by origin."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(driver, TEXTS)
        self._taken: int | None = None

    def shard(self) -> int:
        if self._taken is None:
            row = self._driver.row(TAKE_SHARD)
            # With all of them taken, those beyond share one, and wait for one another.
            self._taken = _SHARDS if row is None else int(row[0])
        return self._taken
