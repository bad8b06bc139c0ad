"""Documents of journeys: their versions, what is wrong with them, and how they would run."""

from typing import Annotated, Final

import msgspec

from sendrail.api.errors import shown_faults
from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import Positive, RowId
from sendrail.api.v2.journey_shapes import (
    EXAMPLE,
    JourneyCheck,
    JourneyFaults,
    JourneyVersion,
    JourneyVersionList,
    SimulationRequest,
    SimulationResponse,
    document_in,
    shown_simulation,
    shown_version,
    strangers_in,
    value_of,
)
from sendrail.api.v2.operation import FINDING, POSTING, READING, in_path, page_parameters
from sendrail.api.v2.queries import pagination, read_page
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain.journeys.script import read_script

# The codes of a document's faults, as `journeys/reading.py` and `contacts/journey_checks.py` have
# them.
FAULT_CODES: Final = (
    "missing_name",
    "missing_trigger",
    "missing_steps",
    "missing_step_id",
    "duplicate_step_id",
    "unknown_step_kind",
    "unknown_step",
    "loop_without_wait",
    "missing_body",
    "message_too_long",
    "unknown_macro",
    "missing_offer_links_for_placeholders",
    "invalid_url",
    "invalid_duration",
    "invalid_time",
    "invalid_timezone",
    "invalid_operator",
    "invalid_value",
    "empty_filter_group",
    "filter_too_large",
    "invalid_split_percent",
    "missing_timeout",
    "timeout_too_long",
    "invalid_reentry",
    "invalid_quiet_hours",
    "too_many_steps",
    "too_many_branches",
    "creative_not_found",
    "offer_not_found",
    "journey_not_found",
    "endpoint_not_found",
    "list_not_found",
    "audience_not_found",
)

_check: Final = msgspec.json.Decoder(JourneyCheck).decode
_simulation: Final = msgspec.json.Decoder(SimulationRequest).decode


async def validate(runtime: Runtime, request: ApiRequest) -> JourneyFaults:
    """Return all faults of a draft."""
    # Keys that no part has are warned of: they may be slips of the pen.
    changes = document_in(decoded(_check, request.body)) | strangers_in(request.body)
    journey_id = request.path_id("journey_id")
    found = await runtime.journey_documents.validate(request.account, journey_id, changes)
    return JourneyFaults(
        valid=not found.faults,
        faults=shown_faults(found.faults),
        warnings=shown_faults(found.warnings),
    )


async def simulate(runtime: Runtime, request: ApiRequest) -> SimulationResponse:
    """Return the way of an invented contact."""
    fields = decoded(_simulation, request.body)
    script = {
        "contact": value_of("contact", fields.contact),
        "starts_at": fields.starts_at,
        "events": value_of("events", fields.events),
        "verdicts": value_of("verdicts", fields.verdicts),
    }
    given = read_script(script, runtime.clock.now())
    found = await runtime.journey_documents.simulate(
        request.account,
        request.path_id("journey_id"),
        given,
        document_in(fields),
        version=fields.version,
    )
    return shown_simulation(found)


async def versions(runtime: Runtime, request: ApiRequest) -> JourneyVersionList:
    """List the versions of a journey."""
    at, per_page = read_page(request.query)
    found = await runtime.journey_documents.versions(
        request.account, request.path_id("journey_id"), page=at, per_page=per_page
    )
    shown = [shown_version(each, whole=False) for each in found.versions]
    return JourneyVersionList(shown, pagination(at, per_page, found.total))


async def version(runtime: Runtime, request: ApiRequest) -> JourneyVersion:
    """Show a version of a journey."""
    journey_id, number = request.path_id("journey_id"), request.path_id("version")
    found = await runtime.journey_documents.version(request.account, journey_id, number)
    return shown_version(found)


_ID: Final = in_path("journey_id", RowId, "The journey's id.")
_Number = Annotated[Positive, msgspec.Meta(extra_json_schema={"maximum": 100})]

ENDPOINTS: Final = (
    Endpoint(
        "POST /journeys/{journey_id}/validate",
        validate,
        id="validateJourney",
        summary="Find the faults of a journey",
        description=(
            "Returns all faults and warnings of the draft, or of the active version where there "
            "is none, with the changes of the body. Nothing is kept."
        ),
        request=JourneyCheck,
        answer=JourneyFaults,
        codes=(*POSTING, "not_found"),
        parameters=(_ID,),
        examples={"draft": {}},
    ),
    Endpoint(
        "POST /journeys/{journey_id}/simulate",
        simulate,
        id="simulateJourney",
        summary="Try a journey out",
        description=(
            "Returns the way of an invented contact through the draft, with the changes of the "
            "body, or through a version. Nothing is sent or kept."
        ),
        request=SimulationRequest,
        answer=SimulationResponse,
        codes=(*POSTING, *FAULT_CODES, "not_found"),
        parameters=(_ID,),
        examples={
            "yes": {
                "trigger": EXAMPLE["trigger"],
                "steps": EXAMPLE["steps"],
                "contact": {"first_name": "Ann", "timezone": "America/New_York"},
                "starts_at": "2026-03-02T15:00:00Z",
                "events": [
                    {"after": {"value": 2, "unit": "hours"}, "event": "reply", "detail": "Yes!"}
                ],
            }
        },
    ),
    Endpoint(
        "GET /journeys/{journey_id}/versions",
        versions,
        id="listJourneyVersions",
        summary="List the versions of a journey",
        description="Returns the versions of a journey, the newest first, without their documents.",
        answer=JourneyVersionList,
        codes=(*READING, "not_found"),
        parameters=(_ID, *page_parameters()),
    ),
    Endpoint(
        "GET /journeys/{journey_id}/versions/{version}",
        version,
        id="getJourneyVersion",
        summary="Show a version of a journey",
        description="Returns a version with its document, which never changes.",
        answer=JourneyVersion,
        codes=FINDING,
        parameters=(_ID, in_path("version", _Number, "The version, from 1.")),
    ),
)
