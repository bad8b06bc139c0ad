"""Connectors as rows: their sealed settings, and the states the delivering process reports."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.sender import (
    Connector,
    ConnectorReport,
    ConnectorState,
    ListStatus,
    ReportedPace,
)
from sendrail.storage.dialect import insert_or_replace
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tables import connector_states, connectors, found_paces, lists

_LIVE: Final = connectors.c.removed_at.is_(None)


class CallbackToken(NamedTuple):
    """A connector's callback token, sealed, and until when the one before it is honoured."""

    sealed: bytes | None
    old_until: int | None


class Connectors:
    """Configured connections to carriers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def add(  # noqa: PLR0917 - a row's columns
        self,
        account_id: AccountId | None,
        name: str,
        kind: str,
        settings: bytes,
        window: int,
        mps: float | None,
        segments_per_second: float | None = None,
    ) -> ConnectorId:
        row = insert(connectors).values(
            account_id=account_id,
            name=name,
            kind=kind,
            settings=settings,
            window=window,
            mps=mps,
            segments_per_second=segments_per_second,
            version=1,
        )
        return ConnectorId(self._execute(row.returning(connectors.c.id)).scalar_one())

    def all(self) -> list[Connector]:
        """Return every connector but the removed ones, of all accounts."""
        return self._read(_LIVE)

    def usable(self, account_id: AccountId | None) -> list[Connector]:
        """Return those that an account can use: its own and the installation's, which all share."""
        return self._read(
            _LIVE, or_(connectors.c.account_id.is_(None), connectors.c.account_id == account_id)
        )

    def find(self, account_id: AccountId | None, name: str) -> Connector | None:
        """Return the connector of exactly this owner."""
        owned = connectors.c.account_id.is_not_distinct_from(account_id)
        return next(iter(self._read(_LIVE, owned, connectors.c.name == name)), None)

    def by_id(self, connector_id: ConnectorId) -> Connector | None:
        """Return a connector, a removed one too: its callbacks may still wait in the inbox."""
        return next(iter(self._read(connectors.c.id == connector_id)), None)

    def by_token(self, digest: bytes, now: int) -> Connector | None:
        """Return the connector whose callback token has this digest, or had it until lately."""
        known = or_(
            connectors.c.token_digest == digest,
            (connectors.c.old_token_digest == digest) & (connectors.c.old_token_until > now),
        )
        return next(iter(self._read(_LIVE, known)), None)

    def change(self, connector_id: ConnectorId, *, reopen: bool, **values: Any) -> None:
        """Change columns of a connector; `reopen` has the delivering process open it anew."""
        version = connectors.c.version + 1 if reopen else connectors.c.version
        self._execute(
            update(connectors)
            .where(connectors.c.id == connector_id)
            .values(version=version, **values)
        )

    def remove(self, connector_id: ConnectorId, now: int) -> None:
        """Forget the secrets of a connector; the row stays, for the messages that name it."""
        gone = dict.fromkeys(("token", "token_digest", "old_token_digest", "old_token_until"))
        self.change(connector_id, reopen=True, removed_at=now, settings=b"", **gone)
        self._execute(
            delete(connector_states).where(connector_states.c.connector_id == connector_id)
        )

    def token(self, connector_id: ConnectorId) -> CallbackToken:
        row = self._execute(
            select(connectors.c.token, connectors.c.old_token_until).where(
                connectors.c.id == connector_id
            )
        ).one()
        return CallbackToken(row.token, row.old_token_until)

    def rotate(
        self, connector_id: ConnectorId, token: bytes, digest: bytes, old_until: int
    ) -> None:
        """Give a connector another callback token; the one it had is honoured until a time."""
        self.change(
            connector_id,
            reopen=True,
            token=token,
            token_digest=digest,
            old_token_digest=connectors.c.token_digest,
            old_token_until=old_until,
        )

    def lists_of(self, connector_id: ConnectorId) -> int:
        """Return how many lists go by a connector, as their first or their second one."""
        used = select(lists.c.id).where(
            or_(lists.c.connector_id == connector_id, lists.c.second_connector_id == connector_id),
            lists.c.status != ListStatus.DELETED,
        )
        return len(self._execute(used).all())

    def reports(self) -> dict[ConnectorId, ConnectorReport]:
        """Return the last report of the delivering process on each connector."""
        return {
            ConnectorId(row.connector_id): ConnectorReport(
                state=ConnectorState(row.state), detail=row.detail, since=row.since
            )
            for row in self._execute(select(connector_states))
        }

    def report(self, reports: Mapping[ConnectorId, ConnectorReport]) -> None:
        """Keep the delivering process's report on some connectors, in place of its last one."""
        insert_each(
            self._connection,
            insert_or_replace(self._connection, connector_states),
            # In one order: two that report at once must not wait for each other.
            [
                {
                    "connector_id": connector_id,
                    "state": each.state,
                    "detail": each.detail,
                    "since": each.since,
                }
                for connector_id, each in sorted(reports.items())
            ],
        )

    def paces(self, since: int) -> dict[ConnectorId, list[ReportedPace]]:
        """Return the paces of throttled connectors that were reported since a time."""
        found: dict[ConnectorId, list[ReportedPace]] = {}
        rows = select(found_paces).where(found_paces.c.at >= since).order_by(found_paces.c.process)
        for row in self._execute(rows):
            found.setdefault(ConnectorId(row.connector_id), []).append(
                ReportedPace(
                    process=row.process, per_second=row.per_second, limit=row.found_limit, at=row.at
                )
            )
        return found

    def report_paces(self, process: str, paces: Mapping[ConnectorId, ReportedPace]) -> None:
        """Keep what a process has found of throttled connectors, in place of all it said before."""
        self._execute(delete(found_paces).where(found_paces.c.process == process))
        if paces:
            self._execute(
                insert(found_paces),
                [
                    {
                        "connector_id": connector_id,
                        "process": process,
                        "per_second": each.per_second,
                        "found_limit": each.limit,
                        "at": each.at,
                    }
                    for connector_id, each in sorted(paces.items())
                ],
            )

    def forget_paces(self, before: int) -> None:
        """Forget what was found before a time, by processes that are gone."""
        self._execute(delete(found_paces).where(found_paces.c.at < before))

    def _read(self, *conditions: ColumnElement[bool]) -> list[Connector]:
        rows = self._execute(select(connectors).where(*conditions).order_by(connectors.c.id))
        return [_connector(row) for row in rows]


def _connector(row: Row[Any]) -> Connector:
    return Connector(
        id=ConnectorId(row.id),
        account_id=None if row.account_id is None else AccountId(row.account_id),
        name=row.name,
        kind=row.kind,
        settings=row.settings,
        window=row.window,
        mps=row.mps,
        segments_per_second=row.segments_per_second,
        version=row.version,
        paused_at=row.paused_at,
    )
