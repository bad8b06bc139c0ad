"""From short ids to the links behind them: deciphered, found and completed in groups."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import AccountId, ListId, lane_in, lane_of
from sendrail.domain.recipient_links import RecipientTarget, target_of
from sendrail.domain.short_ids import SHORT_LETTERS, ShortIds, Slot, standalone_of
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.links.sandbox import SandboxConnectors
from sendrail.links.slots import LinkPlace, LinkSlots
from sendrail.storage.interface import Tx
from sendrail.storage.tracking.clicks import LinkedMessage
from sendrail.tracking.destinations import DestinationReader, LinkDestination, RecentRows

_NO_VALUES: Final[Mapping[str, str]] = {}


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
    # The recipient's values of its URL's macros, by the names of their fields.
    values: Mapping[str, str] = _NO_VALUES

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
        behind = self._behind(tx, [slot for slot in slots if slot is not None])
        targets = [each for each in behind.values() if isinstance(each, _Target)]
        destinations = self._destinations.shared(tx, _shared_of(targets))
        found: list[Link | NoLink] = []
        for (_, domain), slot in zip(wanted, slots, strict=True):
            if slot is None:
                found.append(NoLink.UNKNOWN)
                continue
            target = behind[slot]
            if isinstance(target, NoLink):
                found.append(target)
                continue
            is_sandboxed = domain is None and self._sandboxes.has(tx, target, now)
            if is_sandboxed or (domain and domain.account_id == target.account_id):
                found.append(self._link(slot, target, is_sandboxed, destinations))
            else:
                found.append(NoLink.UNKNOWN)
        return found

    def _behind(self, tx: Tx, slots: Sequence[Slot]) -> dict[Slot, "_Target | NoLink"]:
        """Return what stands behind slots, whatever their accounts."""
        found: dict[Slot, _Target | NoLink] = dict.fromkeys(slots, NoLink.UNKNOWN)
        places = zip(slots, self._slots.messages(tx, slots), strict=True)
        of_messages = {slot: place for slot, place in places if place is not None}
        if of_messages:
            found |= _in_messages(tx, of_messages)
        if len(of_messages) < len(found):
            found |= _standalone(tx, found.keys() - of_messages.keys())
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
        target: "_Target",
        is_sandboxed: bool,
        destinations: Mapping[tuple[AccountId, int], LinkDestination | None],
    ) -> Link | NoLink:
        leads_to = target.leads_to
        if isinstance(leads_to, NoLink):
            return leads_to
        destination = (
            destinations[target.account_id, leads_to.destination_id]
            if isinstance(leads_to, RecipientTarget)
            else self._destinations.own(leads_to)
        )
        if destination is None:
            return NoLink.GONE
        return Link(
            slot, target.lane, target.account_id, target.number, target.position, target.list_id,
            target.recipient, target.created_at, target.sent_at, is_sandboxed, destination,
            leads_to.values if isinstance(leads_to, RecipientTarget) else _NO_VALUES,
        )  # fmt: skip


class _Target(NamedTuple):
    """What stands behind a slot: a place in a message, or a standalone link.

    It leads to a destination, to a URL of its own, or nowhere any more.
    """

    lane: int
    account_id: AccountId
    number: int
    position: int | None
    list_id: ListId
    recipient: int | None
    created_at: int
    sent_at: int | None
    leads_to: RecipientTarget | str | NoLink


def _in_messages(tx: Tx, places: Mapping[Slot, LinkPlace]) -> dict[Slot, _Target | NoLink]:
    """Return what stands behind the slots of messages."""
    made = {place.number: place.made_at for place in places.values()}
    messages = tx.clicks.linked(list(made.items()))
    given = tx.clicks.given(made.keys() - messages.keys())
    found: dict[Slot, _Target | NoLink] = {}
    for slot, (number, position, _) in places.items():
        if (message := messages.get(number)) is not None:
            found[slot] = _Target(
                lane_in(number), message.account_id, number, position, message.list_id,
                message.recipient, message.created_at, message.sent_at,
                _leads_to(message, position),
            )  # fmt: skip
        else:
            found[slot] = NoLink.GONE if number in given else NoLink.UNKNOWN
    return found


def _leads_to(message: LinkedMessage, position: int) -> RecipientTarget | str | NoLink:
    if message.links is None:
        return NoLink.GONE
    targets = message.links.split(" ")
    if position >= len(targets):
        return NoLink.UNKNOWN
    return target_of(targets[position])


def _standalone(tx: Tx, slots: Iterable[Slot]) -> dict[Slot, _Target | NoLink]:
    """Return what stands behind the slots of links that are in no message."""
    ids = {slot: standalone_of(slot) for slot in slots}
    wanted = [each for each in ids.values() if each is not None]
    links = tx.clicks.standalone(wanted) if wanted else {}
    return {
        slot: _Target(
            lane_of(link.list_id), link.account_id, link.id, None, link.list_id, link.recipient,
            link.created_at, None,
            # One that was made for a person ends with their erasure, as those in messages do.
            NoLink.GONE if link.recipient == REDACTED
            else RecipientTarget(link.destination_id, _NO_VALUES),
        )
        for slot, each in ids.items()
        if each is not None and (link := links.get(each)) is not None
    }  # fmt: skip


class SandboxLists:
    """Knows which lists are of the sandbox."""

    def __init__(self) -> None:
        self._lists: RecentRows[ListId, bool] = RecentRows()
        self._sandboxes = SandboxConnectors()

    def has(self, tx: Tx, target: "_Target", now: int) -> bool:
        """Return whether a link's list sends by a simulator."""
        list_id = target.list_id
        known = self._lists.get([list_id], now)
        if list_id not in known:
            known = {list_id: self._look(tx, target.account_id, list_id)}
            self._lists.put(known, now)
        return known[list_id]

    def _look(self, tx: Tx, account_id: AccountId, list_id: ListId) -> bool:
        sender = tx.lists.find_id(account_id, list_id)
        return sender is not None and self._sandboxes.has(tx, sender.connector_id)


def _shared_of(targets: Iterable[_Target]) -> set[tuple[AccountId, int]]:
    """Return the destinations that are named, by account and id."""
    return {
        (target.account_id, target.leads_to.destination_id)
        for target in targets
        if isinstance(target.leads_to, RecipientTarget)
    }
