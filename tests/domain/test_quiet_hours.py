"""Quiet hours: the strictest of what counts, and openings against a walk from minute to minute."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sendrail.domain.errors import InvalidInput
from sendrail.domain.local_time import zone_of
from sendrail.domain.numbering import NumberPlace
from sendrail.domain.quiet_hours import (
    NEVER,
    NOW,
    OpenHours,
    OpeningTable,
    is_open,
    next_open,
    parse,
    parse_rules,
    show,
    strictest,
)

MINUTE = 60_000
DAYTIME = OpenHours(8 * 60, 21 * 60)
TOLL_FREE = ("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
             "America/Los_Angeles")  # fmt: skip
# By their calling codes: 1 is anywhere, 47 has one zone, 88 none.
PLACES = {
    1212: NumberPlace(("US",), ("NY",), ("America/New_York",)),
    1305: NumberPlace(("US",), ("FL",), ("America/New_York",)),
    1850: NumberPlace(("US",), ("FL",), ("America/Chicago", "America/New_York")),
    1800: NumberPlace(("US",), None, TOLL_FREE),
    47: NumberPlace(("NO",), None, ("Europe/Oslo",)),
    881: NumberPlace((), None, ()),
}


def utc(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1_000)


def table(rules="US 21:00-08:00, US-FL 20:00-09:00"):
    return OpeningTable(parse_rules(rules), PLACES.__getitem__)


def walked(hours, names, instant):
    """Return the first minute at which every clock shows an open hour, looking at each one."""
    zones = [ZoneInfo(name) for name in names]
    for at in range(instant, instant + 3 * 1_440 * MINUTE, MINUTE):
        shown = [datetime.fromtimestamp(at / 1_000, zone) for zone in zones]
        if all(hours.opens <= each.hour * 60 + each.minute < hours.closes for each in shown):
            return at
    return None


# Nights on which clocks are changed, in America, Australia by half an hour, and Chile at midnight.
nights = st.sampled_from([
    utc(2026, 3, 7, 20), utc(2026, 10, 31, 20), utc(2026, 4, 4, 8), utc(2026, 10, 3, 8),
    utc(2026, 9, 5, 20), utc(2026, 4, 4, 20), utc(2026, 7, 1),
])  # fmt: skip
some_zones = st.lists(
    st.sampled_from([*TOLL_FREE, "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata"]),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip
some_hours = st.tuples(st.integers(0, 1_439), st.integers(1, 1_440)).map(
    lambda two: OpenHours(*two)
)


@settings(max_examples=40, deadline=None)
@given(nights, st.integers(0, 1_440), some_zones, st.one_of(st.just(DAYTIME), some_hours))
@example(utc(2026, 10, 31, 20), 10 * 60 + 10, ["America/New_York"], OpenHours(90, 1_260))
def test_the_next_opening_is_the_first_minute_that_is_open_by_every_clock(
    night, into, names, hours
):
    instant = night + into * MINUTE
    zones = [zone_of(name) for name in names]
    found = walked(hours, names, instant)
    assert is_open(hours, zones, instant) == (found == instant)
    # A clock that is put forward may take away the only hour of one day, not of four.
    if found is not None or not is_shared(hours, names, instant):
        assert next_open(hours, zones, instant) == found


def is_shared(hours, names, instant):
    return walked(hours, names, instant + 2 * 1_440 * MINUTE) is not None


def test_zones_may_have_no_open_hour_in_common():
    zones = [zone_of("America/New_York"), zone_of("America/Los_Angeles")]
    assert next_open(OpenHours(9 * 60, 12 * 60), zones, utc(2026, 6, 1)) is None


def test_hours_are_written_as_the_time_in_which_nothing_leaves():
    assert parse("21:00-08:00") == DAYTIME
    assert parse("00:00-09:30") == OpenHours(570, 1_440)
    assert [show(parse(text)) for text in ("21:00-08:00", "00:00-09:30", "22:15-00:00")] == [
        "21:00-08:00", "00:00-09:30", "22:15-00:00",
    ]  # fmt: skip


# The second is what sending hours would be: it would send by night.
@pytest.mark.parametrize(
    "text", ["", "08:00-21:00", "21-8", "24:00-08:00", "08:00-08:00", "00:00-00:00"]
)
def test_what_are_no_quiet_hours_is_refused(text):
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert refused.value.code == "invalid_quiet_hours"


@pytest.mark.parametrize(
    "text", ["US", "us 21:00-08:00", "US 21:00-08:00, US 20:00-08:00", "US 08:00-21:00", "U 1"]
)
def test_what_are_no_rules_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_rules(text)


def test_the_strictest_of_all_hours_counts():
    assert strictest([]) is None
    assert strictest([DAYTIME, OpenHours(540, 1_300)]) == OpenHours(540, 1_260)


def test_a_region_is_stricter_than_its_country_and_a_list_than_both():
    rules = parse_rules("US 21:00-08:00, US-FL 20:00-09:00, NO 22:00-07:00")
    hours = {name: rules.hours_at(place) for name, place in PLACES.items()}
    assert hours == {
        1212: DAYTIME,
        1305: OpenHours(540, 1_200),
        1850: OpenHours(540, 1_200),
        # It may be anywhere, so it may be in Florida.
        1800: OpenHours(540, 1_200),
        47: OpenHours(420, 1_320),
        881: None,
    }
    assert rules.hours_at(PLACES[47], OpenHours(480, 1_400)) == OpenHours(480, 1_320)
    assert rules.hours_at(PLACES[881], DAYTIME) == DAYTIME


def test_openings_of_a_winter_evening():
    # 20:59 and 21:00 in New York.
    minute_to, evening = utc(2026, 1, 15, 1, 59), utc(2026, 1, 15, 2)
    openings = table("US 21:00-08:00")
    assert openings.opening(12125550100, None, None, minute_to + 59_999) == NOW
    assert openings.opening(12125550100, None, None, evening) == utc(2026, 1, 15, 13)
    # Where it may be Chicago as well, it is 08:00 an hour later; and anywhere, three.
    assert openings.opening(18505550100, None, None, evening) == utc(2026, 1, 15, 14)
    assert openings.opening(18005550100, None, None, evening) == utc(2026, 1, 15, 16)
    # A contact's own zone is the only one.
    assert openings.opening(12125550100, None, "America/Denver", evening) == NOW
    assert openings.opening(12125550100, None, "Middle-earth", evening) == utc(2026, 1, 15, 13)
    # Nothing is said of Norway, but the list has hours of its own.
    assert openings.opening(4790000000, None, None, evening) == NOW
    assert openings.opening(4790000000, DAYTIME, None, evening) == utc(2026, 1, 15, 7)
    # Of no place: the clock of New York.
    assert openings.opening(881612345678, DAYTIME, None, evening) == utc(2026, 1, 15, 13)


def test_what_is_asked_in_one_minute_says_nothing_of_another():
    minute_to, evening = utc(2026, 1, 15, 1, 59), utc(2026, 1, 15, 2)
    asked = []

    def place_of(prefix):
        # While one thread finds out for 20:59, another one asks at 21:00.
        if not asked:
            asked.append(minute_to)
            assert openings.opening(12125550100, None, None, evening) > evening
        return PLACES[prefix]

    openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    assert openings.opening(12125550100, None, None, minute_to) == NOW
    assert openings.opening(12125550100, None, None, evening) > evening


def test_a_number_without_an_open_hour_never_leaves():
    openings = table("US 12:00-09:00")
    assert openings.opening(18005550100, None, None, utc(2026, 1, 15)) == NEVER


def test_a_day_has_as_many_open_hours_as_the_zones_share():
    openings = table("US 21:00-08:00")
    day = [utc(2026, 6, 1) + minute * MINUTE for minute in range(1_440)]
    assert [
        sum(openings.opening(number, None, None, at) == NOW for at in day) / 60
        for number in (12125550100, 18505550100, 18005550100)
    ] == [13, 12, 10]
