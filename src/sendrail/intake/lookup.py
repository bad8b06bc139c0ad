"""Look messages up: one by its public id, a page of them, or what is new."""

from collections.abc import Sequence
from dataclasses import dataclass

from sendrail.domain.errors import NotFound
from sendrail.domain.ids import AccountId, MessageId, MessageIds, MessageNumber
from sendrail.domain.message import Status
from sendrail.domain.order import MESSAGE_ID_PLACEHOLDER
from sendrail.storage.interface import Store
from sendrail.storage.pipeline.lookup import Attempt, MessageFilter, MessagePlace, StoredMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A stored message with its public id; once it has left, `body` is what the handset shows."""

    id: MessageId
    body: str
    stored: StoredMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """One page, newest first; `total` is a lower bound where `total_is_exact` is False.

    `next_place` is where the next page begins, None after the last one.
    """

    messages: Sequence[FoundMessage]
    page: int
    per_page: int
    total: int
    total_is_exact: bool
    next_place: MessagePlace | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRange:
    """Messages from a place on, newest first, and where to go on; not counted."""

    messages: Sequence[FoundMessage]
    next_place: MessagePlace | None


class MessageService:
    """Queries of messages; nothing is changed here."""

    def __init__(self, store: Store, ids: MessageIds) -> None:
        self._store = store
        self._ids = ids

    async def find(self, account_id: AccountId, message_id: str) -> FoundMessage:
        """Return one message. Raises `NotFound`, the same for another account's message."""
        number = self._number(message_id)
        found = await self._store.read(lambda tx: tx.lookup.find(account_id, number))
        if found is None:
            raise NotFound("Message not found")
        return self._found(found)

    async def attempts(self, account_id: AccountId, message_id: str) -> list[Attempt]:
        """Return a message's attempts, oldest first; none when there is no such message."""
        number = self._number(message_id)
        return await self._store.read(lambda tx: tx.lookup.attempts(account_id, number))

    async def page(
        self, account_id: AccountId, about: MessageFilter, page: int, per_page: int
    ) -> FoundPage:
        """Return one page of the messages that match; the first page is 1."""
        found = await self._store.read(
            lambda tx: tx.lookup.page(account_id, about, (page - 1) * per_page, per_page)
        )
        return FoundPage(
            messages=[self._found(message) for message in found.messages],
            page=page,
            per_page=per_page,
            total=found.total,
            total_is_exact=found.total_is_exact,
            next_place=_place_of(found.messages)
            if page * per_page < found.total or not found.total_is_exact
            else None,
        )

    async def older(
        self, account_id: AccountId, about: MessageFilter, than: MessagePlace, limit: int
    ) -> MessageRange:
        """Return messages that match from a place on: as quick for the last as for the first."""
        rows = await self._store.read(
            lambda tx: tx.lookup.older(account_id, about, than, limit + 1)
        )
        return MessageRange(
            messages=[self._found(row) for row in rows[:limit]],
            next_place=_place_of(rows[:limit]) if len(rows) > limit else None,
        )

    async def after(
        self, account_id: AccountId, number: MessageNumber | int, limit: int
    ) -> list[FoundMessage]:
        """Return messages younger than a number, oldest first: for a caller that follows along."""
        rows = await self._store.read(lambda tx: tx.lookup.after(account_id, number, limit))
        return [self._found(row) for row in rows]

    def _number(self, message_id: str) -> MessageNumber:
        number = self._ids.read(message_id)
        if number is None:
            raise NotFound("Message not found")
        return number

    def _found(self, stored: StoredMessage) -> FoundMessage:
        name = self._ids.show(stored.number)
        body = stored.body
        if stored.status not in {Status.QUEUED, Status.DROPPED, Status.ORPHANED}:
            body = body.replace(MESSAGE_ID_PLACEHOLDER, name)
        return FoundMessage(id=name, body=body, stored=stored)


def _place_of(rows: Sequence[StoredMessage]) -> MessagePlace | None:
    """Return the place of the last of some messages."""
    return MessagePlace(rows[-1].created_at, rows[-1].number) if rows else None
