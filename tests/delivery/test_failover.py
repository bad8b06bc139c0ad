"""Connectors that fail: the breaker, the second connector, and what must never go by it."""

from dataclasses import replace

import pytest
from grounds import embedded_only

from sendrail.domain.delivery import Failed, Submitted, Unavailable, Uncertain
from sendrail.domain.receipt import Reply
from sendrail.domain.sender import OnUncertain

ANN, BEN = 15550100001, 15550100002
CROWD = range(15550100000, 15550110000)
AWAY = Unavailable("not bound", 10_000)


@pytest.fixture
def pair(road):
    """Return a list with a second connector, and that connector's carrier."""
    second = road.add_connector()
    sender = road.add_list()
    road.change_list(sender, second_connector_id=second)
    return replace(sender, second_connector_id=second), road.carriers[second]


def test_what_certainly_did_not_leave_goes_by_the_second_connector(road, pair):
    sender, second = pair
    road.carrier.will(ANN, AWAY)
    sent = road.send(sender, ANN, BEN)
    road.deliver(5)
    assert road.fates(sent) == [("sent", None)] * 2
    assert second.recipients == [ANN]
    assert road.find(sent[0]).connector == "connector-1"
    assert road.find(sent[0]).attempt == 1
    attempts = road.read(lambda tx: tx.lookup.attempts(road.account, road.ids.read(sent[0])))
    assert [each.connector for each in attempts] == ["connector-1"]
    assert road.counted("messages_failed_over_total", connector="connector-1") == 1
    assert road.counted("connector_breaker_opens_total", connector="connector-0") == 1


def test_the_first_connector_is_tried_by_one_message_and_then_taken_again(road, pair):
    sender, second = pair
    road.carrier.will(CROWD[0], AWAY)
    road.send(sender, CROWD[0])
    road.deliver(1)
    road.send(sender, *CROWD[1:20])
    road.pass_time(5)
    assert len(second.taken) == 20
    road.pass_time(6)
    road.carrier.will(CROWD[20], 3, Submitted("slow"))
    road.send(sender, *CROWD[20:40])
    road.pass_time(2)
    assert road.carrier.recipients == [CROWD[0], CROWD[20]], "one message tries the connector"
    assert len(second.taken) == 39
    road.pass_time(2)
    road.send(sender, *CROWD[40:60])
    road.pass_time(2)
    assert len(road.carrier.taken) == 22
    assert len(second.taken) == 39


def test_a_paused_first_connector_is_passed_by(road, pair):
    sender, second = pair
    road.start_all()
    road.routes.pause(road.connector, True)
    [message_id] = road.send(sender, ANN)
    road.pass_time(1)
    assert (road.fate(message_id), second.recipients) == (("sent", None), [ANN])
    road.routes.pause(road.connector, False)
    road.send(sender, BEN)
    road.pass_time(1)
    assert road.carrier.recipients == [BEN]


def test_a_connector_that_is_not_open_here_is_passed_by(road, pair):
    sender, second = pair
    road.start_all()
    road.routes.remove(road.connector)
    [message_id] = road.send(sender, ANN)
    road.pass_time(1)
    assert (road.fate(message_id), second.recipients) == (("sent", None), [ANN])


def test_a_stop_is_heard_by_either_connector_and_by_no_third(road, pair):
    sender, second = pair
    third = road.add_connector()
    road.start_all()
    for connector, recipient in (
        (road.connector, ANN),
        (sender.second_connector_id, BEN),
        (third, CROWD[5]),
    ):
        road.callback(
            Reply(sender=recipient, list_number=sender.number, body="STOP"), connector=connector
        )
    road.pass_time(1)
    told = road.accept(*(road.order(sender, each) for each in (ANN, BEN, CROWD[5])))
    assert [getattr(each, "code", None) for each in told] == ["contact_unsubscribed"] * 2 + [None]
    assert second.taken == []


def test_a_full_connector_is_waited_for(make_road):
    road = make_road(window=1)
    second = road.add_connector()
    sender = road.add_list()
    road.change_list(sender, second_connector_id=second)
    road.carrier.will(CROWD[0], 5, Submitted("slow"))
    road.send(sender, *CROWD[:10])
    road.deliver(4)
    assert len(road.carrier.taken) == 1
    road.pass_time(10)
    assert road.carrier.recipients == list(CROWD[:10])
    assert road.carriers[second].taken == []


def test_with_both_away_whichever_comes_back_first_takes_over(road, pair):
    sender, second = pair
    road.carrier.will(ANN, Unavailable("not bound", 50_000))
    second.will(ANN, Unavailable("no credit", 5_000))
    [message_id] = road.send(sender, ANN)
    road.deliver(4)
    assert road.fate(message_id) == ("queued", None)
    road.pass_time(3)
    assert road.fate(message_id) == ("sent", None)
    assert (len(road.carrier.taken), len(second.taken)) == (1, 2)


@pytest.mark.parametrize("policy", OnUncertain)
def test_what_is_uncertain_never_goes_by_another_connector(road, pair, policy):
    sender, second = pair
    road.change_list(sender, on_uncertain=policy)
    # The connector is lost with the message on it: the rest of the window is told to come back.
    road.carrier.will(ANN, Uncertain("connection lost"))
    road.carrier.will(BEN, AWAY)
    lost, safe = road.send(sender, ANN, BEN)
    road.deliver(5)
    assert second.recipients == [BEN]
    assert road.fate(safe) == ("sent", None)
    assert road.fate(lost)[0] == "uncertain"
    assert road.carrier.recipients.count(ANN) == 1
    assert road.listed("uncertain") == [lost]


def test_a_resend_by_its_own_connector_is_made(road, pair):
    sender, second = pair
    road.change_list(sender, on_uncertain=OnUncertain.RESEND_ONCE)
    road.carrier.will(ANN, Uncertain("no answer"))
    [message_id] = road.send(sender, ANN)
    road.deliver(5)
    assert road.fate(message_id) == ("sent", None)
    assert (road.carrier.recipients, second.recipients) == ([ANN, ANN], [])


def test_a_failed_attempt_may_be_repeated_by_the_second_connector(road, pair):
    sender, second = pair
    road.carrier.will(ANN, Failed("busy"))
    road.carrier.will(BEN, AWAY)
    [message_id, _] = road.send(sender, ANN, BEN)
    road.deliver(9)
    assert road.fate(message_id) == ("sent", None)
    assert ANN in second.recipients
    attempts = road.read(lambda tx: tx.lookup.attempts(road.account, road.ids.read(message_id)))
    assert [each.connector for each in attempts] == ["connector-0", "connector-1"]


def test_silence_opens_the_breaker_too(make_road):
    road = make_road(window=10)
    for recipient in CROWD[:10]:
        road.carrier.will(recipient, None)
    sender = road.add_list()
    road.send(sender, *CROWD[:20])
    road.deliver(29)
    assert len(road.carrier.taken) == 10
    road.pass_time(10)
    assert road.counted("connector_breaker_opens_total", connector="connector-0") == 1
    assert len(road.listed("uncertain")) == 10
    assert len(road.listed("sent")) == 10


# Many lists


def count_rounds(road, seconds):
    rounds, step = 0, road.worker.step

    async def counted():
        nonlocal rounds
        turns = await step()
        rounds += turns > 0
        return turns

    road.worker.step = counted
    road.pass_time(seconds)
    road.worker.step = step
    return rounds


@embedded_only  # to make that many takes long elsewhere
def test_ten_thousand_lists_on_an_open_breaker_do_not_spin(make_road):
    road = make_road(stale_after_ms=3_600_000)
    away = Unavailable("not bound", 60_000)
    first = road.add_list()
    road.carrier.will(ANN, *[away] * 100)
    road.send(first, ANN)
    road.deliver(1)
    lists = road.add_lists(10_000, rate=60)
    orders = [road.order(each, BEN) for each in lists]
    for at in range(0, len(orders), 500):
        road.accept(*orders[at : at + 500])
    road.carrier.will(BEN, *[away] * 100)
    road.pass_time(5)
    assert road.carrier.recipients == [ANN]
    # Two more tries in these two minutes, each of one list, by one message.
    assert count_rounds(road, 120) <= 10
    assert len(road.carrier.taken) == 3
    road.carrier.script.clear()
    road.pass_time(90)
    assert len(road.listed("queued")) == 0


# Segments


def test_long_messages_are_paced_by_their_segments(make_road):
    road = make_road(segments=10.0)
    sender = road.add_list()
    orders = [
        road.order(sender, recipient, encoding="gsm7", segments=4) for recipient in CROWD[:30]
    ]
    road.accept(*orders)
    road.deliver(30)
    times = [at for at, _ in road.carrier.taken]
    assert len(times) == 30
    for start in times:
        assert sum(4 for at in times if start <= at < start + 1.0) <= 10
    # 120 segments at 10 a second take 12 seconds; whole messages of 4 fit 8 into each.
    assert 11.0 <= times[-1] - times[0] <= 16.0


def test_a_message_longer_than_a_seconds_worth_is_not_overtaken_for_ever(make_road):
    road = make_road(segments=2.0)
    long, short = road.add_list(), road.add_list()
    road.accept(*(road.order(short, each, segments=1) for each in CROWD[10:80]))
    road.deliver(3)
    road.accept(road.order(long, ANN, segments=5))
    road.pass_time(40)
    assert len(road.carrier.taken) == 71
    times = {message.recipient: at for at, message in road.carrier.taken}
    assert times[ANN] - min(times.values()) < 6
    later = [at for at in times.values() if at > times[ANN]]
    assert len(later) > 50
    # Five segments at two a second, less the quarter of a second by which a pace may be late.
    assert min(later) - times[ANN] >= 2.25
