"""The outbox on PostgreSQL: an endpoint's events lie in a lane of its own.

What ends is locked before it is looked at: only one of two who end the same message tells of it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sendrail.domain.ids import LANES, EndpointId, EventId, lane_of
from sendrail.domain.message import Skip
from sendrail.domain.webhook import TOLD, EventSettlement, OutboxEvent
from sendrail.storage.postgres.driver import Driver, columns
from sendrail.storage.rows import EndedMessage, TakenReply
from sendrail.storage.sqlite.outbox import event_of
from sendrail.storage.tables import sender_shown

ANY_ENDPOINT: Final = "SELECT 1 FROM webhook_endpoints LIMIT 1"
STILL_OPEN: Final = """
    SELECT m.number, m.lane FROM messages AS m
    JOIN unnest($1::bigint[], $2::smallint[]) AS wanted (number, lane)
        ON m.lane = wanted.lane AND m.number = wanted.number
    WHERE m.ended_at IS NULL ORDER BY m.lane, m.number FOR UPDATE OF m
"""
ENDED_FOR: Final = f"""
    SELECT e.id, m.number, m.ended_at
    FROM unnest($1::bigint[], $2::smallint[]) AS wanted (number, lane)
    JOIN messages AS m ON m.lane = wanted.lane AND m.number = wanted.number
    JOIN webhook_endpoints AS e ON e.account_id = m.account_id
    WHERE m.ended_at IS NOT NULL AND e.state <> 'gone'
        AND position(CASE WHEN m.skips & {Skip.AUTOMATIC.value} <> 0 THEN 'automatic'
            ELSE 'delivery' END IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > m.ended_at)
"""
REPLY_FOR: Final = """
    SELECT e.id, r.id, r.received_at
    FROM replies AS r JOIN webhook_endpoints AS e ON e.account_id = r.account_id
    WHERE r.id = $2 AND e.state <> 'gone' AND position($1::text IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = r.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > r.received_at)
"""
TELL: Final = f"""
    INSERT INTO outbox (lane, id, endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT new.lane, nextval('outbox_numbers') * {LANES} + new.lane, new.endpoint_id, $1, new.ref,
        new.at, new.at, false, 0, 0
    FROM unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS new (lane, endpoint_id, ref, at)
"""
# Word for word what the index of those that have failed says; the others are passed over.
EVENTS_DUE: Final = """
    (SELECT id, endpoint_id, kind, ref, at, attempts, retries, body FROM outbox
        WHERE lane = $1 AND endpoint_id = $2 AND due_at <= $3 AND due_at IS NOT NULL AND retries > 0
        ORDER BY due_at, id LIMIT $4)
    UNION ALL
    (SELECT id, endpoint_id, kind, ref, at, attempts, retries, body FROM outbox
        WHERE lane = $1 AND endpoint_id = $2 AND due_at <= $3 AND retries = 0
        ORDER BY due_at, id LIMIT $5)
"""
ENDED_MESSAGES: Final = f"""
    SELECT m.number, m.recipient, {sender_shown("l")}, m.status, m.detail, k.kind, m.ended_at,
        m.skips, m.provider_detail, k.name
    FROM unnest($1::bigint[], $2::smallint[]) AS wanted (number, lane)
    JOIN messages AS m ON m.lane = wanted.lane AND m.number = wanted.number
    JOIN lists AS l ON l.id = m.list_id
    LEFT JOIN connectors AS k ON k.id = m.connector_id
"""
TAKEN_REPLIES: Final = f"""
    SELECT r.id, r.sender, {sender_shown("l")}, r.body, r.keyword, r.received_at, r.rule, r.word
    FROM unnest($1::bigint[]) AS wanted (id)
    JOIN replies AS r ON r.id = wanted.id JOIN lists AS l ON l.id = r.list_id
"""
FREEZE: Final = """
    UPDATE outbox AS o SET body = f.body
    FROM unnest($1::bytea[], $2::bigint[], $3::smallint[]) AS f (body, id, lane)
    WHERE o.lane = f.lane AND o.id = f.id AND o.body IS NULL
"""
SETTLE_EVENTS: Final = """
    UPDATE outbox AS o SET due_at = s.due_at, told = s.told, attempts = s.attempts,
        retries = s.retries
    FROM unnest($1::bigint[], $2::boolean[], $3::smallint[], $4::smallint[], $5::bigint[],
        $6::smallint[]) AS s (due_at, told, attempts, retries, id, lane)
    WHERE o.lane = s.lane AND o.id = s.id AND o.attempts = s.attempts - 1
"""
KEEP_WEBHOOK_ATTEMPTS: Final = """
    INSERT INTO webhook_attempts (event_id, attempt, endpoint_id, started_at, ended_at, outcome,
        status, detail)
    SELECT o.id, a.attempt, o.endpoint_id, a.started_at, a.ended_at, a.outcome, a.status, a.detail
    FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[],
        $6::text[], $7::smallint[], $8::text[])
        AS a (id, lane, attempt, started_at, ended_at, outcome, status, detail)
    JOIN outbox AS o ON o.lane = a.lane AND o.id = a.id
    ON CONFLICT DO NOTHING
"""
GIVE_UP: Final = """
    UPDATE outbox AS o SET due_at = NULL
    FROM unnest($1::bigint[], $2::smallint[]) AS g (id, lane)
    WHERE o.lane = g.lane AND o.id = g.id
"""
TEST_EVENT: Final = f"""
    INSERT INTO outbox (lane, id, endpoint_id, kind, ref, at, due_at, told, attempts, retries, body)
    VALUES ($1::smallint, nextval('outbox_numbers') * {LANES} + $1::smallint, $2, 'test', $3, $3,
        NULL, false, 0, 0, $4)
    RETURNING id
"""
OLD_EVENTS: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, id FROM outbox WHERE at < $1
        ORDER BY at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM outbox AS o USING old WHERE o.lane = old.lane AND o.id = old.id
    RETURNING o.id, o.due_at IS NOT NULL
"""
FORGET_ATTEMPTS: Final = "DELETE FROM webhook_attempts WHERE event_id = ANY($1::bigint[])"


def lane_in(row_id: int) -> int:
    """Return the lane of a row that is named by one number."""
    return row_id % LANES


class Outbox:
    """What is to be told, taken up and settled."""

    def __init__(self, driver: Driver, has_news: Callable[[], None]) -> None:
        self._driver = driver
        self._has_news = has_news

    # Written with what happened

    @contextmanager
    def ending(self, messages: Iterable[tuple[int, int]]) -> Iterator[None]:
        """Tell of every one of these (number, lane) that comes to rest within the block."""
        if not self.has_endpoints() or not (wanted := sorted(set(messages))):
            yield
            return
        still_open = self._driver.rows(STILL_OPEN, *columns(wanted, 2))
        yield
        if still_open:
            self._tell("delivery", self._driver.rows(ENDED_FOR, *columns(still_open, 2)))

    def tell_reply(self, kind: str, reply_id: int) -> None:
        """Tell of a reply, or of the opt-out it is."""
        if self.has_endpoints():
            self._tell(kind, self._driver.rows(REPLY_FOR, kind, reply_id))

    def _tell(self, kind: str, events: Sequence[Sequence[Any]]) -> None:
        if events:
            rows = [(lane_of(event[0]), *event) for event in events]
            self._driver.run(TELL, kind, *columns(rows, 4))
            self._has_news()

    def has_endpoints(self) -> bool:
        return self._driver.row(ANY_ENDPOINT) is not None

    # Taken up

    def due(
        self, endpoint_id: EndpointId, now: int, limit: int, again: int | None = None
    ) -> list[OutboxEvent]:
        """Return what an endpoint is to be told now, the longest due first.

        At most `again` of those that have failed before come first, as many as others if it is
        None; then at most `limit` that have not been tried.
        """
        bounds = (limit if again is None else again, limit)
        rows = self._driver.rows(EVENTS_DUE, lane_of(endpoint_id), endpoint_id, now, *bounds)
        return [event_of(row) for row in rows]

    def ended_messages(self, numbers: Sequence[int]) -> dict[int, EndedMessage]:
        wanted = [(number, lane_in(number)) for number in numbers]
        rows = self._driver.rows(ENDED_MESSAGES, *columns(wanted, 2))
        return {row[0]: EndedMessage(*row) for row in rows}

    def taken_replies(self, reply_ids: Sequence[int]) -> dict[int, TakenReply]:
        return {
            row[0]: TakenReply(*row) for row in self._driver.rows(TAKEN_REPLIES, list(reply_ids))
        }

    def store_bodies(self, bodies: Sequence[tuple[bytes, EventId]]) -> None:
        """Keep what is about to be sent: every further attempt sends the same bytes."""
        rows = sorted((body, event_id, lane_in(event_id)) for body, event_id in bodies)
        if rows:
            self._driver.run(FREEZE, *columns(rows, 3))

    def add_test(self, endpoint_id: EndpointId, body: bytes, now: int) -> EventId:
        """Add a test event, which is never due: its maker posts it."""
        row = self._driver.row(TEST_EVENT, lane_of(endpoint_id), endpoint_id, now, body)
        assert row is not None, "the statement returns what it wrote"
        return EventId(row[0])

    # Settled

    def settle(self, settlements: Sequence[EventSettlement]) -> None:
        """Keep what came of attempts; a settlement may be written twice."""
        if not settlements:
            return
        rows = [
            (
                s.due_at, s.attempt.outcome == TOLD, s.attempts, s.retries, s.event_id,
                lane_in(s.event_id),
            )
            for s in settlements
        ]  # fmt: skip
        self._driver.run(SETTLE_EVENTS, *columns(rows, 6))
        attempts = [
            (
                a.event_id, lane_in(a.event_id), a.attempt, a.started_at, a.ended_at, a.outcome,
                a.status, a.detail,
            )
            for a in (s.attempt for s in settlements)
        ]  # fmt: skip
        self._driver.run(KEEP_WEBHOOK_ATTEMPTS, *columns(attempts, 8))

    def give_up(self, event_ids: Sequence[EventId]) -> None:
        """Bring events to rest that nobody can be told of any more."""
        rows = [(event_id, lane_in(event_id)) for event_id in event_ids]
        self._driver.run(GIVE_UP, *columns(rows, 2))

    def forget_before(self, before: int, limit: int) -> tuple[int, int]:
        """Delete at most `limit` old events with their attempts, told or not.

        Returns how many were deleted, and how many of those were still to be told.
        """
        gone = self._driver.rows(OLD_EVENTS, before, limit)
        if gone:
            self._driver.run(FORGET_ATTEMPTS, [row[0] for row in gone])
        return len(gone), sum(row[1] for row in gone)
