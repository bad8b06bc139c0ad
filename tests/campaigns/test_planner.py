"""The planner: each member of an audience once, whatever happens meanwhile.

Tests named `f1` to `f15` answer the stories of other products that the design was made for.
"""

import asyncio
from dataclasses import fields

import pytest
from planned import FIRST, HOUR, crowd
from schedules import DAILY
from stores import NOW

from sendrail.campaigns.run_content import Variant
from sendrail.contacts.number_places import place_of
from sendrail.domain.campaign_run import (
    RunReason,
    RunState,
    cap_bounds,
    is_capped,
    shown_send,
)
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.domain.recipient_links import link_to
from sendrail.domain.schedule import FrequencyCap, OutsideHours, ScheduleStatus, ScheduleTerms
from sendrail.domain.times import DAY_MS
from sendrail.domain.waves import EVERYONE, KeyRange, Wave
from sendrail.storage.pipeline.origin_counts import CountKey, CountTally

# At half past four in winter, and at half past five in summer.
FIVE_IN_NEW_YORK = 9 * HOUR + HOUR // 2
# Elsewhere callers are in the way only as long as one of their groups is under way.
EMBEDDED = pytest.mark.parametrize("house", ["sqlite"], indirect=True)
# After it, a run whose page was not taken is tried again.
REST = 500
TERMS = fields(ScheduleTerms)
HALVES = tuple(Variant(number, name, 50, name, {}) for number, name in ((1, "A"), (2, "B")))
AMY = {"condition_type": "custom_field", "field": "custom_fields.plan", "operator": "eq"}


def test_f9_a_run_is_planned_page_by_page_to_each_member_once(desk):
    desk.join(crowd(60))
    run_id = desk.begin()
    assert desk.plan(page_max=7) == 9
    assert desk.recipients(run_id) == crowd(60)
    run = desk.run(run_id)
    assert (run.planned, run.variants, run.left_out) == (60, {1: 60}, {})
    assert desk.waiting() == 60


def test_who_joins_after_the_beginning_is_not_in_the_run_whatever_the_number(desk):
    desk.join(crowd(10))
    run_id = desk.begin()
    desk.join([*crowd(5, FIRST + 100), *crowd(5, FIRST - 100)], at=NOW + 1)
    desk.join(crowd(10), at=NOW - HOUR)
    desk.sql_write(f"UPDATE list_contacts SET subscribed_at = {NOW + 1} WHERE recipient NOT BETWEEN"
                   f" {FIRST} AND {FIRST + 9}")  # fmt: skip
    desk.plan(page_max=3)
    assert desk.recipients(run_id) == crowd(10)


def test_f15_a_number_on_several_lists_gets_one_message_from_the_first_of_them(desk):
    house = desk.house
    other = house.add_list(house.us, 15550003000)
    desk.fast(other)
    desk.join(crowd(12))
    desk.join(crowd(12, FIRST + 6), other)
    run_id = desk.begin(desk.content(other, house.list))
    desk.plan(page_max=5)
    assert [(number, list_id) for number, list_id, _ in desk.messages(run_id)] == [
        *((number, house.list.id) for number in crowd(6)),
        *((number, other.id) for number in crowd(12, FIRST + 6)),
    ]


def test_several_audiences_are_one(desk):
    desk.join(crowd(20))
    desk.sql_write("UPDATE list_contacts SET custom_fields = '{\"plan\": \"pro\"}'"
                   f" WHERE recipient < {FIRST + 8}")  # fmt: skip
    desk.sql_write("UPDATE list_contacts SET custom_fields = '{\"plan\": \"free\"}'"
                   f" WHERE recipient BETWEEN {FIRST + 8} AND {FIRST + 11}")  # fmt: skip
    filters = [{"operator": "AND", "conditions": [AMY | {"value": plan}]} for plan in
               ("pro", "free")]  # fmt: skip
    run_id = desk.begin(desk.content(filters=filters))
    desk.plan(page_max=3)
    assert desk.recipients(run_id) == crowd(12)


def test_f4_who_has_opted_out_or_is_blocked_is_left_out_and_counted(desk):
    house = desk.house
    desk.join(crowd(10))
    house.write(lambda tx: tx.blocks.add(house.us, [(FIRST + 1, "")], NOW))
    desk.sql_write(f"UPDATE list_contacts SET active = {desk.false} WHERE recipient = {FIRST + 2}")
    run_id = desk.begin()
    desk.plan(page_max=4)
    assert desk.recipients(run_id) == [
        each for each in crowd(10) if each not in (FIRST + 1, FIRST + 2)
    ]
    assert desk.run(run_id).left_out == {"contact_blocked": 1}


# Texts


def test_a_text_is_filled_for_each_contact_and_framed_for_american_numbers(desk):
    desk.join([FIRST, 4915112345678])
    desk.sql_write(f"UPDATE list_contacts SET first_name = 'Amy' WHERE recipient = {FIRST}")
    run_id = desk.begin()
    desk.plan()
    assert [body for _, _, body in desk.messages(run_id)] == [
        "News: Hello Amy Reply stop to stop. Help for help.",
        "Hello friend",
    ]


def test_a_contact_without_a_value_and_default_is_left_out_as_such(desk):
    desk.join(crowd(3))
    desk.sql_write(f"UPDATE list_contacts SET first_name = 'Amy' WHERE recipient = {FIRST}")
    variants = (Variant(1, "A", 100, "Hello {{first_name}}", {}),)
    run_id = desk.begin(desk.content(variants=variants))
    desk.plan()
    assert desk.recipients(run_id) == [FIRST]
    assert desk.run(run_id).left_out == {"missing_field": 2}


def test_variants_have_their_exact_shares_at_the_end_of_each_page(desk):
    desk.join(crowd(100))
    variants = tuple(
        Variant(number, name, percent, f"{name} says hello", {})
        for number, (name, percent) in enumerate((("A", 50), ("B", 30), ("C", 20)), 1)
    )
    run_id = desk.begin(desk.content(variants=variants))
    planner = desk.planner(page_max=7)
    for _ in range(14):
        assert desk.plan(planner, steps=1) == 1
        run = desk.run(run_id)
        for variant in variants:
            share = run.planned * variant.percent / 100
            assert abs(run.variants.get(variant.number, 0) - share) <= 1
    desk.plan(planner)
    assert desk.run(run_id).variants == {1: 50, 2: 30, 3: 20}
    kept = dict(desk.sql("SELECT variant, count(*) FROM run_recipients GROUP BY variant"))
    assert kept == {1: 50, 2: 30, 3: 20}


def test_a_holdout_gets_nothing_is_remembered_and_is_the_same_in_the_next_run(desk):
    desk.join(crowd(200))
    runs = [desk.begin(desk.content(holdout_percent=percent)) for percent in (10, 10, 20)]
    for _ in runs:
        desk.plan()
    held = [
        {number for (number,) in desk.sql(
            "SELECT recipient FROM run_recipients WHERE run_id = :id AND variant = 0", id=run_id)}
        for run_id in runs
    ]  # fmt: skip
    assert held[0] == held[1] < held[2]
    assert 5 <= len(held[0]) <= 40
    for run_id, numbers in zip(runs, held, strict=True):
        assert set(desk.recipients(run_id)) == set(crowd(200)) - numbers
        assert desk.run(run_id).held_out == len(numbers)


# Caps


def test_two_runs_at_once_never_both_pass_a_cap(desk):
    desk.join(crowd(30))
    first, second = (desk.begin(desk.content(skip_within_hours=24)) for _ in range(2))
    desk.plan(page_max=4)
    assert sorted(desk.recipients(first) + desk.recipients(second)) == crowd(30)
    left = [desk.run(each).left_out.get("frequency_cap", 0) for each in (first, second)]
    assert sum(left) == 30


def test_a_cap_of_so_many_in_so_many_days_looks_at_the_last_of_them(desk):
    desk.join([FIRST])
    cap = FrequencyCap(2, 7)
    sent = []
    for day in (0, 1, 2, 6, 7.1, 8.1):
        desk.now = NOW + int(day * 24 * HOUR)
        run_id = desk.begin(desk.content(cap=cap))
        desk.plan()
        sent.append(len(desk.recipients(run_id)))
    assert sent == [1, 1, 0, 0, 1, 1]


def note_sends(desk, people, send):
    desk.house.write(lambda tx: tx.run_pages.note_sends(desk.house.us, people, send))


def capped_of(desk, account, people, bounds):
    return desk.house.read(lambda tx: tx.run_pages.capped(account, people, bounds))


def test_the_store_finds_who_is_capped_as_their_times_say(desk):
    us, people = desk.house.us, crowd(11)
    # One has none, the next one the last of them, and so on to ten, of which eight are kept.
    for hours in reversed(range(0, 100, 10)):
        some, send = people[hours // 10 + 1 :], shown_send(NOW - hours * HOUR)
        note_sends(desk, some, send)
    sends = desk.house.read(lambda tx: tx.run_pages.sends(us, people))
    assert len(sends) == 10
    many = set()
    for cap in (None, *(FrequencyCap(*each) for each in ((1, 1), (2, 1), (3, 7), (8, 4)))):
        for hours in (0, 1, 5):
            if (bounds := cap_bounds(NOW + 1, hours, cap)) is None:
                continue
            capped = {each for each, times in sends.items() if is_capped(times, bounds)}
            assert capped_of(desk, us, people, bounds) == capped
            assert capped_of(desk, us + 1, people, bounds) == set()
            many.add(len(capped))
    assert many == {10, 9, 8, 3}


# Waves


def test_waves_are_planned_each_at_its_time_and_nobody_twice(desk):
    desk.join(crowd(20))
    ranges = [
        (KeyRange(1, FIRST + 4), KeyRange(FIRST + 10, FIRST + 14)),
        (KeyRange(FIRST + 5, FIRST + 9),),
    ]
    waves = (
        Wave(NOW, NOW + 12 * HOUR, ranges=ranges[0]),
        Wave(NOW + HOUR, NOW + 12 * HOUR, ranges=ranges[1]),
        Wave(NOW + HOUR, NOW + 12 * HOUR, ranges=(EVERYONE,), is_rest=True),
    )
    run_id = desk.begin(waves=waves)
    desk.plan(page_max=3)
    assert desk.recipients(run_id) == [*crowd(5), *crowd(5, FIRST + 10)]
    desk.now = NOW + HOUR
    desk.plan(page_max=3)
    assert desk.recipients(run_id) == crowd(20)


def test_f6_a_wave_that_comes_due_does_not_start_a_run_that_is_paused(desk):
    desk.join(crowd(4))
    wave = Wave(NOW + HOUR, NOW + 12 * HOUR, ranges=(EVERYONE,))
    run_id = desk.begin(waves=(wave,))
    desk.move(run_id, RunState.PAUSED)
    desk.now = NOW + HOUR
    assert desk.plan() == 0
    assert desk.recipients() == []
    assert desk.run(run_id).state is RunState.PAUSED


def test_f5_what_is_left_at_the_end_of_a_run_is_not_sent_but_counted(desk):
    desk.join(crowd(10))
    run_id = desk.begin(waves=(Wave(NOW, NOW + HOUR, ranges=(EVERYONE,)),))
    planner = desk.planner(page_max=4)
    assert desk.plan(planner, steps=1) == 1
    desk.now = NOW + HOUR
    desk.plan(planner)
    assert desk.recipients(run_id) == crowd(4)
    assert desk.run(run_id).left_out == {"out_of_time": 6}
    desk.end(planner)
    desk.end(planner)
    run = desk.run(run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, RunReason.OUT_OF_TIME)
    assert desk.waiting() == 0, "what waited is dropped"
    assert desk.sql("SELECT DISTINCT status, detail FROM messages") == [
        ("dropped", "campaign_stopped")
    ]


def test_f10_who_is_out_of_the_audience_for_a_moment_loses_nothing(desk):
    desk.join(crowd(20))

    def plans(plan):
        desk.sql_write(f'UPDATE list_contacts SET custom_fields = \'{{"plan": "{plan}"}}\'')

    plans("pro")
    only = {"operator": "AND", "conditions": [AMY | {"value": "pro"}]}
    run_id = desk.begin(desk.content(filters=[only]))
    planner = desk.planner(page_max=5)
    desk.plan(planner, steps=2)
    # As an import does that takes all fields away, and then brings them back.
    plans("none")
    assert desk.waiting() == 10
    desk.end(planner)
    plans("pro")
    desk.plan(planner)
    desk.end(planner)
    assert desk.recipients(run_id) == crowd(20)
    assert desk.waiting() == 20
    assert desk.sql("SELECT DISTINCT status FROM messages") == [("queued",)]


# Side by side


def test_f3_a_schedule_has_one_run_of_a_date_whoever_makes_it(desk):
    assert desk.begin(date="2026-03-08") is not None
    assert desk.begin(date="2026-03-08") is None
    assert desk.begin(date="2026-03-09") is not None


def test_f8_many_runs_at_one_instant_share_by_turns_and_all_finish(desk):
    desk.join(crowd(20))
    runs = [desk.begin() for _ in range(28)]
    planner = desk.planner(page_max=10)
    assert desk.plan(planner, steps=1) == 1
    assert [desk.run(each).planned for each in runs] == [10] * 28, "each had its turn"
    desk.plan(planner)
    desk.sql_write("DELETE FROM queue")
    desk.end(planner)
    assert {desk.run(each).state for each in runs} == {RunState.FINISHED}
    assert {desk.run(each).planned for each in runs} == {20}


def test_runs_without_room_keep_no_other_from_its_turn(desk):
    house = desk.house
    other = house.add_list(house.us, 15550003000)
    desk.join(crowd(5))
    desk.join(crowd(1), other)
    house.write(lambda tx: tx.lists.change(house.us, house.list.id, rate=1))
    # As many as are looked at in one step; the first of them takes all the room that there is.
    for _ in range(65):
        desk.begin()
    last = desk.begin(desk.content(other))
    planner = desk.planner()
    for _ in range(3):
        house.do(planner.step())
    assert desk.run(last).planned == 1
    assert len(desk.sql("SELECT 1 FROM messages")) == 2


def test_runs_that_wait_keep_no_other_from_being_paused_or_finished(desk):
    house = desk.house
    lists = [house.add_list(house.us, 15550003000 + each) for each in range(2)]
    for each in (house.list, *lists):
        desk.join(crowd(1), each)
    # As many as are looked at in one step.
    waiting = [desk.begin() for _ in range(64)]
    away, over = [desk.begin(desk.content(each)) for each in lists]
    planner = desk.planner()
    desk.plan(planner)
    house.write(lambda tx: tx.lists.change(house.us, lists[0].id, status="paused"))
    desk.sql_write(f"DELETE FROM queue WHERE list_id = {lists[1].id}")
    for _ in range(2):
        desk.end(planner)
    assert desk.run(away).state is RunState.PAUSED
    assert desk.run(over).state is RunState.FINISHED
    assert {desk.run(each).state for each in waiting} == {RunState.RUNNING}
    # And from the first again.
    desk.sql_write("DELETE FROM queue")
    desk.end(planner)
    assert {desk.run(each).state for each in waiting} == {RunState.FINISHED}


def test_f7_no_more_is_queued_than_a_list_sends_within_a_minute(desk):
    house = desk.house
    desk.fast(house.list, rate=12)
    desk.join(crowd(40))
    run_id = desk.begin()
    desk.plan()
    assert desk.waiting() == 12
    desk.sql_write(f"DELETE FROM queue WHERE number IN"
                   f" (SELECT number FROM messages WHERE recipient < {FIRST + 5})")  # fmt: skip
    desk.plan()
    assert desk.waiting() == 12
    assert desk.recipients(run_id) == crowd(17)


def test_f1_a_page_whose_messages_are_refused_moves_no_cursor(desk):
    house = desk.house
    desk.join(crowd(10))
    run_id = desk.begin()
    planner = desk.planner(page_max=4)
    planner._intake.full_accounts = frozenset({house.us})
    assert desk.plan(planner) == 0
    run = desk.run(run_id)
    assert (run.state, run.planned, run.left_out) == (RunState.RUNNING, 0, {})
    planner._intake.full_accounts = frozenset()
    desk.now += REST
    desk.plan(planner)
    assert desk.recipients(run_id) == crowd(10)


def test_a_run_whose_pages_are_refused_rests_for_longer_each_time_until_one_is_taken(desk):
    desk.join(crowd(20))
    run_id = desk.begin()
    planner, offered = desk.planner(page_max=4), []
    recorded(planner, offered)

    def refuse(until):
        planner._intake.full_accounts = frozenset({desk.house.us})
        offered.clear()
        for at in range(0, until + 1, REST):
            desk.now = NOW + at
            desk.plan(planner, steps=1)
        return len(offered)

    # After 0, 0.5, 1.5 and 3.5 seconds; then after 7.5, 15.5, 31.5, and once a minute.
    assert refuse(8 * REST) == 4
    assert refuse(600 * REST) == 7
    planner._intake.full_accounts = frozenset()
    desk.now += 60_000
    assert desk.plan(planner, steps=1) == 1
    assert refuse(REST) == 2, "one that was taken begins anew"
    assert desk.run(run_id).planned == 4


def recorded(planner, offered):
    """Record how many contacts each page has that a planner offers."""
    offer = planner._intake.offer

    def record(submission):
        offered.append(len(submission._plan.orders))
        offer(submission)

    planner._intake.offer = record


@EMBEDDED
def test_beside_callers_a_page_is_several_transactions_each_of_them_short(desk):
    house = desk.house
    desk.join(crowd(280))
    run_id = desk.begin(desk.content(variants=HALVES))
    planner, offered = desk.planner(), []
    order = Order(FIRST - 1, house.list.number, "Hello", int(Skip.DUPLICATE))
    house.do(planner._intake.accept(house.us, [order]))
    # As delivery does meanwhile: callers come again all the same.
    house.write(lambda _: None, house.store.beside())
    recorded(planner, offered)
    desk.plan(planner, steps=1)
    assert offered == [25] * 10
    desk.now += 1_000
    desk.plan(planner)
    assert offered[-1] == 30, "without callers a page is one"
    assert desk.recipients(run_id) == crowd(280)
    assert desk.run(run_id).variants == {1: 140, 2: 140}, "shares are exact all the same"


@EMBEDDED
def test_a_page_of_which_another_planner_takes_a_part_ends_there(desk):
    house = desk.house
    desk.join(crowd(120))
    run_id = desk.begin()
    planner, other = desk.planner(), desk.planner()
    order = Order(FIRST - 1, house.list.number, "Hello", int(Skip.DUPLICATE))
    house.do(planner._intake.accept(house.us, [order]))
    offer, offered = planner._intake.offer, []

    def race(submission):
        offered.append(submission)
        if len(offered) == 1:
            offer(submission)
        else:
            # The others have been planned meanwhile.
            plan = asyncio.ensure_future(other.step())
            plan.add_done_callback(lambda _: offer(submission))

    planner._intake.offer = race
    desk.plan(planner, steps=1)
    assert len(offered) == 2
    desk.plan(planner)
    assert desk.recipients(run_id) == crowd(120)
    assert desk.run(run_id).planned == 120


def test_a_run_whose_list_or_account_may_not_send_is_paused_and_says_why(desk):
    house = desk.house
    desk.join(crowd(10))
    run_id = desk.begin()
    house.write(lambda tx: tx.lists.change(house.us, house.list.id, status="paused"))
    assert desk.plan() == 0
    run = desk.run(run_id)
    assert (run.state, run.reason) == (RunState.PAUSED, RunReason.LIST_INACTIVE)
    house.write(lambda tx: tx.lists.change(house.us, house.list.id, status="active"))
    house.write(lambda tx: tx.accounts.set_status(house.us, "suspended"))
    desk.move(run_id, RunState.RUNNING)
    assert desk.plan() == 0
    assert desk.run(run_id).reason is RunReason.ACCOUNT_SUSPENDED
    assert desk.recipients() == []


def test_a_run_brakes_itself_by_what_is_counted_of_its_messages(desk):
    desk.join(crowd(20))
    run_id = desk.begin()
    planner = desk.planner(page_max=4)
    desk.plan(planner, steps=1)
    desk.end(planner)
    [(origin_id,)] = desk.sql("SELECT id FROM origins")

    def count(what, n):
        tally = CountTally()
        sender = desk.house.list
        tally.add(CountKey(sender.lane, origin_id, sender.id, 9, what), n)
        desk.house.write(lambda tx: tx.origin_counts.add(tally))

    count("sent", 1_000)
    count("opt_outs", 30)
    desk.end(planner)
    assert desk.run(run_id).state is RunState.RUNNING
    count("@opt_outs", 1_000)
    count("opt_outs", 1)
    desk.end(planner)
    run = desk.run(run_id)
    assert (run.state, run.reason) == (RunState.PAUSED, RunReason.OPT_OUTS)
    assert desk.plan(planner) == 0


def test_of_an_erased_person_no_run_keeps_anything(desk):
    desk.join(crowd(3))
    desk.begin(desk.content(skip_within_hours=1))
    desk.plan()
    us = desk.house.us
    desk.house.write(lambda tx: tx.erasure.forget(us, FIRST, NOW))
    for table in ("run_recipients", "campaign_sends"):
        assert desk.sql(f"SELECT recipient FROM {table} ORDER BY recipient") == [
            (FIRST + 1,), (FIRST + 2,),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("outside", "ends_after", "left"),
    [(OutsideHours.HOLD, 12, 0), (OutsideHours.HOLD, 2, 3), (OutsideHours.SKIP, 12, 3)],
)
def test_whom_quiet_hours_keep_past_the_end_of_a_run_is_left_out(desk, outside, ends_after, left):
    desk.join(crowd(3))
    desk.now = NOW - NOW % DAY_MS + FIVE_IN_NEW_YORK
    desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    wave = Wave(desk.now, desk.now + ends_after * HOUR, ranges=(EVERYONE,))
    run_id = desk.begin(desk.content(outside_hours=outside), (wave,))
    desk.plan()
    assert desk.run(run_id).left_out == ({"quiet_hours": left} if left else {})
    assert len(desk.recipients(run_id)) == 3 - left


def test_a_message_keeps_the_values_that_its_links_name(desk):
    desk.join(crowd(2))
    desk.sql_write(f"UPDATE list_contacts SET first_name = 'Ann Lee' WHERE recipient = {FIRST}")
    link = link_to(17, "https://shop.example/?n={{contact.first_name}}&c={{click_id}}")
    desk.begin(desk.content(variants=(Variant(1, "A", 100, "See {{link1}}", {"link1": link}),)))
    desk.plan()
    assert desk.sql("SELECT recipient, links FROM messages ORDER BY recipient") == [
        (FIRST, "17?first_name=Ann%20Lee"),
        (FIRST + 1, "17"),
    ]


def test_a_run_at_which_planning_breaks_is_paused_and_the_others_go_on(desk):
    desk.join(crowd(3))
    broken, whole = desk.begin(), desk.begin()
    desk.sql_write(f"UPDATE runs SET content = '{{}}' WHERE id = {broken}")
    planner = desk.planner()
    desk.plan(planner)
    run = desk.run(broken)
    assert (run.state, run.reason) == (RunState.PAUSED, RunReason.BROKEN)
    assert len(desk.recipients(whole)) == 3


def test_a_run_at_whose_end_work_breaks_stops_no_other(desk):
    desk.join(crowd(3))
    broken, whole = desk.begin(), desk.begin()
    planner = desk.planner()
    desk.plan(planner)
    desk.sql_write(f"UPDATE runs SET content = '{{}}' WHERE id = {broken}")
    desk.sql_write("DELETE FROM queue")
    desk.end(planner)
    assert desk.run(broken).state is RunState.PAUSED
    assert desk.run(whole).state is RunState.FINISHED


def test_a_run_that_finds_no_contact_is_skipped_and_says_so(desk):
    desk.join(crowd(3), at=NOW + 1)
    run_id = desk.begin()
    planner = desk.planner()
    desk.plan(planner)
    desk.now += HOUR
    desk.end(planner)
    run = desk.run(run_id)
    assert (run.state, run.reason) == (RunState.SKIPPED, RunReason.EMPTY_AUDIENCE)
    assert run.ended_at == desk.now
    # Its text counts for none that was sent.
    assert desk.house.read(lambda tx: tx.runs.begun(desk.house.us, 9)) == []
    assert desk.house.read(lambda tx: tx.runs.next_work_at()) is None


@pytest.mark.parametrize("share", [{"holdout_percent": 50}, {"skip_within_hours": 24}])
def test_a_run_whose_contacts_all_get_nothing_is_no_empty_one(desk, share):
    desk.join(crowd(1) if "skip_within_hours" in share else crowd(8))
    if "skip_within_hours" in share:
        desk.begin()
        desk.plan()
    run_id = desk.begin(desk.content(**share))
    planner = desk.planner()
    desk.plan(planner)
    desk.sql_write("DELETE FROM queue")
    # As if none of the others had come by.
    desk.sql_write(f"UPDATE runs SET planned = 0 WHERE id = {run_id}")
    desk.end(planner)
    run = desk.run(run_id)
    assert run.held_out or run.left_out
    assert (run.state, run.reason) == (RunState.FINISHED, None)


def test_a_run_is_empty_only_once_all_of_its_waves_are(desk):
    desk.join([FIRST])
    hours = [(desk.now + at * HOUR, desk.now + 9 * HOUR) for at in (0, 1)]
    ranges = [KeyRange(1, FIRST - 1), KeyRange(FIRST, FIRST)]
    waves = tuple(Wave(*hour, ranges=(each,)) for hour, each in zip(hours, ranges, strict=True))
    run_id = desk.begin(waves=waves)
    planner = desk.planner()
    desk.plan(planner)
    desk.end(planner)
    assert desk.run(run_id).state is RunState.RUNNING
    desk.now += HOUR
    desk.plan(planner)
    desk.sql_write("DELETE FROM queue")
    desk.end(planner)
    assert desk.run(run_id).state is RunState.FINISHED


def test_a_creative_that_is_clicked_more_gets_more_of_the_next_pages(desk):
    desk.join(crowd(1_000))
    variants = tuple(Variant(number, name, 0, name, {}) for number, name in ((1, "A"), (2, "B")))
    run_id = desk.begin(desk.content(variants=variants))
    planner = desk.planner(page_max=200)
    desk.plan(planner, steps=1)
    first = desk.run(run_id).variants
    assert set(first) == {1, 2}
    sender, tally = desk.house.list, CountTally()
    for part, origin_id in desk.sql("SELECT part, id FROM origins"):
        for what, n in (("sent", 500), ("clicked", 100 if part == "2" else 10)):
            tally.add(CountKey(sender.lane, origin_id, sender.id, 9, what), n)
    desk.house.write(lambda tx: tx.origin_counts.add(tally))
    desk.plan(planner)
    won = {each: desk.run(run_id).variants[each] - first[each] for each in first}
    assert won[2] > 9 * won[1]
    assert won[1] + won[2] == 800


def test_the_planner_is_told_when_there_is_work_next(desk):
    house = desk.house

    def next_at():
        return house.read(lambda tx: tx.runs.next_work_at())

    def add_schedule(status, next_at):
        terms = ScheduleTerms(**{each.name: getattr(DAILY, each.name) for each in TERMS})
        values = {"status": status.value, "on_since": 0, "created_at": 0, "updated_at": 0}
        ref = f"{next_at:024}"
        return house.write(
            lambda tx: tx.schedules.add(house.us, terms, ref=ref, next_at=next_at, **values)
        )

    assert next_at() is None
    add_schedule(ScheduleStatus.ON, NOW + HOUR)
    add_schedule(ScheduleStatus.ON, NOW + 2 * HOUR)
    off = add_schedule(ScheduleStatus.OFF, NOW + 3 * HOUR)
    assert next_at() == NOW + HOUR
    run_id = desk.begin(state=RunState.DUE)
    # Of a schedule that is on.
    desk.sql_write(f"UPDATE runs SET schedule_id = {off - 1}")
    for state, at in [
        (RunState.DUE, 0), (RunState.RUNNING, 0), (RunState.PAUSED, NOW + HOUR),
        (RunState.FINISHED, NOW + HOUR), (RunState.SKIPPED, NOW + HOUR),
    ]:  # fmt: skip
        desk.sql_write(f"UPDATE runs SET state = '{state.value}' WHERE id = {run_id}")
        assert next_at() == at
    desk.sql_write(f"UPDATE runs SET schedule_id = {off}, state = 'paused'")
    assert next_at() == 0
    desk.sql_write("UPDATE runs SET state = 'finished'")
    assert next_at() == NOW + HOUR
    desk.sql_write("UPDATE runs SET sweep = 'drop'")
    assert next_at() == 0
