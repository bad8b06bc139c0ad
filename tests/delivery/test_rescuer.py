"""What a dead owner left behind, and uncertainty that ran out."""

import pytest

from sendrail.domain.delivery import Submitted
from sendrail.domain.message import UNKNOWN_OUTCOME, Skip, Status
from sendrail.domain.receipt import Receipt
from sendrail.domain.sender import OnUncertain

ANN, BEN, CID = 15550100001, 15550100002, 15550100003
CROWD = range(15550100000, 15550110000)
HOURS = 3_600


def die(road):
    """Kill the process: its tasks, its store, and every answer it waited for."""
    road.store.die()
    tasks, road.alive = road.alive, None
    for task in tasks:
        task.cancel()
    road.store = road.ground.open()
    road.intake = road.open_intake()


def rescue(road):
    road.open_delivery()
    return road.do(road.rescuer.rescue(road.clock.now()))


@pytest.fixture
def left_open(road):
    """Make a road on which one message was handed over when its owner died."""

    def make(policy=OnUncertain.HOLD, skips=Skip.NONE):
        sender = road.add_list(on_uncertain=policy)
        road.carrier.will(ANN, None)
        [message_id] = road.send(sender, ANN, skips=skips)
        road.deliver(1)
        assert road.fate(message_id) == ("sending", None)
        die(road)
        return message_id

    return make


def test_an_attempt_left_open_is_held_as_uncertain_and_listed(road, left_open):
    message_id = left_open()
    assert rescue(road) == 1
    assert road.fate(message_id) == ("uncertain", "uncertain (stopped before the answer)")
    assert road.listed(Status.UNCERTAIN) == [message_id]
    road.deliver(60)
    assert road.carrier.recipients == [ANN]
    assert road.counted("messages_uncertain_total") == 1


@pytest.mark.parametrize("skips", [Skip.NONE, Skip.RATE_LIMIT])
def test_an_attempt_left_open_is_sent_again_where_the_list_says_so(road, left_open, skips):
    message_id = left_open(OnUncertain.RESEND_ONCE, skips)
    assert rescue(road) == 1
    assert road.fate(message_id)[0] == "queued"
    ranks = road.sql("SELECT rank FROM queue")
    assert ranks == [(0 if skips else 1,)]
    road.deliver(3)
    assert road.fate(message_id) == ("sent", None)
    assert road.carrier.recipients == [ANN, ANN]


def test_a_second_death_does_not_send_a_third_copy(road, left_open):
    message_id = left_open(OnUncertain.RESEND_ONCE)
    rescue(road)
    road.carrier.will(ANN, None)
    road.deliver(3)
    assert len(road.carrier.taken) == 2
    die(road)
    assert rescue(road) == 1
    assert road.fate(message_id)[0] == "uncertain"
    road.deliver(60)
    assert len(road.carrier.taken) == 2


def test_attempts_of_the_living_are_left_alone(road):
    sender = road.add_list()
    road.carrier.will(ANN, 2.0, Submitted("ref"))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    assert road.do(road.rescuer.rescue(road.clock.now())) == 0
    assert road.fate(message_id) == ("sending", None)
    road.pass_time(3)
    assert road.fate(message_id) == ("sent", None)


def test_thousands_left_open_are_all_rescued(make_road):
    road = make_road(window=3_000)
    sender = road.add_list(rate=10_000_000)
    for recipient in CROWD[:1_300]:
        road.carrier.will(recipient, None)
    road.send(sender, *CROWD[:1_300])
    road.deliver(3)
    assert len(road.carrier.taken) == 1_300
    die(road)
    assert rescue(road) == 1_300
    assert len(road.listed(Status.UNCERTAIN)) == 1_300
    assert road.do(road.rescuer.rescue(road.clock.now())) == 0


def test_a_list_that_is_gone_holds_what_it_left(road, left_open):
    message_id = left_open(OnUncertain.RESEND_ONCE)
    road.sql("DELETE FROM lists")
    assert rescue(road) == 1
    assert road.sql("SELECT status FROM messages WHERE number = ?", road.ids.read(message_id)) == [
        ("uncertain",)
    ]


@pytest.mark.parametrize(
    ("hours", "fate"), [(3.9, ("uncertain", "uncertain (stopped before the answer)")), (4.1, None)]
)
def test_an_uncertain_message_fails_when_its_time_is_over(road, left_open, hours, fate):
    message_id = left_open()
    rescue(road)
    road.clock.advance(hours * HOURS)
    expired = road.do(road.rescuer.expire(road.clock.now()))
    assert expired == (0 if fate else 1)
    assert road.fate(message_id) == (fate or ("failed", UNKNOWN_OUTCOME))
    assert road.counted("messages_ended_total", status="failed") == expired
    assert road.rescuer.has_uncertain is bool(fate)


def test_a_receipt_after_the_end_changes_nothing(road, left_open):
    message_id = left_open()
    rescue(road)
    road.clock.advance(5 * HOURS)
    road.do(road.rescuer.expire(road.clock.now()))
    road.callback(
        Receipt(carrier_ref="late", status=Status.DELIVERED, detail="ok", message_id=message_id)
    )
    road.deliver(2)
    assert road.fate(message_id) == ("failed", UNKNOWN_OUTCOME)


def test_only_the_uncertain_expire(road):
    sender = road.add_list(rate=60)
    road.carrier.will(BEN, None)
    message_ids = road.send(sender, ANN, BEN, CID)
    road.deliver(1.5)
    assert [status for status, _ in road.fates(message_ids)] == ["sent", "sending", "queued"]
    assert road.do(road.rescuer.expire(road.clock.now() + 100 * HOURS * 1000)) == 0


def test_the_answer_of_a_dead_owner_changes_nothing_after_the_rescue(road, left_open):
    message_id = left_open()
    rescue(road)
    road.do(road.carrier.report(Submitted("from the dead")))
    road.deliver(2)
    assert road.fate(message_id)[0] == "uncertain"
