"""Random journeys, what happens to contacts on them, and the ways that a simulation gives them."""

from collections import Counter, defaultdict
from itertools import count

from sendrail.domain.journeys.facts import WAKES, EventKind, Facts, Wake
from sendrail.domain.journeys.position import EnrolmentKey
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.simulate import (
    FieldChange,
    ScriptedEvent,
    SimulationInput,
    simulate,
)
from sendrail.domain.journeys.texts import ContactNames

MINUTE = 60_000
# Contacts of their own, so that no message is a duplicate of another journey's.
numbers = count(15550200000)


def simulated(document, journey, recipient, events, now):
    given = SimulationInput(
        facts=Facts({}),
        starts_at=now,
        names=ContactNames(first_name="Ann", brand="Acme"),
        events=events,
        key=EnrolmentKey(journey.id, recipient),
    )
    found = simulate(read_document(document).version, given)
    moments = defaultdict(Counter)
    for each in found.path:
        moments[each.at][each.step, each.did] += 1
    return dict(moments), found.ended.value, found.ended_at


def happen(journeys, recipient, event):
    if isinstance(event.what, EventKind):
        journeys.happens(recipient, WAKES[event.what], event.detail)
        return
    place = (journeys.sender.id, recipient, {event.what.field: event.what.value})
    journeys.road.write(lambda tx: tx.journey_facts.set_fields(journeys.road.account, [place]))
    journeys.happens(recipient, Wake.FIELD)


def random_document(chance, name):
    """Return a document without faults, of up to eight steps and two days."""
    while True:
        names = [f"s{n}" for n in range(chance.randint(2, 8))]
        document = {
            "name": name,
            "trigger": {"on": ["api"]},
            "max_days": 2,
            "steps": [random_step(chance, each, names) for each in names],
        }
        if chance.random() < 0.3:
            document["goal"] = random_question(chance)
        if chance.random() < 0.3:
            document["quiet_hours"] = {"from": "21:00", "to": "08:00"}
        if not read_document(document).faults:
            return document


def random_question(chance):
    since = chance.choice(["enrollment", "step", "last_send"])
    return chance.choice([
        {"type": "event", "event": chance.choice(["click", "conversion"]), "since": since},
        {"type": "event", "event": "reply", "keyword": chance.choice(["a", "b"]), "since": since},
        {"type": "custom_field", "field": "x", "op": chance.choice(["eq", "ne"]), "value": 1},
    ])  # fmt: skip


def random_step(chance, name, names):
    to = {"next": chance.choice([*names, None])} if chance.random() < 0.3 else {}
    fork = {"if": random_question(chance)} | {
        way: chance.choice([*names, None]) for way in ("yes", "no") if chance.random() < 0.5
    }
    return {"id": name} | chance.choice([
        {"kind": "send", "body": f"{name} for {{{{first_name}}}}"} | to,
        {"kind": "send", "body": f"{name} for {{{{nothing}}}}"} | to,
        {"kind": "wait", "value": chance.randint(1, 300), "unit": "minutes"} | to,
        {"kind": "wait_until", "time": f"{chance.randrange(24):02}:30"} | to,
        {"kind": "wait_event", "timeout": {"value": chance.randint(1, 9), "unit": "hours"}} | fork,
        {"kind": "condition"} | fork,
        {"kind": "split", "branches": [{"percent": 30} | to, {"percent": 70}]},
        {"kind": "set_field", "field": "x", "value": chance.choice([1, 2, None])} | to,
        {"kind": "exit"},
    ])  # fmt: skip


def random_events(chance):
    kinds = [
        EventKind.CLICK, EventKind.CONVERSION, EventKind.REPLY, FieldChange("x", 1),
        FieldChange("x", 2),
    ]  # fmt: skip
    minutes = sorted(chance.sample(range(1, 1_500), chance.randint(0, 5)))
    return [
        ScriptedEvent(minute * MINUTE, chance.choice(kinds), chance.choice(["a", "b"]))
        for minute in minutes
    ]
