"""Periods on an account's clock, and the figures between which rates stand."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from sendrail.domain.errors import InvalidInput
from sendrail.domain.report import (
    ReportPeriod,
    ReportPeriodName,
    ReportRow,
    period_of,
    read_date,
    total_of,
)

HOUR = 3_600_000
NEW_YORK, KOLKATA, UTC = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")
# 2027-01-15T03:00:00Z is the evening of the day before in New York.
NOW = 1_799_982_000_000


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (ReportPeriodName.TODAY, date(2027, 1, 14)),
        (ReportPeriodName.WEEK, date(2027, 1, 8)),
        (ReportPeriodName.MONTH, date(2026, 12, 16)),
        (ReportPeriodName.CUSTOM, date(2026, 12, 16)),
    ],
)
def test_a_named_period_ends_today_on_the_accounts_clock(name, first):
    found = period_of(name, None, None, NOW, NEW_YORK)
    assert (found.first, found.last) == (first, date(2027, 1, 14))


def test_a_day_has_the_hours_that_begin_on_it():
    spring = ReportPeriod(date(2026, 3, 8), date(2026, 3, 8), NEW_YORK).hours
    autumn = ReportPeriod(date(2026, 11, 1), date(2026, 11, 1), NEW_YORK).hours
    assert (spring[1] - spring[0], autumn[1] - autumn[0]) == (23, 25)
    days = [ReportPeriod(date(2027, 1, day), date(2027, 1, day), KOLKATA) for day in (1, 2)]
    # A day begins half past an hour there: each hour is of one day, and of one only.
    assert days[0].hours[1] == days[1].hours[0]
    for day in days:
        first, end = day.hours
        assert {day.date_of(hour) for hour in range(first, end)} == {day.first}


@pytest.mark.parametrize(
    ("name", "first", "last", "param"),
    [
        (ReportPeriodName.TODAY, date(2027, 1, 1), None, "period"),
        (ReportPeriodName.CUSTOM, date(2027, 1, 2), date(2027, 1, 1), "from"),
        (ReportPeriodName.CUSTOM, date(2025, 12, 10), date(2027, 1, 14), "from"),
    ],
)
def test_a_period_that_is_none_is_refused(name, first, last, param):
    with pytest.raises(InvalidInput) as refused:
        period_of(name, first, last, NOW, NEW_YORK)
    assert (refused.value.code, refused.value.param) == ("invalid_parameter", param)


def test_the_longest_period_has_four_hundred_days():
    found = period_of(ReportPeriodName.CUSTOM, date(2025, 12, 12), date(2027, 1, 15), NOW, UTC)
    assert (found.last - found.first).days == 399


@pytest.mark.parametrize(
    ("text", "found"),
    [("2026-01-31", date(2026, 1, 31)), ("2026-02-30", None), ("2026-1-31", None), ("", None)],
)
def test_a_date_is_read(text, found):
    assert read_date(text) == found


def test_what_is_counted_stands_where_it_belongs():
    row = ReportRow()
    for what, n, segments, amount in (
        ("sent", 4, 7, 0),
        ("delivered", 3, 0, 0),
        ("@delivered", 2, 0, 0),
        ("dropped:stale", 1, 0, 0),
        ("conversions:USD", 2, 0, 30_000),
        ("@conversions:USD", 1, 0, 10_000),
    ):
        row.add(what, n, segments, amount)
    both = total_of([row, row])
    assert (both.sent.counts["sent"], both.sent.segments) == (8, 14)
    assert (both.sent.counts["delivered"], both.happened.counts["delivered"]) == (6, 4)
    assert both.sent.dropped == both.happened.dropped == {"stale": 2}
    assert (both.sent.conversions, both.sent.revenue["USD"].amount) == (4, 60_000)
    assert (both.happened.conversions, both.happened.revenue["USD"].amount) == (2, 20_000)
    # What is happening all at once is in both.
    assert both.happened.counts["sent"] == 8
