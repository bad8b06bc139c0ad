"""A year of daily campaigns by the recipients' clocks, against a plain model of who gets what when.

What makes runs is the schedule's own: dates that are due, what becomes of them, and their waves. A
server is up and down as the dice have it. The model knows none of that: it has a wall clock for
each zone, and the moments at which the server looked.
"""

import bisect
import random
from dataclasses import replace
from datetime import date, time
from itertools import pairwise

import pytest
from schedules import DAILY, walked

from sendrail.contacts.area_codes import EVERYWHERE, areas
from sendrail.domain.occurrences import (
    OccurrenceFate,
    due,
    fates,
    next_at,
    plain_hours,
)
from sendrail.domain.waves import ZonesByNumber, waves_of

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
ACCOUNT = "Europe/Berlin"
NUMBERS = ZonesByNumber({code: area.zones for code, area in areas().items()}, EVERYWHERE, ACCOUNT)
ZONES = NUMBERS.all()


def people():
    """Return a number of each set of zones, with the zones it may be in."""
    by_zones = {tuple(area.zones): int(f"1{code}5550100") for code, area in areas().items()}
    by_zones |= {tuple(EVERYWHERE): 18005550100, (ACCOUNT,): 4915112345678}
    return {number: zones for zones, number in by_zones.items()}


def midnight_before(day):
    """Return the midnight of UTC two days before a date, from which none of its hours is past."""
    return (day - date(1970, 1, 3)).days * DAY


def looks(dice, schedule, every, outages):
    """Return the moments at which the server looks: evenly, but for some outages."""
    first, last = schedule.dates()
    # Until every zone's last hour is past.
    moments = list(range(midnight_before(first), midnight_before(last) + 6 * DAY, every))
    for _ in range(outages):
        begin, length = dice.choice(moments[: -4 * DAY // every]), dice.randrange(HOUR, 30 * HOUR)
        moments = [each for each in moments if not begin <= each < begin + length]
    return moments


def simulated(schedule, moments):
    """Return when each person was sent the message of each date."""
    sent, last, open_waves = {}, None, []
    who, coming = list(people()), next_at(schedule, ZONES)
    for now in moments:
        overdue = due(schedule, ZONES, now, last) if coming and coming <= now else []
        for occurrence, fate in fates(schedule, overdue, now, running=0, waiting=0):
            last = occurrence.local_date
            if fate is OccurrenceFate.START:
                open_waves += [(last, wave) for wave in waves_of(schedule, last, NUMBERS, now)]
            coming = next_at(schedule, ZONES, last)
        for day, wave in [each for each in open_waves if each[1].due_at <= now]:
            open_waves.remove((day, wave))
            if now < wave.ends_at:
                for number in who:
                    if wave.takes(number, None) and (number, day) not in sent:
                        sent[number, day] = now
    return sent


def expected(schedule, moments):
    """Return the same by a wall clock for each zone."""
    clocks = {zone: walked(schedule.send_time, zone, *schedule.dates()) for zone in ZONES}
    ends_of = {zone: walked(schedule.send_until, zone, *schedule.dates()) for zone in ZONES}
    begins = {day: min(clock[day] for clock in clocks.values()) for day in clocks[ACCOUNT]}
    first_look = {}
    for day, begin in begins.items():
        at = bisect.bisect_left(moments, begin)
        if at < len(moments):
            first_look[day] = moments[at]
    sent = {}
    for number, zones in people().items():
        for day, look in first_look.items():
            following = date.fromordinal(day.toordinal() + 1)
            if begins.get(following, look + 1) <= look:
                # The next date was due as well when the server looked: only that is made up for.
                continue
            hour = max(clocks[zone][day] for zone in zones)
            now = moments[bisect.bisect_left(moments, max(hour, look))]
            # Too late for a run to begin with; one that has begun goes on until its end.
            is_late = look - hour >= schedule.late_minutes * MINUTE
            ends = [ends_of[zone][day] for zone in zones if clocks[zone][day] == hour]
            if not is_late and now < max(ends):
                sent[number, day] = now
    return sent


@pytest.mark.parametrize(
    ("seed", "first", "last"),
    [(1, date(2026, 3, 1), date(2026, 3, 16)), (2, date(2026, 10, 24), date(2026, 11, 8))],
    ids=["forward", "back"],
)
def test_the_days_around_a_change_of_clocks_are_those_of_the_wall_clocks(seed, first, last):
    check(seed, time(2, 30), first, last, outages=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 15))
def test_a_year_of_local_runs_is_that_of_the_wall_clocks(seed):
    check(seed, time(random.Random(seed).randrange(15), 15 * (seed % 4)), FIRST, LAST, outages=40)


def check(seed, hour, first, last, outages):
    dice = random.Random(seed)
    schedule = replace(
        DAILY,
        use_local_time=True,
        send_time=hour,
        send_until=time(hour.hour + 9, hour.minute),
        start_date=first,
        end_date=last,
        on_since=midnight_before(first),
    )
    moments = looks(dice, schedule, 20 * MINUTE, outages)
    found, wanted = simulated(schedule, moments), expected(schedule, moments)
    assert found == wanted
    days = (last - first).days + 1
    assert len(found) > 0.7 * days * len(people())
    # Some were missed, so that the model has said no as well.
    assert len(found) < days * len(people())


def test_every_date_has_one_moment_in_each_zone_and_they_are_in_order():
    for zone in ZONES:
        hours = [plain_hours(DAILY, date.fromordinal(FIRST.toordinal() + n), zone).due_at
                 for n in range(365)]  # fmt: skip
        assert all(23 * HOUR <= b - a <= 25 * HOUR for a, b in pairwise(hours))
