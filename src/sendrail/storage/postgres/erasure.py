"""Deleting what is kept of a person: as `contacts/erasure.py`, by lane and by time.

Messages are numbered lane by lane and have an index by account and time, so that the walk goes
through the account's own, in the order in which they came.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from sqlalchemy import ColumnElement, Select, Table, and_, func, or_, select

from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import LANES, AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contacts import erasure
from sendrail.storage.contacts.erasure import ErasurePart
from sendrail.storage.message_tables import attempts, messages
from sendrail.storage.postgres.schema import metadata
from sendrail.storage.tracking_tables import short_links
from sendrail.storage.webhook_tables import outbox

_clicks: Final = metadata.tables["clicks"]
_click: Final = _clicks.c


class PostgresErasure(erasure.Erasure):
    """What is kept of one person, found and deleted."""

    clicks: ClassVar[Table] = _clicks

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

    def names(self, digits: bytes) -> ColumnElement[bool]:
        """Return the condition that an event's body has these digits."""
        return outbox.c.body.op("LIKE", is_comparison=True)(b"%" + digits + b"%")

    def clicks_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return clicks of erased people among the account's next, which begin behind a time."""
        later = (_click.account_id == account_id, _click.at > after)
        times = select(_click.at).where(*later).order_by(_click.at).limit(size).subquery()
        last = self._execute(select(func.max(times.c.at))).scalar_one()
        if last is None:
            return ErasurePart([], None)
        message = and_(
            _click.position.is_not(None),
            messages.c.lane == _click.lane,
            messages.c.number == _click.number,
        )
        link = and_(_click.position.is_(None), short_links.c.id == _click.number)
        whose = func.coalesce(messages.c.recipient, short_links.c.recipient)
        theirs = (
            select(_click.id)
            .outerjoin(messages, message)
            .outerjoin(short_links, link)
            .where(*later, _click.at <= last)
            .where(
                or_(
                    _click.agent_id.is_not(None),
                    _click.network.is_not(None),
                    _click.digest.is_not(None),
                )
            )
            .where(whose.in_((REDACTED, recipient)))
        )
        return ErasurePart([row[0] for row in self._execute(theirs)], last)

    def of_clicks(self, ids: Sequence[int]) -> ColumnElement[bool]:
        lanes = {each % LANES for each in ids}
        return and_(_click.lane.in_(lanes), _click.id.in_(ids))

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
