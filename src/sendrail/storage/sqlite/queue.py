"""The hot statements on what waits and what is under way: claims, answers, the lease of the lanes.

As in `gate.py`, text on the driver itself, each checked by an EXPLAIN test.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from sendrail.domain.delivery import RANK_AHEAD, RANK_PACED
from sendrail.domain.message import FINAL, Status
from sendrail.storage.rows import (
    EVERY_LANE,
    AttemptResult,
    AttemptStart,
    LaneRanges,
    QueuePlace,
    Unsettled,
    WaitingMessage,
)
from sendrail.storage.sqlite.outbox import Outbox

_json: Final = msgspec.json.Encoder().encode

# A loose index scan: two probes for each list that has something waiting, however much that is.
# (One comparison of row values would be prettier, and SQLite would walk through the whole lane.)
LISTS_WAITING: Final = """
    WITH RECURSIVE waiting (lane, list_id) AS (
        SELECT * FROM (SELECT lane, list_id FROM queue ORDER BY lane, list_id LIMIT 1)
        UNION ALL
        SELECT
            coalesce(
                (SELECT q.lane FROM queue AS q WHERE q.lane = waiting.lane
                    AND q.list_id > waiting.list_id ORDER BY q.list_id LIMIT 1),
                (SELECT q.lane FROM queue AS q WHERE q.lane > waiting.lane
                    ORDER BY q.lane LIMIT 1)),
            coalesce(
                (SELECT q.list_id FROM queue AS q WHERE q.lane = waiting.lane
                    AND q.list_id > waiting.list_id ORDER BY q.list_id LIMIT 1),
                (SELECT q.list_id FROM queue AS q WHERE q.lane > waiting.lane
                    ORDER BY q.lane, q.list_id LIMIT 1))
        FROM waiting WHERE waiting.lane IS NOT NULL
    )
    SELECT lane, list_id FROM waiting WHERE lane IS NOT NULL
"""
DUE: Final = """
    SELECT lane, list_id, rank, due_at, number FROM queue
    WHERE lane = ? AND list_id = ? AND rank = ? AND due_at <= ?
    ORDER BY due_at, number LIMIT ?
"""
NEXT_DUE: Final = """
    SELECT due_at FROM queue WHERE lane = ? AND list_id = ? AND rank = ? AND due_at > ?
    ORDER BY due_at, number LIMIT 1
"""
LOAD: Final = """
    SELECT m.number, m.account_id, m.recipient, m.attempt, m.skips, m.resent, m.encoding,
           m.segments, m.body, m.connector_id
    FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
"""
METADATA: Final = """
    SELECT m.number, m.metadata
    FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
"""
LEAVE_QUEUE: Final = """
    DELETE FROM queue WHERE lane = ? AND list_id = ? AND rank = ? AND due_at = ? AND number = ?
"""
DROP: Final = """
    UPDATE messages SET status = ?, detail = ?, provider_detail = NULL, ended_at = ?
    WHERE number = ? AND lane = ? AND status = 'queued'
"""
HOLD: Final = """
    UPDATE messages SET status = 'uncertain', detail = 'uncertain', provider_detail = ?
    WHERE number = ? AND lane = ? AND status = 'queued'
"""
START_ATTEMPT: Final = """
    UPDATE messages SET status = 'sending', attempt = ?, epoch = ?, connector_id = ?, sending_at = ?
    WHERE number = ? AND status = 'queued'
"""
# An early receipt may have ended the message meanwhile: then only the reference is news.
FINISH_ATTEMPT: Final = """
    UPDATE messages SET
        status = CASE status WHEN 'sending' THEN ?1 ELSE status END,
        detail = CASE status WHEN 'sending' THEN ?2 ELSE detail END,
        provider_detail = CASE status WHEN 'sending' THEN ?12 ELSE provider_detail END,
        ended_at = CASE status WHEN 'sending' THEN ?3 ELSE ended_at END,
        carrier_ref = coalesce(?4, carrier_ref),
        sent_at = coalesce(?5, sent_at),
        attempt = ?6, resent = ?7
    WHERE number = ?8 AND lane = ?9 AND attempt = ?10 AND epoch = ?11
        AND (status = 'sending' OR ended_at IS NOT NULL)
"""
# A settlement may be written twice: a commit can fail to tell us that it succeeded.
RETURN_TO_QUEUE: Final = """
    INSERT OR IGNORE INTO queue (lane, list_id, rank, due_at, number)
    SELECT ?1, ?2, ?3, ?4, number FROM messages
    WHERE number = ?5 AND lane = ?1 AND status = 'queued' AND attempt = ?6 AND epoch = ?7
"""
KEEP_ATTEMPT: Final = """
    INSERT OR IGNORE INTO attempts (number, attempt, lane, connector_id, epoch, started_at,
        ended_at, outcome, detail, carrier_ref, provider_detail)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
KEEP_REF: Final = """
    INSERT OR REPLACE INTO carrier_refs (connector_id, carrier_ref, lane, number)
    VALUES (?, ?, ?, ?)
"""
KEEP_PART_REF: Final = """
    INSERT OR REPLACE INTO carrier_refs (connector_id, carrier_ref, lane, number, part, parts)
    VALUES (?, ?, ?, ?, ?, ?)
"""
PARTS_LEFT: Final = "UPDATE messages SET parts_left = ? WHERE number = ? AND lane = ?"
UNSETTLED: Final = """
    SELECT number, lane, list_id, connector_id, status, attempt, epoch, resent, skips, sending_at
    FROM messages WHERE status = ? AND status IN ('sending', 'uncertain') AND number > ?
    ORDER BY number LIMIT ?
"""
EXPIRE: Final = """
    UPDATE messages SET status = 'failed', detail = ?, provider_detail = NULL, ended_at = ?
    WHERE number = ? AND lane = ? AND status = 'uncertain'
"""

TAKE_LEASE: Final = """
    INSERT INTO leases (name, owner, epoch, taken_at) VALUES (?, ?, 1, ?)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = epoch + 1,
        taken_at = excluded.taken_at
    RETURNING epoch
"""
EPOCH: Final = "SELECT epoch FROM leases WHERE name = ?"

# What costs no attempt is no attempt to be listed.
COSTS_NOTHING: Final = frozenset({"throttled", "unavailable"})


class Queue:
    """What waits, what is under way, and what became of it."""

    def __init__(self, connection: sqlite3.Connection, outbox: Outbox) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._outbox = outbox

    def lists_waiting(self, lanes: LaneRanges = EVERY_LANE) -> list[tuple[int, int]]:
        assert lanes is EVERY_LANE, "the embedded process owns all lanes"
        return self._execute(LISTS_WAITING).fetchall()

    def due(self, lane: int, list_id: int, rank: int, now: int, limit: int) -> list[QueuePlace]:
        rows = self._execute(DUE, (lane, list_id, rank, now, limit))
        return [QueuePlace(*row) for row in rows]

    def next_due_after(self, lane: int, list_id: int, now: int) -> int | None:
        """Return when the first of the list's messages that are not due yet will be."""
        times = [
            self._execute(NEXT_DUE, (lane, list_id, rank, now)).fetchone()
            for rank in (RANK_AHEAD, RANK_PACED)
        ]
        return min((time[0] for time in times if time), default=None)

    def load(self, places: Sequence[QueuePlace]) -> dict[int, WaitingMessage]:
        numbers = [place.number for place in places]
        rows = self._execute(LOAD, (_json(numbers).decode(),))
        return {row[0]: WaitingMessage(*row) for row in rows}

    def metadata(self, places: Sequence[QueuePlace]) -> dict[int, str | None]:
        """Return what customers attached to messages, which only some carriers read."""
        numbers = [place.number for place in places]
        return dict(self._execute(METADATA, (_json(numbers).decode(),)).fetchall())

    def drop(self, drops: Sequence[tuple[QueuePlace, Status, str | None]], now: int) -> None:
        self._executemany(LEAVE_QUEUE, [tuple(place) for place, _, _ in drops])
        with self._outbox.ending(place.number for place, _, _ in drops):
            self._executemany(
                DROP,
                [
                    (status, detail, now, place.number, place.lane)
                    for place, status, detail in drops
                ],
            )

    def hold(self, places: Sequence[QueuePlace], detail: str) -> None:
        """Take out of the queue what may have left before, and wait for a receipt instead."""
        self._executemany(LEAVE_QUEUE, map(tuple, places))
        self._executemany(HOLD, [(detail, place.number, place.lane) for place in places])

    def start_attempts(self, places: Sequence[QueuePlace], starts: Sequence[AttemptStart]) -> None:
        # The driver binds plain tuples several times faster than named ones.
        self._executemany(LEAVE_QUEUE, map(tuple, places))
        changed = self._executemany(START_ATTEMPT, map(tuple, starts)).rowcount
        assert changed == len(starts), "a queue row stands for a message that is queued"

    def finish_attempts(self, results: Sequence[AttemptResult]) -> None:
        with self._outbox.ending(a.number for a in results if a.status in FINAL):
            self._executemany(
                FINISH_ATTEMPT,
                [
                    (
                        a.status, a.detail, a.ended_at if a.status in FINAL else None,
                        a.carrier_ref, a.ended_at if a.carrier_ref is not None else None,
                        a.attempts_spent, a.resent, a.number, a.lane, a.attempt, a.epoch,
                        a.provider_detail,
                    )
                    for a in results
                ],
            )  # fmt: skip
        self._executemany(
            RETURN_TO_QUEUE,
            [(*a.place, a.attempts_spent, a.epoch) for a in results if a.place is not None],
        )
        self._executemany(
            KEEP_ATTEMPT,
            [
                (
                    a.number, a.attempt, a.lane, a.connector_id, a.epoch, a.started_at, a.ended_at,
                    a.outcome, a.detail, a.carrier_ref, a.provider_detail,
                )
                for a in results
                if a.outcome not in COSTS_NOTHING
            ],
        )  # fmt: skip
        self._executemany(
            KEEP_REF,
            [
                (a.connector_id, a.carrier_ref, a.lane, a.number)
                for a in results
                if a.carrier_ref is not None and not a.further_refs
            ],
        )
        for a in results:
            if a.carrier_ref is not None and a.further_refs:
                self._keep_refs(a, (a.carrier_ref, *a.further_refs))

    def _keep_refs(self, result: AttemptResult, refs: Sequence[str]) -> None:
        connector_id, lane, number = result.connector_id, result.lane, result.number
        if result.one_receipt:
            self._executemany(KEEP_REF, [(connector_id, ref, lane, number) for ref in refs])
            return
        self._executemany(
            KEEP_PART_REF,
            [
                (connector_id, ref, lane, number, part, len(refs))
                for part, ref in enumerate(refs, 1)
            ],
        )
        self._execute(PARTS_LEFT, (len(refs), number, lane))

    def unsettled(
        self, status: Status, after: int, limit: int, lanes: LaneRanges = EVERY_LANE
    ) -> list[Unsettled]:
        assert lanes is EVERY_LANE, "the embedded process owns all lanes"
        return [Unsettled(*row) for row in self._execute(UNSETTLED, (status, after, limit))]

    def await_claims(self, messages: Sequence[tuple[int, int]]) -> None:
        """There is one writer: whatever it did before is done or undone."""

    def expire(self, number: int, lane: int, detail: str, now: int) -> bool:
        with self._outbox.ending([number]):
            return self._execute(EXPIRE, (detail, now, number, lane)).rowcount == 1


class Leases:
    """Who owns what, fenced by an epoch that only grows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def take(self, name: str, owner: str, now: int) -> int:
        [(epoch,)] = self._execute(TAKE_LEASE, (name, owner, now)).fetchall()
        return int(epoch)

    def epoch(self, name: str) -> int:
        row = self._execute(EPOCH, (name,)).fetchone()
        return int(row[0]) if row else 0
