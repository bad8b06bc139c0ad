"""The outbox: an event for each endpoint that wants it, written with the change it tells of.

All ways in which a message comes to rest go through `Outbox.ending`, in the transaction that ends
it: what was open before and is at rest after is told, once. An installation without endpoints pays
one look into an empty table for a whole batch. This is the SQLite half.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from sendrail.domain.ids import EndpointId, EventId
from sendrail.domain.message import Skip
from sendrail.domain.webhook import TOLD, EventSettlement, OutboxEvent
from sendrail.storage.rows import EndedMessage, TakenReply
from sendrail.storage.tables import sender_shown

_json: Final = msgspec.json.Encoder().encode

_SENDER: Final = sender_shown("l")
ANY_ENDPOINT: Final = "SELECT 1 FROM webhook_endpoints LIMIT 1"
STILL_OPEN: Final = """
    SELECT m.number FROM json_each(?) AS wanted CROSS JOIN messages AS m
    WHERE m.number = wanted.value AND m.ended_at IS NULL
"""
# Whoever wants deliveries gets those of the messages that were posted; of a list's own answers only
# who asks for them.
TELL_ENDED: Final = f"""
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT e.id, 'delivery', m.number, m.ended_at, m.ended_at, 0, 0, 0
    FROM json_each(?) AS wanted CROSS JOIN messages AS m CROSS JOIN webhook_endpoints AS e
    WHERE m.number = wanted.value AND m.ended_at IS NOT NULL
        AND e.account_id = m.account_id AND e.state <> 'gone'
        AND instr(e.events, CASE WHEN m.skips & {Skip.AUTOMATIC.value} THEN 'automatic'
            ELSE 'delivery' END)
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > m.ended_at)
"""  # noqa: S608 - a constant of our own
TELL_REPLY: Final = """
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT e.id, ?1, r.id, r.received_at, r.received_at, 0, 0, 0
    FROM replies AS r CROSS JOIN webhook_endpoints AS e
    WHERE r.id = ?2 AND e.account_id = r.account_id AND e.state <> 'gone' AND instr(e.events, ?1)
        AND (e.list_id IS NULL OR e.list_id = r.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > r.received_at)
"""
# Word for word what the index of those that have failed says; the others are passed over.
# Both indexes would do for either half, and which one is taken would depend on the order in which
# they were made.
EVENTS_DUE: Final = """
    SELECT * FROM (
        SELECT id, endpoint_id, kind, ref, at, attempts, retries, body
        FROM outbox INDEXED BY outbox_again
        WHERE endpoint_id = ?1 AND due_at <= ?2 AND due_at IS NOT NULL AND retries > 0
        ORDER BY due_at, id LIMIT ?3)
    UNION ALL SELECT * FROM (
        SELECT id, endpoint_id, kind, ref, at, attempts, retries, body
        FROM outbox INDEXED BY outbox_due
        WHERE endpoint_id = ?1 AND due_at <= ?2 AND retries = 0
        ORDER BY due_at, id LIMIT ?4)
"""
ENDED_MESSAGES: Final = f"""
    SELECT m.number, m.recipient, {_SENDER}, m.status, m.detail, k.kind, m.ended_at,
        m.skips, m.provider_detail, k.name
    FROM json_each(?) AS wanted CROSS JOIN messages AS m CROSS JOIN lists AS l
    LEFT JOIN connectors AS k ON k.id = m.connector_id
    WHERE m.number = wanted.value AND l.id = m.list_id
"""  # noqa: S608 - every piece is a constant
TAKEN_REPLIES: Final = f"""
    SELECT r.id, r.sender, {_SENDER}, r.body, r.keyword, r.received_at, r.rule, r.word
    FROM json_each(?) AS wanted CROSS JOIN replies AS r CROSS JOIN lists AS l
    WHERE r.id = wanted.value AND l.id = r.list_id
"""  # noqa: S608 - as above
FREEZE: Final = "UPDATE outbox SET body = ? WHERE id = ? AND body IS NULL"
SETTLE_EVENT: Final = """
    UPDATE outbox SET due_at = ?, told = ?, attempts = ?, retries = ?
    WHERE id = ? AND attempts = ?
"""
KEEP_WEBHOOK_ATTEMPT: Final = """
    INSERT OR IGNORE INTO webhook_attempts (event_id, attempt, endpoint_id, started_at, ended_at,
        outcome, status, detail)
    SELECT id, ?2, endpoint_id, ?3, ?4, ?5, ?6, ?7 FROM outbox WHERE id = ?1
"""
GIVE_UP: Final = "UPDATE outbox SET due_at = NULL WHERE id = ?"
TEST_EVENT: Final = """
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries, body)
    VALUES (?, 'test', ?, ?, NULL, 0, 0, 0, ?) RETURNING id
"""
OLD_EVENTS: Final = "SELECT id, at, due_at FROM outbox ORDER BY id LIMIT ?"
FORGET_EVENT: Final = "DELETE FROM outbox WHERE id = ?"
FORGET_ATTEMPTS: Final = "DELETE FROM webhook_attempts WHERE event_id = ?"


class Outbox:
    """What is to be told, taken up and settled."""

    def __init__(self, connection: sqlite3.Connection, has_news: Callable[[], None]) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._has_news = has_news

    # Written with what happened

    @contextmanager
    def ending(self, numbers: Iterable[int]) -> Iterator[None]:
        """Tell of every one of these messages that comes to rest within the block."""
        if not self.has_endpoints():
            yield
            return
        still_open = [row[0] for row in self._execute(STILL_OPEN, (_list(set(numbers)),))]
        yield
        if self._execute(TELL_ENDED, (_list(still_open),)).rowcount:
            self._has_news()

    def tell_reply(self, kind: str, reply_id: int) -> None:
        """Tell of a reply, or of the opt-out it is."""
        if self.has_endpoints() and self._execute(TELL_REPLY, (kind, reply_id)).rowcount:
            self._has_news()

    def has_endpoints(self) -> bool:
        return self._execute(ANY_ENDPOINT).fetchone() is not None

    # Taken up

    def due(
        self, endpoint_id: EndpointId, now: int, limit: int, again: int | None = None
    ) -> list[OutboxEvent]:
        """Return what an endpoint is to be told now, the longest due first.

        At most `again` of those that have failed before come first, as many as others if it is
        None; then at most `limit` that have not been tried.
        """
        asked = (endpoint_id, now, limit if again is None else again, limit)
        return [event_of(row) for row in self._execute(EVENTS_DUE, asked)]

    def ended_messages(self, numbers: Sequence[int]) -> dict[int, EndedMessage]:
        rows = self._execute(ENDED_MESSAGES, (_list(numbers),))
        return {row[0]: EndedMessage(*row) for row in rows}

    def taken_replies(self, reply_ids: Sequence[int]) -> dict[int, TakenReply]:
        rows = self._execute(TAKEN_REPLIES, (_list(reply_ids),))
        return {row[0]: TakenReply(*row) for row in rows}

    def store_bodies(self, bodies: Sequence[tuple[bytes, EventId]]) -> None:
        """Keep what is about to be sent: every further attempt sends the same bytes."""
        self._executemany(FREEZE, bodies)

    def add_test(self, endpoint_id: EndpointId, body: bytes, now: int) -> EventId:
        """Add a test event, which is never due: its maker posts it."""
        [(event_id,)] = self._execute(TEST_EVENT, (endpoint_id, now, now, body)).fetchall()
        return EventId(event_id)

    # Settled

    def settle(self, settlements: Sequence[EventSettlement]) -> None:
        """Keep what came of attempts; a settlement may be written twice."""
        self._executemany(
            SETTLE_EVENT,
            [
                (s.due_at, s.attempt.outcome == TOLD, s.attempts, s.retries, s.event_id,
                 s.attempts - 1)
                for s in settlements
            ],
        )  # fmt: skip
        self._executemany(
            KEEP_WEBHOOK_ATTEMPT,
            [
                (a.event_id, a.attempt, a.started_at, a.ended_at, a.outcome, a.status, a.detail)
                for a in (s.attempt for s in settlements)
            ],
        )

    def give_up(self, event_ids: Sequence[EventId]) -> None:
        """Bring events to rest that nobody can be told of any more."""
        self._executemany(GIVE_UP, [(event_id,) for event_id in event_ids])

    def forget_before(self, before: int, limit: int) -> tuple[int, int]:
        """Delete at most `limit` old events with their attempts, told or not.

        Returns how many were deleted, and how many of those were still to be told.
        """
        rows = self._execute(OLD_EVENTS, (limit,)).fetchall()
        old = [(row[0], row[2]) for row in rows if row[1] < before]
        self._executemany(FORGET_EVENT, [(event_id,) for event_id, _ in old])
        self._executemany(FORGET_ATTEMPTS, [(event_id,) for event_id, _ in old])
        return len(old), sum(due_at is not None for _, due_at in old)


def _list(values: Iterable[int]) -> str:
    return _json(list(values)).decode()


def event_of(row: Sequence[Any]) -> OutboxEvent:
    return OutboxEvent(
        id=EventId(row[0]),
        endpoint_id=EndpointId(row[1]),
        kind=row[2],
        ref=row[3],
        at=row[4],
        attempts=row[5],
        retries=row[6],
        body=row[7],
    )
