"""Who is due in which wave, asked for each number alone."""

from dataclasses import replace
from datetime import date, time
from itertools import pairwise

import pytest
from schedules import CHICAGO, LOCAL, NEW_YORK, at

from sendrail.contacts.area_codes import EVERYWHERE, areas, zones_of
from sendrail.domain.local_time import instant_of, zone_of
from sendrail.domain.schedule import LateZones
from sendrail.domain.waves import EVERYONE, ZonesByNumber, waves_of

DAY = date(2026, 3, 4)
NUMBERS = ZonesByNumber(
    {code: area.zones for code, area in areas().items()}, EVERYWHERE, "Europe/Berlin"
)
PLACES = [12025550100, 13125550100, 16025550100, 18005550100, 19075550100, 18085550100, 19065550100]
TOKYO = "Asia/Tokyo"


def waves(schedule=LOCAL, told=(), now=0, day=DAY):
    return waves_of(schedule, day, NUMBERS._replace(told=frozenset(told)), now)


def hour_of(recipient: int, told: str | None, schedule=LOCAL) -> int:
    """Return when a recipient is due, by the plain rule."""
    zones = [told] if told else zones_of(recipient) or [NUMBERS.account]
    return max(instant_of(DAY, schedule.send_time, zone_of(zone)) for zone in zones)


def test_everybody_is_due_in_one_wave_and_at_their_own_hour():
    told = [NEW_YORK, TOKYO]
    *parts, rest = waves(told=told)
    assert rest.is_rest
    people = [*PLACES, 4915112345678, 81312345678, 19995550100, 11]
    for recipient in [*people, *(code * 10**7 for code in range(1000, 2000, 7))]:
        for zone in (None, *told):
            own = [wave for wave in parts if wave.takes(recipient, zone)]
            assert [wave.due_at for wave in own] == [hour_of(recipient, zone)]
            # Of the rest is whoever has not come to an end by then.
            assert rest.takes(recipient, zone) is (own[0].ends_at > rest.due_at)
    assert [wave.due_at for wave in parts] == sorted({wave.due_at for wave in parts})
    # Whose zone is told only now comes with the rest.
    assert not any(wave.takes(PLACES[0], "Asia/Kolkata") for wave in parts)
    assert rest.takes(PLACES[0], "Asia/Kolkata")


def test_the_waves_of_the_united_states_are_five_and_few_ranges():
    american = NUMBERS._replace(account=NEW_YORK)
    *parts, _ = waves_of(LOCAL, DAY, american, 0)
    hours = [(wave.due_at - at("2026-03-04T00:00+00:00")) // 3_600_000 for wave in parts]
    assert {15, 16, 17, 18, 20} <= set(hours)
    assert sum(len(wave.ranges) for wave in parts) < 600


def test_the_ranges_of_all_waves_are_every_number_once():
    *parts, rest = waves()
    ranges = sorted(each for wave in parts for each in wave.ranges)
    assert ranges[0].first == EVERYONE.first
    assert ranges[-1].last == EVERYONE.last
    assert all(a.last + 1 == b.first for a, b in pairwise(ranges))
    ended = {each for wave in parts if wave.ends_at <= rest.due_at for each in wave.ranges}
    assert ended
    for each in ranges:
        assert rest.takes(each.first, None) is (each not in ended)


@pytest.mark.parametrize("schedule", [replace(LOCAL, use_local_time=False), LOCAL])
def test_one_hour_for_all_is_one_wave(schedule):
    numbers = ZonesByNumber({}, [NEW_YORK], NEW_YORK)
    [wave] = waves_of(schedule, DAY, numbers._replace(told=frozenset([NEW_YORK])), 0)
    assert wave.ranges == (EVERYONE,)
    assert wave.takes(PLACES[3], TOKYO)
    assert wave.due_at == at("2026-03-04T10:00-05:00")


def test_a_zone_that_is_passed_over_is_not_of_the_rest_either():
    late = replace(LOCAL, on_since=at("2026-03-04T10:30-05:00"))
    found = waves(late, told=[NEW_YORK, CHICAGO])
    washington, chicago = PLACES[0], PLACES[1]
    assert not any(wave.takes(washington, None) for wave in found)
    assert not any(wave.takes(chicago, NEW_YORK) for wave in found)
    assert [wave.is_rest for wave in found if wave.takes(washington, CHICAGO)] == [False, True]
    assert [wave.is_rest for wave in found if wave.takes(chicago, None)] == [False, True]
    at_once = waves(replace(late, late_zones=LateZones.AT_ONCE))
    [first, *_] = [wave for wave in at_once if wave.takes(washington, None)]
    assert first.due_at == late.on_since


def test_f2_waves_that_are_too_late_now_are_passed_over():
    found = waves(now=at("2026-03-04T11:00-05:00"))
    assert not any(wave.takes(PLACES[0], None) for wave in found)
    assert any(wave.takes(PLACES[1], None) for wave in found)
    assert waves(now=at("2026-03-05T10:00-05:00")) == ()


def test_the_rest_ends_with_the_first_of_its_zones():
    *parts, rest = waves()
    assert rest.due_at == parts[-1].due_at
    assert rest.ends_at == min(each.ends_at for each in parts if each.ends_at > rest.due_at)


def test_a_wave_ends_at_its_own_hour():
    until = replace(LOCAL, send_until=time(12))
    *parts, _ = waves(until)
    assert {wave.ends_at - wave.due_at for wave in parts} == {2 * 3_600_000}
