"""Schedules for tests, and the instants of wall clocks."""

from dataclasses import replace
from datetime import date, datetime, time

from sendrail.domain.ids import AccountId, ScheduleId
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
