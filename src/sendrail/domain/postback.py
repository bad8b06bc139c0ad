"""How an account takes conversions that networks report."""

from dataclasses import dataclass
from typing import Final

from sendrail.domain.conversion import CURRENCY
from sendrail.domain.ids import AccountId

COUPON_LENGTH_MAX: Final = 64
COUPONS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class PostbackSettings:
    """An account's settings.

    `click_window_days` None is the usual window. With `open_links` a conversion that names a link
    needs no secret. The secrets are sealed; until `old_secret_until` the one before is good too.
    """

    account_id: AccountId
    currency: str = CURRENCY
    click_window_days: int | None = None
    open_links: bool = False
    secret: bytes | None = None
    old_secret: bytes | None = None
    old_secret_until: int | None = None


def coupon_of(text: str) -> str:
    """Return a coupon's code as it is compared: without blanks around it, in capitals."""
    return text.strip().upper()
