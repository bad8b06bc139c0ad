"""Offers: what is sold behind a link, what it pays, and for how long a click counts for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.slugs import slug_of
from sendrail.domain.times import DAY_MS

NAME_LENGTH_MAX: Final = 255
# How many days after its first human click a conversion counts for an offer that says nothing.
CLICK_WINDOW_DAYS: Final = 7
CLICK_WINDOW_DAYS_MAX: Final = 90


class OfferStatus(StrEnum):
    """What an offer's links do; `EXPIRED` follows from the offer's own end."""

    ACTIVE = "active"
    PAUSED = "paused"
    EXPIRED = "expired"
    ARCHIVED = "archived"


class PayoutType(StrEnum):
    """What an offer pays for: an action, or each click."""

    CPA = "cpa"
    CPC = "cpc"


class OfferPlatform(StrEnum):
    """The network an offer is run on."""

    TUNE = "tune"
    EVERFLOW = "everflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offer of an account.

    `ref` is its public id, 24 hexadecimal digits. Amounts are ten-thousandths; times are
    milliseconds. `click_window_days` and `filter_bots` None are the account's. The secrets of its
    postbacks are sealed; until `old_secret_until` the one before is good as well.
    """

    id: OfferId
    ref: str
    account_id: AccountId
    name: str
    tracking_url: str
    fallback_url: str | None
    external_platform: OfferPlatform | None
    external_id: str | None
    advertiser_id: str | None
    payout: int
    payout_type: PayoutType
    click_window_days: int | None
    filter_bots: bool | None
    pixel_amounts: bool
    status: OfferStatus
    expires_at: int | None
    metadata: Mapping[str, str]
    secret: bytes | None
    old_secret: bytes | None
    old_secret_until: int | None
    created_at: int
    updated_at: int

    def status_at(self, now: int) -> OfferStatus:
        """Return what the offer is at a moment: an end of its own wins over a pause."""
        is_over = self.expires_at is not None and self.expires_at <= now
        if is_over and self.status is not OfferStatus.ARCHIVED:
            return OfferStatus.EXPIRED
        return self.status

    @property
    def slug(self) -> str:
        """Return the id with the name in it, for people: `ofr_summer-promo_a1b2c3`."""
        return f"ofr_{slug_of(self.name, 'offer')}_{self.ref[:6]}"


def window_ms(offer_days: int | None, account_days: int | None) -> int:
    """Return for how many milliseconds after a click a conversion counts."""
    days = account_days if offer_days is None else offer_days
    return (CLICK_WINDOW_DAYS if days is None else days) * DAY_MS
