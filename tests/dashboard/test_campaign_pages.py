"""The pages of campaigns, audiences, creatives and reports, over the services."""

import csv
import io
import re
from datetime import UTC, date, datetime

import pytest
from campaigning import (
    a_creative,
    a_run,
    a_schedule,
    an_audience,
    an_offer,
    some_counts,
    whose_note,
)
from dashboard_site import ME as ACTOR
from dashboard_site import Elements
from written import parsed

from sendrail.campaigns.account_settings import AccountSettingsChange
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.dashboard.charts import part_chart
from sendrail.dashboard.filter_words import filter_lines
from sendrail.dashboard.pages.campaigns import days_shown
from sendrail.dashboard.showing import earned_shown
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.campaign_run import RunState
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.report import EarnedRevenue
from sendrail.domain.user import Role
from sendrail.tracking.offers import OfferChange

LIST = "+15557800001"
HOUR = 3_600_000
SECRET_TEXT = "Big news for your feet"


class Shop:
    """A list with three contacts, and people of each role."""

    def __init__(self, site):
        self.site = site
        made = site.do(
            site.runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox")
        )
        self.list_id = made.sender.id
        contacts = site.runtime.contacts
        for at in range(3):
            fields = {"first_name": f"Name{at}", "custom_fields": {"note": f"n{at}"}}
            site.do(contacts.add(site.us, parsed(LIST), parsed(f"+1555781000{at}"), **fields))
        self.everybody = an_audience(site, self.list_id, "Trail buyers")
        self.owner = site.signed_in("owner@shop.example", Role.OWNER)
        self.viewer = site.signed_in("viewer@shop.example", Role.VIEWER)
        self.them = site.signed_in("them@shop.example", Role.OWNER, site.them)

    def text(self, path, who=None):
        return Elements((who or self.owner).page(path)).text


@pytest.fixture(scope="module")
def shop(site):
    # The pages of an account with nothing in it, before there is something.
    empty = site.signed_in("new@shop.example", Role.OWNER)
    for path, words in (
        ("/campaigns", "No campaigns yet"),
        ("/audiences", "No audiences yet"),
        ("/creatives", "No creatives yet"),
        ("/offers", "No offers yet"),
        ("/reports", "Nothing was sent in this period"),
        ("/reports/cohorts", "No contacts signed up on these days"),
    ):
        assert words in Elements(empty.page(path)).text
    return Shop(site)


def test_a_campaign_shows_its_texts_hours_people_and_preflight(shop):
    made = a_schedule(shop.site, shop.everybody, "Autumn", (SECRET_TEXT, "Dear friend"))
    text = shop.text(f"/campaigns/{made.ref}")
    for words in ("Autumn Draft", SECRET_TEXT, "50 %", "Trail buyers", "Fri 3 Oct 2098 at 10:00",
                  "No run yet"):  # fmt: skip
        assert words in text, words
    assert "Draft Autumn 2 texts Fri 3 Oct 2098" in shop.text("/campaigns?status=draft")
    assert "No campaign is here" in shop.text("/campaigns?status=complete")
    # A viewer sees the settings, and no text that people get.
    seen = shop.text(f"/campaigns/{made.ref}", shop.viewer)
    assert "Trail buyers" in seen
    assert SECRET_TEXT not in seen
    assert shop.them.get(f"/campaigns/{made.ref}").status_code == 404
    assert "Autumn" not in shop.text("/campaigns", shop.them)


def test_a_preflight_says_what_keeps_a_campaign_from_being_sent(shop):
    nobody = an_audience(shop.site, shop.list_id, "Nobody", whose_note("eq", "nothing"))
    made = a_schedule(shop.site, nobody, "Lost", ("Hello",), send_date="2020-01-01")
    found = shop.site.do(shop.site.runtime.schedules.preflight(shop.site.us, made.ref))
    assert found.errors
    text = shop.text(f"/campaigns/{made.ref}")
    for each in [*found.errors, *found.warnings]:
        assert each.text in text


def test_a_campaign_whose_only_run_was_made_early_has_no_fault(shop):
    """Its day is still to come, but no run is."""
    made = a_schedule(shop.site, shop.everybody, "Early", ("Hello",), status="on")
    shop.site.do(shop.site.runtime.runs.start(shop.site.us, made.ref, ACTOR))
    text = shop.text(f"/campaigns/{made.ref}")
    assert "Fri 3 Oct 2098" in text
    assert "passed in every zone" not in text
    assert "Dry run Edit Switch off" in text
    assert "Send a test" in text


def test_a_campaign_that_is_on_shows_its_next_run(shop):
    made = a_schedule(shop.site, shop.everybody, "Soon", ("Hello",))
    change = ScheduleInput(status="on")
    shop.site.do(shop.site.runtime.schedules.change(shop.site.us, made.ref, change, ACTOR))
    settings, us = shop.site.runtime.account_settings, shop.site.us
    zone = AccountSettingsChange(timezone=shop.site.do(settings.show(us)).timezone)
    shop.site.do(settings.change(us, AccountSettingsChange(timezone="Etc/UTC"), ACTOR))
    assert "On Soon One text Fri 3 Oct 2098 10:00 Fri 3 Oct 2098, 10:00" in shop.text("/campaigns")
    shop.site.do(settings.change(us, zone, ACTOR))


def test_a_campaign_is_switched_on_and_off_by_who_may_send(shop):
    made = a_schedule(shop.site, shop.everybody, "Switched", ("Hello",))
    path = f"/campaigns/{made.ref}"

    def status():
        return shop.site.do(shop.site.runtime.schedules.show(shop.site.us, made.ref)).status

    assert "Switch on" not in shop.text(path, shop.viewer)
    assert "Switch this campaign on?" not in shop.text(path)
    assert "Switch this campaign on?" in shop.text(f"{path}/on")
    assert status() == "draft"
    assert shop.owner.post(f"{path}/on", token="0" * 48).status_code == 403
    text = Elements(follow(shop, shop.owner.post(f"{path}/on"))).text
    assert status() == "on"
    assert "Switched On" in text
    assert "Switch this campaign on?" not in shop.text(f"{path}/on")
    assert "Switched Off" in Elements(follow(shop, shop.owner.post(f"{path}/off"))).text
    assert status() == "off"


def test_a_campaign_whose_run_goes_on_is_not_switched_off_or_archived_unasked(shop):
    made = a_schedule(shop.site, shop.everybody, "Going", ("Hello",), status="on")
    path = f"/campaigns/{made.ref}"
    asked = {"off": "Switch this campaign off, and stop its run?",
             "archive": "Archive this campaign, and stop its run?"}  # fmt: skip
    # Without a run there is nothing to be asked.
    for name, words in asked.items():
        assert f'action="/dashboard{path}/{name}"' in shop.owner.page(path)
        assert words not in shop.text(f"{path}/{name}")
    shop.site.do(shop.site.runtime.runs.start(shop.site.us, made.ref, ACTOR))
    for name, words in asked.items():
        html = shop.owner.page(path)
        assert f'action="/dashboard{path}/{name}"' not in html
        assert f'href="/dashboard{path}/{name}"' in html
        page = shop.owner.page(f"{path}/{name}")
        assert words in page
        assert f'action="/dashboard{path}/{name}"' in page
    assert "Going Off" in Elements(follow(shop, shop.owner.post(f"{path}/off"))).text


def test_what_its_preflight_refuses_is_not_switched_on(shop):
    late = a_schedule(shop.site, shop.everybody, "Late", ("Hello",), send_date="2020-01-01")
    path = f"/campaigns/{late.ref}"
    html = shop.owner.page(f"{path}/on")
    assert "Switch this campaign on?" not in html
    assert 'aria-disabled="true"' in html
    assert shop.owner.post(f"{path}/on").status_code == 400
    found = shop.site.do(shop.site.runtime.schedules.show(shop.site.us, late.ref))
    assert found.status == "draft"


def test_a_large_audience_is_estimated_and_counted_for_who_asks(shop):
    counts = shop.site.runtime.audience_counts
    before, counts._small_keys = counts._small_keys, -1
    try:
        large = an_audience(shop.site, shop.list_id, "Large")
        size = shop.site.do(counts.estimate(shop.site.us, large))
        assert not size.is_exact
        band = f"{size.low:,} to {size.high:,}"
        assert f"Large Large 1 1 about {size.size:,} {band}" in shop.text("/audiences")
        text = shop.text(f"/audiences/{large}")
        assert f"{band}, from a sample" in text
        assert "Match the filter" not in text
        assert "Match the filter 3" in shop.text(f"/audiences/{large}?count=1")
    finally:
        counts._small_keys = before


@pytest.fixture(scope="module")
def sent(shop):
    """A run of two variants over two hours, with an hour between them in which nothing left."""
    made = a_schedule(shop.site, shop.everybody, "Ridge", (SECRET_TEXT, "Dear friend"))
    run_id = a_run(shop.site, made, RunState.RUNNING)
    first = shop.site.runtime.clock.now() // HOUR - 4
    of_a = {"accepted": (80, 0), "sent": (80, 0), "delivered": (60, 0), "undelivered": (4, 0),
            "clicked": (20, 0), "opt_outs": (2, 0), "conversions:USD": (3, 1_234_500)}  # fmt: skip
    some_counts(shop.site, run_id, shop.list_id, first, of_a)
    of_b = {"accepted": (20, 0), "sent": (20, 0), "delivered": (20, 0), "dropped:opted_out": (1, 0)}
    some_counts(shop.site, run_id, shop.list_id, first + 2, of_b, part="2")
    return f"/campaigns/{made.ref}/runs/{run_id}", first


def test_a_run_is_reported_by_variant_and_hour(shop, sent):
    path, first = sent
    html = shop.owner.page(path)
    text = Elements(html).text
    for words in ("Ridge Sending", "100 sent of", "Delivered 80.0 % 80 of 100 sent",
                  "Without a receipt 16", "Undelivered 4", "Clicked 20.0 %", "$123.45",
                  "3 conversions", "and 1 dropped", "Opt-outs 2.00 %"):  # fmt: skip
        assert words in text, words
    assert f"Ridge 0 {SECRET_TEXT} 80 75.0 % 25.0 % 2.50 % $123.45" in text
    assert "Ridge 1 Dear friend 20 100.0 % 0.0 % 0.00 %" in text
    # The bar of the best variant is the whole.
    assert 'width="100.00%"/></svg> </span>25.0 %' in html
    # The hour without a message has its place.
    assert html.count('class="pale" x=') == 3
    hours = [f"{datetime.fromtimestamp((first + at) * 3600, UTC):%H:%M}" for at in range(3)]
    assert " ".join(hours) in text
    assert 'data-live="5"' in html
    seen = shop.text(path, shop.viewer)
    assert "80.0 %" in seen
    assert SECRET_TEXT not in seen
    assert "Pause run" not in seen
    assert shop.them.get(path).status_code == 404


def test_a_run_of_another_campaign_is_not_there(shop, sent):
    other = a_schedule(shop.site, shop.everybody, "Other")
    run_id = sent[0].rpartition("/")[2]
    assert shop.owner.get(f"/campaigns/{other.ref}/runs/{run_id}").status_code == 404
    shop.owner.page(sent[0])
    assert shop.owner.post(f"/campaigns/{other.ref}/runs/{run_id}/pause").status_code == 404
    assert (
        shop.site.do(shop.site.runtime.runs.show(shop.site.us, int(run_id))).run.state == "running"
    )


def test_a_run_is_paused_resumed_and_stopped(shop):
    made = a_schedule(shop.site, shop.everybody, "Steered")
    path = f"/campaigns/{made.ref}/runs/{a_run(shop.site, made)}"
    run_id = int(path.rpartition("/")[2])

    def state():
        return shop.site.do(shop.site.runtime.runs.show(shop.site.us, run_id)).run.state

    shop.owner.page(path)
    assert shop.owner.post(f"{path}/pause", token="0" * 48).status_code == 403
    assert state() == RunState.RUNNING
    assert "Resume run" in Elements(follow(shop, shop.owner.post(f"{path}/pause"))).text
    assert state() == RunState.PAUSED
    assert shop.owner.post(f"{path}/pause").status_code == 409
    shop.owner.page(path)
    assert "Pause run" in follow(shop, shop.owner.post(f"{path}/resume"))
    assert "Stop this run?" in shop.owner.page(f"{path}/stop")
    assert state() == RunState.RUNNING
    text = Elements(follow(shop, shop.owner.post(f"{path}/stop"))).text
    assert state() == RunState.STOPPED
    assert "Stopped: on request" in text
    assert "Resume run" not in text
    [entry, *_] = shop.site.do(shop.site.runtime.audit.page(shop.site.us))
    assert (entry.action, entry.actor) == ("run.stopped", "user owner@shop.example")


def test_a_run_that_has_ended_is_not_shown_with_figures_of_before(shop):
    made = a_schedule(shop.site, shop.everybody, "Ended")
    run_id = a_run(shop.site, made)
    path = f"/campaigns/{made.ref}/runs/{run_id}"
    assert "0 sent of 0 planned" in shop.text(path)
    # Before all that the reports of other tests look at.
    hour = shop.site.runtime.clock.now() // HOUR - 10_000
    some_counts(shop.site, run_id, shop.list_id, hour, {"sent": (9, 0)})
    # What is shown is kept for a moment, for all who look at it.
    assert "0 sent of 0 planned" in shop.text(path)
    ended = {"state": RunState.FINISHED.value, "ended_at": 1}
    shop.site.write(lambda tx: tx.runs.move((shop.site.us, run_id), RunState, **ended))
    text = shop.text(path)
    assert "Ended Finished" in text
    assert "9 sent of 0 planned" in text


def follow(shop, answer):
    return shop.owner.page(answer.headers["location"].removeprefix("/dashboard"))


def test_an_audience_shows_its_size_its_filter_some_of_it_and_who_is_left_out(shop):
    some = an_audience(shop.site, shop.list_id, "Two of them", whose_note("in", ["n0", "n1"]))
    shop.site.do(shop.site.runtime.blocks.add(shop.site.us, parsed("+15557810001")))
    text = shop.text(f"/audiences/{some}")
    for words in ("The field note is one of n0, n1", "All of these hold", "Blocked 1",
                  "Match the filter 2", "+1 555 781 0000", "Name0"):  # fmt: skip
        assert words in text, words
    # By night the contact has quiet hours.
    counted = re.search(r"In quiet hours (\d) Reachable now (\d)", text)
    assert sum(map(int, counted.groups())) == 1
    assert "Name2" not in text
    seen = shop.text(f"/audiences/{some}", shop.viewer)
    assert "Match the filter 2" in seen
    assert "Name0" not in seen
    assert "555 781" not in seen
    assert "Two of them" in shop.text("/audiences")
    assert "No audience is here" in shop.text("/audiences?status=archived")
    assert "No audience is here" in shop.text("/audiences?page=9")
    assert shop.them.get(f"/audiences/{some}").status_code == 404


def test_a_filter_is_said_in_words():
    group = read_filter(
        {
            "operator": "OR",
            "conditions": [
                {"conditionType": "time", "field": "last_clicked_at", "operator": "within",
                 "value": 30, "unit": "days"},
                {"conditionType": "list", "operator": "not_in", "listId": 7},
            ],
            "groups": [
                {"operator": "AND", "conditions": [
                    {"conditionType": "audience", "operator": "in", "audienceId": "a" * 24}]},
            ],
        }
    )  # fmt: skip
    assert [tuple(each) for each in filter_lines(group, {7: "News"}, {})] == [
        (0, "One of these holds", True),
        (1, "The last click is within the last 30 days", False),
        (1, "The contact is not active on News", False),
        (1, "All of these hold", True),
        (2, f"The number is in {'a' * 24}", False),
    ]


def test_a_creative_looks_as_on_a_phone_and_says_what_it_costs(shop):
    creative = a_creative(
        shop.site, an_offer(shop.site), "Boots", "{{first_name|friend}}, see {{link1}}"
    )
    details = shop.site.do(shop.site.runtime.creatives.show(shop.site.us, creative))
    text = shop.text(f"/creatives/{creative}")
    assert " ".join(details.shortest.text.split()) in text
    assert f"Shortest GSM-7 {details.shortest.size.units} {details.shortest.size.segments}" in text
    assert f"As the API estimates – {details.estimate.characters}" in text  # noqa: RUF001
    assert "leads to https://shop.example/boots" in text
    for each in details.warnings:
        assert each.text in text
    assert "Boots" in shop.text("/creatives?type=automated")
    assert "No creative matches" in shop.text("/creatives?type=welcome")
    assert shop.viewer.get("/creatives").status_code == 404
    assert shop.them.get(f"/creatives/{creative}").status_code == 404


def test_an_offer_shows_where_it_leads_and_what_it_pays(shop):
    more = {"payout": 125_000, "payout_type": "cpa", "fallback_url": "https://shop.example/gone"}
    offer = an_offer(shop.site, "Tents", click_window_days=30, **more)
    secret = shop.site.do(
        shop.site.runtime.tracking.offers.replace_secret(shop.site.us, offer, ACTOR)
    ).secret
    html = shop.owner.page(f"/offers/{offer}")
    for words in ("Tents Active Pays $12.50 for each conversion", "https://shop.example/gone",
                  "for 30 days", "kept, and never shown again"):  # fmt: skip
        assert words in Elements(html).text, words
    assert secret not in html
    assert "Active Tents https://shop.example/boots – $12.50" in shop.text("/offers")  # noqa: RUF001
    assert "Tents" not in shop.text("/offers?status=paused")
    # By docs/offers.md a paused one leads elsewhere, and what was sent of an archived one stays.
    assert "lead to its fallback page" not in Elements(html).text
    for status, is_elsewhere in (("paused", True), ("archived", False)):
        change = OfferChange(status=status)
        shop.site.do(shop.site.runtime.tracking.offers.change(shop.site.us, offer, change, ACTOR))
        text = shop.text(f"/offers/{offer}")
        assert ("lead to its fallback page" in text) is is_elsewhere
    assert "No offer is here" in shop.text("/offers?status=expired")
    assert shop.them.get(f"/offers/{offer}").status_code == 404


def test_reports_show_a_period_by_day_list_and_source(shop, sent):
    path, _ = sent
    for query in ("", "?period=30d", "?period=nonsense&group=nonsense"):
        text = shop.text(f"/reports{query}")
        assert "Sent 100 none in the period before Delivered 80.0 %" in text
    assert "+1 555 780 0001 100 80.0 %" in shop.text("/reports?group=list")
    html = shop.owner.page("/reports?group=origin")
    assert "Ridge, 2098-10-03" in html
    assert f"/dashboard{path}" in Elements(html).links()
    assert "Nothing was sent" in shop.text("/reports?from=2026-01-01&to=2026-01-31")
    for odd in ("from=x", "from=2026-02-01&to=2026-01-01"):
        answer = shop.owner.get(f"/reports?{odd}")
        assert (answer.status_code, "cannot be shown" in answer.text) == (400, True)
        assert shop.owner.get(f"/reports.csv?{odd}").status_code == 400
    assert "Nothing was sent" in shop.text("/reports", shop.them)


def test_cohorts_show_a_figure_by_month_and_days_since_the_sign_up(shop):
    everybody = shop.text("/reports/cohorts")
    assert re.search(r"Signed up Contacts Active 7 days .* 365 days In all", everybody)
    assert re.search(r"[A-Z][a-z]+ 20\d\d \d+ \d+\.\d %", everybody)
    assert "Week of" in shop.text("/reports/cohorts?group=week&figure=sends")
    assert re.search(
        r"List Contacts Active 7 days .* All", shop.text("/reports/cohorts?group=list")
    )
    carriers = shop.text("/reports/cohorts?group=carrier&figure=sends")
    assert re.search(r"Carrier Contacts Active 7 days .* None \d+ .* All", carriers)
    assert "Which custom field?" in shop.text("/reports/cohorts?group=custom_field")
    plans = shop.text("/reports/cohorts?group=custom_field&field=plan")
    assert re.search(r"Value Contacts Active 7 days .* All", plans)
    odd_name = "group=custom_field&field=%00"
    for odd in ("from=x", "from=2001-01-01", "list=%3F", "list=%2B15550199999", odd_name):
        answer = shop.owner.get(f"/reports/cohorts?{odd}")
        assert (answer.status_code, "cannot be shown" in answer.text) == (400, True)
    rows = csv.DictReader(
        io.StringIO(shop.owner.get("/reports/cohorts.csv").content.decode("utf-8-sig"), newline="")
    )
    whole = [each for each in rows if each["cohort"] == "total"]
    assert [each["days"] for each in whole] == ["7", "14", "30", "60", "90", "180", "365", ""]
    assert int(whole[0]["contacts"]) > 0
    assert "No contacts signed up" in shop.text("/reports/cohorts", shop.them)


def test_a_report_is_a_file_as_well(shop, sent):
    answer = shop.owner.get("/reports.csv?group=origin&period=30d")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.csv"'
    [row] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert (row["origin"], row["sent"], row["delivered"], row["revenue_USD"]) == (
        "Ridge, 2098-10-03", "100", "80", "123.4500",
    )  # fmt: skip
    del sent


def test_bars_have_the_heights_of_their_numbers():
    chart = part_chart([(50, 25), (0, 0), (100, 100)], [1, 2, 3])
    assert [(whole, part) for _, _, whole, part in chart.bars] == [(100, 50), (0, 0), (200, 200)]
    assert chart.ticks == ["100", "75", "50", "25", "0"]
    assert chart.times[0] == 1
    assert chart.times[-1] == 3
    assert part_chart([], []).bars == []


def test_days_and_amounts_are_written_for_people():
    assert earned_shown({}) == "–"  # noqa: RUF001
    both = {"USD": EarnedRevenue(1, 12_345_600), "EUR": EarnedRevenue(1, 5_000)}
    assert earned_shown(both) == "0.50 EUR, $1,234.56"


def test_days_of_a_repeating_campaign_are_named(shop):
    days = {"monday": True, "friday": True}
    made = a_schedule(
        shop.site, shop.everybody, "Weekly", ("Hello",), is_repeating=True, send_date=None,
        start_date="2098-12-31", end_date="2099-02-01", days_of_week=days,
    )  # fmt: skip
    assert days_shown(made) == "Mon, Fri, 31 Dec 2098 to 1 Feb 2099"
    assert made.dates() == (date(2098, 12, 31), date(2099, 2, 1))


def test_the_overview_names_what_is_paused(shop):
    site = shop.site
    made = a_schedule(site, shop.everybody, "Winter sale")
    run_id = a_run(site, made)
    before = shop.text("/?period=day")
    assert "Winter sale is paused" not in before
    site.do(site.runtime.runs.pause(site.us, run_id, ACTOR))
    journey = site.do(site.runtime.journeys.add(site.us, parsed(LIST), "Welcome"))
    change = site.runtime.journey_documents.change
    site.do(change(site.us, journey.id, {}, ACTOR, status=JourneyStatus.PAUSED))
    html = shop.viewer.page("/?period=week")
    text = Elements(html).text
    assert "A run of Winter sale is paused" in text
    assert "sends nothing until it is resumed or stopped." in text
    assert "Welcome is paused No contact enters it" in text
    links = Elements(html).links()
    assert f"/dashboard/campaigns/{made.ref}/runs/{run_id}" in links
    assert f"/dashboard/journeys/{journey.id}" in links
    for paused in range(3):
        a_run(site, made, RunState.PAUSED, f"2098-11-0{paused + 1}")
    assert "More runs are paused" in Elements(shop.owner.page("/")).text
    assert "is paused" not in Elements(shop.them.page("/")).text
