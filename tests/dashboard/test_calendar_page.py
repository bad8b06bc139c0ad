"""The campaigns' calendar: what was run, what is to come, and what is only meant."""

from datetime import UTC, date, datetime

import pytest
from campaigning import a_run, a_schedule, an_audience
from dashboard_site import ME, Elements
from written import parsed

from sendrail.campaigns.calendar import ScheduleCalendar
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.domain.campaign_run import RunState
from sendrail.domain.user import Role

LIST = "+15557840001"


class Shop:
    def __init__(self, site):
        self.site = site
        made = site.do(site.runtime.lists.add(site.us, parsed(LIST), connector="sandbox"))
        site.do(site.runtime.contacts.add(site.us, parsed(LIST), parsed("+15557841001")))
        self.audience = an_audience(site, made.sender.id)
        self.owner = site.signed_in("owner@days.example", Role.OWNER)
        self.them = site.signed_in("them@days.example", Role.OWNER, site.them)

    def days(self, first, last):
        found = self.site.do(
            self.site.runtime.calendar.days(
                self.site.us, date.fromisoformat(first), date.fromisoformat(last)
            )
        )
        return [(each.day.isoformat(), each.schedule.name) for each in found.runs]

    def switch_on(self, schedule):
        change = ScheduleInput(status="on")
        self.site.do(self.site.runtime.schedules.change(self.site.us, schedule.ref, change, ME))


@pytest.fixture(scope="module")
def shop(site):
    return Shop(site)


def weekly(shop, name, **more):
    given = {
        "is_repeating": True, "send_date": None, "start_date": "2098-03-01",
        "end_date": "2098-03-20", "days_of_week": {"wednesday": True},
    } | more  # fmt: skip
    return a_schedule(shop.site, shop.audience, name, ("Sale",), **given)


def test_the_days_of_a_campaign_that_is_on_are_to_come(shop):
    made = weekly(shop, "Sock Wednesday")
    # One that repeats and is not on is meant on no day.
    assert shop.days("2098-03-01", "2098-03-31") == []
    shop.switch_on(made)
    # Wednesdays by the calendar of 2098.
    expected = [(day, "Sock Wednesday") for day in ("2098-03-05", "2098-03-12", "2098-03-19")]
    assert shop.days("2098-03-01", "2098-03-31") == expected
    assert shop.days("2098-03-06", "2098-03-12") == expected[1:2]
    made = weekly(shop, "Local", start_date="2098-04-01", end_date="2098-04-10",
                  use_local_time=True)  # fmt: skip
    shop.switch_on(made)
    assert shop.days("2098-04-01", "2098-04-30") == [("2098-04-02", "Local"),
                                                     ("2098-04-09", "Local")]  # fmt: skip


def test_a_month_shows_runs_with_links_and_drafts(shop):
    made = a_schedule(shop.site, shop.audience, "Ran", ("Sale",), send_date="2098-05-06")
    run_id = a_run(shop.site, made, RunState.FINISHED, "2098-05-06")
    draft = a_schedule(shop.site, shop.audience, "Only meant", ("Sale",), send_date="2098-05-09")
    page = shop.owner.page("/campaigns/calendar?month=2098-05")
    assert f"/dashboard/campaigns/{made.ref}/runs/{run_id}" in page
    assert f'href="/dashboard/campaigns/{draft.ref}"' in page
    text = Elements(page).text
    assert "Tue 6 Ran Finished" in text
    assert "Fri 9 Only meant 10:00, draft" in text
    assert "month=2098-04" in page
    assert "month=2098-06" in page
    other = Elements(shop.them.page("/campaigns/calendar?month=2098-05")).text
    assert "Nothing in this month" in other
    assert "Ran" not in other


@pytest.mark.parametrize("month", ["", "2098-13", "nonsense", "1999-12", "2200-01", "9999-12"])
def test_a_month_that_is_none_is_this_one(shop, month):
    def this_month():
        return f"{datetime.fromtimestamp(shop.site.runtime.clock.now() / 1000, UTC):%B %Y}"

    # A month may end meanwhile.
    before = this_month()
    text = Elements(shop.owner.page(f"/campaigns/calendar?month={month}")).text
    assert before in text or this_month() in text


@pytest.mark.parametrize("month", ["2000-01", "2199-12"])
def test_the_first_and_the_last_month_are_shown(shop, month):
    assert "Nothing in this month" in shop.owner.page(f"/campaigns/calendar?month={month}")


def test_a_calendar_says_where_it_leaves_something_off(shop):
    made = a_schedule(shop.site, shop.audience, "Many", ("Sale",), send_date="2098-07-01")
    for at in range(1, 4):
        a_run(shop.site, made, RunState.FINISHED, f"2098-07-0{at}")
    runtime, day = shop.site.runtime, date(2098, 7, 1)
    for most, is_whole in ((4, True), (3, False)):
        calendar = ScheduleCalendar(runtime.store, runtime.clock.now, runs_max=most)
        page = shop.site.do(calendar.days(shop.site.us, day, day.replace(day=31)))
        assert (page.is_whole, len([each for each in page.runs if each.run])) == (is_whole, 3)
