"""What a turn of a journey costs: `advance` alone, beside a loop of the same length that decides
nothing.

    .venv/bin/python bench/journeys.py

A turn that sends a message is two calls. The figures are CPU time of this process, the best of
several rounds; the ratio is to a loop that makes the same number of tuples of the same size, so it
says the same on a busy machine.
"""

import time
from collections.abc import Callable

from sendrail.domain.journeys.document import Version
from sendrail.domain.journeys.facts import Event, EventKind, Facts
from sendrail.domain.journeys.position import QUEUED, EnrolmentKey, Position
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.turn import advance, enter

NOW = 1_772_366_400_000
TURNS = 10_000
ROUNDS = 7
# At most so many microseconds for a call that sends, and times the reference.
AIM_US = 6.0

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


def cpu(work: Callable[[], None]) -> float:
    """Return the microseconds of CPU that a turn of some work takes, at its best."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / TURNS * 1e6


def main() -> None:
    """Measure, and print a line for each kind of turn."""
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

    base = cpu(reference)
    print(f"{'turn':<34} {'µs':>7} {'ratio':>7}")
    for name, work, calls in (
        ("reference: two positions", reference, 1),
        ("a message, of two calls", sends, 2),
        ("woken, rests on", wakes, 1),
        ("condition, then a local time", goes_on, 1),
    ):
        took = cpu(work)
        each = f", {took / calls:.1f} a call" if calls > 1 else ""
        print(f"{name:<34} {took:>7.1f} {took / base:>7.1f}{each}")
    print(f"aim: {AIM_US} µs a call of a turn that sends, on an idle core")


if __name__ == "__main__":
    main()
