"""Clicks that wait are taken once, in their order; messages, contacts and links are counted."""

import asyncio

import pytest
from clicking import HUMAN, add_link, classes, click, contacts, first_clicks, keep, read, tallies
from stores import ANN, NOW

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.storage.message_tables import destinations
from sendrail.storage.tracking.earnings import NewEarnings
from sendrail.storage.tracking.message_clicks import ContactTally, LinkTally, MessageTally
from sendrail.storage.tracking_tables import message_clicks, short_links

FOREVER = 1 << 62


def waiting(house, before=FOREVER, after=FOREVER, limit=10):
    found = house.read(lambda tx: tx.message_clicks.waiting(before, after, limit))
    return [each.at - NOW for each in found]


def take(house, before=FOREVER, limit=10, store=None):
    def work(tx):
        return tx.message_clicks.take(tx.message_clicks.waiting(before, FOREVER, limit))

    return [each.at - NOW for each in house.write(work, store)]


def test_clicks_wait_until_they_are_taken_in_their_order(house):
    house.queue(1)
    keep(house, *(click(house, 1, at=NOW + at) for at in range(5)))
    assert waiting(house) == [0, 1, 2, 3, 4]
    assert waiting(house, limit=2) == [0, 1]
    assert waiting(house, before=NOW + 1) == [0, 1]
    assert take(house, before=NOW + 2, limit=2) == [0, 1]
    assert take(house, before=NOW + 2) == [2]
    assert take(house, before=NOW + 2) == []
    assert take(house) == [3, 4]
    assert waiting(house) == []


def test_a_click_of_a_clock_that_was_ahead_does_not_wait_for_it(house):
    house.queue(1)
    keep(house, click(house, 1, at=NOW + 9_000), click(house, 1, at=NOW))
    assert sorted(waiting(house, before=NOW, after=NOW + 8_999)) == [0, 9_000]
    # One that is ahead by little becomes ready by itself.
    assert 9_000 not in waiting(house, before=NOW, after=NOW + 9_000)


def test_what_is_taken_and_undone_waits_again(house):
    house.queue(1)
    keep(house, click(house, 1))

    def work(tx):
        tx.begin()
        assert tx.message_clicks.take(tx.message_clicks.waiting(FOREVER, FOREVER, 9))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        house.write(work)
    assert waiting(house) == [0]


def test_clicks_are_read_behind_a_place_taken_or_not(house):
    house.queue(1)
    keep(house, *(click(house, 1, at=NOW + 60_000 * at, digest=b"digest") for at in range(4)))
    take(house, limit=3)
    place = house.read(lambda tx: tx.message_clicks.place_before(NOW + 60_000))
    seen = house.read(lambda tx: tx.message_clicks.since(place, 10))
    assert [each.at - NOW for each in seen] == [60_000, 120_000, 180_000]
    assert seen[0][1:] == (
        house.us,
        house.no(1),
        0,
        NOW + 60_000,
        HUMAN,
        ClickReason.NONE,
        b"digest",
    )
    place = type(place)(seen[0].at, seen[0].id)
    seen = house.read(lambda tx: tx.message_clicks.since(place, 1))
    assert [each.at - NOW for each in seen] == [120_000]
    # None is that new: what comes next is read from here on.
    place = house.read(lambda tx: tx.message_clicks.place_before(NOW + 9_000_000))
    assert len(house.read(lambda tx: tx.message_clicks.since(place, 9))) <= 1


def test_a_class_is_changed(house):
    house.queue(1, 2)
    keep(house, click(house, 1), click(house, 2, at=NOW + 1))
    [first, _] = house.read(lambda tx: tx.message_clicks.waiting(FOREVER, FOREVER, 9))
    changed = first._replace(click_class=ClickClass.UNKNOWN, reason=ClickReason.BURST)
    house.write(lambda tx: tx.message_clicks.reclass([changed]))
    assert classes(house) == [
        (ClickClass.UNKNOWN, ClickReason.BURST),
        (ClickClass.HUMAN, ClickReason.NONE),
    ]


def test_messages_are_found_with_what_counting_needs(house):
    house.queue(1, links="17 18")
    one, two = house.nos(1, 2)
    found = house.write(lambda tx: tx.message_clicks.messages({one, two}))
    ours = (house.list.lane, house.us, house.list.id, ANN)
    assert {number: tuple(each) for number, each in found.items()} == {
        one: (one, *ours, "17 18", NOW, None, None)
    }
    assert house.read(lambda tx: tx.message_clicks.messages(set())) == {}


def tally(house, n, at=None, clicks=1, human=0, machines=0, position=0, offer_id=None):
    number = house.no(n)
    where = None if at is None else position
    return MessageTally(number, house.us, at, where, offer_id, clicks, human, machines, NOW)


def test_the_first_click_of_a_person_stays_and_all_are_counted(house):
    house.queue(1, 2)
    one, two = house.nos(1, 2)

    def add(*some):
        house.write(lambda tx: tx.message_clicks.add(some))

    add(tally(house, 1, clicks=3, machines=2), tally(house, 2, at=NOW, human=1))
    assert house.read(lambda tx: tx.message_clicks.first_clicks({one, two})) == {two: NOW}
    add(tally(house, 1, at=NOW + 5, clicks=2, human=2, position=3, offer_id=4))
    add(tally(house, 1, at=NOW + 1, human=1, position=2, offer_id=5), tally(house, 2, machines=1))
    assert first_clicks(house) == {one: (NOW + 5, 3), two: (NOW, 0)}
    assert tallies(house) == {one: (6, 3, 2), two: (2, 1, 1)}
    of = message_clicks.c
    assert [row[1] for row in read(house, message_clicks, of.number, of.offer_id)] == [4, None]


def test_contacts_are_counted_by_message_and_by_their_last_click(house):
    def add(clicks, at):
        row = ContactTally(house.list.id, ANN, clicks, at)
        house.write(lambda tx: tx.message_clicks.add_to_contacts([row]))

    add(1, NOW + 5)
    assert contacts(house) == {ANN: (1, NOW + 5)}
    add(0, NOW + 9)
    add(2, NOW + 1)
    assert contacts(house) == {ANN: (3, NOW + 9)}
    # One that has only earned so far has never clicked.
    house.write(lambda tx: tx.earnings.forget(house.us, ANN))
    earned = NewEarnings(house.list.id, ANN, conversions=1)
    house.write(lambda tx: tx.earnings.add([earned]))
    add(1, NOW + 2)
    assert contacts(house) == {ANN: (1, NOW + 2)}


def test_standalone_links_are_counted_of_their_account_only(house):
    add_link(house, 7)
    ours, theirs = LinkTally(7, house.us, 3, 2, NOW + 1), LinkTally(7, house.them, 9, 9, NOW + 9)
    for each in (ours, theirs, ours._replace(last_clicked_at=NOW)):
        house.write(lambda tx, each=each: tx.message_clicks.add_to_links([each]))
    of = short_links.c
    [row] = read(house, short_links, of.clicks, of.human_clicks, of.last_clicked_at)
    assert tuple(row) == (6, 4, NOW + 1)


def test_offers_of_destinations_are_those_of_the_account(house):
    rows = [
        {"account_id": house.us, "digest": b"1", "url": "https://a.example/", "created_at": NOW},
        {"account_id": house.us, "digest": b"2", "url": "https://b.example/", "created_at": NOW},
    ]
    house.write(lambda tx: tx.core.execute(destinations.insert().values(rows)))
    of = destinations.c
    [(plain,), (offered,)] = read(house, destinations, of.id)
    house.write(
        lambda tx: tx.core.execute(destinations.update().where(of.id == offered).values(offer_id=5))
    )
    asked = [(plain, house.us), (offered, house.us), (99, house.us)]
    assert house.read(lambda tx: tx.message_clicks.offers(asked)) == {offered: 5}
    assert house.read(lambda tx: tx.message_clicks.offers([(offered, house.them)])) == {}
    assert house.read(lambda tx: tx.message_clicks.offers([])) == {}


def test_two_processes_take_a_click_once(house):
    if house.store.__class__.__name__ == "SqliteStore":
        return
    house.queue(1, 2)
    keep(house, click(house, 1), click(house, 2, at=NOW + 1))
    other = house.open()

    def work(tx):
        return [each.at for each in tx.message_clicks.take(both_see)]

    # Each has seen them before the other took them.
    both_see = house.read(lambda tx: tx.message_clicks.waiting(FOREVER, FOREVER, 9))
    assert len(both_see) == 2

    async def both():
        return await asyncio.gather(house.store.write(work), other.write(work))

    one, two = house.do(both())
    assert sorted(one + two) == [NOW, NOW + 1]
