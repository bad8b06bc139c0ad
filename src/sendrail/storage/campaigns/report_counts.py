"""The counts that reports are made of, summed over their writers."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Text,
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
from sendrail.storage.tables import lists, origin_counts, origins, sender_shown

_of: Final = origin_counts.c
_SUMS: Final = (
    _of.what,
    # PostgreSQL sums whole numbers up to one without bounds.
    *(cast(func.sum(_of[name]), BigInteger).label(name) for name in ("n", "segments", "amount")),
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
        columns = _of.origin_id, _of.list_id
        # What is counted in the hour in which it happened, half of all, is the same again.
        at_send = func.substr(_of.what, 1, 1) != THEN
        rows = self._of(account_id, kind, [of_id], *columns, only=at_send)
        return [CountRow((row[0], row[1]), *row[2:]) for row in rows]

    def hours_of(self, account_id: AccountId, kind: OriginKind, of_id: int) -> list[CountRow]:
        """Return all counts of a run or a journey by the hour."""
        return [CountRow(*row) for row in self._of(account_id, kind, [of_id], _of.hour)]

    def of_runs(self, account_id: AccountId, run_ids: Sequence[int]) -> list[CountRow]:
        """Return all counts of these runs, by the run's id."""
        found = self._of(account_id, OriginKind.RUN, run_ids, origins.c.of_id)
        return [CountRow(*row) for row in found]

    def of_variants(
        self, account_id: AccountId, run_ids: Sequence[int]
    ) -> dict[tuple[int, int], Results]:
        """Return what variants have brought by now, by run and variant.

        What a control group got counts as well.
        """
        found: defaultdict[tuple[int, int], Results] = defaultdict(Results)
        columns = origins.c.of_id, origins.c.part
        for run_id, part, what, n, *_ in self._of(account_id, OriginKind.RUN, run_ids, *columns):
            if brought := _brought(what, n):
                found[run_id, variant_of(part)] += brought
        return dict(found)

    def _of(
        self,
        account_id: AccountId,
        kind: OriginKind,
        of_ids: Sequence[int],
        *by: ColumnElement[Any],
        only: ColumnElement[bool] | None = None,
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        found = (
            select(*by, *_SUMS)
            .join(origins, origins.c.id == _of.origin_id)
            .where(
                origins.c.account_id == account_id,
                origins.c.kind == kind.value,
                origins.c.of_id.in_(of_ids),
            )
            .group_by(*by, _of.what)
            .order_by(*by, _of.what)
        )
        return self._execute(found if only is None else found.where(only)).all()

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
        shown = literal_column(sender_shown(), Text)
        rows = self._execute(select(lists.c.id, shown).where(lists.c.account_id == account_id))
        return {row[0]: row[1] for row in rows}


def _brought(what: str, n: int) -> Results | None:
    """Return a count as results, None where it is none; conversions are counted by currency."""
    kind, _, _ = what.partition(APART)
    if kind == CountKind.SENT:
        return Results(sends=n)
    if kind == CountKind.CLICKED:
        return Results(clicks=n)
    return Results(conversions=n) if kind == CountKind.CONVERSIONS else None
