"""Tracking domains as rows, and which lists name one."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, case, delete, func, or_, select, update

from sendrail.domain.ids import AccountId, DomainId, ListId
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.storage.dialect import insert_new, insert_or_replace
from sendrail.storage.tracking_tables import list_domains, tracking_domains

_of: Final = tracking_domains.c


class Domains:
    """The tracking domains of accounts."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._connection = connection

    def add(self, account_id: AccountId, **values: Any) -> DomainId | None:
        """Add a domain; return None where its host is one already, of whatever account."""
        row = insert_new(self._connection, tracking_domains)
        added = row.values(account_id=account_id, **values).returning(_of.id)
        domain_id = self._execute(added).scalar_one_or_none()
        return None if domain_id is None else DomainId(domain_id)

    def all(self, account_id: AccountId) -> list[TrackingDomain]:
        """Return an account's domains, the oldest first."""
        return self._read(select(tracking_domains).where(_of.account_id == account_id))

    def everywhere(self) -> list[TrackingDomain]:
        """Return the domains of all accounts, for a server that is asked by their hosts."""
        return self._read(select(tracking_domains))

    def by_id(self, account_id: AccountId, domain_id: int) -> TrackingDomain | None:
        one = select(tracking_domains).where(_of.account_id == account_id, _of.id == domain_id)
        return next(iter(self._read(one)), None)

    def by_host(self, account_id: AccountId, host: str) -> TrackingDomain | None:
        one = select(tracking_domains).where(_of.account_id == account_id, _of.host == host)
        return next(iter(self._read(one)), None)

    def change(self, account_id: AccountId, domain_id: DomainId, **values: Any) -> None:
        one = (_of.account_id == account_id, _of.id == domain_id)
        self._execute(update(tracking_domains).where(*one).values(**values))

    def make_default(self, account_id: AccountId, domain_id: DomainId) -> None:
        """Let an account's links stand on a domain where their list names none."""
        chosen = case((_of.id == domain_id, True), else_=False)
        every = update(tracking_domains).where(_of.account_id == account_id)
        self._execute(every.values(is_default=chosen))

    def remove(self, account_id: AccountId, domain_id: DomainId) -> None:
        one = (_of.account_id == account_id, _of.id == domain_id)
        self._execute(delete(tracking_domains).where(*one))

    def to_check(self, before: int, failing_before: int, limit: int) -> list[TrackingDomain]:
        """Return domains of all accounts that were not checked since a time, longest ago first.

        One that failed is due from `failing_before` on.
        """
        due = or_(
            _of.checked_at.is_(None),
            _of.checked_at < before,
            _of.problem.is_not(None) & (_of.checked_at < failing_before),
        )
        longest_ago = func.coalesce(_of.checked_at, 0), _of.id
        some = select(tracking_domains).where(due).order_by(*longest_ago).limit(limit)
        return [TrackingDomain(**row._asdict()) for row in self._execute(some)]

    def of_list(self, account_id: AccountId, list_id: ListId) -> TrackingDomain | None:
        """Return the domain that a list's links stand on: its own, else its account's default.

        One that never led here is passed over.
        """
        named = (
            select(list_domains.c.domain_id)
            .where(list_domains.c.account_id == account_id, list_domains.c.list_id == list_id)
            .scalar_subquery()
        )
        either = select(tracking_domains).where(
            _of.account_id == account_id,
            _of.verified_at.is_not(None),
            or_(_of.id == named, _of.is_default),
        )
        own_first = either.order_by(case((_of.id == named, 0), else_=1)).limit(1)
        row = self._execute(own_first).one_or_none()
        return None if row is None else TrackingDomain(**row._asdict())

    def lists(self, account_id: AccountId) -> dict[DomainId, list[ListId]]:
        """Return for each of an account's domains the lists that name it."""
        return self._lists(select(list_domains).where(list_domains.c.account_id == account_id))

    def lists_everywhere(self) -> dict[DomainId, list[ListId]]:
        """Return for each domain of all accounts the lists that name it."""
        return self._lists(select(list_domains))

    def use(self, account_id: AccountId, domain_id: DomainId, list_ids: Sequence[ListId]) -> None:
        """Let lists name a domain, in place of the one they named before."""
        for list_id in list_ids:
            row = {"list_id": list_id, "account_id": account_id, "domain_id": domain_id}
            self._execute(insert_or_replace(self._connection, list_domains).values(row))

    def use_default(self, account_id: AccountId, list_ids: Iterable[ListId]) -> None:
        """Let lists name no domain."""
        named = (
            list_domains.c.account_id == account_id,
            list_domains.c.list_id.in_(sorted(list_ids)),
        )
        self._execute(delete(list_domains).where(*named))

    def _lists(self, statement: Select[Any]) -> dict[DomainId, list[ListId]]:
        found: dict[DomainId, list[ListId]] = {}
        for row in self._execute(statement.order_by(list_domains.c.list_id)):
            found.setdefault(DomainId(row.domain_id), []).append(ListId(row.list_id))
        return found

    def _read(self, statement: Select[Any]) -> list[TrackingDomain]:
        rows = self._execute(statement.order_by(_of.id))
        return [TrackingDomain(**row._asdict()) for row in rows]
