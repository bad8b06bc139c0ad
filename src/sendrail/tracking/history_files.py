"""History from files: CSV or JSON lines, as a stream, each row judged alone.

As with contacts, memory holds one batch of a file of any length, and a dry run judges every row
and stores none. A file can be imported again from its beginning, whatever stopped it half way.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Generic, TypeVar, assert_never

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.import_log import ImportLog
from sendrail.contacts.imports import (
    ALONE,
    BESIDE,
    Chunks,
    ImportOptions,
    ImportReport,
    RowOutcome,
    country_for,
    import_rows,
)
from sendrail.contacts.json_lines import RowsReader
from sendrail.contacts.numbering_plans import Country
from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import SendrailError
from sendrail.domain.history import (
    HistoryClick,
    HistoryEntity,
    HistoryRevenue,
    HistorySend,
)
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.disk_set import SeenNumbers
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.history import HistoryService, ImportedRows
from sendrail.tracking.history_columns import (
    COLUMNS,
    REQUIRED,
    click_of,
    parsed,
    revenue_of,
    send_of,
)
from sendrail.tracking.history_rows import (
    KNOWN,
    NEW,
    judge_clicks,
    judge_revenue,
    judge_sends,
)
from sendrail.tracking.recording import ConversionReport, is_new, preview

Row = TypeVar("Row")
_Judged = Sequence[RowOutcome | SendrailError]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowKind(Generic[Row]):
    """What is done with the rows of a kind of file.

    `judge` takes the names of rows that a dry run would have stored before.
    """

    entity: HistoryEntity
    parse: Callable[[Mapping[str, str]], Row]
    store: Callable[[Tx, Sequence[Row]], ImportedRows]
    judge: Callable[[Tx, Sequence[Row], Collection[str]], _Judged]
    name: Callable[[Row], str]
    number: Callable[[Row], int] | None = None


class HistoryFileService:
    """Imports of history from files."""

    def __init__(
        self,
        store: Store,
        history: HistoryService,
        now: Callable[[], int],
        is_served: Callable[[], bool] = lambda: True,
    ) -> None:
        """Take a store; `is_served` returns whether a server works on it, here or elsewhere."""
        self._store = store
        self._history = history
        self._now = now
        self._import_log = ImportLog(store, now)
        self._is_served = is_served

    async def import_file(
        self,
        account_id: AccountId,
        entity: HistoryEntity,
        chunks: Chunks,
        options: ImportOptions,
        actor: Actor,
        *,
        list_number: PhoneNumber | None = None,
    ) -> ImportReport:
        """Import a file, or say what would become of it.

        `list_number` is the list of sends that name none.
        """
        country = await self._store.read(lambda tx: country_for(tx, account_id, options))
        match entity:
            case HistoryEntity.SENDS:
                sends = self._sends(account_id, country, list_number)
                return await self._import(account_id, sends, chunks, options, actor)
            case HistoryEntity.CLICKS:
                clicks = self._clicks(account_id, country)
                return await self._import(account_id, clicks, chunks, options, actor)
            case HistoryEntity.REVENUE:
                revenue = self._revenue(account_id)
                return await self._import(account_id, revenue, chunks, options, actor)
            case _:
                assert_never(entity)

    def _sends(
        self, account_id: AccountId, country: Country | None, list_number: PhoneNumber | None
    ) -> "_RowKind[HistorySend]":
        return _RowKind(
            entity=HistoryEntity.SENDS,
            parse=lambda values: send_of(values, country, list_number, self._now()),
            store=partial(self._history.store_sends, account_id),
            judge=lambda tx, rows, seen: (
                judge_sends(tx, account_id, rows, self._now(), seen).outcomes
            ),
            name=attrgetter("ref"),
            # Neighbours share their pages.
            number=attrgetter("recipient"),
        )

    def _clicks(self, account_id: AccountId, country: Country | None) -> "_RowKind[HistoryClick]":
        return _RowKind(
            entity=HistoryEntity.CLICKS,
            parse=lambda values: click_of(values, country, self._now()),
            store=partial(self._history.store_clicks, account_id),
            judge=lambda tx, rows, seen: (
                judge_clicks(tx, account_id, rows, self._now(), seen).outcomes
            ),
            name=attrgetter("ref"),
        )

    def _revenue(self, account_id: AccountId) -> "_RowKind[HistoryRevenue]":
        return _RowKind(
            entity=HistoryEntity.REVENUE,
            parse=lambda values: revenue_of(values, self._now()),
            store=partial(self._history.store_revenue, account_id),
            judge=lambda tx, rows, seen: _preview(tx, account_id, rows, self._now(), seen),
            name=_revenue_name,
        )

    async def _import(
        self,
        account_id: AccountId,
        kind: _RowKind[Row],
        chunks: Chunks,
        options: ImportOptions,
        actor: Actor,
    ) -> ImportReport:
        report = ImportReport.of(options, NEW, KNOWN)
        reader = RowsReader(COLUMNS[kind.entity], REQUIRED[kind.entity])
        paced = replace(options, pace=BESIDE if self._is_served() else ALONE)
        with closing(SeenNumbers()) as seen:

            async def write(rows: Sequence[Row]) -> Sequence[RowOutcome | RowError]:
                if not options.dry_run:
                    stored = await self._store.write(lambda tx: kind.store(tx, rows))
                    return _as_refused(stored.outcomes)
                return _as_refused(await self._judged(kind, rows, seen))

            async with self._import_log.noting(
                account_id, actor, Action.HISTORY_IMPORTED, kind.entity.value, report
            ) as noted:
                return await import_rows(
                    chunks,
                    reader,
                    partial(parsed, kind.parse),
                    noted(write),
                    paced,
                    report,
                    number=kind.number,
                    keeps_lines=True,
                )

    async def _judged(self, kind: _RowKind[Row], rows: Sequence[Row], seen: SeenNumbers) -> _Judged:
        """Return what would become of rows, had those before them been stored."""
        names = {_digest(kind.name(row)): kind.name(row) for row in rows}
        before = {names[each] for each in seen.among(names)}
        became = await self._store.read(lambda tx: kind.judge(tx, rows, before))
        seen.add(
            _digest(kind.name(row))
            for row, outcome in zip(rows, became, strict=True)
            if outcome is NEW
        )
        return became


def _preview(
    tx: Tx,
    account_id: AccountId,
    rows: Sequence[HistoryRevenue],
    now: int,
    seen: Collection[str],
) -> _Judged:
    judged = judge_revenue(tx, account_id, rows)
    reports = [each for each in judged if isinstance(each, ConversionReport)]
    recorded = iter(preview(tx, reports, now))
    became: list[RowOutcome | SendrailError] = []
    for row, each in zip(rows, judged, strict=True):
        outcome = each if isinstance(each, SendrailError) else next(recorded)
        if isinstance(outcome, SendrailError):
            became.append(outcome)
        else:
            became.append(NEW if is_new(outcome) and _revenue_name(row) not in seen else KNOWN)
    return became


def _revenue_name(row: HistoryRevenue) -> str:
    """Return what a row of revenue is recognized by, as `recording` has it."""
    if row.external_id is not None:
        return f"t {row.offer_id} {row.event} {row.external_id}"
    return f"h {row.offer_id} {row.event} {row.at} {row.amount} {row.ref}"


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1


def _as_refused(outcomes: Iterable[RowOutcome | SendrailError]) -> list[RowOutcome | RowError]:
    return [
        RowError(each.message) if isinstance(each, SendrailError) else each for each in outcomes
    ]
