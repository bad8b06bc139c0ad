"""Contacts: one by one or by the thousand into a list, page by page out of it, off it for good."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from sendrail.api.v2.contact_bodies import (
    contact_or_fault,
    custom_fields_at_fault,
    number_in,
    read_contact,
)
from sendrail.api.v2.contact_shapes import (
    CONTACT_CODES,
    CONTACTS_MAX,
    KEY_CODES,
    PER_PAGE_MAX,
    WARNINGS,
    Contact,
    ContactBatch,
    ContactBatchAnswer,
    ContactCreated,
    ContactError,
    ContactKey,
    ContactLeft,
    ContactList,
    ContactUpdate,
    ContactUpdated,
    NewContact,
    Validation,
)
from sendrail.api.v2.decoding import Scalar, decoded
from sendrail.api.v2.field_types import Phone, Sender
from sendrail.api.v2.fields import numbers
from sendrail.api.v2.operation import (
    CHANGING,
    CURSOR,
    LIST,
    POSTING,
    READING,
    RECIPIENT,
    page_parameters,
    query,
)
from sendrail.api.v2.queries import (
    SENDER_HELP,
    boolean,
    cursor_pagination,
    given,
    list_in,
    phone_in,
    read_cursor,
    read_page,
)
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.contacts import SignUpRequest
from sendrail.contacts.signups import SignedUp, SignUpReport
from sendrail.domain import money, phone
from sendrail.domain.contact import PhoneFacts
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.numbering import ValidationStatus, validation_status
from sendrail.domain.times import shown as shown_time
from sendrail.storage.contacts.signups import ContactPlace, FoundContact

_QUERY_HELP: Final = {
    "phone_number": "`phone_number` is an E.164 phone number; write its + as %2B",
    "list_number": SENDER_HELP,
    "active": "`active` is true or false",
}


_batch: Final = msgspec.json.Decoder(ContactBatch).decode
_update: Final = msgspec.json.Decoder(ContactUpdate).decode
_key: Final = msgspec.json.Decoder(ContactKey).decode


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Subscribe a contact, or merge the fields of a known one."""
    joining = read_contact(request.body, runtime.clock.now(), request.actor)

    def shape(report: SignUpReport) -> ContactCreated:
        [outcome] = report.outcomes
        assert isinstance(outcome, SignedUp), "a refusal has been raised"
        ids, sender = runtime.contact_ids, outcome.sender
        return ContactCreated(
            success=True,
            contact_id=ids.contact(request.account, outcome.recipient),
            list_contact_id=ids.list_contact(sender.id, outcome.recipient),
            is_new_contact=outcome.is_new_contact,
            is_new_list_contact=outcome.is_new_list_contact,
            resubscribed=outcome.resubscribed or msgspec.UNSET,
            journeys_enrolled=report.journeys_enrolled,
            warnings=[WARNINGS[notice] for notice in outcome.notices],
            validation=msgspec.UNSET if report.facts is None else _validation(report.facts),
        )

    return await request.guard(
        lambda guard: runtime.contacts.sign_up_one(
            request.account, joining, actor=request.actor, guard=guard
        ),
        shape,
    )


async def create_many(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Subscribe many contacts, each judged on its own."""
    raws = [bytes(raw) for raw in decoded(_batch, request.body).contacts or ()]
    if not raws:
        raise missing("contacts")
    if len(raws) > CONTACTS_MAX:
        raise InvalidInput(
            f"A batch holds at most {CONTACTS_MAX:,} contacts",
            code="too_many_contacts",
            param="contacts",
        )
    now = runtime.clock.now()
    read = [contact_or_fault(raw, now, request.actor) for raw in raws]
    joinings = [each for each in read if isinstance(each, SignUpRequest)]

    def shape(report: SignUpReport) -> ContactBatchAnswer:
        taken = iter(report.outcomes)
        outcomes = [next(taken) if isinstance(each, SignUpRequest) else each for each in read]
        return _batch_answer(raws, outcomes, report.journeys_enrolled)

    return await request.guard(
        lambda guard: runtime.contacts.sign_up(
            request.account, joinings, actor=request.actor, guard=guard
        ),
        shape,
    )


async def update(runtime: Runtime, request: ApiRequest) -> ContactUpdated:
    """Merge custom fields into those of a contact, or replace them."""
    with custom_fields_at_fault():
        fields = decoded(_update, request.body)
    recipient, number = numbers(fields.phone_number, fields.list_number)
    if fields.custom_fields is None:
        raise missing("custom_fields")
    with custom_fields_at_fault():
        contact = await runtime.contacts.set_fields(
            request.account,
            number,
            recipient,
            fields.custom_fields,
            merge=fields.merge_fields is not False,
            timezone=None if fields.timezone is msgspec.UNSET else fields.timezone or "",
            actor=request.actor,
        )
    return ContactUpdated(
        success=True,
        list_contact_id=runtime.contact_ids.list_contact(contact.list_id, recipient),
        custom_fields=dict(contact.custom_fields),
    )


async def leave(runtime: Runtime, request: ApiRequest) -> ContactLeft:
    """Take a contact off a list for good."""
    fields = decoded(_key, request.body)
    recipient, number = numbers(fields.phone_number, fields.list_number)
    left = await runtime.contacts.leave(
        request.account,
        number,
        recipient,
        evidence=f"request {request.request_id}",
        actor=request.actor,
    )
    return ContactLeft(success=True, unsubscribed=left)


async def page(runtime: Runtime, request: ApiRequest) -> ContactList:
    """List contacts page by page."""
    at, per_page = read_page(request.query, PER_PAGE_MAX)
    place = read_cursor(request.query, len(ContactPlace._fields))
    number = given(request.query, "list_number", list_in, _QUERY_HELP)
    recipient = given(request.query, "phone_number", phone_in, _QUERY_HELP)
    active = given(request.query, "active", boolean, _QUERY_HELP)
    found = await runtime.contacts.page(
        request.account,
        number,
        recipient=recipient,
        active=active,
        page=at,
        per_page=per_page,
        after=None if place is None else ContactPlace(*place),
    )
    on_journeys = found.on_journeys
    return ContactList(
        [
            _shown(
                runtime,
                request,
                each,
                in_workflow=(each.contact.list_id, each.contact.recipient) in on_journeys,
            )
            for each in found.contacts
        ],
        cursor_pagination(at, per_page, found.total, found.last),
    )


def _contact(**more: Any) -> dict[str, Any]:
    return {"phone_number": RECIPIENT, "list_number": LIST, **more}


ENDPOINTS: Final = (
    Endpoint(
        "POST /contacts",
        create,
        id="createContact",
        summary="Add a contact to a list",
        description=(
            "Subscribes a number, or brings what is known of it up to date. A contact who has "
            "opted out of the list stays out: the fields are merged, the answer warns of it, and "
            "nothing is sent to them, unless `consent` shows that they wish to come back; "
            "`resubscribed` is true then. The first sign-up's date and "
            "evidence stay; a later one with evidence of its own is kept in the contact's history."
        ),
        request=NewContact,
        answer=ContactCreated,
        codes=(*POSTING, *CONTACT_CODES),
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
    Endpoint(
        "POST /contacts/bulk",
        create_many,
        id="createContacts",
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
    Endpoint(
        "GET /contacts",
        page,
        id="listContacts",
        summary="List contacts",
        description="Returns subscriptions page by page, newest sign-up first.",
        answer=ContactList,
        codes=(*READING, "list_not_found"),
        parameters=(
            *page_parameters(PER_PAGE_MAX),
            CURSOR,
            query("list_number", Sender, "Only of this list; write its + as %2B."),
            query("phone_number", Phone, "Only this number's; write its + as %2B."),
            query("active", bool, "Only the active, or only who has left."),
        ),
    ),
    Endpoint(
        "PUT /contacts",
        update,
        id="updateContact",
        summary="Change a contact's custom fields",
        description=(
            "Merges custom fields into those of a contact, or replaces them all; and tells the "
            "zone of its clock."
        ),
        request=ContactUpdate,
        answer=ContactUpdated,
        codes=(
            *CHANGING,
            *KEY_CODES,
            "invalid_custom_fields",
            "missing_custom_fields",
            "invalid_timezone",
            "list_not_found",
            "contact_not_found",
            "list_contact_not_found",
        ),
        examples={"merged": _contact(custom_fields={"plan": "silver", "vip": None})},
    ),
    Endpoint(
        "DELETE /contacts",
        leave,
        id="deleteContact",
        summary="Take a contact off a list",
        description=(
            "Unsubscribes a contact for good, with reason `api`; its history is kept. A contact or "
            "a list that is not there is no error: `unsubscribed` is false then, as it is for one "
            "that had left before. To keep a number off that no list knows, block it."
        ),
        request=ContactKey,
        answer=ContactLeft,
        codes=(*CHANGING, *KEY_CODES),
        examples={"one": _contact(phone_number="+15550100009")},
    ),
)


def _batch_answer(
    raws: Sequence[bytes], outcomes: Sequence[SignedUp | InvalidInput], enrolled: int
) -> ContactBatchAnswer:
    errors, warnings = [], []
    taken: list[SignedUp] = []
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, InvalidInput):
            given_number = number_in(raws[index])
            errors.append(
                ContactError(index, given_number, outcome.code, outcome.message, outcome.param)
            )
            continue
        taken.append(outcome)
        number = phone.show(outcome.recipient)
        warnings += [
            f"contacts[{index}] {number}: {WARNINGS[notice]}" for notice in outcome.notices
        ]
    return ContactBatchAnswer(
        success_count=len(taken),
        error_count=len(errors),
        errors=errors,
        contacts_created=sum(each.is_new_contact for each in taken),
        list_contacts_created=sum(each.is_new_list_contact for each in taken),
        resubscribed=sum(each.resubscribed for each in taken) or msgspec.UNSET,
        journeys_enrolled=enrolled,
        warnings=warnings,
    )


def _validation(facts: PhoneFacts) -> Validation:
    return Validation(
        validation_status=_status(facts),
        line_type=facts.line_type,
        carrier=facts.carrier,
        cached=facts.is_valid is not None,
        # What a look-up costs is between the operator and the service that is plugged in.
        cost=0.0,
    )


def _status(facts: PhoneFacts) -> ValidationStatus:
    return validation_status(is_valid=facts.is_valid, line_type=facts.line_type)


def _shown(
    runtime: Runtime, request: ApiRequest, found: FoundContact, *, in_workflow: bool
) -> Contact:
    contact, facts = found.contact, found.phone
    left_at, clicked_at = contact.unsubscribed_at, found.last_clicked_at
    fields: Mapping[str, Scalar] = contact.custom_fields
    return Contact(
        phone_number=phone.show(contact.recipient),
        list_number=found.list_number,
        list_id=contact.list_id,
        contact_id=runtime.contact_ids.contact(request.account, contact.recipient),
        list_contact_id=runtime.contact_ids.list_contact(contact.list_id, contact.recipient),
        active=contact.active,
        first_name=contact.first_name,
        last_name=contact.last_name,
        email=facts.email,
        signup_date=shown_time(contact.signup_at),
        signup_method=contact.signup_method,
        unsubscribed_at=None if left_at is None else shown_time(left_at),
        unsubscribe_reason=contact.reason,
        custom_fields=dict(fields),
        carrier=facts.carrier,
        line_type=facts.line_type,
        timezone=facts.timezone,
        is_valid=facts.is_valid,
        validation_status=_status(facts),
        send_count=found.sends,
        click_count=found.clicks,
        revenue_total=money.shown(found.revenue),
        conversion_count=found.conversions,
        last_sent_at=None if found.last_sent_at is None else shown_time(found.last_sent_at),
        last_clicked_at=None if clicked_at is None else shown_time(clicked_at),
        in_workflow=in_workflow,
    )
