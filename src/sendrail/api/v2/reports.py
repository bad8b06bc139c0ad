"""Reports: what was sent, what became of it and what it brought; ours, as nothing is documented."""

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from typing import Annotated, Final

from sendrail.api.v2.cohort_shapes import CohortReportFields, shown_cohorts
from sendrail.api.v2.field_types import ObjectId, RowId, Sender, schema
from sendrail.api.v2.operation import FINDING, READING, in_path, query
from sendrail.api.v2.queries import SENDER_HELP, given, list_in
from sendrail.api.v2.report_shapes import (
    KpiReportFields,
    PerformanceReportFields,
    ReportFigureFields,
    ScheduleReportFields,
    SourceReport,
    csv_rows,
    shown_kpis,
    shown_performance,
    shown_schedule,
    shown_source,
)
from sendrail.api.v2.request import ApiRequest, CsvFile, Endpoint
from sendrail.app import Runtime
from sendrail.campaigns.cohorts import CohortInput, cohort_rows
from sendrail.campaigns.reports import RUNS_MAX, OriginReport, PeriodInput
from sendrail.contacts.csv_files import begun, written
from sendrail.domain.audience_filter import FIELD_LENGTH_MAX
from sendrail.domain.cohort import VALUES_MAX, CohortGroup
from sendrail.domain.report import DAYS_MAX, HOUR_DAYS_MAX, ReportGroup, ReportPeriodName, read_date

_BY: Final = ("sent", "happened")
_ROW_KEYS: Final = (
    "date", "hour", "list_number", "source", "source_id", "creative_id", "offer_id", "name",
)  # fmt: skip
_FORMATS: Final = ("json", "csv")
_HELP: Final = {
    "period": f"`period` is one of {', '.join(ReportPeriodName)}",
    "group_by": f"`group_by` is one of {', '.join(ReportGroup)}",
    "by": f"`by` is one of {', '.join(_BY)}",
    "format": f"`format` is one of {', '.join(_FORMATS)}",
    "from": "`from` is a date, such as 2026-01-31",
    "to": "`to` is a date, such as 2026-01-31",
}

_COHORT_HELP: Final = _HELP | {
    "group_by": f"`group_by` is one of {', '.join(CohortGroup)}",
    "list_number": SENDER_HELP,
}


async def performance(runtime: Runtime, request: ApiRequest) -> PerformanceReportFields | CsvFile:
    """Report what was sent in a period."""
    group = given(request.query, "group_by", _group, _HELP) or ReportGroup.DATE
    by = given(request.query, "by", _by, _HELP) or _BY[0]
    is_file = _wants_csv(request)
    wanted = _period(request.query, ReportPeriodName.CUSTOM)
    found = await runtime.reports.performance(request.account, wanted, group)
    report = shown_performance(found, happened=by != _BY[0])
    if not is_file:
        return report
    return _file(
        "performance.csv",
        _ROW_KEYS,
        (([getattr(row, name) for name in _ROW_KEYS], row.figures) for row in report.rows),
    )


async def kpis(runtime: Runtime, request: ApiRequest) -> KpiReportFields | CsvFile:
    """Report the figures of a period."""
    is_file = _wants_csv(request)
    wanted = _period(request.query, ReportPeriodName.TODAY)
    report = shown_kpis(await runtime.reports.kpis(request.account, wanted))
    if not is_file:
        return report
    names = ("sent", "happened", "sent_before", "happened_before")
    return _file("kpis.csv", ("figures",), (((name,), getattr(report, name)) for name in names))


async def of_run(runtime: Runtime, request: ApiRequest) -> SourceReport | CsvFile:
    """Report what a run of a campaign has sent."""
    return await _of(request, runtime.reports.of_run(request.account, request.path_id("run_id")))


async def of_schedule(runtime: Runtime, request: ApiRequest) -> ScheduleReportFields | CsvFile:
    """Report what the runs of a schedule have sent."""
    is_file = _wants_csv(request)
    schedule_id = request.path["schedule_id"]
    report = shown_schedule(await runtime.reports.of_schedule(request.account, schedule_id))
    if not is_file:
        return report
    rows = (
        ((each.run_id, each.plan.date, each.plan.state, each.plan.planned), each.figures)
        for each in report.runs
    )
    return _file("schedule.csv", ("run_id", "date", "state", "planned"), rows)


async def of_journey(runtime: Runtime, request: ApiRequest) -> SourceReport | CsvFile:
    """Report what a journey has sent."""
    journey_id = request.path_id("journey_id")
    return await _of(request, runtime.reports.of_journey(request.account, journey_id))


async def cohorts(runtime: Runtime, request: ApiRequest) -> CohortReportFields | CsvFile:
    """Report what contacts brought since they signed up."""
    is_file = _wants_csv(request)
    wanted = CohortInput(
        group=given(request.query, "group_by", _cohort_group, _COHORT_HELP) or CohortGroup.MONTH,
        first=given(request.query, "from", read_date, _COHORT_HELP),
        last=given(request.query, "to", read_date, _COHORT_HELP),
        sender=given(request.query, "list_number", list_in, _COHORT_HELP),
        custom_field=request.query.get("custom_field"),
    )
    report = await runtime.cohorts.report(request.account, wanted)
    return _csv("cohorts.csv", cohort_rows(report)) if is_file else shown_cohorts(report)


async def _of(request: ApiRequest, wanted: Awaitable[OriginReport]) -> SourceReport | CsvFile:
    report = shown_source(await wanted)
    if not _wants_csv(request):
        return report
    rows: list[tuple[tuple[object, ...], ReportFigureFields]] = [
        (("total", None, None, None), report.total)
    ]
    rows += [(("part", each.version, each.part, None), each.figures) for each in report.parts]
    rows += [(("list", None, None, each.list_number), each.figures) for each in report.lists]
    rows += [(("hour", None, None, each.hour), each.sent) for each in report.hours]
    return _file("report.csv", ("of", "version", "part", "name"), rows)


def _period(query: Mapping[str, str], default: ReportPeriodName) -> PeriodInput:
    first = given(query, "from", read_date, _HELP)
    last = given(query, "to", read_date, _HELP)
    name = given(query, "period", _name, _HELP)
    if name is None:
        name = default if first is None and last is None else ReportPeriodName.CUSTOM
    return PeriodInput(name=name, first=first, last=last, zone=query.get("timezone"))


def _wants_csv(request: ApiRequest) -> bool:
    asked = given(request.query, "format", _format, _HELP)
    return request.accepts_csv if asked is None else asked == _FORMATS[1]


def _file(
    name: str,
    columns: Iterable[str],
    rows: Iterable[tuple[Iterable[object], ReportFigureFields]],
) -> CsvFile:
    return _csv(name, csv_rows(columns, rows))


def _csv(name: str, rows: Sequence[Sequence[str]]) -> CsvFile:
    header, *others = rows

    async def chunks() -> AsyncIterator[bytes]:
        yield begun(header) + written(others)

    return CsvFile(name, chunks())


def _name(text: str) -> ReportPeriodName | None:
    return ReportPeriodName(text) if text in set(ReportPeriodName) else None


def _group(text: str) -> ReportGroup | None:
    return ReportGroup(text) if text in set(ReportGroup) else None


def _cohort_group(text: str) -> CohortGroup | None:
    return CohortGroup(text) if text in set(CohortGroup) else None


def _by(text: str) -> str | None:
    return text if text in _BY else None


def _format(text: str) -> str | None:
    return text if text in _FORMATS else None


_DATE: Final = Annotated[str, schema(format="date")]
_DATES: Final = (
    query("from", _DATE, f"The first date; with `to` at most {DAYS_MAX} days."),
    query("to", _DATE, "The last date, today if it is left out."),
    query("timezone", str, "The zone of the dates, such as Europe/Oslo; else the account's."),
)
_FORMAT: Final = query(
    "format",
    Annotated[str, schema(type="string", enum=list(_FORMATS))],
    "`csv` answers with a file, as `Accept: text/csv` does.",
)
_PERIOD_CODES: Final = (*READING, "invalid_timezone")
_OF_WHAT: Final = (
    "Rates are of what was *sent*: what became of those very messages, whenever it did. Counts are "
    "written with each change and read here, so that a report takes the same time however much was "
    "sent."
)
_FILE_OUT: Final = "The same as a file, with `format=csv` or `Accept: text/csv`."

ENDPOINTS: Final = (
    Endpoint(
        "GET /reports/performance",
        performance,
        id="reportPerformance",
        summary="Report what was sent in a period",
        description=(
            "Rows by date, by hour, by list, by what messages come from, by the creative of their "
            "text, or by the offer that its links count for. A message with links for two offers "
            "is in the rows of both. What the account sends itself has no creative and no offer. "
            f"{_OF_WHAT}"
        ),
        answer=PerformanceReportFields,
        codes=_PERIOD_CODES,
        file_out=_FILE_OUT,
        parameters=(
            *_DATES,
            query(
                "group_by",
                Annotated[str, schema(type="string", enum=list(ReportGroup), default="date")],
                f"What there is a row for; by hour the report is of {HOUR_DAYS_MAX} days at most.",
            ),
            query(
                "by",
                Annotated[str, schema(type="string", enum=list(_BY), default=_BY[0])],
                "`sent`: what became of what was sent in the period. `happened`: what happened in "
                "it, whenever its message was sent; a line over time.",
            ),
            _FORMAT,
        ),
    ),
    Endpoint(
        "GET /reports/kpis",
        kpis,
        id="reportKpis",
        summary="Report the figures of a period",
        description=(
            f"The figures of a period, and of as many days before it. {_OF_WHAT} "
            "Beside them stands what happened in the period."
        ),
        answer=KpiReportFields,
        codes=_PERIOD_CODES,
        file_out=_FILE_OUT,
        parameters=(
            query(
                "period",
                Annotated[str, schema(type="string", enum=list(ReportPeriodName), default="today")],
                "Which days; `custom` has `from` and `to`.",
            ),
            *_DATES,
            _FORMAT,
        ),
    ),
    Endpoint(
        "GET /reports/cohorts",
        cohorts,
        id="reportCohorts",
        summary="Report what contacts brought since they signed up",
        description=(
            "Contacts by the week or month of UTC that they signed up in, or by list, carrier or "
            "custom field, with what they brought within 7, 14, 30, 60, 90, 180 and 365 days of "
            "that, and in all. A contact counts once for each list that it is on."
        ),
        answer=CohortReportFields,
        codes=(*READING, "list_not_found", "overloaded"),
        file_out=_FILE_OUT,
        parameters=(
            query("from", _DATE, "A date of the first cohort; a year before `to` if left out."),
            query("to", _DATE, "A date of the last cohort, today if it is left out."),
            query(
                "group_by",
                Annotated[str, schema(type="string", enum=list(CohortGroup), default="month")],
                "Whose contacts are one cohort: those who signed up in a week or in a month; or, "
                "of those who signed up from the first date to the last, those of a list, or with "
                "one carrier or value of a custom field as these are now.",
            ),
            query(
                "custom_field",
                Annotated[str, schema(type="string", maxLength=FIELD_LENGTH_MAX)],
                "The field of `group_by=custom_field`. Contacts have at most "
                f"{VALUES_MAX:,} values of it.",
            ),
            query("list_number", Sender, "Only contacts of this list."),
            _FORMAT,
        ),
    ),
    Endpoint(
        "GET /runs/{run_id}/report",
        of_run,
        id="reportRun",
        summary="Report what a run of a campaign has sent",
        description=(
            "In all, by variant, by list and by hour, with whom it has left out and why. "
            f"{_OF_WHAT}"
        ),
        answer=SourceReport,
        codes=(*FINDING, "invalid_parameter"),
        file_out=_FILE_OUT,
        parameters=(in_path("run_id", RowId, "The run."), _FORMAT),
    ),
    Endpoint(
        "GET /schedules/{schedule_id}/report",
        of_schedule,
        id="reportSchedule",
        summary="Report what the runs of a schedule have sent",
        description=f"The last {RUNS_MAX} runs, each by itself and in all. {_OF_WHAT}",
        answer=ScheduleReportFields,
        codes=(*FINDING, "invalid_parameter"),
        file_out=_FILE_OUT,
        parameters=(in_path("schedule_id", ObjectId, "The schedule."), _FORMAT),
    ),
    Endpoint(
        "GET /journeys/{journey_id}/report",
        of_journey,
        id="reportJourney",
        summary="Report what a journey has sent",
        description=f"In all, by step, by list and by hour. {_OF_WHAT}",
        answer=SourceReport,
        codes=(*FINDING, "invalid_parameter"),
        file_out=_FILE_OUT,
        parameters=(in_path("journey_id", RowId, "The journey."), _FORMAT),
    ),
)
