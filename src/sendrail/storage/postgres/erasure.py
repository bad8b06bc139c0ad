"""Deleting what is kept of a person: as `contacts/erasure.py`, by lane and by time.

Messages are numbered lane by lane and have an index by account and time, so that the walk goes
through the account's own, in the order in which they came.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from sendrail.domain.ids import LANES, AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contacts import erasure
from sendrail.storage.contacts.erasure import ErasurePart
from sendrail.storage.tables import attempts, messages


class PostgresErasure(erasure.Erasure):
    """What is kept of one person, found and deleted."""

    def messages_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return the person's messages among the account's next, which begin behind a time."""
        message = messages.c
        later = (message.account_id == account_id, message.created_at > after)
        times: Select[Any] = select(message.created_at).where(*later)
        part = times.order_by(message.created_at).limit(size).subquery()
        # Up to the last moment of the part, with all that came in that moment.
        last = self._execute(select(func.max(part.c.created_at))).scalar_one()
        if last is None:
            return ErasurePart([], None)
        theirs = select(message.number).where(
            *later, message.created_at <= last, message.recipient == recipient
        )
        return ErasurePart([row[0] for row in self._execute(theirs)], last)

    def of_messages(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        return and_(
            messages.c.lane.in_({number % LANES for number in numbers}),
            messages.c.number.in_(numbers),
        )

    def of_attempts(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        return and_(
            attempts.c.lane.in_({number % LANES for number in numbers}),
            attempts.c.number.in_(numbers),
        )
