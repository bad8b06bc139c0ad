"""Dry runs: what they count of a small audience is what the run then does."""

import random
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from enrolled import enrol
from no_links import NoDomains
from planned import EVERYBODY, FIRST, HOUR, LIMITS, open_always
from schedules import DAILY
from sqlalchemy import text
from stores import NOW

from sendrail.campaigns.dry_runs import DryRunner, TrialCount
from sendrail.campaigns.run_making import RunMaker
from sendrail.campaigns.trial_runs import TrialMaker
from sendrail.contacts.number_places import place_of
from sendrail.contacts.turns import AccountTurns
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.domain.schedule import (
    Blast,
    FrequencyCap,
    OutsideHours,
    ScheduleStatus,
    ScheduleTerms,
    SendType,
)
from sendrail.domain.times import DAY_MS

TODAY = shown_at(NOW, zone_of("UTC")).date()
TEN = NOW - NOW % DAY_MS + 10 * HOUR
AMYS = {
    "operator": "AND",
    "conditions": [
        {"condition_type": "custom_field", "field": "custom_fields.plan", "operator": "eq",
         "value": "pro"}
    ],
}  # fmt: skip
TEXTS = (
    ("Hello {{first_name|friend}}",),
    ("Hello {{first_name}}, {{custom_fields.plan|no}} plan",),
    ("A {{last_name|you}} {{first_name|x}}", "B {{last_name|you}} {{messageId}}"),
)
# New York is asleep at ten in Greenwich, Oslo is not, and Honolulu has just gone to bed.
PLACES = (FIRST, 18085550000, 4721000000, 12125550000)


class Trials:
    """A desk with a random crowd on two lists, and dry runs of schedules over it."""

    def __init__(self, desk, seed=0, people=150):
        self.desk, self.chance = desk, random.Random(seed)
        self.house, self.us = desk.house, desk.house.us
        self.lists = [self.house.list, self.house.add_list(self.us, 15550003000)]
        for each in self.lists:
            desk.fast(each)
        self.crowd = [PLACES[at % len(PLACES)] + at for at in range(people)]
        for sender in self.lists:
            desk.join(self.some(0.7), sender)
        self.house.write(self._differ)
        desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)

    def some(self, share):
        return sorted(each for each in self.crowd if self.chance.random() < share)

    def _differ(self, tx):
        """Let contacts have names, plans and opt-outs, blocks and a journey, each by chance."""
        tx.accounts.set_timezone(self.us, "UTC")
        tx.audiences.add(
            self.us, ref="a" * 24, name="All", description="", source_lists=(),
            filter=read_filter(EVERYBODY), status="active", created_at=0, updated_at=0,
        )  # fmt: skip
        tx.audiences.add(
            self.us, ref="b" * 24, name="Pro", description="", source_lists=(),
            filter=read_filter(AMYS), status="active", created_at=0, updated_at=0,
        )  # fmt: skip
        tx.core.execute(text("UPDATE accounts SET blocked_words = 'casino'"))
        values = {
            "first_name = 'Amy'": 0.5, "first_name = 'Łukasz'": 0.2, "last_name = 'Casino'": 0.1,
            "custom_fields = '{\"plan\": \"pro\"}'": 0.4, f"active = {self.desk.false}": 0.15,
        }  # fmt: skip
        for value, share in values.items():
            for sender in self.lists:
                for each in self.some(share):
                    where = f"WHERE list_id = {sender.id} AND recipient = {each}"
                    tx.core.execute(text(f"UPDATE list_contacts SET {value} {where}".replace(
                        '":', r'"\:')))  # fmt: skip
        tx.signups.upsert_contacts(self.us, dict.fromkeys(self.crowd), NOW)
        zones = "America/Los_Angeles", "Europe/Oslo", "Asia/Tokyo"
        tx.numbers.tell_zones(self.us, {each: self.chance.choice(zones) for each in self.some(0.2)})
        tx.blocks.add(self.us, [(each, "") for each in self.some(0.1)], NOW)
        for sender in self.lists:
            journey_id = tx.journeys.add(sender.id, "welcome", NOW)
            journey = tx.journeys.by_id(self.us, journey_id)
            enrol(tx, journey, self.some(0.1), NOW, NOW + 400 * DAY_MS)

    def schedule(self, day, since=None, **terms):
        """Add a schedule with random terms that is due at ten on a day; return its ref."""
        chance, ref = self.chance, f"{day:024x}"
        texts = TEXTS[day // 3 % len(TEXTS)]
        first = TODAY + timedelta(days=day)
        wanted = {
            "send_type": SendType.BLAST,
            "audiences": chance.choice([("a" * 24,), ("b" * 24,), ("b" * 24, "a" * 24)]),
            "source_lists": chance.choice([(), (self.lists[1].id, self.lists[0].id)]),
            "start_date": first, "end_date": first,
            "holdout_percent": chance.choice([0, 20]),
            "skip_within_hours": chance.choice([0, 30]),
            "frequency_cap": chance.choice([None, FrequencyCap(2, 7)]),
            "outside_hours": chance.choice(list(OutsideHours)),
            "use_local_time": chance.random() < 0.3,
            "blasts": tuple(
                Blast(message=each, percent_audience=100 // len(texts)) for each in texts
            ),
        }  # fmt: skip
        full = replace(DAILY, **(wanted | terms))
        said = {each.name: getattr(full, each.name) for each in fields(ScheduleTerms)}
        # Tokyo's ten comes first.
        early = 9 * HOUR if full.use_local_time else 0
        since = since or TEN + (day - 1) * DAY_MS + 10 * HOUR
        self.house.write(lambda tx: tx.schedules.add(
            self.us, ScheduleTerms(**said), ref=ref, status=ScheduleStatus.ON.value,
            on_since=since, next_at=TEN + day * DAY_MS - early, created_at=0, updated_at=0,
        ))  # fmt: skip
        return ref, full

    def dry(self, ref, **more):
        trials = TrialMaker(NoDomains(), LIMITS, self.desk.openings)
        runner = DryRunner(
            self.house.store, trials, turns=AccountTurns(), now=lambda: self.desk.now, **more
        )
        return self.house.do(runner.run(self.us, ref))

    def ran(self, ref, day):
        """Let the schedule's run go through its day; return it."""
        schedule = self.house.read(lambda tx: tx.schedules.by_ref(self.us, ref))
        planner = self.desk.planner()
        for hour in range(-14, 14) if schedule.use_local_time else (0,):
            self.desk.now = TEN + day * DAY_MS + hour * HOUR
            self.house.do(RunMaker(self.house.store, lambda: self.desk.now).step())
            self.desk.plan(planner)
        [run] = self.house.read(lambda tx: tx.runs.of_schedule(self.us, schedule.id, 10**9, 9))
        return run


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_of_a_small_audience_it_counts_exactly_what_the_run_then_does(desk):
    trials, seen = Trials(desk), set()
    for turn in range(9):
        day = 3 * turn + 1
        ref, terms = trials.schedule(day)
        desk.now = TEN + day * DAY_MS - 15 * HOUR
        said = trials.dry(ref)
        run = trials.ran(ref, day)
        assert said.is_exact
        told = {reason: each.size for reason, each in said.left_out.items()}
        assert (said.recipients.size, said.held_out.size, told) == (
            run.planned, run.held_out, dict(run.left_out)
        ), terms  # fmt: skip
        seen |= told.keys() | ({"holdout"} if said.held_out.size else set())
        seen |= {"local time"} if terms.use_local_time else set()
        if len(terms.blasts) == 1:
            sizes = desk.sql(
                "SELECT segments FROM messages AS m JOIN origins AS o ON o.id = m.origin_id"
                " WHERE o.kind = 'run' AND o.of_id = :run_id", run_id=run.id,
            )  # fmt: skip
            assert said.segments_max == max(each for (each,) in sizes)
            assert said.segments_mean == round(sum(each for (each,) in sizes) / len(sizes), 2)
            bodies = {body for _, _, body in desk.messages(run.id)}
            assert {each.text.text for each in said.examples} <= bodies
    assert seen == {
        "holdout", "frequency_cap", "missing_field", "quiet_hours", "contact_blocked",
        "journey_conflict", "blocked_content", "local time",
    }  # fmt: skip


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_zones_whose_hour_had_passed_are_told_as_passed_over(desk):
    trials = Trials(desk)
    desk.sql_write("UPDATE contacts SET told_zone = NULL, timezone = NULL")
    # Ten has passed in New York, and not yet in Honolulu.
    desk.now = TEN + DAY_MS + 6 * HOUR
    ref, _ = trials.schedule(
        1, since=desk.now, audiences=("a" * 24,), source_lists=(), holdout_percent=0,
        skip_within_hours=0, frequency_cap=None, use_local_time=True,
        outside_hours=OutsideHours.HOLD,
    )  # fmt: skip
    said = trials.dry(ref)
    active = {
        each for (each,) in desk.sql("SELECT recipient FROM list_contacts WHERE active")
    }  # fmt: skip
    far = {each for each in active if str(each).startswith("1808")}
    assert said.left_out["passed_over"].size == len(active - far)
    run = trials.ran(ref, 1)
    assert (said.recipients.size, dict(run.left_out)) == (
        run.planned,
        {reason: each.size for reason, each in said.left_out.items() if reason != "passed_over"},
    )
    assert run.planned


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_who_has_opted_out_everywhere_is_counted_once(desk):
    trials = Trials(desk)
    ref, _ = trials.schedule(1, audiences=("a" * 24,), source_lists=())
    active = dict.fromkeys(each for (each,) in desk.sql(
        "SELECT recipient FROM list_contacts WHERE active"))  # fmt: skip
    left = {each for (each,) in desk.sql("SELECT recipient FROM list_contacts")} - active.keys()
    desk.now = TEN
    said = trials.dry(ref)
    assert said.opted_out == TrialCount(len(left), len(left), len(left))
    assert said.examined == len(active) + len(left)


def test_of_a_large_audience_it_is_asked_of_a_sample_and_told_with_its_band(desk):
    trials = Trials(desk)
    desk.join([4721100000 + at for at in range(SAMPLE_STEP * 40)])
    terms = {
        "audiences": ("a" * 24,), "source_lists": (desk.house.list.id,), "holdout_percent": 0,
        "skip_within_hours": 0, "frequency_cap": None, "use_local_time": False,
        "blasts": (Blast(message="Hi {{last_name|you}}", percent_audience=100),),
    }  # fmt: skip
    ref, _ = trials.schedule(1, **terms)
    desk.now = TEN
    whole, part = trials.dry(ref), trials.dry(ref, small_max=1_000)
    assert (whole.is_exact, part.is_exact, part.opted_out) == (True, False, None)
    assert 38 <= part.examined <= 50
    assert part.recipients.low <= whole.recipients.size <= part.recipients.high
    assert part.recipients.low < part.recipients.size < part.recipients.high
    assert part.recipients.size % SAMPLE_STEP == 0
    # Of more than a sample is to have, it has every second number.
    half = trials.dry(ref, small_max=1_000, sample_max=30)
    assert 15 <= half.examined <= 30
    assert half.recipients.size % (2 * SAMPLE_STEP) == 0
    assert half.recipients.low <= whole.recipients.size <= half.recipients.high


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_ten_examples_at_most_and_the_slowest_list_are_told(desk):
    trials = Trials(desk)
    for each, rate in zip(trials.lists, (10, 1_000), strict=True):
        desk.fast(each, rate)
    for at, each in enumerate(trials.crowd):
        desk.sql_write(
            f"UPDATE list_contacts SET last_name = '{'n' * at}' WHERE recipient = {each}"
        )
    ref, _ = trials.schedule(
        1, audiences=("a" * 24,), source_lists=(), holdout_percent=0,
        outside_hours=OutsideHours.HOLD, use_local_time=False,
        blasts=(Blast(message="{{first_name|you}} {{last_name|none}}", percent_audience=100),),
    )  # fmt: skip
    desk.now = TEN
    said = trials.dry(ref)
    assert [each.kind for each in said.examples] == [
        *["longest"] * 3, *["shortest"] * 3, *["defaults"] * 2, *["not_gsm7"] * 2
    ]  # fmt: skip
    assert len({each.text.text for each in said.examples}) == 10
    assert all(each.text.encoding == "ucs2" for each in said.examples[8:])
    assert said.default_percents["first_name"] == round(
        100 * said.defaulted["first_name"].size / said.recipients.size, 1
    )
    alone, _ = trials.schedule(
        2, audiences=("a" * 24,), source_lists=(trials.lists[0].id,), holdout_percent=0,
        skip_within_hours=0, frequency_cap=None, use_local_time=False,
        blasts=(Blast(message="x", percent_audience=100),),
    )  # fmt: skip
    found = trials.dry(alone)
    assert found.duration_seconds == found.recipients.size * 6
    desk.openings = open_always()
    found = trials.dry(alone)
    assert found.finishes_at == found.first_run_at + found.duration_seconds * 1_000
    assert found.out_of_time.size == 0
    # Of a run that lasts five minutes, fifty messages leave.
    short, _ = trials.schedule(
        3, audiences=("a" * 24,), source_lists=(trials.lists[0].id,), holdout_percent=0,
        skip_within_hours=0, frequency_cap=None, use_local_time=False,
        send_until=DAILY.send_time.replace(minute=5),
        blasts=(Blast(message="x", percent_audience=100),),
    )  # fmt: skip
    found = trials.dry(short)
    assert found.out_of_time.size == found.recipients.size - 50
