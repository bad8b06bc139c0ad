"""Sending lists and the carrier links behind them: from whom, and by which way."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sendrail.domain.ids import AccountId, Lane, LinkId, ListId
from sendrail.domain.phone import PhoneNumber


class ListStatus(StrEnum):
    """Only an active list sends."""

    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class OnUncertain(StrEnum):
    """What to do when nobody knows whether a message left."""

    HOLD = "hold"
    RESEND_ONCE = "resend_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingList:
    """A sender's number with its brand, its pace and its way out.

    `rate` is in messages per minute. A `byoc` list sends through the account's own carrier, and
    only after `verified_at`.
    """

    id: ListId
    lane: Lane
    account_id: AccountId
    number: PhoneNumber
    name: str
    brand: str
    status: ListStatus
    rate: int
    link_id: LinkId
    byoc: bool
    verified_at: int | None
    on_uncertain: OnUncertain
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One configured connection to a carrier.

    `window` bounds the messages handed over and not yet answered; `mps` is the carrier's contract
    in messages per second, None when it states none.
    """

    id: LinkId
    account_id: AccountId | None
    name: str
    kind: str
    settings: dict[str, Any]
    window: int
    mps: float | None
