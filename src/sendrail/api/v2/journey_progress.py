"""How far contacts are on journeys, what is done to all of them, and events of the caller's own."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    Count,
    Flag,
    Phone,
    Positive,
    Required,
    RowId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.fields import number, sender
from sendrail.api.v2.journey_shapes import value_of
from sendrail.api.v2.operation import (
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
from sendrail.api.v2.queries import Pagination, given, pagination, read_page
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.journey_progress import StepCounts, VersionCounts
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import read_row_id
from sendrail.domain.journeys.event_data import NAMES_MAX
from sendrail.domain.journeys.task import JourneyTask, TaskKind, TaskState
from sendrail.domain.times import shown as shown_time

_QUERY_HELP: Final = {"version": "`version` must be a number, 1 or more"}


class StepStats(msgspec.Struct):
    """What was counted at a step; `here` are those who rest there now."""

    step: str
    entered: Count
    left: Count
    here: Count
    did: Annotated[
        dict[str, int], about("How often each thing was done there: `sent`, `waits`, `yes` …")
    ]


class JourneyStats(msgspec.Struct):
    """What was counted of a version: entries, ends by their reason, and its steps in order."""

    version: Positive
    entered: Count
    ended: dict[str, int]
    steps: list[StepStats]


class TaskRequest(msgspec.Struct, gc=False):
    """`POST /v2/journeys/{journey_id}/exit`."""

    confirm: Annotated[Flag, about("Must be true: all contacts are taken off.")] = None


class BackfillRequest(msgspec.Struct, gc=False):
    """`POST /v2/journeys/{journey_id}/backfill`."""

    dry_run: Annotated[
        Flag, about("Only counts who would enter: the default, unless it is confirmed.")
    ] = None
    confirm: Annotated[Flag, about("Must be true where it is no dry run.")] = None
    audience_id: Annotated[str | None, about("Only those who are in this audience.")] = None


class Task(msgspec.Struct):
    """What is done to many contacts of a journey, and how far it is."""

    id: RowId
    kind: Annotated[str, one_of(TaskKind)]
    state: Annotated[str, one_of(TaskState)]
    dry_run: Annotated[bool, about("Whether it only counts whom it would change.")]
    done: Annotated[Count, about("How many contacts it has changed.")]
    failed: Annotated[Count, about("How many it came to and left as they were.")]
    created_at: Time
    ended_at: Time | None


class TaskList(msgspec.Struct):
    """A page of the tasks of a journey, the newest first."""

    tasks: list[Task]
    pagination: Pagination


class NewEvent(msgspec.Struct, gc=False):
    """`POST /v2/events`: what happened to a contact, by a name of the caller's own."""

    phone_number: Annotated[Required[Phone], about("The contact, as an E.164 number.")] = None
    list_number: Annotated[Required[Sender], about("The list whose journeys it is for.")] = None
    event: Annotated[Required[str], about("Its name, which steps and triggers name.")] = None
    data: Annotated[
        Raw | UnsetType,
        schema(
            type=["object", "null"],
            maxProperties=NAMES_MAX,
            additionalProperties={"type": ["string", "number", "boolean", "null"]},
        ),
        about(
            "What it says beside its name: texts show it as `{{event.total}}`, and conditions of "
            "the type `event_data` ask for it."
        ),
    ] = UNSET


class EventTaken(msgspec.Struct):
    """The answer to an event."""

    success: Always
    journeys: Annotated[Count, about("On how many journeys of the list the contact is then.")]
    happened_at: Time


_task_request: Final = msgspec.json.Decoder(TaskRequest).decode
_backfill: Final = msgspec.json.Decoder(BackfillRequest).decode
_event: Final = msgspec.json.Decoder(NewEvent).decode


async def stats(runtime: Runtime, request: ApiRequest) -> JourneyStats:
    """Return what was counted of a version."""
    version = given(request.query, "version", lambda text: read_row_id(text) or None, _QUERY_HELP)
    found = await runtime.journey_progress.stats(
        request.account, request.path_id("journey_id"), version
    )
    return _stats(found)


async def exit_all(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Take all contacts off a journey."""
    journey_id = request.path_id("journey_id")
    is_confirmed = decoded(_task_request, request.body).confirm is True
    return await request.guard(
        lambda guard: runtime.journey_progress.exit_all(
            request.account, journey_id, is_confirmed=is_confirmed, actor=request.actor, guard=guard
        ),
        _task,
    )


async def backfill(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Let the contacts of the list enter."""
    journey_id = request.path_id("journey_id")
    fields = decoded(_backfill, request.body)
    is_confirmed = fields.confirm is True
    is_dry = not is_confirmed if fields.dry_run is None else fields.dry_run
    return await request.guard(
        lambda guard: runtime.journey_progress.backfill(
            request.account,
            journey_id,
            is_confirmed=is_confirmed,
            is_dry=is_dry,
            actor=request.actor,
            audience=(fields.audience_id or "").strip(),
            guard=guard,
        ),
        _task,
    )


async def tasks(runtime: Runtime, request: ApiRequest) -> TaskList:
    """List the tasks of a journey."""
    at, per_page = read_page(request.query)
    found = await runtime.journey_progress.tasks(
        request.account, request.path_id("journey_id"), page=at, per_page=per_page
    )
    return TaskList([_task(each) for each in found.tasks], pagination(at, per_page, found.total))


async def task(runtime: Runtime, request: ApiRequest) -> Task:
    """Show a task."""
    journey_id, task_id = request.path_id("journey_id"), request.path_id("task_id")
    return _task(await runtime.journey_progress.task(request.account, journey_id, task_id))


async def cancel(runtime: Runtime, request: ApiRequest) -> Task:
    """End a task where it is."""
    journey_id, task_id = request.path_id("journey_id"), request.path_id("task_id")
    return _task(
        await runtime.journey_progress.cancel(request.account, journey_id, task_id, request.actor)
    )


async def add_event(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Take an event of the caller's own."""
    fields = decoded(_event, request.body)
    recipient = number("phone_number", fields.phone_number)
    list_number, _ = sender("list_number", fields.list_number)
    if fields.event is None:
        raise InvalidInput("`event` is missing", code="invalid_value", param="event")
    name, data = fields.event, value_of("data", fields.data)
    return await request.guard(
        lambda guard: runtime.journey_progress.happened(
            request.account, list_number, recipient, name, data=data, guard=guard
        ),
        lambda taken: EventTaken(
            success=True, journeys=taken.journeys, happened_at=shown_time(taken.at)
        ),
    )


_JOURNEY: Final = in_path("journey_id", RowId, "The journey's id.")
_TASK: Final = in_path("task_id", RowId, "The task's id.")
_TASK_CODES: Final = (*POSTING, "confirm_required", "not_found")
_CONFIRMED: Final[dict[str, Any]] = {"confirmed": {"confirm": True}}

ENDPOINTS: Final = (
    Endpoint(
        "GET /journeys/{journey_id}/stats",
        stats,
        id="getJourneyStats",
        summary="Count what became of contacts on a journey",
        description=(
            "Returns the counts of a version, the active one by default: entries, ends by their "
            "reason, and for each step how many came, what was done, and how many left."
        ),
        answer=JourneyStats,
        codes=(*READING, "not_found"),
        parameters=(_JOURNEY, query("version", Positive, "A version, from 1.")),
    ),
    Endpoint(
        "POST /journeys/{journey_id}/exit",
        exit_all,
        id="exitJourney",
        summary="Take all contacts off a journey",
        description="Ends the journey for all who are on it, in bites; the task says how far.",
        request=TaskRequest,
        answer=Task,
        codes=_TASK_CODES,
        parameters=(_JOURNEY,),
        examples=_CONFIRMED,
    ),
    Endpoint(
        "POST /journeys/{journey_id}/backfill",
        backfill,
        id="backfillJourney",
        summary="Let the contacts of a list enter a journey",
        description=(
            "Lets those who are on the list already enter, if the condition of the trigger holds "
            "of them and they may enter again: 10,000 a minute at the most. With `audience_id`, "
            "only those who are in the audience when their turn comes. Unless it is "
            "confirmed, it is a dry run: `done` of its task counts who would enter."
        ),
        request=BackfillRequest,
        answer=Task,
        codes=(*_TASK_CODES, "journey_not_active", "audience_not_found"),
        parameters=(_JOURNEY,),
        examples={
            "dry run": {"dry_run": True},
            **_CONFIRMED,
            "an audience": {"audience_id": "0123456789abcdef01234567"},
        },
    ),
    Endpoint(
        "GET /journeys/{journey_id}/tasks",
        tasks,
        id="listJourneyTasks",
        summary="List the tasks of a journey",
        description="Returns what is and was done to many contacts of a journey, newest first.",
        answer=TaskList,
        codes=(*READING, "not_found"),
        parameters=(_JOURNEY, *page_parameters()),
    ),
    Endpoint(
        "GET /journeys/{journey_id}/tasks/{task_id}",
        task,
        id="getJourneyTask",
        summary="Show a task of a journey",
        description="Returns how far a task is.",
        answer=Task,
        codes=FINDING,
        parameters=(_JOURNEY, _TASK),
    ),
    Endpoint(
        "DELETE /journeys/{journey_id}/tasks/{task_id}",
        cancel,
        id="cancelJourneyTask",
        summary="Cancel a task of a journey",
        description="Ends a task where it is; what it has done stays, and one that is over too.",
        answer=Task,
        codes=DELETING,
        parameters=(_JOURNEY, _TASK),
    ),
    Endpoint(
        "POST /events",
        add_event,
        id="createEvent",
        summary="Tell of an event of a contact",
        description=(
            "Wakes the contact on journeys whose steps wait for the event, and lets it enter those "
            "whose triggers name it."
        ),
        request=NewEvent,
        answer=EventTaken,
        codes=(
            *POSTING,
            "missing_phone_number",
            "invalid_phone",
            "missing_list_number",
            "invalid_list_number",
            "list_not_found",
            "invalid_value",
        ),
        examples={
            "cart": {
                "phone_number": RECIPIENT,
                "list_number": LIST,
                "event": "cart_abandoned",
                "data": {"total": 59.9, "url": "https://shop.example/cart/17"},
            }
        },
    ),
)


def _stats(found: VersionCounts) -> JourneyStats:
    return JourneyStats(
        version=found.version,
        entered=found.entered,
        ended=dict(found.ended),
        steps=[_step(each) for each in found.steps],
    )


def _step(found: StepCounts) -> StepStats:
    return StepStats(
        step=found.step,
        entered=found.entered,
        left=found.left,
        here=found.here,
        did=dict(found.did),
    )


def _task(found: JourneyTask) -> Task:
    return Task(
        id=found.id,
        kind=found.kind,
        state=found.state,
        dry_run=found.is_dry,
        done=found.done,
        failed=found.failed,
        created_at=shown_time(found.created_at),
        ended_at=None if found.ended_at is None else shown_time(found.ended_at),
    )
