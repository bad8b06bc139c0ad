"""The hot statements of delivery: whose turn it is, what is due, intents, and what came of them."""

import zlib
from collections.abc import Sequence
from typing import Any, Final

from sendrail.domain.delivery import RANK_AHEAD, RANK_PACED
from sendrail.domain.ids import LANES
from sendrail.domain.message import FINAL, Status
from sendrail.storage.postgres.driver import Driver, columns
from sendrail.storage.postgres.outbox import Outbox
from sendrail.storage.rows import (
    EVERY_LANE,
    AttemptResult,
    AttemptStart,
    LaneRanges,
    QueuePlace,
    Unsettled,
    WaitingMessage,
)
from sendrail.storage.sqlite.queue import COSTS_NOTHING

# A loose index scan through the lanes from $1 up to $2: a few looks by key for each list that has
# something waiting, however much that is.
LISTS_WAITING: Final = """
    WITH RECURSIVE waiting AS (
        (SELECT lane, list_id FROM queue WHERE lane >= $1 AND lane < $2
         ORDER BY lane, list_id LIMIT 1)
        UNION ALL
        SELECT next.lane, next.list_id FROM waiting, LATERAL (
            SELECT q.lane, q.list_id FROM queue AS q
            WHERE (q.lane, q.list_id) > (waiting.lane, waiting.list_id) AND q.lane < $2
            ORDER BY q.lane, q.list_id LIMIT 1) AS next
    )
    SELECT lane, list_id FROM waiting
"""
DUE: Final = """
    SELECT lane, list_id, rank, due_at, number FROM queue
    WHERE lane = $1 AND list_id = $2 AND rank = $3 AND due_at <= $4
    ORDER BY due_at, number LIMIT $5
"""
NEXT_DUE: Final = """
    SELECT due_at FROM queue WHERE lane = $1 AND list_id = $2 AND rank = $3 AND due_at > $4
    ORDER BY due_at, number LIMIT 1
"""
LOAD: Final = """
    SELECT m.number, m.account_id, m.recipient, m.attempt, m.skips, m.resent, m.encoding,
           m.segments, m.body, m.connector_id
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number)
    JOIN messages AS m ON m.lane = wanted.lane AND m.number = wanted.number
"""
METADATA: Final = """
    SELECT m.number, m.metadata
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number)
    JOIN messages AS m ON m.lane = wanted.lane AND m.number = wanted.number
"""
LEAVE_QUEUE: Final = """
    DELETE FROM queue AS q
    USING unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[])
        AS gone (lane, list_id, rank, due_at, number)
    WHERE q.lane = gone.lane AND q.list_id = gone.list_id AND q.rank = gone.rank
        AND q.due_at = gone.due_at AND q.number = gone.number
"""
DROP: Final = """
    UPDATE messages AS m SET status = gone.status, detail = gone.detail,
        provider_detail = NULL, ended_at = $5
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[])
        AS gone (status, detail, number, lane)
    WHERE m.lane = gone.lane AND m.number = gone.number AND m.status = 'queued'
"""
HOLD: Final = """
    UPDATE messages AS m SET status = 'uncertain', detail = 'uncertain', provider_detail = $1
    FROM unnest($2::bigint[], $3::smallint[]) AS held (number, lane)
    WHERE m.lane = held.lane AND m.number = held.number AND m.status = 'queued'
"""
START_ATTEMPT: Final = """
    UPDATE messages AS m SET status = 'sending', attempt = d.attempt, epoch = d.epoch,
        connector_id = d.connector_id, sending_at = d.sending_at
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::smallint[]) AS d (attempt, epoch, connector_id, sending_at, number, lane)
    WHERE m.lane = d.lane AND m.number = d.number AND m.status = 'queued'
"""
# An early receipt may have ended the message meanwhile: then only the reference is news.
ARRIVED: Final = """
    UPDATE messages AS m SET
        status = CASE m.status WHEN 'sending' THEN a.status ELSE m.status END,
        detail = CASE m.status WHEN 'sending' THEN a.detail ELSE m.detail END,
        provider_detail = CASE m.status WHEN 'sending' THEN a.provider_detail
            ELSE m.provider_detail END,
        ended_at = CASE m.status WHEN 'sending' THEN a.ended_at ELSE m.ended_at END,
        carrier_ref = coalesce(a.carrier_ref, m.carrier_ref),
        sent_at = coalesce(a.sent_at, m.sent_at),
        attempt = a.attempts_spent, resent = a.resent
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::smallint[],
        $7::smallint[], $8::bigint[], $9::smallint[], $10::smallint[], $11::bigint[],
        $12::text[])
        AS a (status, detail, ended_at, carrier_ref, sent_at, attempts_spent, resent, number,
              lane, attempt, epoch, provider_detail)
    WHERE m.lane = a.lane AND m.number = a.number AND m.attempt = a.attempt
        AND m.epoch = a.epoch AND (m.status = 'sending' OR m.ended_at IS NOT NULL)
    RETURNING m.number, m.status
"""
# What comes back to the queue does so with the very change that says so, once, however often it is
# written.
FINISH_ATTEMPT: Final = f"""
    WITH arrived AS ({ARRIVED})
    INSERT INTO queue (slice, lane, list_id, rank, due_at, number)
    SELECT (SELECT current FROM queue_slices), back.lane, back.list_id, back.rank, back.due_at,
        back.number
    FROM unnest($13::smallint[], $14::bigint[], $15::smallint[], $16::bigint[], $17::bigint[])
        AS back (lane, list_id, rank, due_at, number)
    JOIN arrived ON arrived.number = back.number AND arrived.status = 'queued'
"""
KEEP_ATTEMPTS: Final = """
    INSERT INTO attempts (number, attempt, lane, connector_id, epoch, started_at, ended_at, outcome,
        detail, carrier_ref, provider_detail)
    SELECT kept.* FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::bigint[],
        $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[],
        $11::text[]) AS kept
    ON CONFLICT DO NOTHING
"""
KEEP_REFS: Final = """
    INSERT INTO carrier_refs (lane, connector_id, carrier_ref, message_lane, number, part, parts,
        kept_at)
    SELECT kept.* FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::smallint[],
        $5::bigint[], $6::smallint[], $7::smallint[], $8::bigint[]) AS kept
    ON CONFLICT DO NOTHING
"""
PARTS_LEFT: Final = """
    UPDATE messages AS m SET parts_left = left_.parts
    FROM unnest($1::smallint[], $2::bigint[], $3::smallint[]) AS left_ (parts, number, lane)
    WHERE m.lane = left_.lane AND m.number = left_.number
"""
UNSETTLED: Final = """
    SELECT number, lane, list_id, connector_id, status, attempt, epoch, resent, skips, sending_at
    FROM messages
    WHERE status = $1 AND status IN ('sending', 'uncertain') AND number > $2
        AND lane >= $4 AND lane < $5
    ORDER BY number LIMIT $3
"""
# Whoever has claimed them is done, or undone, once this has them.
AWAIT_CLAIMS: Final = """
    SELECT m.number FROM messages AS m
    JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number)
        ON m.lane = wanted.lane AND m.number = wanted.number
    ORDER BY m.lane, m.number FOR UPDATE OF m
"""
EXPIRE: Final = """
    UPDATE messages SET status = 'failed', detail = $1, provider_detail = NULL, ended_at = $2
    WHERE lane = $3 AND number = $4 AND status = 'uncertain'
"""

# How many columns a place has.
PLACE: Final = 5


def ref_lane(connector_id: int, carrier_ref: str) -> int:
    """Return the lane of a carrier's reference: fixed for ever, known from the receipt alone."""
    return zlib.crc32(f"{connector_id}:{carrier_ref}".encode()) % LANES


class Queue:
    """What waits, what is under way, and what became of it."""

    def __init__(self, driver: Driver, outbox: Outbox) -> None:
        self._driver = driver
        self._outbox = outbox

    def lists_waiting(self, lanes: LaneRanges = EVERY_LANE) -> list[tuple[int, int]]:
        return [
            (row[0], row[1])
            for first, end in lanes
            for row in self._driver.rows(LISTS_WAITING, first, end)
        ]

    def due(self, lane: int, list_id: int, rank: int, now: int, limit: int) -> list[QueuePlace]:
        rows = self._driver.rows(DUE, lane, list_id, rank, now, limit)
        return [QueuePlace(*row) for row in rows]

    def next_due_after(self, lane: int, list_id: int, now: int) -> int | None:
        """Return when the first of the list's messages that are not due yet will be."""
        times = [
            self._driver.row(NEXT_DUE, lane, list_id, rank, now)
            for rank in (RANK_AHEAD, RANK_PACED)
        ]
        return min((time[0] for time in times if time), default=None)

    def load(self, places: Sequence[QueuePlace]) -> dict[int, WaitingMessage]:
        lanes, numbers = [place.lane for place in places], [place.number for place in places]
        return {row[0]: WaitingMessage(*row) for row in self._driver.rows(LOAD, lanes, numbers)}

    def metadata(self, places: Sequence[QueuePlace]) -> dict[int, str | None]:
        """Return what customers attached to messages, which only some carriers read."""
        lanes, numbers = [place.lane for place in places], [place.number for place in places]
        return {row[0]: row[1] for row in self._driver.rows(METADATA, lanes, numbers)}

    def drop(self, drops: Sequence[tuple[QueuePlace, Status, str | None]], now: int) -> None:
        if not drops:
            return
        self._leave([place for place, _, _ in drops])
        with self._outbox.ending((place.number, place.lane) for place, _, _ in drops):
            gone = [
                (status.value, detail, place.number, place.lane) for place, status, detail in drops
            ]
            self._driver.run(DROP, *columns(gone, 4), now)

    def hold(self, places: Sequence[QueuePlace], detail: str) -> None:
        """Take out of the queue what may have left before, and wait for a receipt instead."""
        if places:
            self._leave(places)
            held = [(place.number, place.lane) for place in places]
            self._driver.run(HOLD, detail, *columns(held, 2))

    def start_attempts(self, places: Sequence[QueuePlace], starts: Sequence[AttemptStart]) -> None:
        if not places:
            return
        left = self._leave(places)
        rows = [(*d, place.lane) for d, place in zip(starts, places, strict=True)]
        changed = self._driver.run(START_ATTEMPT, *columns(rows, 6))
        assert left == changed == len(starts), "a queue row stands for a message that is queued"

    def finish_attempts(self, results: Sequence[AttemptResult]) -> None:
        if not results:
            return
        results = sorted(results, key=lambda result: (result.lane, result.number))
        ending = ((a.number, a.lane) for a in results if a.status in FINAL)
        with self._outbox.ending(ending):
            arrived = [
                (
                    a.status, a.detail, a.ended_at if a.status in FINAL else None, a.carrier_ref,
                    a.ended_at if a.carrier_ref is not None else None, a.attempts_spent, a.resent,
                    a.number, a.lane, a.attempt, a.epoch, a.provider_detail,
                )
                for a in results
            ]  # fmt: skip
            back = [a.place for a in results if a.place is not None]
            self._move(columns(arrived, 12), back)
        attempts = [
            (
                a.number, a.attempt, a.lane, a.connector_id, a.epoch, a.started_at, a.ended_at,
                a.outcome, a.detail, a.carrier_ref, a.provider_detail,
            )
            for a in results
            if a.outcome not in COSTS_NOTHING
        ]  # fmt: skip
        if attempts:
            self._driver.run(KEEP_ATTEMPTS, *columns(attempts, 11))
        self._keep_refs([a for a in results if a.carrier_ref is not None])

    def _move(self, arrived: Sequence[Sequence[Any]], back: Sequence[QueuePlace]) -> None:
        """Write what messages have become, and queue again what came back with that."""
        self._driver.run(FINISH_ATTEMPT, *arrived, *columns(back, PLACE))

    def _keep_refs(self, results: Sequence[AttemptResult]) -> None:
        """Keep the references of what was taken, one for each part where the carrier names them."""
        kept, parts_left = [], []
        for a in results:
            refs = (str(a.carrier_ref), *a.further_refs)
            is_in_parts = a.further_refs and not a.one_receipt
            if is_in_parts:
                parts_left.append((len(refs), a.number, a.lane))
            for part, ref in enumerate(refs, 1):
                place = (part, len(refs)) if is_in_parts else (None, None)
                lane = ref_lane(a.connector_id, ref)
                kept.append((lane, a.connector_id, ref, a.lane, a.number, *place, a.ended_at))
        if kept:
            self._driver.run(KEEP_REFS, *columns(kept, 8))
        if parts_left:
            self._driver.run(PARTS_LEFT, *columns(parts_left, 3))

    def unsettled(
        self, status: Status, after: int, limit: int, lanes: LaneRanges = EVERY_LANE
    ) -> list[Unsettled]:
        found = [
            Unsettled(*row)
            for first, end in lanes
            for row in self._driver.rows(UNSETTLED, status.value, after, limit, first, end)
        ]
        return sorted(found)[:limit]

    def await_claims(self, messages: Sequence[tuple[int, int]]) -> None:
        """Wait for a claim of these (lane, number) whose commit was not heard of."""
        self._driver.rows(AWAIT_CLAIMS, *columns(sorted(messages), 2))

    def expire(self, number: int, lane: int, detail: str, now: int) -> bool:
        with self._outbox.ending([(number, lane)]):
            return self._driver.run(EXPIRE, detail, now, lane, number) == 1

    def _leave(self, places: Sequence[QueuePlace]) -> int:
        return self._driver.run(LEAVE_QUEUE, *columns(places, PLACE))
