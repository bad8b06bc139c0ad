"""Reports as the API shows them, in JSON and in CSV."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final

import msgspec

from sendrail.api.v2.field_types import (
    Count,
    ObjectId,
    Positive,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.campaigns.reports import (
    CreativeKey,
    KpiReport,
    OfferKey,
    OriginReport,
    PerformanceReport,
    RowKey,
    ScheduleReport,
    SourceKey,
)
from sendrail.domain import money
from sendrail.domain.campaign_run import Run, RunState
from sendrail.domain.origin import OriginKind
from sendrail.domain.origin_counts import HOUR_MS, CountKind
from sendrail.domain.report import ReportFigures, ReportGroup, ReportPeriod, ratio
from sendrail.domain.times import shown as shown_time

# What messages come from that the account sends itself.
OWN: Final = "api"
_COUNTS: Final = (
    "accepted", "sent", "segments", "delivered", "undelivered", "failed", "clicks",
    "total_clicks", "bot_clicks", "conversions", "opt_outs", "delivery_rate", "click_rate",
    "conversion_rate", "opt_out_rate",
)  # fmt: skip

_Rate = Annotated[float | None, schema(type=["number", "null"], minimum=0)]


class ReportRevenue(msgspec.Struct):
    """What was earned in one currency; refunds are taken off."""

    currency: str
    conversions: int
    revenue: float
    per_send: Annotated[float | None, about("Null where nothing was sent.")]
    per_click: Annotated[float | None, about("By unique clicks; null where there are none.")]


class ReportFigureFields(msgspec.Struct):
    """Counts of messages, and what they brought; a rate is null where it is of nothing."""

    accepted: Annotated[Count, about("Messages of campaigns and journeys that were queued.")]
    sent: Annotated[Count, about("Messages that a carrier has taken.")]
    segments: Annotated[Count, about("Of those that were sent.")]
    delivered: Count
    undelivered: Count
    failed: Count
    dropped: Annotated[
        dict[str, int], about("Messages that ended in the queue, by their `status_detail`.")
    ]
    clicks: Annotated[int, about("Messages of which a person has followed a link.")]
    total_clicks: Annotated[int, about("All requests for links.")]
    bot_clicks: Annotated[int, about("Those of them by machines.")]
    conversions: int
    opt_outs: Annotated[Count, about("Contacts who left the list by a reply within 72 hours.")]
    revenue: list[ReportRevenue]
    delivery_rate: Annotated[_Rate, about("`delivered` of `sent`.")]
    click_rate: Annotated[_Rate, about("`clicks` of `sent`.")]
    conversion_rate: Annotated[float | None, about("`conversions` of `clicks`.")]
    opt_out_rate: Annotated[_Rate, about("`opt_outs` of `sent`.")]


class ReportPeriodFields(msgspec.Struct, rename={"first": "from", "last": "to"}):
    """Dates on the account's clock, the last one included."""

    first: Annotated[str, schema(format="date")]
    last: Annotated[str, schema(format="date")]
    timezone: str


class PerformanceReportRow(msgspec.Struct, kw_only=True):
    """The figures of what the report is grouped by: only that is there.

    By creative and by offer there is a row without either as well.
    """

    date: Annotated[str | None, schema(format="date", type=["string", "null"])] = None
    hour: Annotated[Time | None, about("When the hour begins.")] = None
    list_number: Sender | None = None
    source: Annotated[str | None, about("`api`, `run` or `journey`: where messages come from.")] = (
        None
    )
    source_id: Annotated[Positive | None, about("The run or the journey.")] = None
    creative_id: Annotated[Positive | None, about("The creative of their text.")] = None
    offer_id: Annotated[ObjectId | None, about("The offer that links of them count for.")] = None
    name: Annotated[str | None, about("Of the creative or the offer.")] = None
    figures: ReportFigureFields


class PerformanceReportFields(msgspec.Struct):
    """What was sent in a period."""

    period: ReportPeriodFields
    group_by: Annotated[str, one_of(ReportGroup)]
    rows: list[PerformanceReportRow]
    total: ReportFigureFields


class KpiReportFields(msgspec.Struct):
    """The figures of a period: of what was sent in it, and of what happened in it."""

    period: ReportPeriodFields
    sent: Annotated[ReportFigureFields, about("What became of the messages of the period.")]
    happened: Annotated[
        ReportFigureFields, about("What happened in the period, whenever its message was sent.")
    ]
    sent_before: Annotated[
        ReportFigureFields, about("As `sent`, of as many days before the period.")
    ]
    happened_before: Annotated[ReportFigureFields, about("As `happened`, of those days.")]


class ReportPart(msgspec.Struct):
    """A variant of a run, or a step of a journey, in one version."""

    version: Count
    part: str
    figures: ReportFigureFields


class ReportList(msgspec.Struct):
    """What was sent from one list."""

    list_number: Sender
    figures: ReportFigureFields


class ReportHour(msgspec.Struct):
    """An hour: what became of what was sent in it, and what happened in it."""

    hour: Time
    sent: ReportFigureFields
    happened: ReportFigureFields


class RunPlan(msgspec.Struct):
    """Whom a run has planned messages for, and whom not."""

    date: Annotated[str, schema(format="date"), about("On the schedule's clock.")]
    state: Annotated[str, one_of(RunState)]
    reason: Annotated[str | None, about("Why it was skipped, stopped or paused.")]
    started_at: Time | None
    ended_at: Time | None
    planned: Annotated[Count, about("Contacts for whom there is a message.")]
    held_out: Annotated[Count, about("Contacts that get nothing, to compare with.")]
    left_out: Annotated[dict[str, int], about("Other contacts of its audience, by the reason.")]


class SourceReport(msgspec.Struct):
    """What a run or a journey has sent, and what that brought."""

    kind: Annotated[str, one_of(OriginKind)]
    id: Positive
    plan: Annotated[RunPlan | None, about("Of a run; null for a journey.")]
    total: ReportFigureFields
    parts: list[ReportPart]
    lists: list[ReportList]
    hours: list[ReportHour]


class ScheduleRunReport(msgspec.Struct):
    """What one run of a schedule has sent."""

    run_id: Positive
    plan: RunPlan
    figures: ReportFigureFields


class ScheduleReportFields(msgspec.Struct):
    """What the runs of a schedule have sent, the latest first."""

    total: ReportFigureFields
    runs: list[ScheduleRunReport]
    has_more: Annotated[bool, about("Whether there are earlier runs, which the sum is without.")]


def figures_of(given: ReportFigures) -> ReportFigureFields:
    """Return figures as the API shows them."""
    counts, sent = given.counts, given.counts[CountKind.SENT]
    clicked = counts[CountKind.CLICKED]
    return ReportFigureFields(
        accepted=counts[CountKind.ACCEPTED],
        sent=sent,
        segments=given.segments,
        delivered=counts[CountKind.DELIVERED],
        undelivered=counts[CountKind.UNDELIVERED],
        failed=counts[CountKind.FAILED],
        dropped=dict(sorted(given.dropped.items())),
        clicks=clicked,
        total_clicks=counts[CountKind.CLICKS],
        bot_clicks=counts[CountKind.BOT_CLICKS],
        conversions=given.conversions,
        opt_outs=counts[CountKind.OPT_OUTS],
        revenue=[
            ReportRevenue(
                currency=currency,
                conversions=earned.conversions,
                revenue=money.shown(earned.amount),
                per_send=ratio(money.shown(earned.amount), sent),
                per_click=ratio(money.shown(earned.amount), clicked),
            )
            for currency, earned in sorted(given.revenue.items())
        ],
        delivery_rate=given.rate(CountKind.SENT, CountKind.DELIVERED),
        click_rate=given.rate(CountKind.SENT, CountKind.CLICKED),
        conversion_rate=ratio(given.conversions, clicked),
        opt_out_rate=given.rate(CountKind.SENT, CountKind.OPT_OUTS),
    )


def shown_performance(report: PerformanceReport, *, happened: bool) -> PerformanceReportFields:
    """Return a report of performance; by when it `happened`, or by when it was sent."""
    rows = [
        _performance_row(key, figures_of(row.happened if happened else row.sent))
        for key, row in report.rows.items()
    ]
    total = report.total.happened if happened else report.total.sent
    return PerformanceReportFields(
        period_of(report.period), report.group.value, rows, figures_of(total)
    )


def _performance_row(key: RowKey, figures: ReportFigureFields) -> PerformanceReportRow:
    match key:
        case date():
            return PerformanceReportRow(date=str(key), figures=figures)
        case int():
            return PerformanceReportRow(hour=shown_time(key * HOUR_MS), figures=figures)
        case str():
            return PerformanceReportRow(list_number=key, figures=figures)
        case SourceKey(kind, of_id):
            return PerformanceReportRow(source=kind or OWN, source_id=of_id, figures=figures)
        case CreativeKey(creative_id, name):
            return PerformanceReportRow(creative_id=creative_id, name=name, figures=figures)
        case OfferKey(ref, name):
            return PerformanceReportRow(offer_id=ref, name=name, figures=figures)


def shown_kpis(report: KpiReport) -> KpiReportFields:
    """Return the figures of a period."""
    return KpiReportFields(
        period=period_of(report.period),
        sent=figures_of(report.now.sent),
        happened=figures_of(report.now.happened),
        sent_before=figures_of(report.before.sent),
        happened_before=figures_of(report.before.happened),
    )


def shown_source(report: OriginReport) -> SourceReport:
    """Return the report of a run or a journey."""
    return SourceReport(
        kind=report.kind.value,
        id=report.id,
        plan=None if report.run is None else _plan(report.run),
        total=figures_of(report.total.sent),
        parts=[
            ReportPart(key.version, key.part, figures_of(row.sent))
            for key, row in report.parts.items()
        ],
        lists=[ReportList(number, figures_of(row.sent)) for number, row in report.lists.items()],
        hours=[
            ReportHour(shown_time(hour * HOUR_MS), figures_of(row.sent), figures_of(row.happened))
            for hour, row in sorted(report.hours.items())
        ],
    )


def shown_schedule(report: ScheduleReport) -> ScheduleReportFields:
    """Return the report of a schedule."""
    return ScheduleReportFields(
        total=figures_of(report.total.sent),
        runs=[
            ScheduleRunReport(run.id, _plan(run), figures_of(row.sent)) for run, row in report.runs
        ],
        has_more=report.has_more,
    )


def _plan(run: Run) -> RunPlan:
    return RunPlan(
        date=run.local_date,
        state=run.state.value,
        reason=run.reason,
        started_at=None if run.started_at is None else shown_time(run.started_at),
        ended_at=None if run.ended_at is None else shown_time(run.ended_at),
        planned=run.planned,
        held_out=run.held_out,
        left_out=dict(sorted(run.left_out.items())),
    )


def period_of(period: ReportPeriod) -> ReportPeriodFields:
    """Return a period as the API shows it."""
    return ReportPeriodFields(str(period.first), str(period.last), period.zone.key)


def csv_rows(
    columns: Iterable[str], rows: Iterable[tuple[Iterable[object], ReportFigureFields]]
) -> list[list[str]]:
    """Return a header and a row for each of these, keys first, as texts.

    What is earned and what is dropped has a column for each currency and each reason.
    """
    keyed = [([*key], figures) for key, figures in rows]
    currencies = sorted({each.currency for _, figures in keyed for each in figures.revenue})
    reasons = sorted({reason for _, figures in keyed for reason in figures.dropped})
    header = [*columns, *_COUNTS, *(f"dropped_{each}" for each in reasons)]
    for currency in currencies:
        header += [f"revenue_{currency}", f"per_send_{currency}", f"per_click_{currency}"]
    return [header, *(_csv_row(*each, reasons, currencies) for each in keyed)]


def _csv_row(
    key: Iterable[object],
    figures: ReportFigureFields,
    reasons: Iterable[str],
    currencies: Iterable[str],
) -> list[str]:
    revenue = {each.currency: each for each in figures.revenue}
    cells = [*key, *(getattr(figures, name) for name in _COUNTS)]
    cells += [figures.dropped.get(reason, 0) for reason in reasons]
    for currency in currencies:
        earned = revenue.get(currency)
        cells += (
            [0, None, None]
            if earned is None
            else [earned.revenue, earned.per_send, earned.per_click]
        )
    return ["" if cell is None else str(cell) for cell in cells]
