"""What every store must do about the versions of journeys."""

from functools import partial

import pytest
from enrolled import enrolment
from stores import ANN, BEN, CID, NOW

from sendrail.domain.contact import (
    EnrolmentFilter,
    EnrolmentState,
    JourneyStatus,
    JourneyVersion,
)
from sendrail.domain.errors import Conflict
from sendrail.domain.phone import PhoneNumber


def journey_of(house, name):
    house.write(lambda tx: tx.journeys.add(house.list.id, name, NOW))
    return house.read(lambda tx: tx.journeys.find(house.us, house.list.id, name))


def version(journey, number):
    return JourneyVersion(
        journey_id=journey.id,
        version=number,
        document=f'{{"name":"größe {number}"}}',
        digest=f"{number:064}",
        created_at=NOW + number,
        created_by="key 1",
    )


def test_a_version_is_kept_as_it_came_and_is_the_accounts_own(house):
    journey = journey_of(house, "welcome")

    def add(added, tx):
        tx.journey_versions.add(house.us, added)

    for number in (1, 2, 3):
        house.write(partial(add, version(journey, number)))

    def ask(of, name, *more):
        return house.read(lambda tx: getattr(tx.journey_versions, name)(of, journey.id, *more))

    assert ask(house.us, "find", 2) == version(journey, 2)
    assert ask(house.us, "newest") == version(journey, 3)
    assert ask(house.us, "page", 1, 1) == ([version(journey, 2)], 3)
    assert ask(house.us, "find", 4) is None
    assert ask(house.them, "find", 2) is None
    assert ask(house.them, "newest") is None
    assert ask(house.them, "page", 0, 9) == ([], 0)

    house.write(lambda tx: tx.journey_versions.forget(house.them, journey.id))
    assert ask(house.us, "page", 0, 9)[1] == 3
    house.write(lambda tx: tx.journey_versions.forget(house.us, journey.id))
    assert ask(house.us, "page", 0, 9) == ([], 0)


def test_a_change_of_a_journey_is_its_accounts_alone(house):
    journey, other = journey_of(house, "one"), journey_of(house, "two")
    assert (journey.status, journey.active_version, journey.draft) == (
        JourneyStatus.ACTIVE, None, None,
    )  # fmt: skip
    assert journey.holds_other_sends
    assert not journey.exclusive
    values = {
        "status": JourneyStatus.PAUSED,
        "priority": -5,
        "exclusive": True,
        "holds_other_sends": False,
        "asks_message": True,
        "active_version": 2,
        "draft": "{}",
        "paused_at": NOW,
        "paused_ms": 7,
        "resumed_at": NOW + 1,
        "overdue": "exit",
        "name": "eins",
    }

    def change(account):
        def do(tx):
            tx.journey_versions.lock(account, journey.id)
            tx.journey_versions.change(account, journey, **values)

        house.write(do)
        return house.read(lambda tx: tx.journeys.by_id(house.us, journey.id))

    assert change(house.them) == journey
    changed = change(house.us)
    assert {name: getattr(changed, name) for name in values} == values
    with pytest.raises(Conflict) as caught:
        house.write(lambda tx: tx.journey_versions.change(house.us, other, name="eins"))
    assert caught.value.code == "journey_exists"


def test_a_contact_is_found_on_its_journey_over_or_not(house):
    journey, other = journey_of(house, "here"), journey_of(house, "there")
    ann, ben = PhoneNumber(15550100001), PhoneNumber(15550100002)
    on, over = (
        enrolment(journey.list_id, each, journey.id, NOW, NOW + 9, step="day")
        for each in (ann, ben)
    )
    house.write(lambda tx: tx.enrolments.enter([on, over]))
    house.write(lambda tx: tx.enrolments.write([over.ended("goal", NOW + 1)]))

    def find(of, recipient):
        return house.read(lambda tx: tx.journeys.enrolment(of, recipient))

    assert find(journey, ann) == on
    assert find(journey, ben) == over.ended("goal", NOW + 1)._replace(seq=1)
    assert find(journey, PhoneNumber(15550100003)) is None
    assert find(other, ann) is None


def test_who_is_or_was_on_a_journey_is_found_by_what_is_asked(house):
    journey = journey_of(house, "welcome")
    at = {ANN: NOW, BEN: NOW + 5, CID: NOW + 9}
    rows = [
        enrolment(journey.list_id, each, journey.id, started_at, NOW + 100, step="day", version=1)
        for each, started_at in at.items()
    ]
    house.write(lambda tx: tx.enrolments.enter(rows))
    [ben] = house.write(lambda tx: tx.enrolments.hold([(journey.list_id, BEN)]))
    house.write(lambda tx: tx.enrolments.write([ben.ended("exited", NOW + 20)]))

    def found(after=0, limit=9, scanned_max=99, **about):
        stretch = house.read(
            lambda tx: tx.journeys.enrolments_after(
                journey, EnrolmentFilter(**about), after, limit, NOW + 30, scanned_max
            )
        )
        return [each.recipient for each in stretch.enrolments], stretch.last

    assert found() == ([ANN, CID], None)
    assert found(state=EnrolmentState.ENDED) == ([BEN], None)
    assert found(state=EnrolmentState.ANY) == ([ANN, BEN, CID], None)
    assert found(step="day", version=1) == ([ANN, CID], None)
    assert found(step="night") == found(version=2) == ([], None)
    assert found(recipient=CID) == ([CID], None)
    assert found(recipient=BEN) == ([], None)
    assert found(state=EnrolmentState.ANY, recipient=BEN) == ([BEN], None)
    assert found(started_after=NOW + 9) == ([CID], None)
    assert found(started_before=NOW + 9) == ([ANN], None)
    # One after the other, and further where little of what was read is meant.
    assert found(limit=1) == ([ANN], ANN)
    assert found(after=ANN) == ([CID], None)
    seen, after = [], 0
    while after is not None:
        some, after = found(after, scanned_max=2, state=EnrolmentState.ANY, started_after=NOW + 5)
        seen += some
    assert seen == [BEN, CID]
    # Over by its time, though its turn has not come.
    late = house.read(
        lambda tx: tx.journeys.enrolments_after(
            journey, EnrolmentFilter(state=EnrolmentState.ENDED), 0, 9, NOW + 100
        )
    )
    assert [each.recipient for each in late.enrolments] == [ANN, BEN, CID]
