"""Reports: what was sent in a period and what it brought, as figures, as rows and as a file."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail.campaigns.reports import (
    CreativeKey,
    KpiReport,
    OfferKey,
    PerformanceReport,
    PeriodInput,
    RowKey,
    SourceKey,
)
from sendrail.contacts.csv_files import begun, written
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.charts import PartChart, part_chart
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.showing import number_shown, percent_shown
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.local_time import shown_at
from sendrail.domain.money import UNIT
from sendrail.domain.origin import OriginKind
from sendrail.domain.origin_counts import HOUR_MS, CountKind
from sendrail.domain.report import ReportFigures, ReportGroup, ReportPeriodName, read_date
from sendrail.domain.schedule import ScheduleStatus
from sendrail.domain.user import Permission

PERIODS: Final = {
    ReportPeriodName.TODAY: "Today",
    ReportPeriodName.WEEK: "7 days",
    ReportPeriodName.MONTH: "30 days",
}
GROUPS: Final = {
    ReportGroup.DATE: "By day",
    ReportGroup.HOUR: "By hour",
    ReportGroup.LIST: "By list",
    ReportGroup.ORIGIN: "By source",
    ReportGroup.CREATIVE: "By creative",
    ReportGroup.OFFER: "By offer",
}
_COLUMNS: Final = (
    CountKind.SENT, CountKind.DELIVERED, CountKind.UNDELIVERED, CountKind.FAILED,
    CountKind.CLICKED, CountKind.OPT_OUTS,
)  # fmt: skip
# Of more runs, the names of which are asked for one by one, only the numbers are shown.
_NAMED_MAX: Final = 50


class ReportLine(NamedTuple):
    """A row of a report: what it is of, where that leads, and its figures."""

    name: str
    path: str
    figures: ReportFigures


class _KpiTile(NamedTuple):
    """A figure of a period, and how it compares with the one before."""

    title: str
    value: str
    sub: str
    unit: str = ""


async def reports(ask: PageRequest) -> Response:
    """Show the figures of a period, and its rows."""
    fault = None
    group, name = _group(ask), _period_name(ask)
    try:
        wanted = _period(ask)
        found = await ask.runtime.reports.performance(ask.account, wanted, group)
    except InvalidInput as error:
        fault, wanted = error, PeriodInput(name=ReportPeriodName.WEEK)
        found = await ask.runtime.reports.performance(ask.account, wanted, group)
    kpis = await ask.runtime.reports.kpis(ask.account, wanted)
    lines = await _lines(ask, found)
    chart = _chart(found) if group is ReportGroup.DATE else None
    return ask.page(
        "reports.html",
        status=400 if fault else 200,
        fault=fault,
        found=found,
        period=found.period,
        lines=lines,
        tiles=_tiles(kpis),
        days=_days(found),
        chart=chart,
        marks=[found.period.first + timedelta(days=at) for at in range(len(chart.bars))]
        if chart
        else (),
        name=name,
        group=group.value,
        periods=PERIODS,
        groups=GROUPS,
        kinds=CountKind,
    )


async def download(ask: PageRequest) -> Response:
    """Send the rows of a report as a file."""
    found = await ask.runtime.reports.performance(ask.account, _period(ask), _group(ask))
    lines = await _lines(ask, found)
    currencies = sorted({each for line in lines for each in line.figures.revenue})
    header = [_group(ask).value, *_COLUMNS, "segments", "conversions"]
    header += [f"revenue_{each}" for each in currencies]
    rows = [
        [line.name, *_cells(line.figures), *(_earned(line.figures, each) for each in currencies)]
        for line in lines
    ]
    headers = {"content-disposition": 'attachment; filename="report.csv"'}
    return Response(begun(header) + written(rows), media_type="text/csv", headers=headers)


def _cells(figures: ReportFigures) -> Iterator[str]:
    for kind in _COLUMNS:
        yield str(figures.counts[kind])
    yield str(figures.segments)
    yield str(figures.conversions)


def _earned(figures: ReportFigures, currency: str) -> str:
    earned = figures.revenue.get(currency)
    return f"{earned.amount / UNIT:.4f}" if earned else ""


def _period_name(ask: PageRequest) -> str:
    """Return the period that the address names, `custom` where it has dates."""
    if ask.query.get("from") or ask.query.get("to"):
        return ReportPeriodName.CUSTOM.value
    named = ask.query.get("period", "")
    return named if named in set(PERIODS) else ReportPeriodName.WEEK.value


def _period(ask: PageRequest) -> PeriodInput:
    """Return the period that is asked for. Raises `InvalidInput` for a date that is none."""
    dates = {}
    for param in ("from", "to"):
        text = ask.query.get(param, "")
        dates[param] = read_date(text)
        if text and dates[param] is None:
            raise InvalidInput("A date is written 2026-01-31.", param=param)
    name = ReportPeriodName(_period_name(ask))
    return PeriodInput(name=name, first=dates["from"], last=dates["to"])


def _group(ask: PageRequest) -> ReportGroup:
    named = ask.query.get("group", "")
    return ReportGroup(named) if named in set(ReportGroup) else ReportGroup.DATE


async def _lines(ask: PageRequest, found: PerformanceReport) -> Sequence[ReportLine]:
    if found.group is ReportGroup.DATE:
        days = sorted(((key, row) for key, row in found.rows.items() if isinstance(key, date)))
        return [ReportLine(f"{day:%Y-%m-%d}", "", row.sent) for day, row in reversed(days)]
    if found.group is ReportGroup.HOUR:
        hours = sorted(((key, row) for key, row in found.rows.items() if isinstance(key, int)))
        zone = found.period.zone
        return [
            ReportLine(f"{shown_at(hour * HOUR_MS, zone):%Y-%m-%d %H:%M}", "", row.sent)
            for hour, row in reversed(hours)
        ]
    most = sorted(found.rows.items(), key=lambda each: -each[1].sent.counts[CountKind.SENT])
    if found.group is ReportGroup.LIST:
        return [ReportLine(number_shown(str(key)), "", row.sent) for key, row in most]
    if found.group in {ReportGroup.CREATIVE, ReportGroup.OFFER}:
        sees_texts = ask.may(Permission.SEE_PEOPLE)
        return [ReportLine(*_made_of(key, sees_texts=sees_texts), row.sent) for key, row in most]
    keys = [key for key, _ in most if isinstance(key, SourceKey)]
    names = await _sources(ask, keys)
    return [ReportLine(*names[key], row.sent) for key, row in most if isinstance(key, SourceKey)]


def _made_of(key: RowKey, *, sees_texts: bool) -> tuple[str, str]:
    """Return the name of a creative or an offer, and its path."""
    match key:
        case CreativeKey(int(creative_id), name):
            path = f"/creatives/{creative_id}" if name and sees_texts else ""
            return name or f"Creative {creative_id}", path
        case OfferKey(str(ref), name):
            return name or f"Offer {ref}", f"/offers/{ref}"
        case CreativeKey():
            return "No creative", ""
        case _:
            return "No offer", ""


async def _sources(
    ask: PageRequest, keys: Sequence[SourceKey]
) -> Mapping[SourceKey, tuple[str, str]]:
    """Return the names of what messages come from, and the paths of the runs among them."""
    names = {key: (_plain_name(key), "") for key in keys}
    runs = [key for key in keys if key.kind is OriginKind.RUN][:_NAMED_MAX]
    if not runs:
        return names
    service = ask.runtime.schedules
    known = await service.all(ask.account)
    known += await service.all(ask.account, ScheduleStatus.ARCHIVE)
    by_id = {each.id: each for each in known}
    for key in runs:
        try:
            run = (await ask.runtime.runs.show(ask.account, key.id or 0)).run
        except NotFound:
            continue
        if schedule := by_id.get(run.schedule_id):
            path = f"/campaigns/{schedule.ref}/runs/{run.id}"
            names[key] = (f"{schedule.name}, {run.local_date}", path)
    return names


def _plain_name(key: SourceKey) -> str:
    if key.kind is None:
        return "Sent by the account itself"
    return f"{'Run' if key.kind is OriginKind.RUN else 'Journey'} {key.id}"


def _days(found: PerformanceReport) -> int:
    return (found.period.last - found.period.first).days + 1


def _chart(found: PerformanceReport) -> PartChart:
    """Return the bars of the days of a period, those without a message as well.

    Its times are days after the first.
    """
    count = _days(found)
    rows = [found.rows.get(found.period.first + timedelta(days=at)) for at in range(count)]
    values = [
        (row.sent.counts[CountKind.SENT], row.sent.counts[CountKind.DELIVERED]) if row else (0, 0)
        for row in rows
    ]
    return part_chart(values, range(count))


def _tiles(kpis: KpiReport) -> Sequence[_KpiTile]:
    now, before = kpis.now.sent, kpis.before.sent
    return [
        _KpiTile("Sent", f"{now.counts[CountKind.SENT]:,}", _against(now, before)),
        *(
            _rate_tile(title, kind, now, before)
            for title, kind in (
                ("Delivered", CountKind.DELIVERED),
                ("Clicked", CountKind.CLICKED),
                ("Opt-outs", CountKind.OPT_OUTS),
            )
        ),
    ]


def _against(now: ReportFigures, before: ReportFigures) -> str:
    sent, sent_before = now.counts[CountKind.SENT], before.counts[CountKind.SENT]
    if not sent_before:
        return "none in the period before"
    change = 100 * (sent - sent_before) / sent_before
    return f"{abs(change):,.1f} % {'less' if change < 0 else 'more'} than in the period before"


def _rate_tile(title: str, kind: CountKind, now: ReportFigures, before: ReportFigures) -> _KpiTile:
    sent, sent_before = now.counts[CountKind.SENT], before.counts[CountKind.SENT]
    # Of what is rare, the second place tells a good day from a bad one.
    places = 2 if kind is CountKind.OPT_OUTS else 1
    value = percent_shown(now.counts[kind], sent, places)
    was = percent_shown(before.counts[kind], sent_before, places)
    compared = f", {was} % in the period before" if sent_before else ""
    return _KpiTile(title, value, f"{now.counts[kind]:,}{compared}", "%" if sent else "")


ROUTES: Final = (
    PageRoute(route="GET /reports", answer=reports, permission=Permission.SEE_FIGURES),
    PageRoute(route="GET /reports.csv", answer=download, permission=Permission.SEE_FIGURES),
)
