"""Moving contacts from one version of a journey to another: which step becomes which, and when.

A contact keeps when it entered and when it came to its step. A rest that it has begun is measured
anew from there: a shorter wait lets go who has waited for long enough, a longer one keeps the rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sendrail.domain.journeys.document import (
    SendStep,
    Step,
    Version,
    WaitEventStep,
    WaitStep,
    WaitUntilStep,
)
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.journeys.faults import FaultLog, FaultyDocument
from sendrail.domain.journeys.local_hours import next_local, zone_for
from sendrail.domain.journeys.position import Position

# What is counted of a version that a contact leaves for another one, as of an end.
MIGRATED: Final = "migrated"
PARAM: Final = "migrate"
_KEYS: Final = ("from", "map", "rest", "dry_run")
_RESTING: Final = (SendStep, WaitStep, WaitUntilStep, WaitEventStep)


class RestPolicy(StrEnum):
    """What becomes of those at a step that the map does not name."""

    STAY = "stay"
    EXIT = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """Which versions are left, and which step becomes which; None ends the journey there.

    `sources` are versions; 0 has no steps, and its contacts rest at "".
    """

    sources: frozenset[int]
    steps: Mapping[str, str | None]
    rest: RestPolicy | None = None

    @property
    def written(self) -> dict[str, Any]:
        """Return it as `read_migration` reads it."""
        rest = None if self.rest is None else self.rest.value
        return {"from": sorted(self.sources), "map": dict(self.steps), "rest": rest}


class StepMove(NamedTuple):
    """What a migration does at a step: `to` is a step, None for the end; or one stays there."""

    version: int
    step: str
    to: str | None
    stays: bool = False


def read_migration(given: object, versions_max: int) -> Migration:
    """Return a migration of decoded JSON. Raises `FaultyDocument` with every fault in it."""
    log = FaultLog()
    if not isinstance(given, Mapping):
        log.fault("invalid_value", 'must be a migration: {"from": [1], "map": {…}}', PARAM)
        raise FaultyDocument(log.faults)
    log.expect_keys(given, _KEYS, PARAM)
    for each in log.warnings:
        # A slip of the pen would move contacts to a step that was not meant.
        log.fault("invalid_value", "is not known", each.param or PARAM)
    sources, steps, rest = given.get("from"), given.get("map"), given.get("rest")
    if not isinstance(sources, list) or not sources or len(sources) > versions_max:
        log.fault("invalid_value", "must be an array of versions", f"{PARAM}.from")
        sources = []
    found = [
        log.number(each, f"{PARAM}.from[{at}]", 0, versions_max) for at, each in enumerate(sources)
    ]
    if steps is None:
        steps = {}
    if not isinstance(steps, Mapping) or not all(
        to is None or isinstance(to, str) for to in steps.values()
    ):
        log.fault(
            "invalid_value", 'must be an object: {"old": "new", "gone": null}', f"{PARAM}.map"
        )
        steps = {}
    if rest is not None and rest not in list(RestPolicy):
        log.fault("invalid_value", f"must be {' or '.join(RestPolicy)}", f"{PARAM}.rest")
        rest = None
    if log.faults:
        raise FaultyDocument(log.faults)
    return Migration(
        sources=frozenset(each for each in found if each is not None),
        steps=dict(steps),
        rest=None if rest is None else RestPolicy(rest),
    )


def resting_steps(version: Version) -> list[str]:
    """Return the steps at which contacts rest: waits, and messages, which may be held back."""
    if not version.steps:
        return [""]
    return [name for name, step in version.steps.items() if isinstance(step, _RESTING)]


def moves_of(
    migration: Migration, sources: Mapping[int, Version], target: Version
) -> list[StepMove]:
    """Return what a migration does at each step of each version that it leaves.

    Raises `FaultyDocument` where it names a step that is in no version, or leaves one out.
    """
    log = FaultLog()
    known = {name for each in sources.values() for name in each.steps or ("",)}
    for name, to in migration.steps.items():
        if name not in known:
            log.fault("unknown_step", "is not a step of a version in `from`", f"{PARAM}.map.{name}")
        if to is not None and to not in target.steps:
            log.fault("unknown_step", "must be a step of the new version", f"{PARAM}.map.{name}")
    if migration.rest is None:
        for number, source in sources.items():
            for name in resting_steps(source):
                if name not in migration.steps:
                    text = f"says nothing of step {name!r} of version {number}, and has no `rest`"
                    log.fault("incomplete_migration", text, f"{PARAM}.map")
    if log.faults:
        raise FaultyDocument(log.faults)
    return list(_moves(migration, sources))


def _moves(migration: Migration, sources: Mapping[int, Version]) -> Iterator[StepMove]:
    for number, source in sorted(sources.items()):
        named = [name for name in source.steps if name in migration.steps]
        for name in dict.fromkeys([*resting_steps(source), *named]):
            yield move_from(migration, number, name)


def move_from(migration: Migration, version: int, step: str) -> StepMove:
    """Return what becomes of who is at a step of a version."""
    if step in migration.steps:
        return StepMove(version, step, migration.steps[step])
    return StepMove(version, step, None, stays=migration.rest is not RestPolicy.EXIT)


def migrated(  # noqa: PLR0917 - what a place in another version depends on
    source: Version, target: Version, was: Position, to: str, facts: Facts, now: int
) -> Position:
    """Return where a contact is in another version, at a step of that one.

    A wait ends as long after the arrival as it says, by now at the earliest; a time of the day is
    the next one from now on, and who has waited for one already goes on. What waits for an answer
    looks at once whether it is there. A message that is held back stays so until its next try.
    """
    ends_at = was.ends_at + target.duration_ms - source.duration_ms
    until, due_at, held, tries = None, now, "", 0
    step, left = target.steps[to], source.steps.get(was.step)
    # One that has not had its first turn comes to the step by it.
    has_begun = was.seq > 0
    if has_begun and isinstance(step, WaitStep | WaitEventStep):
        length = step.milliseconds if isinstance(step, WaitStep) else step.timeout_ms
        until = max(now, _end_of(was, left, length))
    elif has_begun and isinstance(step, WaitUntilStep):
        until = _local_end(target, step, was, left, facts, now)
    elif has_begun and isinstance(step, SendStep) and isinstance(left, SendStep):
        due_at, held, tries = was.due_at, was.held, was.tries
    waits = target.wakes
    asks_anew = (target.goal, target.exit_when) != (source.goal, source.exit_when)
    if until is not None:
        if isinstance(step, WaitEventStep):
            waits |= step.wakes
            asks_anew = True
        due_at = now if asks_anew else until
    return was._replace(
        step=to,
        ends_at=ends_at,
        due_at=min(due_at, ends_at),
        until=until,
        waits=waits,
        held=held,
        tries=tries,
    )


def _end_of(was: Position, left: Step | None, length: int) -> int:
    """Return when a rest of a length ends that began when the contact came to its step."""
    old = None
    if isinstance(left, WaitStep):
        old = left.milliseconds
    elif isinstance(left, WaitEventStep):
        old = left.timeout_ms
    if was.until is None or old is None:
        return was.arrived_at + length
    # The end that it has knows for how long the journey stood still meanwhile.
    return was.until + length - old


def _local_end(  # noqa: PLR0917 - what a time of the day depends on
    target: Version,
    step: WaitUntilStep,
    was: Position,
    left: Step | None,
    facts: Facts,
    now: int,
) -> int:
    if isinstance(left, WaitUntilStep) and was.until is not None and was.until <= now:
        return now
    return next_local(now, step.minute, step.days, zone_for(target, facts, step.timezone))
