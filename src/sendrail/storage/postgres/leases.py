"""Who owns which lanes: spans of lanes with an owner, an epoch that only grows, and an end.

All times are the database's own: a process whose clock is wrong neither keeps what it has lost nor
takes what is not free.
"""

from typing import Final

from sendrail.storage.postgres.driver import Driver

_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
NOW: Final = f"SELECT {_NOW}"
MAKE_SPANS: Final = """
    INSERT INTO spans (kind, span, owner, epoch, until)
    SELECT $1, span, '', 0, 0 FROM generate_series(0, $2 - 1) AS span
    ON CONFLICT DO NOTHING
"""
RENEW: Final = f"""
    UPDATE spans SET until = {_NOW} + $3
    WHERE kind = $1 AND owner = $2 AND until > {_NOW}
    RETURNING span, epoch
"""
FREE_SPANS: Final = f"""
    SELECT span FROM spans WHERE kind = $1 AND until <= {_NOW}
    ORDER BY span LIMIT $2 FOR UPDATE SKIP LOCKED
"""
TAKE: Final = f"""
    UPDATE spans SET owner = $2, epoch = epoch + 1, until = {_NOW} + $4
    WHERE kind = $1 AND span = ANY($3::smallint[]) RETURNING span, epoch
"""
GIVE_UP: Final = """
    UPDATE spans SET until = 0 WHERE kind = $1 AND owner = $2 AND span = ANY($3::smallint[])
"""
# A share lock: until this transaction ends nobody takes these spans over.
HELD: Final = f"""
    SELECT span FROM spans
    WHERE kind = $1 AND owner = $2 AND span = ANY($3::smallint[]) AND until > {_NOW}
    ORDER BY span FOR SHARE
"""
TAKE_LEASE: Final = """
    INSERT INTO leases (name, owner, epoch, taken_at) VALUES ($1, $2, 1, $3)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = leases.epoch + 1,
        taken_at = excluded.taken_at
    RETURNING epoch
"""
EPOCH: Final = "SELECT epoch FROM leases WHERE name = $1"


class Leases:
    """Who owns what, fenced by an epoch that only grows."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def take(self, name: str, owner: str, now: int) -> int:
        row = self._driver.row(TAKE_LEASE, name, owner, now)
        assert row is not None, "the statement returns what it wrote"
        return int(row[0])

    def epoch(self, name: str) -> int:
        row = self._driver.row(EPOCH, name)
        return int(row[0]) if row else 0
