"""Messages as look-up shows them: as `pipeline/lookup.py`, by lane and by time.

Numbers are given out lane by lane, so that they say nothing of the order in which messages came;
`created_at` does, and is what the rows are partitioned by.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from sqlalchemy import ColumnElement, and_, func, select, text, tuple_

from sendrail.domain.ids import LANES, AccountId
from sendrail.storage.message_tables import messages
from sendrail.storage.pipeline import lookup
from sendrail.storage.pipeline.lookup import LookBack, MessageFilter, MessagePlace
from sendrail.storage.pipeline.stored_messages import StoredMessage, of_account, stored

# More notes of what is not counted yet are not read to know where it begins.
_NOTES_MAX: Final = 200
_TOGETHER_MS: Final = 60_000
_NOTES: Final = "SELECT count(*) FROM (SELECT 1 FROM activity_news LIMIT :most) AS news"
_NOTED_SINCE: Final = """
    SELECT min(m.created_at) FROM activity_news AS n
    JOIN messages AS m ON m.lane = n.lane AND m.number = n.number
"""


class PostgresMessageLookUp(lookup.MessageLookUp):
    """Messages as look-up shows them."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = (
        messages.c.created_at.desc(),
        messages.c.number.desc(),
    )
    position: ClassVar[Callable[..., ColumnElement[int]]] = func.strpos

    def is_message(self, number: int) -> ColumnElement[bool]:
        return and_(messages.c.lane == number % LANES, messages.c.number == number)

    def are_messages(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        lanes = {number % LANES for number in numbers}
        return and_(messages.c.lane.in_(lanes), messages.c.number.in_(numbers))

    def is_older(self, than: MessagePlace) -> ColumnElement[bool]:
        place = tuple_(messages.c.created_at, messages.c.number)
        # The time by itself, too: it chooses the weeks to look into.
        return and_(
            messages.c.created_at <= than.created_at, place < tuple_(than.created_at, than.number)
        )

    def look_back(
        self,
        account_id: AccountId,
        about: MessageFilter,
        than: MessagePlace,
        most: int,
        limit: int | None = None,
    ) -> LookBack:
        """Look back as the base class does.

        By two statements: what matches ends a walk early, and where a whole walk ends is asked
        behind it. One with both in it, by a row's number, has the rows sorted once more and ends
        no walk early: it takes longer than the two.
        """
        looked = self.looked_at(account_id, than, most)
        matching = select(looked.c.created_at, looked.c.number, looked.c.metadata).where(
            *lookup.conditions(account_id, about, looked.c), *self.hints(about, looked.c)
        )
        newest_first = (looked.c.created_at.desc(), looked.c.number.desc())
        found = lookup.found_at(self._execute(matching.order_by(*newest_first).limit(limit)))
        if limit is not None and len(found) == limit:
            return LookBack(found, None, most).enough(limit)
        next_place = self.place_after(account_id, than, most)
        count = select(func.count()).select_from(looked)
        walked = most if next_place else self._execute(count).scalar_one()
        return LookBack(found, next_place, walked)

    def place_after(
        self, account_id: AccountId, than: MessagePlace, most: int
    ) -> MessagePlace | None:
        """Return the place of the last of `most` messages after one, None if fewer are left."""
        last = (
            select(messages.c.created_at, messages.c.number)
            .where(messages.c.account_id == account_id, self.is_older(than))
            .order_by(*self.newest_first)
            .offset(most - 1)
            .limit(1)
        )
        found = self._execute(last).one_or_none()
        return None if found is None else MessagePlace(found.created_at, found.number)

    def counted_to(self) -> MessagePlace | None:
        """Return a place up to which all messages are counted, a little before the first note.

        A note is of messages that were accepted together.
        """
        notes = self._execute(text(_NOTES), {"most": _NOTES_MAX + 1}).scalar_one()
        if notes > _NOTES_MAX:
            return None
        # They may have been counted by now, and then their messages are.
        since = self._execute(text(_NOTED_SINCE)).scalar_one() if notes else None
        return (
            MessagePlace(2**62, 2**62) if since is None else MessagePlace(since - _TOGETHER_MS, 0)
        )

    def place_behind(self, at: int) -> MessagePlace:
        return MessagePlace(at + 1, 0)

    def place_before(self, at: int) -> MessagePlace:
        return MessagePlace(at, 0)

    def after(self, account_id: AccountId, number: int, limit: int) -> list[StoredMessage]:
        """Return messages younger than the one with this number, oldest first."""
        since = select(messages.c.created_at).where(self.is_message(number)).scalar_subquery()
        place = tuple_(messages.c.created_at, messages.c.number)
        younger = of_account(account_id)
        if number:
            younger = younger.where(place > tuple_(since, number))
        rows = self._execute(
            younger.order_by(messages.c.created_at, messages.c.number).limit(limit)
        )
        return [stored(row) for row in rows]

    def forget_before(self, before: int, limit: int) -> int:  # noqa: ARG002 - by partition instead
        """Delete nothing: old messages leave with their partition."""
        return 0
