"""Journeys and who is on one: what starts them, and whom other sends must not disturb."""

from typing import Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.fields import number, sender
from sendrail.api.v2.queries import (
    SENDER_HELP,
    Pagination,
    given,
    pagination,
    read_page,
    sender_in,
)
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.journeys import OnList
from sendrail.domain import phone
from sendrail.domain.contact import Enrolment, Trigger
from sendrail.domain.errors import InvalidInput
from sendrail.domain.times import shown as shown_time

_QUERY_HELP: Final = {"list_number": SENDER_HELP}


class NewJourney(msgspec.Struct, gc=False):
    """`POST /v2/journeys`."""

    list_number: str | None = None
    name: str | None = None
    trigger: str | None = None


class EnrollmentKey(msgspec.Struct, gc=False):
    """`POST` and `DELETE /v2/journeys/{journey_id}/enrollments`."""

    phone_number: str | None = None


class Journey(msgspec.Struct):
    """A journey of a list."""

    id: int
    list_number: str
    list_id: int
    name: str
    trigger: str
    created_at: str


class JourneyList(msgspec.Struct):
    """A page of journeys."""

    journeys: list[Journey]
    pagination: Pagination


class JourneyDeleted(msgspec.Struct):
    """The answer to a journey that was deleted."""

    success: bool
    deleted: bool


class Enrollment(msgspec.Struct):
    """A contact's way through a journey, and when it ends by itself."""

    journey_id: int
    phone_number: str
    started_at: str
    ends_at: str


class EnrollmentList(msgspec.Struct):
    """A page of those who are on a journey now, in the order of their numbers."""

    enrollments: list[Enrollment]
    pagination: Pagination


class EnrollmentEnded(msgspec.Struct):
    """The answer to a contact taken off a journey; `ended` is false if it was not on it."""

    success: bool
    ended: bool


_new: Final = msgspec.json.Decoder(NewJourney).decode
_key: Final = msgspec.json.Decoder(EnrollmentKey).decode


async def page(runtime: Runtime, request: ApiRequest) -> JourneyList:
    """List journeys."""
    at, per_page = read_page(request.query)
    wanted = given(request.query, "list_number", sender_in, _QUERY_HELP)
    found = await runtime.journeys.page(request.account, wanted or "", page=at, per_page=per_page)
    return JourneyList(
        [_shown(each) for each in found.journeys], pagination(at, per_page, found.total)
    )


async def show(runtime: Runtime, request: ApiRequest) -> Journey:
    """Show one journey."""
    return _shown(await runtime.journeys.show(request.account, request.path_id("journey_id")))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a journey to a list."""
    fields = decoded(_new, request.body)
    wanted = sender("list_number", fields.list_number)
    if not fields.name or fields.name.isspace():
        raise InvalidInput("name is required", code="missing_name", param="name")
    name, trigger = fields.name, fields.trigger or Trigger.LIST
    return await request.guard(
        lambda guard: runtime.journeys.add(request.account, wanted, name, trigger, guard=guard),
        lambda journey: _shown((journey, wanted)),
    )


async def remove(runtime: Runtime, request: ApiRequest) -> JourneyDeleted:
    """Delete a journey, and end it for everybody on it."""
    await runtime.journeys.remove(request.account, request.path_id("journey_id"))
    return JourneyDeleted(success=True, deleted=True)


async def enrol(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Put a contact on a journey."""
    journey_id = request.path_id("journey_id")
    recipient = number("phone_number", decoded(_key, request.body).phone_number)
    return await request.guard(
        lambda guard: runtime.journeys.enrol_by_id(
            request.account, journey_id, phone.show(recipient), guard=guard
        ),
        _enrollment,
    )


async def end(runtime: Runtime, request: ApiRequest) -> EnrollmentEnded:
    """Take a contact off a journey."""
    journey_id = request.path_id("journey_id")
    recipient = number("phone_number", decoded(_key, request.body).phone_number)
    ended = await runtime.journeys.end_by_id(request.account, journey_id, phone.show(recipient))
    return EnrollmentEnded(success=True, ended=ended)


async def enrollments(runtime: Runtime, request: ApiRequest) -> EnrollmentList:
    """List who is on a journey now."""
    at, per_page = read_page(request.query)
    found = await runtime.journeys.enrolment_page(
        request.account, request.path_id("journey_id"), page=at, per_page=per_page
    )
    return EnrollmentList(
        [_enrollment(each) for each in found.enrolments], pagination(at, per_page, found.total)
    )


ENDPOINTS: Final = (
    Endpoint("GET", "/journeys", page),
    Endpoint("POST", "/journeys", create, takes_body=True),
    Endpoint("GET", "/journeys/{journey_id}", show),
    Endpoint("DELETE", "/journeys/{journey_id}", remove),
    Endpoint("GET", "/journeys/{journey_id}/enrollments", enrollments),
    Endpoint("POST", "/journeys/{journey_id}/enrollments", enrol, takes_body=True),
    Endpoint("DELETE", "/journeys/{journey_id}/enrollments", end, takes_body=True),
)


def _shown(found: OnList) -> Journey:
    journey, list_number = found
    return Journey(
        id=journey.id,
        list_number=list_number,
        list_id=journey.list_id,
        name=journey.name,
        trigger=journey.trigger,
        created_at=shown_time(journey.created_at),
    )


def _enrollment(enrolment: Enrolment) -> Enrollment:
    return Enrollment(
        journey_id=enrolment.journey_id,
        phone_number=phone.show(enrolment.recipient),
        started_at=shown_time(enrolment.started_at),
        ends_at=shown_time(enrolment.ends_at),
    )
