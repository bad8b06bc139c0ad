"""Journeys and enrolments as rows; an enrolment that is over is no row."""

from typing import Any

from sqlalchemy import Connection, Row, delete, select

from sendrail.domain.contact import Enrolment, Journey
from sendrail.domain.errors import Conflict
from sendrail.domain.ids import AccountId, JourneyId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.statements.dialect import insert_new
from sendrail.storage.tables import enrolments, journeys, lists


class Journeys:
    """Journeys and who is on one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, list_id: ListId, name: str, now: int) -> JourneyId:
        row = insert_new(self._connection, journeys).values(
            list_id=list_id, name=name, created_at=now
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

    def enrolments(self, journey: Journey, now: int) -> list[Enrolment]:
        """Return who is on a journey now, in the order of their numbers."""
        current = select(enrolments).where(
            enrolments.c.list_id == journey.list_id,
            enrolments.c.journey_id == journey.id,
            enrolments.c.ends_at > now,
        )
        return [
            Enrolment(
                journey_id=JourneyId(row.journey_id),
                recipient=PhoneNumber(row.recipient),
                started_at=row.started_at,
                ends_at=row.ends_at,
            )
            for row in self._connection.execute(current.order_by(enrolments.c.recipient))
        ]

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
    )
