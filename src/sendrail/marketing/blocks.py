"""The account's block list: numbers that none of its lists may text."""

from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from sendrail.domain.contact import Block
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.marketing.imports import (
    PHONE_COLUMN,
    CsvFile,
    ImportReport,
    Progress,
    import_rows,
    number_of,
)
from sendrail.marketing.inputs import PAGE_SIZE, recipient_of, slice_of
from sendrail.storage.interface import Store, Tx

NOTE_LENGTH_MAX: Final = 200


class BlockService:
    """What can be done with the block list."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(self, account_id: AccountId, phone_number: str, *, note: str = "") -> bool:
        """Block a number; return False when it was blocked before."""
        recipient, why = recipient_of(phone_number), _note(note)
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

    async def import_csv(
        self,
        account_id: AccountId,
        stream: BinaryIO,
        *,
        note: str = "",
        progress: Progress | None = None,
    ) -> ImportReport:
        """Block the numbers of a file."""
        why = _note(note)

        def add(tx: Tx, rows: Sequence[tuple[int, PhoneNumber]]) -> ImportReport:
            new = tx.blocks.add(account_id, [number for _, number in rows], why, self._now())
            return ImportReport(created=new, already_there=len(rows) - new)

        return await import_rows(
            CsvFile(stream, PHONE_COLUMN, ["phone_number"]),
            lambda values: number_of(values["phone_number"]),
            lambda rows: self._store.write(lambda tx: add(tx, rows)),
            progress,
        )


def _note(text: str) -> str:
    note = text.strip()
    if len(note) > NOTE_LENGTH_MAX:
        raise InvalidInput(f"A note has at most {NOTE_LENGTH_MAX} characters.", param="note")
    return note
