"""Requests about contacts and their answers, as structs."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sendrail.api.v2.decoding import Scalar
from sendrail.api.v2.field_types import (
    Always,
    ContactId,
    Count,
    Flag,
    GivenNumber,
    Index,
    Phone,
    Required,
    RowId,
    Sender,
    Time,
    about,
    batch_of,
    one_of,
    schema,
    up_to,
)
from sendrail.api.v2.queries import CursorPagination
from sendrail.contacts.inputs import EMAIL_LENGTH_MAX, NAME_LENGTH_MAX, SOURCE_LENGTH_MAX
from sendrail.contacts.returning import CONSENT_SOURCE_MAX, CONSENT_TEXT_MAX
from sendrail.contacts.signups import SignUpNotice
from sendrail.domain.contact import OptOutReason, SignupMethod
from sendrail.domain.numbering import ValidationStatus

CONTACTS_MAX: Final = 1_000
CONTACT_BYTES_MAX: Final = 4_000
PER_PAGE_MAX: Final = 1_000
ADDRESS_LENGTH_MAX: Final = 64
URL_LENGTH_MAX: Final = 2_048
KEY_CODES: Final = (
    "missing_phone_number",
    "missing_list_number",
    "invalid_phone",
    "invalid_list_number",
)
CONTACT_CODES: Final = (
    *KEY_CODES,
    "invalid_field",
    "payload_too_large",
    "list_not_found",
    "contact_complained",
    "invalid_timezone",
)
WARNINGS: Final = {
    SignUpNotice.CONTACT_UNSUBSCRIBED: (
        "The contact has opted out of this list and stays out; its own START, or a `consent` that "
        "is newer than the opt-out, brings it back."
    ),
    SignUpNotice.CONTACT_BLOCKED: (
        "The number is on the account's block list: nothing is sent to it."
    ),
    SignUpNotice.LIST_INACTIVE: "The list is paused or suspended: it sends nothing now.",
    SignUpNotice.NO_JOURNEY: "No journey of the list starts when a contact joins it.",
    SignUpNotice.JOURNEYS_NOT_USED: (
        "The list has journeys that start when a contact joins it, but `use_journeys` was not set: "
        "none was started."
    ),
}
_Number = Annotated[Required[Phone], about("The contact, as an E.164 number.")]
_GIVEN_FIELDS: Final = schema(
    additionalProperties={"type": ["string", "number", "boolean", "null"]}
)
_Fields = Annotated[
    dict[str, Scalar], schema(additionalProperties={"type": ["string", "number", "boolean"]})
]
_OnByDefault = Annotated[bool | None, schema(default=True)]
_WARNING: Final = Meta(examples=[[next(iter(WARNINGS.values()))]])
_ValidationStatus = Annotated[
    str, one_of(ValidationStatus), about("`unknown` until the number has been looked up.")
]


class GivenConsent(msgspec.Struct, gc=False):
    """Evidence that a contact who has left a list wishes to come back."""

    text: Annotated[
        Required[str],
        schema(minLength=1, maxLength=CONSENT_TEXT_MAX),
        about("What the owner of the number agreed to, word for word."),
    ] = None
    source: Annotated[
        Required[str],
        schema(minLength=1, maxLength=CONSENT_SOURCE_MAX),
        about("Where they did: a form, a call, a paper."),
    ] = None
    at: Annotated[Required[Time], about("When they did, ISO 8601.")] = None


_TOLD_ZONE: Final = about(
    "The IANA name of the zone of the contact's clock, such as `America/Chicago`: campaigns and "
    "quiet hours go by it before anything that the number tells."
)


class NewContact(msgspec.Struct, gc=False):
    """`POST /v2/contacts`."""

    phone_number: _Number = None
    list_number: Required[Sender] = None
    first_name: Annotated[str | None, up_to(NAME_LENGTH_MAX, "First name.")] = None
    last_name: Annotated[str | None, up_to(NAME_LENGTH_MAX, "Last name.")] = None
    email: Annotated[str | None, up_to(EMAIL_LENGTH_MAX, "E-mail address.")] = None
    timezone: Annotated[str | None, _TOLD_ZONE] = None
    custom_fields: Annotated[
        dict[str, Scalar] | None,
        _GIVEN_FIELDS,
        about(
            "Strings, numbers and booleans of your own, merged into those that are there; "
            f"null takes one away. All of a contact's take at most {CONTACT_BYTES_MAX:,} bytes."
        ),
    ] = None
    replace_custom_fields: Annotated[
        Flag, about("Replace the custom fields instead of merging them.")
    ] = None
    signup_date: Annotated[
        Time | None,
        about("When they signed up, ISO 8601, UTC where no zone is given; now if left out."),
    ] = None
    ip_address: Annotated[
        str | None,
        up_to(ADDRESS_LENGTH_MAX, "Where they signed up from: evidence of consent."),
    ] = None
    url: Annotated[
        str | None, up_to(URL_LENGTH_MAX, "The page they signed up on: evidence of consent.")
    ] = None
    ad_network_source: Annotated[
        str | None, up_to(SOURCE_LENGTH_MAX, "Who sent them, such as `adwords`.")
    ] = None
    ad_network_id: Annotated[
        str | None,
        up_to(SOURCE_LENGTH_MAX, "Their id at who sent them."),
    ] = None
    use_journeys: Annotated[
        Flag,
        about("Start the list's journeys whose trigger is `list`."),
    ] = None
    skip_journey_if_exists: Annotated[
        _OnByDefault, about("Start no journey for a contact that the list knows already.")
    ] = None
    use_validation: Annotated[
        Flag,
        about(
            "Return in `validation` what is known of the number. The contact is made "
            "whatever that is."
        ),
    ] = None
    consent: Annotated[
        GivenConsent | None,
        about(
            "What brings back a contact that has opted out: evidence that its owner "
            "wishes it, given after the opt-out. It stands in the contact's history and in the "
            "audit log. After a complaint nothing does."
        ),
    ] = None


class ContactBatch(msgspec.Struct, gc=False):
    """`POST /v2/contacts/bulk`; each contact is read on its own."""

    contacts: Annotated[Required[list[msgspec.Raw]], batch_of(NewContact, CONTACTS_MAX)] = None


class ContactUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/contacts`."""

    phone_number: _Number = None
    list_number: Required[Sender] = None
    custom_fields: Annotated[
        Required[dict[str, Scalar]],
        _GIVEN_FIELDS,
        about("Strings, numbers and booleans; null takes a field away."),
    ] = None
    timezone: Annotated[
        str | msgspec.UnsetType | None,
        about("The zone of the contact's clock; null removes the zone that was set."),
    ] = msgspec.UNSET
    merge_fields: Annotated[
        _OnByDefault,
        about("`false` replaces all custom fields instead."),
    ] = None


class ContactKey(msgspec.Struct, gc=False):
    """`DELETE /v2/contacts`."""

    phone_number: _Number = None
    list_number: Required[Sender] = None


class Validation(msgspec.Struct):
    """What is known of a number just now; `cached` is false until it has been looked up."""

    validation_status: _ValidationStatus
    line_type: str | None
    carrier: str | None
    cached: Annotated[bool, about("Whether it has been looked up before.")]
    cost: Annotated[float, schema(const=0.0), about("0: Sendrail does not charge.")]


class ContactCreated(msgspec.Struct):
    """The answer to a contact that was taken."""

    success: Always
    contact_id: Annotated[ContactId, about("The number in your account.")]
    list_contact_id: Annotated[ContactId, about("The number on this list.")]
    is_new_contact: bool
    is_new_list_contact: bool
    journeys_enrolled: Count
    warnings: Annotated[list[str], about("What to know, though nothing failed."), _WARNING]
    resubscribed: Annotated[
        Always | msgspec.UnsetType, about("There where `consent` has brought the contact back.")
    ] = msgspec.UNSET
    validation: Validation | msgspec.UnsetType = msgspec.UNSET


class ContactError(msgspec.Struct, omit_defaults=True):
    """One contact of a batch that was not taken, and why."""

    index: Index
    phone_number: GivenNumber
    code: Annotated[str, one_of(sorted(CONTACT_CODES))]
    error: str
    param: str | None = None


class ContactBatchAnswer(msgspec.Struct):
    """The answer to a batch of contacts."""

    success_count: Count
    error_count: Count
    errors: list[ContactError]
    contacts_created: Count
    list_contacts_created: Count
    journeys_enrolled: Count
    warnings: Annotated[list[str], about("Each begins with the contact it is about."), _WARNING]
    resubscribed: Count | msgspec.UnsetType = msgspec.UNSET


class ContactUpdated(msgspec.Struct):
    """The answer to a change of custom fields: all of them, as they are now."""

    success: Always
    list_contact_id: ContactId
    custom_fields: _Fields


class ContactLeft(msgspec.Struct):
    """The answer to an opt-out; `unsubscribed` is false where no contact left by it."""

    success: Always
    unsubscribed: bool


class Contact(msgspec.Struct):
    """A contact's subscription to one list."""

    phone_number: Phone
    list_number: Sender
    list_id: RowId
    contact_id: ContactId
    list_contact_id: ContactId
    active: bool
    first_name: str
    last_name: str
    email: str | None
    signup_date: Time
    signup_method: Annotated[
        Annotated[str, one_of(SignupMethod)] | None,
        about("null where the list learnt of the number by its leaving."),
    ]
    unsubscribed_at: Time | None
    unsubscribe_reason: Annotated[str, one_of(OptOutReason)] | None
    custom_fields: _Fields
    carrier: str | None
    line_type: Annotated[str | None, about("null until it is looked up.")]
    timezone: str | None
    is_valid: bool | None
    validation_status: _ValidationStatus
    send_count: Annotated[
        Count, about("How many messages to it this list has taken, up to a moment ago.")
    ]
    click_count: Annotated[Count, about("How many messages of this list it has clicked in.")]
    revenue_total: Annotated[
        float, about("What those have earned, less what was taken back; may be below 0.")
    ]
    conversion_count: Annotated[Count, about("How often they have.")]
    last_sent_at: Annotated[Time | None, about("When the last of those was taken.")]
    last_clicked_at: Annotated[Time | None, about("When it last clicked in one.")]
    in_workflow: Annotated[bool, about("Whether it is on a journey now.")]


class ContactList(msgspec.Struct):
    """A page of contacts, newest sign-up first."""

    contacts: list[Contact]
    pagination: CursorPagination
