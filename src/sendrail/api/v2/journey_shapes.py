"""The bodies of journeys, as requests give them and answers show them."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sendrail.api.errors import DocumentFault
from sendrail.api.v2.decoding import free_form, keys_in
from sendrail.api.v2.field_types import (
    Always,
    Count,
    Positive,
    Required,
    RowId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.queries import Pagination
from sendrail.contacts.inputs import NAME_LENGTH_MAX
from sendrail.contacts.journey_documents import VERSIONS_MAX, JourneyDetails
from sendrail.contacts.journey_migrations import MigrationPlan
from sendrail.domain import contact
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.journeys import document as limits
from sendrail.domain.journeys.document import DOCUMENT_BYTES_MAX
from sendrail.domain.journeys.faults import FAULTS_MAX
from sendrail.domain.journeys.migrating import Migration, RestPolicy, StepMove, read_migration
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.journeys.reading import KEYS, OF_JOURNEY, PRIORITY_MAX, SKIP_HOURS_MAX
from sendrail.domain.journeys.resuming import OverduePolicy
from sendrail.domain.journeys.script import HAPPENINGS
from sendrail.domain.journeys.simulate import EVENTS_MAX, PathStep, SimulationResult
from sendrail.domain.times import shown as shown_time
from sendrail.domain.times import shown_finely

EXAMPLE: Final[dict[str, Any]] = {
    "name": "Ask once",
    "trigger": {"on": ["signup"]},
    "goal": {"type": "event", "event": "conversion"},
    "timezone": "America/New_York",
    "steps": [
        {"id": "hello", "kind": "send", "body": "Hi {{first_name|there}}, shall we text you?"},
        {
            "id": "answer",
            "kind": "wait_event",
            "if": {"type": "event", "event": "reply", "keyword": "YES", "since": "last_send"},
            "timeout": {"value": 2, "unit": "days"},
            "yes": "thanks",
            "no": None,
        },
        {"id": "thanks", "kind": "set_field", "field": "engaged", "value": True},
    ],
}


# A document may come with blanks, and with each of its characters as an escape.
_LOOKED_THROUGH_MAX: Final = 8 * DOCUMENT_BYTES_MAX
# A part of a document is checked when it is activated, not when it is kept.
_OBJECT: Final = {"type": ["object", "null"]}
_Name = Annotated[
    Required[str],
    schema(minLength=1, maxLength=NAME_LENGTH_MAX, pattern=r"\S"),
    about("Its name; each of a list's journeys has another one."),
]
_Trigger = Annotated[
    Raw | UnsetType,
    schema(anyOf=[{"enum": [str(each) for each in contact.Trigger]}, _OBJECT]),
    about(
        "What starts it, as `{on, when}`. Or a word, in a journey without steps. `list`: a contact "
        "that joins the list with `use_journeys` starts it. `none`: it is started for single "
        "contacts only."
    ),
]
_Status = Annotated[
    str | None,
    one_of(JourneyStatus),
    about("`active` freezes the draft as the next version, or resumes what was paused."),
]
_Overdue = Annotated[
    str | None,
    one_of(OverduePolicy),
    about(
        "With `active`, for a paused journey: what becomes of contacts whose turn came meanwhile. "
        "`shift`, the default, lets time have stood still for them; `catch_up` lets them have "
        "it now, `exit` ends their enrolments with `paused_out`."
    ),
]
_Migrate = Annotated[
    Raw | UnsetType,
    schema(
        type=["object", "null"],
        required=["from"],
        properties={
            "from": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
            "map": {
                "type": ["object", "null"],
                "additionalProperties": {"type": ["string", "null"]},
            },
            "rest": {"enum": [*map(str, RestPolicy), None]},
            "dry_run": {"type": ["boolean", "null"], "default": False},
        },
        additionalProperties=False,
    ),
    about(
        "With the status `active`: contacts on the versions in `from` go on in the active one, at "
        "the steps that `map` gives; null ends the journey. `rest` says what becomes of the "
        "others. With `dry_run` nothing is kept, and the answer says what would be done."
    ),
]
_Priority = Annotated[
    Raw | UnsetType,
    schema(type=["integer", "null"], minimum=-PRIORITY_MAX, maximum=PRIORITY_MAX, default=0),
    about("Of several exclusive journeys that one occasion starts, the highest is started."),
]
_Exclusive = Annotated[
    Raw | UnsetType,
    schema(type=["boolean", "null"], default=False),
    about("Only contacts on no other journey of the list enter it."),
]
_Holds = Annotated[
    Raw | UnsetType,
    schema(type=["boolean", "null"], default=True),
    about("Whether other sends to those on it are refused with `journey_conflict`."),
]
_Days = Annotated[
    Raw | UnsetType,
    schema(type=["integer", "null"], minimum=1, maximum=limits.DAYS_MAX, default=limits.DAYS_MAX),
    about("After so many days an enrolment ends."),
]
_Reentry = Annotated[
    Raw | UnsetType,
    schema(**_OBJECT),
    about("When a contact may enter again: `{mode: once | after | always}`."),
]
_Goal = Annotated[
    Raw | UnsetType,
    schema(**_OBJECT),
    about("A condition that ends an enrolment as soon as it holds."),
]
_ExitWhen = Annotated[
    Raw | UnsetType, schema(**_OBJECT), about("As the goal, but it counts as leaving.")
]
_Quiet = Annotated[
    Raw | UnsetType,
    schema(**_OBJECT),
    about("Local times between which nothing is sent: `{from, to}`."),
]
_Timezone = Annotated[
    Raw | UnsetType,
    schema(type=["string", "null"]),
    about("The time zone of contacts who have none."),
]
_SkipWithin = Annotated[
    Raw | UnsetType,
    schema(type=["integer", "null"], minimum=0, maximum=SKIP_HOURS_MAX, default=0),
    about("Skips a message to a contact that had one of the list within so many hours."),
]
_Steps = Annotated[
    Raw | UnsetType,
    schema(type=["array", "null"], items={"type": "object"}, maxItems=limits.STEPS_MAX),
    about("What is done, one after the other."),
]


class DocumentFields(msgspec.Struct, gc=False, kw_only=True):
    """The parts of a journey's document."""

    trigger: _Trigger = UNSET
    priority: _Priority = UNSET
    exclusive: _Exclusive = UNSET
    holds_other_sends: _Holds = UNSET
    max_days: _Days = UNSET
    reentry: _Reentry = UNSET
    goal: _Goal = UNSET
    exit_when: _ExitWhen = UNSET
    quiet_hours: _Quiet = UNSET
    timezone: _Timezone = UNSET
    skip_within_hours: _SkipWithin = UNSET
    steps: _Steps = UNSET


class NewJourney(DocumentFields, gc=False, kw_only=True):
    """`POST /v2/journeys`: a draft, or, without steps, a journey that is active at once."""

    list_number: Required[Sender] = None
    name: _Name = None
    status: _Status = None


class JourneyUpdate(DocumentFields, gc=False, kw_only=True):
    """`PUT /v2/journeys/{journey_id}`; what is absent stays as it is."""

    name: Annotated[str | None, schema(minLength=1, maxLength=NAME_LENGTH_MAX, pattern=r"\S")] = (
        None
    )
    status: _Status = None
    overdue: _Overdue = None
    migrate: _Migrate = UNSET


class JourneyCheck(DocumentFields, gc=False, kw_only=True):
    """`POST /v2/journeys/{journey_id}/validate`: changes to the draft, which are not kept."""

    name: str | None = None


class SimulationRequest(DocumentFields, gc=False, kw_only=True):
    """`POST /v2/journeys/{journey_id}/simulate`: an invented contact, and what happens to it.

    The parts of a document are changes to the draft, which are not kept.
    """

    contact: Annotated[
        Raw | UnsetType,
        schema(
            type=["object", "null"],
            properties={
                "first_name": {"type": ["string", "null"]},
                "last_name": {"type": ["string", "null"]},
                "timezone": {"type": ["string", "null"]},
                "custom_fields": {"type": ["object", "null"]},
                "active": {"type": ["boolean", "null"], "default": True},
                "list_ids": {"type": ["array", "null"], "items": {"type": "integer"}},
                "audience_ids": {"type": ["array", "null"], "items": {"type": "string"}},
                "last_sent_at": {"type": ["string", "null"]},
            },
        ),
        about("Who enters."),
    ] = UNSET
    starts_at: Annotated[str | None, about("When it enters; now, if it is not given.")] = None
    events: Annotated[
        Raw | UnsetType,
        schema(
            type=["array", "null"],
            maxItems=EVENTS_MAX,
            items={
                "type": "object",
                "required": ["after", "event"],
                "properties": {
                    "after": {"type": "object"},
                    "event": {"enum": list(HAPPENINGS)},
                    "detail": {"type": ["string", "null"]},
                    "field": {"type": ["string", "null"]},
                    "value": {},
                    "status": {"type": ["string", "null"]},
                },
            },
        ),
        about("What happens, each so long after the contact entered."),
    ] = UNSET
    verdicts: Annotated[
        Raw | UnsetType,
        schema(type=["object", "null"]),
        about("By the id of a step, the code by which its message is refused."),
    ] = UNSET
    version: Annotated[Positive | None, about("A version, in place of the draft.")] = None


_JSON: Final = {"type": "object"}


class StepMigration(msgspec.Struct):
    """What a migration does at a step, and how many contacts rest there by now."""

    version: Annotated[Count, about("The version that is left; 0 of a journey without steps.")]
    step: str
    to: Annotated[str | None, about("The step of the new version; null with `ends` or `stays`.")]
    does: Annotated[str, schema(enum=["moves", "ends", "stays"])]
    contacts: Count


class JourneyMigration(msgspec.Struct):
    """What becomes of contacts on older versions; without a task it was only asked."""

    steps: list[StepMigration]
    task_id: RowId | None


class Journey(msgspec.Struct):
    """A journey of a list; with its documents where it is asked for alone and has some."""

    id: RowId
    list_number: Sender
    list_id: RowId
    name: str
    trigger: Annotated[
        Annotated[str, one_of(contact.Trigger)],
        about("`list` if joining the list can start it; the document says more."),
    ]
    created_at: Time
    status: Annotated[str, one_of(JourneyStatus)]
    priority: int
    exclusive: bool
    holds_other_sends: bool
    active_version: Annotated[
        Positive | None, about("The version that contacts enter; null without steps.")
    ]
    draft: Annotated[
        Raw | UnsetType, schema(**_JSON), about("The document of the next version.")
    ] = UNSET
    document: Annotated[
        Raw | UnsetType, schema(**_JSON), about("The document of the active version.")
    ] = UNSET
    migration: Annotated[
        JourneyMigration | UnsetType, about("There where `migrate` was asked for.")
    ] = UNSET


class JourneyList(msgspec.Struct):
    """A page of journeys, without their documents."""

    journeys: list[Journey]
    pagination: Pagination


class JourneyDeleted(msgspec.Struct):
    """The answer to a journey that was deleted, or archived because it has versions."""

    success: Always
    deleted: bool
    archived: Annotated[Always | UnsetType, about("There where it was archived.")] = UNSET


class JourneyVersion(msgspec.Struct):
    """A version, which never changes; with its document where it is asked for alone."""

    version: Positive
    digest: Annotated[str, about("SHA-256 of the document: the same one again is no version.")]
    created_at: Time
    created_by: str
    document: Annotated[Raw | UnsetType, schema(**_JSON)] = UNSET


class JourneyVersionList(msgspec.Struct):
    """A page of versions, the newest first."""

    versions: list[JourneyVersion]
    pagination: Pagination


class JourneyFaults(msgspec.Struct):
    """What keeps a document from being activated, and what its author may want to know."""

    valid: bool
    faults: Annotated[list[DocumentFault], about(f"The first {FAULTS_MAX}.")]
    warnings: Annotated[list[DocumentFault], about(f"The first {FAULTS_MAX}.")]


class SimulatedStep(msgspec.Struct):
    """What is done at a step, and when."""

    at: Time
    step: str
    kind: Annotated[str, one_of(limits.StepKind)]
    did: Annotated[
        str,
        about(
            "`sent`, `skipped:<code>`, `refused:<code>`, `held:<code>`, `held_quiet`, `waits`, "
            "`done`, `yes`, `no`, `timeout` or `branch:<n>`."
        ),
    ]
    until: Annotated[Time | None, about("When a rest ends, if nothing ends it before.")]
    text: Annotated[str | None, about("The text of a message, with marks for its links.")]


class SimulationResponse(msgspec.Struct):
    """The way of an invented contact, and how it ends."""

    enters: Annotated[bool, about("Whether the condition of the trigger holds at the start.")]
    path: list[SimulatedStep]
    ended: Annotated[str, one_of(EndReason)]
    ended_at: Time
    note: Annotated[str, about("The reason of an `exit` step, or the code of a refusal.")]
    custom_fields: Annotated[dict[str, Any], about("Those of the contact at the end.")]


def document_in(fields: DocumentFields) -> dict[str, Any]:
    """Return the parts of a document that a body gives.

    Raises `InvalidInput` for one that no document can have, such as one that is nested too deeply.
    """
    found = {
        name: free_form(name, getattr(fields, name), bytes_max=DOCUMENT_BYTES_MAX)
        for name in DocumentFields.__struct_fields__
        if getattr(fields, name) is not UNSET
    }
    name = getattr(fields, "name", None)
    return found if name is None else found | {"name": name}


def strangers_in(body: bytes) -> dict[str, None]:
    """Return keys of a body, which was decoded already, that are no part of a journey.

    They are the first of very many, since each is warned of, and none of a body that is far larger
    than a document.
    """
    if len(body) > _LOOKED_THROUGH_MAX:
        return {}
    return dict.fromkeys(sorted(keys_in(body) - {*KEYS, *OF_JOURNEY})[:FAULTS_MAX])


def value_of(name: str, raw: Raw | UnsetType, bytes_max: int | None = None) -> Any:
    """Return free-form JSON of a body; None where there is none. Raises `InvalidInput`."""
    return None if raw is UNSET else free_form(name, raw, bytes_max=bytes_max)


def shown(journey: contact.Journey, list_number: str) -> Journey:
    """Return a journey without its documents."""
    return Journey(
        id=journey.id,
        list_number=list_number,
        list_id=journey.list_id,
        name=journey.name,
        trigger=journey.trigger,
        created_at=shown_time(journey.created_at),
        status=journey.status,
        priority=journey.priority,
        exclusive=journey.exclusive,
        holds_other_sends=journey.holds_other_sends,
        active_version=journey.active_version,
    )


def shown_whole(found: JourneyDetails) -> Journey:
    """Return a journey with its documents."""
    plain = shown(found.journey, found.list_number)
    if found.journey.draft is not None:
        plain.draft = Raw(found.journey.draft.encode())
    if found.active is not None:
        plain.document = Raw(found.active.document.encode())
    if found.migration is not None:
        plain.migration = _shown_migration(found.migration)
    return plain


def migration_in(fields: JourneyUpdate) -> tuple[Migration | None, bool]:
    """Return the migration that a body asks for, and whether it only asks what that would do.

    Raises `FaultyDocument` with every fault in it.
    """
    given = value_of("migrate", fields.migrate, DOCUMENT_BYTES_MAX)
    if given is None:
        return None, False
    is_dry = isinstance(given, dict) and given.get("dry_run") is True
    return read_migration(given, VERSIONS_MAX), is_dry


def _shown_migration(plan: MigrationPlan) -> JourneyMigration:
    def does(move: StepMove) -> str:
        if move.stays:
            return "stays"
        return "ends" if move.to is None else "moves"

    return JourneyMigration(
        steps=[
            StepMigration(move.version, move.step, move.to, does(move), contacts)
            for move, contacts in plan.moves
        ],
        task_id=plan.task_id,
    )


def shown_version(version: contact.JourneyVersion, *, whole: bool = True) -> JourneyVersion:
    """Return a version, with its document where it is whole."""
    return JourneyVersion(
        version=version.version,
        digest=version.digest,
        created_at=shown_time(version.created_at),
        created_by=version.created_by,
        document=Raw(version.document.encode()) if whole else UNSET,
    )


def shown_simulation(result: SimulationResult) -> SimulationResponse:
    """Return the way of an invented contact."""
    return SimulationResponse(
        enters=result.enters,
        path=[_shown_step(each) for each in result.path],
        ended=result.ended,
        ended_at=shown_finely(result.ended_at),
        note=result.note,
        custom_fields=dict(result.fields),
    )


def _shown_step(each: PathStep) -> SimulatedStep:
    return SimulatedStep(
        at=shown_finely(each.at),
        step=each.step,
        kind=each.kind,
        did=each.did,
        until=None if each.until is None else shown_finely(each.until),
        text=each.text,
    )
