"""The outbox on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.message import Skip
from sendrail.storage.pipeline.outbox import OUTBOX_COLUMNS, Outbox, OutboxTexts
from sendrail.storage.tables import sender_shown

_SENDER: Final = sender_shown("l")
_EVENT: Final = ", ".join(OUTBOX_COLUMNS)
TEXTS: Final = OutboxTexts(
    any_endpoint="SELECT 1 FROM webhook_endpoints LIMIT 1",
    any_at_rest="""
        SELECT EXISTS (SELECT 1 FROM webhook_endpoints),
            EXISTS (SELECT 1 FROM journeys WHERE asks_message)
    """,
    any_for_sent="SELECT 1 FROM webhook_endpoints WHERE instr(events, 'sent') LIMIT 1",
    any_asking="SELECT 1 FROM webhook_endpoints WHERE instr(events, ?) LIMIT 1",
    asking_of_list="""
        SELECT id FROM webhook_endpoints
        WHERE account_id = ?1 AND state <> 'gone' AND instr(events, ?3)
            AND (list_id IS NULL OR list_id = ?2) AND (listens_until IS NULL OR listens_until > ?4)
        ORDER BY id
    """,
    asking="""
        SELECT id FROM webhook_endpoints
        WHERE account_id = ?1 AND state <> 'gone' AND instr(events, ?2) AND list_id IS NULL
            AND (listens_until IS NULL OR listens_until > ?3)
        ORDER BY id
    """,
    sent_at="""
        SELECT m.number, m.sent_at FROM json_each(?) AS wanted CROSS JOIN messages AS m
        WHERE m.number = wanted.value
    """,
    still_open="""
        SELECT m.number FROM json_each(?) AS wanted CROSS JOIN messages AS m
        WHERE m.number = wanted.value AND m.ended_at IS NULL
    """,
    # Word for word what the index of those that have failed says; the others are passed over.
    # Both indexes would do for either half, and which one is taken would depend on the order in
    # which they were made.
    events_due=f"""
        SELECT * FROM (
            SELECT {_EVENT} FROM outbox INDEXED BY outbox_again
            WHERE endpoint_id = ?2 AND due_at <= ?3 AND due_at IS NOT NULL AND retries > 0
            ORDER BY due_at, id LIMIT ?4)
        UNION ALL SELECT * FROM (
            SELECT {_EVENT} FROM outbox INDEXED BY outbox_due
            WHERE endpoint_id = ?2 AND due_at <= ?3 AND retries = 0
            ORDER BY due_at, id LIMIT ?5)
    """,  # noqa: S608 - our own names
    ended_messages=f"""
        SELECT m.number, m.recipient, {_SENDER}, m.status, m.detail, k.kind, m.ended_at,
            m.skips, m.provider_detail, k.name
        FROM json_each(?) AS wanted CROSS JOIN messages AS m CROSS JOIN lists AS l
        LEFT JOIN connectors AS k ON k.id = m.connector_id
        WHERE m.number = wanted.value AND l.id = m.list_id
    """,  # noqa: S608 - every piece is a constant
    taken_replies=f"""
        SELECT r.id, r.sender, {_SENDER}, r.body, r.keyword, r.received_at, r.rule, r.word
        FROM json_each(?) AS wanted CROSS JOIN replies AS r CROSS JOIN lists AS l
        WHERE r.id = wanted.value AND l.id = r.list_id
    """,  # noqa: S608 - as above
    reported_conversions=f"""
        SELECT c.id, CASE WHEN c.number > 0 THEN c.number END, {_SENDER}, o.ref, c.event,
            c.external_id, c.amount, c.currency, c.attributed, c.at
        FROM json_each(?) AS wanted CROSS JOIN conversions AS c
        LEFT JOIN lists AS l ON l.id = c.list_id LEFT JOIN offers AS o ON o.id = c.offer_id
        WHERE c.id = wanted.value
    """,  # noqa: S608 - as above
    sent_messages=f"""
        SELECT m.number, m.recipient, {_SENDER}, m.segments, k.kind, k.name, m.sent_at
        FROM json_each(?) AS wanted CROSS JOIN messages AS m CROSS JOIN lists AS l
        LEFT JOIN connectors AS k ON k.id = m.connector_id
        WHERE m.number = wanted.value AND l.id = m.list_id AND m.sent_at IS NOT NULL
    """,  # noqa: S608 - as above
    clicked_links=f"""
        SELECT m.number, m.account_id, m.recipient, {_SENDER}, m.links, c.position, o.ref, c.at
        FROM json_each(?) AS wanted CROSS JOIN message_clicks AS c CROSS JOIN messages AS m
        CROSS JOIN lists AS l LEFT JOIN offers AS o ON o.id = c.offer_id
        WHERE c.number = wanted.value AND m.number = c.number AND l.id = m.list_id
            AND c.position IS NOT NULL
    """,  # noqa: S608 - as above
    store_body="UPDATE outbox SET body = ?3 WHERE id = ?2 AND body IS NULL",
    settle_event="""
        UPDATE outbox SET due_at = ?3, told = ?4, attempts = ?5, retries = ?6
        WHERE id = ?2 AND attempts = ?5 - 1
    """,
    keep_attempt="""
        INSERT OR IGNORE INTO webhook_attempts (event_id, attempt, endpoint_id, started_at,
            ended_at, outcome, status, detail)
        SELECT id, ?3, endpoint_id, ?4, ?5, ?6, ?7, ?8 FROM outbox WHERE id = ?2
    """,
    give_up="UPDATE outbox SET due_at = NULL WHERE id = ?2",
    add_whole="""
        INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries, body)
        SELECT w.id, ?3, ?4, ?5, ?5, 0, 0, 0, ?6 FROM webhook_endpoints AS w
        WHERE w.id = ?2 AND w.account_id = ?7 AND w.state <> 'gone'
    """,
    add_events="""
        INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries, body)
        VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    """,
    add_test="""
        INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries, body)
        VALUES (?2, 'test', ?3, ?3, NULL, 0, 0, 0, ?4) RETURNING id
    """,
    # Ids grow with time here.
    forget_events="""
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM (SELECT id, at FROM outbox ORDER BY id LIMIT ?2) WHERE at < ?1)
        RETURNING id, due_at
    """,
    forget_attempts="""
        DELETE FROM webhook_attempts WHERE event_id IN (SELECT value FROM json_each(?))
    """,
)
# An endpoint that wants deliveries gets those of the messages that were posted; of a list's own
# answers only one that asks for them.
ADD_ENDED: Final = f"""
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
ADD_REPLY: Final = """
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT e.id, ?1, r.id, r.received_at, r.received_at, 0, 0, 0
    FROM replies AS r CROSS JOIN webhook_endpoints AS e
    WHERE r.id = ?2 AND e.account_id = r.account_id AND e.state <> 'gone' AND instr(e.events, ?1)
        AND (e.list_id IS NULL OR e.list_id = r.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > r.received_at)
"""
ADD_CONVERSIONS: Final = """
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT e.id, 'conversion', c.id, c.created_at, c.created_at, 0, 0, 0
    FROM json_each(?1) AS wanted CROSS JOIN conversions AS c CROSS JOIN webhook_endpoints AS e
    WHERE c.id = wanted.value AND e.account_id = c.account_id AND e.state <> 'gone'
        AND instr(e.events, 'conversion')
        AND (e.list_id IS NULL OR e.list_id = c.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > c.created_at)
"""
ADD_SENT: Final = """
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT e.id, 'sent', m.number, m.sent_at, m.sent_at, 0, 0, 0
    FROM json_each(?) AS wanted CROSS JOIN messages AS m CROSS JOIN webhook_endpoints AS e
    WHERE m.number = wanted.value AND m.sent_at IS NOT NULL
        AND e.account_id = m.account_id AND e.state <> 'gone' AND instr(e.events, 'sent')
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > m.sent_at)
"""
ADD_CLICKS: Final = """
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
    SELECT e.id, 'click', c.number, c.at, c.at, 0, 0, 0
    FROM json_each(?) AS wanted CROSS JOIN message_clicks AS c CROSS JOIN messages AS m
    CROSS JOIN webhook_endpoints AS e
    WHERE c.number = wanted.value AND m.number = c.number AND c.at IS NOT NULL
        AND e.account_id = m.account_id AND e.state <> 'gone' AND instr(e.events, 'click')
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > c.at)
"""


class SqliteOutbox(Outbox):
    """Events for customers."""

    def _add_ended(self, numbers: Sequence[int]) -> int:
        return self._driver.run(ADD_ENDED, self._driver.array(numbers))

    def _add_sent(self, numbers: Sequence[int]) -> int:
        return self._driver.run(ADD_SENT, self._driver.array(numbers))

    def _add_clicks(self, numbers: Sequence[int]) -> int:
        return self._driver.run(ADD_CLICKS, self._driver.array(numbers))

    def _add_reply(self, kind: str, reply_id: int) -> int:
        return self._driver.run(ADD_REPLY, kind, reply_id)

    def _add_conversions(self, conversion_ids: Sequence[int]) -> int:
        return self._driver.run(ADD_CONVERSIONS, self._driver.array(conversion_ids))
