"""`sendrail reports`: what was sent, what became of it and what it brought."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import run

if TYPE_CHECKING:
    from datetime import date

    from sendrail.api.v2.cohort_shapes import CohortRevenue
    from sendrail.api.v2.report_shapes import PerformanceReportRow, ReportFigureFields
    from sendrail.campaigns.cohorts import CohortReport
    from sendrail.campaigns.reports import OriginReport, PeriodInput
    from sendrail.domain.phone import PhoneNumber

app = typer.Typer(help="Reports: what was sent, and what it earned.", no_args_is_help=True)

_TOTAL = ("total",)
_SHOWN = (
    "sent", "delivered", "delivery_rate", "clicks", "click_rate", "conversions", "revenue",
    "opt_outs",
)  # fmt: skip

From = Annotated[str, typer.Option("--from", metavar="DATE", help="The first date.")]
To = Annotated[str, typer.Option("--to", metavar="DATE", help="The last date; default: today.")]
Zone = Annotated[
    str,
    typer.Option(
        "--timezone", metavar="ZONE", help="The time zone of the dates; default: the account's."
    ),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, with all figures.")]

_Rows = list[tuple[tuple[object, ...], "ReportFigureFields"]]


@app.command()
def performance(
    *,
    first: From = "",
    last: To = "",
    zone: Zone = "",
    group_by: Annotated[
        str,
        typer.Option(
            metavar="date|hour|list|origin|creative|offer", help="What each row is about."
        ),
    ] = "date",
    happened: Annotated[
        bool,
        typer.Option(
            "--happened",
            help="Count what happened in the period, even for messages sent before it.",
        ),
    ] = False,
    as_csv: Csv = False,
) -> None:
    """Report what was sent in a period; default: the last thirty days."""
    from sendrail.api.v2.report_shapes import shown_performance
    from sendrail.domain.report import ReportGroup

    group = _one_of(ReportGroup, group_by, "group_by")
    wanted = _period("custom", first, last, zone)
    found = run(lambda it: it.reports.performance(it.default_account, wanted, group))
    report = shown_performance(found, happened=happened)
    rows: _Rows = [((_name_of(each),), each.figures) for each in report.rows]
    _print(report, (group_by,), [*rows, (_TOTAL, report.total)], as_csv)


@app.command()
def kpis(
    period: Annotated[
        str, typer.Argument(metavar="[today|7d|30d|custom]", help="The period.")
    ] = "today",
    *,
    first: From = "",
    last: To = "",
    zone: Zone = "",
    as_csv: Csv = False,
) -> None:
    """Compare the figures of a period with those of the period before it."""
    from sendrail.api.v2.report_shapes import shown_kpis

    wanted = _period(period, first, last, zone)
    report = shown_kpis(run(lambda it: it.reports.kpis(it.default_account, wanted)))
    names = ("sent", "happened", "sent_before", "happened_before")
    _print(report, ("figures",), [((each,), getattr(report, each)) for each in names], as_csv)


@app.command()
def cohorts(
    *,
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="A date in the first cohort.")
    ] = "",
    last: To = "",
    group_by: Annotated[
        str,
        typer.Option(
            metavar="week|month|list|carrier|custom_field",
            help="What the contacts of a cohort have in common.",
        ),
    ] = "month",
    custom_field: Annotated[
        str, typer.Option("--field", metavar="NAME", help="The custom field to group by.")
    ] = "",
    sender: Annotated[
        str, typer.Option("--list", metavar="NUMBER", help="Only contacts of this list.")
    ] = "",
    as_csv: Csv = False,
) -> None:
    """Report what contacts earned since their sign-up, by cohort.

    They are by its week or month, by list, by carrier, or by their value of a custom field.
    """
    import msgspec

    from sendrail.api.v2.cohort_shapes import shown_cohorts
    from sendrail.campaigns.cohorts import CohortInput, cohort_rows
    from sendrail.contacts.csv_files import written
    from sendrail.domain.cohort import CohortGroup

    wanted = CohortInput(
        group=_one_of(CohortGroup, group_by, "group_by"),
        first=_date(first, "from"),
        last=_date(last, "to"),
        sender=_sender(sender),
        custom_field=custom_field or None,
    )
    found = run(lambda it: it.cohorts.report(it.default_account, wanted))
    if as_csv and not output.is_json():
        sys.stdout.write(written(cohort_rows(found)).decode())
        return
    if output.is_json():
        output.document(msgspec.to_builtins(shown_cohorts(found)))
        return
    _print_cohorts(found)


@app.command("run")
def of_run(
    run_id: Annotated[int, typer.Argument(metavar="RUN", help="The id of a run.")],
    *,
    as_csv: Csv = False,
) -> None:
    """Report what a run has sent and earned: in total, by variant, by list and by hour."""
    found = run(lambda it: it.reports.of_run(it.default_account, run_id))
    _print_source(found, as_csv)


@app.command()
def campaign(
    schedule_id: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The id of a campaign.")],
    *,
    as_csv: Csv = False,
) -> None:
    """Report what the runs of a campaign have sent and earned, latest first."""
    from sendrail.api.v2.report_shapes import shown_schedule

    found = run(lambda it: it.reports.of_schedule(it.default_account, schedule_id))
    report = shown_schedule(found)
    rows: _Rows = [
        ((f"run {each.run_id}, {each.plan.date}, {each.plan.state}",), each.figures)
        for each in report.runs
    ]
    _print(report, ("of",), [*rows, (_TOTAL, report.total)], as_csv)


@app.command()
def journey(
    journey_id: Annotated[int, typer.Argument(metavar="JOURNEY", help="The id of a journey.")],
    *,
    as_csv: Csv = False,
) -> None:
    """Report what a journey has sent and earned: in total, by step, by list and by hour."""
    found = run(lambda it: it.reports.of_journey(it.default_account, journey_id))
    _print_source(found, as_csv)


def _print_source(found: "OriginReport", as_csv: bool) -> None:
    from sendrail.api.v2.report_shapes import shown_source

    report = shown_source(found)
    if report.plan is not None and not (as_csv or output.is_json()):
        left_out = ", ".join(f"{n} {reason}" for reason, n in report.plan.left_out.items())
        output.note(
            f"{report.plan.date}: {report.plan.state}, {report.plan.planned} planned, "
            f"{report.plan.held_out} held out, left out: {left_out or 'none'}"
        )
    rows: _Rows = [
        ((f"part {each.part}, version {each.version}",), each.figures) for each in report.parts
    ]
    rows += [((f"list {each.list_number}",), each.figures) for each in report.lists]
    rows += [((each.hour,), each.sent) for each in report.hours]
    _print(report, ("of",), [*rows, (_TOTAL, report.total)], as_csv)


def _print(report: Any, columns: tuple[str, ...], rows: _Rows, as_csv: bool) -> None:
    import msgspec

    if output.is_json():
        output.document(msgspec.to_builtins(report))
    elif as_csv:
        from sendrail.api.v2.report_shapes import csv_rows
        from sendrail.contacts.csv_files import written

        sys.stdout.write(written(csv_rows(columns, rows)).decode())
    else:
        shown = [dict(zip(columns, key, strict=True)) | _row(figures) for key, figures in rows]
        output.table((*columns, *_SHOWN), shown, "Nothing was sent.")
        # What was stopped, or came too late, is in no column.
        last, figures = rows[-1]
        if last == _TOTAL and figures.dropped:
            ends = ", ".join(f"{n} {reason}" for reason, n in sorted(figures.dropped.items()))
            output.note(f"Dropped from the queue: {ends}")


def _print_cohorts(report: "CohortReport") -> None:
    from sendrail.api.v2.cohort_shapes import shown_cohorts

    fields = shown_cohorts(report)
    spans = [each.days for each in fields.total.periods]
    names = [f"{days} days" if days else "in all" for days in spans]
    called = [*(each.name for each in report.named()), "total"]
    shown = [
        {"cohort": name, "contacts": each.contacts, "active": each.active}
        | {
            # What is not whole yet still grows.
            name: _earned(period.revenue, "per_contact")
            + ("" if period.is_complete or period.days is None else " +")
            for name, period in zip(names, each.periods, strict=True)
        }
        for name, each in zip(called, [*fields.cohorts, fields.total], strict=True)
        if each.contacts
    ]
    output.note("Revenue per contact within days of the sign-up; + is where it still grows.")
    output.table(("cohort", "contacts", "active", *names), shown, "No contacts signed up.")


def _earned(revenue: "Iterable[CohortRevenue]", name: str) -> str:
    return ", ".join(f"{getattr(each, name) or 0:g} {each.currency}" for each in revenue) or "0"


def _row(figures: "ReportFigureFields") -> dict[str, Any]:
    revenue = ", ".join(f"{each.revenue:g} {each.currency}" for each in figures.revenue)
    row = {name: getattr(figures, name) for name in _SHOWN if name != "revenue"}
    for name in ("delivery_rate", "click_rate"):
        row[name] = None if row[name] is None else f"{row[name]:.1%}"
    return row | {"revenue": revenue or None}


def _name_of(row: "PerformanceReportRow") -> str:
    if row.source is not None:
        return _source(row.source, row.source_id)
    if (named := row.creative_id or row.offer_id) is not None:
        return f"{row.name or 'gone'} ({named})"
    return row.date or row.hour or row.list_number or "none"


def _source(kind: str | None, of_id: int | None) -> str:
    return f"{kind}" if of_id is None else f"{kind} {of_id}"


def _period(name: str, first: str, last: str, zone: str) -> "PeriodInput":
    from sendrail.campaigns.reports import PeriodInput
    from sendrail.domain.report import ReportPeriodName

    return PeriodInput(
        name=_one_of(ReportPeriodName, name, "period"),
        first=_date(first, "from"),
        last=_date(last, "to"),
        zone=zone or None,
    )


def _date(text: str, param: str) -> "date | None":
    from sendrail.domain.errors import InvalidInput
    from sendrail.domain.report import read_date

    found = read_date(text) if text else None
    if text and found is None:
        raise InvalidInput(
            f"--{param} is a date, such as 2026-01-31", code="invalid_parameter", param=param
        )
    return found


def _sender(text: str) -> "PhoneNumber | None":
    from sendrail.domain import sender_ids
    from sendrail.domain.errors import InvalidInput

    found = sender_ids.parse(text) if text else None
    if text and found is None:
        raise InvalidInput(f"--list is {sender_ids.FORM}", code="invalid_parameter", param="list")
    return found


def _one_of(words: Iterable[Any], text: str, param: str) -> Any:
    from sendrail.domain.errors import InvalidInput

    for word in words:
        if word == text:
            return word
    known = ", ".join(words)
    raise InvalidInput(f"{param} is one of {known}", code="invalid_parameter", param=param)
