"""A message that has not left is called back wherever it waits; one that may have left is not."""

import pytest
from grounds import NOW

from sendrail.domain.delivery import Failed
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.message import Skip
from sendrail.domain.quiet_hours import parse_rules
from sendrail.domain.sender import OnUncertain
from sendrail.intake.scheduled import CancelService

MINUTE = 60
ALWAYS = "US 00:00-23:59"
FIRST = 12125550000
RECIPIENTS = range(FIRST, FIRST + 5)


def cancel(road, message_id, account=None):
    service = CancelService(road.store, road.ids, road.clock.now)
    road.do(service.cancel(account or road.account, message_id))


def fate(road, message_id):
    found = road.look_up(message_id).stored
    return found.status, found.detail


def test_what_waits_for_the_end_of_quiet_hours_is_called_back(make_road):
    road = make_road()
    road.quiet_rules = parse_rules(ALWAYS)
    sender = road.add_list()
    kept, cancelled = road.send(sender, *RECIPIENTS[:2], skips=Skip.CAMPAIGN)
    road.deliver(1)
    assert road.look_up(cancelled).waits_until is not None
    cancel(road, cancelled)
    assert fate(road, cancelled) == ("dropped", "cancelled")
    with pytest.raises(Conflict, match="cancelled already"):
        cancel(road, cancelled)
    road.quiet_rules = parse_rules("")
    road.stop_all()
    road.deliver(24 * 60 * MINUTE)
    assert road.carrier.recipients == [RECIPIENTS[0]]
    assert fate(road, kept)[0] == "sent"


@pytest.mark.parametrize("skips", [Skip.NONE, Skip.RATE_LIMIT, Skip.CAMPAIGN])
def test_what_waits_for_its_turn_is_called_back(road, skips):
    sender = road.add_list()
    sent = road.send(sender, *RECIPIENTS, skips=skips)
    cancel(road, sent[1])
    cancel(road, sent[3])
    road.deliver(2)
    assert road.carrier.recipients == list(RECIPIENTS[::2])
    assert [fate(road, each)[0] for each in sent] == ["sent", "dropped", "sent", "dropped", "sent"]


def test_what_comes_back_from_a_failed_attempt_is_called_back(road):
    sender = road.add_list()
    road.carrier.will(FIRST, Failed("busy"), Failed("busy"))
    [message] = road.send(sender, FIRST)
    road.deliver(0.5)
    assert fate(road, message)[0] == "queued"
    cancel(road, message)
    road.deliver(10 * MINUTE)
    assert road.carrier.recipients == [FIRST]


def test_what_may_have_left_or_has_left_is_not_called_back(road):
    sender = road.add_list(on_uncertain=OnUncertain.RESEND_ONCE)
    road.carrier.will(FIRST, None)
    uncertain, sent = road.send(sender, *RECIPIENTS[:2])
    road.deliver(0.5)
    with pytest.raises(Conflict, match="being handed to a carrier"):
        cancel(road, uncertain)
    with pytest.raises(Conflict, match="has left"):
        cancel(road, sent)


def test_what_is_tried_again_after_an_attempt_without_an_answer_is_not_called_back(road):
    sender = road.add_list()
    [message] = road.send(sender, FIRST)
    number = road.ids.read(message)
    road.sql(f"UPDATE messages SET resent = 1 WHERE number = {number}")
    with pytest.raises(Conflict, match="may have left"):
        cancel(road, message)
    assert fate(road, message)[0] == "queued"


def test_another_accounts_message_is_none(road):
    [message] = road.send(road.add_list(), FIRST)
    others = road.write(lambda tx: tx.accounts.add("them", NOW))
    with pytest.raises(NotFound):
        cancel(road, message, others)
    assert fate(road, message)[0] == "queued"
