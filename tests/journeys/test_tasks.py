"""Pause, resume, archive and what is done to many: in bites, each with its place."""

import pytest
from travels import ANN, BEN, CID, OURS, add_audience, send, wait

from sendrail.contacts.journey_documents import JourneyDocuments
from sendrail.domain.audit import Actor
from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.task import DRY_RUN, TaskKind, TaskState

HOUR = 3_600
US = Actor(name="us")


@pytest.fixture
def change(journeys):
    documents = JourneyDocuments(journeys.road.store, journeys.road.clock.now)

    def change(journey, status, **about):
        work = documents.change(journeys.road.account, journey.id, {}, US, status=status, **about)
        journeys.road.do(work)

    return change


def add_task(journeys, journey, kind, **about):
    now = journeys.road.clock.now()
    account = journeys.road.account
    task_id = journeys.road.write(
        lambda tx: tx.journey_tasks.add(account, journey.id, kind, now, **about)
    )
    return lambda: journeys.road.read(
        lambda tx: tx.journey_tasks.find(account, journey.id, task_id)
    )


def test_time_stands_still_while_a_journey_is_paused(journeys, change):
    journey = journeys.add(wait("hour"), send("hello"), wait("two", 2))
    journeys.enter(ANN)
    journeys.step()
    journeys.wait(HOUR // 2)
    change(journey, "paused")
    # Its turn comes meanwhile, and it is put out of the way.
    assert journeys.wait(10 * HOUR) == 1
    assert journeys.wait(HOUR) == 0
    change(journey, "active")
    journeys.step()
    assert (journeys.sent(), journeys.where()) == ([], "hour")
    journeys.wait(HOUR // 2 - 1)
    assert journeys.sent() == []
    journeys.wait(1)
    assert (journeys.sent(ANN), journeys.where()) == (["Hi Ann"], "two")
    journeys.wait(2 * HOUR)
    assert journeys.where() == "over: completed"


def test_who_is_not_due_while_it_is_paused_is_moved_on_when_due(journeys, change):
    journey = journeys.add(wait("day", 24), send("hello"))
    journeys.enter(ANN)
    journeys.step()
    change(journey, "paused")
    journeys.wait(5 * HOUR)
    change(journey, "active")
    assert journeys.wait(19 * HOUR) == 1
    assert (journeys.sent(), journeys.where()) == ([], "day")
    journeys.wait(5 * HOUR)
    assert journeys.sent(ANN) == ["Hi Ann"]


@pytest.mark.parametrize(
    ("overdue", "ann", "ben", "sent"),
    [
        ("shift", "hour", "day", []),
        ("catch_up", "over: completed", "day", [ANN]),
        ("exit", "over: paused_out", "day", []),
    ],
)
@pytest.mark.parametrize("meanwhile", ["parked", "left"])
def test_what_came_in_the_pause_is_as_the_resume_says(
    journeys, change, overdue, ann, ben, sent, meanwhile
):
    """Also where no round came to them before the resume: for want of time, or of an engine."""
    pass_time = journeys.wait if meanwhile == "parked" else journeys.road.clock.advance
    journey = journeys.add(
        {"id": "who", "kind": "split", "sticky": True, "branches": [{"percent": 100, "next": "f"}]},
        {"id": "f", "kind": "condition", "yes": "day", "no": "hour",
         "if": {"type": "custom_field", "field": "slow", "op": "exists"}},
        wait("hour", next="hello"),
        wait("day", 24, next="hello"),
        send("hello"),
        goal={"type": "event", "event": "reply"},
    )  # fmt: skip
    journeys.enter(ANN, CID)
    journeys.enter(BEN, fields={"slow": True})
    journeys.step()
    journeys.wait(HOUR // 2)
    change(journey, "paused")
    pass_time(10 * HOUR)
    # Of one who was woken, the turn has come as well, but not the end of the rest.
    journeys.happens(BEN, Wake.CLICK)
    journeys.happens(CID, Wake.REPLY, "hi")
    pass_time(HOUR)
    change(journey, "active", overdue=overdue)
    journeys.step()
    assert (journeys.where(ANN), journeys.where(BEN)) == (ann, ben)
    assert journeys.where(CID) == ("over: paused_out" if overdue == "exit" else "over: goal")
    assert [who for who, _ in journeys.sent()] == sent
    # Half an hour was left of the hour, and as much as before the pause, or less by it, of the day.
    journeys.wait(HOUR // 2)
    assert ANN in [who for who, _ in journeys.sent()] or overdue == "exit"
    journeys.wait(12 * HOUR + 1)
    assert (BEN in [who for who, _ in journeys.sent()]) is (overdue != "shift")


def test_who_has_had_no_turn_before_a_pause_has_all_its_days_after_it(journeys, change):
    earlier = journeys.add(send("hello"), wait("hour"), max_days=1)
    change(earlier, "paused")
    journeys.wait(5 * 24 * HOUR)
    change(earlier, "active")
    journeys.enter(ANN)
    start = journeys.road.clock.now()
    change(earlier, "paused")
    for _ in range(2):
        # Put out of the way once, however often it is woken.
        journeys.step()
        journeys.happens(ANN, Wake.CUSTOM, "order")
    journeys.wait(2 * 24 * HOUR)
    change(earlier, "active")
    journeys.step()
    journeys.step()
    assert (journeys.sent(ANN), journeys.where()) == (["Hi Ann"], "hour")
    # Its day is longer by the pause that came during it, and by no earlier one.
    assert journeys.at().ends_at == start + 3 * 24 * HOUR * 1_000


def test_a_time_of_the_day_stays_one_after_a_pause(journeys, change):
    journey = journeys.add(
        {"id": "nine", "kind": "wait_until", "time": "09:00", "timezone": "UTC"}, send("hello")
    )
    # It is eight by UTC.
    journeys.enter(ANN)
    journeys.step()
    change(journey, "paused")
    journeys.wait(HOUR // 2)
    change(journey, "active")
    journeys.enter(BEN)
    assert journeys.wait(HOUR // 2 - 1) > 0
    assert journeys.sent() == []
    change(journey, "paused")
    journeys.wait(HOUR)
    change(journey, "active")
    journeys.step()
    assert journeys.sent() == []
    assert journeys.wait(23 * HOUR) == 0
    journeys.wait(1)
    assert sorted(who for who, _ in journeys.sent()) == [ANN, BEN]


def test_a_time_of_day_that_came_in_a_pause_without_a_round_means_the_next_one(journeys, change):
    journey = journeys.add(
        {"id": "nine", "kind": "wait_until", "time": "09:00", "timezone": "UTC"}, send("hello")
    )
    # It is eight by UTC.
    journeys.enter(ANN)
    journeys.step()
    change(journey, "paused")
    journeys.road.clock.advance(2 * HOUR)
    change(journey, "active")
    journeys.step()
    assert journeys.sent() == []
    assert journeys.wait(23 * HOUR - 1) == 0
    journeys.wait(1)
    assert journeys.sent(ANN) == ["Hi Ann"]


def test_resuming_leaves_a_draft_a_draft(journeys, change):
    journey = journeys.add(wait("hour"))
    documents = JourneyDocuments(journeys.road.store, journeys.road.clock.now)

    def edit(changes, **about):
        work = documents.change(journeys.road.account, journey.id, changes, US, **about)
        return journeys.road.do(work).journey

    change(journey, "paused")
    edit({"steps": [wait("two", 2)]})
    resumed = edit({}, status="active")
    assert (resumed.status, resumed.active_version) == ("active", 1)
    assert resumed.draft is not None
    activated = edit({}, status="active")
    assert (activated.active_version, activated.draft) == (2, None)
    with pytest.raises(InvalidInput, match="`overdue` belongs to a paused journey"):
        edit({}, status="active", overdue="shift")


def test_nobody_enters_a_paused_journey(journeys, change):
    journey = journeys.add(wait("hour"))
    change(journey, "paused")
    assert journeys.enter(ANN) == 0
    change(journey, "active")
    assert journeys.occasion(ANN) == 1


def test_archiving_ends_everybody_on_it(journeys, change):
    journey = journeys.add(wait("hour"))
    other = journeys.add(wait("hour"), name="other")
    journeys.enter(ANN, BEN, CID)
    journeys.step()
    change(journey, "archived")
    journeys.step()
    assert {journeys.where(each, journey) for each in (ANN, BEN, CID)} == {"over: archived"}
    assert journeys.where(ANN, other) == "hour"
    counts = journeys.counts(journey)
    assert (counts["", "ended:archived"], counts["hour", "left"]) == (3, 3)


def test_a_task_goes_through_all_in_bites_and_is_done_once(journeys):
    journey = journeys.add(wait("hour"))
    everybody = range(ANN, ANN + 1_200)
    assert journeys.enter(*everybody) == 1_200
    task = add_task(journeys, journey, TaskKind.EXIT, reason="removed")
    journeys.step()
    found = task()
    assert (found.done, found.failed, found.state) == (1_200, 0, TaskState.DONE)
    assert journeys.counts(journey)["", "ended:removed"] == 1_200
    assert journeys.step() == 0


def test_those_who_are_there_already_enter_by_a_backfill(journeys):
    gold = {"type": "custom_field", "field": "plan", "op": "eq", "value": "gold"}
    when = {"operator": "AND", "conditions": [gold], "groups": []}
    journey = journeys.add(wait("hour"), trigger={"on": ["signup"], "when": when})
    journeys.know(ANN, BEN, fields={"plan": "gold"})
    journeys.know(CID)
    journeys.road.unsubscribe(journeys.sender, BEN)
    dry = add_task(journeys, journey, TaskKind.BACKFILL, reason=DRY_RUN)
    journeys.step()
    assert (dry().done, dry().failed) == (1, 1)
    assert journeys.road.sql("SELECT * FROM enrolments") == []
    task = add_task(journeys, journey, TaskKind.BACKFILL)
    journeys.step()
    assert (journeys.where(ANN), task().done, task().failed) == ("hour", 1, 1)
    held = journeys.road.write(
        lambda tx: tx.enrolments.hold([(journeys.sender.id, each) for each in (BEN, CID)])
    )
    assert held == []


def test_a_task_that_was_cancelled_goes_no_further(journeys):
    journey = journeys.add(wait("hour"))
    journeys.enter(ANN)
    task = add_task(journeys, journey, TaskKind.EXIT, reason="removed")
    account, now = journeys.road.account, journeys.road.clock.now()
    found = task()

    def cancel(tx, who=account):
        return tx.journey_tasks.cancel(who, journey.id, found.id, now)

    assert not journeys.road.write(lambda tx: cancel(tx, account + 1))
    assert journeys.road.write(cancel)
    assert not journeys.road.write(cancel)
    journeys.step()
    assert (task().state, journeys.where()) == (TaskState.CANCELLED, "hour")
    moved = journeys.road.write(lambda tx: tx.journey_tasks.move(found, ANN, 0, now, is_over=False))
    assert not moved


def test_a_task_at_which_a_bite_breaks_stops_no_other(journeys):
    journey = journeys.add(wait("hour"))
    assert journeys.enter(ANN, ANN + 1) == 2
    # No reason that there is, as an older version might have written.
    broken = add_task(journeys, journey, TaskKind.EXIT, reason="of another time")
    task = add_task(journeys, journey, TaskKind.EXIT, reason="removed")
    journeys.step()
    assert task().state is TaskState.DONE
    assert broken().state is not TaskState.DONE


def test_a_backfill_of_an_audience_lets_its_members_enter(journeys):
    journey = journeys.add(wait("hour"))
    add_audience(journeys, journeys.road.account, OURS)
    journeys.know(ANN, CID, fields={"plan": "pro"})
    journeys.know(BEN, fields={"plan": "gold"})
    counted = add_task(journeys, journey, TaskKind.BACKFILL, reason=DRY_RUN, audience=OURS)
    journeys.step()
    assert (counted().done, counted().state) == (2, TaskState.DONE)
    done = add_task(journeys, journey, TaskKind.BACKFILL, audience=OURS)
    journeys.step()
    assert (done().done, done().failed) == (2, 0)
    assert (journeys.where(ANN), journeys.where(CID)) == ("hour", "hour")
    assert journeys.road.sql("SELECT count(*) FROM enrolments") == [(2,)]
    # One that is gone has no members, and nobody else's are taken.
    gone = add_task(journeys, journey, TaskKind.BACKFILL, audience="f" * 24)
    journeys.step()
    assert (gone().done, gone().state) == (0, TaskState.DONE)
