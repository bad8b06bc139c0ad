"""A simulation is what the engine does: at the same moments, the same of the same steps."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from random_journeys import happen, numbers, random_document, random_events, simulated

from sendrail.domain.journeys.script import read_script

PROGRAMS = {
    path.stem: json.loads(path.read_text("utf-8"))["document"]
    for path in sorted((Path(__file__).parents[1] / "domain/journeys/golden").glob("*.json"))
}


def run(journeys, journey, recipient, events):
    """Take a contact through a journey by the engine; return the same as `simulated`."""
    clock, moments = journeys.road.clock, {}
    start, before = clock.now(), Counter(journeys.counts(journey))
    journeys.know(recipient)
    journeys.put(journey, recipient)
    waiting = sorted(events, key=lambda event: event.after_ms)
    while True:
        now = clock.now()
        while waiting and start + waiting[0].after_ms <= now:
            happen(journeys, recipient, waiting.pop(0))
        journeys.step()
        after = Counter(journeys.counts(journey))
        done = Counter({
            (step, what): n
            for (step, what), n in (after - before).items()
            if step and what not in {"entered", "left"}
        })  # fmt: skip
        before = after
        if done:
            moments[now] = done
        row = journeys.at(recipient, journey)
        if not row.is_running:
            return moments, row.end_reason, now
        upcoming = [row.due_at, *(start + each.after_ms for each in waiting[:1])]
        clock.advance((min(upcoming) - now) / 1_000)


def test_random_journeys_run_as_they_are_simulated(journeys):
    chance = Random(15)
    ends = Counter()
    for seed in range(15):
        document, events = random_document(chance, f"j{seed}"), random_events(chance)
        about = {name: value for name, value in document.items() if name not in {"name", "steps"}}
        journey = journeys.add(*document["steps"], name=document["name"], **about)
        recipient, now = next(numbers), journeys.road.clock.now()
        expected = simulated(document, journey, recipient, events, now)
        assert run(journeys, journey, recipient, events) == expected, (seed, document, events)
        ends[expected[1]] += 1
    assert len(ends) >= 3, ends


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs_to_its_end_as_it_is_simulated(journeys, name):
    script = {"events": [
        {"after": {"value": 90, "unit": "minutes"}, "event": "click"},
        {"after": {"value": 95, "unit": "minutes"}, "event": "reply", "detail": "2"},
        {"after": {"value": 20, "unit": "hours"}, "event": "reply", "detail": "c"},
        {"after": {"value": 47, "unit": "hours"}, "event": "custom", "detail": "order_placed"},
    ]}  # fmt: skip
    # Links need a domain, which has tests of its own.
    document = json.loads(json.dumps(PROGRAMS[name]).replace(" {{link1}}", ""))
    about = {key: value for key, value in document.items() if key not in {"name", "steps"}}
    journey = journeys.add(*document["steps"], name=name, **about)
    for events in ([], read_script(script, 0).events):
        recipient, now = next(numbers), journeys.road.clock.now()
        expected = simulated(document, journey, recipient, events, now)
        assert expected[0], "something is done"
        assert run(journeys, journey, recipient, events) == expected
