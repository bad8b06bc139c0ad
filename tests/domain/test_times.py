"""Times as texts: what ISO 8601 says, to the millisecond, and what UTC has no year for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sendrail.domain.times import read_instant, shown, shown_finely

OSLO = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1),
        ("2026-01-31T22:00:00+14:00", 1_769_846_400_000), ("2026-01-31", 1_769_817_600_000),
        ("2026-01-31T08:00", 1_769_846_400_000), ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ("2026-06-30T23:59:60Z", None), ("0000-01-01T00:00:00Z", None), ("10000-01-01", None),
        ("0001-01-01T00:00:00+14:00", None), ("9999-12-31T23:59:59-14:00", None),
        ("2026-02-29", None), ("", None), ("soon", None), ("1" * 5_000, None),
        ("1712011012000", None), ("2026-01-31x08:00", None),
        ("2026-01-31 08:00Z", 1_769_846_400_000),
        ("20260131T080000Z", 1_769_846_400_000), ("2026-W05-6T08:00Z", 1_769_846_400_000),
        ("\u0662026-01-31", None), ("2026-01-31T", None),
        ("2026-01-31T08:00:00.123456789Z", 1_769_846_400_123),
    ],
)  # fmt: skip
def test_a_time_is_read_as_iso_8601_says_it(text, instant):
    assert read_instant(text) == instant


def test_no_millisecond_is_lost_on_the_way():
    begin = datetime(2038, 9, 10, 18, 58, 27, tzinfo=UTC)
    for ms in range(1_000):
        text = (begin + timedelta(milliseconds=ms)).isoformat()
        found = read_instant(text)
        assert shown_finely(found) == f"2038-09-10T18:58:27.{ms:03d}Z"


def test_a_time_without_a_zone_is_one_of_the_zone_that_is_given():
    assert shown(read_instant("2026-01-31T08:00", OSLO)) == "2026-01-31T07:00:00Z"
    assert shown(read_instant("2026-01-31T08:00Z", OSLO)) == "2026-01-31T08:00:00Z"
    assert read_instant("2026-01-31T08:00", zone=None) is None
