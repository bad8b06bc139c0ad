"""Contacts, their subscription to a list, the account's block list, and journeys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sendrail.domain.audit import Actor
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


class SignupMethod(StrEnum):
    """How a number came to a list; one that the list knows only by its leaving came by none."""

    API = "api"
    CSV = "csv"
    CLI = "cli"
    MESSAGE = "message"
    # A START from a handset that the list did not know.
    KEYWORD = "keyword"


class Trigger(StrEnum):
    """What puts contacts on a journey, beside a call for one of them."""

    NONE = "none"
    # Joining its list, where whoever adds the contact asks for journeys.
    LIST = "list"


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


# The reason that a history of consent gives for a sign-up.
SIGNED_UP: Final = "signed_up"

# The value of a custom field.
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupFacts:
    """What shows that a number's owner wished to be on a list, and where they were won."""

    ip_address: str | None = None
    url: str | None = None
    ad_network_source: str | None = None
    ad_network_id: str | None = None

    @property
    def evidence(self) -> str:
        """What a history of consent shows of it."""
        return " ".join(part for part in (self.url, self.ip_address) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Evidence that a number's owner wishes to come back: what they agreed to, where and when.

    `by` is who brings it.
    """

    text: str
    source: str
    at: int
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """A number that is to be on a list; what is empty or None tells nothing new.

    A custom field of None takes that field away. `at` is None where nobody said when the owner
    signed up. `consent` brings back one who has left.
    """

    recipient: PhoneNumber
    method: SignupMethod
    at: int | None = None
    facts: SignupFacts = SignupFacts()
    first_name: str = ""
    last_name: str = ""
    email: str | None = None
    custom_fields: Mapping[str, Scalar | None] = field(default_factory=dict)
    replace_custom_fields: bool = False
    # None where the caller has not said: then it starts none, and is reminded of it.
    use_journeys: bool | None = None
    skip_journey_if_exists: bool = True
    consent: Consent | None = None


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
    custom_fields: Mapping[str, Scalar] = field(default_factory=dict)
    signup_at: int = 0
    signup_method: SignupMethod | None = None
    facts: SignupFacts = SignupFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneFacts:
    """What an account knows of a number whatever the list; None is not known, or not yet."""

    email: str | None = None
    carrier: str | None = None
    line_type: str | None = None
    timezone: str | None = None
    is_valid: bool | None = None


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
    trigger: Trigger = Trigger.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One contact's way through a journey; it ends by itself at `ends_at`."""

    journey_id: JourneyId
    recipient: PhoneNumber
    started_at: int
    ends_at: int
