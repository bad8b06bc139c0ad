"""The counts that reports are made of, summed over their writers."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from sendrail.domain.campaign_run import variant_of
from sendrail.domain.ids import AccountId
from sendrail.domain.origin import Origin, OriginKind, OriginText
from sendrail.domain.origin_counts import APART, THEN, CountKind
from sendrail.domain.thompson import Results
from sendrail.storage.dialect import batches
from sendrail.storage.message_tables import origin_counts, origins
from sendrail.storage.tables import lists, sender_shown

_of: Final = origin_counts.c
_SUMS: Final = (
    _of.what,
    # PostgreSQL sums whole numbers up to one without bounds.
    *(cast(func.sum(_of[name]), BigInteger).label(name) for name in ("n", "segments", "amount")),
)


def _counts_of(*by: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*by, *_SUMS)
        .join(origins, origins.c.id == _of.origin_id)
        .where(
            origins.c.account_id == _ACCOUNT,
            origins.c.kind == bindparam("kind", type_=Text),
            origins.c.of_id.in_(bindparam("of_ids", type_=BigInteger, expanding=True)),
        )
        .group_by(*by, _of.what)
        .order_by(*by, _of.what)
    )


_ACCOUNT: Final = bindparam("account_id", type_=BigInteger)
# Built once: that takes longer than to run them. What is counted in the hour in which it happened,
# half of all, is the same again by part.
_PARTS: Final = _counts_of(_of.origin_id, _of.list_id).where(func.substr(_of.what, 1, 1) != THEN)
_HOURS: Final = _counts_of(_of.hour)
_RUNS: Final = _counts_of(origins.c.of_id)
_VARIANTS: Final = _counts_of(origins.c.of_id, origins.c.part)
_SENDERS: Final = select(lists.c.id, literal_column(sender_shown(), Text)).where(
    lists.c.account_id == _ACCOUNT
)


class CountRow(NamedTuple):
    """A sum of counts; `key` is what it was grouped by."""

    key: Any
    what: str
    n: int
    segments: int
    amount: int


class KnownOrigin(NamedTuple):
    """What an origin's id stands for: itself, and what its text was made of."""

    origin: Origin
    text: OriginText


class ReportCounts:
    """Counts as reports read them."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def by_hour(self, account_id: AccountId, hours: tuple[int, int]) -> list[CountRow]:
        """Return an account's counts of some hours, the last one excluded, by the hour."""
        return self._grouped(account_id, hours, _of.hour)

    def by_list(self, account_id: AccountId, hours: tuple[int, int]) -> list[CountRow]:
        """Return the same by the list's id."""
        return self._grouped(account_id, hours, _of.list_id)

    def by_origin(self, account_id: AccountId, hours: tuple[int, int]) -> list[CountRow]:
        """Return the same by the origin's id, which is 0 for what the account sends itself."""
        return self._grouped(account_id, hours, _of.origin_id)

    def _grouped(
        self, account_id: AccountId, hours: tuple[int, int], key: ColumnElement[int]
    ) -> list[CountRow]:
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        rows = self._execute(
            select(key, *_SUMS)
            .where(_of.list_id.in_(own), _of.hour >= hours[0], _of.hour < hours[1])
            .group_by(key, _of.what)
            .order_by(key, _of.what)
        )
        return [CountRow(*row) for row in rows]

    def parts_of(self, account_id: AccountId, kind: OriginKind, of_id: int) -> list[CountRow]:
        """Return what became of what a run or a journey has sent, by the ids of origin and list."""
        rows = self._of(_PARTS, account_id, kind, [of_id])
        return [CountRow((row[0], row[1]), *row[2:]) for row in rows]

    def hours_of(self, account_id: AccountId, kind: OriginKind, of_id: int) -> list[CountRow]:
        """Return all counts of a run or a journey by the hour."""
        return [CountRow(*row) for row in self._of(_HOURS, account_id, kind, [of_id])]

    def of_runs(self, account_id: AccountId, run_ids: Sequence[int]) -> list[CountRow]:
        """Return all counts of these runs, by the run's id."""
        found = self._of(_RUNS, account_id, OriginKind.RUN, run_ids)
        return [CountRow(*row) for row in found]

    def of_variants(
        self, account_id: AccountId, run_ids: Sequence[int]
    ) -> dict[tuple[int, int], Results]:
        """Return what variants have brought by now, by run and variant.

        What a control group got counts as well.
        """
        found: defaultdict[tuple[int, int], Results] = defaultdict(Results)
        rows = self._of(_VARIANTS, account_id, OriginKind.RUN, run_ids)
        for run_id, part, what, n, *_ in rows:
            if brought := _brought(what, n):
                found[run_id, variant_of(part)] += brought
        return dict(found)

    def _of(
        self,
        statement: Select[Any],
        account_id: AccountId,
        kind: OriginKind,
        of_ids: Sequence[int],
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        values = {"account_id": account_id, "kind": kind.value, "of_ids": list(of_ids)}
        return self._execute(statement, values).all()

    def origins(self, account_id: AccountId, ids: Sequence[int]) -> dict[int, KnownOrigin]:
        """Return what the ids of an account's origins stand for."""
        found = {}
        for some in batches(ids):
            own = origins.c.account_id == account_id, origins.c.id.in_(some)
            for row in self._execute(select(origins).where(*own)):
                offers = tuple(int(each) for each in row.offers.split())
                found[row.id] = KnownOrigin(
                    Origin(OriginKind(row.kind), row.of_id, row.version, row.part),
                    OriginText(row.creative_id, offers),
                )
        return found

    def senders(self, account_id: AccountId) -> dict[int, str]:
        """Return what each of an account's lists sends from, by the list's id."""
        rows = self._execute(_SENDERS, {"account_id": account_id})
        return {row[0]: row[1] for row in rows}


def _brought(what: str, n: int) -> Results | None:
    """Return a count as results, None where it is none; conversions are counted by currency."""
    kind, _, _ = what.partition(APART)
    if kind == CountKind.SENT:
        return Results(sends=n)
    if kind == CountKind.CLICKED:
        return Results(clicks=n)
    return Results(conversions=n) if kind == CountKind.CONVERSIONS else None
