"""What is asked of contacts and answered, as structs."""

import msgspec

from sendrail.api.v2.decoding import Scalar
from sendrail.api.v2.queries import CursorPagination


class GivenConsent(msgspec.Struct, gc=False):
    """Evidence that who has left a list wishes to come back."""

    text: str | None = None
    source: str | None = None
    at: str | None = None


class NewContact(msgspec.Struct, gc=False):
    """`POST /v2/contacts`."""

    phone_number: str | None = None
    list_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    custom_fields: dict[str, Scalar] | None = None
    replace_custom_fields: bool | None = None
    signup_date: str | None = None
    ip_address: str | None = None
    url: str | None = None
    ad_network_source: str | None = None
    ad_network_id: str | None = None
    use_journeys: bool | None = None
    skip_journey_if_exists: bool | None = None
    use_validation: bool | None = None
    consent: GivenConsent | None = None


class ContactBatch(msgspec.Struct, gc=False):
    """`POST /v2/contacts/bulk`; each contact is read on its own."""

    contacts: list[msgspec.Raw] | None = None


class ContactUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/contacts`."""

    phone_number: str | None = None
    list_number: str | None = None
    custom_fields: dict[str, Scalar] | None = None
    merge_fields: bool | None = None


class ContactKey(msgspec.Struct, gc=False):
    """`DELETE /v2/contacts`."""

    phone_number: str | None = None
    list_number: str | None = None


class Validation(msgspec.Struct):
    """What is known of a number just now; `cached` is false until it has been looked up."""

    validation_status: str
    line_type: str | None
    carrier: str | None
    cached: bool
    cost: float


class ContactCreated(msgspec.Struct):
    """The answer to a contact that was taken."""

    success: bool
    contact_id: str
    list_contact_id: str
    is_new_contact: bool
    is_new_list_contact: bool
    journeys_enrolled: int
    warnings: list[str]
    resubscribed: bool | msgspec.UnsetType = msgspec.UNSET
    validation: Validation | msgspec.UnsetType = msgspec.UNSET


class ContactError(msgspec.Struct, omit_defaults=True):
    """One contact of a batch that was not taken, and why."""

    index: int
    phone_number: str | None
    code: str
    error: str
    param: str | None = None


class ContactBatchAnswer(msgspec.Struct):
    """The answer to a batch of contacts."""

    success_count: int
    error_count: int
    errors: list[ContactError]
    contacts_created: int
    list_contacts_created: int
    journeys_enrolled: int
    warnings: list[str]
    resubscribed: int | msgspec.UnsetType = msgspec.UNSET


class ContactUpdated(msgspec.Struct):
    """The answer to a change of custom fields: all of them, as they are now."""

    success: bool
    list_contact_id: str
    custom_fields: dict[str, Scalar]


class ContactLeft(msgspec.Struct):
    """The answer to an opt-out; `unsubscribed` is false where nobody left by it."""

    success: bool
    unsubscribed: bool


class Contact(msgspec.Struct):
    """A contact's subscription to one list."""

    phone_number: str
    list_number: str
    list_id: int
    contact_id: str
    list_contact_id: str
    active: bool
    first_name: str
    last_name: str
    email: str | None
    signup_date: str
    signup_method: str | None
    unsubscribed_at: str | None
    unsubscribe_reason: str | None
    custom_fields: dict[str, Scalar]
    carrier: str | None
    line_type: str | None
    timezone: str | None
    is_valid: bool | None
    validation_status: str
    send_count: int
    click_count: int
    revenue_total: float
    conversion_count: int
    last_sent_at: str | None
    last_clicked_at: str | None
    in_workflow: bool


class ContactList(msgspec.Struct):
    """A page of contacts, newest sign-up first."""

    contacts: list[Contact]
    pagination: CursorPagination
