"""Offers: what is sold behind a link, what it pays, and for how long a click counts for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.slugs import slug_of
from sendrail.domain.times import DAY_MS

NAME_LENGTH_MAX: Final = 255
URL_LENGTH_MAX: Final = 2_048
# How many days after its first human click a conversion counts for an offer that says nothing.
CLICK_WINDOW_DAYS: Final = 7
CLICK_WINDOW_DAYS_MAX: Final = 90
# What the query of a link that is in no message may fill in.
QUERY_MACROS: Final = ("source", *(f"sub{number}" for number in range(1, 6)))
# What a tracking URL may hold for each recipient; filled in when a link is clicked.
MACROS: Final = (
    "messageId",
    "sendId",
    "offerId",
    "externalId",
    "click_id",
    "contact.phone",
    *QUERY_MACROS,
)

_MACRO: Final = re.compile(r"\{\{(.*?)\}\}")
# Only what every reader of URLs takes for the same host: no user, no address, nothing encoded.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_AUTHORITY: Final = re.compile(
    rf"https?://(?P<host>(?:{_LABEL}\.)*{_LABEL})\.?(?::(?P<port>[0-9]{{1,5}}))?(?=[/?#]|\Z)",
    re.IGNORECASE,
).match
_NUMERIC: Final = re.compile(r"0x[0-9a-f]*|[0-9]+").fullmatch
_HOST_LENGTH_MAX: Final = 253
_PORT_MAX: Final = 65_535
# Printable ASCII that stands in a URL as it is (RFC 3986, 2); the rest is percent-encoded.
_AS_IT_IS: Final = "!#$%&'()*+,-./:;=?@[]_~"


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


def url_fault(text: str) -> str | None:
    """Return what is wrong with a URL that links may lead to, or None.

    It is read strictly, so that no two readers can understand it differently: a browser takes a
    backslash for a slash, a blank for nothing and `https:/host` for a host.
    """
    if not text or len(text) > URL_LENGTH_MAX:
        return f"must have 1 to {URL_LENGTH_MAX:,} characters"
    if any(each.isspace() or not each.isprintable() or each == "\\" for each in text):
        return "must hold no blank, no control character and no backslash"
    found = _AUTHORITY(text)
    if found is None:
        return "must begin with https:// or http:// and name a host, without user or password"
    return _place_fault(found["host"].lower(), found["port"]) or macro_fault(text)


def _place_fault(host: str, port: str | None) -> str | None:
    if len(host) > _HOST_LENGTH_MAX or _NUMERIC(host.rpartition(".")[2]):
        return "must name a host, not an address"
    if port is not None and not 1 <= int(port) <= _PORT_MAX:
        return f"has a port that is not 1 to {_PORT_MAX:,}"
    return None


def macro_fault(text: str) -> str | None:
    """Return what is wrong with the macros of a URL, or None: a misspelt one stays empty."""
    for macro in _MACRO.findall(text):
        if macro not in MACROS:
            known = ", ".join(MACROS)
            return f"has {{{{{macro}}}}}, which nothing fills; there are {known}"
    return None


def as_ascii(url: str) -> str:
    """Return a URL without a fault in its ASCII form, its macros as they are."""
    found = _AUTHORITY(url)
    assert found is not None, "the URL was checked before"
    rest, parts, at = url[found.end() :], [found[0].lower()], 0
    for macro in _MACRO.finditer(rest):
        parts += (quote(rest[at : macro.start()], safe=_AS_IT_IS), f"{{{{{macro[1]}}}}}")
        at = macro.end()
    return "".join((*parts, quote(rest[at:], safe=_AS_IT_IS)))
