"""Sending lists and their connectors."""

from dataclasses import dataclass
from enum import StrEnum

from sendrail.domain import phone, quiet_hours
from sendrail.domain.ids import AccountId, ConnectorId, Lane, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.quiet_hours import NO_HOURS, OpenHours, QuietScope


class ListStatus(StrEnum):
    """Only an active list can send."""

    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class OnUncertain(StrEnum):
    """What to do with an uncertain message."""

    HOLD = "hold"
    RESEND_ONCE = "resend_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingList:
    """A sender with its brand, its rate and its connectors.

    `number` is a phone number, or the integer that `sender_ids` gives a short code or a name.

    `rate` is in messages per minute. A `byoc` list sends through the account's own carrier, and
    only after `verified_at`. The second connector is used while the first one accepts nothing.
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
    # The sender's name, if it is one; then `number` is only its digest.
    sender_name: str | None = None
    # Whether texts by `/send` have the list's frame, as those of campaigns do.
    frames_sends: bool = False
    # Which of its messages wait for the end of quiet hours; what those leave open, and whether the
    # list says so itself or goes by its account.
    quiet_scope: QuietScope = QuietScope.CAMPAIGNS
    quiet_hours: OpenHours | None = None
    has_own_hours: bool = False

    @property
    def shown(self) -> str:
        """The sender in the public API's form."""
        return self.sender_name or phone.show(self.number)

    @property
    def can_send(self) -> bool:
        """Whether it may send anything now, by its status and its own carrier."""
        is_unverified = self.byoc and self.verified_at is None
        return self.status is ListStatus.ACTIVE and not is_unverified

    @property
    def own_quiet_hours(self) -> str | None:
        """What the list says of its quiet hours: `21:00-08:00`, `none`, or None for its account's.

        With `none` only the installation's hold, whatever the account's are.
        """
        if not self.has_own_hours:
            return None
        return quiet_hours.show(self.quiet_hours) if self.quiet_hours else NO_HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One configured connection to a carrier; without an account it is the installation's.

    `settings` are sealed. `window` bounds the messages submitted and not yet answered; `mps` and
    `segments_per_second` are the carrier's limits, None where it states none. `version` grows with
    every change after which the connector must be reopened.
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
    """The state of a connector, as the delivering process reports it."""

    OPEN = "open"
    RESTING = "resting"
    PAUSED = "paused"
    BROKEN = "broken"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPace:
    """The pace of a throttled connector in one process, as that has found it.

    `process` is its name, empty where there is only one. `per_second` is the pace in force and
    `limit` what the carrier takes at most, None where that is not known; both are messages per
    second. `at` is when it was reported, in milliseconds.
    """

    process: str
    per_second: float
    limit: float | None
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorReport:
    """A connector's state, why it is so, and since when."""

    state: ConnectorState
    detail: str = ""
    since: int = 0
