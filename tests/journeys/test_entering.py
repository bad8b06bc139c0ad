"""Who enters a journey, who may again, and what ends it: in the transaction that says so."""

import pytest
from travels import ANN, BEN, send, wait

from sendrail.domain.account import AccountStatus
from sendrail.domain.contact import OptOutReason
from sendrail.domain.journeys.document import Occasion
from sendrail.domain.journeys.facts import Wake
from sendrail.storage.journeys.passages import FieldChange

DAY = 86_400
GOLD = {"type": "custom_field", "field": "plan", "op": "eq", "value": "gold"}
WHEN_GOLD = {"operator": "AND", "conditions": [GOLD], "groups": []}


def test_a_trigger_is_asked_of_the_facts_after_its_occasion(journeys):
    journeys.add(wait("day"), trigger={"on": ["signup"], "when": WHEN_GOLD})
    assert journeys.enter(ANN, fields={"plan": "tin"}) == 0
    assert journeys.enter(BEN, fields={"plan": "gold"}) == 1
    assert journeys.occasion(BEN) == 0


def test_nobody_enters_who_may_not_be_texted(journeys):
    journeys.add(wait("day"))
    journeys.road.block(ANN)
    assert journeys.enter(ANN) == 0
    journeys.road.unsubscribe(journeys.sender, BEN)
    assert journeys.occasion(BEN, BEN + 1) == 0


def test_nobody_enters_while_the_account_is_suspended(journeys):
    road = journeys.road
    trigger = {"on": ["event", "signup", "field"], "event": "cart", "when": WHEN_GOLD}
    journey = journeys.add(wait("day"), trigger=trigger)

    def suspend(status):
        road.write(lambda tx: tx.accounts.set_status(road.account, status))

    def admitted():
        now = road.clock.now()
        return road.write(lambda tx: tx.passages.admit(road.account, journey, [ANN], now))

    suspend(AccountStatus.SUSPENDED)
    assert journeys.enter(ANN, fields={"plan": "gold"}) == 0
    journeys.happens(ANN, Wake.CUSTOM, "cart")
    assert (admitted(), journeys.road.sql("SELECT * FROM enrolments")) == (0, [])
    suspend(AccountStatus.ACTIVE)
    assert (admitted(), journeys.where()) == (1, "day")


OCCASIONS = [
    ({"on": ["reply"]}, Wake.REPLY, "anything", 1),
    ({"on": ["reply"], "keyword": "JOIN"}, Wake.REPLY, " join! ", 1),
    ({"on": ["reply"], "keyword": "JOIN"}, Wake.REPLY, "join us", 0),
    ({"on": ["click"]}, Wake.CLICK, "", 1),
    ({"on": ["click"], "offer_id": "5f0000000000000000000001"}, Wake.CLICK, "other", 0),
    ({"on": ["conversion"]}, Wake.CONVERSION, "", 1),
    ({"on": ["event"], "event": "cart"}, Wake.CUSTOM, "cart", 1),
    ({"on": ["event"], "event": "cart"}, Wake.CUSTOM, "order", 0),
    ({"on": ["signup"]}, Wake.REPLY, "anything", 0),
]


@pytest.mark.parametrize(("trigger", "kind", "detail", "entered"), OCCASIONS)
def test_what_happens_puts_contacts_on_journeys(journeys, trigger, kind, detail, entered):
    journeys.add(wait("day"), trigger=trigger)
    journeys.know(ANN)
    journeys.happens(ANN, kind, detail)
    held = journeys.road.write(lambda tx: tx.enrolments.hold([(journeys.sender.id, ANN)]))
    assert len(held) == entered


def test_a_change_of_fields_is_an_edge(journeys):
    journeys.add(wait("day"), trigger={"on": ["field"], "when": WHEN_GOLD})
    journeys.know(ANN, fields={"plan": "gold"})

    def change(before, after):
        sender, now = journeys.sender, journeys.road.clock.now()
        changes = [FieldChange(ANN, {"plan": before}, {"plan": after})]
        return journeys.road.write(
            lambda tx: tx.passages.fields_changed(journeys.road.account, sender.id, changes, now)
        )

    assert [change("tin", "tin"), change("gold", "gold"), change("gold", "tin")] == [0, 0, 0]
    assert change("tin", "gold") == 1


@pytest.mark.parametrize(
    ("reentry", "after_days", "entered"),
    [
        ({"mode": "once"}, 30, 0),
        ({"mode": "always"}, 2, 1),
        ({"mode": "always", "max": 1}, 2, 0),
        ({"mode": "after", "value": 3, "unit": "days", "from": "entry"}, 3, 1),
        ({"mode": "after", "value": 3, "unit": "days", "from": "entry"}, 2, 0),
        ({"mode": "after", "value": 3, "unit": "days", "from": "exit"}, 3, 0),
        ({"mode": "after", "value": 3, "unit": "days", "from": "exit"}, 4, 1),
    ],
)
def test_who_was_on_it_enters_again_by_its_rule(journeys, reentry, after_days, entered):
    journey = journeys.add(wait("day", 1, "days"), reentry=reentry)
    journeys.enter(ANN)
    journeys.step()
    # While on it: never.
    assert journeys.occasion(ANN) == 0
    journeys.wait(DAY)
    assert journeys.where() == "over: completed"
    journeys.road.clock.advance((after_days - 1) * DAY)
    assert journeys.occasion(ANN) == entered
    assert journeys.at().times == 1 + entered
    if entered:
        journeys.step()
        assert journeys.counts(journey)["day", "entered"] == 2


def test_an_exclusive_journey_is_entered_alone(journeys):
    one = journeys.add(wait("day"), name="one", exclusive=True, priority=1)
    two = journeys.add(wait("day"), name="two", exclusive=True, priority=2)
    plain = journeys.add(wait("day"), name="plain", trigger={"on": ["signup", "reply"]})
    assert journeys.enter(ANN) == 1
    assert journeys.where(journey=two) == "day"
    journeys.happens(ANN, Wake.REPLY, "hm")
    held = journeys.road.write(lambda tx: tx.enrolments.hold([(journeys.sender.id, ANN)]))
    assert [each.journey_id for each in held] == [two.id]
    journeys.know(BEN)
    journeys.happens(BEN, Wake.REPLY, "hm")
    # Who is on another journey enters no exclusive one, and nobody is taken off to make room.
    assert journeys.occasion(BEN) == 0
    assert journeys.where(BEN, plain) == "day"
    assert one.id != two.id


def test_a_call_puts_on_whoever_it_names_and_starts_anew(journeys):
    journey = journeys.add(send("hello", "Hi"), wait("day"), reentry={"mode": "once"})
    journeys.know(ANN)
    for body in ("first", "second"):
        assert len(journeys.put(journey, ANN, restarts=True)) == 1, body
        journeys.step()
        journeys.road.clock.advance(DAY)
    assert journeys.at().times == 2
    assert journeys.put(journey, ANN) == []
    assert journeys.counts(journey)["", "ended:restarted"] == 1
    assert journeys.sent(ANN) == ["Hi", "Hi"]


def leave(journeys, tx):
    now = journeys.road.clock.now()
    tx.contacts.unsubscribe(
        journeys.sender.id, ANN, OptOutReason.MESSAGE, source="t", evidence="", now=now
    )


def leave_all(journeys, tx):
    now = journeys.road.clock.now()
    other = journeys.other.id
    tx.contacts.unsubscribe(
        other, ANN, OptOutReason.MESSAGE, source="t", evidence="", now=now,
        everywhere_in=journeys.road.account,
    )  # fmt: skip


def block(journeys, tx):
    tx.blocks.add(journeys.road.account, [(ANN, "")], journeys.road.clock.now())


@pytest.mark.parametrize(
    ("leaves", "reason"),
    [(leave, "unsubscribed"), (leave_all, "unsubscribed"), (block, "blocked")],
)
def test_who_leaves_is_off_every_journey_at_once(journeys, leaves, reason):
    journeys.other = journeys.road.add_list()
    one = journeys.add(wait("day"), name="one")
    two = journeys.add(wait("day"), name="two")
    assert journeys.enter(ANN, BEN) == 4
    journeys.step()
    journeys.happens(ANN, Wake.CLICK)
    journeys.road.write(lambda tx: leaves(journeys, tx))
    for journey in (one, two):
        assert journeys.where(ANN, journey) == f"over: {reason}"
        assert journeys.where(BEN, journey) == "day"
        counts = journeys.counts(journey)
        assert (counts["", f"ended:{reason}"], counts["day", "left"]) == (1, 1)
    assert journeys.road.sql("SELECT * FROM journey_events") == []
    assert journeys.wait(DAY) == 2


def test_joining_with_use_journeys_starts_them(journeys):
    journeys.add(wait("day"))
    journeys.know(ANN)
    assert journeys.occasion(ANN, occasion=Occasion.SIGNUP) == 1
