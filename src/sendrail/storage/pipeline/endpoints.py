"""Webhook endpoints as rows, and the attempts at them; a listener is an endpoint that ends."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from sendrail.domain.ids import AccountId, EndpointId, EventId, ListId
from sendrail.domain.webhook import (
    Endpoint,
    EndpointState,
    Event,
    MessageEvent,
    OutboxEvent,
    WebhookAttempt,
)
from sendrail.storage.pipeline.outbox import OUTBOX_COLUMNS, outbox_event
from sendrail.storage.webhook_tables import outbox, webhook_attempts, webhook_endpoints

_Rows = webhook_endpoints.c
# The events whose `ref` is the number of a message.
_OF_MESSAGES: Final = (Event.DELIVERY.value, Event.SENT.value, Event.CLICK.value)


class Endpoints:
    """Webhook endpoints of accounts, their attempts and their backlog."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, account_id: AccountId, **values: Any) -> EndpointId:
        row = insert(webhook_endpoints).values(account_id=account_id, **_columns(values))
        return EndpointId(self._connection.execute(row.returning(_Rows.id)).scalar_one())

    def all(self, account_id: AccountId) -> list[Endpoint]:
        """Return the account's endpoints without its listeners."""
        return self._read(_lasting().where(_Rows.account_id == account_id))

    def find(self, account_id: AccountId, endpoint_id: EndpointId) -> Endpoint | None:
        one = _lasting().where(_Rows.account_id == account_id, _Rows.id == endpoint_id)
        return next(iter(self._read(one)), None)

    def change(self, account_id: AccountId, endpoint_id: EndpointId, **values: Any) -> bool:
        changed = (
            update(webhook_endpoints)
            .where(_Rows.account_id == account_id, _Rows.id == endpoint_id)
            .values(**_columns(values))
        )
        return self._connection.execute(changed).rowcount > 0

    def remove(self, account_id: AccountId, endpoint_id: EndpointId) -> bool:
        """Remove an endpoint with its events, delivered or waiting."""
        gone = delete(webhook_endpoints).where(
            _Rows.account_id == account_id, _Rows.id == endpoint_id
        )
        if self._connection.execute(gone).rowcount == 0:
            return False
        self._forget([endpoint_id])
        return True

    def active(self) -> list[Endpoint]:
        """Return the endpoints of all accounts that the worker posts to."""
        return self._read(_lasting().where(_Rows.state == EndpointState.ACTIVE))

    def waiting(self, account_id: AccountId) -> dict[EndpointId, int]:
        """Return how many events wait for each endpoint of an account."""
        rows = self._connection.execute(
            select(outbox.c.endpoint_id, func.count())
            .join(webhook_endpoints, _Rows.id == outbox.c.endpoint_id)
            .where(_Rows.account_id == account_id, outbox.c.due_at.is_not(None))
            .group_by(outbox.c.endpoint_id)
        )
        return {EndpointId(row[0]): row[1] for row in rows}

    def backlog(self) -> int:
        """Return how many events wait for all endpoints."""
        waiting = select(func.count()).select_from(outbox).where(outbox.c.due_at.is_not(None))
        return self._connection.execute(waiting).scalar_one()

    def attempts(
        self, account_id: AccountId, endpoint_id: EndpointId, offset: int, limit: int
    ) -> list[tuple[WebhookAttempt, OutboxEvent]]:
        """Return one page of an endpoint's attempts with their events, newest events first."""
        newest = webhook_attempts.c.event_id.desc(), webhook_attempts.c.attempt.desc()
        page = (
            select(webhook_attempts)
            .join(webhook_endpoints, _Rows.id == webhook_attempts.c.endpoint_id)
            .where(_Rows.account_id == account_id, webhook_attempts.c.endpoint_id == endpoint_id)
            .order_by(*newest)
            .offset(offset)
            .limit(limit)
            .subquery(webhook_attempts.name)
        )
        # Only the page's events are looked for, each by its key.
        events: Select[Any] = (
            select(*(outbox.c[name] for name in OUTBOX_COLUMNS), page)
            .select_from(page)
            .join(outbox, self.is_event_of(page))
            .order_by(page.c.event_id.desc(), page.c.attempt.desc())
        )
        rows = self._connection.execute(events)
        return [(_attempt(row), outbox_event(row)) for row in rows]

    def about_message(self, account_id: AccountId, number: int, limit: int) -> list[MessageEvent]:
        """Return the events of one message to an account's endpoints, attempt by attempt."""
        event, attempt = outbox.c, webhook_attempts.c
        told = (
            select(event.id, event.kind, event.at, event.due_at, _Rows.name)
            .join(webhook_endpoints, _Rows.id == event.endpoint_id)
            .where(
                _Rows.account_id == account_id,
                _Rows.listens_until.is_(None),
                event.ref == number,
                event.kind.in_(_OF_MESSAGES),
            )
            .order_by(event.id)
            .limit(limit)
        )
        events = self._connection.execute(told).all()
        # Not joined to them: several servers keep an event and its attempts apart.
        made = select(webhook_attempts).where(attempt.event_id.in_([row.id for row in events]))
        newest_last = made.order_by(attempt.event_id, attempt.attempt).limit(limit)
        attempts: defaultdict[int, list[WebhookAttempt | None]] = defaultdict(list)
        if events:
            for row in self._connection.execute(newest_last):
                attempts[row.event_id].append(_attempt(row))
        found = [
            MessageEvent(
                kind=row.kind, endpoint=row.name, at=row.at, due_at=row.due_at, attempt=each
            )
            for row in events
            for each in attempts[row.id] or [None]
        ]
        return found[:limit]

    def is_event_of(self, attempts: FromClause) -> ColumnElement[bool]:
        """Return the condition for the event that attempts belong to."""
        return outbox.c.id == attempts.c.event_id

    def replay(
        self, endpoint_id: EndpointId, now: int, *, event: tuple[str, int] | None, since: int
    ) -> int:
        """Make one event due anew, or all that were given up since a time; return how many."""
        again = update(outbox).where(outbox.c.endpoint_id == endpoint_id)
        if event is None:
            again = again.where(
                outbox.c.at >= since, outbox.c.due_at.is_(None), outbox.c.told.is_(False)
            )
        else:
            again = again.where(outbox.c.kind == event[0], outbox.c.ref == event[1])
        return self._connection.execute(again.values(due_at=now, retries=0, told=False)).rowcount

    def end_listeners(self, now: int) -> int:
        """Remove the endpoints whose listeners have not renewed them in time."""
        lapsed = select(_Rows.id).where(_Rows.listens_until < now)
        gone = list(self._connection.execute(lapsed).scalars())
        if gone:
            self._connection.execute(delete(webhook_endpoints).where(_Rows.id.in_(gone)))
            self._forget(gone)
        return len(gone)

    def _forget(self, endpoint_ids: Sequence[int]) -> None:
        self._connection.execute(
            delete(webhook_attempts).where(webhook_attempts.c.endpoint_id.in_(endpoint_ids))
        )
        self._connection.execute(delete(outbox).where(outbox.c.endpoint_id.in_(endpoint_ids)))

    def _read(self, statement: Any) -> list[Endpoint]:
        return [_endpoint(row) for row in self._connection.execute(statement.order_by(_Rows.id))]


def _lasting() -> Select[Any]:
    return select(webhook_endpoints).where(_Rows.listens_until.is_(None))


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    if "events" in values:
        values["events"] = ",".join(sorted(values["events"]))
    return values


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=EndpointId(row.id),
        account_id=AccountId(row.account_id),
        name=row.name,
        url=row.url,
        events=frozenset(Event(word) for word in row.events.split(",")),
        list_id=None if row.list_id is None else ListId(row.list_id),
        state=EndpointState(row.state),
        secret=row.secret,
        old_secret=row.old_secret,
        old_secret_until=row.old_secret_until,
        failing_since=row.failing_since,
        created_at=row.created_at,
    )


def _attempt(row: Row[Any]) -> WebhookAttempt:
    return WebhookAttempt(
        event_id=EventId(row.event_id),
        endpoint_id=EndpointId(row.endpoint_id),
        attempt=row.attempt,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        status=row.status,
        detail=row.detail,
    )
