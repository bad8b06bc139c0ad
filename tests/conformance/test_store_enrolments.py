"""What every store must do about contacts on journeys: when they are due, and what is written."""

import pytest
from enrolled import enrolment
from stores import ANN, BEN, CID, NOW

from sendrail.domain.ids import lane_of
from sendrail.storage.journeys.enrolments import (
    KEPT_EVENTS_MAX,
    PARKED,
    EnrolmentPlace,
    JourneyCount,
    JourneyEvent,
)

CLICK, REPLY = 1, 2


@pytest.fixture
def journey(house):
    def make(tx):
        tx.journeys.add(house.list.id, "welcome", NOW)
        return tx.journeys.find(house.us, house.list.id, "welcome")

    return house.write(make)


@pytest.fixture
def lane(house):
    return lane_of(house.list.id)


def row(journey, recipient=ANN, **more):
    return enrolment(journey.list_id, recipient, journey.id, NOW, NOW + 100, **more)


def enter(house, *rows):
    return house.write(lambda tx: tx.enrolments.enter(rows))


def held(house, journey, *recipients):
    asked = [(journey.list_id, each) for each in recipients or (ANN, BEN, CID)]
    return house.write(lambda tx: tx.enrolments.hold(asked))


def claimed(house, lane, now, limit=100):
    return house.write(lambda tx: tx.enrolments.claim(lane, now, limit))


def test_those_whose_turn_has_come_are_claimed_the_longest_due_first(house, journey, lane):
    late, soon = row(journey, BEN, due_at=NOW + 2), row(journey, ANN, due_at=NOW + 1)
    assert enter(house, late, soon, row(journey, CID)) == [late, soon, row(journey, CID)]
    assert claimed(house, lane, NOW) == []
    assert claimed(house, lane, NOW + 2) == [soon, late]
    assert claimed(house, lane, NOW + 2, 1) == [soon]
    assert claimed(house, lane + 1, NOW + 2) == []
    assert house.read(lambda tx: tx.enrolments.next_due([lane, lane + 1])) == {lane: NOW + 1}
    assert house.read(lambda tx: tx.enrolments.next_due([])) == {}


def test_a_move_is_written_once(house, journey, lane):
    enter(house, row(journey, due_at=NOW), row(journey, BEN, due_at=NOW))
    moved = row(
        journey, version=2, step="hello", due_at=NOW + 7, waits=REPLY, arrived_at=NOW + 1,
        state='{"sends":1}',
    )  # fmt: skip
    assert house.write(lambda tx: tx.enrolments.write([moved])) == 1
    assert held(house, journey, ANN) == [moved._replace(seq=1)]
    # It was moved since it was seen with `seq` 0.
    assert house.write(lambda tx: tx.enrolments.write([moved])) == 0
    assert [each.recipient for each in claimed(house, lane, NOW)] == [BEN]


def test_one_that_is_over_stays_and_is_never_due(house, journey, lane):
    enter(house, row(journey, due_at=NOW, waits=CLICK))
    over = row(journey).ended("goal", NOW + 3)
    assert house.write(lambda tx: tx.enrolments.write([over])) == 1
    [kept] = held(house, journey)
    assert (kept.is_running, kept.end_reason, kept.ends_at) == (False, "goal", NOW + 3)
    assert claimed(house, lane, PARKED) == []
    asked = [ANN]
    for now, on_one in ((NOW + 2, {ANN}), (NOW + 3, set())):
        found = house.read(lambda tx, at=now: tx.journeys.enrolled(journey.list_id, asked, at))
        assert found == on_one
    assert house.read(lambda tx: tx.journeys.count(journey, NOW)) == 0
    assert house.write(lambda tx: tx.enrolments.forget(NOW + 3, 9)) == 0
    assert house.write(lambda tx: tx.enrolments.forget(NOW + 4, 9)) == 1
    assert held(house, journey) == []


def test_a_running_one_is_not_forgotten(house, journey):
    enter(house, row(journey))
    assert house.write(lambda tx: tx.enrolments.forget(PARKED, 9)) == 0


def test_a_contact_enters_again_in_place_of_the_row_that_was_seen(house, journey):
    first = row(journey)
    assert enter(house, first) == [first]
    assert enter(house, first) == []
    again = row(journey, seq=1, times=2, due_at=NOW + 5)
    assert enter(house, again, row(journey, BEN)) == [again, row(journey, BEN)]
    assert held(house, journey, ANN) == [again]
    assert enter(house, row(journey, seq=1, times=2)) == []


def test_what_wakes_comes_forward_and_never_later(house, journey):
    enter(house, row(journey, due_at=NOW + 50), row(journey, BEN, due_at=NOW + 1))
    places = [EnrolmentPlace(journey.list_id, each, journey.id) for each in (ANN, BEN, CID)]
    house.write(lambda tx: tx.enrolments.wake(places, NOW + 5))
    assert [each.due_at for each in held(house, journey)] == [NOW + 5, NOW + 1]
    over = row(journey).ended("goal", NOW)
    house.write(lambda tx: tx.enrolments.write([over]))
    house.write(lambda tx: tx.enrolments.wake(places, NOW + 5))
    assert not held(house, journey, ANN)[0].is_running


def test_what_happened_is_kept_until_the_contact_is_on_no_journey(house, journey):
    list_id = journey.list_id
    events = [
        JourneyEvent(list_id, ANN, NOW + 2, REPLY, "yes"),
        JourneyEvent(list_id, ANN, NOW + 1, CLICK),
        JourneyEvent(list_id, BEN, NOW, CLICK),
    ]
    enter(house, row(journey))
    for each in (*events, events[0]):
        house.write(lambda tx, each=each: tx.enrolments.add_event(each))

    def found(*recipients):
        asked = [(list_id, each) for each in recipients]
        return house.read(lambda tx: tx.enrolments.events(asked))

    assert found(ANN) == [events[1], events[0]]
    assert found(ANN, BEN) == [events[2], events[1], events[0]]
    assert found() == []
    house.write(lambda tx: tx.enrolments.forget_events([(list_id, ANN), (list_id, BEN)]))
    assert found(ANN, BEN) == [events[1], events[0]]
    house.write(lambda tx: tx.enrolments.write([row(journey).ended("goal", NOW)]))
    house.write(lambda tx: tx.enrolments.forget_events([(list_id, ANN)]))
    assert found(ANN, BEN) == []


def test_of_what_happens_again_and_again_the_last_time_is_kept(house, journey):
    contact = journey.list_id, ANN
    for at in (NOW + 1, NOW + 3, NOW + 2):
        house.write(lambda tx, at=at: tx.enrolments.add_event(JourneyEvent(*contact, at, CLICK)))
    assert house.read(lambda tx: tx.enrolments.events([contact])) == [
        JourneyEvent(*contact, NOW + 3, CLICK)
    ]


def test_of_a_kind_there_are_so_many_and_no_more(house, journey):
    others = [
        JourneyEvent(journey.list_id, ANN, NOW, CLICK),
        JourneyEvent(journey.list_id, BEN, NOW, REPLY, "yes"),
    ]
    replies = [
        JourneyEvent(journey.list_id, ANN, NOW + at, REPLY, f"no {at}")
        for at in range(KEPT_EVENTS_MAX + 5)
    ]

    def add(tx):
        for each in (*others, *replies):
            tx.enrolments.add_event(each)

    house.write(add)
    kept = house.read(
        lambda tx: tx.enrolments.events([(journey.list_id, ANN), (journey.list_id, BEN)])
    )
    assert sorted(kept) == sorted([*others, *replies[5:]])


def test_counts_add_up(house, journey):
    hello = JourneyCount(journey.list_id, journey.id, 1, "hello", "entered")
    bye = hello._replace(step="bye")
    house.write(lambda tx: tx.enrolments.count({hello: 2, bye: 1}))
    house.write(lambda tx: tx.enrolments.count({hello: 3, bye: 0}))
    counts = house.read(lambda tx: tx.journeys.counts(journey, 1))
    assert counts == {("hello", "entered"): 5, ("bye", "entered"): 1}
    assert house.read(lambda tx: tx.journeys.counts(journey, 2)) == {}
