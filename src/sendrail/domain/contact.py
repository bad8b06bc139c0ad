"""Contacts, their subscription to a list, the account's block list, and journeys."""

from dataclasses import dataclass
from enum import StrEnum

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
