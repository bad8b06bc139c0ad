"""The calendar: each date of a schedule is there once, as its run or as one that is to come."""

from dataclasses import fields, replace
from datetime import timedelta

from planned import EVERYBODY, HOUR, crowd
from schedules import DAILY
from stores import NOW

from sendrail.campaigns.calendar import ScheduleCalendar
from sendrail.campaigns.run_making import RunMaker
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.schedule import Blast, ScheduleStatus, ScheduleTerms, SendType
from sendrail.domain.times import DAY_MS

REF = "a" * 24
TODAY = shown_at(NOW, zone_of("UTC")).date()
MIDNIGHT = NOW - NOW % DAY_MS


def add_schedule(desk):
    terms = replace(
        DAILY,
        send_type=SendType.BLAST,
        audiences=(REF,),
        start_date=TODAY,
        end_date=TODAY + timedelta(days=9),
        blasts=(Blast(message="Hello", percent_audience=100),),
    )
    said = {each.name: getattr(terms, each.name) for each in fields(ScheduleTerms)}
    us = desk.house.us

    def add(tx):
        tx.accounts.set_timezone(us, "UTC")
        tx.audiences.add(
            us, ref=REF, name="All", description="", source_lists=(),
            filter=read_filter(EVERYBODY), status="active", created_at=0, updated_at=0,
        )  # fmt: skip
        tx.schedules.add(
            us, ScheduleTerms(**said), ref=REF, status=ScheduleStatus.ON.value, on_since=MIDNIGHT,
            next_at=MIDNIGHT + 10 * HOUR, created_at=0, updated_at=0,
        )  # fmt: skip
        return tx.accounts.add("others", 0)

    return desk.house.write(add)


def test_each_date_is_there_once_as_its_run_or_as_one_to_come(desk):
    house = desk.house
    desk.join(crowd(3))
    others = add_schedule(desk)
    at = MIDNIGHT + 2 * DAY_MS + 11 * HOUR
    house.do(RunMaker(house.store, lambda: at).step())
    calendar = ScheduleCalendar(house.store, lambda: at)

    def days(first, last, account=house.us):
        page = house.do(
            calendar.days(account, TODAY + timedelta(days=first), TODAY + timedelta(days=last))
        )
        assert page.is_whole
        assert page.today == TODAY + timedelta(days=2)
        return [((each.day - TODAY).days, each.run is not None) for each in page.runs]

    everything = [(day, day <= 2) for day in range(10)]
    assert days(-20, 20) == everything
    assert days(2, 4) == everything[2:5]
    assert days(10, 40) == []
    assert days(-20, 20, others) == []
