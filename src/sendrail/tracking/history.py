"""The history of an account that moves over: sends, clicks and revenue of another platform.

They count for contacts and offers, and do nothing else: no queue, no event, no duplicate window.
Each row is judged on its own, and what is there already is passed over.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.imports import RowOutcome
from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import SendrailError
from sendrail.domain.history import (
    HistoryClick,
    HistoryEntity,
    HistoryRevenue,
    HistorySend,
    HistoryTotals,
)
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Store, Tx
from sendrail.storage.tracking.history_clearing import SendPlace
from sendrail.tracking.history_removal import remove_revenue, remove_sends
from sendrail.tracking.history_rows import (
    KNOWN,
    NEW,
    judge_clicks,
    judge_revenue,
    judge_sends,
)
from sendrail.tracking.recording import (
    ConversionReport,
    RecordedConversion,
    is_new,
    record_all,
)

Row = TypeVar("Row")

RECORDS_MAX: Final = 1_000
# Some ten milliseconds of the one writer at a time.
PART_ROWS: Final = 250
_CLEARED_AT_ONCE: Final = 500
# Before any conversion of an imported send.
_FIRST: Final = (-(1 << 62), 0)


@dataclass(frozen=True, slots=True)
class ImportedRows:
    """What became of each row, in their order; `revenue` is the sum of what is new."""

    outcomes: Sequence[RowOutcome | SendrailError]
    revenue: int = 0


Work = Callable[[Tx, Sequence[Row]], ImportedRows]


class HistoryService:
    """Takes what accounts bring from another platform, and takes it back."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def import_sends(
        self,
        account_id: AccountId,
        rows: Sequence[HistorySend | SendrailError],
        *,
        guard: Guard = unguarded,
    ) -> ImportedRows:
        """Import sends by their ids; those at fault keep their place."""
        return await self._import(rows, partial(self.store_sends, account_id), guard)

    async def import_clicks(
        self,
        account_id: AccountId,
        rows: Sequence[HistoryClick | SendrailError],
        *,
        guard: Guard = unguarded,
    ) -> ImportedRows:
        """Import the clicks of imported sends, one of each; as `import_sends`."""
        return await self._import(rows, partial(self.store_clicks, account_id), guard)

    async def import_revenue(
        self,
        account_id: AccountId,
        rows: Sequence[HistoryRevenue | SendrailError],
        *,
        guard: Guard = unguarded,
    ) -> ImportedRows:
        """Import what imported sends earned; as `import_sends`."""
        return await self._import(rows, partial(self.store_revenue, account_id), guard)

    def store_sends(
        self, account_id: AccountId, tx: Tx, rows: Sequence[HistorySend]
    ) -> ImportedRows:
        """Store a batch within a transaction."""
        tx.history.hold(account_id)
        judged = judge_sends(tx, account_id, rows, self._now())
        tx.history.add(account_id, judged.new, self._now())
        return ImportedRows(judged.outcomes)

    def store_clicks(
        self, account_id: AccountId, tx: Tx, rows: Sequence[HistoryClick]
    ) -> ImportedRows:
        """Store a batch within a transaction."""
        tx.history.hold(account_id)
        judged = judge_clicks(tx, account_id, rows, self._now())
        tx.history.add_clicks(account_id, judged.new)
        return ImportedRows(judged.outcomes)

    def store_revenue(
        self, account_id: AccountId, tx: Tx, rows: Sequence[HistoryRevenue]
    ) -> ImportedRows:
        """Store a batch within a transaction."""
        tx.history.hold(account_id)
        judged = judge_revenue(tx, account_id, rows)
        reports = [each for each in judged if isinstance(each, ConversionReport)]
        recorded = record_all(tx, reports, self._now())
        became = iter(recorded)
        outcomes = [each if isinstance(each, SendrailError) else next(became) for each in judged]
        new = [each.conversion.amount for each in recorded if is_new(each)]
        return ImportedRows([_row_outcome(each) for each in outcomes], sum(new))

    async def totals(self, account_id: AccountId) -> HistoryTotals:
        """Return how much of an account's history is there."""
        return await self._store.read(lambda tx: tx.history.totals(account_id))

    async def clear(
        self,
        account_id: AccountId,
        entities: Collection[HistoryEntity],
        actor: Actor,
        *,
        before: int | None = None,
    ) -> dict[HistoryEntity, int]:
        """Take back what was imported, of what happened before a time; return how much of each.

        Without its send neither a click nor revenue is left. Done in parts: one that is broken off
        can be asked for again.
        """
        if HistoryEntity.SENDS in entities and before is None:
            # Of those, too, whose sends retention has deleted.
            entities = list(HistoryEntity)
        cleared = dict.fromkeys(HistoryEntity, 0)
        if HistoryEntity.REVENUE in entities:
            cleared[HistoryEntity.REVENUE] += await self._clear_revenue(account_id, before)
        if {HistoryEntity.SENDS, HistoryEntity.CLICKS} & set(entities):
            await self._clear_sends(account_id, entities, before, cleared)
        if before is None:
            await self._zero(account_id, entities)
        details = {each.value: count for each, count in cleared.items()}
        await self._store.write(
            lambda tx: tx.audit.add(
                account_id, actor, Action.HISTORY_CLEARED, "history", details, self._now()
            )
        )
        return cleared

    async def _import(
        self, rows: Sequence[Row | SendrailError], work: Work[Row], guard: Guard
    ) -> ImportedRows:
        if guard is not unguarded:
            # What is kept as the answer is written with all of it.
            return await self._store.write(guard(partial(_judged, rows, work)))
        outcomes: list[RowOutcome | SendrailError] = []
        revenue = 0
        for start in range(0, len(rows), PART_ROWS):
            # A long transaction would hold up what is accepted meanwhile.
            part = rows[start : start + PART_ROWS]
            became = await self._store.write(partial(_judged, part, work))
            outcomes += became.outcomes
            revenue += became.revenue
        return ImportedRows(outcomes, revenue)

    async def _clear_revenue(self, account_id: AccountId, before: int | None) -> int:
        place, cleared = _FIRST, 0

        def work(tx: Tx) -> tuple[tuple[int, int] | None, int]:
            tx.history.hold(account_id)
            found = tx.conversions.imported_after(account_id, place, _CLEARED_AT_ONCE)
            gone = [each for each in found if before is None or each.at < before]
            remove_revenue(tx, account_id, gone)
            last = found[-1] if found else None
            return None if last is None else (last.number or 0, last.id), len(gone)

        while True:
            after, count = await self._store.write(work)
            cleared += count
            if after is None:
                return cleared
            place = after

    async def _zero(self, account_id: AccountId, entities: Collection[HistoryEntity]) -> None:
        place = (ListId(0), PhoneNumber(0))

        def work(tx: Tx) -> tuple[ListId, PhoneNumber] | None:
            tx.history.hold(account_id)
            return tx.history_clearing.zero_after(account_id, place, entities, _CLEARED_AT_ONCE)

        while (after := await self._store.write(work)) is not None:
            place = after

    async def _clear_sends(
        self,
        account_id: AccountId,
        entities: Collection[HistoryEntity],
        before: int | None,
        cleared: dict[HistoryEntity, int],
    ) -> None:
        """Clear sends, or clicks alone, and add up how much that was."""
        place = SendPlace()

        def work(tx: Tx) -> tuple[SendPlace | None, dict[HistoryEntity, int]]:
            tx.history.hold(account_id)
            found = tx.history_clearing.sends_after(account_id, place, _CLEARED_AT_ONCE)
            sends = [send for _, send in found]
            return (found[-1][0] if found else None), remove_sends(
                tx, account_id, sends, entities, before
            )

        while True:
            after, counts = await self._store.write(work)
            for entity, count in counts.items():
                cleared[entity] += count
            if after is None:
                return
            place = after


def _row_outcome(outcome: RecordedConversion | SendrailError) -> RowOutcome | SendrailError:
    if isinstance(outcome, SendrailError):
        return outcome
    return KNOWN if outcome.is_duplicate else NEW


def _judged(rows: Sequence[Row | SendrailError], work: Work[Row], tx: Tx) -> ImportedRows:
    """Store the rows without a fault; those with one keep their place."""
    became = work(tx, [each for each in rows if not isinstance(each, SendrailError)])
    stored = iter(became.outcomes)
    outcomes = [each if isinstance(each, SendrailError) else next(stored) for each in rows]
    return replace(became, outcomes=outcomes)
