"""Who waits for a conversion, or for what becomes of a message, has a turn when it comes."""

from dataclasses import replace

import pytest
from travels import ANN, BEN, send, wait

from sendrail.domain.conversion import Attribution, ConversionEvent, ConversionSource
from sendrail.domain.delivery import Rejected
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt
from sendrail.tracking.recording import ConversionReport, record_all

DAY = 86_400
BOUGHT = {"type": "event", "event": "conversion"}


def test_a_conversion_reaches_the_goal_at_once(journeys):
    road = journeys.road
    journeys.add(send("hello", "Hi"), wait("long", 20, "days"), goal=BOUGHT)
    journeys.add(
        wait("thanks", 2, "days"), name="buyers", trigger={"on": ["conversion"]},
        reentry={"mode": "always"},
    )  # fmt: skip
    journeys.enter(ANN, BEN)
    journeys.step()
    road.clock.advance(1)
    report = report_of(road, ANN)
    refund = report(event=ConversionEvent.REFUND, external_id="r")
    # Of a message that is no more a person's, and what is taken back, nothing is told.
    record(road, refund, report(recipient=None, external_id="x"))
    assert journeys.step() == 0
    # Twice in one batch, once more behind it: it is one conversion.
    sale = report(external_id="s")
    record(road, sale, sale)
    record(road, sale)
    assert journeys.step() == 2
    found = road.write(lambda tx: tx.enrolments.hold([(journeys.sender.id, ANN)]))
    assert sorted((each.step, each.end_reason, each.times) for each in found) == [
        ("long", "goal", 1), ("thanks", None, 1),
    ]  # fmt: skip
    assert journeys.where(BEN) == "long"


def report_of(road, recipient):
    """Return what makes reports of conversions by the message to a contact."""
    [(number,)] = road.sql("SELECT number FROM messages WHERE recipient = ?", recipient)
    message = road.read(lambda tx: tx.conversions.messages(road.account, [number]))[number]

    def report(event=ConversionEvent.SALE, recipient=message.recipient, **about):
        # No click: whether the message earned it is another question.
        return ConversionReport(
            account_id=road.account, message=replace(message, recipient=recipient), offer=None,
            event=event, amount=1, at=road.clock.now(), clicked_at=None,
            source=ConversionSource.API, attribution=Attribution.SALE, **about,
        )  # fmt: skip

    return report


def record(road, *reports):
    road.write(lambda tx: record_all(tx, reports, road.clock.now()))


def delivered_by_receipt(road):
    road.deliver(1)
    [(ref,)] = road.sql("SELECT carrier_ref FROM carrier_refs")
    road.callback(Receipt(carrier_ref=ref, status=Status.DELIVERED, detail="ok"))
    road.deliver(1)


def refused_by_carrier(road):
    road.carrier.will(ANN, Rejected("landline"))
    road.deliver(1)


def dropped_when_stale(road):
    road.clock.advance(3_600)
    road.deliver(1)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (delivered_by_receipt, "delivered"),
        (refused_by_carrier, "failed"),
        (dropped_when_stale, "failed"),
    ],
)
def test_the_fate_of_a_message_wakes_who_waits_for_it(journeys, end, status):
    road = journeys.road
    journeys.add(
        send("hello", "Hi"),
        {"id": "fate", "kind": "wait_event", "yes": "good", "no": "late",
         "if": {"type": "message", "status": status}, "timeout": {"value": 2, "unit": "days"}},
        wait("good", next=None),
        wait("late"),
    )  # fmt: skip
    journeys.enter(ANN)
    journeys.step()
    assert journeys.where() == "fate"
    assert journeys.wait(60) == 0
    end(road)
    assert journeys.step() == 1
    assert journeys.where() == "good"


def test_nobody_is_woken_by_a_message_of_another_journey(journeys):
    road = journeys.road
    question = {"type": "message", "status": "delivered"}
    journeys.add(wait("rest", 20, "days"), name="other", goal=question)
    journeys.add(send("hello", "Hi"), wait("long", 20, "days"))
    journeys.enter(ANN)
    journeys.step()
    delivered_by_receipt(road)
    assert journeys.step() == 0
