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
from typing import Final, Generic, TypeVar, assert_never

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.import_log import ImportLog
from sendrail.contacts.imports import (
    ALONE,
    BESIDE,
    PHONE_COLUMN,
    Chunks,
    ImportOptions,
    ImportReport,
    RowOutcome,
    country_for,
    import_rows,
    moment_of,
)
from sendrail.contacts.inputs import list_number_of
from sendrail.contacts.json_lines import RowsReader
from sendrail.contacts.numbering_plans import Country
from sendrail.contacts.words import meaning_of
from sendrail.contacts.written_numbers import number_of
from sendrail.domain import money
from sendrail.domain.audit import Action, Actor
from sendrail.domain.conversion import Attribution, ConversionEvent
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.history import (
    LENGTH_MAX,
    SEND_TYPE_LENGTH_MAX,
    HistoryClick,
    HistoryEntity,
    HistoryRevenue,
    HistorySend,
    ref_of,
)
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.disk_set import SeenNumbers
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.history import HistoryService, ImportedRows
from sendrail.tracking.history_rows import (
    KNOWN,
    NEW,
    judge_clicks,
    judge_revenue,
    judge_sends,
)
from sendrail.tracking.recording import ConversionReport, preview

Row = TypeVar("Row")
_Judged = Sequence[RowOutcome | SendrailError]

_NUMBERS: Final = PHONE_COLUMN["phone_number"]
_TIMES: Final = ("timestamp", "at", "time", "date")
_COLUMNS: Final[Mapping[HistoryEntity, Mapping[str, Sequence[str]]]] = {
    HistoryEntity.SENDS: {
        "id": ("id", "message_id"),
        "list_number": ("list_number", "list", "from"),
        "list_id": ("list_id",),
        "to_number": ("to_number", "to", *_NUMBERS),
        "timestamp": (*_TIMES, "sent_at"),
        "send_type": ("send_type",),
        "delivered": ("delivered",),
        "length": ("length", "segments"),
    },
    HistoryEntity.CLICKS: {
        "message_id": ("message_id", "id"),
        "offer_id": ("offer_id", "offer"),
        "phone_number": _NUMBERS,
        "timestamp": (*_TIMES, "clicked_at"),
        "send_timestamp": ("send_timestamp", "sent_at"),
    },
    HistoryEntity.REVENUE: {
        "message_id": ("message_id", "id"),
        "offer_id": ("offer_id", "offer"),
        "revenue": ("revenue", "amount"),
        "payout": ("payout",),
        "attribution_type": ("attribution_type",),
        "timestamp": (*_TIMES, "earned_at"),
        "event": ("event",),
        "external_id": ("external_id", "transaction_id", "txn_id"),
    },
}
_REQUIRED: Final[Mapping[HistoryEntity, Sequence[str]]] = {
    HistoryEntity.SENDS: ("id", "to_number", "timestamp"),
    HistoryEntity.CLICKS: ("message_id", "offer_id"),
    HistoryEntity.REVENUE: ("message_id", "offer_id", "revenue"),
}


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
            parse=lambda values: _send(values, country, list_number, self._now()),
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
            parse=lambda values: _click(values, country, self._now()),
            store=partial(self._history.store_clicks, account_id),
            judge=lambda tx, rows, seen: (
                judge_clicks(tx, account_id, rows, self._now(), seen).outcomes
            ),
            name=attrgetter("ref"),
        )

    def _revenue(self, account_id: AccountId) -> "_RowKind[HistoryRevenue]":
        return _RowKind(
            entity=HistoryEntity.REVENUE,
            parse=lambda values: _revenue(values, self._now()),
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
        reader = RowsReader(_COLUMNS[kind.entity], _REQUIRED[kind.entity])
        paced = replace(options, pace=BESIDE if self._is_served() else ALONE)
        with closing(SeenNumbers()) as seen:

            async def write(rows: Sequence[Row]) -> Sequence[RowOutcome | RowError]:
                if not options.dry_run:
                    stored = await self._store.write(lambda tx: kind.store(tx, rows))
                    return _as_refused(stored.outcomes)
                return _as_refused(await self._judged(kind, rows, seen))

            async with self._import_log.noting(
                account_id, actor, Action.HISTORY_IMPORTED, kind.entity.value, report
            ):
                return await import_rows(
                    chunks,
                    reader,
                    partial(_parsed, kind.parse),
                    write,
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
    judged = judge_revenue(tx, account_id, rows, now)
    reports = [each for each in judged if isinstance(each, ConversionReport)]
    recorded = iter(preview(tx, reports, now))
    became: list[RowOutcome | SendrailError] = []
    for row, each in zip(rows, judged, strict=True):
        if isinstance(each, SendrailError):
            became.append(each)
            continue
        is_known = next(recorded).is_duplicate or _revenue_name(row) in seen
        became.append(KNOWN if is_known else NEW)
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


def _parsed(parse: Callable[[Mapping[str, str]], Row], values: Mapping[str, str]) -> Row:
    try:
        return parse(values)
    except InvalidInput as error:
        raise RowError(error.message) from None


def _send(
    values: Mapping[str, str],
    country: Country | None,
    list_number: PhoneNumber | None,
    now: int,
) -> HistorySend:
    said = values.get
    named = said("list_number", "")
    list_id = _whole(said("list_id", ""), "list_id", 2**63 - 1)
    if named:
        list_number = list_number_of(named)
    elif list_id is not None:
        list_number = None
    elif list_number is None:
        raise RowError("the row names no list, and no list was given")
    at = moment_of(_needed(said("timestamp", ""), "timestamp"), now)
    assert at is not None, "a text that is there is a time or raises"
    send_type = said("send_type", "")
    if len(send_type) > SEND_TYPE_LENGTH_MAX:
        raise RowError(f"send_type is longer than {SEND_TYPE_LENGTH_MAX} characters")
    delivered = said("delivered", "")
    if delivered and meaning_of(delivered) is None:
        raise RowError("delivered is neither yes nor no")
    return HistorySend(
        ref=ref_of(said("id", ""), "id"),
        list_number=list_number,
        list_id=list_id,
        recipient=number_of(_needed(said("to_number", ""), "to_number"), country),
        at=at,
        send_type=send_type or None,
        delivered=meaning_of(delivered) if delivered else None,
        length=_whole(said("length", ""), "length", LENGTH_MAX),
    )


def _click(values: Mapping[str, str], country: Country | None, now: int) -> HistoryClick:
    said = values.get
    number, at = said("phone_number", ""), said("timestamp", "") or said("send_timestamp", "")
    return HistoryClick(
        ref=ref_of(said("message_id", ""), "message_id"),
        offer_id=ref_of(said("offer_id", ""), "offer_id"),
        recipient=number_of(number, country) if number else None,
        at=moment_of(at, now),
    )


def _revenue(values: Mapping[str, str], now: int) -> HistoryRevenue:
    said = values.get
    attribution = said("attribution_type", "") or Attribution.MIGRATION
    event = said("event", "") or ConversionEvent.SALE
    for word, known, name in (
        (attribution, Attribution, "attribution_type"),
        (event, ConversionEvent, "event"),
    ):
        if word not in set(known):
            raise RowError(f"{name} is one of {', '.join(known)}")
    external_id, payout = said("external_id", ""), said("payout", "")
    return HistoryRevenue(
        ref=ref_of(said("message_id", ""), "message_id"),
        offer_id=ref_of(said("offer_id", ""), "offer_id"),
        amount=_amount(_needed(said("revenue", ""), "revenue"), "revenue"),
        payout=_amount(payout, "payout") if payout else None,
        attribution=Attribution(attribution),
        at=moment_of(said("timestamp", ""), now),
        event=ConversionEvent(event),
        external_id=ref_of(external_id, "external_id") if external_id else None,
    )


def _needed(text: str, name: str) -> str:
    if not text:
        raise RowError(f"{name} is missing")
    return text


def _amount(text: str, name: str) -> int:
    amount = money.of_text(text)
    if amount is None:
        raise RowError(f"{name} is no amount such as 24.99")
    return amount


def _whole(text: str, name: str, highest: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= highest):
        raise RowError(f"{name} is no whole number up to {highest:,}")
    return int(text)
