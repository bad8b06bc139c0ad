"""Delivery over a real store: at what pace, in which order, and what is dropped instead."""

import asyncio
import math

import pytest
from grounds import embedded_only

from sendrail.domain.message import Skip

ANN, BEN, CID = 15550100001, 15550100002, 15550100003
CROWD = range(15550100000, 15550110000)


def most_in_a_second(times):
    return max((sum(begin <= at < begin + 0.999999 for at in times) for begin in times), default=0)


# Pace


def test_no_list_ever_exceeds_its_own_pace(road):
    lists = [road.add_list(rate=rate) for rate in (60, 600, 1_500, 6_000)]
    for at, sender in enumerate(lists):
        road.send(sender, *CROWD[at * 500 : at * 500 + 500])
    road.deliver(10)
    for sender in lists:
        times = road.carrier.times(sender)
        assert most_in_a_second(times) <= math.ceil(sender.rate / 60)
        assert len(times) == pytest.approx(min(500, 10 * sender.rate / 60), rel=0.03, abs=2)


def test_a_low_rate_sends_one_message_a_minute(road):
    sender = road.add_list(rate=1)
    road.send(sender, *CROWD[:3])
    road.deliver(150)
    first, second, third = road.carrier.times(sender)
    assert second - first == pytest.approx(60, abs=0.3)
    assert third - second == pytest.approx(60, abs=0.3)


def test_a_changed_rate_holds_at_once(road):
    sender = road.add_list(rate=60)
    road.send(sender, *CROWD[:200])
    road.deliver(3)
    slow = len(road.carrier.taken)
    assert slow == pytest.approx(3, abs=1)
    road.change_list(sender, rate=3_000)
    # The message whose time was set by the old rate still waits for it.
    road.pass_time(1)
    slow = len(road.carrier.taken)
    road.pass_time(3)
    assert len(road.carrier.taken) - slow == pytest.approx(150, rel=0.1)


def test_a_stall_is_not_made_up_for(road):
    sender = road.add_list(rate=600)
    road.send(sender, *CROWD[:200])
    road.deliver(2)
    sent = len(road.carrier.taken)
    # The process hangs: nothing runs, and the clock goes on.
    road.clock.advance(5)
    road.pass_time(1)
    assert len(road.carrier.taken) - sent <= 10 + 3
    assert most_in_a_second(road.carrier.times(sender)) <= 10


def test_a_commit_that_takes_long_lets_no_two_rounds_leave_at_once(road):
    # The rounds of the others, which commit as well, are not to fall between a claim and its end.
    road.follows_changes = False
    sender = road.add_list(rate=60)
    road.send(sender, *CROWD[:20])

    def slowly_for_every_other_message():
        road.clock.advance(0.0 if len(road.carrier.taken) % 2 else 1.5)

    road.store.before_commit = slowly_for_every_other_message
    road.deliver(30)
    assert len(road.carrier.taken) > 8
    assert most_in_a_second(road.carrier.times(sender)) <= 1


def test_a_new_owner_leaves_a_second_to_what_the_former_one_sent(road):
    sender = road.add_list(rate=600)
    road.send(sender, *CROWD[:100])
    road.deliver(1)
    road.stop_all()
    road.start_all()
    road.pass_time(2)
    assert len(road.carrier.taken) > 15
    assert most_in_a_second(road.carrier.times(sender)) <= 10


def test_a_new_owner_keeps_a_connectors_contract_even_for_what_skips_the_rate(make_road):
    road = make_road(mps=10)
    road.send(road.add_list(), *CROWD[:100], skips=Skip.RATE_LIMIT)
    road.deliver(3)
    for _ in range(2):
        road.stop_all()
        road.start_all()
        road.pass_time(2)
    times = [at for at, _ in road.carrier.taken]
    assert len(times) > 40
    assert most_in_a_second(times) <= 10


def test_messages_that_skip_the_rate_pass_ahead_of_the_queue(road):
    sender = road.add_list(rate=60)
    road.send(sender, *CROWD[:50])
    # Between two of a second each: none is about to leave.
    road.deliver(1.5)
    road.send(sender, *CROWD[100:130], skips=Skip.RATE_LIMIT)
    before = len(road.carrier.taken)
    road.pass_time(0.1)
    assert road.carrier.recipients[before : before + 30] == list(CROWD[100:130])
    road.pass_time(2)
    # The paced ones go on at their own pace, neither faster nor slower.
    paced = [at for at, message in road.carrier.taken if message.recipient < CROWD[50]]
    assert len(paced) == pytest.approx(4, abs=1)


def test_what_a_campaign_queued_waits_for_what_callers_send_and_shares_the_lists_pace(road):
    sender = road.add_list(rate=60)
    road.send(sender, *CROWD[:50], skips=Skip.CAMPAIGN)
    # Between two of a second each: none is about to leave.
    road.deliver(1.5)
    road.send(sender, *CROWD[100:105])
    before = len(road.carrier.taken)
    road.deliver(10)
    assert road.carrier.recipients[before : before + 5] == list(CROWD[100:105])
    assert road.carrier.recipients[before + 5 : before + 8] == list(CROWD[before : before + 3])
    assert most_in_a_second([at for at, _ in road.carrier.taken]) == 1


def test_a_connectors_contract_holds_for_all_its_lists_and_even_for_what_skips_the_rate(make_road):
    road = make_road(mps=20)
    lists = [road.add_list() for _ in range(5)]
    for at, sender in enumerate(lists):
        road.send(sender, *CROWD[at * 100 : at * 100 + 50])
        road.send(sender, *CROWD[at * 100 + 50 : at * 100 + 100], skips=Skip.RATE_LIMIT)
    road.deliver(5)
    times = [at for at, _ in road.carrier.taken]
    assert most_in_a_second(times) <= 20
    assert len(times) == pytest.approx(100, abs=6)


def test_lists_that_share_a_connector_get_fair_shares_of_it(make_road):
    road = make_road(mps=20)
    lists = [road.add_list() for _ in range(4)]
    for at, sender in enumerate(lists):
        road.send(sender, *CROWD[at * 500 : at * 500 + 500])
    road.deliver(20)
    shares = [len(road.carrier.times(sender)) for sender in lists]
    assert sum(shares) == pytest.approx(400, abs=10)
    assert min(shares) > 60


def test_a_small_window_is_filled_again_as_answers_come(make_road):
    road = make_road(window=5)
    sender = road.add_list(rate=60_000)
    road.send(sender, *CROWD[:1_000])
    road.deliver(3)
    assert most_in_a_second(road.carrier.times(sender)) > 300


def test_lists_that_may_send_more_than_a_round_holds_need_not_wait_for_the_next_tick(make_road):
    road = make_road(window=100_000)
    for at in range(4):
        road.send(road.add_list(rate=6_000_000), *CROWD[at * 1_000 : at * 1_000 + 1_000])
    road.deliver(3)
    times = [at for at, _ in road.carrier.taken]
    assert len(times) == 4_000
    assert max(times) - min(times) < 0.1


# Order, and what a list costs


def test_a_list_is_first_in_first_out(road):
    sender = road.add_list(rate=6_000)
    for start in range(0, 300, 50):
        road.send(sender, *CROWD[start : start + 50])
        if start == 100:
            road.deliver(0.3)
    road.deliver(5)
    assert road.carrier.recipients == list(CROWD[:300])


@embedded_only  # to make that many takes long elsewhere
def test_ten_thousand_lists_with_a_message_each_are_served_in_a_few_rounds(road):
    lists = road.add_lists(10_000, rate=60)
    road.intake.full_accounts = frozenset()
    for start in range(0, 10_000, 1_000):
        road.accept(*(road.order(sender, ANN) for sender in lists[start : start + 1_000]))
    road.open_delivery()

    async def rounds():
        await road.worker.look()
        assert len(road.pacer) == 10_000
        steps = 0
        while len(road.carrier.taken) < 10_000:
            steps += 1
            assert steps < 200
            if not await road.worker.step():
                await asyncio.sleep(0.01)
        return steps

    steps = road.do(rounds())
    assert steps <= 150
    assert len({message.sender for _, message in road.carrier.taken}) == 10_000
    road.deliver(5)
    assert len(road.pacer) == 0


def test_a_list_at_rest_is_forgotten_and_woken_by_its_next_message(road):
    sender = road.add_list(rate=60)
    road.send(sender, ANN)
    road.deliver(3)
    assert len(road.pacer) == 0
    road.send(sender, BEN)
    road.pass_time(0.1)
    assert road.carrier.recipients == [ANN, BEN]


def test_messages_of_another_process_are_found_without_a_hint(road):
    sender = road.add_list()
    road.start_all()
    elsewhere = road.ground.open()
    road.do(road.open_intake(store=elsewhere).accept(road.account, [road.order(sender, ANN)]))
    road.pass_time(0.7)
    assert road.carrier.recipients == [ANN]
    road.do(elsewhere.close())


def test_the_text_that_leaves_carries_the_message_id(road):
    sender = road.add_list()
    [message_id] = road.send(sender, ANN, body="See {{messageId}} and {{messageId}}")
    road.deliver()
    [(_, outbound)] = road.carrier.taken
    assert outbound.body == f"See {message_id} and {message_id}"
    assert (outbound.message_id, outbound.sender) == (message_id, sender.shown)


# The second asking


def unsubscribed(road, sender):
    road.unsubscribe(sender, ANN)


SECOND_THOUGHTS = [
    (unsubscribed, "contact_blocked", Skip.CONTACT_VALIDATION),
    (
        lambda road, _: road.block(ANN),
        "contact_blocked",
        Skip.CONTACT_VALIDATION,
    ),
    (lambda road, sender: road.change_list(sender, status="paused"), "inactive_list", None),
    (lambda road, sender: road.change_list(sender, status="suspended"), "inactive_list", None),
    (lambda road, sender: road.change_list(sender, status="deleted"), "inactive_list", None),
    (
        lambda road, _: road.write(lambda tx: tx.accounts.set_status(road.account, "suspended")),
        "account_suspended",
        None,
    ),
    (
        lambda road, sender: road.change_list(sender, byoc=True, verified_at=None),
        "webhook_not_configured",
        None,
    ),
    (
        lambda road, _: road.write(lambda tx: tx.accounts.set_blocked_words(road.account, "hello")),
        "blocked_content",
        None,
    ),
    (lambda road, _: setattr(road, "blocked_words", "loan,hello"), "blocked_content", None),
]
FLAGS = [Skip.NONE, Skip.DUPLICATE, Skip.RATE_LIMIT, Skip.CONTACT_VALIDATION, Skip.JOURNEY]


@pytest.mark.parametrize(("happens", "detail", "opens"), SECOND_THOUGHTS)
def test_what_happens_while_a_message_waits_wins_unless_its_flag_says_otherwise(
    road, happens, detail, opens
):
    sender = road.add_list()
    sent = {
        flag: road.send(sender, ANN, body=f"Hello {n}", skips=flag) for n, flag in enumerate(FLAGS)
    }
    happens(road, sender)
    road.deliver(1)
    assert {flag: road.fates(message_ids) for flag, message_ids in sent.items()} == {
        flag: [("sent", None) if flag == opens else ("dropped", detail)] for flag in FLAGS
    }
    goes = [f"Hello {n}" for n, flag in enumerate(FLAGS) if flag == opens]
    assert [message.body for message in road.carrier.messages] == goes
    assert road.counted("messages_dropped_total", reason=detail) == len(FLAGS) - len(goes)
    road.pass_time(1)
    assert len(road.pacer) == 0


def test_a_dropped_message_costs_no_pace(road):
    sender = road.add_list(rate=60)
    road.accept(
        *(
            road.order(sender, recipient, f"Hello {n}")
            for n, recipient in enumerate([BEN, CID, BEN, CID])
        )
    )
    road.block(BEN)
    road.deliver(1.9)
    assert road.carrier.recipients == [CID, CID]


def test_a_list_whose_row_is_gone_leaves_orphans(road):
    sender = road.add_list()
    message_ids = [
        *road.send(sender, *CROWD[:700]),
        *road.send(sender, ANN, body="ahead", skips=Skip.RATE_LIMIT),
    ]
    road.sql("DELETE FROM lists WHERE id = ?", sender.id)
    road.deliver(1)
    assert set(road.sql("SELECT status, detail FROM messages")) == {("orphaned", "orphan")}
    assert len(message_ids) == 701
    assert road.sql("SELECT count(*) FROM queue") == [(0,)]
    assert road.carrier.taken == []
    assert len(road.pacer) == 0


# Stale


def test_what_waited_too_long_is_swept_thousands_at_once_and_the_young_go(road):
    sender = road.add_list()
    for start in range(0, 3_000, 500):
        road.send(sender, *CROWD[start : start + 500])
    road.send(sender, *CROWD[5_000:5_400], skips=Skip.RATE_LIMIT)
    road.clock.advance(31 * 60)
    young = road.send(sender, ANN, body="young")
    road.deliver(2)
    assert road.carrier.recipients == [ANN]
    assert road.fates(young) == [("sent", None)]
    assert road.sql("SELECT status, detail, count(*) FROM messages GROUP BY 1, 2 ORDER BY 1") == [
        ("dropped", "stale", 3_400),
        ("sent", None, 1),
    ]


@pytest.mark.parametrize(("late_ms", "fate"), [(0, ("sent", None)), (1, ("dropped", "stale"))])
def test_stale_begins_right_after_half_an_hour(road, late_ms, fate):
    [message_id] = road.send(road.add_list(), ANN)
    road.clock.advance(30 * 60 + late_ms / 1000)
    road.open_delivery()

    async def once():
        await road.worker.look()
        await road.worker.step()
        await asyncio.sleep(0.01)

    road.do(once())
    assert road.fate(message_id) == fate


@embedded_only  # half an hour of looks
def test_a_slow_list_drops_what_it_cannot_send_in_time(road):
    sender = road.add_list(rate=1)
    road.send(sender, *CROWD[:60])
    road.deliver(62 * 60)
    assert 30 <= len(road.carrier.taken) <= 32
    assert road.sql("SELECT count(*) FROM queue") == [(0,)]


# What goes along


@pytest.mark.parametrize("reads", [True, False, None])
def test_a_carrier_that_reads_metadata_is_given_it(make_road, reads):
    road = make_road()
    if reads is not None:
        road.carrier.reads_metadata = reads
    sender = road.add_list()
    road.accept(road.order(sender, ANN, metadata=b'{"template": "1"}'), road.order(sender, BEN))
    road.deliver(2)
    given = {message.recipient: message.metadata for _, message in road.carrier.taken}
    assert given == {ANN: '{"template": "1"}' if reads else None, BEN: None}
