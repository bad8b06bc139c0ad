"""Sending lists and the carrier connectors behind them: from whom, and by which way."""

from dataclasses import dataclass
from enum import StrEnum

from sendrail.domain import phone
from sendrail.domain.ids import AccountId, ConnectorId, Lane, ListId
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
    """A sender with its brand, its pace and its way out.

    `number` is a phone number, or what `sender_ids` makes of a short code or a name.

    `rate` is in messages per minute. A `byoc` list sends through the account's own carrier, and
    only after `verified_at`. The second connector takes over while the first one takes nothing.
    """

    id: ListId
    lane: Lane
    account_id: AccountId
    number: PhoneNumber
    name: str
    brand: str
    status: ListStatus
    rate: int
    connector_id: ConnectorId
    byoc: bool
    verified_at: int | None
    on_uncertain: OnUncertain
    created_at: int
    second_connector_id: ConnectorId | None = None
    # Where it sends from a name, which `number` is only a digest of.
    sender_name: str | None = None

    @property
    def shown(self) -> str:
        """What it sends from, as the public API writes it."""
        return self.sender_name or phone.show(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One configured connection to a carrier; without an account it is the installation's.

    `settings` are sealed. `window` bounds the messages handed over and not yet answered; `mps` and
    `segments_per_second` are the carrier's contract, None where it states none. `version` grows
    with every change that wants the connector opened anew.
    """

    id: ConnectorId
    account_id: AccountId | None
    name: str
    kind: str
    settings: bytes
    window: int
    mps: float | None
    segments_per_second: float | None = None
    version: int = 1
    paused_at: int | None = None


class ConnectorState(StrEnum):
    """What the delivering process says of a connector."""

    OPEN = "open"
    RESTING = "resting"
    PAUSED = "paused"
    BROKEN = "broken"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorReport:
    """A connector's state, why it is so, and since when."""

    state: ConnectorState
    detail: str = ""
    since: int = 0
