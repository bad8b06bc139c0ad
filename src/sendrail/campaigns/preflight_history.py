"""Warnings that need more than a schedule: its contacts, their last messages, and earlier runs.

They come from a small trial of the run, so they are of about so many contacts, never of exactly.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from sendrail.campaigns.dry_run_pages import PASSED_OVER, TrialPlanner, TrialRun, read_page
from sendrail.campaigns.planning import CAPPED, QUIET
from sendrail.campaigns.preflight import PreflightNote
from sendrail.campaigns.trial_runs import TrialMaker, TrialSize
from sendrail.domain.audience import SAMPLE_STEP, band_of
from sendrail.domain.campaign_run import Run, RunReason, RunState
from sendrail.domain.errors import Conflict
from sendrail.domain.ids import ROW_ID_MAX
from sendrail.domain.schedule import LateZones, OutsideHours, Schedule
from sendrail.domain.sending_time import SendingTime
from sendrail.domain.times import DAY_MS
from sendrail.storage.interface import Tx

# The user who switches a schedule on waits for it, and the database's writer too.
_CONTACTS: Final = 500
_SIZE: Final = TrialSize(_CONTACTS // SAMPLE_STEP, _CONTACTS)
_PAGES_MAX: Final = 4
# So many times as many contacts as before are a surprise, and such a share of them left out.
_MUCH_LARGER: Final = 3
_MANY_CAPPED: Final = 0.5
# What all of so many of a sample have in common, 97 of 100 contacts have (with 95 % confidence).
_SURELY_ALL: Final = 100
_RECENT_MS: Final = 7 * DAY_MS
_RUNS: Final = 50
# Of an account's runs, so many of the latest say how large its audiences are.
_LATEST: Final = 10
_LATE_ADVICE: Final = {
    LateZones.SKIP: "choose another day or hour, or with `late_zones` let them get it at once or "
    "on the next day",
    LateZones.AT_ONCE: "it is night there, or the run has ended there; with next_day they get it "
    "on the next day",
    LateZones.NEXT_DAY: "they get the run of the next day",
}


class _EarlierVariant(msgspec.Struct):
    message: str


class _EarlierContent(msgspec.Struct):
    """The part of a run's content that says what went out, and by which lists."""

    lists: list[int]
    variants: list[_EarlierVariant]


_earlier: Final = msgspec.json.Decoder(_EarlierContent).decode


def history_warnings(
    tx: Tx, schedule: Schedule, trials: TrialMaker, now: int
) -> Iterator[PreflightNote]:
    """Yield what an author may want to know of a schedule whose preflight finds no error."""
    run = trials.run(tx, schedule, now, _SIZE)
    if run is None:
        return
    planner = trials.planner(run)
    found, left_out = _walked(tx, run, planner)
    earlier = tx.runs.begun(schedule.account_id, _RUNS)
    yield from _unfinished(run, planner.sending_times())
    yield from _larger(tx, schedule, earlier, run, found)
    yield from _capped(left_out[CAPPED], found)
    yield from _late(schedule, left_out[PASSED_OVER], found)
    yield from _quiet(schedule, left_out[QUIET], found)
    yield from _said_before(schedule, earlier, run, now)


def warnings_by_hand(
    tx: Tx, schedule: Schedule, trials: TrialMaker, now: int
) -> Iterator[PreflightNote]:
    """Yield a warning where a run that begins now would leave contacts out for quiet hours.

    Raises `Conflict` where there is none, or all are left out: the day's run would be used up. What
    a few of a sample are is no proof of that.
    """
    run = trials.run(tx, schedule, now, _SIZE, at_once=True)
    if run is None:
        return
    found, left_out = _walked(tx, run, trials.planner(run))
    if not found and run.step == 1:
        raise Conflict(
            f"There is nothing to send now: {RunReason.EMPTY_AUDIENCE}. Its audiences have no "
            "member that can be sent to.",
            code="nothing_to_send",
        )
    is_sure = run.step == 1 or found >= _SURELY_ALL
    if is_sure and found and left_out[QUIET] == found:
        raise Conflict(
            "There is nothing to send now: its contacts are in quiet hours, and the run "
            + (
                "would end before these are over. Begin it later."
                if schedule.outside_hours is OutsideHours.HOLD
                else "would not wait for their end. Begin it later, or set `outside_hours` to hold."
            ),
            code="nothing_to_send",
        )
    yield from _quiet(schedule, left_out[QUIET], found)


def _walked(tx: Tx, run: TrialRun, planner: TrialPlanner) -> tuple[int, Counter[str]]:
    """Return how many contacts a small trial has, and why some of them are left out."""
    left_out: Counter[str] = Counter()
    found, above = 0, 0
    for _ in range(_PAGES_MAX):
        page = read_page(tx, run, above)
        found += len(page.members)
        left_out.update(planner.plan(page)[2])
        if page.above is None:
            break
        above = page.above
    return found, left_out


def _unfinished(run: TrialRun, times: dict[int, SendingTime]) -> Iterator[PreflightNote]:
    for list_id, taken in times.items():
        if taken.unsent:
            sender = run.senders[list_id]
            text = (
                f"The list {sender.shown} sends {sender.rate:,} a minute, and nothing in quiet "
                f"hours: about {taken.unsent * run.step:,} of its messages would be left at the "
                "end of the run"
            )
            yield PreflightNote("wont_finish_today", text, "send_until")


def _larger(
    tx: Tx, schedule: Schedule, earlier: list[tuple[Run, str]], run: TrialRun, found: int
) -> Iterator[PreflightNote]:
    own = tx.runs.of_schedule(schedule.account_id, schedule.id, ROW_ID_MAX, _LATEST)
    sizes = [size for each in own if (size := _reached(each))][:1]
    before = "its last run had"
    if not sizes:
        sizes = [size for each, _ in earlier[:_LATEST] if (size := _reached(each))]
        before = "none of the last runs had more than"
    low = found if run.step == 1 else band_of(found, run.step)[0]
    if sizes and low > _MUCH_LARGER * max(sizes):
        many = f"{found:,}" if run.step == 1 else f"about {found * run.step:,}"
        text = f"Its audiences have {many} contacts, and {before} {max(sizes):,}"
        yield PreflightNote("audience_much_larger_than_last", text, "audiences")


def _reached(run: Run) -> int:
    """Return how many contacts a run went through; none where it did not come to their end."""
    if run.state is not RunState.FINISHED and run.reason is not RunReason.OUT_OF_TIME:
        return 0
    return run.planned + run.held_out + sum(run.left_out.values())


def _capped(capped: int, found: int) -> Iterator[PreflightNote]:
    if found and capped / found > _MANY_CAPPED:
        text = (
            f"About {100 * capped / found:.0f} % of its contacts would be left out, because they "
            "have got as many messages as its caps allow"
        )
        yield PreflightNote("high_cap_skip", text, "skip_within_hours")


def _late(schedule: Schedule, passed_over: int, found: int) -> Iterator[PreflightNote]:
    if not passed_over:
        return
    text = (
        f"About {100 * passed_over / found:.0f} % of its contacts are in time zones in which the "
        f"hour of its next run has passed, and are left out: {_LATE_ADVICE[schedule.late_zones]}"
    )
    yield PreflightNote("late_zones_skip", text, "late_zones")


def _quiet(schedule: Schedule, quiet: int, found: int) -> Iterator[PreflightNote]:
    if not quiet:
        return
    holds = schedule.outside_hours is OutsideHours.HOLD
    said = (
        "because the run ends before these are over: let it begin nearer to their end, or last "
        "longer with `send_until`"
        if holds
        else "with hold they get it afterwards, if the run lasts until then"
    )
    text = (
        f"About {100 * quiet / found:.0f} % of its contacts are in quiet hours when it begins, "
        f"and are left out{', ' if holds else ': '}{said}"
    )
    yield PreflightNote("quiet_hours_skip", text, "send_until" if holds else "outside_hours")


def _said_before(
    schedule: Schedule, earlier: list[tuple[Run, str]], run: TrialRun, now: int
) -> Iterator[PreflightNote]:
    # One that repeats says the same each time, as its author wants it.
    said: dict[str, Run] = {}
    for each, text in earlier:
        if each.schedule_id == schedule.id or (each.started_at or 0) < now - _RECENT_MS:
            continue
        content = _earlier(text)
        if not set(content.lists).isdisjoint(run.content.lists):
            for variant in content.variants:
                said.setdefault(_folded(variant.message), each)
    for at, own in enumerate(run.content.variants):
        if (before := said.get(_folded(own.message))) is not None:
            text = f"Run {before.id} of {before.local_date} sent the same text by one of its lists"
            creative = own.creative_id
            place = f"blasts[{at}]" if creative is None else f"creatives[{creative}]"
            yield PreflightNote("same_text_recently", text, f"{place}.message")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
