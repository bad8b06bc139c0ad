"""Creatives that are to earn their shares: what of earlier runs counts, and the control group."""

import random
from collections import Counter
from dataclasses import replace

from planned import EVERYBODY, LIMITS, crowd
from schedules import DAILY
from stores import NOW

from sendrail.campaigns.planning import ListSender, PagePlanner
from sendrail.campaigns.run_content import Variant, freeze, read_content
from sendrail.campaigns.run_selection import PAST_RUNS, RunSelection, past_selection
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import variant_of, variant_part
from sendrail.domain.creative import CreativeStatus, CreativeType, OfferLink
from sendrail.domain.frame import FilledFrame
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.thompson import Results
from sendrail.storage.campaigns.run_members import Member
from sendrail.storage.pipeline.origin_counts import CountKey, CountTally
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets


def texts(*creative_ids, payouts=(0, 0), percent=0):
    return tuple(
        Variant(number, f"{each}", percent, f"text {each}", {}, each, payout)
        for number, (each, payout) in enumerate(zip(creative_ids, payouts, strict=False), 1)
    )


def brought(desk, run_id, part, **counts):
    """Count results of a part of a run; `conversions_usd` are of that currency."""
    sender, tally = desk.house.list, CountTally()

    def write(tx):
        origin = Origin(OriginKind.RUN, run_id, 1, part)
        origin_id = tx.origins.find_or_add(desk.house.us, [origin])[origin]
        for what, n in counts.items():
            tally.add(CountKey(sender.lane, origin_id, sender.id, 9, what.replace("_", ":")), n)
        tx.origin_counts.add(tally)

    desk.house.write(write)


def past_of(desk, *creative_ids, account_id=None):
    us = account_id or desk.house.us
    return desk.house.read(lambda tx: past_selection(tx, us, creative_ids, is_cto=False))


def test_the_past_of_a_creative_is_summed_over_the_runs_that_had_it(desk):
    runs = [desk.begin(desk.content(variants=texts(*each))) for each in ((7, 8), (8, 9))]
    brought(desk, runs[0], "1", sent=100, clicked=10, conversions_usd=2, delivered=90)
    brought(desk, runs[0], "2", sent=100, clicked=20, bot_clicks=9)
    brought(desk, runs[1], "1", sent=50, clicked=5, conversions_eur=1)
    # What the control group got, and a second currency.
    brought(desk, runs[1], "1c", sent=10, clicked=1, conversions_usd=1)
    brought(desk, runs[1], "2", sent=1_000, clicked=1)
    found = past_of(desk, 7, 8)
    assert found.past == {7: Results(100, 10, 2), 8: Results(160, 26, 2)}
    assert found.mean == Results(1_260, 37, 4)
    assert past_of(desk, 7, account_id=desk.house.us + 1) == RunSelection()


def test_results_older_than_the_latest_fifty_runs_do_not_count(desk):
    first = desk.begin(desk.content(variants=texts(7)), date="2025-01-01")
    brought(desk, first, "1", sent=100, clicked=10)
    for day in range(PAST_RUNS - 1):
        desk.begin(desk.content(variants=texts(8)), date=f"2025-02-{day}")
    assert past_of(desk, 7).past == {7: Results(100, 10)}
    desk.begin(desk.content(variants=texts(8)), date="2025-03-01")
    assert past_of(desk, 7).past == {}


def creative(desk, *payouts):
    """Add a creative with an offer for each payout; return its id."""
    house = desk.house
    service = OfferService(house.store, PostbackSecrets(b"s" * 32), lambda: NOW)
    given = [OfferChange(name="x", tracking_url="https://x.example/", payout=each)
             for each in payouts]  # fmt: skip
    offers = [house.do(service.add(house.us, each, Actor(name="a test"))) for each in given]
    links = [
        (OfferLink(key=f"link{at}", offer_ref=offer.ref), offer.id)
        for at, offer in enumerate(offers, 1)
    ]

    def add(tx):
        values = {"status": CreativeStatus.ACTIVE, "creative_type": CreativeType.AUTOMATED,
                  "created_at": 0, "updated_at": 0}  # fmt: skip
        creative_id = tx.creatives.add(house.us, name="Sale", message="Now {{link1}}", **values)
        tx.creatives.set_links(house.us, creative_id, links)
        return creative_id

    return house.write(add)


def test_a_run_keeps_the_past_payouts_and_cto_as_they_were_when_it_began(desk):
    house, creative_id = desk.house, creative(desk, 20_000, 50_000)
    house.write(
        lambda tx: tx.audiences.add(
            house.us, ref=DAILY.audiences[0], name="All", description="",
            source_lists=(house.list.id,), filter=read_filter(EVERYBODY), status="active",
            created_at=0, updated_at=0,
        )
    )  # fmt: skip
    earlier = desk.begin(desk.content(variants=texts(creative_id)))
    brought(desk, earlier, "1", sent=100, clicked=10)
    schedule = replace(DAILY, account_id=house.us, is_cto=True, automated_percent=80)
    content = house.write(lambda tx: freeze(tx, schedule, NOW))
    stored = content.to_json()
    brought(desk, earlier, "1", sent=100, clicked=10)
    read = read_content(house.us, stored)
    assert read.variants[0].payout == 50_000
    assert read.selection == RunSelection(
        past={creative_id: Results(100, 10)}, mean=Results(100, 10), is_cto=True
    )
    assert read.automated_percent == 80


def page_of(desk, variants, results, *, before=0, count=1_000, **more):
    """Return how many of a page each part gets, with seeded dice."""
    content = desk.content(variants=variants, **more)
    planner = PagePlanner(desk.house.us, 1, content, LIMITS, random.Random(5))
    sender = desk.house.list
    framed = ListSender(sender.number, "", FilledFrame("", ""))
    members = [Member(each, sender.id, "", "", "{}") for each in crowd(count)]
    page = planner.plan(members, {sender.id: framed}, before=before, results=results)
    return Counter(variant_part(each.variant, is_control=each.is_control) for each in page.sources)


def test_the_past_decides_the_first_page_and_conversions_with_payouts_the_revenue(desk):
    past = {7: Results(2_000, 200, 0), 8: Results(2_000, 100, 50)}
    clicked = page_of(desk, texts(7, 8), {}, selection=RunSelection(past=past))
    assert clicked["1"] > 980
    paid = {"variants": texts(7, 8, payouts=(10_000, 10_000)), "results": {}}
    assert page_of(desk, **paid, selection=RunSelection(past=past))["2"] > 980
    assert page_of(desk, **paid, selection=RunSelection(past=past, is_cto=True))["1"] > 980


def test_without_a_past_a_creative_is_as_good_as_the_mean_of_the_account(desk):
    past = {7: Results(10_000, 300)}
    shares = [
        page_of(desk, texts(7, 8), {}, selection=RunSelection(past=past, mean=mean))["2"]
        for mean in (Results(10_000, 2_000), Results(10_000, 0))
    ]
    assert shares[0] > 900
    assert shares[1] < 200


def test_the_control_group_is_marked_and_spread_evenly(desk):
    best = RunSelection(past={7: Results(2_000, 900), 8: Results(2_000, 1)})
    found = page_of(desk, texts(7, 8), {}, selection=best, automated_percent=80)
    assert found["1c"] == found["2c"] == 100
    assert found["1"] + found["2"] == 800
    assert found["1"] > 780
    assert not any(part.endswith("c") for part in page_of(desk, texts(7, 8), {}))
    assert [variant_of(variant_part(12, is_control=each)) for each in (False, True)] == [12, 12]


def test_reports_show_the_control_group_apart_and_pages_learn_from_it(desk):
    desk.join(crowd(100))
    run_id = desk.begin(desk.content(variants=texts(7, 8), automated_percent=50))
    desk.plan(page_max=100)
    parts = desk.sql("SELECT part, count(*) FROM messages AS m JOIN origins AS o"
                     " ON o.id = m.origin_id GROUP BY part ORDER BY part")  # fmt: skip
    assert [part for part, _ in parts] == ["1", "1c", "2", "2c"]
    assert sum(n for part, n in parts if part.endswith("c")) == 50
    assert sum(desk.run(run_id).variants.values()) == 100
    assert set(desk.run(run_id).variants) == {1, 2}
