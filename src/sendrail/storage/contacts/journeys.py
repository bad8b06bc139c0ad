"""Journeys as rows, and who is on them; what moves enrolments is `journeys/enrolments.py`."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select

from sendrail.domain.contact import (
    Enrolment,
    EnrolmentFilter,
    EnrolmentState,
    Journey,
    JourneyStatus,
    Trigger,
)
from sendrail.domain.errors import Conflict
from sendrail.domain.ids import AccountId, JourneyId, ListId, lane_of
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import batches, insert_new
from sendrail.storage.enrolment_tables import enrolments, journey_counts, journey_tasks
from sendrail.storage.journey_tables import journeys
from sendrail.storage.journeys.enrolments import StoredEnrolment
from sendrail.storage.tables import lists

# So many enrolments are read for one answer; where few of them are meant, it has few.
SCANNED_MAX: Final = 20_000
_KEPT: Final = StoredEnrolment._fields


class EnrolmentStretch(NamedTuple):
    """Some who are or were on a journey, and the number behind which to go on; None at the end."""

    enrolments: list[Enrolment]
    last: int | None


class Journeys:
    """Journeys and their enrolments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        list_id: ListId,
        name: str,
        now: int,
        trigger: Trigger = Trigger.NONE,
        **more: Any,
    ) -> JourneyId:
        """Add a journey, active and without steps where no other columns are given."""
        row = insert_new(self._connection, journeys).values(
            list_id=list_id, name=name, created_at=now, trigger=trigger.value, **more
        )
        added = self._connection.execute(row.returning(journeys.c.id)).scalar_one_or_none()
        if added is None:
            raise Conflict(
                f"the list has a journey named {name!r} already",
                code="journey_exists",
                param="name",
            )
        return JourneyId(added)

    def all(self, account_id: AccountId) -> list[Journey]:
        """Return the journeys of all the account's lists."""
        of_account = _of(account_id).order_by(journeys.c.id)
        return [_journey(row) for row in self._connection.execute(of_account)]

    def page(
        self,
        account_id: AccountId,
        list_id: ListId | None,
        status: JourneyStatus | None,
        offset: int,
        limit: int,
    ) -> tuple[list[Journey], int]:
        """Return one page of the account's journeys, or of one list's, and how many there are.

        Without a status they are all but the archived ones.
        """
        is_archived = journeys.c.status == JourneyStatus.ARCHIVED
        wanted = _of(account_id).where(~is_archived if status is None else _is(status))
        if list_id is not None:
            wanted = wanted.where(journeys.c.list_id == list_id)
        counted = select(func.count()).select_from(wanted.subquery())
        page = wanted.order_by(journeys.c.id).offset(offset).limit(limit)
        found = [_journey(row) for row in self._connection.execute(page)]
        return found, int(self._connection.execute(counted).scalar_one())

    def by_id(self, account_id: AccountId, journey_id: int) -> Journey | None:
        row = self._connection.execute(
            _of(account_id).where(journeys.c.id == journey_id)
        ).one_or_none()
        return None if row is None else _journey(row)

    def of_list(self, list_id: ListId) -> list[Journey]:
        """Return the journeys of a list that is known to be the account's."""
        of_list = select(journeys).where(journeys.c.list_id == list_id).order_by(journeys.c.id)
        return [_journey(row) for row in self._connection.execute(of_list)]

    def remove(self, journey: Journey) -> None:
        """Delete a journey with its enrolments."""
        lane = lane_of(journey.list_id)
        for table in (enrolments, journey_counts):
            theirs = (table.c.lane == lane, table.c.journey_id == journey.id)
            self._connection.execute(delete(table).where(*theirs))
        self._connection.execute(
            delete(journey_tasks).where(journey_tasks.c.journey_id == journey.id)
        )
        self._connection.execute(delete(journeys).where(journeys.c.id == journey.id))

    def find(self, account_id: AccountId, list_id: ListId, name: str) -> Journey | None:
        one = _of(account_id).where(journeys.c.list_id == list_id, journeys.c.name == name)
        row = self._connection.execute(one).one_or_none()
        return None if row is None else _journey(row)

    def enrolled(
        self, list_id: ListId, recipients: Iterable[PhoneNumber], now: int
    ) -> set[PhoneNumber]:
        """Return which of a list's contacts are on a journey now."""
        found: set[PhoneNumber] = set()
        for part in batches(list(recipients)):
            current = select(enrolments.c.recipient).where(
                enrolments.c.lane == lane_of(list_id),
                enrolments.c.list_id == list_id,
                enrolments.c.recipient.in_(part),
                enrolments.c.ends_at > now,
            )
            found.update(map(PhoneNumber, self._connection.execute(current).scalars()))
        return found

    def enrolments(
        self, journey: Journey, now: int, offset: int = 0, limit: int | None = None
    ) -> list[Enrolment]:
        """Return the enrolments of a journey now, in the order of the contacts' numbers."""
        current = select(enrolments).where(*_running(journey, now))
        page = current.order_by(enrolments.c.recipient).offset(offset).limit(limit)
        return [_enrolment(row) for row in self._connection.execute(page)]

    def enrolments_after(  # noqa: PLR0917 - what a stretch depends on
        self,
        journey: Journey,
        about: EnrolmentFilter,
        after: int,
        limit: int,
        now: int,
        scanned_max: int = SCANNED_MAX,
    ) -> EnrolmentStretch:
        """Return the next who are meant, behind a number, in the order of the contacts' numbers.

        So many rows at most are read for it, however few of them are meant.
        """
        if about.recipient is None:
            rows = select(enrolments).where(enrolments.c.recipient > after)
        elif about.recipient > after:
            # By both, SQLite would read on behind the contact.
            rows = select(enrolments).where(enrolments.c.recipient == about.recipient)
        else:
            return EnrolmentStretch([], None)
        if about.state is EnrolmentState.RUNNING:
            rows = rows.where(*_running(journey, now))
        else:
            rows = rows.where(
                enrolments.c.lane == lane_of(journey.list_id),
                enrolments.c.list_id == journey.list_id,
            )
        order = (enrolments.c.recipient, enrolments.c.journey_id)
        read = rows.order_by(*order).limit(scanned_max).subquery()
        meant = select(read).where(read.c.journey_id == journey.id, *_meant(read.c, about, now))
        page = self._connection.execute(meant.order_by(read.c.recipient).limit(limit + 1))
        found = [_enrolment(row) for row in page]
        if len(found) > limit:
            return EnrolmentStretch(found[:limit], found[limit - 1].recipient)
        scanned = select(func.count(), func.max(read.c.recipient))
        count, last = self._connection.execute(scanned).one()
        if count < scanned_max:
            return EnrolmentStretch(found, None)
        # Of the last contact, not all journeys may have been read.
        return EnrolmentStretch([each for each in found if each.recipient < last], last - 1)

    def enrolment(self, journey: Journey, recipient: PhoneNumber) -> StoredEnrolment | None:
        """Return a contact's enrolment on a journey as it is kept, over or not; nothing is held."""
        columns = [enrolments.c[name] for name in StoredEnrolment._fields]
        one = select(*columns).where(
            enrolments.c.list_id == journey.list_id,
            enrolments.c.recipient == recipient,
            enrolments.c.journey_id == journey.id,
        )
        row = self._connection.execute(one).one_or_none()
        return None if row is None else StoredEnrolment(*row)

    def of_contact(
        self, account_id: AccountId, recipient: PhoneNumber, limit: int
    ) -> list[tuple[Journey, StoredEnrolment]]:
        """Return the journeys that a contact is on or was on, the last begun first."""
        lists_of = select(lists.c.id).where(lists.c.account_id == account_id)
        theirs = (
            select(journeys, *(enrolments.c[name].label(f"e_{name}") for name in _KEPT))
            .join(enrolments, enrolments.c.journey_id == journeys.c.id)
            .where(enrolments.c.list_id.in_(lists_of), enrolments.c.recipient == recipient)
            .order_by(enrolments.c.started_at.desc(), enrolments.c.journey_id)
            .limit(limit)
        )
        return [
            (_journey(row), StoredEnrolment(*(getattr(row, f"e_{name}") for name in _KEPT)))
            for row in self._connection.execute(theirs)
        ]

    def count(self, journey: Journey, now: int) -> int:
        """Return how many are on a journey now."""
        current = select(func.count()).where(*_running(journey, now))
        return int(self._connection.execute(current).scalar_one())

    def counts(self, journey: Journey, version: int) -> dict[tuple[str, str], int]:
        """Return what was counted of a version: by step, "" for all of it, and what."""
        counted = select(journey_counts.c.step, journey_counts.c.what, journey_counts.c.count)
        of_version = counted.where(
            journey_counts.c.lane == lane_of(journey.list_id),
            journey_counts.c.journey_id == journey.id,
            journey_counts.c.version == version,
        )
        rows = self._connection.execute(of_version)
        return {(step, what): number for step, what, number in rows}


def _running(journey: Journey, now: int) -> tuple[ColumnElement[bool], ...]:
    # Without the lane: one might take the index that begins with it, and read all that are due.
    return (
        enrolments.c.journey_id == journey.id,
        enrolments.c.due_at.is_not(None),
        enrolments.c.ends_at > now,
    )


def _meant(of: Any, about: EnrolmentFilter, now: int) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter, on the columns of enrolments that were read."""
    is_running = of.due_at.is_not(None) & (of.ends_at > now)
    asked = []
    if about.state is EnrolmentState.ENDED:
        asked.append(~is_running)
    if about.step is not None:
        asked.append(of.step == about.step)
    if about.version is not None:
        asked.append(of.version == about.version)
    if about.started_after is not None:
        asked.append(of.started_at >= about.started_after)
    if about.started_before is not None:
        asked.append(of.started_at < about.started_before)
    return asked


def _enrolment(row: Row[Any]) -> Enrolment:
    return Enrolment(
        journey_id=JourneyId(row.journey_id),
        recipient=PhoneNumber(row.recipient),
        started_at=row.started_at,
        ends_at=row.ends_at,
        version=row.version,
        step=row.step,
        due_at=row.due_at,
        end_reason=row.end_reason,
    )


def _is(status: JourneyStatus) -> Any:
    return journeys.c.status == status


def _of(account_id: AccountId) -> Any:
    return (
        select(journeys)
        .join(lists, lists.c.id == journeys.c.list_id)
        .where(lists.c.account_id == account_id)
    )


def _journey(row: Row[Any]) -> Journey:
    return Journey(
        id=JourneyId(row.id),
        list_id=ListId(row.list_id),
        name=row.name,
        created_at=row.created_at,
        trigger=Trigger(row.trigger),
        status=JourneyStatus(row.status),
        priority=row.priority,
        exclusive=row.exclusive,
        holds_other_sends=row.holds_other_sends,
        asks_message=row.asks_message,
        active_version=row.active_version,
        draft=row.draft,
        paused_ms=row.paused_ms,
        paused_at=row.paused_at,
        resumed_at=row.resumed_at,
        overdue=row.overdue,
    )
