"""What carriers answer, and when: retries, throttles, full windows, silence, and other trouble."""

import asyncio
import itertools
import pickle
from dataclasses import replace
from itertools import pairwise

import pytest
from grounds import embedded_only

from sendrail.domain.delivery import (
    Failed,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import SetupError, StorageUnavailable
from sendrail.domain.message import Skip, Status
from sendrail.domain.receipt import Receipt
from sendrail.domain.retry import ATTEMPTS_MAX
from sendrail.domain.sender import OnUncertain

ANN, BEN, CID = 15550100001, 15550100002, 15550100003
CROWD = range(15550100000, 15550110000)


# Outcomes


def test_a_failed_attempt_is_repeated_with_longer_and_longer_waits(road):
    road.carrier.will(ANN, *[Failed("busy")] * 4)
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(400)
    assert road.fate(message_id) == ("sent", None)
    times = [at for at, _ in road.carrier.taken]
    waits = [b - a for a, b in pairwise(times)]
    assert len(waits) == 4
    for wait, middle in zip(waits, (5, 15, 45, 120), strict=True):
        assert 0.75 * middle <= wait <= 1.25 * middle + 0.1
    assert road.find(message_id).attempt == 5


def test_after_the_last_attempt_a_message_has_failed(road):
    road.carrier.will(ANN, *[Failed("busy")] * 9)
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(600)
    assert road.fate(message_id) == ("failed", "busy")
    assert len(road.carrier.taken) == 5
    number = road.ids.read(message_id)
    attempts = road.read(lambda tx: tx.lookup.attempts(road.account, number))
    assert [(each.attempt, each.outcome) for each in attempts] == [
        (n, "failed") for n in range(1, 6)
    ]
    assert len(road.pacer) == 0


def test_a_rejected_message_has_failed_at_once(road):
    road.carrier.will(ANN, Rejected("landline"))
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver()
    assert road.fate(message_id) == ("failed", "landline")
    assert len(road.carrier.taken) == 1


def test_a_stop_that_comes_between_two_attempts_ends_them(road):
    sender = road.add_list()
    road.carrier.will(ANN, Failed("busy"))
    [message_id] = road.send(sender, ANN)
    road.deliver(2)
    road.unsubscribe(sender, ANN)
    road.pass_time(10)
    assert road.fate(message_id) == ("dropped", "contact_blocked")
    assert len(road.carrier.taken) == 1


def test_a_throttle_slows_its_own_connector_and_costs_no_attempt(road):
    slow, quick = road.add_list(), road.add_list(connector=road.add_connector())
    road.carrier.will(ANN, *[Throttled(3_000)] * 7)
    [message_id] = road.send(slow, ANN)
    road.send(quick, *CROWD[:100])
    road.deliver(1)
    other = road.carriers[quick.connector_id]
    assert len(other.taken) == 100
    assert road.fate(message_id) == ("queued", None)
    road.pass_time(300)
    assert road.fate(message_id) == ("sent", None)
    assert road.find(message_id).attempt == 1
    times = [at for at, _ in road.carrier.taken]
    assert times[1] - times[0] >= 3.0
    assert road.counted("connector_throttles_total", connector="connector-0") == 7
    assert road.counted("connector_throttles_total", connector="connector-1") == 0


def test_a_carrier_that_is_away_rests_its_own_connector_and_costs_no_attempt(road):
    absent, present = road.add_list(), road.add_list(connector=road.add_connector())
    road.carrier.will(ANN, *[Unavailable("not bound", 3_000)] * 7)
    [message_id] = road.send(absent, ANN)
    road.send(present, *CROWD[:100])
    road.deliver(1)
    assert len(road.carriers[present.connector_id].taken) == 100
    assert road.fate(message_id) == ("queued", None)
    road.pass_time(30)
    assert road.fate(message_id) == ("sent", None)
    assert road.find(message_id).attempt == 1
    times = [at for at, _ in road.carrier.taken]
    assert all(3.0 <= later - earlier < 4.0 for earlier, later in itertools.pairwise(times))


def test_throttled_messages_keep_their_order(road):
    for recipient in CROWD[:20]:
        road.carrier.will(recipient, Throttled(1_000))
    road.send(road.add_list(), *CROWD[:40])
    road.deliver(30)
    accepted = list(dict.fromkeys(reversed(road.carrier.recipients)))[::-1]
    assert [each for each in accepted if each in CROWD[:20]] == list(CROWD[:20])
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(40,)]


def test_full_queues_of_a_few_recipients_pause_no_connector(make_road):
    # SMPP 3.4, 5.1.3: ESME_RMSGQFUL.
    road = make_road(stale_after_ms=600_000)
    sender = road.add_list()
    full = CROWD[50:450:100]
    for at, recipient in enumerate(full):
        road.carrier.will(recipient, *[Throttled(1_000, may_be_own=True)] * (1 if at else 3))
    road.send(sender, *CROWD[:500])
    road.deliver(120)
    assert road.sql("SELECT status, attempt, count(*) FROM messages GROUP BY 1, 2") == [
        ("sent", 1, 500)
    ]
    assert road.counted("connector_throttles_total", connector="connector-0") == 0
    times = [at for at, message in road.carrier.taken if message.recipient not in full]
    assert all(later - earlier < 0.5 for earlier, later in itertools.pairwise(times))
    # It waits apart, longer each time.
    tries = [at for at, message in road.carrier.taken if message.recipient == full[0]]
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert waits == pytest.approx([10, 20, 40], abs=2)


def test_a_carrier_whose_whole_queue_is_full_is_paused_for(make_road):
    road = make_road(stale_after_ms=600_000)
    for recipient in CROWD[:200]:
        road.carrier.will(recipient, *[Throttled(1_000, may_be_own=True)] * 1_000)
    road.send(road.add_list(), *CROWD[:200])
    road.deliver(120)
    times = [at - road.carrier.taken[0][0] for at, _ in road.carrier.taken]
    assert len([at for at in times if at >= 10]) <= 12


@pytest.mark.parametrize("skips", [Skip.NONE, Skip.RATE_LIMIT], ids=["paced", "ahead"])
def test_handsets_whose_queue_is_full_do_not_stop_the_others(make_road, skips):
    # SMPP 3.4, 5.1.3: ESME_RMSGQFUL. Many centres mean the queue of one handset by it.
    road = make_road(stale_after_ms=1_800_000)
    sender = road.add_list()
    for recipient in CROWD[1000:1003]:
        road.carrier.will(recipient, *[Throttled(1_000)] * 1_000)
    full = road.send(sender, *CROWD[1000:1003], skips=skips)
    road.deliver(300)
    road.send(sender, *CROWD[10:50])
    road.deliver(120)
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(40,)]
    # Later ones wait for no more than a pause, and are seldom paused for.
    tries = len(road.carrier.taken)
    for at in range(50, 110, 10):
        road.send(sender, *CROWD[at : at + 10])
        road.deliver(60)
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(100,)]
    assert len(road.carrier.taken) - tries - 60 <= 6 * 3 + 3
    # They cost no attempt, and are dropped when all others would be.
    assert {road.fate(each) for each in full} == {("queued", None)}
    road.deliver(1_300)
    assert {road.fate(each) for each in full} == {("dropped", "stale")}


# A full window


def test_a_full_window_parks_the_lists_and_each_answer_lets_one_go_on(make_road):
    road = make_road(window=3)
    lists = [road.add_list() for _ in range(10)]
    for at, sender in enumerate(lists):
        road.send(sender, *CROWD[at * 10 : at * 10 + 10])
    road.carrier.gate = asyncio.Event()
    road.deliver(2)
    assert len(road.carrier.taken) == 3
    [route] = road.routes.all()
    assert route.in_flight == 3
    assert len(route.parked) >= 7
    road.carrier.gate.set()
    road.pass_time(20)
    assert len(road.carrier.taken) == 100
    assert route.in_flight == 0
    assert len(road.pacer) == 0
    assert road.counted("messages_in_flight") == 0


def test_a_parked_list_that_has_nothing_to_send_any_more_lets_the_next_one_go(make_road):
    road = make_road(window=1)
    first, *others = [road.add_list() for _ in range(4)]
    road.carrier.gate = asyncio.Event()
    road.send(first, ANN)
    road.deliver(0.5)
    for sender in others:
        road.send(sender, BEN)
    road.pass_time(0.5)
    [route] = road.routes.all()
    assert {sender.id for sender in others} <= set(route.parked)
    for sender in others[:2]:
        road.change_list(sender, status="paused")
    road.carrier.gate.set()
    road.pass_time(5)
    assert road.carrier.recipients == [ANN, BEN]
    assert not route.parked


def test_a_connector_that_is_not_open_here_waits_without_harm_to_others(road):
    road.start_all()
    missing, fine = road.add_list(connector=road.add_connector()), road.add_list()
    waiting = road.send(missing, ANN)
    road.send(fine, BEN)
    road.deliver(12)
    assert road.carrier.recipients == [BEN]
    assert road.fates(waiting) == [("queued", None)]
    road.change_list(missing, connector_id=road.connector)
    road.store.hints.queue_has([(missing.lane, missing.id)])
    road.pass_time(1)
    assert road.fates(waiting) == [("sent", None)]


# Carriers that break their word


@pytest.mark.parametrize(
    ("policy", "fate", "copies"),
    [(OnUncertain.HOLD, "uncertain", 1), (OnUncertain.RESEND_ONCE, "sent", 2)],
)
@pytest.mark.parametrize(
    ("step", "detail"),
    [
        (Uncertain("connection lost"), "connection lost"),
        (None, "no answer in time"),
        (RuntimeError("a bug of theirs"), "the carrier broke off"),
    ],
)
def test_a_message_without_an_answer_is_uncertain_and_the_list_decides(
    road, step, detail, policy, fate, copies
):
    road.carrier.will(ANN, step)
    [message_id] = road.send(road.add_list(on_uncertain=policy), ANN)
    road.deliver(40)
    assert road.fate(message_id) == (fate, f"uncertain ({detail})" if fate == "uncertain" else None)
    assert len(road.carrier.taken) == copies
    assert road.listed(Status.UNCERTAIN) == ([message_id] if fate == "uncertain" else [])
    assert road.counted("messages_uncertain_total") == 1
    assert road.counted("messages_resent_total") == copies - 1
    assert road.routes.all()[0].in_flight == 0


def test_twice_uncertain_is_not_sent_a_third_time(road):
    road.carrier.will(ANN, *[Uncertain("lost")] * 5)
    [message_id] = road.send(road.add_list(on_uncertain=OnUncertain.RESEND_ONCE), ANN)
    road.deliver(60)
    assert road.fate(message_id) == ("uncertain", "uncertain (lost)")
    assert len(road.carrier.taken) == 2


def test_a_carrier_that_raises_leaves_only_the_unanswered_uncertain(road):
    road.carrier.will(BEN, 0.5, RuntimeError("a bug of theirs"))
    road.carrier.will(CID, 1.0, Submitted("too late"))
    message_ids = road.send(road.add_list(), ANN, BEN, CID)
    road.deliver(5)
    assert [status for status, _ in road.fates(message_ids)] == ["sent", "uncertain", "uncertain"]


def test_a_second_answer_to_a_message_changes_nothing(road):
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver()
    road.do(road.carrier.report(Rejected("changed my mind")))
    road.pass_time(1)
    assert road.fate(message_id) == ("sent", None)
    assert road.routes.all()[0].in_flight == 0
    assert road.counted("messages_in_flight") == 0


def test_an_answer_after_its_time_frees_no_window_twice_and_its_reference_is_kept(make_road):
    road = make_road(window=2)
    road.carrier.will(ANN, None)
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(31)
    assert road.fate(message_id) == ("uncertain", "uncertain (no answer in time)")
    for _ in range(2):
        road.do(road.carrier.report(Submitted("late-ref")))
    road.pass_time(1)
    assert road.routes.all()[0].in_flight == 0
    assert road.counted("messages_in_flight") == 0
    number = road.ids.read(message_id)
    owners = road.write(lambda tx: tx.inbox.targets_by_ref([(road.connector, "late-ref")]))
    assert owners[road.connector, "late-ref"].number == number


def test_an_uncertain_message_may_be_named_after_all(road):
    road.carrier.will(ANN, Uncertain("no answer"))
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver()
    road.do(road.carrier.report(Submitted("late-ref")))
    road.pass_time(1)
    assert road.fate(message_id) == ("uncertain", "uncertain (no answer)")
    number = road.ids.read(message_id)
    owners = road.write(lambda tx: tx.inbox.targets_by_ref([(road.connector, "late-ref")]))
    assert owners[road.connector, "late-ref"].number == number
    assert road.routes.all()[0].in_flight == 0
    assert road.counted("messages_in_flight") == 0


@pytest.mark.parametrize("late", [Failed("no"), Rejected("no"), Throttled(5), Uncertain("?")])
def test_a_late_no_does_not_send_again_what_may_have_arrived(road, late):
    road.carrier.will(ANN, None)
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(31)
    road.do(road.carrier.report(late))
    road.pass_time(60)
    assert road.fate(message_id) == ("uncertain", "uncertain (no answer in time)")
    assert len(road.carrier.taken) == 1


def test_an_answer_for_a_message_nobody_gave_is_ignored(road):
    sender = road.add_list()
    road.send(sender, ANN)
    road.deliver(1)
    at, outbound = road.carrier.taken[0]
    road.carrier.taken[0] = (at, replace(outbound, message_id="00000000"))
    road.do(road.carrier.report(Submitted("stray")))
    road.send(sender, BEN)
    road.pass_time(1)
    assert road.carrier.recipients == [ANN, BEN]


# Storage trouble


def test_a_claim_that_cannot_be_stored_is_made_later(road):
    [message_id] = road.send(road.add_list(), ANN)
    road.start_all()
    road.store.trouble = StorageUnavailable("full")
    road.pass_time(3)
    assert road.carrier.taken == []
    road.store.trouble = None
    road.pass_time(1)
    assert road.fate(message_id) == ("sent", None)
    assert len(road.carrier.taken) == 1


@pytest.mark.parametrize("earlier", [0, 5])
@pytest.mark.parametrize("late", [False, True])
def test_no_answer_is_lost_while_nothing_can_be_stored(road, earlier, late):
    sender = road.add_list()
    road.store.trouble_is_late = late
    road.start_all()
    # Messages that were settled well before must not be settled again with the others.
    for recipient in CROWD[100 : 100 + earlier]:
        road.carrier.will(recipient, Failed("busy"))
        road.send(sender, recipient)
        road.pass_time(0.2)
    road.carrier.will(ANN, 1.0, Submitted("ref-ann"))
    road.carrier.will(BEN, 1.5, Failed("busy"))
    road.carrier.will(CID, 2.5, Rejected("landline"))
    message_ids = road.send(sender, ANN, BEN, CID)
    road.pass_time(0.5)
    road.store.trouble = StorageUnavailable("full")
    road.pass_time(3)
    assert [status for status, _ in road.fates(message_ids)] == ["sending"] * 3
    road.store.trouble = None
    road.pass_time(1)
    assert road.fates(message_ids) == [("sent", None), ("queued", "busy"), ("failed", "landline")]
    road.pass_time(30)
    assert [status for status, _ in road.fates(message_ids)] == ["sent", "sent", "failed"]
    assert road.counted("messages_in_flight") == 0
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(2 + earlier,)]


def test_a_look_that_cannot_be_taken_is_taken_later(road):
    [message_id] = road.send(road.add_list(), ANN)
    road.open_delivery()
    road.store.hints.queued.clear()
    road.store.read_trouble = StorageUnavailable("locked")

    async def start():
        task = asyncio.create_task(road.worker.run())
        await asyncio.sleep(2)
        assert not task.done()
        road.store.read_trouble = None
        await asyncio.sleep(2)
        await road.worker.stop(1)
        await task

    road.do(start())
    assert road.fate(message_id) == ("sent", None)


# What shares a commit


@embedded_only  # elsewhere a commit is no statement that a trace shows
def test_receipts_that_come_with_the_answers_share_their_commit(road):
    [message_id] = road.send(road.add_list(), ANN)
    storing = []

    async def submit(messages, report):
        # As an SMSC does that answers, and tells of the delivery, in one read.
        for each in messages:
            report(each, Submitted("ref-ann"))
        raw = pickle.dumps([Receipt(carrier_ref="ref-ann", status=None, detail="")])
        storing.append(asyncio.create_task(road.inbox.put(road.connector, [raw])))

    road.carrier.submit = submit
    ran = road.statements(road.deliver)
    assert road.fate(message_id) == ("sent", None)
    [stored] = (at for at, text in enumerate(ran) if "INSERT INTO inbox" in text)
    [settled] = (at for at, text in enumerate(ran) if "INSERT OR IGNORE INTO attempts" in text)
    assert "COMMIT" not in ran[min(stored, settled) : max(stored, settled)]


# Stopping, and being replaced


def test_a_stop_waits_for_the_answers_under_way(road):
    road.carrier.will(ANN, 0.8, Submitted("ref-ann"))
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(0.2)
    road.stop_all()
    assert road.fate(message_id) == ("sent", None)


def test_a_stop_does_not_wait_for_ever_and_leaves_nothing_open(road):
    road.carrier.will(ANN, None)
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(0.2)
    road.stop_all()
    assert road.fate(message_id) == ("uncertain", "uncertain (stopped before the answer)")


def test_who_has_lost_the_lanes_sends_nothing_more(road):
    sender = road.add_list()
    road.open_delivery()
    former = road.worker
    road.open_delivery()
    road.send(sender, ANN)

    async def step():
        await former.look()
        await former.step()

    with pytest.raises(SetupError):
        road.do(step())
    assert road.carrier.taken == []
    road.deliver(2)
    assert road.carrier.recipients == [ANN]


# A message that a carrier refuses as if the connector were unavailable

FIREWALL = Unavailable("the account may not do this (HTTP 403)", 60_000)


@pytest.mark.parametrize("skips", [Skip.NONE, Skip.RATE_LIMIT], ids=["paced", "ahead"])
def test_a_message_at_which_its_connector_stops_does_not_stop_it_for_ever(make_road, skips):
    road = make_road(window=1)
    sender, other = road.add_list(), road.add_list()
    road.carrier.will(ANN, *[FIREWALL] * 100)
    [poison] = road.send(sender, ANN, skips=skips)
    road.send(sender, *CROWD[10:20])
    road.send(other, *CROWD[20:30])
    road.deliver(130)
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(20,)]
    stops = road.counted("connector_breaker_opens_total", connector="connector-0")
    assert stops <= 2
    road.send(sender, *CROWD[30:40])
    road.deliver(600)
    assert road.fate(poison) == ("failed", f"unknown ({FIREWALL.detail})")
    assert road.find(poison).attempt == ATTEMPTS_MAX
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(30,)]
    assert road.counted("connector_breaker_opens_total", connector="connector-0") == stops


def test_many_messages_at_which_a_connector_stops_cost_it_a_second_each(make_road):
    road = make_road(window=1)
    sender = road.add_list()
    for at in range(10, 50, 2):
        road.carrier.will(CROWD[at], FIREWALL)
        road.send(sender, CROWD[at], CROWD[at + 1])
    road.deliver(150)
    assert road.counted("connector_breaker_opens_total", connector="connector-0") == 20
    assert road.sql("SELECT count(*) FROM messages WHERE status = 'sent'") == [(40,)]


def test_a_message_that_steps_back_is_dropped_as_stale_when_others_are(make_road):
    road = make_road(stale_after_ms=600_000)
    road.carrier.will(ANN, *[FIREWALL] * 100)
    [message_id] = road.send(road.add_list(), ANN)
    road.deliver(590)
    assert road.fate(message_id) == ("queued", None)
    road.deliver(130)
    assert road.fate(message_id) == ("dropped", "stale")
    assert len(road.carrier.taken) <= 11
