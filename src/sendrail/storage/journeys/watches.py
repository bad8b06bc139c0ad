"""Audiences that journeys watch as rows: who was in them at the last look, and how far one is."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from sendrail.domain.contact import Journey
from sendrail.domain.ids import AccountId, JourneyId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.enrolment_tables import journey_watches, watched_members
from sendrail.storage.row_batches import insert_each

_of = journey_watches.c
_member = watched_members.c


class JourneyWatch(NamedTuple):
    """An audience, by its public id, that contacts come into to enter a journey.

    `cursor` is the last number that the look under way has dealt with, 0 before the first.
    """

    journey_id: JourneyId
    account_id: AccountId
    list_id: ListId
    audience: str
    cursor: int
    is_first: bool
    next_at: int


class JourneyWatches:
    """The audiences that journeys watch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def watch(self, account_id: AccountId, journey: Journey, audience: str, now: int) -> None:
        """Have a journey watch an audience; one that it watches already goes on."""
        known = select(_of.audience).where(_of.journey_id == journey.id)
        if self._execute(known).scalar() == audience:
            return
        self.unwatch(journey)
        row = JourneyWatch(
            journey.id, account_id, journey.list_id, audience, cursor=0, is_first=True, next_at=now
        )
        self._execute(insert(journey_watches).values(**row._asdict()))

    def unwatch(self, journey: Journey) -> None:
        """Have a journey watch no audience any more."""
        members = (_member.list_id == journey.list_id, _member.journey_id == journey.id)
        self._execute(delete(watched_members).where(*members))
        self._execute(delete(journey_watches).where(_of.journey_id == journey.id))

    def due(self, now: int) -> list[JourneyWatch]:
        """Return what is to be looked at now, on all accounts."""
        some = select(journey_watches).where(_of.next_at <= now).order_by(_of.journey_id)
        return [JourneyWatch(**row._asdict()) for row in self._execute(some)]

    def move(self, watch: JourneyWatch, cursor: int, next_at: int, *, is_first: bool) -> bool:
        """Move a look on; return False where another process has.

        To be called before what it finds is done: of two processes one does it.
        """
        here = update(journey_watches).where(
            _of.journey_id == watch.journey_id,
            _of.account_id == watch.account_id,
            _of.audience == watch.audience,
            _of.cursor == watch.cursor,
            _of.next_at == watch.next_at,
        )
        moved = here.values(cursor=cursor, next_at=next_at, is_first=is_first)
        return bool(self._execute(moved).rowcount)

    def known(self, watch: JourneyWatch, limit: int) -> list[PhoneNumber]:
        """Return the next who were in the audience before, in the order of their numbers."""
        some = select(_member.recipient).where(*_own(watch), _member.recipient > watch.cursor)
        rows = self._execute(some.order_by(_member.recipient).limit(limit))
        return [PhoneNumber(row[0]) for row in rows]

    def note(
        self,
        watch: JourneyWatch,
        came: Sequence[PhoneNumber],
        left: Sequence[PhoneNumber],
    ) -> None:
        """Note who is in the audience now and was not, and who is not and was."""
        if left:
            gone = delete(watched_members).where(*_own(watch), _member.recipient.in_(left))
            self._execute(gone)
        if came:
            place = {"list_id": watch.list_id, "journey_id": watch.journey_id}
            members = [place | {"recipient": each} for each in came]
            insert_each(self._connection, insert(watched_members), members)


def _own(watch: JourneyWatch) -> Sequence[ColumnElement[bool]]:
    return (_member.list_id == watch.list_id, _member.journey_id == watch.journey_id)
