"""Cohorts as the API shows them."""

from typing import Annotated

import msgspec

from sendrail.api.v2.field_types import Count, Positive, Sender, about, one_of, schema
from sendrail.campaigns.cohorts import CohortReport, NamedCohort
from sendrail.domain import money
from sendrail.domain.cohort import PERIODS, VALUES_SHOWN, CohortFigures, CohortGroup
from sendrail.domain.report import ratio

_Date = Annotated[str, schema(format="date")]


class CohortRevenue(msgspec.Struct):
    """What was earned in one currency; refunds are taken off."""

    currency: str
    conversions: int
    revenue: float
    per_contact: Annotated[
        float | None, about("Of all contacts of the cohort; null where there are none.")
    ]


class CohortPeriod(msgspec.Struct):
    """What contacts brought within some days of their sign-up, in all."""

    days: Annotated[Positive | None, about("Null is until today.")]
    is_complete: Annotated[
        bool, about("Whether all contacts of the cohort have been on the list for so long.")
    ]
    sends: Annotated[
        int | None,
        about(
            "Messages that were accepted for them. By carrier or custom field they are only known "
            "until today; null for other periods."
        ),
    ]
    clicks: Annotated[int, about("Messages of which they have followed a link.")]
    conversions: int
    opt_outs: Annotated[int, about("How often they left the list by a reply.")]
    revenue: list[CohortRevenue]


class CohortFields(msgspec.Struct):
    """Contacts who signed up in one week or month, or who have a list or a value in common."""

    cohort: Annotated[
        Annotated[str | None, schema(format="date", type=["string", "null"])],
        about("Its first date, with `group_by=week` or `month`; null for others, and for the sum."),
    ]
    list_number: Annotated[
        Sender | None, about("Its list, with `group_by=list`; null for others, and for the sum.")
    ]
    value: Annotated[
        str | None,
        about(
            "Its carrier, or its value of the custom field, as text; null for contacts without "
            "one, for all further values, for other groups and for the sum."
        ),
    ]
    is_rest: Annotated[
        bool,
        about(
            f"Whether it is of all further values: the {VALUES_SHOWN} with the most contacts have "
            "a cohort each."
        ),
    ]
    contacts: Annotated[Count, about("As they are on lists now, active or not.")]
    active: Annotated[Count, about("Those of them who may be texted.")]
    periods: list[CohortPeriod]


class CohortReportFields(msgspec.Struct, rename={"first": "from", "last": "to"}):
    """Contacts of lists by their sign-up; dates are those of UTC."""

    first: _Date
    last: Annotated[_Date, about("The last date of the last cohort.")]
    group_by: Annotated[str, one_of(CohortGroup)]
    custom_field: Annotated[str | None, about("With `group_by=custom_field`.")]
    cohorts: list[CohortFields]
    total: CohortFields


def shown_cohorts(report: CohortReport) -> CohortReportFields:
    """Return a report of cohorts as the API shows it, in its order."""
    return CohortReportFields(
        first=str(report.range.first),
        last=str(report.range.last_date),
        group_by=report.range.group.value,
        custom_field=report.custom_field,
        cohorts=[_shown(report, each) for each in report.named()],
        total=_shown(report, NamedCohort(report.total)),
    )


def _shown(report: CohortReport, named: NamedCohort) -> CohortFields:
    cohort, first, of, value = named
    return CohortFields(
        cohort=None if first is None else str(first),
        list_number=None if of is None else of.shown,
        value=None if value is None else value.text,
        is_rest=value is not None and value.is_rest,
        contacts=cohort.contacts,
        active=cohort.active,
        periods=[
            _period(figures, days, cohort.contacts, is_complete=report.is_whole(first, days))
            for days, figures in zip(PERIODS, cohort.periods, strict=True)
        ],
    )


def _period(
    figures: CohortFigures, days: int | None, contacts: int, *, is_complete: bool
) -> CohortPeriod:
    return CohortPeriod(
        days=days,
        is_complete=is_complete,
        sends=figures.sends,
        clicks=figures.clicks,
        conversions=figures.conversions,
        opt_outs=figures.opt_outs,
        revenue=[
            CohortRevenue(
                currency=currency,
                conversions=earned.conversions,
                revenue=money.shown(earned.amount),
                per_contact=ratio(money.shown(earned.amount), contacts),
            )
            for currency, earned in sorted(figures.revenue.items())
        ],
    )
