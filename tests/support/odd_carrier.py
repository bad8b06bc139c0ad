"""A carrier whose callbacks say what a table has for them, and values that trip their reader."""

import itertools
from dataclasses import replace

import pytest

from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply

ANN, BEN, CID = 15550100001, 15550100002, 15550100003


class Odd:
    """What trips whoever touches it."""

    def _trip(self, *_):
        raise RuntimeError("+15550100009 said: no")

    __str__ = __bool__ = __eq__ = __len__ = __iter__ = _trip
    __hash__ = None

    def __repr__(self):
        return "ODD"


ODD = Odd()
SURROGATE = "hi \ud83d"


class Table:
    """What each raw callback says."""

    def __init__(self, road):
        self._road = road
        self._said = {}
        self._numbers = itertools.count(1)
        road.carrier.parse = self.parse

    def raw(self, *said):
        """Return a callback that says these things, or whatever calling the only one comes to."""
        raw = b"callback %d" % next(self._numbers)
        self._said[raw] = said
        return raw

    def raws(self, *said):
        return [self.raw(lambda each=each: [each]) for each in said]

    def parse(self, raw):
        said = self._said[raw]
        return said[0]() if len(said) == 1 and callable(said[0]) else list(said)


@pytest.fixture
def sender(road):
    return road.add_list(rate=10_000_000)


@pytest.fixture
def table(road):
    return Table(road)


@pytest.fixture
def sent(road, sender, table):  # noqa: ARG001 - the carrier reads from it
    """Return the id of a message that the carrier has taken as `ref-1`."""
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    return message_id


def receipt(ref="ref-1", **changes):
    return replace(Receipt(carrier_ref=ref, status=Status.DELIVERED, detail="ok"), **changes)


def stop(to, recipient=BEN, **changes):
    return replace(Reply(sender=recipient, list_number=to.number, body="STOP"), **changes)


def raises(error):
    def raise_it():
        raise error

    return raise_it


def refused(road):
    return road.sql("SELECT raw, reason, about FROM refused_callbacks ORDER BY id")


def refused_raws(road):
    return [bytes(row[0]) for row in refused(road)]


def has_left(road, sender, recipient=BEN):
    found = road.read(lambda tx: tx.contacts.find(sender.id, recipient))
    return found is not None and not found.active


def inbox_is_empty(road):
    return road.sql("SELECT count(*) FROM inbox") == [(0,)]
