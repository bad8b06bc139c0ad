# ruff: noqa: ARG002 - a door that knows nothing uses no argument
"""What conversions ask of links and clicks, through one small door.

`EmptyLinkReader` is the door of an installation that tracks none: it knows no link and no click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sendrail.domain.conversion import SentMessage
from sendrail.domain.ids import AccountId, MessageNumber, OfferId
from sendrail.storage.interface import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTarget:
    """The message and the offer of a link; `clicked_at` only where a human click is named."""

    account_id: AccountId
    number: MessageNumber
    offer_id: OfferId | None
    clicked_at: int | None = None


class LinkReader(Protocol):
    """Reads links and clicks within a transaction."""

    def link(self, tx: Tx, link_id: str) -> LinkTarget | None:
        """Return what a short link's id names."""
        ...

    def click(self, tx: Tx, click_id: str) -> LinkTarget | None:
        """Return what a click's id names; nobody can make one up."""
        ...

    def first_click(self, tx: Tx, message: SentMessage) -> int | None:
        """Return when a message was first clicked by a human, in milliseconds."""
        ...

    def offer_of(self, tx: Tx, message: SentMessage) -> OfferId | None:
        """Return the offer of a message's first link."""
        ...

    def first_clicks(self, tx: Tx, messages: Sequence[SentMessage]) -> Mapping[MessageNumber, int]:
        """Return `first_click` of those that have one, in a bounded number of statements."""
        ...

    def offers_of(self, tx: Tx, messages: Sequence[SentMessage]) -> Mapping[MessageNumber, OfferId]:
        """Return `offer_of` of those that have one, in a bounded number of statements."""
        ...

    def leads_to(self, tx: Tx, message: SentMessage, offer_id: OfferId) -> bool:
        """Return whether a message has a link to an offer, or may have one."""
        ...

    def first_clicked(
        self, tx: Tx, account_id: AccountId, offer_id: OfferId, since: int
    ) -> LinkTarget | None:
        """Return the first human click on an offer since a time: a coupon names no message."""
        ...


class EmptyLinkReader:
    """No link is known, so that a message may have had any."""

    def link(self, tx: Tx, link_id: str) -> LinkTarget | None:
        return None

    def click(self, tx: Tx, click_id: str) -> LinkTarget | None:
        return None

    def first_click(self, tx: Tx, message: SentMessage) -> int | None:
        return None

    def offer_of(self, tx: Tx, message: SentMessage) -> OfferId | None:
        return None

    def first_clicks(self, tx: Tx, messages: Sequence[SentMessage]) -> Mapping[MessageNumber, int]:
        return {}

    def offers_of(self, tx: Tx, messages: Sequence[SentMessage]) -> Mapping[MessageNumber, OfferId]:
        return {}

    def leads_to(
        self,
        tx: Tx,
        message: SentMessage,
        offer_id: OfferId,
    ) -> bool:
        return True

    def first_clicked(
        self,
        tx: Tx,
        account_id: AccountId,
        offer_id: OfferId,
        since: int,
    ) -> LinkTarget | None:
        return None
