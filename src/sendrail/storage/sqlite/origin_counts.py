"""Counts by origin on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sendrail.domain.message import Status
from sendrail.domain.origin_counts import hour_of
from sendrail.storage.driver import Driver, Rows
from sendrail.storage.pipeline.origin_counts import Change, OriginCountTexts

TEXTS: Final = OriginCountTexts(
    # The lane is the list's, which is in the key.
    add="""
        INSERT INTO origin_counts (origin_id, list_id, hour, what, shard, n, segments, amount)
        VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (origin_id, list_id, hour, what, shard) DO UPDATE SET n = n + excluded.n,
            segments = segments + excluded.segments, amount = amount + excluded.amount
    """,
    last_origin="""
        SELECT last_origin_id, last_origin_at FROM contact_activity
        WHERE list_id = ?1 AND recipient = ?2 AND last_origin_at > ?3
    """,
    forget="""
        DELETE FROM origin_counts WHERE (origin_id, list_id, hour, what, shard) IN (
            SELECT origin_id, list_id, hour, what, shard FROM origin_counts
            WHERE hour < ? ORDER BY hour LIMIT ?)
    """,
)
BEFORE: Final = """
    SELECT m.number, m.lane, m.origin_id, m.list_id, m.segments, m.sending_at, m.status,
        m.attempt, m.epoch, m.sent_at
    FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
"""


class AttemptCounts(NamedTuple):
    """The result of an attempt as far as it is counted."""

    number: int
    attempt: int
    epoch: int
    status: str
    ended_at: int | None
    sent_at: int | None


def before(driver: Driver, numbers: Iterable[int]) -> Rows:
    """Return messages that are about to change, as far as that is counted."""
    return driver.rows_by_id(BEFORE, numbers)


def changes_by_settlement(before: Rows, results: Iterable[AttemptCounts]) -> list[Change]:
    """Return what results of attempts change, of messages as they stood before."""
    known = {row[0]: row for row in before}
    changes: list[Change] = []
    for number, attempt, epoch, status, ended_at, sent_at in results:
        row = known.get(number)
        if row is None or row[7] != attempt or row[8] != epoch:
            continue
        _, lane, origin_id, list_id, segments, sending_at, was = row[:7]
        by = (origin_id or 0, list_id, segments)
        if was == Status.SENDING.value:
            hour = 0 if ended_at is None else hour_of(ended_at)
            changes.append((by, lane, hour_of(sending_at), False, status, hour, None))
        elif was == Status.FAILED.value and row[9] is None and sent_at is not None:
            # A receipt was quicker than the answer that says that it was sent.
            changes.append((by, lane, hour_of(sending_at), False, Status.SENT.value, 0, None))
    return changes
