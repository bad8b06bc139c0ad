"""The campaigns' calendar: a month of runs that were made, that are to come, and that are meant."""

from calendar import Calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from starlette.responses import Response

from sendrail.campaigns.calendar import CalendarRun
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.campaigns import LOOKS, RUN_LOOKS
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.user import Permission

_YEARS: Final = range(2000, 2200)
_MONTH_LENGTH: Final = len("2026-12")


async def calendar(ask: PageRequest) -> Response:
    """Show a month; without one in the address that of today."""
    service = ask.runtime.calendar
    first = _month(ask.query.get("month", "")) or ask.times.at(ask.times.now).date().replace(day=1)
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    found = await service.days(ask.account, weeks[0][0], weeks[-1][-1])
    return ask.page(
        "calendar.html",
        first=first,
        weeks=weeks,
        by_day=_by_day(found.runs),
        today=found.today,
        is_whole=found.is_whole,
        is_empty=not any(each.day.month == first.month for each in found.runs),
        before=_link(ask, first - timedelta(days=1)),
        after=_link(ask, first + timedelta(days=31)),
        looks=LOOKS,
        run_looks=RUN_LOOKS,
        zone=await ask.runtime.schedules.timezone(ask.account),
    )


def _month(text: str) -> date | None:
    try:
        found = date.fromisoformat(f"{text}-01") if len(text) == _MONTH_LENGTH else None
    except ValueError:
        return None
    # The weeks at its ends have days of the months beside it.
    return found if found is not None and found.year in _YEARS else None


def _link(ask: PageRequest, day: date) -> str | None:
    """Return the address of a day's month, None beyond the years that schedules have."""
    return ask.url(month=f"{day:%Y-%m}", said=None) if day.year in _YEARS else None


def _by_day(runs: Sequence[CalendarRun]) -> Mapping[date, Sequence[CalendarRun]]:
    found: dict[date, list[CalendarRun]] = defaultdict(list)
    for each in runs:
        found[each.day].append(each)
    return dict(found)


ROUTES: Final = (
    PageRoute(route="GET /campaigns/calendar", answer=calendar, permission=Permission.SEE_FIGURES),
)
