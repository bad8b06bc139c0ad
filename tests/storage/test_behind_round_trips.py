"""How often the database is asked for a page of a campaign, a round of journeys, a round of clicks.

As in `test_round_trips.py`, each statement is one round trip, and what a round takes is bounded by
its lists at most, never by its contacts or clicks.
"""

from contextlib import ExitStack

import pytest
from clicking import Clock, click, counting
from grounds import LanesGround, PostgresGround
from planned import FIRST, Desk, crowd
from road import Road
from round_trips import Bound, counted, heard
from stores import NOW, House, LanesBackend, PostgresBackend, sign_up
from travels import Journeys, send

LISTS = (1, 10, 100)
BACKENDS = {"plain": PostgresBackend, "spread": LanesBackend}
GROUNDS = {"plain": PostgresGround, "spread": LanesGround}
SECOND = 1_000

PAGE = {"plain": Bound(25, 3), "spread": Bound(42, 4)}
CLICKS = {"plain": Bound(18), "spread": Bound(24, 2)}
# Each lane has rounds of its own.
JOURNEYS = {"plain": Bound(20, 22), "spread": Bound(25, 32)}


@pytest.fixture
def house_of():
    with ExitStack() as stack:

        def make(kind, lists):
            house = House(BACKENDS[kind](None))
            stack.callback(house.close)
            senders = [house.add_list(house.us, 15550700000 + n) for n in range(lists)]
            assert len({each.lane for each in senders}) == lists
            return house, senders

        yield make


# A page of a campaign


def page(house, senders, size):
    """Return what the planning of a page takes, of so many contacts of so many lists."""
    desk = Desk(house)
    for at, sender in enumerate(senders):
        desk.fast(sender)
        desk.join(crowd(size // len(senders), FIRST + at * size), sender)
    planner = desk.planner(page_max=size)
    # One run before, so that the driver knows every type and each lane has its numbers.
    desk.begin(desk.content(*senders))
    desk.plan(planner)
    # So that there is room for another one.
    desk.sql_write("DELETE FROM queue")
    run_id = desk.begin(desk.content(*senders))
    with heard(house.store) as ran:
        assert house.do(planner.step()) == 1
    assert len(desk.messages(run_id)) == size // len(senders) * len(senders)
    return counted(ran)


# A round of clicks


def round_of_clicks(house, senders, size):
    """Return what is taken to count so many first clicks, on messages of so many lists."""
    of_each = max(1, size // len(senders))
    for sender in senders:
        house.queue(*range(1, 2 * of_each + 1), sender=sender, links="17")
        house.write(lambda tx, sender=sender: sign_up(tx, sender.id, FIRST))
    clock = Clock()
    worker = counting(house, clock)

    def keep(first):
        rows = [
            click(house, n, sender=each, at=clock.now)
            for each in senders
            for n in range(first, first + of_each)
        ]
        house.write(lambda tx: tx.clicks.add(rows))
        house.do(worker.step())
        clock.now += 3 * SECOND

    keep(1)
    house.do(worker.step())
    keep(1 + of_each)
    with heard(house.store) as ran:
        house.do(worker.step())
    assert worker._is_counted
    assert house.read(lambda tx: tx.message_clicks.waiting(NOW * 2, NOW * 2, 1)) == []
    return counted(ran)


# A round of journeys


def round_of_journeys(ground, folder, lists, size):
    """Return what the turns of so many contacts take, on journeys of so many lists."""
    road = Road(ground(folder, 0))
    try:
        journeys = Journeys(road)
        senders = [road.add_list(rate=6_000_000) for _ in range(lists)]
        of_each = max(1, size // lists)
        journeys_of = [journeys.add(send("hello"), sender=each) for each in senders]

        def put(first):
            for sender, journey in zip(senders, journeys_of, strict=True):
                people = crowd(of_each, first)
                journeys.know(*people, sender=sender)
                journeys.put(journey, *people)

        put(FIRST)
        journeys.step()
        put(FIRST + of_each)
        with heard(road.store) as ran:
            assert journeys.step() == lists * of_each
        return counted(ran)
    finally:
        road.close()


@pytest.mark.parametrize("kind", ["plain", "spread"])
@pytest.mark.parametrize("lists", [1, 10, 50])
def test_a_page_of_a_campaign(house_of, kind, lists):
    house, senders = house_of(kind, lists)
    found = page(house, senders, 50)
    assert found <= PAGE[kind].at(lists)


@pytest.mark.parametrize("kind", ["plain", "spread"])
@pytest.mark.parametrize("lists", LISTS)
def test_a_round_of_clicks(house_of, kind, lists):
    house, senders = house_of(kind, lists)
    found = round_of_clicks(house, senders, 100)
    assert found <= CLICKS[kind].at(lists)


@pytest.mark.parametrize("kind", ["plain", "spread"])
@pytest.mark.parametrize("lists", [1, 10])
def test_a_round_of_journeys(tmp_path, kind, lists):
    found = round_of_journeys(GROUNDS[kind], tmp_path, lists, 100)
    assert found <= JOURNEYS[kind].at(lists)
