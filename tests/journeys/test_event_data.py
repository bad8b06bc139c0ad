"""What events say beside their name: in texts, in conditions, and only as long as a passage."""

import json

import pytest
from travels import ANN, BEN, send, wait

from sendrail.domain.journeys.document import Occasion
from sendrail.domain.journeys.event_data import NAMES_MAX, remembered
from sendrail.domain.journeys.facts import Wake
from sendrail.storage.journeys.enrolments import JourneyEvent

HOUR = 3_600
CART = {"on": ["event"], "event": "cart"}
ALWAYS = {"mode": "always"}


def asks(field, op="exists", **more):
    return {"type": "event_data", "field": field, "op": op, **more}


@pytest.fixture
def happens(journeys):
    """Report an event with its data, to a contact that the list knows."""

    def happens(name, recipient=ANN, **data):
        now = journeys.road.clock.now()
        event = JourneyEvent(journeys.sender.id, recipient, now, Wake.CUSTOM, name)
        journeys.road.write(lambda tx: tx.passages.happened(journeys.road.account, event, data))

    journeys.know(ANN, BEN)
    return happens


def test_a_text_shows_what_the_event_said_that_let_the_contact_enter(journeys, happens):
    journeys.add(
        send("hello", "{{event.items}} for {{event.total}}, {{event.gift|no gift}}"), wait("hour"),
        send("more", "Still {{event.items}}, now {{event.total}}"), wait("day", 24),
        trigger=CART, reentry=ALWAYS,
    )  # fmt: skip
    happens("cart", items="Two shoes", total=59.5)
    happens("cart", BEN, items="A hat", total=7)
    journeys.step()
    assert sorted(journeys.sent()) == [
        (ANN, "Two shoes for 59.5, no gift"), (BEN, "A hat for 7, no gift"),
    ]  # fmt: skip
    # A later event of any name has the last word on what it names, and leaves the rest.
    happens("reduced", total=40)
    journeys.wait(HOUR)
    assert journeys.sent(ANN)[-1] == "Still Two shoes, now 40"
    assert journeys.sent(BEN)[-1] == "Still A hat, now 7"


def test_a_passage_knows_what_was_said_on_it_alone(journeys, happens):
    journeys.add(
        send("hello", "{{event.total|nothing}}"), wait("hour"), trigger=CART, reentry=ALWAYS
    )
    happens("cart", total=5)
    journeys.step()
    journeys.wait(HOUR)
    assert json.loads(journeys.at().state) == {}
    happens("cart")
    journeys.step()
    assert journeys.sent(ANN) == ["5", "nothing"]


def test_conditions_ask_what_an_event_said(journeys, happens):
    trigger = CART | {"when": asks("total", "ne", value=0)}
    paid = {
        "id": "paid", "kind": "wait_event", "if": asks("paid", "eq", value=True),
        "timeout": {"value": 1, "unit": "days"}, "yes": "thanks", "no": None,
    }  # fmt: skip
    journeys.add(paid, wait("thanks"), trigger=trigger, exit_when=asks("cancelled"))
    happens("cart", total=0)
    assert journeys.road.sql("SELECT * FROM enrolments") == []
    happens("cart", total=5)
    happens("cart", BEN, total=5)
    journeys.step()
    happens("order", paid=False)
    journeys.step()
    assert journeys.where() == "paid"
    happens("order", paid=True)
    happens("order", BEN, cancelled=True)
    journeys.step()
    assert (journeys.where(), journeys.where(BEN)) == ("thanks", "over: exit_when")


def test_what_was_said_survives_a_pause_and_a_message_that_is_held(journeys, happens):
    journey = journeys.add(wait("hour"), send("hello", "{{event.total}}"), trigger=CART)
    happens("cart", total=5)
    journeys.step()
    journeys.change(journey, status="paused")
    journeys.wait(HOUR)
    journeys.change(journey, status="active")
    journeys.pause_list()
    journeys.road.sql(f"UPDATE enrolments SET due_at = {journeys.road.clock.now()}")
    journeys.step()
    assert journeys.at().end_reason is None
    journeys.pause_list(journeys.sender.status)
    journeys.wait(HOUR)
    assert journeys.sent(ANN) == ["5"]


def test_a_passage_remembers_the_latest_names():
    many = {f"n{at}": at for at in range(NAMES_MAX)}
    found = remembered(many, {"n0": "again", "new": 1})
    assert len(found) == NAMES_MAX
    assert (found["n0"], found["new"], "n1" in found, "n2" in found) == ("again", 1, False, True)


def test_a_field_of_the_contact_is_no_data_of_an_event(journeys):
    journeys.know(ANN, fields={"total": 3})
    fork = {"id": "fork", "kind": "condition", "if": asks("total"), "yes": "known", "no": "none"}
    journeys.add(fork, wait("known", next=None), wait("none"), trigger={"on": ["event", "signup"],
                 "event": "cart"})  # fmt: skip
    journeys.occasion(ANN, occasion=Occasion.SIGNUP)
    journeys.step()
    assert journeys.where() == "none"
