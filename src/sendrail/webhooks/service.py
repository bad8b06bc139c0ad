"""Endpoints of an account: add, change and try them, see what they were sent, send it again."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sendrail.domain import phone, sender_ids
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, EndpointId, ListId, MessageIds, MessageNumber, is_row_id
from sendrail.domain.overlap import expect_overlap
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus
from sendrail.domain.webhook import (
    TEST,
    USUAL,
    Endpoint,
    EndpointState,
    Event,
    MessageEvent,
    OutboxEvent,
    WebhookAttempt,
)
from sendrail.storage.interface import Store, Tx
from sendrail.webhooks import payloads, signing
from sendrail.webhooks.guard import Rules, check_url
from sendrail.webhooks.keyring import Keyring
from sendrail.webhooks.poster import Poster
from sendrail.webhooks.retry import settle

ENDPOINTS_MAX: Final = 20
NAME_LENGTH_MAX: Final = 100
_ABOUT_MESSAGE_MAX: Final = 100
# For how long the secret before a rotation is signed with as well.
OVERLAP_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint with a fresh secret: the only moment at which that is known."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True)
class EventAttempt:
    """One attempt, with the id its customer knows the event by."""

    event: str
    attempt: WebhookAttempt


def events_of(words: Collection[str]) -> frozenset[Event]:
    """Return the events of these words, or the usual ones where there are none."""
    if unknown := set(words) - set(Event):
        raise InvalidInput(
            f"There is no event {min(unknown)!r}. Events are {', '.join(Event)}.",
            code="invalid_event",
            param="events",
        )
    return frozenset(Event(word) for word in words) or USUAL


class WebhookService:
    """Operations on an account's endpoints."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        keyring: Keyring,
        ids: MessageIds,
        *,
        rules: Rules,
        signature_header: str,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._poster = poster
        self._keyring = keyring
        self._ids = ids
        self._rules = rules
        self._signature_header = signature_header
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        url: str,
        *,
        name: str = "",
        events: Collection[Event] = USUAL,
        list_number: PhoneNumber | None = None,
        actor: Actor = OURSELVES,
    ) -> NewSecret:
        """Add an endpoint; its secret is returned here, and never again.

        Without a list number it is for all lists. Raises `InvalidInput`, `NotFound` for a list that
        is not the account's, and `Conflict` past `ENDPOINTS_MAX`.
        """
        check_url(url, self._rules)
        called, secret = _name(name), self._keyring.new()

        def add(tx: Tx) -> Endpoint:
            if len(tx.endpoints.all(account_id)) >= ENDPOINTS_MAX:
                raise Conflict(
                    f"An account has at most {ENDPOINTS_MAX} endpoints. Remove one first.",
                    code="too_many_endpoints",
                )
            endpoint_id = tx.endpoints.add(
                account_id,
                name=called,
                url=url,
                events=frozenset(events),
                list_id=None if list_number is None else _list(tx, account_id, list_number),
                state=EndpointState.ACTIVE,
                secret=b"",
                created_at=self._now(),
            )
            # The secret is bound to the id, which the database has only just chosen.
            sealed = self._keyring.seal(account_id, endpoint_id, secret)
            tx.endpoints.change(account_id, endpoint_id, secret=sealed)
            self._note(tx, account_id, actor, Action.ENDPOINT_ADDED, endpoint_id)
            return _owned(tx, account_id, endpoint_id)

        return NewSecret(await self._store.write(add), secret)

    async def all(self, account_id: AccountId) -> list[tuple[Endpoint, int]]:
        """Return the account's endpoints, each with how many events wait for it."""

        def read(tx: Tx) -> list[tuple[Endpoint, int]]:
            waiting = tx.endpoints.waiting(account_id)
            return [(each, waiting.get(each.id, 0)) for each in tx.endpoints.all(account_id)]

        return await self._store.read(read)

    async def find(self, account_id: AccountId, endpoint_id: EndpointId) -> Endpoint:
        """Return one endpoint. Raises `NotFound`, the same for another account's."""
        return await self._store.read(lambda tx: _owned(tx, account_id, endpoint_id))

    async def change(
        self,
        account_id: AccountId,
        endpoint_id: EndpointId,
        *,
        url: str | None = None,
        name: str | None = None,
        events: Collection[Event] | None = None,
        list_number: PhoneNumber | None = None,
        all_lists: bool = False,
        actor: Actor = OURSELVES,
    ) -> Endpoint:
        """Change what is given; `all_lists` takes the list away."""
        changes: dict[str, Any] = {}
        if url is not None:
            check_url(url, self._rules)
            changes["url"] = url
        if name is not None:
            changes["name"] = _name(name)
        if events is not None:
            changes["events"] = frozenset(events)
        if all_lists:
            changes["list_id"] = None

        def change(tx: Tx) -> Endpoint:
            if list_number is not None:
                changes["list_id"] = _list(tx, account_id, list_number)
            changed = _changed(tx, account_id, endpoint_id, **changes)
            if changes:
                said = Action.ENDPOINT_CHANGED
                self._note(tx, account_id, actor, said, endpoint_id, fields=sorted(changes))
            return changed

        return await self._store.write(change)

    async def pause(
        self, account_id: AccountId, endpoint_id: EndpointId, actor: Actor = OURSELVES
    ) -> Endpoint:
        """Post nothing to an endpoint for now; its events are kept."""
        return await self._set(account_id, endpoint_id, EndpointState.PAUSED, actor)

    async def resume(
        self, account_id: AccountId, endpoint_id: EndpointId, actor: Actor = OURSELVES
    ) -> Endpoint:
        """Post to an endpoint again, beginning with the events that were kept."""
        return await self._set(
            account_id, endpoint_id, EndpointState.ACTIVE, actor, failing_since=None
        )

    async def remove(
        self, account_id: AccountId, endpoint_id: EndpointId, actor: Actor = OURSELVES
    ) -> None:
        """Remove an endpoint with all it was sent or still to be sent."""

        def remove(tx: Tx) -> None:
            tx.endpoints.remove(account_id, _owned(tx, account_id, endpoint_id).id)
            self._note(tx, account_id, actor, Action.ENDPOINT_REMOVED, endpoint_id)

        await self._store.write(remove)

    async def rotate(
        self,
        account_id: AccountId,
        endpoint_id: EndpointId,
        *,
        overlap_ms: int = OVERLAP_MS,
        actor: Actor = OURSELVES,
    ) -> NewSecret:
        """Give an endpoint a new secret; the old one is signed with as well for the overlap."""
        expect_overlap(overlap_ms)
        secret = self._keyring.new()
        sealed = self._keyring.seal(account_id, endpoint_id, secret)

        def rotate(tx: Tx) -> Endpoint:
            old = _owned(tx, account_id, endpoint_id).secret if overlap_ms else None
            until = self._now() + overlap_ms if overlap_ms else None
            self._note(tx, account_id, actor, Action.ENDPOINT_SECRET_REPLACED, endpoint_id)
            return _changed(
                tx,
                account_id,
                endpoint_id,
                secret=sealed,
                old_secret=old,
                old_secret_until=until,
            )

        return NewSecret(await self._store.write(rotate), secret)

    async def test(self, account_id: AccountId, endpoint_id: EndpointId) -> EventAttempt:
        """Post a test event to an endpoint at once, whatever its state, and keep the attempt."""
        endpoint, started = await self.find(account_id, endpoint_id), self._now()
        body = payloads.sample(started)
        event_id = await self._store.write(
            lambda tx: tx.outbox.add_test(endpoint_id, body, started)
        )
        event = OutboxEvent(
            id=event_id,
            endpoint_id=endpoint_id,
            kind=TEST,
            ref=started,
            at=started,
            attempts=0,
            retries=0,
            body=body,
        )
        name = payloads.event_name(self._ids, TEST, started)
        keys = self._keyring.live(endpoint, started)
        signature = signing.headers(
            keys, name, started // 1000, body, plain_header=self._signature_header
        )
        answer = await self._poster.post(endpoint.url, body, signature, started)
        settled = settle(event, answer, started_at=started, now=self._now(), chance=0.0)
        # The caller waits for this answer, so that a later one would be of no use.
        final = replace(settled, due_at=None)
        await self._store.write(lambda tx: tx.outbox.settle([final]))
        return EventAttempt(name, final.attempt)

    async def attempts(
        self, account_id: AccountId, endpoint_id: EndpointId, *, offset: int, limit: int
    ) -> list[EventAttempt]:
        """Return an endpoint's attempts, those of the newest events first."""

        def read(tx: Tx) -> Sequence[tuple[WebhookAttempt, OutboxEvent]]:
            _owned(tx, account_id, endpoint_id)
            return tx.endpoints.attempts(account_id, endpoint_id, offset, limit)

        return [
            EventAttempt(payloads.event_name(self._ids, event.kind, event.ref), attempt)
            for attempt, event in await self._store.read(read)
        ]

    async def about_message(
        self, account_id: AccountId, number: MessageNumber
    ) -> Sequence[MessageEvent]:
        """Return the events of a message to the account's endpoints; a hundred attempts."""
        return await self._store.read(
            lambda tx: tx.endpoints.about_message(account_id, number, _ABOUT_MESSAGE_MAX)
        )

    async def replay(
        self,
        account_id: AccountId,
        endpoint_id: EndpointId,
        *,
        event: str | None = None,
        since: int = 0,
    ) -> int:
        """Send one event again, or every one that was given up since a time; return how many.

        The id and the body stay what they were. Raises `NotFound` for an event that is not kept.
        """
        about = None
        if event is not None and (about := payloads.read_event_name(self._ids, event)) is None:
            raise _no_event(event)

        def replay(tx: Tx) -> int:
            _owned(tx, account_id, endpoint_id)
            return tx.endpoints.replay(endpoint_id, self._now(), event=about, since=since)

        count = await self._store.write(replay)
        if event is not None and not count:
            raise _no_event(event)
        return count

    async def _set(
        self,
        account_id: AccountId,
        endpoint_id: EndpointId,
        state: EndpointState,
        actor: Actor,
        **values: Any,
    ) -> Endpoint:
        def write(tx: Tx) -> Endpoint:
            changed = _changed(tx, account_id, endpoint_id, state=state, **values)
            said = Action.ENDPOINT_CHANGED
            self._note(tx, account_id, actor, said, endpoint_id, state=state.value)
            return changed

        return await self._store.write(write)

    def _note(
        self,
        tx: Tx,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        endpoint_id: EndpointId,
        **details: object,
    ) -> None:
        tx.audit.add(account_id, actor, action, f"endpoint {endpoint_id}", details, self._now())


def _changed(tx: Tx, account_id: AccountId, endpoint_id: EndpointId, **values: Any) -> Endpoint:
    found = _owned(tx, account_id, endpoint_id)
    if not values:
        return found
    tx.endpoints.change(account_id, endpoint_id, **values)
    return _owned(tx, account_id, endpoint_id)


def _owned(tx: Tx, account_id: AccountId, endpoint_id: EndpointId) -> Endpoint:
    found = tx.endpoints.find(account_id, endpoint_id) if is_row_id(endpoint_id) else None
    if found is None:
        raise _no_endpoint(endpoint_id)
    return found


def _list(tx: Tx, account_id: AccountId, number: PhoneNumber) -> ListId:
    sender = tx.lists.find(account_id, number)
    if sender is None or sender.status is ListStatus.DELETED:
        called = phone.show(number) if sender_ids.takes_replies(number) else "of this name"
        raise NotFound(
            f"There is no list {called}; `sendrail lists list` lists them.",
            code="list_not_found",
            param="list_number",
        )
    return sender.id


def _name(text: str) -> str:
    name = text.strip()
    if len(name) > NAME_LENGTH_MAX:
        raise InvalidInput(
            f"A name has at most {NAME_LENGTH_MAX} characters.", code="invalid_name", param="name"
        )
    return name


def _no_endpoint(endpoint_id: int) -> NotFound:
    return NotFound(
        f"There is no endpoint {endpoint_id}; `sendrail webhooks list` shows them.",
        code="endpoint_not_found",
    )


def _no_event(name: str) -> NotFound:
    return NotFound(
        f"There is no event {name!r} kept for this endpoint; `sendrail webhooks attempts` shows "
        "those there are.",
        code="event_not_found",
        param="event",
    )
