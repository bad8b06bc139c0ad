"""What is done to many contacts of a journey, in bites, by the engine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, JourneyId
from sendrail.domain.journeys.migrating import Migration

# Why a backfill lets no contact enter.
DRY_RUN: Final = "dry_run"


class TaskKind(StrEnum):
    """What a task does to each contact that it comes to."""

    # Those whose turn came while the journey stood still get it.
    RESUME = "resume"
    # The journey ends for all contacts on it.
    EXIT = "exit"
    # Contacts whom the list knows already enter.
    BACKFILL = "backfill"
    # Those on older versions go on in a newer one.
    MIGRATE = "migrate"


class TaskState(StrEnum):
    """How far a task is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyTask:
    """A task with the place that it has come to; times are in milliseconds.

    `reason` is why an `exit` ends enrolments, or what a `resume` does with the overdue, or
    that a `backfill` is a dry run; `migration`
    and the `version` that it leads to belong to a `migrate`. An `audience`, by its public id,
    bounds a `backfill` to those who are in it. `cursor` is the last recipient that
    was dealt with, `done` how many changed by it, and `failed` how many did not.
    """

    id: int
    account_id: AccountId
    journey_id: JourneyId
    kind: TaskKind
    reason: str
    cursor: int
    done: int
    failed: int
    state: TaskState
    created_at: int
    ended_at: int | None
    migration: Migration | None = None
    version: int = 0
    audience: str = ""

    @property
    def is_dry(self) -> bool:
        """Whether it only counts whom it would change."""
        return self.kind is TaskKind.BACKFILL and self.reason == DRY_RUN
