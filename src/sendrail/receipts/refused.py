"""Refused callbacks as an operator deals with them: listed, shown whole, put back, forgotten."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from sendrail.domain.errors import NotFound
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.refused import RefusedCallback, RefusedFilter, RefusedTally

# Small bites: the one writer must not be held for longer than a request may wait.
_BATCH: Final = 100


class RefusedService:
    """Operations on callbacks that could not be read or applied."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, about: RefusedFilter, *, page: int, per_page: int
    ) -> Sequence[RefusedCallback]:
        """Return refused callbacks, the one refused last first."""
        offset = (page - 1) * per_page
        return await self._store.read(lambda tx: tx.refused.page(about, offset, per_page))

    async def tally(self) -> Sequence[RefusedTally]:
        """Return how many there are of each connector, and since when."""
        return await self._store.read(lambda tx: tx.refused.tally())

    async def show(self, refused_id: int) -> tuple[RefusedCallback, bytes]:
        """Return one with its raw bytes. Raises `NotFound`."""
        found = await self._store.read(lambda tx: tx.refused.find(refused_id))
        if found is None:
            raise _nothing(refused_id)
        return found

    async def retry(self, refused_id: int) -> None:
        """Put one back into the inbox. Raises `NotFound`."""
        if not await self._store.write(lambda tx: _put_back(tx, [refused_id])):
            raise _nothing(refused_id)

    async def retry_all(self, about: RefusedFilter) -> int:
        """Put all of these back into the inbox, in the order of their refusal; return how many."""
        last = await self._last()
        count, after = 0, 0
        while True:
            # What is refused once more meanwhile has a higher id, and stays.
            ids = [each for each in await self._ids(about, after) if each <= last]
            if not ids:
                return count
            count += await self._store.write(partial(_put_back, ids=ids))
            after = ids[-1]

    async def forget(self, refused_id: int) -> None:
        """Delete one. Raises `NotFound`."""
        if not await self._store.write(lambda tx: tx.refused.remove([refused_id])):
            raise _nothing(refused_id)

    async def forget_all(self, about: RefusedFilter) -> int:
        """Delete all of these; return how many."""
        count = 0
        while ids := await self._ids(about, 0):
            count += await self._store.write(partial(_forget, ids=ids))
        return count

    async def _last(self) -> int:
        newest = await self.page(RefusedFilter(), page=1, per_page=1)
        return newest[0].id if newest else 0

    async def _ids(self, about: RefusedFilter, after: int) -> list[int]:
        return list(await self._store.read(lambda tx: tx.refused.after(after, about, _BATCH)))


def _forget(tx: Tx, ids: Sequence[int]) -> int:
    return tx.refused.remove(ids)


def _put_back(tx: Tx, ids: Sequence[int]) -> int:
    """Put refused callbacks back into the inbox, with the time at which they came."""
    put = 0
    for refused_id in ids:
        raw = tx.refused.raw(refused_id)
        # Another operator may have been quicker.
        if raw is not None and tx.refused.remove([refused_id]):
            tx.inbox.put(raw.connector_id, [raw.raw], raw.received_at)
            put += 1
    return put


def _nothing(refused_id: int) -> NotFound:
    return NotFound(
        f"There is no refused callback {refused_id}; `sendrail callbacks refused` lists them."
    )
