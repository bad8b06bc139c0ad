"""Contacts: into a list, out of it, and page by page."""

from typing import Any, Final

from sendrail.api.operations.parts import (
    CHANGING,
    CONTACT_ID,
    COUNT,
    CURSOR,
    FLAG,
    GIVEN_NUMBER,
    INDEX,
    LIST,
    PHONE,
    POSTING,
    READING,
    RECIPIENT,
    ROW_ID,
    SENDER,
    TIME,
    TIME_OR_NULL,
    TRUE,
    Operation,
    page_parameters,
    query,
)
from sendrail.api.v2.contact_shapes import (
    ContactBatch,
    ContactBatchAnswer,
    ContactCreated,
    ContactKey,
    ContactLeft,
    ContactList,
    ContactUpdate,
    ContactUpdated,
    NewContact,
)
from sendrail.api.v2.contacts import (
    ADDRESS_LENGTH_MAX,
    CONTACT_BYTES_MAX,
    CONTACTS_MAX,
    EMAIL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    PER_PAGE_MAX,
    SOURCE_LENGTH_MAX,
    URL_LENGTH_MAX,
    WARNINGS,
)
from sendrail.contacts.returning import CONSENT_SOURCE_MAX, CONSENT_TEXT_MAX
from sendrail.domain.contact import OptOutReason, SignupMethod
from sendrail.domain.numbering import ValidationStatus

_KEY_CODES: Final = (
    "missing_phone_number",
    "missing_list_number",
    "invalid_phone",
    "invalid_list_number",
)
_CONTACT_CODES: Final = (
    *_KEY_CODES,
    "invalid_field",
    "payload_too_large",
    "list_not_found",
    "contact_complained",
)
_KEY: Final[dict[str, dict[str, Any]]] = {
    "phone_number": {**PHONE, "description": "The contact, as an E.164 number."},
    "list_number": SENDER,
}
_FIELDS_GIVEN: Final = {
    "type": ["object", "null"],
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_FIELDS_KEPT: Final = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_WARNINGS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What to know, though nothing failed.",
    "examples": [[next(iter(WARNINGS.values()))]],
}
_VALIDATION_STATUS: Final = {
    "enum": [str(status) for status in ValidationStatus],
    "description": "`unknown` until the number has been looked up.",
}


def _text(length_max: int, description: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": length_max, "description": description}


FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "NewContact": {
        **_KEY,
        "first_name": _text(NAME_LENGTH_MAX, "First name."),
        "last_name": _text(NAME_LENGTH_MAX, "Last name."),
        "email": _text(EMAIL_LENGTH_MAX, "E-mail address."),
        "custom_fields": {
            **_FIELDS_GIVEN,
            "description": (
                "Strings, numbers and booleans of your own, merged into those that are there; "
                f"null takes one away. All of a contact's take at most {CONTACT_BYTES_MAX:,} bytes."
            ),
        },
        "replace_custom_fields": {
            **FLAG,
            "description": "Replace the custom fields instead of merging them.",
        },
        "signup_date": {
            **TIME_OR_NULL,
            "description": "When they signed up, ISO 8601, UTC where no zone is given; now if left "
            "out.",
        },
        "ip_address": _text(ADDRESS_LENGTH_MAX, "Where they signed up from: evidence of consent."),
        "url": _text(URL_LENGTH_MAX, "The page they signed up on: evidence of consent."),
        "ad_network_source": _text(SOURCE_LENGTH_MAX, "Who sent them, such as `adwords`."),
        "ad_network_id": _text(SOURCE_LENGTH_MAX, "Their id at who sent them."),
        "use_journeys": {
            **FLAG,
            "description": "Start the list's journeys whose trigger is `list`.",
        },
        "skip_journey_if_exists": {
            "type": ["boolean", "null"],
            "default": True,
            "description": "Start no journey for a contact that the list knows already.",
        },
        "use_validation": {
            **FLAG,
            "description": "Tell in `validation` what is known of the number. The contact is made "
            "whatever that is.",
        },
        "consent": {
            "anyOf": [{"$ref": "#/components/schemas/GivenConsent"}, {"type": "null"}],
            "description": "What brings back a contact that has opted out: evidence that its owner "
            "wishes it, given after the opt-out. It stands in the contact's history and in the "
            "audit log. After a complaint nothing does.",
        },
    },
    "GivenConsent": {
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": CONSENT_TEXT_MAX,
            "description": "What the owner of the number agreed to, word for word.",
        },
        "source": {
            "type": "string",
            "minLength": 1,
            "maxLength": CONSENT_SOURCE_MAX,
            "description": "Where they did: a form, a call, a paper.",
        },
        "at": {**TIME, "description": "When they did, ISO 8601."},
    },
    "ContactBatch": {
        "contacts": {
            "type": "array",
            "minItems": 1,
            "maxItems": CONTACTS_MAX,
            "items": {"$ref": "#/components/schemas/NewContact"},
        }
    },
    "ContactUpdate": {
        **_KEY,
        "custom_fields": {
            **_FIELDS_GIVEN,
            "type": "object",
            "description": "Strings, numbers and booleans; null takes a field away.",
        },
        "merge_fields": {
            "type": ["boolean", "null"],
            "default": True,
            "description": "`false` replaces all custom fields instead.",
        },
    },
    "ContactKey": _KEY,
    "ContactCreated": {
        "success": TRUE,
        "contact_id": {**CONTACT_ID, "description": "The number in your account."},
        "list_contact_id": {**CONTACT_ID, "description": "The number on this list."},
        "journeys_enrolled": COUNT,
        "resubscribed": {
            "const": True,
            "description": "There where `consent` has brought the contact back.",
        },
        "warnings": _WARNINGS,
    },
    "Validation": {
        "validation_status": _VALIDATION_STATUS,
        "cached": {"type": "boolean", "description": "Whether it has been looked up before."},
        "cost": {"const": 0.0, "description": "0: nobody is charged by Sendrail."},
    },
    "ContactBatchAnswer": dict.fromkeys(
        (
            "success_count",
            "error_count",
            "contacts_created",
            "list_contacts_created",
            "resubscribed",
            "journeys_enrolled",
        ),
        COUNT,
    )
    | {"warnings": {**_WARNINGS, "description": "Each begins with the contact it is about."}},
    "ContactError": {
        "index": INDEX,
        "phone_number": GIVEN_NUMBER,
        "code": {"enum": sorted(_CONTACT_CODES)},
    },
    "ContactUpdated": {
        "success": TRUE,
        "list_contact_id": CONTACT_ID,
        "custom_fields": _FIELDS_KEPT,
    },
    "ContactLeft": {"success": TRUE},
    "Contact": {
        "phone_number": PHONE,
        "list_number": SENDER,
        "list_id": ROW_ID,
        "contact_id": CONTACT_ID,
        "list_contact_id": CONTACT_ID,
        "signup_date": TIME,
        "signup_method": {
            "enum": [*(str(method) for method in SignupMethod), None],
            "description": "null where the list learnt of the number by its leaving.",
        },
        "unsubscribed_at": TIME_OR_NULL,
        "unsubscribe_reason": {"enum": [*(str(reason) for reason in OptOutReason), None]},
        "custom_fields": _FIELDS_KEPT,
        "line_type": {"type": ["string", "null"], "description": "null until it is looked up."},
        "validation_status": _VALIDATION_STATUS,
        "send_count": {
            **COUNT,
            "description": "How many messages to it this list has taken, up to a moment ago.",
        },
        "click_count": {"const": 0, "description": "0: clicks are not tracked yet."},
        "revenue_total": {"type": "number", "description": "0: revenue is not tracked yet."},
        "conversion_count": {"const": 0, "description": "0: conversions are not tracked yet."},
        "last_sent_at": {**TIME_OR_NULL, "description": "When the last of those was taken."},
        "last_clicked_at": {**TIME_OR_NULL, "description": "null: clicks are not tracked yet."},
        "in_workflow": {"type": "boolean", "description": "Whether it is on a journey now."},
    },
}
REQUIRED: Final = {
    "GivenConsent": ["text", "source", "at"],
    "NewContact": ["phone_number", "list_number"],
    "ContactBatch": ["contacts"],
    "ContactUpdate": ["phone_number", "list_number", "custom_fields"],
    "ContactKey": ["phone_number", "list_number"],
}


def _contact(**more: Any) -> dict[str, Any]:
    return {"phone_number": RECIPIENT, "list_number": LIST, **more}


OPERATIONS: Final = (
    Operation(
        method="post",
        path="/contacts",
        id="createContact",
        tag="Contacts",
        summary="Add a contact to a list",
        description=(
            "Subscribes a number, or brings what is known of it up to date. Whoever has opted out "
            "of the list stays out: the fields are merged, the answer warns of it, and nothing is "
            "sent to them, unless `consent` shows that they wish to come back; `resubscribed` is "
            "true then. The first sign-up's date and "
            "evidence stay; a later one with evidence of its own is kept in the contact's history."
        ),
        request=NewContact,
        answer=ContactCreated,
        codes=(*POSTING, *_CONTACT_CODES),
        examples={
            "plain": _contact(),
            "with consent and fields": _contact(
                signup_date="2026-01-31T08:00:00Z",
                ip_address="203.0.113.7",
                url="https://example.com/join",
                ad_network_source="adwords",
                ad_network_id="cmp-17",
                custom_fields={"plan": "gold", "visits": 3, "vip": True},
            ),
            "brought back": _contact(
                consent={
                    "text": "I agree to receive offers by text message from News.",
                    "source": "form at https://example.com/join",
                    "at": "2026-01-31T08:00:00Z",
                },
                ip_address="203.0.113.7",
            ),
            "starting journeys": _contact(use_journeys=True, skip_journey_if_exists=False),
        },
    ),
    Operation(
        method="post",
        path="/contacts/bulk",
        id="createContacts",
        tag="Contacts",
        summary="Add many contacts",
        description=(
            f"As `POST /contacts` for up to {CONTACTS_MAX:,} contacts, each judged on its own, so "
            "that some may be taken and others not. A number that comes twice is taken twice, one "
            "after the other."
        ),
        request=ContactBatch,
        answer=ContactBatchAnswer,
        codes=(*POSTING, "missing_contacts", "too_many_contacts"),
        examples={
            "two": {
                "contacts": [
                    _contact(custom_fields={"plan": "gold"}),
                    _contact(phone_number="+15550100001", first_name="Ada"),
                ]
            }
        },
    ),
    Operation(
        method="get",
        path="/contacts",
        id="listContacts",
        tag="Contacts",
        summary="List contacts",
        description="Returns subscriptions page by page, newest sign-up first.",
        answer=ContactList,
        codes=(*READING, "list_not_found"),
        parameters=(
            *page_parameters(PER_PAGE_MAX),
            CURSOR,
            query("list_number", SENDER, "Only of this list; write its + as %2B."),
            query("phone_number", PHONE, "Only this number's; write its + as %2B."),
            query("active", {"type": "boolean"}, "Only the active, or only who has left."),
        ),
    ),
    Operation(
        method="put",
        path="/contacts",
        id="updateContact",
        tag="Contacts",
        summary="Change a contact's custom fields",
        description="Merges custom fields into those of a contact, or replaces them all.",
        request=ContactUpdate,
        answer=ContactUpdated,
        codes=(
            *CHANGING,
            *_KEY_CODES,
            "invalid_custom_fields",
            "missing_custom_fields",
            "list_not_found",
            "contact_not_found",
            "list_contact_not_found",
        ),
        examples={"merged": _contact(custom_fields={"plan": "silver", "vip": None})},
    ),
    Operation(
        method="delete",
        path="/contacts",
        id="deleteContact",
        tag="Contacts",
        summary="Take a contact off a list",
        description=(
            "Unsubscribes a contact for good, with reason `api`; its history is kept. A contact or "
            "a list that is not there is no error: `unsubscribed` is false then, as it is for one "
            "that had left before. To keep a number off that no list knows, block it."
        ),
        request=ContactKey,
        answer=ContactLeft,
        codes=(*CHANGING, *_KEY_CODES),
        examples={"one": _contact(phone_number="+15550100009")},
    ),
)
