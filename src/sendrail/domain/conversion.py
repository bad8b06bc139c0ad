"""Conversions: what happened behind a link, what it earned, and whether a message earned it.

A refund or a chargeback is an event of its own with a negative amount: revenue is the sum of all
amounts, and a conversion that was taken back stays counted, because it happened.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, ConversionId, Lane, ListId, MessageNumber, OfferId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import DAY_MS

# By how much another system's clock may differ from ours: a conversion that seems to precede its
# click, or to lie ahead.
SKEW_MS: Final = 60_000
CURRENCY: Final = "USD"


class ConversionEvent(StrEnum):
    """What happened."""

    LEAD = "lead"
    SALE = "sale"
    REBILL = "rebill"
    INSTALL = "install"
    SIGNUP = "signup"
    REFUND = "refund"
    CHARGEBACK = "chargeback"

    @property
    def takes_back(self) -> bool:
        """Return whether it takes an amount back."""
        return self in {ConversionEvent.REFUND, ConversionEvent.CHARGEBACK}


class Attribution(StrEnum):
    """By what a message earned: `sale` and `click` need a human click, `send` does not."""

    SALE = "sale"
    CLICK = "click"
    SEND = "send"
    # NewEarnings in the system that the account came from, which has judged it.
    MIGRATION = "migration"


class ConversionSource(StrEnum):
    """How a conversion came."""

    API = "api"
    OFFER = "offer"
    LINK = "link"
    CLICK = "click"
    PIXEL = "pixel"
    COUPON = "coupon"
    TUNE = "tune"
    EVERFLOW = "everflow"
    HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """The message that a conversion is about; one that was imported has a negative number."""

    number: MessageNumber
    lane: Lane
    account_id: AccountId
    list_id: ListId
    # None where the person's data was deleted.
    recipient: PhoneNumber | None
    created_at: int
    # What it comes from, 0 where an account sent it itself; and when it was sent at last.
    origin_id: int = 0
    sending_at: int | None = None

    @property
    def is_imported(self) -> bool:
        """Whether another platform sent it."""
        return self.number < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One conversion as it is kept.

    `amount` and `payout` are ten-thousandths of the currency's unit; `amount` is negative where an
    earlier one is taken back, which `takes_back` names once it is known. One that is not
    `attributed` is in no sum.
    """

    id: ConversionId
    account_id: AccountId
    offer_id: OfferId | None
    event: ConversionEvent
    external_id: str | None
    number: MessageNumber | None
    list_id: ListId | None
    source: ConversionSource
    attribution: Attribution
    amount: int
    payout: int | None
    currency: str
    at: int
    created_at: int
    imported: bool
    attributed: bool
    takes_back: ConversionId | None
    # By what a second report of the same is recognized; None where each is new.
    known_by: str | None
    # The link that it came by, where that is in no message.
    link_id: int | None = None


def is_future(at: int, now: int) -> bool:
    """Return whether a time that another system names has not come yet."""
    return at > now + SKEW_MS


def is_within(at: int, clicked_at: int | None, window_ms: int) -> bool:
    """Return whether a conversion counts for a click: at most the window after it."""
    return clicked_at is not None and -SKEW_MS <= at - clicked_at <= window_ms


def is_earned(attribution: Attribution, at: int, clicked_at: int | None, window_ms: int) -> bool:
    """Return whether a message earned a conversion."""
    if attribution in {Attribution.SEND, Attribution.MIGRATION}:
        return True
    return is_within(at, clicked_at, window_ms)


def day_key(number: int, at: int) -> str:
    """Return what a conversion without a transaction is known by: one a message and day."""
    return f"d:{number}:{at // DAY_MS}"


def click_key(link_id: int, clicked_at: int, at: int) -> str:
    """Return what a conversion by a click on a link in no message is known by: one a day."""
    return f"c:{link_id}:{clicked_at}:{at // DAY_MS}"


def import_key(number: int, at: int, amount: int) -> str:
    """Return what an imported conversion without a transaction is known by.

    The same file twice has the same message, time and amount.
    """
    return f"h:{number}:{at}:{amount}"


def transaction_key(external_id: str) -> str:
    """Return what a conversion is known by."""
    return f"t:{external_id}"
