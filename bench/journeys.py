"""What a turn of a journey costs: `advance` alone, beside a loop that decides nothing.

The loop makes the same number of tuples of the same size, so the ratio to it says the same on a
busy machine.
"""

import argparse
import time
from collections.abc import Callable

import kit
from kit import Figure, Section
from sendrail.domain.journeys.document import Version
from sendrail.domain.journeys.facts import Event, EventKind, Facts
from sendrail.domain.journeys.position import QUEUED, EnrolmentKey, Position
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.turn import advance, enter

NOW = 1_772_366_400_000
TURNS = 10_000

METHOD = """
Processor time of this process without a database, the best of {options.runs} rounds of
{turns:,} turns. A turn that sends a message is two calls. The goal is for an idle core.
"""

DOCUMENT = {
    "name": "bench",
    "trigger": {"on": ["api"]},
    "steps": [
        {"id": "one", "kind": "send", "body": "hi {{first_name|there}}"},
        {"id": "two", "kind": "send", "body": "hi again"},
        {"id": "rest", "kind": "wait", "value": 1, "unit": "days"},
        {
            "id": "fork",
            "kind": "condition",
            "if": {"type": "event", "event": "click"},
            "yes": "nine",
            "no": "nine",
        },
        {"id": "nine", "kind": "wait_until", "time": "09:00"},
    ],
}


def version() -> Version:
    """Return the journey that is measured."""
    found = read_document(DOCUMENT).version
    assert found is not None, "the document has no fault"
    return found


def cpu(work: Callable[[], None], rounds: int) -> float:
    """Return the microseconds of CPU that a turn of some work takes, at its best."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / TURNS * 1e6


def parser() -> argparse.ArgumentParser:
    return kit.options(__doc__, runs=7)


def measure(options: argparse.Namespace) -> Section:
    """Return the figures of each kind of turn."""
    section = Section("Journeys, a turn", METHOD.format(options=options, turns=TURNS))
    journey, facts, key = version(), Facts({"plan": "gold"}), EnrolmentKey(1, 15550001000)
    clicked = facts._replace(events=(Event(EventKind.CLICK, NOW + 1),))
    start = enter(journey, NOW)
    asked = advance(journey, start, facts, NOW, key)
    second = advance(journey, asked.position, asked.facts, NOW, key, QUEUED).position
    asked = advance(journey, second, facts, NOW, key)
    resting = advance(journey, asked.position, asked.facts, NOW, key, QUEUED).position
    due = resting.due_at

    def sends() -> None:
        for _ in range(TURNS):
            turn = advance(journey, start, facts, NOW, key)
            advance(journey, turn.position, turn.facts, NOW, key, QUEUED)

    def wakes() -> None:
        for _ in range(TURNS):
            advance(journey, resting, facts, NOW + 1, key)

    def goes_on() -> None:
        for _ in range(TURNS):
            advance(journey, resting, clicked, due, key)

    def reference() -> None:
        for _ in range(TURNS):
            Position(*start)
            Position(*start)

    base = cpu(reference, options.runs)
    section.figures.append(Figure("reference: two positions", "µs", [base]))
    for name, work, calls, at_most in (
        ("**a message, each of two calls**", sends, 2, 6.0),
        ("woken, rests on", wakes, 1, None),
        ("condition, then a local time", goes_on, 1, None),
    ):
        took = cpu(work, options.runs)
        section.figures += [
            Figure(name, "µs", [took / calls], at_most=at_most),
            Figure(f"{name.strip('*')}: turn / reference", "", [took / base]),
        ]
    return section


if __name__ == "__main__":
    kit.main(parser(), measure)
