"""Journeys and enrolments."""

from typing import Any, Final

from sendrail.api.operations.parts import (
    ASKING,
    BROKEN,
    CHANGING,
    FINDING,
    LIST,
    PHONE,
    POSTING,
    READING,
    RECIPIENT,
    ROW_ID,
    SENDER,
    TIME,
    TRUE,
    Operation,
    in_path,
    page_parameters,
    query,
)
from sendrail.api.v2.journeys import (
    Enrollment,
    EnrollmentEnded,
    EnrollmentKey,
    EnrollmentList,
    Journey,
    JourneyDeleted,
    JourneyList,
    NewJourney,
)
from sendrail.contacts.inputs import NAME_LENGTH_MAX
from sendrail.domain.contact import Trigger

_TRIGGERS: Final = [str(trigger) for trigger in Trigger]
_ID: Final = (in_path("journey_id", ROW_ID, "The journey's id."),)

FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "NewJourney": {
        "list_number": SENDER,
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": NAME_LENGTH_MAX,
            "pattern": r"\S",
            "description": "Its name; each of a list's journeys has another one.",
        },
        "trigger": {
            "enum": [*_TRIGGERS, None],
            "default": str(Trigger.LIST),
            "description": (
                "`list`: a contact that joins the list with `use_journeys` starts it. `none`: it "
                "is started for single contacts only."
            ),
        },
    },
    "EnrollmentKey": {"phone_number": {**PHONE, "description": "The contact, as an E.164 number."}},
    "Journey": {
        "id": ROW_ID,
        "list_number": SENDER,
        "list_id": ROW_ID,
        "trigger": {"enum": _TRIGGERS},
        "created_at": TIME,
    },
    "JourneyDeleted": {"success": TRUE, "deleted": TRUE},
    "Enrollment": {
        "journey_id": ROW_ID,
        "phone_number": PHONE,
        "started_at": TIME,
        "ends_at": {**TIME, "description": "When it ends by itself: thirty days after its start."},
    },
    "EnrollmentEnded": {"success": TRUE},
}
REQUIRED: Final = {"NewJourney": ["list_number", "name"], "EnrollmentKey": ["phone_number"]}

OPERATIONS: Final = (
    Operation(
        method="get",
        path="/journeys",
        id="listJourneys",
        tag="Journeys",
        summary="List journeys",
        description="Returns the journeys of a list, or of all lists.",
        answer=JourneyList,
        codes=(*READING, "list_not_found"),
        parameters=(
            *page_parameters(),
            query("list_number", SENDER, "Only of this list; write its + as %2B."),
        ),
    ),
    Operation(
        method="post",
        path="/journeys",
        id="createJourney",
        tag="Journeys",
        summary="Add a journey to a list",
        description=(
            "While a contact is on a journey, other sends from its list are refused with "
            "`journey_conflict`, unless they set `skip_journey_check`."
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
        ),
        examples={"welcome": {"list_number": LIST, "name": "Welcome back", "trigger": "none"}},
    ),
    Operation(
        method="get",
        path="/journeys/{journey_id}",
        id="getJourney",
        tag="Journeys",
        summary="Show a journey",
        description="Returns one journey; another account's looks like no journey.",
        answer=Journey,
        codes=FINDING,
        parameters=_ID,
    ),
    Operation(
        method="delete",
        path="/journeys/{journey_id}",
        id="deleteJourney",
        tag="Journeys",
        summary="Delete a journey",
        description="Deletes a journey; whoever is on it is on it no longer.",
        answer=JourneyDeleted,
        codes=(*ASKING, "not_found", "overloaded", "storage_full", *BROKEN),
        parameters=_ID,
    ),
    Operation(
        method="get",
        path="/journeys/{journey_id}/enrollments",
        id="listEnrollments",
        tag="Journeys",
        summary="List who is on a journey",
        description="Returns the contacts that are on a journey now, page by page.",
        answer=EnrollmentList,
        codes=(*READING, "not_found"),
        parameters=(*_ID, *page_parameters()),
    ),
    Operation(
        method="post",
        path="/journeys/{journey_id}/enrollments",
        id="createEnrollment",
        tag="Journeys",
        summary="Put a contact on a journey",
        description="Starts the journey for a contact, anew for one who is on it already.",
        request=EnrollmentKey,
        answer=Enrollment,
        codes=(*POSTING, "missing_phone_number", "invalid_phone", "not_found"),
        parameters=_ID,
        examples={"one": {"phone_number": RECIPIENT}},
    ),
    Operation(
        method="delete",
        path="/journeys/{journey_id}/enrollments",
        id="deleteEnrollment",
        tag="Journeys",
        summary="Take a contact off a journey",
        description="Ends the journey for a contact; one who is not on it is no error.",
        request=EnrollmentKey,
        answer=EnrollmentEnded,
        codes=(*CHANGING, "missing_phone_number", "invalid_phone", "not_found"),
        parameters=_ID,
        examples={"one": {"phone_number": RECIPIENT}},
    ),
)
