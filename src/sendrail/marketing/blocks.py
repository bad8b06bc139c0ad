"""The account's block list: numbers that none of its lists may text."""

from collections.abc import Callable
from typing import Final

from sendrail.domain.contact import Block
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.marketing.inputs import PAGE_SIZE, recipient_of, slice_of
from sendrail.storage.interface import Store

NOTE_LENGTH_MAX: Final = 200


class BlockService:
    """What can be done with the block list."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(self, account_id: AccountId, phone_number: str, *, note: str = "") -> bool:
        """Block a number; return False when it was blocked before."""
        recipient, why = recipient_of(phone_number), note_of(note)
        return await self._store.write(
            lambda tx: tx.blocks.add(account_id, [recipient], why, self._now()) > 0
        )

    async def remove(self, account_id: AccountId, phone_number: str) -> bool:
        """Unblock a number; return False when it was not blocked."""
        recipient = recipient_of(phone_number)
        return await self._store.write(lambda tx: tx.blocks.remove(account_id, recipient))

    async def page(
        self, account_id: AccountId, *, page: int = 1, per_page: int = PAGE_SIZE
    ) -> list[Block]:
        """Return one page of the blocked numbers in their own order."""
        offset, limit = slice_of(page, per_page)
        return await self._store.read(lambda tx: tx.blocks.page(account_id, offset, limit))


def note_of(text: str) -> str:
    """Return a note that fits a row of a table."""
    note = text.strip()
    if len(note) > NOTE_LENGTH_MAX:
        raise InvalidInput(f"A note has at most {NOTE_LENGTH_MAX} characters.", param="note")
    return note
