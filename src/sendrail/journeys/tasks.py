"""Tasks over many contacts of a journey, in bites: each moves the task's place with what it did."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from sendrail.domain.contact import JourneyStatus
from sendrail.domain.ids import ListId, lane_of
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.journeys.resuming import OverduePolicy
from sendrail.domain.journeys.task import JourneyTask, TaskKind
from sendrail.domain.phone import PhoneNumber
from sendrail.journeys.migrating import migrate
from sendrail.journeys.positions import state_of
from sendrail.ownership import Ownership
from sendrail.rounds import WorkGuard
from sendrail.storage.interface import Store, Tx
from sendrail.storage.journeys.enrolments import PARKED, StoredEnrolment

_log = structlog.get_logger()

BITE: Final = 500
# So many contacts a minute enter by a backfill: a list that is brought in must not flood the rest.
BACKFILL_MINUTE: Final = 10_000
_MINUTE_MS: Final = 60_000
# How often it is looked whether a journey whose contacts are to go elsewhere still stands still.
_PAUSED_MS: Final = 5_000


class TaskRunner:
    """Does the open tasks of the lanes that are ours, a bite of each at a time."""

    def __init__(self, store: Store, ownership: Ownership, now: Callable[[], int]) -> None:
        self._store = store
        self._ownership = ownership
        self._now = now
        # When a backfill may have its next bite.
        self._waits: dict[int, int] = {}
        self._guard = WorkGuard[int]("journey_task_broke", "task_id")

    async def step(self) -> bool:
        """Do one bite of each task; return whether any of them has more to do now."""
        found = await self._store.read(lambda tx: tx.journey_tasks.open(), begun=False)
        self._waits = {task.id: at for task, _ in found if (at := self._waits.get(task.id))}
        more = False
        for task, list_id in found:
            if not self._ownership.owns(lane_of(list_id)):
                continue
            if self._waits.get(task.id, 0) > self._now():
                continue
            has_more = await self._guard.do(task.id, partial(self._bite, task, list_id))
            more = bool(has_more) or more
        return more

    async def _bite(self, task: JourneyTask, list_id: ListId) -> bool:
        most = self._store.portion(BITE)
        now = self._now()
        # Members of an audience may be far apart: they are looked for beside the one writer.
        among = None
        if task.audience:
            among = await self._store.read(lambda tx: _members(tx, task, most, now))
        ended = await self._store.write(lambda tx: _bite(tx, task, list_id, most, now, among))
        if ended is None:
            self._waits[task.id] = now + _PAUSED_MS
            return False
        if ended:
            _log.info("journey_task_done", task_id=task.id, kind=task.kind)
            return False
        if task.kind is TaskKind.BACKFILL and not task.is_dry:
            self._waits[task.id] = now + _MINUTE_MS * most // BACKFILL_MINUTE
            return False
        return True


def _members(tx: Tx, task: JourneyTask, most: int, now: int) -> list[PhoneNumber]:
    """Return the next members of a task's audience; none where there is no such audience now."""
    target = tx.memberships(task.account_id, now).target(task.audience)
    return [] if target is None else tx.audience_members.after(target, task.cursor, most)


def _bite(  # noqa: PLR0917 - what a bite depends on
    tx: Tx,
    task: JourneyTask,
    list_id: ListId,
    most: int,
    now: int,
    among: Sequence[PhoneNumber] | None = None,
) -> bool | None:
    """Do the next bite of a task, of the contacts `among` if these were read already.

    Returns whether that was the last one; None where nothing can be done before the journey goes
    on.
    """
    if task.kind is TaskKind.MIGRATE and _stands_still(tx, task):
        return None
    if among is not None:
        some = among
    elif task.kind is TaskKind.BACKFILL:
        some = tx.journey_tasks.contacts_after(list_id, task.cursor, most)
    else:
        some = tx.journey_tasks.running_after(task.journey_id, task.cursor, most)
    is_over = len(some) < most
    cursor = some[-1] if some else task.cursor
    if not tx.journey_tasks.move(task, cursor, 0, now, is_over=is_over):
        return True
    done = _do(tx, task, list_id, some, now) if some else 0
    tx.journey_tasks.add_done(task, done, len(some) - done)
    return is_over


def _stands_still(tx: Tx, task: JourneyTask) -> bool:
    """Return whether a journey is paused: what is left of a wait is known when it goes on."""
    journey = tx.journeys.by_id(task.account_id, task.journey_id)
    return journey is not None and journey.status is JourneyStatus.PAUSED


def _do(tx: Tx, task: JourneyTask, list_id: ListId, some: Sequence[PhoneNumber], now: int) -> int:
    """Do to these contacts what the task is for; return how many changed."""
    if task.kind is TaskKind.EXIT:
        reason = EndReason(task.reason)
        return tx.passages.end([(list_id, each) for each in some], reason, now, task.journey_id)
    if task.kind is TaskKind.RESUME:
        return _resume(tx, task, list_id, some, now)
    if task.kind is TaskKind.MIGRATE:
        return migrate(tx, task, list_id, some, now)
    return _enter(tx, task, some, now)


def _resume(
    tx: Tx, task: JourneyTask, list_id: ListId, some: Sequence[PhoneNumber], now: int
) -> int:
    """Let those whose turn came meanwhile have it, or leave; return how many these were.

    A turn says itself when it is by now. Who was woken before the end of a rest is not overdue.
    """
    parked = [
        each
        for each in tx.enrolments.hold((list_id, each) for each in some)
        if each.journey_id == task.journey_id and each.due_at == PARKED
    ]
    over: list[StoredEnrolment] = []
    if task.reason == OverduePolicy.EXIT.value:
        ends = {each: state_of(each).until for each in parked}
        over = [each for each, until in ends.items() if until is None or until <= task.created_at]
        who = [(each.list_id, each.recipient) for each in over]
        tx.passages.end(who, EndReason.PAUSED_OUT, now, task.journey_id)
    left = [each for each in parked if each not in over]
    return len(over) + tx.enrolments.write(each._replace(due_at=now) for each in left)


def _enter(tx: Tx, task: JourneyTask, some: Sequence[PhoneNumber], now: int) -> int:
    journey = tx.journeys.by_id(task.account_id, task.journey_id)
    if journey is None or journey.status is not JourneyStatus.ACTIVE:
        return 0
    return tx.passages.admit(task.account_id, journey, some, now, is_dry=task.is_dry)
