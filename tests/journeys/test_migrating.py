"""Contacts who go on in another version: none is lost or doubled, and a wait keeps its meaning."""

import pytest
from travels import ANN, BEN, CID, send, wait

from sendrail.contacts.journey_documents import JourneyDocuments
from sendrail.domain.audit import Actor
from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys.migrating import Migration, RestPolicy
from sendrail.domain.journeys.task import TaskState

HOUR = 3_600
US = Actor(name="us")


@pytest.fixture
def change(journeys):
    documents = JourneyDocuments(journeys.road.store, journeys.road.clock.now)

    def change(journey, *steps, migrate=None, status="active", rest=None, sources=(1,)):
        migration = None
        if migrate is not None:
            rest = None if rest is None else RestPolicy(rest)
            migration = Migration(sources=frozenset(sources), steps=migrate, rest=rest)
        work = documents.change(
            journeys.road.account, journey.id, {"steps": list(steps)} if steps else {}, US,
            status=status, migration=migration,
        )  # fmt: skip
        return journeys.road.do(work)

    return change


def counts(journeys, journey, version):
    return journeys.road.read(lambda tx: tx.journeys.counts(journey, version))


def test_a_shorter_wait_lets_the_overdue_go_and_the_others_when_they_are_due(journeys, change):
    journey = journeys.add(wait("day", 24), send("old", "old"))
    early, late = range(ANN, ANN + 520), range(ANN + 520, ANN + 560)
    journeys.enter(*early)
    journeys.step()
    journeys.wait(10 * HOUR)
    journeys.enter(*late)
    journeys.wait(0)
    journeys.wait(3 * HOUR)
    found = change(journey, wait("half", 12), send("new", "new"), wait("end"),
                   migrate={"day": "half"}, rest="stay")  # fmt: skip
    first = found.migration.moves[0]
    assert (first.move.step, first.move.to, first.contacts) == ("day", "half", 560)
    journeys.step()
    task = journeys.road.read(
        lambda tx: tx.journey_tasks.find(journeys.road.account, journey.id, found.migration.task_id)
    )
    assert (task.state, task.done, task.failed) == (TaskState.DONE, 560, 0)
    # The pace of the list lets them leave in some minutes; nobody twice, nobody else.
    journeys.wait(120)
    journeys.wait(120)
    assert sorted(journeys.sent()) == [(each, "new") for each in early]
    journeys.wait(9 * HOUR)
    journeys.wait(120)
    assert sorted(journeys.sent()) == [(each, "new") for each in (*early, *late)]
    old, new = counts(journeys, journey, 1), counts(journeys, journey, 2)
    assert (old["", "entered"], old["", "ended:migrated"]) == (560, 560)
    assert (old["day", "entered"], old["day", "left"]) == (560, 560)
    assert (new["", "entered"], new["half", "entered"], new["half", "left"]) == (560, 560, 560)


def test_a_step_that_is_gone_ends_it_and_what_is_not_named_stays(journeys, change):
    journey = journeys.add(wait("one"), wait("two", 2), wait("three", 3))
    journeys.enter(CID)
    journeys.wait(0)
    journeys.wait(HOUR)
    journeys.wait(2 * HOUR)
    journeys.enter(BEN)
    journeys.wait(0)
    journeys.wait(HOUR)
    journeys.enter(ANN)
    journeys.step()
    assert [journeys.where(each) for each in (ANN, BEN, CID)] == ["one", "two", "three"]
    change(journey, wait("uno"), wait("due"), migrate={"one": "uno", "two": None}, rest="stay")
    journeys.step()
    assert [journeys.where(each) for each in (ANN, BEN, CID)] == [
        "uno", "over: migrated_out", "three",
    ]  # fmt: skip
    assert [journeys.at(each).version for each in (ANN, BEN, CID)] == [2, 1, 1]
    assert counts(journeys, journey, 1)["", "ended:migrated_out"] == 1
    journeys.wait(HOUR)
    assert journeys.where(ANN) == "due"


def test_the_time_for_which_a_journey_stood_still_is_no_part_of_a_wait(journeys, change):
    journey = journeys.add(wait("day", 24), send("old"))
    journeys.enter(ANN)
    journeys.step()
    journeys.wait(4 * HOUR)
    found = change(journey, wait("half", 12), wait("end"), migrate={"day": "half"}, rest="exit")
    change(journey, status="paused")
    # Nothing is moved while it stands still.
    journeys.wait(10 * HOUR)
    assert (journeys.where(), journeys.at().version) == ("day", 1)
    change(journey)
    # It is looked whether it still stands still every five seconds.
    journeys.wait(5)
    assert (journeys.where(), journeys.at().version) == ("half", 2)
    journeys.wait(8 * HOUR - 6)
    assert journeys.where() == "half"
    journeys.wait(1)
    assert (journeys.where(), found.migration.task_id is None) == ("end", False)


def test_who_has_not_begun_begins_in_the_new_version(journeys, change):
    journey = journeys.add(wait("day", 24))
    journeys.enter(ANN)
    change(journey, wait("hour"), wait("end"), migrate={"day": "hour"})
    journeys.step()
    assert (journeys.where(), journeys.at().version) == ("hour", 2)
    journeys.wait(HOUR)
    assert journeys.where() == "end"
    new = counts(journeys, journey, 2)
    assert (new["hour", "entered"], new["hour", "left"]) == (1, 1)


def test_a_migration_that_says_too_little_or_too_much_changes_nothing(journeys, change):
    journey = journeys.add(wait("one"), send("two"))
    for migrate, sources, code in (
        ({"one": "uno"}, (1,), "incomplete_migration"),
        ({"one": "uno", "two": "nowhere"}, (1,), "unknown_step"),
        ({"one": "uno", "two": None, "six": None}, (1,), "unknown_step"),
        ({"one": "uno", "two": None}, (2,), "invalid_value"),
        ({"one": "uno", "two": None}, (1, 3), "invalid_value"),
    ):
        with pytest.raises(InvalidInput) as told:
            change(journey, wait("uno"), migrate=migrate, sources=sources)
        assert told.value.code == code
    with pytest.raises(InvalidInput):
        change(journey, status="paused", migrate={})
    assert counts(journeys, journey, 2) == {}
    assert journeys.road.read(lambda tx: tx.journey_tasks.open()) == []
