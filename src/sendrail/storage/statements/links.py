"""Carrier links as rows: what the operator set up, sealed, and what the delivering process says."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from sendrail.domain.ids import AccountId, LinkId
from sendrail.domain.sender import Link, LinkReport, LinkState, ListStatus
from sendrail.storage.rows import CallbackToken
from sendrail.storage.statements.dialect import insert_or_replace
from sendrail.storage.tables import link_states, links, lists

_LIVE: Final = links.c.removed_at.is_(None)


class Links:
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
    ) -> LinkId:
        row = insert(links).values(
            account_id=account_id,
            name=name,
            kind=kind,
            settings=settings,
            window=window,
            mps=mps,
            segments_per_second=segments_per_second,
            version=1,
        )
        return LinkId(self._execute(row.returning(links.c.id)).scalar_one())

    def all(self) -> list[Link]:
        """Return every link but the removed ones, of all accounts."""
        return self._read(_LIVE)

    def find(self, account_id: AccountId | None, name: str) -> Link | None:
        """Return the link of exactly this owner."""
        owned = links.c.account_id.is_not_distinct_from(account_id)
        return next(iter(self._read(_LIVE, owned, links.c.name == name)), None)

    def by_id(self, link_id: LinkId) -> Link | None:
        """Return a link, a removed one too: its callbacks may still wait in the inbox."""
        return next(iter(self._read(links.c.id == link_id)), None)

    def by_token(self, digest: bytes, now: int) -> Link | None:
        """Return the link whose callback token has this digest, or had it until lately."""
        known = or_(
            links.c.token_digest == digest,
            (links.c.old_token_digest == digest) & (links.c.old_token_until > now),
        )
        return next(iter(self._read(_LIVE, known)), None)

    def change(self, link_id: LinkId, *, reopen: bool, **values: Any) -> None:
        """Change columns of a link; `reopen` has the delivering process open it anew."""
        version = links.c.version + 1 if reopen else links.c.version
        self._execute(update(links).where(links.c.id == link_id).values(version=version, **values))

    def remove(self, link_id: LinkId, now: int) -> None:
        """Forget all that is secret of a link; the row stays, for the messages that name it."""
        gone = dict.fromkeys(("token", "token_digest", "old_token_digest", "old_token_until"))
        self.change(link_id, reopen=True, removed_at=now, settings=b"", **gone)
        self._execute(delete(link_states).where(link_states.c.link_id == link_id))

    def token(self, link_id: LinkId) -> CallbackToken:
        row = self._execute(
            select(links.c.token, links.c.old_token_until).where(links.c.id == link_id)
        ).one()
        return CallbackToken(row.token, row.old_token_until)

    def rotate(self, link_id: LinkId, token: bytes, digest: bytes, old_until: int) -> None:
        """Give a link another callback token; the one it had is honoured until a time."""
        self.change(
            link_id,
            reopen=True,
            token=token,
            token_digest=digest,
            old_token_digest=links.c.token_digest,
            old_token_until=old_until,
        )

    def lists_of(self, link_id: LinkId) -> int:
        """Return how many lists go by a link, as their first or their second one."""
        used = select(lists.c.id).where(
            or_(lists.c.link_id == link_id, lists.c.second_link_id == link_id),
            lists.c.status != ListStatus.DELETED,
        )
        return len(self._execute(used).all())

    def reports(self) -> dict[LinkId, LinkReport]:
        """Return the last word of the delivering process on each link."""
        return {
            LinkId(row.link_id): LinkReport(
                state=LinkState(row.state), detail=row.detail, since=row.since
            )
            for row in self._execute(select(link_states))
        }

    def report(self, reports: Mapping[LinkId, LinkReport]) -> None:
        """Keep the delivering process's word on some links, in place of its last one."""
        if not reports:
            return
        self._execute(
            insert_or_replace(self._connection, link_states),
            # In one order: two that report at once must not wait for each other.
            [
                {
                    "link_id": link_id,
                    "state": each.state,
                    "detail": each.detail,
                    "since": each.since,
                }
                for link_id, each in sorted(reports.items())
            ],
        )

    def _read(self, *conditions: ColumnElement[bool]) -> list[Link]:
        rows = self._execute(select(links).where(*conditions).order_by(links.c.id))
        return [_link(row) for row in rows]


def _link(row: Row[Any]) -> Link:
    return Link(
        id=LinkId(row.id),
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
