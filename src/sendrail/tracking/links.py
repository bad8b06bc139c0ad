"""What conversions ask of links and clicks: whose they are, and when a person clicked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sendrail.domain.click_classes import ClickClass
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.conversion import SentMessage
from sendrail.domain.ids import AccountId, ListId, MessageNumber, OfferId
from sendrail.domain.recipient_links import destination_of
from sendrail.domain.short_ids import LONG_LETTERS, SHORT_LETTERS, ShortIds, Slot, standalone_of
from sendrail.links.slots import LinkSlots
from sendrail.storage.interface import Tx
from sendrail.storage.tracking.clicks import LinkedMessage
from sendrail.storage.tracking.message_clicks import TakenClick

_EVER: Final = 1 << 62
# Three seconds of a large campaign's; where the counting is far behind, the others wait for it.
_UNCOUNTED_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTarget:
    """The message and the offer of a link; `clicked_at` only where a human click is named.

    `named_at` is when the click was that is named by its id, be it a machine's. A link that is in
    no message has an id and a list of its own instead of the number. Of all its clicks the last one
    counts: each may be another person's.
    """

    account_id: AccountId
    number: MessageNumber | None
    offer_id: OfferId | None
    clicked_at: int | None = None
    named_at: int | None = None
    link_id: int | None = None
    list_id: ListId | None = None


class LinkReader:
    """Reads the links of messages, and the clicks on them, within a transaction."""

    def __init__(self, ids: ShortIds, click_ids: ClickIds, slots: LinkSlots) -> None:
        self._ids = ids
        self._click_ids = click_ids
        self._slots = slots

    def link(self, tx: Tx, link_id: str) -> LinkTarget | None:
        """Return what a short link's id names."""
        is_one = len(link_id) in {SHORT_LETTERS, LONG_LETTERS}
        slot = self._ids.read(link_id, len(link_id)) if is_one else None
        found = None if slot is None else self._at(tx, slot)
        return None if found is None else found.target

    def click(self, tx: Tx, click_id: str) -> LinkTarget | None:
        """Return what a click's id names; no client can make one up.

        What it says of the time counts where it was a person's: the click's row may be gone.
        """
        parts = self._click_ids.read(click_id)
        found = None if parts is None else self._at(tx, parts.slot)
        if parts is None or found is None:
            return None
        named_at = found.created_at + parts.after_ms
        is_human = parts.click_class == ClickClass.HUMAN
        return replace(found.target, clicked_at=named_at if is_human else None, named_at=named_at)

    def first_click(self, tx: Tx, message: SentMessage) -> int | None:
        """Return when a message was first clicked by a human, in milliseconds."""
        return self.first_clicks(tx, [message]).get(message.number)

    def first_clicks(self, tx: Tx, messages: Sequence[SentMessage]) -> Mapping[MessageNumber, int]:
        """Return `first_click` of those that have one.

        A click that is not counted yet is believed: an advertiser's page may report what happened
        behind it within a second, and no network repeats what was refused.
        """
        numbers = {each.number for each in messages}
        found = tx.message_clicks.first_clicks(numbers)
        missing = numbers - found.keys()
        if missing:
            found |= {
                click.number: click.at
                for click in _uncounted(tx)
                if click.number in missing and click.position is not None
            }
        return {MessageNumber(number): at for number, at in found.items()}

    def offer_of(self, tx: Tx, message: SentMessage) -> OfferId | None:
        """Return the offer of a message's first link that leads to one."""
        return self.offers_of(tx, [message]).get(message.number)

    def offers_of(self, tx: Tx, messages: Sequence[SentMessage]) -> Mapping[MessageNumber, OfferId]:
        """Return `offer_of` of those that have one."""
        links = _links(tx, messages)
        offers = _offers(tx, links.values())
        found = {}
        for number, message in links.items():
            led_to = [offers[each] for each in _shared(message) if each in offers]
            if led_to:
                found[number] = led_to[0]
        return found

    def leads_to(self, tx: Tx, message: SentMessage, offer_id: OfferId) -> bool:
        """Return whether a message has a link to an offer, or may have one.

        One without short links may name the offer's URL in its text.
        """
        linked = _links(tx, [message]).get(message.number)
        if linked is None or not linked.links:
            return True
        return offer_id in _offers(tx, [linked]).values()

    def first_clicked(
        self, tx: Tx, account_id: AccountId, offer_id: OfferId, since: int
    ) -> LinkTarget | None:
        """Return the first human click on an offer since a time: a coupon names no message."""
        found = tx.message_clicks.first_of_offer(account_id, offer_id, since)
        if found is None:
            return None
        number, clicked_at = found
        return LinkTarget(
            account_id=account_id, number=number, offer_id=offer_id, clicked_at=clicked_at
        )

    def _at(self, tx: Tx, slot: Slot) -> "_Found | None":
        """Return the link of a slot, and when it or its message was made."""
        if (link_id := standalone_of(slot)) is not None:
            return _standalone(tx, link_id)
        [place] = self._slots.messages(tx, [slot])
        if place is None:
            return None
        message = tx.clicks.linked([(place.number, place.made_at)]).get(place.number)
        links = message.links.split(" ") if message is not None and message.links else []
        if message is None or place.position >= len(links):
            return None
        link = links[place.position]
        offers = _offers(tx, [message])
        target = LinkTarget(
            account_id=message.account_id,
            number=message.number,
            offer_id=offers.get(destination_of(link) or 0),
        )
        return _Found(target, message.created_at)


class _Found(NamedTuple):
    """What an id names, and the time from which those of its clicks count."""

    target: LinkTarget
    created_at: int


def _standalone(tx: Tx, link_id: int) -> _Found | None:
    """Return a link that is in no message, whatever its account."""
    known = tx.clicks.standalone([link_id]).get(link_id)
    link = None if known is None else tx.short_links.find(known.account_id, link_id)
    if link is None:
        return None
    clicked_at = link.last_clicked_at if link.human_clicks else None
    if clicked_at is None:
        ours = (
            each.at for each in _uncounted(tx) if (each.number, each.position) == (link_id, None)
        )
        clicked_at = next(ours, None)
    target = LinkTarget(
        account_id=link.account_id,
        number=None,
        offer_id=link.offer_id,
        clicked_at=clicked_at,
        link_id=link.id,
        list_id=link.list_id,
    )
    return _Found(target, link.created_at)


def _uncounted(tx: Tx) -> list[TakenClick]:
    """Return clicks of people that wait to be counted, the latest first; not all of very many."""
    waiting = tx.message_clicks.waiting(_EVER, _EVER, _UNCOUNTED_MAX)
    return [each for each in reversed(waiting) if each.click_class is ClickClass.HUMAN]


def _links(tx: Tx, messages: Sequence[SentMessage]) -> dict[MessageNumber, LinkedMessage]:
    places = [(each.number, each.created_at) for each in messages]
    return tx.clicks.linked(places) if places else {}


def _shared(message: LinkedMessage) -> list[int]:
    """Return the destinations of a message's links, those that messages share."""
    links = message.links.split(" ") if message.links else []
    return [found for each in links if (found := destination_of(each)) is not None]


def _offers(tx: Tx, messages: Iterable[LinkedMessage]) -> dict[int, OfferId]:
    """Return the offers of the destinations that messages lead to."""
    wanted = [(link, each.account_id) for each in messages for link in _shared(each)]
    return tx.message_clicks.offers(wanted)
