"""Journeys and the contacts on them, whom other sends must not disturb."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, structs

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    Count,
    Phone,
    Required,
    RowId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.fields import number, sender
from sendrail.api.v2.journey_documents import FAULT_CODES
from sendrail.api.v2.journey_shapes import (
    EXAMPLE,
    Journey,
    JourneyDeleted,
    JourneyList,
    JourneyUpdate,
    NewJourney,
    document_in,
    migration_in,
    shown,
    shown_whole,
)
from sendrail.api.v2.operation import (
    CHANGING,
    CURSOR,
    DELETING,
    FINDING,
    LIST,
    POSTING,
    READING,
    RECIPIENT,
    in_path,
    page_parameters,
    query,
)
from sendrail.api.v2.queries import (
    SENDER_HELP,
    CursorPagination,
    cursor_pagination,
    given,
    list_in,
    pagination,
    phone_in,
    read_cursor,
    read_page,
)
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.inputs import choice_of
from sendrail.contacts.journeys import KEPT_OUT
from sendrail.domain import phone
from sendrail.domain.contact import (
    Enrolment,
    EnrolmentFilter,
    EnrolmentState,
    JourneyStatus,
    Trigger,
)
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.ids import read_row_id
from sendrail.domain.times import read_instant
from sendrail.domain.times import shown as shown_time

_QUERY_HELP: Final = {
    "list_number": SENDER_HELP,
    "status": f"`status` is one of {', '.join(JourneyStatus)}",
    "state": f"`state` is one of {', '.join(EnrolmentState)}",
    "version": "`version` is a number from 0",
    "started_after": "`started_after` is a time, as in 2026-10-31T13:00:00Z",
    "started_before": "`started_before` is a time, as in 2026-10-31T13:00:00Z",
    "phone_number": "`phone_number` is an E.164 number; write its + as %2B",
}


class EnrollmentKey(msgspec.Struct, gc=False):
    """`POST` and `DELETE /v2/journeys/{journey_id}/enrollments`."""

    phone_number: Annotated[Required[Phone], about("The contact, as an E.164 number.")] = None


class Enrollment(msgspec.Struct):
    """A contact's way through a journey, and when it ends by itself."""

    journey_id: RowId
    phone_number: Phone
    started_at: Time
    ends_at: Annotated[Time, about("When it ends by itself: `max_days` after its start.")]
    version: Annotated[Count, about("The journey's version; 0 of a journey without steps.")]
    step: Annotated[str | None, about("The step where the contact rests.")]
    due_at: Annotated[Time | None, about("When its next turn is, unless something wakes it.")]
    ended: Annotated[str | None, about("Why it is over; null while it runs.")]


class EnrollmentList(msgspec.Struct):
    """Those who are or were on a journey, in the order of their numbers."""

    enrollments: list[Enrollment]
    pagination: CursorPagination


class EnrollmentEnded(msgspec.Struct):
    """The answer to a contact taken off a journey; `ended` is false if it was not on it."""

    success: Always
    ended: bool


_new: Final = msgspec.json.Decoder(NewJourney).decode
_update: Final = msgspec.json.Decoder(JourneyUpdate).decode
_key: Final = msgspec.json.Decoder(EnrollmentKey).decode


async def page(runtime: Runtime, request: ApiRequest) -> JourneyList:
    """List journeys."""
    at, per_page = read_page(request.query)
    wanted = given(request.query, "list_number", list_in, _QUERY_HELP)
    status = given(request.query, "status", _status, _QUERY_HELP)
    found = await runtime.journeys.page(request.account, wanted, status, page=at, per_page=per_page)
    return JourneyList([shown(*each) for each in found.journeys],
                       pagination(at, per_page, found.total))  # fmt: skip


async def show(runtime: Runtime, request: ApiRequest) -> Journey:
    """Show one journey."""
    journey_id = request.path_id("journey_id")
    return shown_whole(await runtime.journey_documents.show(request.account, journey_id))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a journey to a list: a draft, or one without steps, which is active at once."""
    fields = decoded(_new, request.body)
    wanted, number_shown = sender("list_number", fields.list_number)
    if not fields.name or fields.name.isspace():
        raise missing("name")
    name, document = fields.name, document_in(fields)
    trigger = document.get("trigger") or Trigger.LIST
    if (
        isinstance(trigger, dict)
        or document.keys() - {"name", "trigger"}
        or fields.status is not None
    ):
        return await request.guard(
            lambda guard: runtime.journey_documents.add(
                request.account, wanted, document, request.actor, status=fields.status, guard=guard
            ),
            shown_whole,
        )
    word = choice_of(Trigger, str(trigger), "trigger")
    return await request.guard(
        lambda guard: runtime.journeys.add(
            request.account, wanted, name, word, actor=request.actor, guard=guard
        ),
        lambda journey: shown(journey, number_shown),
    )


async def update(runtime: Runtime, request: ApiRequest) -> Journey:
    """Change a journey's draft, and its status."""
    fields = decoded(_update, request.body)
    journey_id, changes = request.path_id("journey_id"), document_in(fields)
    migration, is_dry = migration_in(fields)
    if migration is not None and is_dry:
        plan = runtime.journey_documents.plan_migration
        return shown_whole(await plan(request.account, journey_id, migration, changes))
    found = await runtime.journey_documents.change(
        request.account,
        journey_id,
        changes,
        request.actor,
        status=fields.status,
        overdue=fields.overdue,
        migration=migration,
    )
    return shown_whole(found)


async def remove(runtime: Runtime, request: ApiRequest) -> JourneyDeleted:
    """Delete a journey with its enrolments, or archive it."""
    deleted = await runtime.journey_documents.remove(
        request.account, request.path_id("journey_id"), request.actor
    )
    return JourneyDeleted(success=True, deleted=deleted, archived=UNSET if deleted else True)


async def enrol(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Put a contact on a journey."""
    journey_id = request.path_id("journey_id")
    recipient = number("phone_number", decoded(_key, request.body).phone_number)
    return await request.guard(
        lambda guard: runtime.journeys.enrol_by_id(
            request.account, journey_id, recipient, guard=guard
        ),
        shown_enrollment,
    )


async def end(runtime: Runtime, request: ApiRequest) -> EnrollmentEnded:
    """Take a contact off a journey."""
    journey_id = request.path_id("journey_id")
    recipient = number("phone_number", decoded(_key, request.body).phone_number)
    ended = await runtime.journeys.end_by_id(request.account, journey_id, recipient)
    return EnrollmentEnded(success=True, ended=ended)


async def enrollments(runtime: Runtime, request: ApiRequest) -> EnrollmentList:
    """List who is on a journey, or was."""
    at, per_page = read_page(request.query)
    journey_id, place = request.path_id("journey_id"), read_cursor(request.query, 1)
    about = _filter_in(request.query)
    if about != EnrolmentFilter() and "page" in request.query:
        raise InvalidInput(
            "With a filter, page with `cursor`, not with `page`.",
            code="invalid_parameter",
            param="page",
        )
    if about == EnrolmentFilter() and place is None:
        found = await runtime.journeys.enrolment_page(
            request.account, journey_id, page=at, per_page=per_page
        )
        shown_ones = [shown_enrollment(each) for each in found.enrolments]
        last = None if found.last is None else [found.last]
        return EnrollmentList(shown_ones, cursor_pagination(at, per_page, found.total, last))
    after = 0 if place is None else place[0]
    stretch = await runtime.journeys.enrolments_after(
        request.account, journey_id, about, after, per_page
    )
    shown_ones = [shown_enrollment(each) for each in stretch.enrolments]
    last = None if stretch.last is None else [stretch.last]
    counted = cursor_pagination(1, per_page, len(shown_ones), last)
    # What comes before and behind is not counted.
    is_all = place is None and last is None
    return EnrollmentList(shown_ones, structs.replace(counted, total_is_exact=is_all))


def _filter_in(asked: Mapping[str, str]) -> EnrolmentFilter:
    """Return which contacts a query means. Raises `InvalidInput` that names the parameter."""
    return EnrolmentFilter(
        state=given(asked, "state", _state, _QUERY_HELP) or EnrolmentState.RUNNING,
        step=asked.get("step"),
        version=given(asked, "version", _version, _QUERY_HELP),
        started_after=given(asked, "started_after", read_instant, _QUERY_HELP),
        started_before=given(asked, "started_before", read_instant, _QUERY_HELP),
        recipient=given(asked, "phone_number", phone_in, _QUERY_HELP),
    )


def _state(text: str) -> EnrolmentState | None:
    return EnrolmentState(text) if text in set(EnrolmentState) else None


def _version(text: str) -> int | None:
    """Return a version, of which 0 is a journey without steps."""
    return read_row_id(text)


_CHANGE_CODES: Final = (
    "invalid_status",
    "too_many_versions",
    *(code for code in FAULT_CODES if code not in {"missing_name", "list_not_found"}),
)
_ID: Final = (in_path("journey_id", RowId, "The journey's id."),)

ENDPOINTS: Final = (
    Endpoint(
        "GET /journeys",
        page,
        id="listJourneys",
        summary="List journeys",
        description="Returns the journeys of a list, or of all lists, without their documents.",
        answer=JourneyList,
        codes=(*READING, "list_not_found"),
        parameters=(
            *page_parameters(),
            query("list_number", Sender, "Only of this list; write its + as %2B."),
            query(
                "status",
                Annotated[str, schema(type="string"), one_of(JourneyStatus)],
                "Only of this status; without one, the archived ones are left out.",
            ),
        ),
    ),
    Endpoint(
        "POST /journeys",
        create,
        id="createJourney",
        summary="Add a journey to a list",
        description=(
            "Makes a draft, whose faults are found when it is activated. A journey without steps "
            "is active at once. While a contact is on an active journey, other sends from its "
            "list are refused with `journey_conflict`, unless they set `skip_journey_check`."
        ),
        request=NewJourney,
        answer=Journey,
        codes=(
            *POSTING,
            "missing_list_number",
            "missing_name",
            "invalid_list_number",
            "invalid_name",
            "list_not_found",
            "journey_exists",
            "too_many_journeys",
            *_CHANGE_CODES,
        ),
        examples={
            "welcome": {"list_number": LIST, "name": "Welcome back", "trigger": "none"},
            "steps": {"list_number": LIST, **EXAMPLE},
        },
    ),
    Endpoint(
        "GET /journeys/{journey_id}",
        show,
        id="getJourney",
        summary="Show a journey",
        description="Returns one journey; another account's looks like no journey.",
        answer=Journey,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /journeys/{journey_id}",
        update,
        id="updateJourney",
        summary="Change a journey",
        description=(
            "Changes parts of the draft, each as a whole, and then the status. `active` freezes "
            "the draft as the next version, which those enter who come from then on; a draft with "
            "faults is refused with all of them in `faults`."
        ),
        request=JourneyUpdate,
        answer=Journey,
        codes=(
            *CHANGING,
            "invalid_name",
            "journey_exists",
            *_CHANGE_CODES,
            "incomplete_migration",
            "not_found",
        ),
        parameters=_ID,
        examples={
            "paused": {"status": "paused"},
            "goal": {"goal": EXAMPLE["goal"]},
            "migrated": {
                "status": "active",
                "migrate": {"from": [1], "map": {"old": "new"}, "rest": "stay", "dry_run": True},
            },
        },
    ),
    Endpoint(
        "DELETE /journeys/{journey_id}",
        remove,
        id="deleteJourney",
        summary="Delete a journey",
        description=(
            "Deletes a journey that never had a version, and ends it for every contact on it. "
            "One with versions is archived."
        ),
        answer=JourneyDeleted,
        codes=DELETING,
        parameters=_ID,
    ),
    Endpoint(
        "GET /journeys/{journey_id}/enrollments",
        enrollments,
        id="listEnrollments",
        summary="List who is on a journey",
        description=(
            "Returns the contacts that are on a journey now, in the order of their numbers. With "
            "a filter, an answer may have fewer than `per_page` of them, or none, while its "
            "`next_cursor` says where to go on: each reads 20,000 enrolments at the most."
        ),
        answer=EnrollmentList,
        codes=(*READING, "not_found"),
        parameters=(
            *_ID,
            *page_parameters(),
            CURSOR,
            query(
                "state",
                Annotated[str, schema(type="string"), one_of(EnrolmentState)],
                "Those who are on it, which is the default, who were, or both.",
            ),
            query("step", str, "Only who rests at this step, or left the journey from there."),
            query("version", Count, "Only of this version; 0 of a journey without steps."),
            query("phone_number", Phone, "Only this contact; write its + as %2B."),
            query("started_after", Time, "Only who entered at this time or later."),
            query("started_before", Time, "Only who entered before this time."),
        ),
    ),
    Endpoint(
        "POST /journeys/{journey_id}/enrollments",
        enrol,
        id="createEnrollment",
        summary="Put a contact on a journey",
        description=(
            "Starts the journey for a contact, anew for one who is on it already. Its trigger and "
            "its re-entry are not asked; `exclusive` is, of this journey and of those that the "
            "contact is on, and whether the contact may be texted."
        ),
        request=EnrollmentKey,
        answer=Enrollment,
        codes=(
            *POSTING,
            "missing_phone_number",
            "invalid_phone",
            *KEPT_OUT,
            "journey_paused",
            "journey_not_active",
            "not_found",
        ),
        parameters=_ID,
        examples={"one": {"phone_number": RECIPIENT}},
    ),
    Endpoint(
        "DELETE /journeys/{journey_id}/enrollments",
        end,
        id="deleteEnrollment",
        summary="Take a contact off a journey",
        description="Ends the journey for a contact; one who is not on it is no error.",
        request=EnrollmentKey,
        answer=EnrollmentEnded,
        codes=(*CHANGING, "missing_phone_number", "invalid_phone", "not_found"),
        parameters=_ID,
        examples={"one": {"phone_number": RECIPIENT}},
    ),
)


def _status(text: str) -> JourneyStatus | None:
    return JourneyStatus(text) if text in set(JourneyStatus) else None


def shown_enrollment(enrolment: Enrolment) -> Enrollment:
    """Return an enrolment as answers have it."""
    # One of a paused journey has no time.
    due_at = enrolment.due_at
    return Enrollment(
        journey_id=enrolment.journey_id,
        phone_number=phone.show(enrolment.recipient),
        started_at=shown_time(enrolment.started_at),
        ends_at=shown_time(enrolment.ends_at),
        version=enrolment.version,
        step=enrolment.step or None,
        due_at=None if due_at is None or due_at > enrolment.ends_at else shown_time(due_at),
        ended=enrolment.end_reason,
    )
