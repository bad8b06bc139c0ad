"""Look messages up: one by its public id, a page of them, or what is new."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from sendrail.domain.destinations import fill_links
from sendrail.domain.errors import NotFound
from sendrail.domain.ids import AccountId, ListId, MessageId, MessageIds, MessageNumber
from sendrail.domain.message import DropReason, Status
from sendrail.domain.order import MESSAGE_ID_PLACEHOLDER
from sendrail.domain.quiet_hours import NEVER, NOW, OpeningTable
from sendrail.domain.recipient_links import RecipientTarget, shown, target_of
from sendrail.links.domains import LinkSender
from sendrail.links.texts import LinkedText, LinkTexts
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.figures import AccountBacklog, AccountFigures
from sendrail.storage.pipeline.lookup import (
    Attempt,
    LookBack,
    MessageFilter,
    MessagePage,
    MessagePlace,
    SentSpan,
)
from sendrail.storage.pipeline.stored_messages import StoredMessage
from sendrail.storage.tracking.message_clicks import ClickTally

# No index knows what a search asks for: it looks at so many messages at most, so many in a read.
LOOKED_MAX: Final = 60_000
_AT_ONCE: Final = 10_000
# What is not rare is found among the first few.
_AT_FIRST: Final = 1_000
# What waits of a list is counted for a person: beyond this it is "many".
WAITING_MAX: Final = 10_000
# The database reads metadata as a text: what may have the value is read here, up to so many.
METADATA_LOOKED_MAX: Final = 30_000
_METADATA_AT_ONCE: Final = 5_000
_METADATA_READ_MAX: Final = 10_000
# The detail of what waits for its time; of what waits for quiet hours to end it is their name.
_SCHEDULED: Final = "scheduled"
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
# What has not left has no text of its own yet.
_UNFILLED: Final = frozenset({Status.QUEUED, Status.DROPPED, Status.ORPHANED})


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLink:
    """A short link of a message: what the handset shows, and where it leads.

    There is no `short_url` where the list has no tracking domain any more. `offer` is the public id
    of the offer it leads to.
    """

    short_url: str | None
    destination_url: str
    offer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A stored message with its public id; once it has left, `body` is what the handset shows."""

    id: MessageId
    body: str
    stored: StoredMessage
    links: Sequence[MessageLink]
    clicks: ClickTally
    # When its recipient's quiet hours end, while it waits for that.
    waits_until: int | None = None

    @property
    def detail(self) -> str | None:
        """More about its status, such as what it waits for or why it was not sent."""
        if self.stored.send_at is not None:
            return _SCHEDULED
        return self.stored.detail if self.waits_until is None else DropReason.QUIET_HOURS


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSearch:
    """Messages that a search has found from a place on, newest first.

    `looked` is how many messages were looked at for it, back to `looked_to`. Where there are as
    many as were asked for and older ones, `looked_to` is the last of them, and what was looked at
    behind it counts as well. `next_place` is where to go on, None where no older message is left.
    """

    messages: Sequence[FoundMessage]
    looked: int
    looked_to: int | None
    next_place: MessagePlace | None


class MessageService:
    """Queries of messages; nothing is changed here."""

    def __init__(
        self,
        store: Store,
        ids: MessageIds,
        links: LinkTexts,
        openings: OpeningTable,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._ids = ids
        self._links = links
        self._openings = openings
        self._now = now

    async def find(self, account_id: AccountId, message_id: str) -> FoundMessage:
        """Return one message. Raises `NotFound`, the same for another account's message."""
        number = self._number(message_id)
        found = await self._read(lambda tx: _alone(tx.lookup.find(account_id, number)))
        if not found:
            raise NotFound("Message not found")
        return found[0]

    async def figures(self, account_id: AccountId, since: int, step_ms: int) -> AccountFigures:
        """Return what became of the messages since a time, in steps of it, and what waits."""
        return await self._store.read(lambda tx: tx.figures.of_account(account_id, since, step_ms))

    async def waiting_of(self, account_id: AccountId, list_id: ListId) -> AccountBacklog | None:
        """Return what waits of a list, counted up to `WAITING_MAX`; None where nothing does."""
        return await self._store.read(
            lambda tx: tx.figures.waiting_of_list(account_id, list_id, WAITING_MAX)
        )

    async def attempts(self, account_id: AccountId, message_id: str) -> list[Attempt]:
        """Return a message's attempts, oldest first; none when there is no such message."""
        number = self._number(message_id)
        return await self._store.read(lambda tx: tx.lookup.attempts(account_id, number))

    async def page(
        self, account_id: AccountId, about: MessageFilter, page: int, per_page: int
    ) -> FoundPage:
        """Return one page of the messages that match; the first page is 1."""

        def read(tx: Tx) -> tuple[MessagePage, list[FoundMessage]]:
            found = tx.lookup.page(account_id, about, (page - 1) * per_page, per_page)
            return found, self._shown(tx, found.messages)

        found, messages = await self._store.read(read)
        return FoundPage(
            messages=messages,
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
        found = await self._read(lambda tx: tx.lookup.older(account_id, about, than, limit + 1))
        rows = [each.stored for each in found[:limit]]
        return MessageRange(
            messages=found[:limit], next_place=_place_of(rows) if len(found) > limit else None
        )

    async def search(
        self,
        account_id: AccountId,
        about: MessageFilter,
        than: MessagePlace,
        limit: int,
        wanted: tuple[str, str] | None = None,
    ) -> MessageSearch:
        """Return messages that match, and have a key of their metadata with the value `wanted`.

        At most `LOOKED_MAX` messages are looked at, or `METADATA_LOOKED_MAX`, in short reads,
        however many there are.
        """
        most, step = (
            (LOOKED_MAX, _AT_ONCE) if wanted is None else (METADATA_LOOKED_MAX, _METADATA_AT_ONCE)
        )
        at_once, read = _AT_FIRST, 0
        about = replace(about, metadata=wanted)
        span = await self._sent_span(account_id, about)
        place = than if span is None else span.next_from(than)
        hits: list[MessagePlace] = []
        looked, looked_to = 0, None
        while (
            place is not None and looked < most and len(hits) <= limit and read < _METADATA_READ_MAX
        ):
            # One more than is shown says whether there is an older page.
            room = limit + 1 - len(hits) if wanted is None else None
            rows, place, count = await self._look_back(account_id, about, place, at_once, room)
            looked += count
            read += 0 if wanted is None else len(rows)
            looked_to = place.created_at if place else rows[-1][0].created_at if rows else looked_to
            hits += [
                here
                for here, metadata in rows
                if wanted is None or (metadata is not None and _has(metadata, wanted))
            ]
            at_once = min(step, most - looked)
            if place is not None and about.created_from is not None:
                place = None if place.created_at < about.created_from else place
            if place is not None and span is not None and (to := span.next_from(place)) != place:
                place, at_once = to, min(_AT_FIRST, at_once)
        if len(hits) > limit:
            looked_to, place = hits[limit - 1].created_at, hits[limit - 1]
        numbers = [each.number for each in hits[:limit]]
        found = await self._read(lambda tx: tx.lookup.of_numbers(account_id, numbers))
        return MessageSearch(messages=found, looked=looked, looked_to=looked_to, next_place=place)

    async def _sent_span(self, account_id: AccountId, about: MessageFilter) -> SentSpan | None:
        """Return where messages to the recipient of a search lie, as far as that is known."""
        recipient = about.recipient
        if recipient is None:
            return None
        return await self._store.read(lambda tx: tx.lookup.sent_span(account_id, recipient))

    async def _look_back(
        self,
        account_id: AccountId,
        about: MessageFilter,
        than: MessagePlace,
        most: int,
        limit: int | None,
    ) -> LookBack:
        return await self._store.read(
            lambda tx: tx.lookup.look_back(account_id, about, than, most, limit)
        )

    async def after(
        self, account_id: AccountId, number: MessageNumber | int, limit: int
    ) -> list[FoundMessage]:
        """Return messages younger than a number, oldest first: for a caller that follows along."""
        return await self._read(lambda tx: tx.lookup.after(account_id, number, limit))

    def _number(self, message_id: str) -> MessageNumber:
        number = self._ids.read(message_id)
        if number is None:
            raise NotFound("Message not found")
        return number

    async def _read(self, find: Callable[[Tx], Sequence[StoredMessage]]) -> list[FoundMessage]:
        return await self._store.read(lambda tx: self._shown(tx, find(tx)))

    def _shown(self, tx: Tx, rows: Sequence[StoredMessage]) -> list[FoundMessage]:
        """Return messages with their ids, their links, and what has left as the handset shows it.

        However many they are, each kind of row is asked for once.
        """
        linked = [
            LinkedText(
                row.number,
                LinkSender(row.account_id, row.list_id, row.list_connector_id),
                row.body,
                row.links,
            )
            for row in rows
            if row.links
        ]
        links = self._links_of(tx, linked)
        tallies = tx.message_clicks.tallies({text.number for text in linked})
        waits = self._waits(tx, rows)
        return [
            FoundMessage(
                id=name,
                body=_body(row, name, links.get(row.number, ())),
                stored=row,
                links=links.get(row.number, ()),
                clicks=tallies.get(row.number, ClickTally()),
                waits_until=waits.get(row.number),
            )
            for row, name in zip(rows, self._ids.show_many([r.number for r in rows]), strict=True)
        ]

    def _waits(self, tx: Tx, rows: Sequence[StoredMessage]) -> dict[int, int]:
        """Return when quiet hours end for those of one account's messages that wait for that."""
        quiet = [
            row
            for row in rows
            if row.keeps_quiet and row.status is Status.QUEUED and row.send_at is None
        ]
        if not quiet:
            return {}
        now = self._now()
        zones = tx.gate.zones(quiet[0].account_id, sorted({row.recipient for row in quiet}))
        openings = {
            row.number: self._openings.opening(
                row.recipient, row.open_hours, zones.get(row.recipient), now
            )
            for row in quiet
        }
        return {number: at for number, at in openings.items() if at not in {NOW, NEVER}}

    def _links_of(self, tx: Tx, texts: Sequence[LinkedText]) -> dict[int, Sequence[MessageLink]]:
        """Return the links of messages, all of one account."""
        if not texts:
            return {}
        account_id = texts[0].sender.account_id
        led_to = {link: target_of(link) for text in texts for link in text.links.split(" ")}
        shared = {
            each.destination_id for each in led_to.values() if isinstance(each, RecipientTarget)
        }
        urls = tx.destinations.urls(account_id, sorted(shared)) if shared else {}
        offers = tx.message_clicks.offers((each, account_id) for each in shared)
        refs = tx.offers.refs(account_id, set(offers.values()))

        def leads_to(link: str) -> tuple[str, str | None]:
            target = led_to[link]
            if isinstance(target, str):
                return target, None
            found = target.destination_id
            offer = offers.get(found)
            url = shown(urls.get(found, ""), target.values)
            return url, None if offer is None else refs.get(offer)

        found: dict[int, Sequence[MessageLink]] = {}
        for text, ours in zip(texts, self._links.short_urls(tx, texts), strict=True):
            targets = [leads_to(link) for link in text.links.split(" ")]
            short_urls: Sequence[str | None] = ours or [None] * len(targets)
            found[text.number] = [
                MessageLink(short_url=short_url, destination_url=url, offer=offer)
                for short_url, (url, offer) in zip(short_urls, targets, strict=True)
            ]
        return found


def _body(row: StoredMessage, message_id: MessageId, links: Sequence[MessageLink]) -> str:
    """Return a text; once it has left, as the handset shows it."""
    if row.status in _UNFILLED:
        return row.body
    shown = [link.destination_url if link.short_url is None else link.short_url for link in links]
    body = fill_links(row.body, shown) if links else row.body
    return body.replace(MESSAGE_ID_PLACEHOLDER, message_id)


def _has(metadata: str, wanted: tuple[str, str]) -> bool:
    """Return whether a key of the metadata has a value, as text or as JSON writes it."""
    key, value = wanted
    try:
        known = _decode(metadata)
    except msgspec.DecodeError:
        return False
    found = known.get(key, ...) if isinstance(known, dict) else ...
    if isinstance(found, str):
        return found == value
    return found is not ... and _encode(found).decode() == value


def _alone(row: StoredMessage | None) -> list[StoredMessage]:
    return [] if row is None else [row]


def _place_of(rows: Sequence[StoredMessage]) -> MessagePlace | None:
    """Return the place of the last of some messages."""
    return MessagePlace(rows[-1].created_at, rows[-1].number) if rows else None
