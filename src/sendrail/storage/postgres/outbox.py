"""The outbox on PostgreSQL: an endpoint's events lie in a lane of its own.

What ends is locked before it is looked at: of two processes that end the same message only one
writes its event.
"""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.ids import LANES, lane_of
from sendrail.domain.message import Skip
from sendrail.domain.webhook import EventSettlement
from sendrail.storage.driver import Rows
from sendrail.storage.pipeline.outbox import (
    OUTBOX_COLUMNS,
    Outbox,
    OutboxTexts,
    settlement_rows,
)
from sendrail.storage.postgres.driver import columns
from sendrail.storage.tables import sender_shown
from sendrail.storage.templates import InsertRows, OverLanes, StatementForms, read_over_lanes

_SENDER: Final = sender_shown("l")
_EVENT: Final = ", ".join(OUTBOX_COLUMNS)
_FORGET_EVENTS: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, id FROM outbox WHERE at < $1 ORDER BY at, id LIMIT $2{lock})
    DELETE FROM outbox AS o USING old WHERE o.lane = old.lane AND o.id = old.id
    RETURNING o.id, o.due_at
"""
_REPLIES: Final = f"""
    SELECT r.id, r.sender, {_SENDER}, r.body, r.keyword, r.received_at, r.rule, r.word
    FROM unnest($1::bigint[]) AS wanted (id)
    JOIN replies AS r ON r.id = wanted.id JOIN lists AS l ON l.id = r.list_id
"""
TEXTS: Final = OutboxTexts(
    any_endpoint="SELECT 1 FROM webhook_endpoints LIMIT 1",
    any_at_rest="""
        SELECT EXISTS (SELECT 1 FROM webhook_endpoints),
            EXISTS (SELECT 1 FROM journeys WHERE asks_message)
    """,
    any_for_sent="SELECT 1 FROM webhook_endpoints WHERE position('sent' IN events) > 0 LIMIT 1",
    any_asking="SELECT 1 FROM webhook_endpoints WHERE position($1::text IN events) > 0 LIMIT 1",
    asking_of_list="""
        SELECT id FROM webhook_endpoints
        WHERE account_id = $1 AND state <> 'gone' AND position($3::text IN events) > 0
            AND (list_id IS NULL OR list_id = $2)
            AND (listens_until IS NULL OR listens_until > $4)
        ORDER BY id
    """,
    asking="""
        SELECT id FROM webhook_endpoints
        WHERE account_id = $1 AND state <> 'gone' AND position($2::text IN events) > 0
            AND list_id IS NULL AND (listens_until IS NULL OR listens_until > $3)
        ORDER BY id
    """,
    sent_at=OverLanes(
        "lane smallint, number bigint",
        """
        SELECT m.number, m.sent_at FROM messages AS m
        JOIN {batch} ON m.lane = {lane} AND m.number = batch.number
        ORDER BY m.lane, m.number FOR UPDATE OF m
        """,
        key="m.number",
    ),
    still_open=OverLanes(
        "lane smallint, number bigint",
        """
        SELECT m.number FROM messages AS m
        JOIN {batch} ON m.lane = {lane} AND m.number = batch.number
        WHERE m.ended_at IS NULL ORDER BY m.lane, m.number FOR UPDATE OF m
        """,
        key="m.number",
    ),
    # Word for word what the index of those that have failed says; the others are passed over.
    events_due=f"""
        (SELECT {_EVENT} FROM outbox
            WHERE lane = $1 AND endpoint_id = $2 AND due_at <= $3 AND due_at IS NOT NULL
                AND retries > 0
            ORDER BY due_at, id LIMIT $4)
        UNION ALL
        (SELECT {_EVENT} FROM outbox
            WHERE lane = $1 AND endpoint_id = $2 AND due_at <= $3 AND retries = 0
            ORDER BY due_at, id LIMIT $5)
    """,
    ended_messages=read_over_lanes(
        "lane smallint, number bigint",
        f"""
        SELECT m.number, m.recipient, {_SENDER}, m.status, m.detail, k.kind, m.ended_at,
            m.skips, m.provider_detail, k.name
        FROM {{batch}} JOIN messages AS m ON m.lane = {{lane}} AND m.number = batch.number
        JOIN lists AS l ON l.id = m.list_id
        LEFT JOIN connectors AS k ON k.id = m.connector_id
        """,
        key="m.number",
    ),
    taken_replies=StatementForms(
        _REPLIES, distributed=_REPLIES + " WHERE r.id = ANY($1::bigint[])"
    ),
    reported_conversions=f"""
        SELECT c.id, CASE WHEN c.number > 0 THEN c.number END, {_SENDER}, o.ref, c.event,
            c.external_id, c.amount, c.currency, c.attributed, c.at
        FROM unnest($1::bigint[]) AS wanted (id) JOIN conversions AS c ON c.id = wanted.id
        LEFT JOIN lists AS l ON l.id = c.list_id LEFT JOIN offers AS o ON o.id = c.offer_id
    """,
    sent_messages=read_over_lanes(
        "lane smallint, number bigint",
        f"""
        SELECT m.number, m.recipient, {_SENDER}, m.segments, k.kind, k.name, m.sent_at
        FROM {{batch}} JOIN messages AS m ON m.lane = {{lane}} AND m.number = batch.number
        JOIN lists AS l ON l.id = m.list_id
        LEFT JOIN connectors AS k ON k.id = m.connector_id
        WHERE m.sent_at IS NOT NULL
        """,
        key="m.number",
    ),
    clicked_links=read_over_lanes(
        "lane smallint, number bigint",
        f"""
        SELECT m.number, m.account_id, m.recipient, {_SENDER}, m.links, c.position, o.ref, c.at
        FROM {{batch}} JOIN messages AS m ON m.lane = {{lane}} AND m.number = batch.number
        JOIN message_clicks AS c
            ON c.lane = m.lane AND c.number = m.number AND c.made_at = m.created_at{{beside}}
        JOIN lists AS l ON l.id = m.list_id LEFT JOIN offers AS o ON o.id = c.offer_id
        WHERE c.position IS NOT NULL
        """,
        key="m.number",
        beside="c",
    ),
    store_body=OverLanes(
        "lane smallint, id bigint, body bytea",
        """
        UPDATE outbox AS o SET body = batch.body FROM {batch}
        WHERE o.lane = {lane} AND o.id = batch.id AND o.body IS NULL
        """,
        key="o.id",
    ),
    settle_event=OverLanes(
        "lane smallint, id bigint, due_at bigint, told boolean, attempts smallint,"
        " retries smallint",
        """
        UPDATE outbox AS o SET due_at = batch.due_at, told = batch.told,
            attempts = batch.attempts, retries = batch.retries
        FROM {batch}
        WHERE o.lane = {lane} AND o.id = batch.id AND o.attempts = batch.attempts - 1
        RETURNING o.id, o.endpoint_id
        """,
        key="o.id",
    ),
    keep_attempt=InsertRows(
        "webhook_attempts",
        "event_id bigint, attempt smallint, endpoint_id bigint, started_at bigint,"
        " ended_at bigint, outcome text, status smallint, detail text",
        "ON CONFLICT DO NOTHING",
    ),
    give_up=OverLanes(
        "lane smallint, id bigint",
        """
        UPDATE outbox AS o SET due_at = NULL FROM {batch}
        WHERE o.lane = {lane} AND o.id = batch.id
        """,
        key="o.id",
    ),
    add_whole=f"""
        INSERT INTO outbox (lane, id, endpoint_id, kind, ref, at, due_at, told, attempts, retries,
            body)
        SELECT $1::smallint, nextval('outbox_numbers') * {LANES} + $1::smallint, w.id, $3::text,
            $4::bigint, $5::bigint, $5::bigint, false, 0, 0, $6::bytea
        FROM webhook_endpoints AS w
        WHERE w.id = $2 AND w.account_id = $7 AND w.state <> 'gone'
    """,
    add_events=InsertRows(
        "outbox",
        "lane smallint, endpoint_id bigint, kind text, ref bigint, at bigint, due_at bigint,"
        " told boolean, attempts smallint, retries smallint, body bytea",
        id_of=f"nextval('outbox_numbers') * {LANES} + {{lane}}",
    ),
    add_test=f"""
        INSERT INTO outbox (lane, id, endpoint_id, kind, ref, at, due_at, told, attempts, retries,
            body)
        VALUES ($1::smallint, nextval('outbox_numbers') * {LANES} + $1::smallint, $2, 'test', $3,
            $3, NULL, false, 0, 0, $4)
        RETURNING id
    """,
    forget_events=StatementForms(
        _FORGET_EVENTS.format(lock=" FOR UPDATE SKIP LOCKED"),
        distributed=_FORGET_EVENTS.format(lock=""),
    ),
    forget_attempts="DELETE FROM webhook_attempts WHERE event_id = ANY($1::bigint[])",
)
ENDED_FOR: Final = read_over_lanes(
    "lane smallint, number bigint",
    f"""
    SELECT e.id, m.number, m.ended_at
    FROM {{batch}} JOIN messages AS m ON m.lane = {{lane}} AND m.number = batch.number
    JOIN webhook_endpoints AS e ON e.account_id = m.account_id
    WHERE m.ended_at IS NOT NULL AND e.state <> 'gone'
        AND position(CASE WHEN m.skips & {Skip.AUTOMATIC.value} <> 0 THEN 'automatic'
            ELSE 'delivery' END IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > m.ended_at)
    """,
    key="m.number",
)
SENT_FOR: Final = read_over_lanes(
    "lane smallint, number bigint",
    """
    SELECT e.id, m.number, m.sent_at
    FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
    JOIN webhook_endpoints AS e ON e.account_id = m.account_id
    WHERE m.sent_at IS NOT NULL AND e.state <> 'gone' AND position('sent' IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > m.sent_at)
    """,
    key="m.number",
)
CLICKS_FOR: Final = read_over_lanes(
    "lane smallint, number bigint",
    """
    SELECT e.id, m.number, c.at
    FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
    JOIN message_clicks AS c
            ON c.lane = m.lane AND c.number = m.number AND c.made_at = m.created_at{beside}
    JOIN webhook_endpoints AS e ON e.account_id = m.account_id
    WHERE c.at IS NOT NULL AND e.state <> 'gone' AND position('click' IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = m.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > c.at)
    """,
    key="m.number",
    beside="c",
)
REPLY_FOR: Final = """
    SELECT e.id, r.id, r.received_at
    FROM replies AS r JOIN webhook_endpoints AS e ON e.account_id = r.account_id
    WHERE r.id = $2 AND e.state <> 'gone' AND position($1::text IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = r.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > r.received_at)
"""
CONVERSIONS_FOR: Final = """
    SELECT e.id, c.id, c.created_at
    FROM conversions AS c JOIN webhook_endpoints AS e ON e.account_id = c.account_id
    WHERE c.id = ANY($1::bigint[]) AND e.state <> 'gone' AND position('conversion' IN e.events) > 0
        AND (e.list_id IS NULL OR e.list_id = c.list_id)
        AND (e.listens_until IS NULL OR e.listens_until > c.created_at)
"""
ADD: Final = InsertRows(
    "outbox",
    "lane smallint, endpoint_id bigint, kind text, ref bigint, at bigint, due_at bigint,"
    " told boolean, attempts smallint, retries smallint",
    id_of=f"nextval('outbox_numbers') * {LANES} + {{lane}}",
)


class PostgresOutbox(Outbox):
    """Events for customers."""

    def settle(self, settlements: Sequence[EventSettlement]) -> None:
        # An attempt is kept with what it settles: an event that is gone, or that this attempt has
        # settled before, gets none.
        if not settlements:
            return
        rows = self._driver.returning(
            self._texts.settle_event, *columns(settlement_rows(settlements))
        )
        endpoints = {row[0]: row[1] for row in rows}
        self._driver.each(
            self._texts.keep_attempt,
            [
                (
                    a.event_id, a.attempt, endpoints[a.event_id], a.started_at, a.ended_at,
                    a.outcome, a.status, a.detail,
                )
                for a in (s.attempt for s in settlements)
                if a.event_id in endpoints
            ],
        )  # fmt: skip

    def _add_ended(self, numbers: Sequence[int]) -> int:
        return self._add("delivery", self._driver.rows_by_id(ENDED_FOR, numbers))

    def _add_sent(self, numbers: Sequence[int]) -> int:
        return self._add("sent", self._driver.rows_by_id(SENT_FOR, numbers))

    def _add_clicks(self, numbers: Sequence[int]) -> int:
        return self._add("click", self._driver.rows_by_id(CLICKS_FOR, numbers))

    def _add_reply(self, kind: str, reply_id: int) -> int:
        return self._add(kind, self._driver.rows(REPLY_FOR, kind, reply_id))

    def _add_conversions(self, conversion_ids: Sequence[int]) -> int:
        found = self._driver.rows(CONVERSIONS_FOR, list(conversion_ids))
        return self._add("conversion", sorted(found, key=tuple))

    def _add(self, kind: str, events: Rows) -> int:
        rows = [
            (lane_of(endpoint_id), endpoint_id, kind, ref, at, at, False, 0, 0)
            for endpoint_id, ref, at in events
        ]
        return self._driver.each(ADD, rows)
