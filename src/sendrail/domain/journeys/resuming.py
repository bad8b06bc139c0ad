"""Journeys that go on after a pause: what becomes of the turns that came meanwhile."""

from enum import StrEnum

from sendrail.domain.journeys.document import Version, WaitUntilStep
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.journeys.local_hours import next_local, zone_for
from sendrail.domain.journeys.position import Position


class OverduePolicy(StrEnum):
    """What becomes of contacts whose turn came while their journey was paused."""

    # Time stood still for all contacts: what was left of a wait is still left.
    SHIFT = "shift"
    # Time went on: their turn is now.
    CATCH_UP = "catch_up"
    # Time went on, and they leave.
    EXIT = "exit"


def is_overdue(was: Position, resumed_at: int | None) -> bool:
    """Return whether the turn of an enrolment had come when its journey went on after a pause.

    Who was woken before the end of a rest is not overdue. It is asked of one that has had no turn
    since then: whatever a turn leads to lies after it.
    """
    until = was.due_at if was.until is None else was.until
    return resumed_at is not None and until <= resumed_at


def after_pause(  # noqa: PLR0917 - what a position follows from
    version: Version,
    was: Position,
    facts: Facts,
    now: int,
    stood_ms: int,
    resumed_at: int | None,
) -> Position:
    """Return where an enrolment stands whose journey stood still for some milliseconds.

    A rest until a time of day ends at that time all the same; where it was to end during the pause,
    at the next one.
    """
    step = version.steps.get(was.step)
    ends_at = was.ends_at + stood_ms
    if not isinstance(step, WaitUntilStep) or was.until is None:
        until = None if was.until is None else was.until + stood_ms
        return was._replace(until=until, due_at=was.due_at + stood_ms, ends_at=ends_at)
    until = was.until
    if is_overdue(was, resumed_at):
        until = next_local(now, step.minute, step.days, zone_for(version, facts, step.timezone))
    return was._replace(until=until, due_at=min(until, ends_at), ends_at=ends_at)
