"""An account's campaigns by the day: runs that were made, and those that are to come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from sendrail.campaigns.zones import account_numbers
from sendrail.domain.campaign_run import Run
from sendrail.domain.ids import AccountId
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.occurrences import occurrences
from sendrail.domain.schedule import Schedule, ScheduleStatus
from sendrail.storage.interface import Store, Tx

# More than can be read in one month.
RUNS_MAX: Final = 1_000
# The soonest of an account's schedules: of each, every day is looked at in every zone.
SCHEDULES_MAX: Final = 200
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CalendarRun:
    """A run of a schedule on its local date; without `run` it is to come.

    One of a schedule that is not on is only meant.
    """

    day: date
    schedule: Schedule
    run: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPage:
    """Some days of an account, the earliest first; `is_whole` where nothing was left off."""

    today: date
    runs: Sequence[CalendarRun]
    is_whole: bool


class ScheduleCalendar:
    """Shows an account's campaigns by the day."""

    def __init__(self, store: Store, now: Callable[[], int], *, runs_max: int = RUNS_MAX) -> None:
        """Show at most so many runs that were made."""
        self._runs_max = runs_max
        self._store = store
        self._now = now

    async def days(self, account_id: AccountId, first: date, last: date) -> CalendarPage:
        """Return what runs from one local date to another, both included."""
        return await self._store.read(lambda tx: self._days(tx, account_id, first, last))

    def _days(self, tx: Tx, account_id: AccountId, first: date, last: date) -> CalendarPage:
        made = tx.runs.between(account_id, first.isoformat(), last.isoformat(), self._runs_max)
        schedules = tx.schedules.all(account_id)
        archived = tx.schedules.all(account_id, ScheduleStatus.ARCHIVE) if made else []
        by_id = {each.id: each for each in [*schedules, *archived]}
        on = [each for each in schedules if each.status is ScheduleStatus.ON and each.next_at]
        soonest = sorted(on, key=lambda each: each.next_at or 0)[:SCHEDULES_MAX]
        zone = zone_of(tx.accounts.timezone(account_id))
        found = [
            *(CalendarRun(date.fromisoformat(run.local_date), by_id[run.schedule_id], run)
              for run in made),
            *_coming(tx, account_id, soonest, first, last),
            *_meant(schedules, first, last),
        ]  # fmt: skip
        return CalendarPage(
            today=shown_at(self._now(), zone).date(),
            runs=sorted(found, key=_order),
            is_whole=len(made) < self._runs_max and len(on) <= SCHEDULES_MAX,
        )


def _order(each: CalendarRun) -> tuple[date, time, str]:
    return each.day, each.schedule.send_time, each.schedule.name


def _coming(
    tx: Tx, account_id: AccountId, schedules: Sequence[Schedule], first: date, last: date
) -> Iterator[CalendarRun]:
    if not schedules:
        return
    numbers = account_numbers(tx, account_id)
    everywhere = numbers.all()
    for each in schedules:
        zones = everywhere if each.use_local_time else {numbers.account}
        after = first - _DAY if each.last_date is None else max(each.last_date, first - _DAY)
        for occurrence in occurrences(each, zones, after):
            day = occurrence.local_date
            if day > last:
                break
            yield CalendarRun(day, each)


def _meant(schedules: Sequence[Schedule], first: date, last: date) -> Iterator[CalendarRun]:
    """Yield the day of each schedule that is sent once, and is not on yet."""
    for each in schedules:
        day, is_off = each.dates()[0], each.status in {ScheduleStatus.DRAFT, ScheduleStatus.OFF}
        is_once = not each.is_repeating and each.last_date is None
        if is_off and is_once and first <= day <= last:
            yield CalendarRun(day, each)
