"""Journeys and enrolments as rows; an enrolment that is over is no row."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from sendrail.domain.contact import Enrolment, Journey, JourneyStatus, Trigger
from sendrail.domain.errors import Conflict
from sendrail.domain.ids import AccountId, JourneyId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import batches, count_new, insert_new
from sendrail.storage.tables import enrolments, journeys, lists


class Journeys:
    """Journeys and their enrolments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, list_id: ListId, name: str, now: int, trigger: Trigger = Trigger.NONE
    ) -> JourneyId:
        row = insert_new(self._connection, journeys).values(
            list_id=list_id, name=name, created_at=now, trigger=trigger.value
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
        self, account_id: AccountId, list_id: ListId | None, offset: int, limit: int
    ) -> tuple[list[Journey], int]:
        """Return one page of the account's journeys, or of one list's, and how many there are."""
        wanted = _of(account_id)
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
        self._connection.execute(delete(enrolments).where(enrolments.c.journey_id == journey.id))
        self._connection.execute(delete(journeys).where(journeys.c.id == journey.id))

    def find(self, account_id: AccountId, list_id: ListId, name: str) -> Journey | None:
        one = _of(account_id).where(journeys.c.list_id == list_id, journeys.c.name == name)
        row = self._connection.execute(one).one_or_none()
        return None if row is None else _journey(row)

    def enrol(
        self, journey: Journey, recipient: PhoneNumber, started_at: int, ends_at: int
    ) -> None:
        """Put a contact on a journey; one who is on it already starts anew."""
        self.end(journey, recipient)
        row = insert_new(self._connection, enrolments).values(
            list_id=journey.list_id,
            recipient=recipient,
            journey_id=journey.id,
            started_at=started_at,
            ends_at=ends_at,
        )
        self._connection.execute(row)

    def end(self, journey: Journey, recipient: PhoneNumber) -> bool:
        over = delete(enrolments).where(
            enrolments.c.list_id == journey.list_id,
            enrolments.c.recipient == recipient,
            enrolments.c.journey_id == journey.id,
        )
        return self._connection.execute(over).rowcount > 0

    def enrol_new(
        self, journey: Journey, recipients: Sequence[PhoneNumber], started_at: int, ends_at: int
    ) -> int:
        """Put contacts on a journey, but for those on it already; return how many were put."""
        for part in batches(recipients):
            over = delete(enrolments).where(
                enrolments.c.list_id == journey.list_id,
                enrolments.c.journey_id == journey.id,
                enrolments.c.recipient.in_(part),
                enrolments.c.ends_at <= started_at,
            )
            self._connection.execute(over)
        rows: list[dict[str, object]] = [
            {
                "list_id": journey.list_id,
                "recipient": recipient,
                "journey_id": journey.id,
                "started_at": started_at,
                "ends_at": ends_at,
            }
            for recipient in recipients
        ]
        return count_new(self._connection, enrolments, rows)

    def enrolled(
        self, list_id: ListId, recipients: Iterable[PhoneNumber], now: int
    ) -> set[PhoneNumber]:
        """Return which of a list's contacts are on a journey now."""
        found: set[PhoneNumber] = set()
        for part in batches(list(recipients)):
            current = select(enrolments.c.recipient).where(
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
        current = select(enrolments).where(
            enrolments.c.journey_id == journey.id, enrolments.c.ends_at > now
        )
        page = current.order_by(enrolments.c.recipient).offset(offset).limit(limit)
        return [
            Enrolment(
                journey_id=JourneyId(row.journey_id),
                recipient=PhoneNumber(row.recipient),
                started_at=row.started_at,
                ends_at=row.ends_at,
            )
            for row in self._connection.execute(page)
        ]

    def count(self, journey: Journey, now: int) -> int:
        """Return how many are on a journey now."""
        current = select(func.count()).where(
            enrolments.c.journey_id == journey.id, enrolments.c.ends_at > now
        )
        return int(self._connection.execute(current).scalar_one())

    def end_overdue(self, now: int) -> int:
        """Remove every enrolment whose time is over; return how many there were."""
        return self._connection.execute(
            delete(enrolments).where(enrolments.c.ends_at <= now)
        ).rowcount


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
        active_version=row.active_version,
        draft=row.draft,
        paused_ms=row.paused_ms,
        paused_at=row.paused_at,
    )
