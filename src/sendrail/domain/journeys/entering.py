"""Which journeys a contact enters: what an occasion asks for, and what its passages so far allow.

The answer never depends on the order of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.domain.contact import Scalar
from sendrail.domain.journeys.conditions import (
    AudienceCondition,
    Horizon,
    ListCondition,
    folded,
    holds,
    walk,
)
from sendrail.domain.journeys.document import Occasion, Reentry, ReentryMode, Version
from sendrail.domain.journeys.facts import NO_DATA, Facts

# More journeys of a list at once move no contact.
RUNNING_MAX: Final = 20


class Entrance(NamedTuple):
    """A journey that a contact may enter, and the version that it would be on."""

    journey_id: int
    number: int
    version: Version


class Passage(NamedTuple):
    """A contact's passage through a journey, the last one; times are in milliseconds."""

    journey_id: int
    is_running: bool
    started_at: int
    ended_at: int
    # How often the contact was on the journey, this time included.
    times: int
    # Whether it is on a journey that admits no other beside it.
    is_exclusive: bool = False


class Happening(NamedTuple):
    """What happened: an occasion, the keyword, offer or name that says more of it, and its data."""

    occasion: Occasion
    detail: str = ""
    data: Mapping[str, Scalar] = NO_DATA


def triggers(version: Version, happening: Happening, facts: Facts, now: int) -> bool:
    """Return whether an occasion puts a contact with these facts on a journey."""
    if happening.occasion not in version.trigger.on or not _is_meant(version, happening):
        return False
    return is_meant_for(version, facts, now)


def is_meant_for(version: Version, facts: Facts, now: int) -> bool:
    """Return whether the condition of a journey's trigger holds of a contact."""
    when = version.trigger.when
    return when is None or holds(when, facts, Horizon(now, now, now))


def asked_by(versions: Iterable[Version]) -> tuple[frozenset[int], frozenset[str]]:
    """Return the lists and the audiences that the conditions of these triggers name."""
    found = [
        each
        for version in versions
        if version.trigger.when is not None
        for each in walk(version.trigger.when)
    ]
    lists = (each.list_id for each in found if isinstance(each, ListCondition))
    audiences = (each.audience for each in found if isinstance(each, AudienceCondition))
    return frozenset(each for each in lists if each is not None), frozenset(audiences)


def _is_meant(version: Version, happening: Happening) -> bool:
    trigger, detail = version.trigger, happening.detail
    if happening.occasion is Occasion.REPLY:
        return not trigger.keyword or trigger.keyword == folded(detail)
    if happening.occasion in {Occasion.CLICK, Occasion.CONVERSION}:
        return not trigger.offer_id or trigger.offer_id == detail
    return happening.occasion is not Occasion.EVENT or trigger.event == detail


def may_enter_again(reentry: Reentry, passage: Passage | None, now: int) -> bool:
    """Return whether a contact may enter a journey, given its last passage through it."""
    if passage is None:
        return True
    if passage.is_running or reentry.mode is ReentryMode.ONCE:
        return False
    if reentry.mode is ReentryMode.ALWAYS:
        return not reentry.times_max or passage.times < reentry.times_max
    since = passage.ended_at if reentry.from_exit else passage.started_at
    return now - since >= reentry.after_ms


def chosen(entrances: Sequence[Entrance], passages: Iterable[Passage], now: int) -> list[Entrance]:
    """Return those of these journeys that a contact enters, all asked for by one occasion.

    An exclusive journey is entered alone, and by no contact on another one of the list: of
    several, that of the highest priority, then of the lowest id.
    """
    last = {each.journey_id: each for each in passages}
    running = [each for each in last.values() if each.is_running]
    if any(each.is_exclusive for each in running):
        return []
    allowed = [
        each
        for each in sorted(entrances, key=lambda each: (-each.version.priority, each.journey_id))
        if may_enter_again(each.version.reentry, last.get(each.journey_id), now)
        and not (running and each.version.exclusive)
    ]
    alone = next((each for each in allowed if each.version.exclusive), None)
    return [alone] if alone else allowed[: max(0, RUNNING_MAX - len(running))]
