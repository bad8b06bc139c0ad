"""Texts with short links: their true length when they are accepted, their ids when they leave.

A stored text has marks where its links were, so that accepting needs no cipher. The short ids
follow from the message's number, and the tracking domain is the list's at the time.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sendrail.domain.destinations import fill_links
from sendrail.domain.ids import AccountId
from sendrail.domain.short_ids import SHORT_LETTERS, ShortIds
from sendrail.links.domains import LinkSender, TrackingDomains
from sendrail.links.slots import LinkSlots
from sendrail.storage.interface import Tx

_STAND_IN: Final = "0" * SHORT_LETTERS


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

    def prefix_of(self, tx: Tx, sender: LinkSender) -> str | None:
        """Return what a list's short links begin with, or None where it can have none."""
        return self._domains.prefix_of(tx, sender)

    def fill(self, tx: Tx, texts: Sequence[LinkedText]) -> list[str]:
        """Return texts with their short links.

        Where a list has lost its tracking domain since, its links are the URLs they lead to.
        """
        prefixes = {
            sender: self.prefix_of(tx, sender) for sender in {text.sender for text in texts}
        }
        targets = [text.links.split(" ") for text in texts]
        firsts = self._slots.first_slots(tx, [text.number for text in texts])
        slots = [
            first + position
            for first, links in zip(firsts, targets, strict=True)
            for position in range(len(links))
        ]
        ids = iter(self._ids.show_many(slots))
        filled = []
        for text, links in zip(texts, targets, strict=True):
            ours = [next(ids) for _ in links]
            prefix = prefixes[text.sender]
            shown = (
                urls_of(tx, text.sender.account_id, links)
                if prefix is None
                else [f"{prefix}{each}" for each in ours]
            )
            filled.append(fill_links(text.body, shown))
        return filled


def measurable(body: str, prefix: str, count: int) -> str:
    """Return a text of the length that it will have with its links."""
    return fill_links(body, [f"{prefix}{_STAND_IN}"] * count)


def urls_of(tx: Tx, account_id: AccountId, links: Sequence[str]) -> list[str]:
    """Return where links lead; one whose destination is gone leads nowhere."""
    ids = [int(link) for link in links if link.isdecimal()]
    urls = tx.destinations.urls(account_id, ids) if ids else {}
    return [urls.get(int(link), "") if link.isdecimal() else link for link in links]
