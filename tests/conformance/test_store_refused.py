"""Callbacks that were refused, as every store keeps them; and a value's own fault."""

import asyncio

import pytest
from stores import NOW, house

from sendrail.domain.errors import Unstorable
from sendrail.domain.receipt import CallbackSubject
from sendrail.storage.pipeline.inbox import ParkedReceipt
from sendrail.storage.pipeline.refused import Refusal, RefusedFilter

__all__ = ["house"]

ANY = RefusedFilter()


def keep(house, *refusals, now=NOW):
    def work(tx):
        for connector, at, raw, about in refusals:
            tx.refused.keep(Refusal(connector or house.connector, at, raw, "why", about), now)

    house.write(work)


def kept(house, about=ANY):
    return [each.received_at for each in house.read(lambda tx: tx.refused.page(about, 0, 100))]


def test_they_are_kept_whole_and_told_newest_first(house):
    keep(
        house,
        (0, 1, b"\0\xff", CallbackSubject.UNKNOWN),
        (0, 2, b"x" * 300_000, CallbackSubject.REPLY),
    )
    second, first = house.read(lambda tx: tx.refused.page(ANY, 0, 100))
    assert (first.connector, first.kind, first.size, first.about) == (
        "sandbox",
        "simulator",
        2,
        CallbackSubject.UNKNOWN,
    )
    assert (second.size, second.refused_at) == (300_000, NOW)
    assert house.read(lambda tx: tx.refused.find(second.id)) == (second, b"x" * 300_000)
    assert house.read(lambda tx: tx.refused.raw(first.id)).raw == b"\0\xff"
    assert house.read(lambda tx: tx.refused.find(99)) is None
    assert house.read(lambda tx: tx.refused.page(ANY, 1, 1)) == [first]


def test_they_are_counted_by_connector(house):
    keep(house, (0, 5, b"abc", CallbackSubject.RECEIPT), (77, 3, b"", CallbackSubject.REPLY))
    keep(house, (0, 4, b"d", CallbackSubject.UNKNOWN))
    ours, theirs = house.read(lambda tx: tx.refused.tally())
    assert (ours.connector, ours.count, ours.texts, ours.first_at, ours.last_at, ours.size) == (
        "sandbox",
        2,
        1,
        4,
        5,
        4,
    )
    assert (theirs.connector, theirs.kind, theirs.texts) == (None, None, 1)
    assert kept(house, RefusedFilter(connector="sandbox")) == [4, 5]
    assert kept(house, RefusedFilter(since=4)) == [4, 5]


def test_what_is_old_is_forgotten(house):
    keep(house, *((0, n, b"", CallbackSubject.RECEIPT) for n in range(3)), now=NOW - 10)
    keep(house, (0, 9, b"", CallbackSubject.RECEIPT))
    assert house.write(lambda tx: tx.refused.forget(NOW, 2)) == 2
    assert house.write(lambda tx: tx.refused.forget(NOW, 2)) == 1
    assert kept(house) == [9]


@pytest.mark.parametrize(
    ("rows", "size", "left"), [(2, 99, [3, 0]), (9, 20, [3, 0]), (4, 40, None)]
)
def test_of_too_many_the_oldest_go_and_texts_last(house, rows, size, left):
    keep(house, (0, 0, b"x" * 10, CallbackSubject.REPLY))
    keep(house, *((0, n, b"x" * 10, CallbackSubject.RECEIPT) for n in (1, 2, 3)))
    gone = house.write(lambda tx: tx.refused.trim(rows, size))
    assert kept(house) == (left or [3, 2, 1, 0])
    assert gone == (2 if left else 0)


def test_callbacks_are_taken_again_by_their_ids(house):
    house.write(lambda tx: tx.inbox.put(house.connector, [b"a", b"b", b"c"], NOW))
    taken = house.write(lambda tx: tx.inbox.take(10, 1_000))
    ids = [each.id for each in taken]
    house.write(lambda tx: tx.inbox.remove(ids[:1]))
    assert house.write(lambda tx: tx.inbox.again(ids)) == taken[1:]
    assert house.write(lambda tx: tx.inbox.again([])) == []


def test_callbacks_but_of_some_connectors_are_taken(house):
    other = house.write(lambda tx: tx.connectors.add(None, "other", "simulator", b"", 9, None))
    house.write(lambda tx: tx.inbox.put(house.connector, [b"a", b"b"], NOW))
    house.write(lambda tx: tx.inbox.put(other, [b"c"], NOW))
    taken = house.write(lambda tx: tx.inbox.take(2, 1_000, {house.connector}))
    assert [each.raw for each in taken] == [b"c"]
    assert house.write(lambda tx: tx.inbox.take(2, 1_000, {house.connector, other})) == []


@pytest.mark.parametrize("body", ["hi \ud83d", 7, {}])
def test_a_value_that_cannot_be_kept_is_its_own_fault(house, body):
    def work(tx):
        if isinstance(body, int):
            tx.inbox.put(house.connector, [b""], 2**70)
        else:
            tx.inbox.park([ParkedReceipt(0, house.connector, "ref", None, body, NOW)])

    with pytest.raises((Unstorable, OverflowError, UnicodeError)) as caught:
        house.write(work)
    assert not isinstance(caught.value, Unstorable) or "\ud83d" not in str(caught.value)
    # The store goes on as before, whatever it was given.
    house.write(lambda tx: tx.inbox.put(house.connector, [b"a"], NOW))


def test_a_value_that_cannot_be_kept_costs_no_neighbour(house):
    async def both():
        bad = house.store.write(
            lambda tx: tx.inbox.park(
                [ParkedReceipt(0, house.connector, "ref", None, "\ud83d", NOW)]
            )
        )
        good = house.store.write(lambda tx: tx.inbox.put(house.connector, [b"a"], NOW))
        return await asyncio.gather(bad, good, return_exceptions=True)

    bad, good = house.do(both())
    assert isinstance(bad, Exception)
    assert good is None
    assert [each.raw for each in house.write(lambda tx: tx.inbox.take(9, 99))] == [b"a"]
