"""Messages as look-up shows them: as `pipeline/lookup.py`, by lane and by time.

Numbers are given out lane by lane, so that they say nothing of the order in which messages came;
`created_at` does, and is what the rows are partitioned by.
"""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import ColumnElement, and_, select, tuple_

from sendrail.domain.ids import LANES, AccountId
from sendrail.storage.pipeline import lookup
from sendrail.storage.pipeline.lookup import MessagePlace, StoredMessage
from sendrail.storage.tables import messages


class PostgresMessageLookUp(lookup.MessageLookUp):
    """Messages as look-up shows them."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = (
        messages.c.created_at.desc(),
        messages.c.number.desc(),
    )
    newest_by: ClassVar[Sequence[str]] = ("created_at", "number")

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

    def newest_only(self) -> Sequence[ColumnElement[bool]]:
        """Return nothing: the time chooses the weeks to look into."""
        return ()

    def after(self, account_id: AccountId, number: int, limit: int) -> list[StoredMessage]:
        """Return messages younger than the one with this number, oldest first."""
        since = select(messages.c.created_at).where(self.is_message(number)).scalar_subquery()
        place = tuple_(messages.c.created_at, messages.c.number)
        younger = lookup.of_account(account_id)
        if number:
            younger = younger.where(place > tuple_(since, number))
        rows = self._execute(
            younger.order_by(messages.c.created_at, messages.c.number).limit(limit)
        )
        return [lookup.stored(row) for row in rows]

    def forget_before(self, before: int, limit: int) -> int:  # noqa: ARG002 - by partition instead
        """Delete nothing: old messages leave with their partition."""
        return 0
