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
    """How a number joined a list; a number that only opted out has none."""

    API = "api"
    CSV = "csv"
    CLI = "cli"
    MESSAGE = "message"
    # A START from a handset that was not on the list.
    KEYWORD = "keyword"
    DASHBOARD = "dashboard"


class Trigger(StrEnum):
    """What starts a journey for a contact, beside an API call."""

    NONE = "none"
    # Joining its list, where the caller that adds the contact asks for journeys.
    LIST = "list"


class JourneyStatus(StrEnum):
    """Whether contacts enter a journey, and whether those on it go on."""

    DRAFT = "draft"
    ACTIVE = "active"
    # No contact enters, and none goes on.
    PAUSED = "paused"
    # It is over for good: its enrolments have ended, its name stays taken.
    ARCHIVED = "archived"


class RecipientTrouble(StrEnum):
    """What a carrier's refusal or receipt implies about the recipient, beyond this message."""

    # The carrier has an opt-out of its own: the subscription ends here as well.
    OPTED_OUT = "opted_out"
    SPAM = "spam"
    INVALID_DESTINATION = "invalid_destination"
    # Soft bounces: they count towards a threshold.
    ABSENT_SUBSCRIBER = "absent_subscriber"
    OPERATOR = "operator"


class Scope(StrEnum):
    """How far an opt-out reaches: one list, or every list of the account."""

    LIST = "list"
    ACCOUNT = "account"


# Troubles that remove a recipient from a list at once, and the stored reason.
REMOVALS: Final = {
    RecipientTrouble.OPTED_OUT: OptOutReason.MESSAGE,
    RecipientTrouble.SPAM: OptOutReason.COMPLAINT,
    RecipientTrouble.INVALID_DESTINATION: OptOutReason.INVALID_CONTACT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TroublePolicy:
    """When carriers' reports on a recipient end a subscription.

    `times_max` soft bounces in a row, all within `within_ms`, end it; with 0 they never do.
    """

    scope: Scope = Scope.LIST
    times_max: int = 5
    within_ms: int = 30 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """One change of a subscription, with its evidence."""

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
# What all custom fields of a contact take as JSON, by whatever way they come: the public API's
# bound for all that is sent of a contact.
FIELDS_BYTES_MAX: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupFacts:
    """The evidence that a number's owner asked to be on a list, and the source of the sign-up."""

    ip_address: str | None = None
    url: str | None = None
    ad_network_source: str | None = None
    ad_network_id: str | None = None

    @property
    def evidence(self) -> str:
        """The evidence as the history of consent shows it."""
        return " ".join(part for part in (self.url, self.ip_address) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Evidence that a number's owner agreed to be subscribed again: to what, where and when.

    `by` is the actor that provides it.
    """

    text: str
    source: str
    at: int
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """A number that is to be on a list; fields that are empty or None change nothing.

    A custom field of None removes that field. `at` is None where the time of the sign-up is not
    known. `consent` subscribes again a contact that has opted out.
    """

    recipient: PhoneNumber
    method: SignupMethod
    at: int | None = None
    facts: SignupFacts = SignupFacts()
    first_name: str = ""
    last_name: str = ""
    email: str | None = None
    timezone: str | None = None
    custom_fields: Mapping[str, Scalar | None] = field(default_factory=dict)
    replace_custom_fields: bool = False
    # None where the caller did not say: then no journey starts, and the response mentions it.
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
    """What an account knows of a number, on any list; None is not known, or not yet."""

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
    """An automated sequence on a list, during which other messages can be held back.

    `active_version` is the version that contacts enter, None where it has no steps or none yet;
    `draft` is the document, in JSON, that is to become the next one. `paused_ms` is how long it
    has been paused in all, without the pause that began at `paused_at`. `overdue` is what was said
    of those whose turn had come in the pause that ended at `resumed_at`. `asks_message` says
    whether any of its versions asks what became of a message.
    """

    id: JourneyId
    list_id: ListId
    name: str
    created_at: int
    trigger: Trigger = Trigger.NONE
    status: JourneyStatus = JourneyStatus.ACTIVE
    priority: int = 0
    exclusive: bool = False
    holds_other_sends: bool = True
    asks_message: bool = False
    active_version: int | None = None
    draft: str | None = None
    paused_ms: int = 0
    paused_at: int | None = None
    resumed_at: int | None = None
    overdue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyVersion:
    """A document of a journey, frozen when it was activated."""

    journey_id: JourneyId
    version: int
    document: str
    digest: str
    created_at: int
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One contact's presence on a journey; it ends by itself at `ends_at`.

    It rests at a step of a version until its turn at `due_at`, or until something brings that
    forward. Times are in milliseconds. Version 0 is a journey without steps.
    """

    journey_id: JourneyId
    recipient: PhoneNumber
    started_at: int
    ends_at: int
    version: int = 0
    step: str = ""
    due_at: int | None = None
    # Why it is over; None while it runs.
    end_reason: str | None = None


class EnrolmentState(StrEnum):
    """Whether a contact is on a journey now, or was on it."""

    RUNNING = "running"
    ENDED = "ended"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentFilter:
    """Which contacts of a journey are meant; what is None is not asked.

    `step` is where a contact rests, or where its journey ended. Times are in milliseconds, of the
    start; the first is included, the second is not.
    """

    state: EnrolmentState = EnrolmentState.RUNNING
    step: str | None = None
    version: int | None = None
    started_after: int | None = None
    started_before: int | None = None
    recipient: PhoneNumber | None = None
