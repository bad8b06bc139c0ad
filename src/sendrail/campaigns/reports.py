"""Reports: what an account has sent and what that brought, read from counts and never counted."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple, TypeAlias, TypeVar

from sendrail.domain.campaign_run import Run
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.local_time import zone_of
from sendrail.domain.origin import OriginKind, OriginText
from sendrail.domain.origin_counts import hour_of
from sendrail.domain.report import (
    HOUR_DAYS_MAX,
    ReportFigures,
    ReportGroup,
    ReportPeriod,
    ReportPeriodName,
    ReportRow,
    period_of,
    total_of,
)
from sendrail.storage.campaigns.report_counts import CountRow
from sendrail.storage.interface import Store, Tx

K = TypeVar("K", bound=Hashable)

# A year of days.
RUNS_MAX: Final = 366
# Behind every id that a database gives.
_EVERY_RUN: Final = 1 << 62
_ONE_DAY: Final = timedelta(days=1)
_NO_TEXT: Final = OriginText()


class SourceKey(NamedTuple):
    """What a row is of: a run or a journey; without a kind, what the account sends itself."""

    kind: OriginKind | None
    id: int | None


class CreativeKey(NamedTuple):
    """What a row is of: the creative of a text, None where it was written without one."""

    id: int | None
    # None where it is gone.
    name: str | None = None


class OfferKey(NamedTuple):
    """What a row is of: an offer that links count for, by its public id; None where none is."""

    ref: str | None
    name: str | None = None


class PartKey(NamedTuple):
    """A variant of a run or a step of a journey, in a version of it."""

    version: int
    part: str


# A date, an hour since the epoch, what a list sends from, or what its class says.
RowKey: TypeAlias = date | int | str | SourceKey | CreativeKey | OfferKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodInput:
    """The period that a caller asks for."""

    name: ReportPeriodName = ReportPeriodName.CUSTOM
    first: date | None = None
    last: date | None = None
    # None is the account's own.
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceReport:
    """Rows by what the group says, and the sum of what was sent.

    A message whose links count for two offers is in the rows of both.
    """

    period: ReportPeriod
    group: ReportGroup
    rows: Mapping[RowKey, ReportRow]
    total: ReportRow


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiReport:
    """The figures of a period, and of the same number of days before it."""

    period: ReportPeriod
    now: ReportRow
    before: ReportRow


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginReport:
    """What a run or a journey has sent: in all, by part, by list and by hour since the epoch.

    What happened when is there by hour alone. `run` says what was planned and who was left out.
    """

    kind: OriginKind
    id: int
    run: Run | None
    total: ReportRow
    parts: Mapping[PartKey, ReportRow]
    lists: Mapping[str, ReportRow]
    hours: Mapping[int, ReportRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReport:
    """What the runs of a schedule have sent, the latest first, and their sum.

    `has_more` says that there are earlier runs, which are not in the sum.
    """

    runs: Sequence[tuple[Run, ReportRow]]
    total: ReportRow
    has_more: bool


class ReportService:
    """Reports; nothing is changed here."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def performance(
        self, account_id: AccountId, wanted: PeriodInput, group: ReportGroup
    ) -> PerformanceReport:
        """Return what was sent in a period. Raises `InvalidInput` for one that is none."""

        def read(tx: Tx) -> PerformanceReport:
            period = self._period(tx, account_id, wanted)
            counts, keys = _grouped(tx, account_id, period, group)
            rows: defaultdict[RowKey, ReportRow] = defaultdict(ReportRow)
            total = ReportRow()
            for each in counts:
                for row in (*(rows[key] for key in keys(each.key)), total):
                    row.add(each.what, each.n, each.segments, each.amount)
            return PerformanceReport(period=period, group=group, rows=dict(rows), total=total)

        return await self._store.read(read)

    async def kpis(self, account_id: AccountId, wanted: PeriodInput) -> KpiReport:
        """Return the figures of a period beside those of the one before it."""

        def read(tx: Tx) -> KpiReport:
            period = self._period(tx, account_id, wanted)
            days = period.last - period.first
            before = ReportPeriod(
                period.first - days - _ONE_DAY, period.first - _ONE_DAY, period.zone
            )
            now_row, before_row = (
                total_of(
                    _summed(
                        tx.report_counts.by_list(account_id, each.hours), lambda row: row.key
                    ).values()
                )
                for each in (period, before)
            )
            return KpiReport(period=period, now=now_row, before=before_row)

        return await self._store.read(read)

    async def happened_since(self, account_id: AccountId, since: int) -> ReportFigures:
        """Return what has happened since a time, in milliseconds, counted from its full hour."""

        def read(tx: Tx) -> ReportFigures:
            hours = hour_of(since), hour_of(self._now()) + 1
            counts = tx.report_counts.by_list(account_id, hours)
            return total_of(_summed(counts, lambda each: each.key).values()).happened

        return await self._store.read(read)

    async def of_run(self, account_id: AccountId, run_id: int) -> OriginReport:
        """Return what a run of a campaign has sent, and whom it left out. Raises `NotFound`."""

        def read(tx: Tx) -> OriginReport:
            run = tx.runs.find(account_id, run_id)
            if run is None:
                raise NotFound("There is no such run, or it is not yours.")
            return _of_origin(tx, account_id, OriginKind.RUN, run_id, run)

        return await self._store.read(read)

    async def of_schedule(self, account_id: AccountId, ref: str) -> ScheduleReport:
        """Return what the last runs of a schedule have sent. Raises `NotFound`."""

        def read(tx: Tx) -> ScheduleReport:
            schedule = tx.schedules.by_ref(account_id, ref)
            if schedule is None:
                raise NotFound("There is no such schedule, or it is not yours.")
            found = tx.runs.of_schedule(account_id, schedule.id, _EVERY_RUN, RUNS_MAX + 1)
            runs = found[:RUNS_MAX]
            counts = tx.report_counts.of_runs(account_id, [each.id for each in runs])
            rows = _summed(counts, lambda each: each.key)
            return ScheduleReport(
                runs=[(each, rows.get(each.id, ReportRow())) for each in runs],
                total=total_of(rows.values()),
                has_more=len(found) > RUNS_MAX,
            )

        return await self._store.read(read)

    async def of_journey(self, account_id: AccountId, journey_id: int) -> OriginReport:
        """Return what a journey has sent. Raises `NotFound`."""

        def read(tx: Tx) -> OriginReport:
            if tx.journeys.by_id(account_id, journey_id) is None:
                raise NotFound("There is no such journey, or it is not yours.")
            return _of_origin(tx, account_id, OriginKind.JOURNEY, journey_id)

        return await self._store.read(read)

    def _period(self, tx: Tx, account_id: AccountId, wanted: PeriodInput) -> ReportPeriod:
        zone = zone_of(wanted.zone or tx.accounts.timezone(account_id))
        return period_of(wanted.name, wanted.first, wanted.last, self._now(), zone)


def _of_origin(
    tx: Tx, account_id: AccountId, kind: OriginKind, of_id: int, run: Run | None = None
) -> OriginReport:
    counts = tx.report_counts
    senders = counts.senders(account_id)
    found = counts.parts_of(account_id, kind, of_id)
    known = counts.origins(account_id, sorted({each.key[0] for each in found}))
    names = {each: PartKey(of.origin.version, of.origin.part) for each, of in known.items()}
    by_part = _summed(found, lambda each: names[each.key[0]])
    parts = {key: by_part[key] for key in sorted(by_part)}
    return OriginReport(
        kind=kind,
        id=of_id,
        run=run,
        total=total_of(parts.values()),
        parts=parts,
        lists=_summed(found, lambda each: senders[each.key[1]]),
        hours=_summed(counts.hours_of(account_id, kind, of_id), lambda each: each.key),
    )


def _summed(counts: Iterable[CountRow], key: Callable[[CountRow], K]) -> dict[K, ReportRow]:
    """Return counts as rows, in the order in which their keys come."""
    rows: defaultdict[K, ReportRow] = defaultdict(ReportRow)
    for each in counts:
        rows[key(each)].add(each.what, each.n, each.segments, each.amount)
    return dict(rows)


def _grouped(
    tx: Tx, account_id: AccountId, period: ReportPeriod, group: ReportGroup
) -> tuple[Sequence[CountRow], Callable[[int], Sequence[RowKey]]]:
    """Return the counts of a period, and which rows each of them is in by its own key."""
    read = tx.report_counts
    if group is ReportGroup.DATE or group is ReportGroup.HOUR:
        if group is ReportGroup.HOUR and period.days > HOUR_DAYS_MAX:
            raise InvalidInput(
                f"A report by hour can span {HOUR_DAYS_MAX} days at most",
                code="invalid_parameter",
                param="from",
            )
        counts = read.by_hour(account_id, period.hours)
        if group is ReportGroup.HOUR:
            return counts, lambda hour: [hour]
        dates = {hour: period.date_of(hour) for hour in {each.key for each in counts}}
        return counts, lambda hour: [dates[hour]]
    if group is ReportGroup.LIST:
        senders = read.senders(account_id)
        return read.by_list(account_id, period.hours), lambda list_id: [senders[list_id]]
    counts = read.by_origin(account_id, period.hours)
    known = read.origins(account_id, sorted({each.key for each in counts if each.key}))
    if group is ReportGroup.ORIGIN:
        sources = {each: SourceKey(of.origin.kind, of.origin.of_id) for each, of in known.items()}
        return counts, lambda origin: [sources.get(origin, SourceKey(None, None))]
    texts = {each: of.text for each, of in known.items()}
    if group is ReportGroup.CREATIVE:
        creatives = _creatives(tx, account_id, texts.values())
        return counts, lambda origin: [creatives[texts.get(origin, _NO_TEXT).creative_id]]
    offers = _offers(tx, account_id, texts.values())
    # Without an offer it is in the row of those without.
    return counts, lambda origin: [
        offers[each] for each in texts.get(origin, _NO_TEXT).offers or (0,)
    ]


def _creatives(
    tx: Tx, account_id: AccountId, texts: Iterable[OriginText]
) -> Mapping[int | None, CreativeKey]:
    ids = {each.creative_id for each in texts if each.creative_id is not None}
    names = tx.creatives.names(account_id, ids)
    return {None: CreativeKey(None)} | {each: CreativeKey(each, names.get(each)) for each in ids}


def _offers(tx: Tx, account_id: AccountId, texts: Iterable[OriginText]) -> Mapping[int, OfferKey]:
    ids = {OfferId(each) for text in texts for each in text.offers}
    found = tx.offers.by_ids(account_id, ids)
    known = {each: OfferKey(offer.ref, offer.name) for each, offer in found.items()}
    return {0: OfferKey(None)} | dict.fromkeys(ids, OfferKey(None)) | known
