"""Contacts, their subscription to a list, the account's block list, and journeys."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import JourneyId, ListId
from sendrail.domain.phone import PhoneNumber


class OptOutReason(StrEnum):
    """Why a subscription ended, in the public API's words."""

    MESSAGE = "message"
    MANUAL = "manual"
    COMPLAINT = "complaint"
    BAD_RESPONSE = "bad_response"
    INVALID_CONTACT = "invalid_contact"
    API = "api"


class RecipientTrouble(StrEnum):
    """What a carrier's refusal or receipt says of the recipient, beyond this one message."""

    # The carrier holds an opt-out of its own: the subscription ends here as well.
    OPTED_OUT = "opted_out"
    SPAM = "spam"
    INVALID_DESTINATION = "invalid_destination"
    # These two may pass by themselves: they count towards a threshold.
    ABSENT_SUBSCRIBER = "absent_subscriber"
    OPERATOR = "operator"


class Scope(StrEnum):
    """How far an opt-out reaches: one list, or every list of the account."""

    LIST = "list"
    ACCOUNT = "account"


# What takes a recipient off a list at once, and the reason that is kept.
REMOVALS: Final = {
    RecipientTrouble.OPTED_OUT: OptOutReason.MESSAGE,
    RecipientTrouble.SPAM: OptOutReason.COMPLAINT,
    RecipientTrouble.INVALID_DESTINATION: OptOutReason.INVALID_CONTACT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TroublePolicy:
    """When carriers' words on a recipient end a subscription.

    `times_max` passing troubles in a row, all within `within_ms`, are one too many; 0 counts none.
    """

    scope: Scope = Scope.LIST
    times_max: int = 5
    within_ms: int = 30 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """One change of a subscription, with what shows that it was right."""

    active: bool
    reason: str
    source: str
    rule: str | None
    evidence: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContact:
    """A number's subscription to one list."""

    list_id: ListId
    recipient: PhoneNumber
    active: bool
    first_name: str
    last_name: str
    subscribed_at: int
    unsubscribed_at: int | None
    reason: OptOutReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A number that no list of the account may text."""

    recipient: PhoneNumber
    note: str
    blocked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """An automated sequence on a list; while a contact is enrolled, other sends would clash."""

    id: JourneyId
    list_id: ListId
    name: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One contact's way through a journey; it ends by itself at `ends_at`."""

    journey_id: JourneyId
    recipient: PhoneNumber
    started_at: int
    ends_at: int
