"""Contacts who have told their zone: in a run by local time each goes at its own hour, and once."""

import pytest
from calendars import MIDNIGHT, Calendar
from planned import HOUR, crowd
from stores import NOW

from sendrail.contacts.area_codes import areas
from sendrail.contacts.number_places import place_of
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.domain.schedule import Blast

NEW_YORK, CHICAGO = crowd(20), crowd(20, 13125550000)
OSLO = crowd(4, 4721000000)
# Of every other one, whatever the area code.
ZONES = ("America/Los_Angeles", "Europe/Oslo", "America/Chicago", "Asia/Tokyo")
TOLD = {
    each: ZONES[at % len(ZONES)] for at, each in enumerate([*NEW_YORK, *CHICAGO, *OSLO]) if at % 2
}


def tell(desk, zones):
    def write(tx):
        tx.signups.upsert_contacts(desk.house.us, dict.fromkeys(zones), NOW)
        tx.numbers.tell_zones(desk.house.us, zones)

    desk.house.write(write)


def own_zone(number):
    area = areas().get(str(number)[1:4]) if str(number).startswith("1") else None
    return TOLD.get(number) or (area.zones[0] if area else "UTC")


def run_of_a_day(desk, calendar, page_max):
    """Make and plan hour by hour; return the hour at which each got its message."""
    got = {}
    for hour in range(26):
        calendar.make(MIDNIGHT + hour * HOUR)
        desk.plan(page_max=page_max)
        for number in desk.recipients():
            got.setdefault(number, desk.now)
    return got


@pytest.mark.parametrize("page_max", [3, 1_000])
def test_each_goes_at_ten_by_the_clock_that_was_told_of_it(desk, page_max):
    other = desk.house.add_list(desk.house.us, 15550003000)
    desk.fast(other)
    everybody = sorted([*NEW_YORK, *CHICAGO, *OSLO])
    desk.join(everybody[::2] + everybody[1::4], at=MIDNIGHT - HOUR)
    desk.join(everybody[1::2], other, at=MIDNIGHT - HOUR)
    tell(desk, TOLD)
    text = Blast(message="It is ten in {{timezone|your town}}", percent_audience=100)
    calendar = Calendar(desk, use_local_time=True, blasts=(text,))
    desk.sql_write("UPDATE schedules SET next_at = 0")
    got = run_of_a_day(desk, calendar, page_max)
    assert sorted(got) == everybody
    wrong = {
        number: own_zone(number)
        for number, at in got.items()
        if shown_at(at, zone_of(own_zone(number))).hour != 10
    }
    assert wrong == {}
    bodies = {number: body for number, _, body in desk.messages()}
    assert f"It is ten in {TOLD[NEW_YORK[1]]} " in bodies[NEW_YORK[1]]


def test_each_day_has_its_run_where_ten_comes_to_one_end_of_the_earth_before_the_other(desk):
    # Ten in Auckland is ten in Pago Pago, on the date before, whose wave has not been planned yet.
    auckland, pago_pago = 64215550111, 16845550112
    desk.join([auckland, pago_pago, *NEW_YORK], at=MIDNIGHT - HOUR)
    tell(desk, {auckland: "Pacific/Auckland"})
    calendar = Calendar(desk, use_local_time=True)
    desk.sql_write("UPDATE schedules SET next_at = 0")
    days = {}
    # When it is ten in New York, and when it is ten at both ends.
    for hour in (15, 21, 39, 45, 63, 69):
        calendar.make(MIDNIGHT + hour * HOUR)
        desk.plan()
        for number, day in desk.sql(
            "SELECT m.recipient, r.local_date FROM messages m"
            " JOIN origins o ON o.id = m.origin_id JOIN runs r ON r.id = o.of_id"
        ):
            days.setdefault((number, day), desk.now)
    zones = {auckland: "Pacific/Auckland", pago_pago: "Pacific/Pago_Pago"}
    for number in (auckland, NEW_YORK[0], pago_pago):
        zone = zone_of(zones.get(number, "America/New_York"))
        got = [
            (day, shown_at(at, zone)) for (who, day), at in sorted(days.items()) if who == number
        ]
        assert len(got) == 3, number
        assert all(day == shown.date().isoformat() and shown.hour == 10 for day, shown in got)


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_who_is_told_another_zone_between_two_waves_gets_one_message(desk):
    desk.join([*NEW_YORK, *CHICAGO])
    tell(desk, {NEW_YORK[0]: "America/Chicago"})
    calendar = Calendar(desk, use_local_time=True)
    # Ten in New York: all of them but the one that goes by Chicago's clock.
    calendar.make(MIDNIGHT + 15 * HOUR)
    desk.plan()
    assert desk.recipients() == NEW_YORK[1:]
    tell(desk, {NEW_YORK[1]: "America/Chicago", CHICAGO[0]: "America/New_York"})
    for hour in range(16, 24):
        calendar.make(MIDNIGHT + hour * HOUR)
        desk.plan()
    assert desk.recipients() == sorted([*NEW_YORK, *CHICAGO])


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_quiet_hours_are_those_of_the_zone_that_was_told(desk):
    number = NEW_YORK[0]
    table = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    tell(desk, {number: "Asia/Tokyo"})
    zone = desk.house.read(lambda tx: tx.gate.zones(desk.house.us, [number]))[number]
    # Nine in Tokyo, seven in the evening before in New York; then ten there, and nine in Tokyo.
    assert table.opening(number, None, zone, MIDNIGHT) == 0
    assert table.opening(number, None, zone, MIDNIGHT + 14 * HOUR) > 0
    assert table.opening(number, None, None, MIDNIGHT + 15 * HOUR) == 0
