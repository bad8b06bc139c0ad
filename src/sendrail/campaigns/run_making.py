"""Runs are made of schedules: one for each of their dates, begun, set to wait, or skipped."""

from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import partial
from typing import Final

import structlog

from sendrail.campaigns.run_content import freeze
from sendrail.campaigns.run_ends import complete_if_over
from sendrail.campaigns.run_events import tell
from sendrail.campaigns.zones import account_numbers
from sendrail.domain import occurrences
from sendrail.domain.campaign_run import Run, RunReason, RunState
from sendrail.domain.ids import RunId
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.occurrences import Occurrence, OccurrenceFate
from sendrail.domain.schedule import Schedule
from sendrail.domain.waves import EVERYONE, Wave, ZonesByNumber, waves_of
from sendrail.domain.webhook import Event
from sendrail.rounds import WorkGuard
from sendrail.storage.campaigns.runs import FIRST_RUN, NewRun
from sendrail.storage.interface import Store, Tx

_log = structlog.get_logger()

_SCHEDULES_MAX: Final = 64
_SKIPPED: Final = {
    OccurrenceFate.MISSED: RunReason.MISSED,
    OccurrenceFate.OVERLAP: RunReason.OVERLAP,
}


# What keeps a run of a schedule from beginning at a time, if anything does.
FindHindrance = Callable[[Tx, Schedule, int], RunReason | None]


def unhindered(tx: Tx, schedule: Schedule, now: int) -> None:
    """Hinder no run."""


class RunMaker:
    """Makes the runs that are due; of several processes that do so, each run is made by one."""

    def __init__(
        self, store: Store, now: Callable[[], int], hindrance: FindHindrance = unhindered
    ) -> None:
        """Ask `hindrance` what keeps a run from beginning: it is skipped for that."""
        self._store = store
        self._now = now
        self._hindrance = hindrance
        self._guard = WorkGuard[str]("schedule_broke", "schedule")
        self._guard_waiting = WorkGuard[int]("run_broke", "run_id")
        # Behind which of the runs that wait the next step goes on.
        self._waited_to = FIRST_RUN

    async def step(self) -> int:
        """Make what is due; return how many schedules that were."""
        now = self._now()
        due = await self._store.read(lambda tx: tx.schedules.due(now, _SCHEDULES_MAX), begun=False)
        for schedule in due:
            await self._guard.do(schedule.ref, partial(self._make_due, schedule, now))
        waiting, self._waited_to = await self._store.read(
            lambda tx: tx.runs.waiting(_SCHEDULES_MAX, self._waited_to), begun=False
        )
        for run in waiting:
            await self._guard_waiting.do(
                run.id, partial(self._begin_waiting, run, now), partial(self._give_up, run)
            )
        return len(due)

    async def _make_due(self, schedule: Schedule, now: int) -> None:
        # Beside the one writer: it looks at more than a request should wait for.
        found = await self._store.read(lambda tx: self._hindrance(tx, schedule, now))
        await self._store.write(lambda tx: make_due(tx, schedule, now, found))

    async def _begin_waiting(self, run: Run, now: int) -> None:
        def find(tx: Tx) -> RunReason | None:
            schedule = tx.schedules.find(run.account_id, run.schedule_id)
            return None if schedule is None else self._hindrance(tx, schedule, now)

        found = await self._store.read(find)
        await self._store.write(lambda tx: begin_waiting(tx, run, now, found))

    async def _give_up(self, run: Run) -> bool:
        """Skip a run at whose beginning something breaks; the others begin."""
        now = self._now()
        await self._store.write(partial(_skip, run=run, reason=RunReason.BROKEN, now=now))
        return True


def make_due(
    tx: Tx, schedule: Schedule, now: int, hindrance: RunReason | None = None
) -> list[RunId]:
    """Make the runs of a schedule that are due, and move it on to its next one.

    With a `hindrance` none begins: what would begin now is skipped for that.
    """
    numbers = account_numbers(tx, schedule.account_id)
    zones = numbers.all() if schedule.use_local_time else {numbers.account}
    overdue = occurrences.due(schedule, zones, now, schedule.last_date)
    if not overdue:
        return []
    last = overdue[-1].local_date
    coming = occurrences.next_at(schedule, zones, last)
    if not tx.schedules.move_on(schedule, last, coming):
        return []
    going = tx.runs.open_of(schedule.account_id, schedule.id)
    waiting = sum(1 for run in going if run.state is RunState.DUE)
    running = sum(1 for run in going if _is_in_the_way(schedule, run, overdue[-1], zones))
    fates = occurrences.fates(schedule, overdue, now, running=running, waiting=waiting)
    made = [make_run(tx, schedule, numbers, each, fate, now, hindrance) for each, fate in fates]
    complete_if_over(tx, schedule.account_id, schedule.id, now)
    return [run_id for run_id in made if run_id is not None]


def _is_in_the_way(
    schedule: Schedule, run: Run, coming: Occurrence, zones: Collection[str]
) -> bool:
    """Return whether a run that has begun keeps the one of a later date from beginning."""
    if run.state is not RunState.RUNNING:
        # One that is paused may go on at any time.
        return run.state is RunState.PAUSED
    day = date.fromisoformat(run.local_date)
    begun = Occurrence(day, run.due_at, run.due_at, run.ends_at)
    return occurrences.still_sends(schedule, begun, coming, zones)


def make_run(  # noqa: PLR0917 - a run's parts
    tx: Tx,
    schedule: Schedule,
    numbers: ZonesByNumber,
    at: Occurrence,
    fate: OccurrenceFate,
    now: int,
    hindrance: RunReason | None = None,
) -> RunId | None:
    """Make the run of a date; None where there is one already."""
    content, reason = "", _SKIPPED.get(fate)
    waves: Sequence[Wave] = ()
    state = RunState.DUE if fate is OccurrenceFate.WAIT else RunState.RUNNING
    if fate is OccurrenceFate.START and hindrance is not None:
        reason = hindrance
    elif fate is OccurrenceFate.START:
        frozen = freeze(tx, schedule, now)
        waves = waves_of(schedule, at.local_date, numbers, now)
        if isinstance(frozen, RunReason):
            reason = frozen
        elif waves:
            content = frozen.to_json()
        else:
            reason = RunReason.MISSED
    if reason is not None:
        state, content, waves = RunState.SKIPPED, "", ()
        _log.warning("run_skipped", schedule=schedule.ref, reason=reason.value)
    ends_at = max((each.ends_at for each in waves), default=at.ends_at)
    new = NewRun(
        schedule.account_id, schedule.id, at.local_date.isoformat(), state, reason, content,
        at.starts_at, ends_at, waves,
    )  # fmt: skip
    run_id = tx.runs.add(new, now)
    if run_id is not None and reason is not None:
        tell(tx, Event.CAMPAIGN_SKIPPED, schedule.account_id, run_id, now)
    return run_id


def start_now(tx: Tx, schedule: Schedule, now: int) -> RunId | RunReason | None:
    """Begin the run of a schedule's day in all zones at once; None where there is one already.

    A schedule that is sent once has no other: it does not run again on its date.
    """
    if not schedule.is_repeating and not _takes_its_date(tx, schedule):
        return None
    content = freeze(tx, schedule, now)
    if isinstance(content, RunReason):
        return content
    zone = tx.accounts.timezone(schedule.account_id)
    wave = Wave(*occurrences.hours_by_hand(schedule, now, zone), ranges=(EVERYONE,))
    new = NewRun(
        schedule.account_id, schedule.id, shown_at(now, zone_of(zone)).date().isoformat(),
        RunState.RUNNING, None, content.to_json(), now, wave.ends_at, (wave,),
    )  # fmt: skip
    return tx.runs.add(new, now)


def _takes_its_date(tx: Tx, schedule: Schedule) -> bool:
    """Note that the one run of a schedule is made; return False where it was before."""
    last = schedule.dates()[1]
    return schedule.last_date != last and tx.schedules.move_on(schedule, last, None)


def begin_waiting(tx: Tx, run: Run, now: int, hindrance: RunReason | None = None) -> None:
    """Begin a run that waits for an earlier one, or skip it where its time is over.

    With a `hindrance` it is skipped for that.
    """
    going = tx.runs.open_of(run.account_id, run.schedule_id)
    if any(each.state is not RunState.DUE for each in going):
        if now >= run.ends_at:
            _skip(tx, run, RunReason.MISSED, now)
        return
    schedule = tx.schedules.find(run.account_id, run.schedule_id)
    if schedule is None or now >= run.ends_at:
        _skip(tx, run, RunReason.MISSED, now)
        return
    numbers = account_numbers(tx, run.account_id)
    frozen = hindrance or freeze(tx, schedule, now)
    if isinstance(frozen, RunReason):
        _skip(tx, run, frozen, now)
        return
    # As of its own hour: by now, all of its zones may be late.
    waves = waves_of(schedule, date.fromisoformat(run.local_date), numbers, run.due_at)
    tx.runs.begin(run, frozen.to_json(), waves, now)


def _skip(tx: Tx, run: Run, reason: RunReason, now: int) -> None:
    values = {"state": RunState.SKIPPED.value, "reason": reason.value, "ended_at": now}
    if tx.runs.move((run.account_id, run.id), {RunState.DUE}, **values):
        tell(tx, Event.CAMPAIGN_SKIPPED, run.account_id, run.id, now)
        complete_if_over(tx, run.account_id, run.schedule_id, now)
