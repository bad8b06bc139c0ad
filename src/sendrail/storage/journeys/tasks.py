"""Tasks of journeys as rows: what is done to many contacts in bites, each with its place."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from sendrail.domain.ids import AccountId, JourneyId, ListId
from sendrail.domain.journeys.migrating import Migration, RestPolicy
from sendrail.domain.journeys.task import JourneyTask, TaskKind, TaskState
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import list_contacts
from sendrail.storage.enrolment_tables import enrolments, journey_tasks
from sendrail.storage.journey_tables import journeys

_of = journey_tasks.c


class JourneyTasks:
    """What is to be done to the contacts of journeys, and how far it is."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(
        self,
        account_id: AccountId,
        journey_id: JourneyId,
        kind: TaskKind,
        now: int,
        *,
        reason: str = "",
        migration: Migration | None = None,
        version: int = 0,
        audience: str = "",
    ) -> int:
        """Add a task, to be begun by the engine; return its id."""
        params: dict[str, Any] = {"reason": reason}
        if migration is not None:
            params |= {"migrate": migration.written, "version": version}
        if audience:
            params["audience"] = audience
        row = insert(journey_tasks).values(
            account_id=account_id,
            journey_id=journey_id,
            kind=kind.value,
            params=json.dumps(params),
            cursor=0,
            done=0,
            failed=0,
            state=TaskState.RUNNING.value,
            created_at=now,
        )
        return int(self._execute(row.returning(_of.id)).scalar_one())

    def open(self) -> list[tuple[JourneyTask, ListId]]:
        """Return the tasks that are not over, each with the list of its journey, oldest first."""
        running = select(journey_tasks, journeys.c.list_id).join(
            journeys, journeys.c.id == _of.journey_id
        )
        rows = self._execute(running.where(_of.ended_at.is_(None)).order_by(_of.id))
        return [(_task(row), ListId(row.list_id)) for row in rows]

    def find(
        self, account_id: AccountId, journey_id: JourneyId, task_id: int
    ) -> JourneyTask | None:
        """Return one task of a journey."""
        row = self._execute(_own(account_id, journey_id).where(_of.id == task_id)).first()
        return None if row is None else _task(row)

    def page(
        self, account_id: AccountId, journey_id: JourneyId, offset: int, limit: int
    ) -> tuple[list[JourneyTask], int]:
        """Return one page of a journey's tasks, the newest first, and how many there are."""
        own = _own(account_id, journey_id)
        counted = select(func.count()).select_from(own.subquery())
        page = own.order_by(_of.id.desc()).offset(offset).limit(limit)
        return [_task(row) for row in self._execute(page)], int(self._execute(counted).scalar_one())

    def move(self, task: JourneyTask, cursor: int, done: int, now: int, *, is_over: bool) -> bool:
        """Move a task on by a bite; return False where it is over or another process has.

        To be called before the bite: of two processes one does it.
        """
        here = update(journey_tasks).where(
            _of.id == task.id, _of.cursor == task.cursor, _of.ended_at.is_(None)
        )
        values: dict[str, Any] = {"cursor": cursor, "done": _of.done + done}
        if is_over:
            values |= {"state": TaskState.DONE.value, "ended_at": now}
        return bool(self._execute(here.values(**values)).rowcount)

    def add_done(self, task: JourneyTask, done: int, failed: int) -> None:
        """Count what a bite has changed, in the transaction that moved the task on."""
        here = update(journey_tasks).where(_of.id == task.id)
        self._execute(here.values(done=_of.done + done, failed=_of.failed + failed))

    def cancel(self, account_id: AccountId, journey_id: JourneyId, task_id: int, now: int) -> bool:
        """End a task where it is; return False where it is over already."""
        here = update(journey_tasks).where(
            _of.account_id == account_id,
            _of.journey_id == journey_id,
            _of.id == task_id,
            _of.ended_at.is_(None),
        )
        over = here.values(state=TaskState.CANCELLED.value, ended_at=now)
        return bool(self._execute(over).rowcount)

    # What tasks walk over

    def running_after(self, journey_id: JourneyId, after: int, limit: int) -> Sequence[PhoneNumber]:
        """Return the next contacts on a journey behind a number, in their order."""
        some = select(enrolments.c.recipient).where(
            enrolments.c.journey_id == journey_id,
            enrolments.c.due_at.is_not(None),
            enrolments.c.recipient > after,
        )
        rows = self._execute(some.order_by(enrolments.c.recipient).limit(limit))
        return [PhoneNumber(row[0]) for row in rows]

    def contacts_after(self, list_id: ListId, after: int, limit: int) -> Sequence[PhoneNumber]:
        """Return the next active contacts of a list behind a number, in their order."""
        some = select(list_contacts.c.recipient).where(
            list_contacts.c.list_id == list_id,
            list_contacts.c.recipient > after,
            list_contacts.c.active,
        )
        rows = self._execute(some.order_by(list_contacts.c.recipient).limit(limit))
        return [PhoneNumber(row[0]) for row in rows]


def _own(account_id: AccountId, journey_id: JourneyId) -> Select[Any]:
    return select(journey_tasks).where(_of.account_id == account_id, _of.journey_id == journey_id)


def _task(row: Row[Any]) -> JourneyTask:
    params = json.loads(row.params)
    return JourneyTask(
        id=row.id,
        account_id=AccountId(row.account_id),
        journey_id=JourneyId(row.journey_id),
        kind=TaskKind(row.kind),
        reason=params["reason"],
        cursor=row.cursor,
        done=row.done,
        failed=row.failed,
        state=TaskState(row.state),
        created_at=row.created_at,
        ended_at=row.ended_at,
        migration=_migration(params.get("migrate")),
        version=params.get("version", 0),
        audience=params.get("audience", ""),
    )


def _migration(written: Mapping[str, Any] | None) -> Migration | None:
    if written is None:
        return None
    rest = written["rest"]
    return Migration(
        sources=frozenset(written["from"]),
        steps=written["map"],
        rest=None if rest is None else RestPolicy(rest),
    )
