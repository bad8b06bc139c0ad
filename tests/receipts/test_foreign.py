"""A receipt that names our own id counts only where the message has left that way."""

import pytest

from sendrail.domain.delivery import Failed, Submitted
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt

ANN = 15550100001


def forged(message_id, ref="forged", **changes):
    values = {"carrier_ref": ref, "status": Status.UNDELIVERED, "detail": "forged"}
    return Receipt(**values | {"message_id": message_id} | changes)


class Parties:
    """Two accounts, each with connectors of its own, and two that are the installation's."""

    def __init__(self, road):
        self.road = road
        self.us = road.account
        self.them = road.write(lambda tx: tx.accounts.add("them", road.clock.now()))
        self.shared = road.connector
        self.connectors = {
            "ours": self.add(self.us),
            "our second": self.add(self.us),
            "ours by another carrier": self.add(self.us, "swan"),
            "theirs": self.add(self.them),
            "shared": self.shared,
            "shared too": road.add_connector(),
        }
        self.lists = {
            name: road.add_list(connector=self.connectors[name], account=account)
            for name, account in (("ours", self.us), ("theirs", self.them), ("shared", self.us))
        }

    def add(self, account, kind="script"):
        connector_id = self.road.add_connector()
        self.road.sql(
            f"UPDATE connectors SET account_id = {account}, kind = '{kind}' "
            f"WHERE id = {connector_id}"
        )
        return connector_id

    def send(self, name):
        sender = self.lists[name]
        [message_id] = self.road.send(sender, ANN)
        self.road.deliver(1)
        return message_id

    def fate(self, message_id, name):
        found = self.road.find(message_id, self.lists[name].account_id)
        return found.status.value, found.detail


@pytest.fixture
def parties(road):
    return Parties(road)


OTHERS = {
    "ours": ["theirs", "shared", "shared too", "ours by another carrier"],
    "theirs": ["ours", "our second", "shared"],
    "shared": ["ours", "theirs", "ours by another carrier"],
}


def test_a_receipt_by_another_connector_changes_nothing_and_is_counted(road, parties):
    for name, others in OTHERS.items():
        message_id = parties.send(name)
        before = road.counted("receipts_total", fate="foreign")
        for other in others:
            connector = parties.connectors[other]
            road.callback(
                forged(message_id), forged(message_id, trouble="opted_out"), connector=connector
            )
            road.pass_time(1)
            assert parties.fate(message_id, name) == ("sent", None), f"{name} by {other}"
        assert road.counted("receipts_total", fate="foreign") == before + 2 * len(others)
        sender = parties.lists[name]
        assert road.read(lambda tx, it=sender: tx.contacts.find(it.id, ANN)) is None
        # Nor is it kept for later, when the reference might be known.
        assert road.sql("SELECT count(*) FROM parked_receipts") == [(0,)]


@pytest.mark.parametrize(
    ("name", "by"),
    [("ours", "ours"), ("ours", "our second"), ("theirs", "theirs"), ("shared", "shared too")],
)
def test_a_receipt_by_a_connector_of_the_same_account_and_carrier_counts(road, parties, name, by):
    message_id = parties.send(name)
    road.callback(forged(message_id), connector=parties.connectors[by])
    road.pass_time(1)
    assert parties.fate(message_id, name) == ("undelivered", "forged")


def test_a_foreign_receipt_costs_its_neighbours_nothing(road, parties):
    ours, theirs = parties.send("ours"), parties.send("theirs")
    road.callback(forged(theirs), forged(ours), connector=parties.connectors["ours"])
    road.pass_time(1)
    assert parties.fate(ours, "ours") == ("undelivered", "forged")
    assert parties.fate(theirs, "theirs") == ("sent", None)


def test_a_reference_says_more_than_an_id_beside_it(road, parties):
    ours, theirs = parties.send("ours"), parties.send("theirs")
    [(ref,)] = road.sql(f"SELECT carrier_ref FROM messages WHERE number = {road.ids.read(ours)}")
    road.callback(forged(theirs, ref), connector=parties.connectors["ours"])
    road.pass_time(1)
    assert parties.fate(ours, "ours") == ("undelivered", "forged")
    assert parties.fate(theirs, "theirs") == ("sent", None)


def test_each_connector_that_a_message_has_left_by_may_tell_of_it(road):
    first, second = road.connector, road.add_connector()
    road.sql(f"UPDATE connectors SET kind = 'swan' WHERE id = {second}")
    sender = road.add_list()
    road.carriers[first].will(ANN, Failed("busy"))
    road.carriers[second].will(ANN, 60.0, Submitted("late"))
    [message_id] = road.send(sender, ANN)
    road.deliver(0.5)
    road.change_list(sender, connector_id=second)
    road.pass_time(30)
    assert [len(road.carriers[connector].taken) for connector in (first, second)] == [1, 1]
    road.callback(forged(message_id, status=Status.DELIVERED, detail="ok"), connector=first)
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")
