"""Results written in groups: each exactly once, as soon as the storage takes it.

One transaction is under way at a time. What arrives meanwhile is written with the next, so a busy
process shares a transaction among many results, and an idle one waits for nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, Generic, TypeVar, cast

import structlog

from sendrail.drain import wait_at_most
from sendrail.rounds import STORAGE_RETRY_SECONDS
from sendrail.storage.interface import Store, Tx

_log = structlog.get_logger()

# A settlement is one commit; one that takes longer waits for a disk that is gone.
SETTLE_SECONDS: Final = 1.5
_DRAIN_LOOK_SECONDS: Final = 0.001
_GROUP_MAX: Final = 1_024

T = TypeVar("T")
R = TypeVar("R")


class GroupWriter(Generic[T, R]):
    """Writes results in the order in which they came; a group that fails is written again.

    `write` runs in the transaction. `written` is called with the group and what `write` returned,
    once that is durable. `postponed` is the event logged when it was not. A group is gathered for
    `gather_seconds` after its first result: for results that may wait, so that more of them share
    a transaction.
    """

    def __init__(
        self,
        store: Store,
        write: Callable[[Tx, Sequence[T]], R],
        written: Callable[[Sequence[T], R], None],
        *,
        postponed: str,
        gather_seconds: float = 0.0,
    ) -> None:
        self._store = store
        self._write_group = write
        self._on_written = written
        self._postponed = postponed
        self._gather_seconds = gather_seconds
        self._waiting: list[T] = []
        self._writing: list[T] = []
        self._is_scheduled = False
        # A group of which it is not known whether it was committed will be written again.
        self.writes_again = False

    def add(self, result: T) -> None:
        """Write a result with the next transaction."""
        self._waiting.append(result)
        self._begin_group()

    async def drain(self, tasks: Collection["asyncio.Task[None]"], until: float) -> None:
        """Wait for tasks that bring results, at most until a time of the loop, then for the writes.

        A task that is not done by then is cancelled, and may take its time to notice.
        """
        now = asyncio.get_running_loop().time
        await wait_at_most(max(0.0, until - now()), tasks)
        end = until + SETTLE_SECONDS
        while (tasks or self._waiting or self._is_scheduled) and now() < end:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)

    def _begin_group(self) -> None:
        if self._is_scheduled:
            return
        if not self._gather_seconds:
            self._schedule()
            return
        self._is_scheduled = True
        asyncio.get_running_loop().call_later(self._gather_seconds, self._submit)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._submit()

    def _submit(self) -> None:
        self._store.submit(self._write, self._written)

    def _write(self, tx: Tx) -> R:
        count = self._store.portion(_GROUP_MAX)
        self._writing, self._waiting = self._waiting[:count], self._waiting[count:]
        return self._write_group(tx, self._writing)

    def _written(self, result: R | None, error: Exception | None) -> None:
        self._is_scheduled = False
        # Taken, not only read: a transaction that cannot even begin must find none of the last one.
        group, self._writing = self._writing, []
        self.writes_again = error is not None
        if error is not None:
            _log.warning(self._postponed, reason=str(error), count=len(group))
            self._waiting = [*group, *self._waiting]
            asyncio.get_running_loop().call_later(STORAGE_RETRY_SECONDS, self._schedule)
            return
        self._on_written(group, cast("R", result))
        if self._waiting:
            self._begin_group()
