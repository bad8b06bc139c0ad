"""Campaigns: all of them with their next runs, and one with its texts, hours, people and runs."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from sendrail.campaigns.preflight import Preflight
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.campaigns.trial_sends import TrialInput
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import in_words, whole
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.campaign_run import OPEN_STATES, Run, RunReason, RunState
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.schedule import (
    WEEKDAYS,
    LateZones,
    OutsideHours,
    Schedule,
    ScheduleStatus,
    SendType,
)
from sendrail.domain.user import Permission
from sendrail.intake.verdicts import Replay, Verdict

LOOKS: Final = {
    ScheduleStatus.DRAFT: ("queued idle", "Draft"),
    ScheduleStatus.OFF: ("idle half", "Off"),
    ScheduleStatus.ON: ("ok", "On"),
    ScheduleStatus.COMPLETE: ("idle", "Complete"),
    ScheduleStatus.ARCHIVE: ("dropped idle", "Archived"),
}
RUN_LOOKS: Final = {
    RunState.DUE: ("queued idle", "Due"),
    RunState.RUNNING: ("sent", "Sending"),
    RunState.PAUSED: ("warn", "Paused"),
    RunState.FINISHED: ("ok", "Finished"),
    RunState.STOPPED: ("bad", "Stopped"),
    RunState.SKIPPED: ("dropped idle", "Skipped"),
}
REASONS: Final[Mapping[RunReason, str]] = {
    RunReason.ASKED: "on request",
    RunReason.MISSED: "its hour passed while nothing could start it",
    RunReason.OVERLAP: "the run before it was still sending",
    RunReason.AUDIENCE_NOT_FOUND: "an audience of it is archived",
    RunReason.SOURCE_LIST_NOT_FOUND: "a list that it names is no longer there",
    RunReason.WEBHOOK_NOT_CONFIGURED: "a list sends by a carrier of its own that is not verified",
    RunReason.OFFER_NOT_FOUND: "an offer of its links is archived",
    RunReason.OFFER_PAUSED: "an offer of its links is paused or has ended",
    RunReason.LINK_DOMAIN_UNVERIFIED: "a list has no verified tracking domain for its links",
    RunReason.MESSAGE_TOO_LONG: "a text is too long with what stands around it",
    RunReason.BLOCKED_CONTENT: "a text has a word that is blocked",
    RunReason.EMPTY_AUDIENCE: "its audiences have no contacts",
    RunReason.NO_CONTENT: "it has no text to send",
    RunReason.OUT_OF_TIME: "its hours ended before all contacts had their turn",
    RunReason.LIST_INACTIVE: "a list that it sends from is paused or deleted",
    RunReason.ACCOUNT_SUSPENDED: "the account is suspended",
    RunReason.SCHEDULE_OFF: "the campaign was switched off",
    RunReason.OPT_OUTS: "too many people opted out",
    RunReason.FAILURES: "too many messages failed",
    RunReason.BROKEN: "something broke while it was planned",
}
LATE: Final = {
    LateZones.SKIP: "get nothing that day",
    LateZones.AT_ONCE: "get it at once",
    LateZones.NEXT_DAY: "get it the next day",
}
OUTSIDE: Final = {
    OutsideHours.HOLD: "held until the hours open",
    OutsideHours.SKIP: "left out",
}
# Tabs: a name in the address, its title, and the status that it means.
VIEWS: Final[Mapping[str, tuple[str, ScheduleStatus | None]]] = {
    "": ("All", None),
    **{
        status.value: (LOOKS[status][1], status)
        for status in (
            ScheduleStatus.ON,
            ScheduleStatus.DRAFT,
            ScheduleStatus.OFF,
            ScheduleStatus.COMPLETE,
            ScheduleStatus.ARCHIVE,
        )
    },
}
_RUNS: Final = 20
_NAMED: Final = 20
_EVERY_DAY: Final = 7
_READY: Final = frozenset({ScheduleStatus.DRAFT, ScheduleStatus.OFF})
# What is to be sent has a preflight worth reading.
_CHECKED: Final = frozenset({ScheduleStatus.DRAFT, ScheduleStatus.OFF, ScheduleStatus.ON})


async def campaigns(ask: PageRequest) -> Response:
    """Show the account's campaigns."""
    view = ask.query.get("status", "")
    if view not in VIEWS:
        view = ""
    found = await ask.runtime.schedules.all(ask.account, VIEWS[view][1])
    return ask.page(
        "campaigns.html",
        found=found,
        hours={each.ref: days_shown(each) for each in found},
        looks=LOOKS,
        view=view,
        views=VIEWS,
        zone=await ask.runtime.schedules.timezone(ask.account),
    )


async def campaign(ask: PageRequest) -> Response:
    """Show one campaign, what keeps it from being sent, and its runs."""
    return await _page(ask)


async def switch_on_page(ask: PageRequest) -> Response:
    """Ask before a campaign is switched on."""
    return await _page(ask, asks="on")


async def switch_off_page(ask: PageRequest) -> Response:
    """Ask before a campaign is switched off whose run has not ended."""
    return await _page(ask, asks="off")


async def archive_page(ask: PageRequest) -> Response:
    """Ask the same before it is archived."""
    return await _page(ask, asks="archive")


async def switch_on(ask: PageRequest) -> Response:
    """Let a campaign make its runs; refused with the first error of its preflight."""
    return await _switch(ask, ScheduleStatus.ON, "The campaign is on.")


async def switch_off(ask: PageRequest) -> Response:
    """Let a campaign make no more runs; one that has not ended is stopped."""
    return await _switch(ask, ScheduleStatus.OFF, "The campaign is off.")


async def archive(ask: PageRequest) -> Response:
    """Switch a campaign off and hide it."""
    ref = ask.path("schedule_id")
    await ask.runtime.schedules.archive(ask.account, ref, ask.actor)
    return ask.go(f"/campaigns/{ref}", "The campaign is archived.")


async def restore(ask: PageRequest) -> Response:
    """Bring an archived campaign back, switched off."""
    return await _switch(ask, ScheduleStatus.OFF, "The campaign is back, and off.")


async def send_test(ask: PageRequest) -> Response:
    """Send a text of a campaign to a few numbers, through the gate."""
    ref = ask.path("schedule_id")
    await ask.runtime.schedules.show(ask.account, ref)
    numbers = re.split(r"[,;\s]+", ask.field("phone_numbers").strip(",; "))
    try:
        wanted = TrialInput(
            phone_numbers=[each for each in numbers if each],
            variant=whole(ask.field("variant"), "variant") or 1,
            contact="".join(ask.field("contact").split()) or None,
        )
        verdicts = await ask.runtime.trials.send(ask.account, ref, wanted)
    except SendrailError as fault:
        return await _page(ask, test_fault=fault)
    assert not isinstance(verdicts, Replay), "it was sent under no key"
    return await _page(ask, tested=list(zip(wanted.phone_numbers, verdicts, strict=True)))


async def _switch(ask: PageRequest, status: ScheduleStatus, said: str) -> Response:
    ref = ask.path("schedule_id")
    wanted = ScheduleInput(status=status.value)
    await ask.runtime.schedules.change(ask.account, ref, wanted, ask.actor)
    return ask.go(f"/campaigns/{ref}", said)


async def _page(
    ask: PageRequest,
    *,
    asks: str = "",
    tested: Sequence[tuple[str, Verdict]] = (),
    test_fault: SendrailError | None = None,
) -> Response:
    runtime, ref = ask.runtime, ask.path("schedule_id")
    found = await runtime.schedules.show(ask.account, ref)
    check = None
    if found.status in _CHECKED:
        check = await runtime.schedules.preflight(ask.account, ref)
    names = {int(each.id): each.name for each in await runtime.lists.all(ask.account)}
    runs = await runtime.runs.of_schedule(ask.account, ref, _RUNS)
    going = [each.run for each in runs if each.run.state in OPEN_STATES]
    variants = [each.variant_name or f"Variant {at}" for at, each in enumerate(found.blasts, 1)]
    return ask.page(
        "campaign.html",
        status=400 if test_fault else 200,
        found=found,
        tested=tested,
        in_words=in_words,
        test_fault=test_fault,
        given={name: ask.field(name) for name in ("variant", "phone_numbers", "contact")},
        variants=variants if found.send_type is SendType.BLAST else [],
        is_archived=found.status is ScheduleStatus.ARCHIVE,
        check=check,
        asks=asks if _may_ask(asks, found.status, check, going) else "",
        going=going,
        is_ready=found.status in _READY,
        days=days_shown(found),
        audiences=await _audiences(ask, found),
        audiences_more=max(0, len(found.audiences) - _NAMED),
        lists=[(each, names[each]) for each in found.source_lists if each in names],
        runs=runs,
        runs_max=_RUNS,
        is_automated=found.send_type is SendType.AUTOMATED,
        zone=await runtime.schedules.timezone(ask.account),
        looks=LOOKS,
        run_looks=RUN_LOOKS,
        reasons=REASONS,
        late=LATE,
        outside=OUTSIDE,
    )


def _may_ask(
    asks: str, status: ScheduleStatus, check: Preflight | None, going: Sequence[Run]
) -> bool:
    """Return whether there is something to be asked about.

    What cannot be sent, or is on, is not switched on, and what has no run to be stopped is switched
    off or archived without a question.
    """
    if asks == "on":
        return status in _READY and check is not None and not check.errors
    return bool(going) and status not in {ScheduleStatus.OFF, ScheduleStatus.ARCHIVE}


def days_shown(schedule: Schedule) -> str:
    """Return on which days a campaign is sent: `Every day from 1 Dec to 24 Dec 2026`."""
    first, last = schedule.dates()
    if not schedule.is_repeating:
        return f"{first:%a} {first.day} {first:%b %Y}"
    days = "Every day"
    if len(schedule.weekdays) < _EVERY_DAY:
        days = ", ".join(WEEKDAYS[day].capitalize()[:3] for day in schedule.weekdays)
    begins = f"{first.day} {first:%b}" + (f" {first:%Y}" if first.year != last.year else "")
    return f"{days}, {begins} to {last.day} {last:%b %Y}"


async def _audiences(ask: PageRequest, schedule: Schedule) -> Sequence[tuple[str, str]]:
    """Return the first of a campaign's audiences, by their ids with their names."""
    named = []
    for ref in schedule.audiences[:_NAMED]:
        try:
            named.append((ref, (await ask.runtime.audiences.show(ask.account, ref)).name))
        except NotFound:
            continue
    return named


_SEND: Final = Permission.SEND
_ONE: Final = "/campaigns/{schedule_id}"
ROUTES: Final = (
    PageRoute(route="GET /campaigns", answer=campaigns, permission=Permission.SEE_FIGURES),
    PageRoute(route=f"GET {_ONE}", answer=campaign, permission=Permission.SEE_FIGURES),
    PageRoute(route=f"GET {_ONE}/on", answer=switch_on_page, permission=_SEND),
    PageRoute(route=f"GET {_ONE}/off", answer=switch_off_page, permission=_SEND),
    PageRoute(route=f"GET {_ONE}/archive", answer=archive_page, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/on", answer=switch_on, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/off", answer=switch_off, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/archive", answer=archive, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/restore", answer=restore, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/test", answer=send_test, permission=_SEND),
)
