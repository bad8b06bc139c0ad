"""The account's block list: numbers that none of its lists may text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, slice_of, text_of
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.contact import Block
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Store, Tx

NOTE_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class BlockPage:
    """One page of the block list, and how many numbers are on it."""

    blocks: Sequence[Block]
    total: int
    # The last number of the page where more follow, None at the end.
    last: PhoneNumber | None = None


class BlockService:
    """Operations on the block list."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        recipient: PhoneNumber,
        *,
        note: str = "",
        guard: Guard = unguarded,
        actor: Actor = OURSELVES,
    ) -> bool:
        """Block a number; return False when it was blocked before."""
        return await self.add_many(account_id, [(recipient, note)], guard=guard, actor=actor) > 0

    async def add_many(
        self,
        account_id: AccountId,
        numbers: Sequence[tuple[PhoneNumber, str]],
        *,
        guard: Guard = unguarded,
        actor: Actor = OURSELVES,
    ) -> int:
        """Block numbers, each with its note; return how many were not blocked before.

        The audit log has one entry of what is new, which names a number that is alone.
        """
        # In order, so that two calls never deadlock.
        wanted = sorted(((number, note_of(note)) for number, note in numbers), key=itemgetter(0))

        def write(tx: Tx) -> int:
            new = tx.blocks.add(account_id, wanted, self._now())
            if new and len(numbers) == 1:
                self._note(tx, account_id, actor, Action.BLOCK_ADDED, numbers[0][0])
            elif new:
                rows = {"rows": len(numbers), "added": new}
                added = Action.BLOCKS_ADDED
                tx.audit.add(account_id, actor, added, "block list", rows, self._now())
            return new

        return await self._store.write(guard(write))

    async def remove(
        self, account_id: AccountId, recipient: PhoneNumber, *, actor: Actor = OURSELVES
    ) -> bool:
        """Unblock a number; return False when it was not blocked."""

        def write(tx: Tx) -> bool:
            removed = tx.blocks.remove(account_id, recipient)
            if removed:
                self._note(tx, account_id, actor, Action.BLOCK_REMOVED, recipient)
            return removed

        return await self._store.write(write)

    def _note(
        self,
        tx: Tx,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        recipient: PhoneNumber,
    ) -> None:
        about = tx.erased.shown(recipient)
        tx.audit.add(account_id, actor, action, about, {}, self._now())

    async def page(
        self,
        account_id: AccountId,
        recipient: PhoneNumber | None = None,
        *,
        page: int = 1,
        per_page: int = PAGE_SIZE,
        after: int | None = None,
    ) -> BlockPage:
        """Return one page of the blocked numbers in their own order, or only `recipient`.

        The pages are counted from the number `after` which they are to go on.
        """
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> BlockPage:
            if recipient is None:
                # One more than is shown says whether any follow.
                found = tx.blocks.page(account_id, offset, limit + 1, after or 0)
                last = found[limit - 1].recipient if len(found) > limit else None
                return BlockPage(found[:limit], tx.blocks.count(account_id), last)
            known = tx.blocks.find(account_id, recipient)
            one = [] if known is None else [known]
            return BlockPage(one[offset : offset + limit], len(one))

        return await self._store.read(read)


def note_of(text: str) -> str:
    """Return a note that fits its row. Raises `InvalidInput`."""
    return text_of("note", text, NOTE_LENGTH_MAX) or ""
