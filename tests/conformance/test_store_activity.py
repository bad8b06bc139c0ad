"""What was sent to contacts, counted after the messages: each once, whatever happens meanwhile."""

import asyncio
from collections import Counter
from random import Random

import pytest
from stores import ANN, BEN, NOW, SqliteBackend, sign_up

from sendrail.contacts.activity import ActivityFollower
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.ids import MessageIds
from sendrail.domain.times import DAY_MS
from sendrail.ownership import WholeOwnership
from sendrail.storage.contacts.signups import ContactFilter
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

MANY = 100_000
IDS = MessageIds(b"0123456789abcdef")
NEWEST = MessagePlace(2**62, 2**62)


def accept(house, *ns, to=ANN, at=NOW, sender=None, store=None):
    """Take messages in as one group."""
    sender = sender or house.list
    rows = [
        (
            house.no(n, sender), sender.lane, sender.account_id, sender.id, to, at, 0, 1, "gsm7",
            "Hello", None, "",
        )
        for n in ns
    ]  # fmt: skip

    def insert(tx):
        house.backend.use_lane(tx, sender.lane)
        tx.messages.insert(rows)

    house.write(insert, store)


def count(house, limit=MANY):
    return house.write(lambda tx: tx.activity.count(limit))


def behind(house):
    return house.read(lambda tx: tx.activity.behind())


def sent(house, account=None):
    """Return what is shown of contacts: how often and when last they were sent to."""
    page = house.read(lambda tx: tx.signups.page(account or house.us, ContactFilter(), 0, 100))
    return {
        (each.contact.list_id, each.contact.recipient): (each.sends, each.last_sent_at)
        for each in page
    }


def subscribe(house, *who, sender=None):
    house.write(lambda tx: sign_up(tx, (sender or house.list).id, *who))


def test_a_contact_shows_how_often_and_when_last_it_was_sent_to(house):
    other = house.add_list(house.us, 15550009)
    subscribe(house, ANN, BEN)
    subscribe(house, ANN, sender=other)
    accept(house, 1, at=NOW)
    accept(house, 2, 3, at=NOW + 5)
    accept(house, 4, at=NOW + 2)
    accept(house, 5, at=NOW + 9, sender=other)
    assert behind(house) > 0
    assert count(house) == 5
    assert sent(house) == {
        (house.list.id, ANN): (4, NOW + 5),
        (house.list.id, BEN): (0, None),
        (other.id, ANN): (1, NOW + 9),
    }
    assert (count(house), behind(house)) == (0, 0)


def test_each_message_is_counted_once_in_whatever_bites(house):
    subscribe(house, ANN, BEN)
    for n in range(1, 20):
        accept(house, n, to=ANN if n % 3 else BEN)
    while count(house, limit=4):
        pass
    counts = {who: sends for (_, who), (sends, _) in sent(house).items()}
    assert counts == {ANN: 13, BEN: 6}


def test_a_bite_is_no_larger_than_asked_for_but_one_group_of_messages(house):
    for n in range(1, 10):
        accept(house, n)
    assert count(house, limit=4) == 4
    accept(house, *range(10, 30))
    seen = [count(house, limit=7) for _ in range(10)]
    assert sum(seen) == 25
    assert max(seen) <= 20


def test_what_another_store_takes_in_is_counted_as_well(house):
    subscribe(house, ANN)
    accept(house, 1)
    count(house)
    other = house.open()
    accept(house, 2, store=other)
    assert count(house) == 1
    assert sent(house)[house.list.id, ANN] == (2, NOW)


def test_a_round_that_breaks_off_counts_nothing(house):
    subscribe(house, ANN)
    accept(house, 1, 2)

    def fail(tx):
        tx.activity.count(MANY)
        raise StorageUnavailable("the power is gone")

    with pytest.raises(StorageUnavailable):
        house.write(fail)
    assert sent(house)[house.list.id, ANN] == (0, None)
    assert count(house) == 2
    assert sent(house)[house.list.id, ANN] == (2, NOW)


def test_messages_taken_in_while_it_counts_are_counted_once(house):
    subscribe(house, ANN)
    house.write(lambda tx: house.backend.use_lane(tx, house.list.lane))
    # Where many processes accept, their numbers come as they like, and two may count for a moment.
    is_shared = not isinstance(house.backend, SqliteBackend)
    stores = [house.store, house.open()] if is_shared else [house.store]
    shares = [range(1, 101), range(101, 201)] if is_shared else [range(1, 201)]
    done = asyncio.Event()

    async def take_in(store, ns):
        for n in ns:
            row = (
                house.no(n), house.list.lane, house.us, house.list.id, ANN, NOW + n, 0, 1, "gsm7",
                "Hello", None, "",
            )  # fmt: skip
            await store.write(lambda tx, row=row: tx.messages.insert([row]))

    async def follow(store):
        follower = ActivityFollower(store, WholeOwnership())
        while not done.is_set():
            await follower.step()
            await asyncio.sleep(0)

    async def race():
        following = [asyncio.create_task(follow(store)) for store in stores]
        await asyncio.gather(*map(take_in, stores, shares))
        done.set()
        await asyncio.gather(*following)

    house.do(race())
    count(house)
    assert sent(house)[house.list.id, ANN] == (200, NOW + 200)


def test_the_numbers_of_others_that_come_late_are_not_passed_over(house):
    if isinstance(house.backend, SqliteBackend):
        pytest.skip("its numbers grow with time")
    subscribe(house, ANN)
    accept(house, 2_000)
    assert count(house) == 1
    accept(house, 5)
    assert behind(house) > 0
    assert count(house) == 1
    assert sent(house)[house.list.id, ANN] == (2, NOW)


def test_whose_data_is_deleted_is_counted_no_more(house):
    subscribe(house, ANN, BEN)
    accept(house, 1)
    accept(house, 2, to=BEN)
    numbers = [house.no(1)]
    house.write(lambda tx: tx.erasure.redact_messages(house.us, ANN, numbers))
    assert count(house) == 2
    counts = Counter({who: sends for (_, who), (sends, _) in sent(house).items()})
    assert counts == {ANN: 0, BEN: 1}
    kept = house.backend.everything()["contact_activity"]
    assert str(ANN) not in kept
    house.write(lambda tx: tx.activity.forget(house.them, BEN))
    assert str(BEN) in house.backend.everything()["contact_activity"], "it is another account's"
    house.write(lambda tx: tx.activity.forget(house.us, BEN))
    assert str(BEN) not in house.backend.everything()["contact_activity"]


def test_the_follower_rests_and_makes_itself_small_where_it_cannot_keep_up(house):
    follower = ActivityFollower(house.store, WholeOwnership())
    assert house.do(follower.step()) == 0
    for first in range(0, 3_000, 100):
        accept(house, *range(first + 1, first + 101))
    growing = house.do(follower.step())
    shrinking = house.do(follower.step())
    assert growing > shrinking > 0
    while house.do(follower.step()):
        pass
    assert behind(house) == 0


# Where the messages to one recipient lie


def span(house, recipient=ANN, account=None):
    return house.read(lambda tx: tx.lookup.sent_span(account or house.us, recipient))


def first_places(house, found, *ns):
    """Return which of some messages, newest first, a search for the recipient begins with."""
    rows = house.read(lambda tx: tx.lookup.of_numbers(house.us, [house.no(n) for n in ns]))
    places = [MessagePlace(each.created_at, each.number) for each in rows]
    return [found.next_from(each) == each for each in places]


def test_the_messages_to_a_recipient_lie_where_they_were_counted(house):
    accept(house, 1, at=NOW)
    accept(house, 2, 3, at=NOW + DAY_MS)
    accept(house, 4, to=BEN, at=NOW + 2 * DAY_MS)
    accept(house, 5, to=BEN, at=NOW + 9 * DAY_MS)
    while count(house):
        pass
    found = span(house)
    # How near to the newest one a search can go at once is the database's.
    newest = MessagePlace(NOW + 9 * DAY_MS, house.no(5))
    assert found.next_from(newest) in {newest, found.newest}
    assert first_places(house, found, 3, 2, 1) == [True, True, True]
    assert found.next_from(MessagePlace(NOW - 1, 0)) is None
    # A search may end at either place, and is continued by the id that stands for its number.
    for place in (found.newest, found.oldest):
        assert IDS.read(IDS.show(place.number)) == place.number


def test_a_recipient_without_messages_has_none_to_look_for(house):
    accept(house, 1, to=BEN)
    while count(house):
        pass
    found = span(house)
    assert found.newest is None
    assert found.next_from(MessagePlace(NOW, house.no(1))) is None
    # Those of another account say nothing here.
    assert span(house, BEN, house.them).newest is None


def test_what_is_not_counted_yet_is_looked_at(house):
    accept(house, 1, to=BEN, at=NOW)
    while count(house):
        pass
    accept(house, 2, to=BEN, at=NOW + DAY_MS)
    accept(house, 3, to=ANN, at=NOW + 2 * DAY_MS)
    found = span(house)
    assert first_places(house, found, 3, 2) == [True, True]


def found_after(house, recipient, place):
    """Return the messages to a recipient that a walk over all that is older than a place finds."""
    about = MessageFilter(recipient=recipient)
    older = house.read(lambda tx: tx.lookup.older(house.us, about, place, MANY))
    return [each.number for each in older]


def next_from(known, place):
    """Return where a search goes on at a place; where nothing is known yet, there."""
    return place if known is None else known.next_from(place)


def found_from(house, recipient, place):
    """Return those that are found from where a search goes on at the place."""
    to = next_from(span(house, recipient), place)
    return [] if to is None else found_after(house, recipient, to)


def test_a_clock_that_was_put_back_hides_no_message(house):
    accept(house, 1, at=NOW)
    accept(house, 2, to=BEN, at=NOW - 1_000)
    while count(house):
        pass
    place = MessagePlace(NOW - 1_000, house.no(2))
    assert found_from(house, ANN, place) == found_after(house, ANN, place)


@pytest.mark.parametrize("seed", range(4))
def test_a_search_goes_on_to_all_that_a_walk_would_find(house, seed):
    chance = Random(seed)
    lists = [house.list, house.add_list(house.us, 15550009)]
    at, n = NOW, 0
    for _ in range(12):
        # Times stand still, go on, and are put back.
        at += chance.choice([0, 0, 1, 700, DAY_MS, -900, -40_000])
        some = range(n + 1, n + 1 + chance.randint(1, 4))
        accept(house, *some, to=chance.choice([ANN, BEN]), at=at, sender=chance.choice(lists))
        n = some[-1]
        if chance.random() < 0.4:
            count(house, chance.choice([1, 3, MANY]))
        everything = house.read(lambda tx: tx.lookup.older(house.us, MessageFilter(), NEWEST, MANY))
        places = [NEWEST, *(MessagePlace(each.created_at, each.number) for each in everything)]
        for who in (ANN, BEN):
            known = span(house, who)
            # Where it goes on at the place itself, it passes over nothing.
            goes_on_at = {to for place in places if (to := next_from(known, place)) != place}
            found = {to: [] if to is None else found_after(house, who, to) for to in goes_on_at}
            for which, place in enumerate(places):
                left = [each.number for each in everything[which:] if each.recipient == who]
                assert found.get(next_from(known, place), left) == left
            place = chance.choice(places)
            assert found_from(house, who, place) == found_after(house, who, place)
