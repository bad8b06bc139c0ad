"""Reports over HTTP: sums of counts, rates with their denominators, and files of the same."""

import csv
import io
import time
import uuid
from datetime import UTC, datetime

import pytest
from asking import ask, refused, told
from marketer import MONDAY
from written import parsed

from sendrail.campaigns.reading import CreativeInput, LinkInput
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain.audience_filter import FilterGroup, FlagCondition, FlagField
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunState
from sendrail.domain.cohort import CohortEvent
from sendrail.domain.contact import SignUp, SignupMethod
from sendrail.domain.ids import lane_of
from sendrail.domain.origin import Origin, OriginKind, OriginText
from sendrail.domain.origin_counts import CountKey, CountTally
from sendrail.storage.campaigns.runs import NewRun
from sendrail.tracking.offers import OfferChange

HOUR = 3_600_000
DAY = 24 * HOUR


def hour_of_today(door):
    """Return the hour that it is, in hours since the epoch; its day lasts as long as the test."""
    left_ms = DAY - door.runtime.clock.now() % DAY
    if left_ms < 60_000:
        time.sleep(left_ms / 1_000)
    return door.runtime.clock.now() // HOUR


class Sender:
    """An account of a test's own with two lists, and what is counted of it."""

    def __init__(self, door):
        self.door = door
        self.id = door.do(door.runtime.accounts.add(f"reports {uuid.uuid4()}"))
        self.key = door.new_key(self.id)
        self.numbers = [door.recipient() for _ in range(2)]
        self.lists = [
            door.do(
                door.runtime.lists.add(self.id, parsed(each), brand="Acme", connector="sandbox")
            ).sender.id
            for each in self.numbers
        ]
        self.hour = hour_of_today(door)
        self.run = self.add_run("2026-01-31")
        self.journey = door.do(
            door.runtime.journeys.add(self.id, parsed(self.numbers[0]), "hello")
        ).id
        wanted = [Origin(OriginKind.RUN, self.run, 1, part) for part in ("1", "2")]
        wanted.append(Origin(OriginKind.JOURNEY, self.journey, 2, "hello"))
        origins = door.write(lambda tx: tx.origins.find_or_add(self.id, wanted))
        self.variant, self.other, self.step = (origins[each] for each in wanted)

    def add_schedule(self):
        clicked = FlagCondition(kind="clicked", field=FlagField.CLICKED, value=True)
        filter_ = FilterGroup(needs_all=True, conditions=(clicked,))
        runtime, me = self.door.runtime, Actor(name="a test")
        audience = self.door.do(
            runtime.audiences.add(self.id, AudienceChange(name="All", filter=filter_), me)
        )
        given = ScheduleInput(
            name="Schedule", send_type="automated", is_repeating=False, send_time="10:00",
            send_date=str(MONDAY), audiences=[audience.ref],
        )  # fmt: skip
        return self.door.do(runtime.schedules.add(self.id, given, me)).schedule

    def add_run(self, date, schedule_id=None):
        schedule_id = schedule_id or 1_000_000 + self.id
        new = NewRun(self.id, schedule_id, date, RunState.FINISHED, None, "{}", 1, 2)
        return self.door.write(lambda tx: tx.runs.add(new, 1))

    def count(self, origin_id, list_id, what, n, *, hour=None, segments=0, amount=0):
        tally = CountTally()
        key = CountKey(lane_of(list_id), origin_id, list_id, hour or self.hour, what)
        tally.add(key, n, segments, amount)
        self.door.write(lambda tx: tx.origin_counts.add(tally))

    def sign_up(self, who, at):
        signup = SignUp(recipient=who, method=SignupMethod.API, at=at)
        self.door.write(lambda tx: tx.signups.add(self.lists[0], [(signup, {})], at))

    def happened(self, who, what, at, amount=0):
        event = CohortEvent(self.lists[0], who, what, at, 1, amount)
        self.door.write(lambda tx: tx.cohort_counts.add([event]))

    def ask(self, path, **headers):
        return ask(self.door, "GET", path, x_api_key=self.key, **headers)

    def rows(self, path, **headers):
        """Return the rows of a file."""
        answer = self.ask(path, **headers)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["content-disposition"]
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.fixture
def sender(fast_door):
    return Sender(fast_door)


def test_a_run_is_reported_by_its_parts_lists_and_hours(sender):
    first, second = sender.lists
    sender.count(sender.variant, first, "accepted", 5)
    sender.count(sender.variant, first, "sent", 4, segments=6)
    sender.count(sender.variant, first, "delivered", 3)
    sender.count(sender.variant, first, "@delivered", 3, hour=sender.hour + 2)
    sender.count(sender.variant, first, "dropped:stale", 1)
    sender.count(sender.variant, first, "clicked", 2)
    sender.count(sender.variant, first, "clicks", 9)
    sender.count(sender.variant, first, "conversions:USD", 1, amount=125_000)
    sender.count(sender.other, second, "sent", 4, segments=4)
    sender.count(sender.other, second, "opt_outs", 1)
    # Not of this run.
    sender.count(0, first, "sent", 100)
    sender.count(sender.step, first, "sent", 100)
    found = told(sender.ask(f"runs/{sender.run}/report"))
    assert (found["kind"], found["id"]) == ("run", sender.run)
    total = found["total"]
    assert {name: total[name] for name in ("accepted", "sent", "segments", "delivered")} == {
        "accepted": 5,
        "sent": 8,
        "segments": 10,
        "delivered": 3,
    }
    assert (total["dropped"], total["opt_outs"]) == ({"stale": 1}, 1)
    assert (total["clicks"], total["total_clicks"]) == (2, 9)
    assert (total["delivery_rate"], total["click_rate"]) == (0.375, 0.25)
    assert (total["conversion_rate"], total["opt_out_rate"]) == (0.5, 0.125)
    assert total["revenue"] == [
        {
            "currency": "USD",
            "conversions": 1,
            "revenue": 12.5,
            "per_send": 1.5625,
            "per_click": 6.25,
        }
    ]
    assert [
        (each["version"], each["part"], each["figures"]["sent"]) for each in found["parts"]
    ] == [
        (1, "1", 4),
        (1, "2", 4),
    ]
    assert {
        each["list_number"]: each["figures"]["sent"] for each in found["lists"]
    } == dict.fromkeys(sender.numbers, 4)
    hours = [(each["sent"]["delivered"], each["happened"]["delivered"]) for each in found["hours"]]
    assert hours == [(3, 0), (0, 3)]


def test_a_journey_is_reported_and_what_sent_nothing_is_not_found(sender, fast_door):
    sender.count(sender.step, sender.lists[0], "sent", 2)
    found = told(sender.ask(f"journeys/{sender.journey}/report"))
    assert found["plan"] is None
    assert [(each["version"], each["part"]) for each in found["parts"]] == [(2, "hello")]
    # Nothing was sent yet, so that there is nothing to divide by.
    empty = told(sender.ask(f"runs/{sender.run}/report"))
    assert (empty["total"]["sent"], empty["total"]["click_rate"]) == (0, None)
    other = Sender(fast_door)
    for path in (f"runs/{sender.run}/report", f"journeys/{sender.journey}/report"):
        refused(other.ask(path), "not_found")
    refused(sender.ask("runs/999999999/report"), "not_found")
    plan = told(sender.ask(f"runs/{sender.run}/report"))["plan"]
    assert (plan["date"], plan["state"], plan["planned"]) == ("2026-01-31", "finished", 0)
    assert (plan["left_out"], plan["held_out"]) == ({}, 0)


def test_a_schedule_is_reported_run_by_run(sender, fast_door):
    schedule = sender.add_schedule()
    first, second = (sender.add_run(f"2026-02-0{day}", schedule.id) for day in (1, 2))
    wanted = Origin(OriginKind.RUN, first, 1, "1"), Origin(OriginKind.RUN, first, 2, "1")
    for origin_id in fast_door.write(lambda tx: tx.origins.find_or_add(sender.id, wanted)).values():
        sender.count(origin_id, sender.lists[0], "sent", 5)
    # Of another schedule.
    sender.count(sender.variant, sender.lists[0], "sent", 100)
    found = told(sender.ask(f"schedules/{schedule.ref}/report"))
    runs = [
        (each["run_id"], each["plan"]["date"], each["figures"]["sent"]) for each in found["runs"]
    ]
    assert runs == [(second, "2026-02-02", 0), (first, "2026-02-01", 10)]
    assert (found["total"]["sent"], found["has_more"]) == (10, False)
    rows = sender.rows(f"schedules/{schedule.ref}/report", accept="text/csv")
    assert [(row["run_id"], row["sent"]) for row in rows] == [
        (str(second), "0"),
        (str(first), "10"),
    ]
    refused(Sender(fast_door).ask(f"schedules/{schedule.ref}/report"), "not_found")


def test_performance_has_a_row_for_each_date_list_or_source(sender):
    first, second = sender.lists
    sender.count(0, first, "sent", 3)
    sender.count(sender.variant, first, "sent", 4)
    sender.count(sender.other, second, "sent", 5)
    sender.count(0, second, "sent", 7, hour=sender.hour - 24)
    sender.count(0, second, "@delivered", 7)
    sender.count(0, second, "sent", 1000, hour=sender.hour - 40 * 24)

    def rows(query, *names):
        found = told(sender.ask(f"reports/performance?timezone=UTC{query}"))
        assert found["total"]["sent"] == 19
        return [
            (*(each[name] for name in names), each["figures"]["sent"]) for each in found["rows"]
        ]

    dates = rows("", "date")
    assert [sent for _, sent in dates] == [7, 12]
    assert dates == sorted(dates)
    by_list = dict(rows("&group_by=list", "list_number"))
    assert by_list == dict(zip(sender.numbers, (7, 12), strict=True))
    assert set(rows("&group_by=origin", "source", "source_id")) == {
        ("api", None, 10),
        ("run", sender.run, 9),
    }
    happened = told(sender.ask("reports/performance?timezone=UTC&by=happened"))
    assert [each["figures"]["delivered"] for each in happened["rows"]] == [0, 7]


def test_performance_is_by_hour_creative_and_offer(sender):
    runtime, me = sender.door.runtime, Actor(name="a test")
    offers = [
        sender.door.do(
            runtime.tracking.offers.add(
                sender.id, OfferChange(name=name, tracking_url="https://shop.example/"), me
            )
        )
        for name in ("Shoes", "Socks")
    ]
    links = [LinkInput(key="link1", offer_id=offers[0].ref)]
    given = CreativeInput(name="Spring", message="Look: {{link1}}", offer_links=links)
    creative = sender.door.do(runtime.creatives.add(sender.id, given, me)).creative
    both = tuple(each.id for each in offers)
    texts = {
        Origin(OriginKind.RUN, sender.run, 2, "1"): OriginText(creative.id, both),
        Origin(OriginKind.RUN, sender.run, 2, "2"): OriginText(creative.id, both[:1]),
        # What was deleted meanwhile has no name.
        Origin(OriginKind.RUN, sender.run, 2, "3"): OriginText(1 << 40),
    }
    origins = sender.door.write(lambda tx: tx.origins.find_or_add(sender.id, list(texts), texts))
    for at, (origin_id, n) in enumerate(zip([*origins.values(), 0], (1, 2, 4, 8), strict=True)):
        sender.count(origin_id, sender.lists[0], "sent", n, hour=sender.hour - at)

    def rows(group, *names):
        report = told(sender.ask(f"reports/performance?group_by={group}"))
        assert report["total"]["sent"] == 15
        return {
            tuple(each[name] for name in names): each["figures"]["sent"] for each in report["rows"]
        }

    assert rows("creative", "creative_id", "name") == {
        (creative.id, "Spring"): 3, (1 << 40, None): 4, (None, None): 8,
    }  # fmt: skip
    assert rows("offer", "offer_id", "name") == {
        (offers[0].ref, "Shoes"): 3, (offers[1].ref, "Socks"): 1, (None, None): 12,
    }  # fmt: skip
    by_hour = rows("hour", "hour")
    assert list(by_hour.values()) == [8, 4, 2, 1]
    assert all(hour.endswith(":00:00Z") for (hour,) in by_hour)
    first = sender.rows("reports/performance?group_by=offer&format=csv")[0]
    assert {first["offer_id"], first["name"]} <= {
        offers[0].ref,
        offers[1].ref,
        "Shoes",
        "Socks",
        "",
    }


def test_kpis_stand_beside_those_of_the_days_before(sender):
    sender.count(0, sender.lists[0], "sent", 3)
    sender.count(0, sender.lists[0], "@opt_outs", 1)
    sender.count(0, sender.lists[0], "sent", 8, hour=sender.hour - 24)
    found = told(sender.ask("reports/kpis?timezone=UTC"))
    assert found["period"]["from"] == found["period"]["to"]
    assert (found["sent"]["sent"], found["sent_before"]["sent"]) == (3, 8)
    assert (found["sent"]["opt_outs"], found["happened"]["opt_outs"]) == (0, 1)
    week = told(sender.ask("reports/kpis?period=7d"))
    assert (week["sent"]["sent"], week["sent_before"]["sent"]) == (11, 0)
    assert week["period"]["timezone"]


def test_each_report_is_a_file_as_well(sender):
    sender.count(sender.variant, sender.lists[0], "sent", 4, segments=6)
    sender.count(sender.variant, sender.lists[0], "dropped:stale", 1)
    sender.count(sender.variant, sender.lists[0], "conversions:EUR", 1, amount=20_000)
    [row] = sender.rows("reports/performance?group_by=origin&format=csv")
    assert (row["source"], row["source_id"], row["sent"], row["segments"]) == (
        "run",
        str(sender.run),
        "4",
        "6",
    )
    assert (row["dropped_stale"], row["revenue_EUR"], row["per_send_EUR"]) == ("1", "2.0", "0.5")
    assert row["click_rate"] == "0.0"
    assert row["conversion_rate"] == ""
    parts = sender.rows(f"runs/{sender.run}/report", accept="text/csv")
    assert [each["of"] for each in parts] == ["total", "part", "list", "hour"]
    assert [each["figures"] for each in sender.rows("reports/kpis?format=csv")] == [
        "sent",
        "happened",
        "sent_before",
        "happened_before",
    ]
    # What is asked for by name wins.
    told(sender.ask("reports/kpis?format=json", accept="text/csv"))


def test_cohorts_are_contacts_by_their_sign_up_and_what_they_brought_since(sender):
    now = sender.hour * HOUR
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    people = [parsed(sender.door.recipient()) for _ in range(3)]
    for who, days in zip(people, (0, 40, 40), strict=True):
        sender.sign_up(who, now - days * DAY)
    sender.happened(people[0], "sends", now)
    sender.happened(people[1], "sends", now - 40 * DAY)
    sender.happened(people[1], "conversions:USD", now - 25 * DAY, amount=125_000)
    sender.happened(people[2], "opt_outs", now)
    found = told(sender.ask("reports/cohorts?group_by=week"))
    assert found["to"] >= str(today) > found["from"]
    assert found["cohorts"][0]["cohort"] <= str(today)
    late, early = [each for each in found["cohorts"] if each["contacts"]]
    assert (late["contacts"], early["contacts"], found["total"]["contacts"]) == (1, 2, 3)
    periods = {each["days"]: each for each in early["periods"]}
    assert list(periods) == [7, 14, 30, 60, 90, 180, 365, None]
    assert [periods[days]["conversions"] for days in (7, 14, 30, None)] == [0, 0, 1, 1]
    assert periods[None]["revenue"] == [
        {"currency": "USD", "conversions": 1, "revenue": 12.5, "per_contact": 6.25}
    ]
    assert [periods[days]["opt_outs"] for days in (30, 60)] == [0, 1]
    assert [periods[days]["is_complete"] for days in (30, 60, None)] == [True, False, False]
    number = sender.numbers[1].replace("+", "%2B")
    other = told(sender.ask(f"reports/cohorts?list_number={number}"))
    assert other["total"]["contacts"] == 0
    by_list = told(sender.ask("reports/cohorts?group_by=list"))
    of_lists = {each["list_number"]: each for each in by_list["cohorts"]}
    assert {each: of_lists[each]["contacts"] for each in of_lists} == dict(
        zip(sender.numbers, (3, 0), strict=True)
    )
    assert {each["cohort"] for each in by_list["cohorts"]} == {None}
    assert of_lists[sender.numbers[0]]["periods"] == by_list["total"]["periods"]
    assert (by_list["total"]["list_number"], found["total"]["list_number"]) == (None, None)
    rows = sender.rows("reports/cohorts?group_by=list&format=csv")
    assert {each["cohort"].lstrip("'") for each in rows} == {*sender.numbers, "total"}
    rows = sender.rows("reports/cohorts?group_by=week&format=csv")
    [whole] = [each for each in rows if each["cohort"] == "total" and not each["days"]]
    assert (whole["contacts"], whole["sends"], whole["revenue_USD"]) == ("3", "2", "12.5")


def test_cohorts_are_contacts_with_a_value_in_common(sender):
    now = sender.hour * HOUR
    people = [parsed(sender.door.recipient()) for _ in range(3)]
    for who, fields in zip(people, ({"plan": "gold"}, {"plan": "gold"}, {}), strict=True):
        signup = SignUp(recipient=who, method=SignupMethod.API, at=now)
        sender.door.write(
            lambda tx, pair=(signup, fields): tx.signups.add(sender.lists[0], [pair], now)
        )
    sender.happened(people[0], "conversions:USD", now, amount=125_000)
    found = told(sender.ask("reports/cohorts?group_by=custom_field&custom_field=plan"))
    assert (found["group_by"], found["custom_field"]) == ("custom_field", "plan")
    gold, none = found["cohorts"]
    assert (gold["value"], gold["contacts"], none["value"], none["contacts"]) == (
        "gold",
        2,
        None,
        1,
    )
    assert {each["is_rest"] for each in (gold, none, found["total"])} == {False}
    first, *_, whole = gold["periods"]
    assert (first["sends"], whole["sends"]) == (None, 0)
    assert first["revenue"] == [
        {"currency": "USD", "conversions": 1, "revenue": 12.5, "per_contact": 6.25}
    ]
    rows = sender.rows("reports/cohorts?group_by=custom_field&custom_field=plan&format=csv")
    assert [each["cohort"] for each in rows][::8] == ["gold", "(none)", "total"]
    assert (rows[0]["sends"], rows[7]["sends"], rows[0]["revenue_USD"]) == ("", "0", "12.5")
    [all_of_them] = told(sender.ask("reports/cohorts?group_by=carrier"))["cohorts"]
    assert (all_of_them["value"], all_of_them["contacts"]) == (None, 3)


@pytest.mark.parametrize(
    ("path", "code", "param"),
    [
        ("reports/cohorts?group_by=custom_field", "invalid_parameter", "custom_field"),
        ("reports/cohorts?custom_field=plan", "invalid_parameter", "custom_field"),
        ("reports/cohorts?group_by=day", "invalid_parameter", "group_by"),
        ("reports/cohorts?from=2001-01-01", "invalid_parameter", "from"),
        ("reports/cohorts?list_number=%2B15550199999", "list_not_found", "list_number"),
        ("reports/performance?from=2026-13-01", "invalid_parameter", "from"),
        ("reports/performance?to=yesterday", "invalid_parameter", "to"),
        ("reports/performance?from=2026-02-01&to=2026-01-01", "invalid_parameter", "from"),
        ("reports/performance?group_by=carrier", "invalid_parameter", "group_by"),
        ("reports/performance?group_by=hour&from=2026-01-01", "invalid_parameter", "from"),
        ("reports/performance?by=then", "invalid_parameter", "by"),
        ("reports/performance?timezone=Mars", "invalid_timezone", "timezone"),
        ("reports/kpis?period=year", "invalid_parameter", "period"),
        ("reports/kpis?period=today&from=2026-01-01", "invalid_parameter", "period"),
        ("reports/kpis?format=xls", "invalid_parameter", "format"),
    ],
)
def test_what_cannot_be_asked_for_is_named(sender, path, code, param):
    refused(sender.ask(path), code, param)
