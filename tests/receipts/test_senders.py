"""Senders that are no phone numbers, the whole way: out to the carrier, and back where one can."""

import json

import pytest
from hooks import Hooks

from sendrail.domain.delivery import Rejected
from sendrail.domain.receipt import Reply

ANN = 15550100001


def is_off(road, sender):
    contact = road.read(lambda tx: tx.contacts.find(sender.id, ANN))
    return contact is not None and not contact.active


def wrote(to, body="STOP"):
    return Reply(sender=ANN, list_number=to, body=body)


@pytest.mark.parametrize("text", ["+15550102345", "72345", "Acme"])
def test_a_carrier_and_a_customer_are_told_the_sender_as_it_is_written(road, text):
    hooks = Hooks(road)
    hooks.add()
    sender = road.add_list(text)
    road.start_all()
    road.carrier.will(ANN, Rejected("spam"))
    [message_id] = road.send(sender, ANN)
    road.pass_time(0.1)
    assert [message.sender for _, message in road.carrier.taken] == [text]
    assert road.find(message_id).list_number == text
    hooks.pass_time(1)
    told = [json.loads(post.body) for post in hooks.receiver.posts]
    assert {event["list_number"] for event in told} == {text}
    hooks.stop()


@pytest.mark.parametrize("text", ["72345", "1234567", "+1234567"])
def test_a_stop_to_a_short_code_counts_and_is_answered_from_it(road, text):
    sender = road.add_list(text)
    road.start_all()
    road.callback(wrote(int(text.removeprefix("+"))))
    road.pass_time(1)
    assert is_off(road, sender)
    [(_, answer)] = road.carrier.taken
    assert (answer.sender, answer.recipient) == (text, ANN)


def test_nobody_writes_to_a_name(road):
    sender = road.add_list("Acme")
    road.start_all()
    road.callback(wrote(-sender.number))
    road.pass_time(1)
    assert not is_off(road, sender)
    assert road.carrier.taken == []
