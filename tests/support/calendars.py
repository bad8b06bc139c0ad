"""A schedule of a desk's account, whose runs tests make on one day after another."""

from dataclasses import fields, replace
from datetime import date, timedelta

from planned import EVERYBODY, HOUR, LIMITS
from schedules import DAILY
from stores import NOW

from sendrail.campaigns.preflight import TextRules
from sendrail.campaigns.run_making import RunMaker
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.campaigns.schedules import ScheduleService
from sendrail.campaigns.trial_runs import TrialMaker
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.destinations import ANYWHERE
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.schedule import Blast, ScheduleStatus, ScheduleTerms, SendType
from sendrail.domain.short_ids import ShortIds
from sendrail.domain.times import DAY_MS
from sendrail.links.domains import TrackingDomains
from sendrail.links.slots import ArithmeticSlots
from sendrail.links.texts import LinkTexts

REF = "a" * 24
TODAY = shown_at(NOW, zone_of("UTC")).date()
# Midnight of the day that the tests begin on.
MIDNIGHT = NOW - NOW % DAY_MS
TEN = MIDNIGHT + 10 * HOUR


class Calendar:
    """One schedule of a desk's account, on its clock in UTC, and a maker of its runs."""

    def __init__(self, desk, **terms):
        self.desk = desk
        self.us = desk.house.us
        wanted = {
            "send_type": SendType.BLAST, "audiences": (REF,), "start_date": TODAY,
            "end_date": TODAY + timedelta(days=9),
            "blasts": (Blast(message="Hello {{first_name|friend}}", percent_audience=100),),
        }  # fmt: skip
        full = replace(DAILY, **(wanted | terms))
        said = {each.name: getattr(full, each.name) for each in fields(ScheduleTerms)}

        def add(tx):
            tx.accounts.set_timezone(self.us, "UTC")
            tx.audiences.add(
                self.us, ref=REF, name="All", description="", source_lists=(),
                filter=read_filter(EVERYBODY), status="active", created_at=0, updated_at=0,
            )  # fmt: skip
            return tx.schedules.add(
                self.us, ScheduleTerms(**said), ref=REF, status=ScheduleStatus.ON.value,
                on_since=MIDNIGHT, next_at=TEN, created_at=0, updated_at=0,
            )  # fmt: skip

        self.id = desk.house.write(add)

    def make(self, at):
        """Make what is due at a time."""
        self.desk.now = at
        hindrance = service_of(self.desk).hindrance
        self.desk.house.do(RunMaker(self.desk.house.store, lambda: at, hindrance).step())

    @property
    def schedule(self):
        return self.desk.house.read(lambda tx: tx.schedules.find(self.us, self.id))

    def runs(self):
        found = self.desk.house.read(lambda tx: tx.runs.of_schedule(self.us, self.id, 10**9, 99))
        return [
            (str(date.fromisoformat(run.local_date) - TODAY).partition(" ")[0], run.state,
             run.reason)
            for run in reversed(found)
        ]  # fmt: skip

    def latest(self):
        return self.desk.house.read(lambda tx: tx.runs.of_schedule(self.us, self.id, 10**9, 1))[0]


def service_of(desk):
    """Return the service for schedules, at the desk's time."""
    links = LinkTexts(ShortIds(bytes(16)), ArithmeticSlots(), TrackingDomains())
    rules, trials = TextRules(10, 1_600), TrialMaker(links, LIMITS, desk.openings)
    return ScheduleService(desk.house.store, trials, rules, ANYWHERE, lambda: desk.now)


def changed(desk, **given):
    """Change the schedule as its account does, at the desk's time."""
    change = service_of(desk).change(
        desk.house.us, REF, ScheduleInput(**given), Actor(name="a test")
    )
    return desk.house.do(change).schedule
