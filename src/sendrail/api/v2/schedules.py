"""Schedules: campaigns as the public API has them, and a preflight of ours."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from sendrail.api.v2 import schedule_shapes as shapes
from sendrail.api.v2 import trial_shapes as trials
from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import ObjectId, one_of, schema
from sendrail.api.v2.operation import (
    CHANGING,
    DELETING,
    FINDING,
    POSTING,
    READING,
    in_path,
    query,
)
from sendrail.api.v2.queries import given
from sendrail.api.v2.request import ApiRequest, Endpoint, Replayed, encode
from sendrail.app import Runtime
from sendrail.domain.schedule import ScheduleStatus
from sendrail.intake.verdicts import Replay, Verdict
from sendrail.storage.pipeline.idempotency import KeptAnswer

_HELP: Final = {"status": f"`status` is one of {', '.join(ScheduleStatus)}"}
_AUDIENCE: Final = "0123456789abcdef01234567"
_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Monday deals",
    "send_type": "blast",
    "is_repeating": True,
    "send_time": "10:00",
    "start_date": "2026-12-07T00:00:00Z",
    "end_date": "2027-03-29T00:00:00Z",
    "days_of_week": {"monday": True},
    "audiences": [_AUDIENCE],
    "use_local_time": True,
    "skip_within_hours": 24,
    "blasts": [
        {"message": "Hi {{first_name|there}}, deals!", "percent_audience": 50, "variant_name": "A"},
        {"message": "This week's deals are here.", "percent_audience": 50, "variant_name": "B"},
    ],
}

_new: Final = msgspec.json.Decoder(shapes.NewSchedule).decode
_test: Final = msgspec.json.Decoder(trials.TestMessages).decode
_update: Final = msgspec.json.Decoder(shapes.ScheduleUpdate).decode


async def all_(runtime: Runtime, request: ApiRequest) -> shapes.ScheduleList:
    """List schedules."""
    status = given(request.query, "status", _status, _HELP)
    found = await runtime.schedules.all(request.account, status)
    return shapes.ScheduleList([shapes.shown(each) for each in found], len(found))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a schedule."""
    wanted = shapes.given(decoded(_new, request.body))
    return await request.guard(
        lambda guard: runtime.schedules.add(request.account, wanted, request.actor, guard=guard),
        shapes.saved,
    )


async def show(runtime: Runtime, request: ApiRequest) -> shapes.ShownSchedule:
    """Show a schedule."""
    return shapes.shown(await runtime.schedules.show(request.account, _ref(request)))


async def update(runtime: Runtime, request: ApiRequest) -> shapes.SavedSchedule:
    """Change a schedule."""
    wanted = shapes.given(decoded(_update, request.body))
    changed = runtime.schedules.change(request.account, _ref(request), wanted, request.actor)
    return shapes.saved(await changed)


async def archive(runtime: Runtime, request: ApiRequest) -> shapes.ScheduleArchived:
    """Archive a schedule."""
    await runtime.schedules.archive(request.account, _ref(request), request.actor)
    return shapes.ScheduleArchived(success=True, archived=True)


async def preflight(runtime: Runtime, request: ApiRequest) -> shapes.SchedulePreflight:
    """Tell what keeps a schedule from being switched on."""
    return shapes.shown_preflight(await runtime.schedules.preflight(request.account, _ref(request)))


async def dry_run(runtime: Runtime, request: ApiRequest) -> trials.ScheduleDryRun:
    """Tell what the next run of a schedule would do."""
    return trials.shown_dry_run(await runtime.dry_runs.run(request.account, _ref(request)))


async def test(runtime: Runtime, request: ApiRequest) -> trials.ScheduleTest:
    """Send test messages of a schedule."""
    wanted = decoded(_test, request.body)
    guard, key = request.idempotency, None
    if guard is not None:
        if (kept := await runtime.store.read(guard.found)) is not None:
            raise Replayed(kept)
        key = guard.as_key()

    def shape(verdicts: Sequence[Verdict]) -> trials.ScheduleTest:
        return trials.shown_test(wanted, verdicts)

    found = await runtime.trials.send(
        request.account,
        _ref(request),
        trials.given_test(wanted),
        key=key,
        shape=lambda verdicts: (200, encode(shape(verdicts))),
    )
    if isinstance(found, Replay):
        # Its twin was quicker.
        raise Replayed(KeptAnswer(request.route, b"", found.status, found.answer))
    return shape(found)


def _ref(request: ApiRequest) -> str:
    return request.path["schedule_id"]


_ID: Final = (in_path("schedule_id", ObjectId, "The schedule's id."),)
_FIELD_CODES: Final = (
    "missing_name",
    "name_too_long",
    "missing_send_type",
    "invalid_send_type",
    "missing_send_time",
    "missing_audiences",
    "invalid_status",
    "missing_send_date",
    "missing_start_date",
    "missing_end_date",
    "no_days_selected",
    "missing_blasts",
    "invalid_blast_percent",
    "missing_blast_message",
    "message_too_long",
    "missing_offer_link_key",
    "missing_offer_link_offer_id",
    "offer_not_found",
    "invalid_url",
    "audience_not_found",
    "source_list_not_found",
)
# Those of a preflight that keep a schedule from being on.
_ON_CODES: Final = (
    "send_time_passed",
    "audience_empty",
    "list_inactive",
    "webhook_not_configured",
    "unknown_macro",
    "missing_link_placeholder",
    "missing_offer_links_for_placeholders",
    "offer_paused",
    "link_domain_unverified",
    "missing_default",
    "blocked_content",
    "no_creatives",
    "mms_unsupported",
)
# A schedule is at fault that names an offer which is not there.
_STATUSES: Final = {"offer_not_found": 400}

ENDPOINTS: Final = (
    Endpoint(
        "GET /schedules",
        all_,
        id="listSchedules",
        summary="List schedules",
        description="Returns all schedules but the archived ones, or those of a status.",
        answer=shapes.ScheduleList,
        codes=READING,
        parameters=(
            query(
                "status",
                Annotated[str, schema(type="string"), one_of(ScheduleStatus)],
                "Only of this status; `archive` for those that are archived.",
            ),
        ),
    ),
    Endpoint(
        "POST /schedules",
        create,
        id="createSchedule",
        summary="Add a schedule",
        description=(
            "A schedule is a campaign: texts, whom they go to, and when. It sends while its "
            "status is `on`, which a preflight must let it become."
        ),
        request=shapes.NewSchedule,
        answer=shapes.SavedSchedule,
        codes=(
            *POSTING, "missing_is_repeating", *_FIELD_CODES, *_ON_CODES, "too_many_schedules",
        ),
        statuses=_STATUSES,
        examples={"mondays": _EXAMPLE},
    ),
    Endpoint(
        "GET /schedules/{schedule_id}",
        show,
        id="getSchedule",
        summary="Show a schedule",
        description="Returns one schedule; another account's looks like no schedule.",
        answer=shapes.ShownSchedule,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /schedules/{schedule_id}",
        update,
        id="updateSchedule",
        summary="Change a schedule",
        description=(
            "Changes what is given; blasts, days, audiences and lists are replaced as a whole. A "
            "run that was made stays as it is; while one sends, only `status`, `name`, `end_date` "
            "and `send_until` can be changed. With the status `off` or `archive`, runs that have "
            "not ended are stopped. A schedule that is complete cannot be changed."
        ),
        request=shapes.ScheduleUpdate,
        answer=shapes.SavedSchedule,
        codes=(*CHANGING, *_FIELD_CODES, *_ON_CODES, "schedule_complete", "schedule_running",
               "not_found"),
        statuses=_STATUSES,
        parameters=_ID,
        examples={"off": {"status": "off"}},
    ),
    Endpoint(
        "DELETE /schedules/{schedule_id}",
        archive,
        id="deleteSchedule",
        summary="Archive a schedule",
        description=(
            "Switches the schedule off and hides it; runs that have not ended are stopped. `PUT` "
            'with `{"status": "draft"}` brings it back.'
        ),
        answer=shapes.ScheduleArchived,
        codes=DELETING,
        parameters=_ID,
    ),
    Endpoint(
        "POST /schedules/{schedule_id}/preflight",
        preflight,
        id="preflightSchedule",
        summary="Check a schedule",
        description=(
            "Returns what keeps the schedule from being switched on now, and what its author may "
            "want to change. Nothing is sent or kept."
        ),
        answer=shapes.SchedulePreflight,
        codes=(*POSTING, "not_found"),
        parameters=_ID,
    ),
    Endpoint(
        "POST /schedules/{schedule_id}/dry-run",
        dry_run,
        id="dryRunSchedule",
        summary="Tell what the next run would do",
        description=(
            "Takes the audience through all that a run asks of it, at the hour of the next run, "
            "and counts who would get a message and who would not, and why. Up to about 100,000 "
            "contacts are looked at, and of more a sample. Nothing is sent or kept."
        ),
        answer=trials.ScheduleDryRun,
        codes=(*POSTING, "not_found", "nothing_to_send", "list_inactive"),
        parameters=_ID,
    ),
    Endpoint(
        "POST /schedules/{schedule_id}/test",
        test,
        id="testSchedule",
        summary="Send a text of a schedule to a few numbers",
        description=(
            "Sends one of the schedule's texts to at most five numbers, filled for a contact or "
            "with its defaults. The gate judges each as it judges a message of the account's own: "
            "no cap, no run and no report knows of it, and its links count for no offer."
        ),
        request=trials.TestMessages,
        answer=trials.ScheduleTest,
        codes=(
            *POSTING, "not_found", "nothing_to_send", "missing_field", "list_contact_not_found",
        ),
        parameters=_ID,
        examples={"two": {"phone_numbers": ["+15550100000", "+15550100001"], "variant": 1}},
    ),
)  # fmt: skip


def _status(text: str) -> ScheduleStatus | None:
    return ScheduleStatus(text) if text in set(ScheduleStatus) else None
