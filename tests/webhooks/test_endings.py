"""Each way a message can end, and each kind of reply, is told once; and to nobody who is not asked.

The statements are counted as well: an installation without endpoints pays next to nothing.
"""

import pytest

from sendrail.domain.delivery import Failed, Rejected, Submitted
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.domain.retry import ATTEMPTS_MAX
from sendrail.domain.sender import ListStatus
from sendrail.domain.webhook import Event

ANN, BEN = 15550100001, 15550100002
HOUR = 3_600


@pytest.fixture
def sender(road):
    return road.add_list()


def receipt(ref="ref-1", status=Status.DELIVERED, message_id=None):
    return Receipt(carrier_ref=ref, status=status, detail="why", message_id=message_id)


def receipted(status):
    def end(road, sender):
        sent = road.send(sender, ANN)
        road.deliver(1)
        road.callback(receipt(status=status), receipt(status=status))
        road.pass_time(1)
        # Late and contradictory: no news.
        road.callback(receipt(status=Status.DELIVERED), receipt(status=Status.FAILED))
        road.pass_time(1)
        return sent

    return end


def receipted_early(road, sender):
    road.carrier.will(ANN, 3.0, Submitted("early"))
    sent = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("early", message_id=sent[0]))
    road.pass_time(5)
    return sent


def parked(road, sender):
    road.carrier.will(ANN, 3.0, Submitted("early"))
    sent = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("early"))
    road.pass_time(5)
    return sent


def rejected(road, sender):
    road.carrier.will(ANN, Rejected("spam"))
    sent = road.send(sender, ANN)
    road.deliver(1)
    return sent


def failed_for_good(road, sender):
    road.carrier.will(ANN, *([Failed("busy")] * ATTEMPTS_MAX))
    sent = road.send(sender, ANN)
    for _ in range(24 * 4):
        road.clock.advance(HOUR / 4)
        road.deliver(0.1)
    return sent


def rejected_though_the_commit_said_no(road, sender):
    """The settlement is written twice, since nobody heard that its commit succeeded."""
    road.carrier.will(ANN, 1.0, Rejected("spam"))
    sent = road.send(sender, ANN)
    road.deliver(0.5)
    road.store.doubt = StorageUnavailable("nobody heard")
    road.pass_time(1)
    road.store.doubt = None
    road.pass_time(1)
    return sent


def dropped_for_an_opt_out(road, sender):
    sent = road.send(sender, ANN)
    road.unsubscribe(sender, ANN)
    road.deliver(1)
    return sent


def dropped_for_a_paused_list(road, sender):
    sent = road.send(sender, ANN)
    road.change_list(sender, status=ListStatus.PAUSED)
    road.deliver(1)
    return sent


def dropped_as_stale(road, sender):
    sent = road.send(sender, ANN)
    road.clock.advance(2 * HOUR)
    road.deliver(1)
    return sent


def orphaned(road, sender):
    sent = road.send(sender, ANN)
    road.sql("UPDATE queue SET list_id = 77")
    road.sql("UPDATE webhook_endpoints SET list_id = NULL")
    road.deliver(1)
    return sent


def uncertain_for_too_long(road, sender):
    road.carrier.will(ANN, None)
    sent = road.send(sender, ANN)
    road.deliver(40)
    road.clock.advance(5 * HOUR)
    road.do(road.rescuer.expire(road.clock.now()))
    road.do(road.rescuer.expire(road.clock.now()))
    return sent


WAYS = {
    "delivered": (receipted(Status.DELIVERED), "delivered"),
    "undelivered": (receipted(Status.UNDELIVERED), "undelivered"),
    "failed": (receipted(Status.FAILED), "failed"),
    "early, by our id": (receipted_early, "delivered"),
    "early, parked": (parked, "delivered"),
    "rejected": (rejected, "failed"),
    "settled twice": (rejected_though_the_commit_said_no, "failed"),
    "out of attempts": (failed_for_good, "failed"),
    "opted out": (dropped_for_an_opt_out, "dropped"),
    "list paused": (dropped_for_a_paused_list, "dropped"),
    "stale": (dropped_as_stale, "dropped"),
    "list gone": (orphaned, "orphaned"),
    "uncertain": (uncertain_for_too_long, "failed"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_message_that_ends_is_told_once(road, hooks, sender, way):
    end, status = WAYS[way]
    endpoint = hooks.add().endpoint
    [message_id] = end(road, sender)
    assert road.fate(message_id)[0] == status
    assert hooks.outbox() == [("delivery", road.ids.read(message_id), endpoint.id)]


@pytest.mark.parametrize("way", WAYS)
def test_without_an_endpoint_nothing_is_written(road, hooks, sender, way):
    WAYS[way][0](road, sender)
    assert hooks.outbox() == []


def test_an_endpoint_of_somebody_else_is_told_nothing(road, hooks, sender):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    hooks.add(account=stranger)
    rejected(road, sender)
    road.callback(Reply(sender=ANN, list_number=sender.number, body="Hello"))
    road.pass_time(1)
    assert hooks.outbox() == []


def test_a_message_on_its_way_is_no_event(road, hooks, sender):
    hooks.add()
    road.carrier.will(BEN, Failed("busy"), None)
    road.send(sender, ANN, BEN)
    road.deliver(60)
    assert hooks.outbox() == []


def test_each_endpoint_is_told_what_it_asked_for(road, hooks, sender):
    other = road.add_list()
    deliveries = hooks.add(events=[Event.DELIVERY]).endpoint.id
    replies = hooks.add(events=[Event.REPLY, Event.UNSUBSCRIBE]).endpoint.id
    of_other = hooks.add(list_number=other.number).endpoint.id
    road.carrier.will(ANN, Rejected("spam"))
    road.carrier.will(BEN, Rejected("spam"))
    [ours] = road.send(sender, ANN)
    [theirs] = road.send(other, BEN)
    road.deliver(1)
    road.callback(Reply(sender=ANN, list_number=sender.number, body="Hello"))
    road.pass_time(1)
    ours, theirs = road.ids.read(ours), road.ids.read(theirs)
    assert sorted(hooks.outbox()) == sorted(
        [
            ("delivery", ours, deliveries),
            ("delivery", theirs, deliveries),
            ("delivery", theirs, of_other),
            ("reply", 1, replies),
        ]
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [("STOP", "unsubscribe"), ("Hello", "reply"), ("HELP", "reply"), ("START", "reply")],
)
def test_a_reply_is_told_once_as_what_it_is(road, hooks, sender, body, kind):
    endpoint = hooks.add().endpoint
    road.start_all()
    road.callback(Reply(sender=ANN, list_number=sender.number, body=body))
    road.pass_time(1)
    assert hooks.outbox() == [(kind, 1, endpoint.id)]


def test_a_paused_endpoint_is_kept_its_events_and_a_gone_one_not(road, hooks, sender):
    paused, gone = hooks.add().endpoint.id, hooks.add().endpoint.id
    hooks.ask("pause", paused)
    road.sql("UPDATE webhook_endpoints SET state = 'gone' WHERE id = ?", gone)
    rejected(road, sender)
    assert [row[2] for row in hooks.outbox()] == [paused]


def test_an_ending_that_is_not_committed_is_not_told(road, hooks, sender):
    hooks.add()
    road.send(sender, ANN)
    road.deliver(1)
    road.stop_all()
    road.callback(receipt())
    road.store.trouble, road.store.trouble_is_late = StorageUnavailable("broken"), True
    with pytest.raises(StorageUnavailable, match="broken"):
        road.do(road.receipts.step())
    road.store.trouble = None
    assert hooks.outbox() == []
    road.do(road.receipts.step())
    assert len(hooks.outbox()) == 1


# What it costs


def receipts_for_a_hundred(road, sender):
    road.send(sender, *range(ANN, ANN + 100))
    road.deliver(3)
    road.stop_all()
    road.callback(*(receipt(f"ref-{n + 1}") for n in range(100)))
    return road.statements(lambda: road.do(road.receipts.step()))


def test_a_batch_of_endings_costs_two_statements_where_there_is_an_endpoint(road, hooks, sender):
    hooks.add()
    ran = receipts_for_a_hundred(road, sender)
    assert len(hooks.outbox()) == 100
    assert sum("FROM webhook_endpoints" in each for each in ran) == 1
    assert sum("INTO outbox" in each for each in ran) == 1
    assert sum("ended_at IS NULL" in each for each in ran) == 1


def test_a_batch_of_endings_costs_one_look_where_there_is_none(road, hooks, sender):  # noqa: ARG001 - the fixture makes nothing
    ran = receipts_for_a_hundred(road, sender)
    assert sum("webhook_endpoints" in each for each in ran) == 1
    assert not any("outbox" in each for each in ran)


def test_taking_an_order_asks_nothing_about_endpoints(road, hooks, sender):
    hooks.add()
    ran = road.statements(lambda: road.send(sender, *range(ANN, ANN + 100)))
    assert any("INTO messages" in each for each in ran)
    assert not any("webhook" in each or "outbox" in each for each in ran)
