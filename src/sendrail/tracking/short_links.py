"""Links that are in no message: made one by one, for an offer or any URL, and shown again.

Such a link stands on its list's tracking domain, like those in the list's messages.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, find_list_by_id, slice_of
from sendrail.domain import phone, sender_ids
from sendrail.domain.destinations import DestinationRules, fill_known
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.offer import OfferStatus
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.short_ids import ShortId, ShortIds, standalone_of, standalone_slot
from sendrail.domain.tracking_domain import LETTERS
from sendrail.links.destinations import destination_of
from sendrail.links.domains import LinkHost, LinkSender, TrackingDomains
from sendrail.storage.interface import Store, Tx
from sendrail.storage.tracking.conversions import LinkEarnings
from sendrail.storage.tracking.short_links import ShortLink

PHONE_MACRO: Final = "contact.phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShortLink:
    """What a caller asks for: a URL or an offer, which wins, and a list by its id or number.

    An offer is named by its public id, which wins, or as its network calls it. `recipient` fills
    the URL's `{{contact.phone}}`; `metadata` is the caller's JSON object.
    """

    url: str | None = None
    offer: str | None = None
    external_offer: str | None = None
    list_id: int | None = None
    list_number: PhoneNumber | None = None
    recipient: PhoneNumber | None = None
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class ShortLinkDetails:
    """A link with its id and its host; no host where its list has lost its tracking domain."""

    link: ShortLink
    id: ShortId
    host: LinkHost | None
    earned: LinkEarnings

    @property
    def short_url(self) -> str | None:
        """Return the link as it stands in a text."""
        return None if self.host is None else f"{self.host.prefix}{self.id}"

    @property
    def destination_url(self) -> str:
        """Return where it leads, with the macros that are filled when it is followed."""
        recipient = self.link.recipient
        known = {} if recipient is None else {PHONE_MACRO: phone.show(PhoneNumber(recipient))}
        return fill_known(self.link.url, known)


@dataclass(frozen=True, slots=True)
class ShortLinkPage:
    """One page of links, and how many there are."""

    links: Sequence[ShortLinkDetails]
    total: int


class ShortLinkService:
    """Operations on an account's links that are in no message."""

    def __init__(
        self,
        store: Store,
        ids: ShortIds,
        domains: TrackingDomains,
        rules: DestinationRules,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._ids = ids
        self._domains = domains
        self._rules = rules
        self._now = now

    async def add(
        self, account_id: AccountId, given: NewShortLink, *, guard: Guard = unguarded
    ) -> ShortLinkDetails:
        """Make a new link, whatever others lead to the same.

        Raises `InvalidInput` with the field at fault, `NotFound` for another account's list or
        offer and for an offer that is not active, and `Conflict` where the list has no tracking
        domain.
        """
        if not (given.offer or given.external_offer or given.url):
            raise InvalidInput(
                "url or offerId is required", code="missing_url_or_offer", param="url"
            )
        if given.list_id is None and given.list_number is None:
            raise InvalidInput(
                "listId or phoneNumber is required", code="missing_list_identifier", param="listId"
            )
        url = (
            None
            if given.offer or given.external_offer
            else destination_of(given.url or "", self._rules, "url")
        )

        def add(tx: Tx) -> ShortLinkDetails:
            now = self._now()
            sender = _list(tx, account_id, given)
            if url is None:
                leads_to, offer_id = _offer(tx, account_id, given, now)
            else:
                leads_to, offer_id = url, None
            if self._host_of(tx, account_id, sender) is None:
                raise Conflict(
                    "The list has no tracking domain for its links",
                    code="no_domain_configured",
                )
            link_id = tx.short_links.add(
                account_id,
                list_id=sender.id,
                destination_id=_destination(tx, account_id, leads_to, offer_id, now),
                recipient=given.recipient,
                metadata=given.metadata,
                now=now,
            )
            return self._owned(tx, account_id, link_id)

        return await self._store.write(guard(add))

    async def page(
        self, account_id: AccountId, *, page: int = 1, per_page: int = PAGE_SIZE
    ) -> ShortLinkPage:
        """Return one page of links, newest first."""
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> ShortLinkPage:
            found, total = tx.short_links.page(account_id, offset, limit)
            return ShortLinkPage(self._details(tx, found), total)

        return await self._store.read(read)

    async def show(self, account_id: AccountId, short_id: str) -> ShortLinkDetails:
        """Return one link by its short id. Raises `NotFound`, the same for another account's."""
        letters = len(short_id)
        slot = self._ids.read(short_id, letters) if letters in LETTERS else None
        link_id = None if slot is None else standalone_of(slot)
        if link_id is None:
            raise _no_link()
        return await self._store.read(lambda tx: self._owned(tx, account_id, link_id))

    async def short_ids(
        self, account_id: AccountId, link_ids: Collection[int]
    ) -> Mapping[int, ShortId]:
        """Return the short ids of those of the account's links that have one of these ids."""
        if not link_ids:
            return {}

        def read(tx: Tx) -> dict[int, ShortId]:
            found = tx.short_links.find_all(account_id, link_ids)
            return {link.id: self._short_id(link.id, self._stands_on(tx, link)) for link in found}

        return await self._store.read(read)

    def _owned(self, tx: Tx, account_id: AccountId, link_id: int) -> ShortLinkDetails:
        link = tx.short_links.find(account_id, link_id)
        if link is None:
            raise _no_link()
        return self._details(tx, [link])[0]

    def _details(self, tx: Tx, links: Sequence[ShortLink]) -> list[ShortLinkDetails]:
        """Return links of one account with what they have earned."""
        earned = {}
        if links:
            earned = tx.conversions.of_links(links[0].account_id, [each.id for each in links])
        return [self._described(tx, each, earned.get(each.id, LinkEarnings())) for each in links]

    def _described(self, tx: Tx, link: ShortLink, earned: LinkEarnings) -> ShortLinkDetails:
        host = self._stands_on(tx, link)
        return ShortLinkDetails(link, self._short_id(link.id, host), host, earned)

    def _stands_on(self, tx: Tx, link: ShortLink) -> LinkHost | None:
        return self._domains.host_of(
            tx, LinkSender(link.account_id, link.list_id, link.connector_id)
        )

    def _short_id(self, link_id: int, host: LinkHost | None) -> ShortId:
        slot = standalone_slot(link_id)
        return self._ids.show(slot) if host is None else self._ids.show(slot, host.letters)

    def _host_of(self, tx: Tx, account_id: AccountId, sender: SendingList) -> LinkHost | None:
        return self._domains.host_of(tx, LinkSender(account_id, sender.id, sender.connector_id))


def _list(tx: Tx, account_id: AccountId, given: NewShortLink) -> SendingList:
    """Return the list that is named, by its id before its number."""
    if given.list_id is not None:
        found, param = find_list_by_id(tx, account_id, given.list_id), "listId"
    else:
        assert given.list_number is not None, "a list is named"
        found, param = tx.lists.find(account_id, given.list_number), "phoneNumber"
        if found is None and not sender_ids.takes_replies(given.list_number):
            # Nearly every short text may be the name of a sender: one that is no list's is a
            # number that was written wrong.
            raise InvalidInput(
                f"phoneNumber must be the number of a list: {sender_ids.FORM}",
                code="invalid_phone",
                param="phoneNumber",
            )
    if found is None or found.status is ListStatus.DELETED:
        raise NotFound(
            "There is no such list, or it is not yours.", code="list_not_found", param=param
        )
    return found


def _offer(tx: Tx, account_id: AccountId, given: NewShortLink, now: int) -> tuple[str, OfferId]:
    """Return where an offer leads, and its id."""
    if given.offer:
        offer, param = tx.offers.by_ref(account_id, given.offer), "offerId"
    else:
        external = given.external_offer or ""
        offer, param = tx.offers.by_external_id(account_id, external), "externalOfferId"
    if offer is None:
        text = "There is no such offer, or it is not yours."
        raise NotFound(text, code="offer_not_found", param=param)
    if (status := offer.status_at(now)) is not OfferStatus.ACTIVE:
        raise NotFound(f"The offer is {status}.", code="offer_not_found", param=param)
    return offer.tracking_url, offer.id


def _destination(
    tx: Tx, account_id: AccountId, url: str, offer_id: OfferId | None, now: int
) -> int:
    """Return the id of a destination, which is made where it is not there yet."""
    found = tx.destinations.find(account_id, [url], offer_id)
    if not found:
        tx.destinations.add(account_id, [url], now, offer_id)
        found = tx.destinations.find(account_id, [url], offer_id)
    return found[url]


def _no_link() -> NotFound:
    return NotFound("There is no such link, or it is not yours.")
