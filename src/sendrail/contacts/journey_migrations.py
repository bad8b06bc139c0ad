"""Contacts of older versions who are to go on in a newer one: what that would do, and its task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sendrail.domain.contact import Journey
from sendrail.domain.ids import AccountId
from sendrail.domain.journeys.document import Version
from sendrail.domain.journeys.faults import FaultLog, FaultyDocument
from sendrail.domain.journeys.migrating import PARAM, Migration, StepMove, moves_of
from sendrail.domain.journeys.position import ENTERED, LEFT
from sendrail.domain.journeys.task import TaskKind
from sendrail.storage.interface import Tx


class MigrationStep(NamedTuple):
    """What a migration does at a step, and how many contacts rest there by now."""

    move: StepMove
    contacts: int


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What a migration does, step by step; the task that does it, None where it was only asked."""

    moves: Sequence[MigrationStep]
    task_id: int | None = None


def planned(
    tx: Tx, account_id: AccountId, journey: Journey, migration: Migration, target: Version
) -> MigrationPlan:
    """Return what a migration would do. Raises `FaultyDocument` where it cannot be done."""
    sources = _sources(tx, account_id, journey, migration)
    moves = moves_of(migration, sources, target)
    here = {number: _here(tx, journey, number) for number in sources}
    return MigrationPlan(
        [MigrationStep(each, here[each.version].get(each.step, 0)) for each in moves]
    )


def begun(
    tx: Tx, account_id: AccountId, journey: Journey, migration: Migration, now: int
) -> MigrationPlan:
    """Begin a migration to the version that contacts enter; the engine does it, in bites.

    Raises `FaultyDocument` where it cannot be done.
    """
    number = journey.active_version or 0
    target = tx.passages.version(account_id, journey.id, number)
    if not number or target is None or number in migration.sources:
        raise _unfit("names the version that contacts enter, or there is none")
    plan = planned(tx, account_id, journey, migration, target)
    task_id = tx.journey_tasks.add(
        account_id, journey.id, TaskKind.MIGRATE, now, migration=migration, version=number
    )
    return MigrationPlan(plan.moves, task_id)


def _sources(
    tx: Tx, account_id: AccountId, journey: Journey, migration: Migration
) -> dict[int, Version]:
    found = {}
    for number in sorted(migration.sources):
        version = tx.passages.version(account_id, journey.id, number)
        if version is None:
            raise _unfit(f"names version {number}, which the journey does not have")
        found[number] = version
    return found


def _here(tx: Tx, journey: Journey, number: int) -> Mapping[str, int]:
    """Return how many rest at each step, by what was counted."""
    counts = tx.journeys.counts(journey, number)
    return {
        step: max(0, counts.get((step, ENTERED), 0) - counts.get((step, LEFT), 0))
        for step in {step for step, _ in counts}
        if step
    }


def _unfit(text: str) -> FaultyDocument:
    log = FaultLog()
    log.fault("invalid_value", text, f"{PARAM}.from")
    return FaultyDocument(log.faults)
