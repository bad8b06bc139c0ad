"""An account's block list as rows."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from sendrail.domain.contact import Block
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import blocks
from sendrail.storage.dialect import count_new

# What ends the journeys of contacts on every list of an account, at a time.
EndEverywhere = Callable[[AccountId, Sequence[PhoneNumber], int], object]


def no_journeys_anywhere(
    _account_id: AccountId, _recipients: Sequence[PhoneNumber], _now: int
) -> None:
    """End nothing, where no contact is on a journey."""


class Blocks:
    """The account's block list."""

    def __init__(
        self, connection: Connection, end_journeys: EndEverywhere = no_journeys_anywhere
    ) -> None:
        self._connection = connection
        self._end_journeys = end_journeys

    def add(
        self, account_id: AccountId, numbers: Sequence[tuple[PhoneNumber, str]], now: int
    ) -> int:
        """Block numbers, each with its note, which ends their journeys.

        Return how many were not blocked before. Of a number that comes twice the first note is
        kept, and of one that was blocked the note that it has.
        """
        self._end_journeys(account_id, [recipient for recipient, _ in numbers], now)
        rows: list[dict[str, object]] = [
            {"account_id": account_id, "recipient": recipient, "note": note, "blocked_at": now}
            for recipient, note in numbers
        ]
        return count_new(self._connection, blocks, rows)

    def remove(self, account_id: AccountId, recipient: PhoneNumber) -> bool:
        gone = delete(blocks).where(
            blocks.c.account_id == account_id, blocks.c.recipient == recipient
        )
        return self._connection.execute(gone).rowcount > 0

    def find(self, account_id: AccountId, recipient: PhoneNumber) -> Block | None:
        one = select(blocks).where(
            blocks.c.account_id == account_id, blocks.c.recipient == recipient
        )
        row = self._connection.execute(one).one_or_none()
        return None if row is None else _block(row)

    def count(self, account_id: AccountId) -> int:
        """Return how many numbers are blocked."""
        of_account = select(func.count()).where(blocks.c.account_id == account_id)
        return int(self._connection.execute(of_account).scalar_one())

    def page(self, account_id: AccountId, offset: int, limit: int, after: int = 0) -> list[Block]:
        """Return one page of the blocked numbers above `after`, in their own order."""
        of_account = select(blocks).where(
            blocks.c.account_id == account_id, blocks.c.recipient > after
        )
        page = of_account.order_by(blocks.c.recipient).offset(offset).limit(limit)
        return [_block(row) for row in self._connection.execute(page)]


def _block(row: Row[Any]) -> Block:
    return Block(recipient=PhoneNumber(row.recipient), note=row.note, blocked_at=row.blocked_at)
