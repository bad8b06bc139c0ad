"""From short ids to the links behind them: deciphered, found and completed in groups."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from sendrail.domain.ids import AccountId, ConnectorId, ListId, lane_in
from sendrail.domain.short_ids import SHORT_LETTERS, ShortIds, Slot
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.links.slots import LinkPlace, LinkSlots
from sendrail.storage.interface import Tx
from sendrail.storage.tracking.clicks import LinkedMessage
from sendrail.tracking.destinations import DestinationReader, LinkDestination, RecentRows

_SIMULATOR: Final = "simulator"


class Link(NamedTuple):
    """A short link that leads somewhere.

    `number` is its message's, or that of a standalone link, which has no `position`. `sent_at` is
    when its message was handed over, None where it was not yet.
    """

    slot: Slot
    lane: int
    account_id: AccountId
    number: int
    position: int | None
    list_id: ListId
    recipient: int | None
    created_at: int
    sent_at: int | None
    is_sandboxed: bool
    destination: LinkDestination

    def is_on(self, domain: TrackingDomain | None) -> bool:
        """Return whether a host serves this link; None is the server's own, for the sandbox."""
        return self.is_sandboxed if domain is None else domain.account_id == self.account_id


class NoLink(Enum):
    """Why an id leads nowhere."""

    # There never was such a link on this host.
    UNKNOWN = 1
    # Its message is gone, or was erased.
    GONE = 2


class WantedLink(NamedTuple):
    """A short id, and the host that it came to: None is the server's own."""

    text: str
    domain: TrackingDomain | None


class LinkFinder:
    """Finds links, within a transaction."""

    def __init__(self, ids: ShortIds, slots: LinkSlots, destinations: DestinationReader) -> None:
        self._ids = ids
        self._slots = slots
        self._destinations = destinations
        self._sandboxes = SandboxLists()

    def find(self, tx: Tx, wanted: Sequence[WantedLink], now: int) -> list[Link | NoLink]:
        """Return the link behind each id, or why there is none on the host that it came to.

        A link of another host's account is looked up like any other, and then is unknown: the
        time that it takes says nothing.
        """
        slots = self._read(wanted)
        known = [slot for slot in slots if slot is not None]
        places = dict(zip(known, self._slots.messages(tx, known), strict=True))
        made = {each.number: each.made_at for each in places.values() if each is not None}
        messages = tx.clicks.linked(list(made.items()))
        given = tx.clicks.given(made.keys() - messages.keys())
        destinations = self._destinations.shared(tx, _shared_of(messages.values()))
        found: list[Link | NoLink] = []
        for (_, domain), slot in zip(wanted, slots, strict=True):
            place = None if slot is None else places[slot]
            if slot is None or place is None:
                found.append(NoLink.UNKNOWN)
            elif place.number not in messages:
                found.append(NoLink.GONE if place.number in given else NoLink.UNKNOWN)
            else:
                message = messages[place.number]
                is_sandboxed = domain is None and self._sandboxes.has(tx, message, now)
                if is_sandboxed or (domain and domain.account_id == message.account_id):
                    found.append(self._link(slot, place, message, is_sandboxed, destinations))
                else:
                    found.append(NoLink.UNKNOWN)
        return found

    def _read(self, wanted: Sequence[WantedLink]) -> list[Slot | None]:
        """Return the slots of ids; one of another length than its host's has none."""
        texts = [text for text, _ in wanted]
        if all(len(text) == SHORT_LETTERS for text in texts):
            slots = self._ids.read_many(texts)
        else:
            slots = [self._ids.read(text, len(text)) for text in texts]
        return [
            slot if len(text) == (domain.letters if domain else SHORT_LETTERS) else None
            for (text, domain), slot in zip(wanted, slots, strict=True)
        ]

    def _link(
        self,
        slot: Slot,
        place: LinkPlace,
        message: LinkedMessage,
        is_sandboxed: bool,
        destinations: Mapping[tuple[AccountId, int], LinkDestination | None],
    ) -> Link | NoLink:
        if message.links is None:
            return NoLink.GONE
        targets = message.links.split(" ")
        if place.position >= len(targets):
            return NoLink.UNKNOWN
        target, account_id = targets[place.position], message.account_id
        destination = (
            destinations[account_id, int(target)]
            if target.isdecimal()
            else self._destinations.own(target)
        )
        if destination is None:
            return NoLink.GONE
        return Link(
            slot, lane_in(place.number), account_id, place.number, place.position,
            message.list_id, message.recipient, message.created_at, message.sent_at, is_sandboxed,
            destination,
        )  # fmt: skip


class SandboxLists:
    """Knows which lists are of the sandbox."""

    def __init__(self) -> None:
        self._lists: RecentRows[ListId, bool] = RecentRows()
        # A connector's kind never changes.
        self._kinds: dict[ConnectorId, str] = {}

    def has(self, tx: Tx, message: LinkedMessage, now: int) -> bool:
        """Return whether a message's list sends by a simulator."""
        list_id = message.list_id
        known = self._lists.get([list_id], now)
        if list_id not in known:
            known = {list_id: self._look(tx, message.account_id, list_id)}
            self._lists.put(known, now)
        return known[list_id]

    def _look(self, tx: Tx, account_id: AccountId, list_id: ListId) -> bool:
        sender = tx.lists.find_id(account_id, list_id)
        if sender is None:
            return False
        if sender.connector_id not in self._kinds:
            self._kinds = {each.id: each.kind for each in tx.connectors.all()}
        return self._kinds.get(sender.connector_id) == _SIMULATOR


def _shared_of(messages: Iterable[LinkedMessage]) -> set[tuple[AccountId, int]]:
    """Return the destinations that messages name, by account and id."""
    return {
        (message.account_id, int(target))
        for message in messages
        if message.links
        for target in message.links.split(" ")
        if target.isdecimal()
    }
