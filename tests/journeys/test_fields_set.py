"""A step that sets a field changes it for other journeys, as any change of a field does."""

import pytest
from travels import ANN, BEN, send, wait

from sendrail.domain.journeys.document import HOPS_MAX


def when(value, field="turn"):
    return {
        "on": ["api", "field"],
        "when": {"type": "custom_field", "field": field, "op": "eq", "value": value},
    }


def mark(value, field="turn"):
    return {"id": "mark", "kind": "set_field", "field": field, "value": value}


def test_a_field_that_a_step_sets_starts_other_journeys_but_not_its_own(journeys):
    always = {"mode": "always", "max": 9}
    own = journeys.add(mark(1), wait("hour"), name="own", trigger=when(1), reentry=always)
    other = journeys.add(send("hello", "Other"), wait("day"), name="other", trigger=when(1))
    elsewhere = journeys.add(wait("day"), name="elsewhere", trigger=when(2))
    journeys.know(ANN, BEN)
    journeys.put(own, ANN)
    journeys.step()
    assert (journeys.where(ANN, own), journeys.where(ANN, other)) == ("hour", "day")
    assert journeys.at(ANN, own).times == 1
    assert journeys.sent() == [(ANN, "Other")]
    assert journeys.counts(elsewhere) == {}
    assert journeys.counts(other)["", "entered"] == 1
    # What is set as it was before is no change.
    journeys.put(own, ANN, restarts=True)
    journeys.step()
    assert journeys.counts(other)["", "entered"] == 1


def test_of_several_that_a_field_starts_an_exclusive_one_is_alone(journeys):
    own = journeys.add(mark(1), name="own")
    plain = journeys.add(wait("day"), name="plain", trigger=when(1))
    alone = journeys.add(wait("day"), name="alone", trigger=when(1), exclusive=True)
    journeys.know(ANN)
    journeys.put(own, ANN)
    journeys.step()
    assert journeys.where(ANN, alone) == "day"
    assert journeys.counts(plain) == {}


def test_one_step_after_another_sets_fields_of_one_contact(journeys):
    own = journeys.add(
        mark(1), {"id": "too", "kind": "set_field", "field": "plan", "value": "pro"}, name="own"
    )
    one = journeys.add(wait("day"), name="one", trigger=when(1))
    two = journeys.add(wait("day"), name="two", trigger=when("pro", "plan"))
    journeys.know(ANN)
    journeys.put(own, ANN)
    journeys.step()
    assert (journeys.where(ANN, one), journeys.where(ANN, two)) == ("day", "day")


@pytest.mark.parametrize("known", [True, False])
def test_journeys_that_start_each_other_end_after_so_many(journeys, known):
    always = {"mode": "always", "max": 1_000}
    ping = journeys.add(mark(2), name="ping", trigger=when(1), reentry=always)
    pong = journeys.add(mark(1), name="pong", trigger=when(2), reentry=always)
    if known:
        journeys.know(ANN)
    journeys.put(ping, ANN)
    journeys.step()
    counts = [journeys.counts(each).get(("", "entered"), 0) for each in (ping, pong)]
    assert sum(counts) == (1 + HOPS_MAX if known else 1)


def test_a_step_sets_no_more_than_a_contacts_fields_have_room_for(journeys):
    long = "x" * 980
    steps = [
        {"id": f"set{at}", "kind": "set_field", "field": f" f{at} ", "value": long}
        for at in range(5)
    ]
    last = {"id": "last", "kind": "set_field", "field": "done", "value": True}
    own = journeys.add(*steps, last, name="own")
    journeys.know(ANN)
    journeys.put(own, ANN)
    journeys.step()
    found = journeys.road.write(lambda tx: tx.contacts.find(journeys.sender.id, ANN))
    # Four take 3,953 octets: a fifth has no room, and a short one behind it has.
    assert found.custom_fields == dict.fromkeys(("f0", "f1", "f2", "f3"), long) | {"done": True}
