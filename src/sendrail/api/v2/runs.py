"""Runs of campaigns: followed, paused, resumed and stopped; a resource of ours."""

from typing import Annotated, Final

import msgspec
from msgspec import Struct

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import Count, ObjectId, RowId, Time, about, one_of, up_to
from sendrail.api.v2.operation import FINDING, POSTING, in_path
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.campaigns.run_control import NOTE_LENGTH_MAX, RunDetails
from sendrail.domain.campaign_run import RunReason, RunState
from sendrail.domain.times import shown as shown_time


class RunWave(Struct, kw_only=True):
    """A part of a run that is due at one instant."""

    due_at: Time
    ends_at: Time
    progress: Annotated[
        float, about("About which part of its contacts was looked at, from 0 to 1.")
    ]


class RunVariant(Struct, kw_only=True):
    """A text of a run, and how many messages have it."""

    variant: Annotated[RowId, about("Its place among the run's texts, from 1.")]
    planned: Count


class CampaignRun(Struct, kw_only=True):
    """One date of a schedule, on its way."""

    id: RowId
    local_date: Annotated[str, about("The date by the clock that the schedule goes by.")]
    state: Annotated[str, one_of(RunState)]
    reason: Annotated[str | None, one_of(RunReason), about("Why it is paused, stopped or skipped.")]
    due_at: Time
    ends_at: Annotated[Time, about("When what is left of it is given up.")]
    started_at: Time | None
    ended_at: Time | None
    progress: Annotated[
        float, about("About which part of its contacts was looked at, from 0 to 1.")
    ]
    planned: Annotated[Count, about("The messages that it has become.")]
    held_out: Annotated[Count, about("Contacts of its holdout.")]
    left_out: Annotated[dict[str, int], about("The other contacts that get nothing, by reason.")]
    variants: list[RunVariant]
    version: Annotated[
        RowId, about("Of its texts: it grows where they were changed while it was paused.")
    ]
    waves: list[RunWave]


class RunChange(Struct, kw_only=True):
    """Why a run is paused, resumed or stopped."""

    note: Annotated[str | None, up_to(NOTE_LENGTH_MAX, "For the audit log.")] = None


_change: Final = msgspec.json.Decoder(RunChange).decode


class RunList(Struct, kw_only=True):
    """The last runs of a schedule, the latest first."""

    runs: list[CampaignRun]


async def page(runtime: Runtime, request: ApiRequest) -> RunList:
    """List the runs of a schedule."""
    found = await runtime.runs.of_schedule(request.account, request.path["schedule_id"])
    return RunList(runs=[shown_run(each) for each in found])


async def show(runtime: Runtime, request: ApiRequest) -> CampaignRun:
    """Show a run."""
    return shown_run(await runtime.runs.show(request.account, request.path_id("run_id")))


async def pause(runtime: Runtime, request: ApiRequest) -> Struct:
    """Pause a run."""
    return await _moved(runtime, request, "pause")


async def resume(runtime: Runtime, request: ApiRequest) -> Struct:
    """Let a run go on."""
    return await _moved(runtime, request, "resume")


async def stop(runtime: Runtime, request: ApiRequest) -> Struct:
    """Stop a run."""
    return await _moved(runtime, request, "stop")


async def _moved(runtime: Runtime, request: ApiRequest, name: str) -> Struct:
    run_id = request.path_id("run_id")
    note = decoded(_change, request.body).note or ""
    service = runtime.runs
    move = {"pause": service.pause, "resume": service.resume, "stop": service.stop}[name]
    return await request.guard(
        lambda guard: move(request.account, run_id, request.actor, note, guard=guard), shown_run
    )


def shown_run(found: RunDetails) -> CampaignRun:
    """Return a run as the API shows it."""
    run = found.run
    return CampaignRun(
        id=run.id,
        local_date=run.local_date,
        state=run.state,
        reason=run.reason,
        due_at=shown_time(run.due_at),
        ends_at=shown_time(run.ends_at),
        started_at=_time(run.started_at),
        ended_at=_time(run.ended_at),
        progress=_rounded(found.share),
        planned=run.planned,
        held_out=run.held_out,
        left_out=dict(run.left_out),
        variants=[
            RunVariant(variant=number, planned=count)
            for number, count in sorted(run.variants.items())
        ],
        version=run.version,
        waves=[
            RunWave(
                due_at=shown_time(each.due_at),
                ends_at=shown_time(each.ends_at),
                progress=_rounded(each.share),
            )
            for each in found.waves
        ],
    )


def _time(at: int | None) -> str | None:
    return None if at is None else shown_time(at)


def _rounded(share: float) -> float:
    return round(share, 4)


_ID: Final = (in_path("run_id", RowId, "The run's id."),)
_CODES: Final = (*POSTING, "not_found", "run_state_conflict", "note_too_long")
_EXAMPLES: Final = {"noted": {"note": "The link in the text is wrong."}}

ENDPOINTS: Final = (
    Endpoint(
        "GET /schedules/{schedule_id}/runs",
        page,
        id="listRuns",
        summary="List the runs of a schedule",
        description="Returns the last fifty runs of a schedule, the latest first.",
        answer=RunList,
        codes=FINDING,
        parameters=(in_path("schedule_id", ObjectId, "The schedule's id."),),
    ),
    Endpoint(
        "GET /runs/{run_id}",
        show,
        id="getRun",
        summary="Show a run",
        description=(
            "Returns one run of a schedule: how far it has come, how many messages it has become, "
            "and whom it has left out and why."
        ),
        answer=CampaignRun,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "POST /runs/{run_id}/pause",
        pause,
        id="pauseRun",
        summary="Pause a run",
        description=(
            "Nothing of the run leaves any more, but for what a carrier has already. What waits "
            "in the queue is kept."
        ),
        request=RunChange,
        answer=CampaignRun,
        codes=_CODES,
        parameters=_ID,
        examples=_EXAMPLES,
    ),
    Endpoint(
        "POST /runs/{run_id}/resume",
        resume,
        id="resumeRun",
        summary="Resume a run",
        description=(
            "A run that is paused goes on where it was; no contact gets it twice. Where the texts "
            "of its schedule were changed meanwhile, those that it has not planned yet get the new "
            "ones."
        ),
        request=RunChange,
        answer=CampaignRun,
        codes=(
            *_CODES,
            "nothing_to_send",
            "list_inactive",
            "offer_paused",
            "unknown_macro",
            "missing_offer_links_for_placeholders",
        ),
        parameters=_ID,
        examples=_EXAMPLES,
    ),
    Endpoint(
        "POST /runs/{run_id}/stop",
        stop,
        id="stopRun",
        summary="Stop a run",
        description=(
            "Ends a run for good. What waits of it in the queue is dropped as `campaign_stopped`."
        ),
        request=RunChange,
        answer=CampaignRun,
        codes=_CODES,
        parameters=_ID,
        examples=_EXAMPLES,
    ),
)
