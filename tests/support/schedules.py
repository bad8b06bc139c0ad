"""Schedules for tests, and the instants of wall clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from sendrail.domain.ids import AccountId, ScheduleId
from sendrail.domain.local_time import zone_of
from sendrail.domain.schedule import Schedule, ScheduleStatus, SendType

NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
HOUR = 3_600_000
DAILY = Schedule(
    id=ScheduleId(1),
    ref="0" * 24,
    account_id=AccountId(1),
    name="Daily",
    send_type=SendType.AUTOMATED,
    is_repeating=True,
    send_time=time(10),
    audiences=("a" * 24,),
    start_date=date(2026, 3, 2),
    end_date=date(2026, 3, 15),
    weekdays=tuple(range(7)),
    status=ScheduleStatus.ON,
    on_since=0,
    next_at=None,
    created_at=0,
    updated_at=0,
)
ONCE = replace(DAILY, is_repeating=False, send_date=date(2026, 3, 4))
LOCAL = replace(DAILY, use_local_time=True)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def walked(hour: time, zone: str, first: date, last: date) -> dict[date, int]:
    """Return the instant of an hour on each date by a plain model: a wall clock walked from UTC.

    A date is due when the clock first shows the hour, a later one of that date, or a later date.
    Within an hour in which the clock runs evenly it is looked up, else minute by minute.
    """
    place, found = zone_of(zone), {}
    dates = iter([first + timedelta(n) for n in range((last - first).days + 1)])
    day = next(dates, None)
    moment = datetime.combine(first, hour, UTC) - timedelta(hours=30)
    moment = moment.replace(minute=0)
    shown = moment.astimezone(place).replace(tzinfo=None)
    while day is not None:
        later = moment + timedelta(hours=1)
        then = later.astimezone(place).replace(tzinfo=None)
        steps = [moment]
        if then - shown != timedelta(hours=1):
            steps = [moment + timedelta(minutes=n) for n in range(60)]
        for step in steps:
            wall = step.astimezone(place).replace(tzinfo=None)
            span = timedelta(hours=1) if len(steps) == 1 else timedelta(minutes=1)
            while day is not None and datetime.combine(day, hour) < wall + span:
                ahead = max(datetime.combine(day, hour) - wall, timedelta(0))
                found[day] = round((step + ahead).timestamp() * 1000)
                day = next(dates, None)
        moment, shown = later, then
    return found
