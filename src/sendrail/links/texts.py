"""Texts with short links: their true length when they are accepted, their ids when they leave.

A stored text has marks where its links were, so that accepting needs no cipher. The short ids
follow from the message's number, and the tracking domain is the list's at the time.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.domain.destinations import fill_links
from sendrail.domain.ids import AccountId
from sendrail.domain.recipient_links import RecipientTarget, shown, target_of
from sendrail.domain.short_ids import LINKS_MAX, ShortId, ShortIds
from sendrail.links.domains import LinkHost, LinkSender, TrackingDomains
from sendrail.links.slots import LinkSlots
from sendrail.storage.interface import Tx


class LinkedText(NamedTuple):
    """A stored text with its links, as `messages.links` has them."""

    number: int
    sender: LinkSender
    body: str
    links: str


class LinkTexts:
    """Fills the marks of texts."""

    def __init__(self, ids: ShortIds, slots: LinkSlots, domains: TrackingDomains) -> None:
        self._ids = ids
        self._slots = slots
        self._domains = domains

    @property
    def domains(self) -> TrackingDomains:
        """Return what knows the tracking domains."""
        return self._domains

    def host_of(self, tx: Tx, sender: LinkSender) -> LinkHost | None:
        """Return what a list's short links begin with, or None where it can have none."""
        return self._domains.host_of(tx, sender)

    def fill(self, tx: Tx, texts: Sequence[LinkedText]) -> list[str]:
        """Return texts with their short links.

        Where a list has lost its tracking domain since, its links are the URLs they lead to.
        """
        filled = []
        for text, ours in zip(texts, self.short_urls(tx, texts), strict=True):
            links = text.links.split(" ")
            shown = urls_of(tx, text.sender.account_id, links) if ours is None else ours
            filled.append(fill_links(text.body, shown))
        return filled

    def short_urls(self, tx: Tx, texts: Sequence[LinkedText]) -> list[list[str] | None]:
        """Return the short links of texts, None where a list has no tracking domain."""
        hosts = {sender: self.host_of(tx, sender) for sender in {text.sender for text in texts}}
        counts = [len(text.links.split(" ")) for text in texts]
        ids = iter(self._ids_of(tx, texts, counts, hosts))
        found: list[list[str] | None] = []
        for text, count in zip(texts, counts, strict=True):
            ours, host = [next(ids) for _ in range(count)], hosts[text.sender]
            found.append(None if host is None else [f"{host.prefix}{each}" for each in ours])
        return found

    def _ids_of(
        self,
        tx: Tx,
        texts: Sequence[LinkedText],
        counts: Sequence[int],
        hosts: Mapping[LinkSender, LinkHost | None],
    ) -> list[ShortId]:
        """Return the ids of all links of the texts, each of as many letters as its host's have."""
        slots: list[int] = []
        letters: list[int] = []
        firsts = self._slots.first_slots(tx, [text.number for text in texts])
        for text, first, count in zip(texts, firsts, counts, strict=True):
            slots += range(first, first + count)
            letters += [(hosts[text.sender] or _ANY).letters] * count
        lengths = set(letters)
        if len(lengths) == 1:
            return self._ids.show_many(slots, lengths.pop())
        by_length = {each: self._ids.show_many(slots, each) for each in lengths}
        return [by_length[each][at] for at, each in enumerate(letters)]


# Where a text's links are shown as their URLs, its ids are not.
_ANY: Final = LinkHost("")


def stand_ins(host: LinkHost) -> Sequence[Sequence[str]]:
    """Return what is as long as the links of a text, for each number of links from 0 on.

    So a text can be measured before its links are known.
    """
    one = host.prefix + "0" * host.letters
    return [[one] * count for count in range(LINKS_MAX + 1)]


def urls_of(tx: Tx, account_id: AccountId, links: Sequence[str]) -> list[str]:
    """Return where links lead; one whose destination is gone leads nowhere."""
    targets = [target_of(link) for link in links]
    ids = [each.destination_id for each in targets if isinstance(each, RecipientTarget)]
    urls = tx.destinations.urls(account_id, ids) if ids else {}
    return [
        each if isinstance(each, str) else shown(urls.get(each.destination_id, ""), each.values)
        for each in targets
    ]
