"""Cohorts: what contacts brought since they signed up, as a table and as a file."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail.campaigns.cohorts import (
    CohortInput,
    CohortReport,
    CohortValue,
    NamedCohort,
    cohort_rows,
)
from sendrail.contacts.csv_files import begun, written
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.showing import DASH, earned_shown, number_shown
from sendrail.domain import sender_ids
from sendrail.domain.audience_filter import FIELD_LENGTH_MAX
from sendrail.domain.cohort import PERIODS, Cohort, CohortFigures, CohortGroup
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.report import EarnedRevenue, read_date
from sendrail.domain.user import Permission

_GROUPS: Final = {
    CohortGroup.MONTH: "By month",
    CohortGroup.WEEK: "By week",
    CohortGroup.LIST: "By list",
    CohortGroup.CARRIER: "By carrier",
    CohortGroup.CUSTOM_FIELD: "By field",
}
_FIGURES: Final = {
    "per_contact": "Revenue per contact",
    "revenue": "Revenue",
    "conversions": "Conversions",
    "clicks": "Clicks",
    "sends": "Messages",
    "opt_outs": "Opt-outs",
}
# What stands above the names of cohorts.
_HEADS: Final = {
    CohortGroup.LIST: "List",
    CohortGroup.CARRIER: "Carrier",
    CohortGroup.CUSTOM_FIELD: "Value",
}


class _CohortCell(NamedTuple):
    """A figure of a cohort within some days; one that is not whole yet still grows."""

    text: str
    is_whole: bool


class _CohortLine(NamedTuple):
    """A cohort, and one figure of it for each period."""

    name: str
    contacts: int
    active: int
    cells: list[_CohortCell]


async def cohorts(ask: PageRequest) -> Response:
    """Show one figure of each cohort, period by period."""
    fault, group, field = None, _group(ask), _field(ask)
    # Until a field is named, the months stay in view.
    is_unnamed = group is CohortGroup.CUSTOM_FIELD and not field
    by_time = CohortGroup.MONTH if group.is_by_value else group
    try:
        wanted = _wanted(ask, by_time if is_unnamed else group)
        found = await ask.runtime.cohorts.report(ask.account, wanted)
    except (InvalidInput, NotFound) as error:
        fault = error
        found = await ask.runtime.cohorts.report(ask.account, CohortInput(group=by_time))
    figure = ask.query.get("figure", "")
    figure = figure if figure in _FIGURES else "per_contact"
    lists = await ask.runtime.lists.all(ask.account)
    return ask.page(
        "cohorts.html",
        status=400 if fault else 200,
        fault=fault,
        first=found.range.first,
        last=min(found.range.last_date, found.today),
        group=group.value,
        groups=_GROUPS,
        figure=figure,
        figures=_FIGURES,
        lists=[each.shown for each in lists],
        sender=ask.query.get("list", ""),
        periods=["In all" if days is None else f"{days} days" for days in PERIODS],
        lines=_lines(found, figure),
        total=_line("All", found, NamedCohort(found.total), figure),
        head=_HEADS.get(found.range.group, "Signed up"),
        field=field,
        field_length_max=FIELD_LENGTH_MAX,
        asks_field=group is CohortGroup.CUSTOM_FIELD,
        is_unnamed=is_unnamed,
        name_of=number_shown,
    )


async def download(ask: PageRequest) -> Response:
    """Send all figures as a file."""
    report = await ask.runtime.cohorts.report(ask.account, _wanted(ask, _group(ask)))
    header, *rows = cohort_rows(report)
    headers = {"content-disposition": 'attachment; filename="cohorts.csv"'}
    return Response(begun(header) + written(rows), media_type="text/csv", headers=headers)


def _group(ask: PageRequest) -> CohortGroup:
    named = ask.query.get("group", "")
    return CohortGroup(named) if named in set(CohortGroup) else CohortGroup.MONTH


def _field(ask: PageRequest) -> str:
    return ask.query.get("field", "").strip()


def _wanted(ask: PageRequest, group: CohortGroup) -> CohortInput:
    """Return the cohorts that are asked for. Raises `InvalidInput` for what cannot be read."""
    dates = {}
    for param in ("from", "to"):
        text = ask.query.get(param, "")
        dates[param] = read_date(text)
        if text and dates[param] is None:
            raise InvalidInput("A date is written 2026-01-31.", param=param)
    text = ask.query.get("list", "")
    sender = sender_ids.parse(text) if text else None
    if text and sender is None:
        raise InvalidInput("This is not what a list sends from.", param="list")
    field = _field(ask) or None if group is CohortGroup.CUSTOM_FIELD else None
    return CohortInput(
        group=group, first=dates["from"], last=dates["to"], sender=sender, custom_field=field
    )


def _lines(found: CohortReport, figure: str) -> list[_CohortLine]:
    """Return the cohorts that have contacts, the latest first, or by list."""
    is_week = found.range.group is CohortGroup.WEEK
    return [
        _line(_name_of(each, is_week=is_week), found, each, figure)
        for each in found.named()
        if each.cohort.contacts
    ]


def _name_of(named: NamedCohort, *, is_week: bool) -> str:
    first, of = named.first, named.list
    if named.value is not None:
        return _name_of_value(named.value)
    if of is not None:
        return f"{of.name} ({number_shown(of.shown)})" if of.name else number_shown(of.shown)
    assert first is not None, "what has no list has a date"
    return f"Week of {first.day} {first:%b %Y}" if is_week else f"{first:%B %Y}"


def _name_of_value(value: CohortValue) -> str:
    if value.is_rest:
        return "All others"
    return "None" if value.text is None else value.text


def _line(name: str, found: CohortReport, named: NamedCohort, figure: str) -> _CohortLine:
    cohort = named.cohort
    shown = _SHOWN[figure]
    cells = [
        _CohortCell(shown(figures, cohort), days is None or found.is_whole(named.first, days))
        for days, figures in zip(PERIODS, cohort.periods, strict=True)
    ]
    return _CohortLine(name, cohort.contacts, cohort.active, cells)


def _per_contact(figures: CohortFigures, cohort: Cohort) -> str:
    if not cohort.contacts:
        return DASH
    shares = {
        currency: EarnedRevenue(each.conversions, round(each.amount / cohort.contacts))
        for currency, each in figures.revenue.items()
    }
    return earned_shown(shares)


_SHOWN: Final[Mapping[str, Callable[[CohortFigures, Cohort], str]]] = {
    "per_contact": _per_contact,
    "revenue": lambda figures, _: earned_shown(figures.revenue),
    "conversions": lambda figures, _: f"{figures.conversions:,}",
    "clicks": lambda figures, _: f"{figures.clicks:,}",
    "sends": lambda figures, _: DASH if figures.sends is None else f"{figures.sends:,}",
    "opt_outs": lambda figures, _: f"{figures.opt_outs:,}",
}


ROUTES: Final = (
    PageRoute(route="GET /reports/cohorts", answer=cohorts, permission=Permission.SEE_FIGURES),
    PageRoute(route="GET /reports/cohorts.csv", answer=download, permission=Permission.SEE_FIGURES),
)
