"""Clicks as an operator sees them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.domain.ids import AccountId
from sendrail.storage.tracking_tables import agents, clicks

_of: Final = clicks.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClick:
    """A click as it is kept; one without a position is on the standalone link `number`."""

    id: int
    number: int
    position: int | None
    at: int
    click_class: ClickClass
    reason: ClickReason
    agent: bytes | None
    network: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickFilter:
    """Which clicks a list of clicks is about; None means any."""

    click_class: ClickClass | None = None
    number: int | None = None


class ClickLog:
    """Clicks as they were kept."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = (_of.id.desc(),)

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def page(
        self, account_id: AccountId, about: ClickFilter, offset: int, limit: int
    ) -> list[StoredClick]:
        """Return one page of an account's clicks, newest first."""
        some = _of_account(account_id)
        if about.click_class is not None:
            some = some.where(_of.click_class == about.click_class.value)
        if about.number is not None:
            some = some.where(_of.number == about.number, _of.position.is_not(None))
        page = some.order_by(*self.newest_first).offset(offset).limit(limit)
        return [_stored(row) for row in self._execute(page)]

    def find(self, account_id: AccountId, click_id: int) -> StoredClick | None:
        """Return one of the account's clicks."""
        found = self._execute(_of_account(account_id).where(self.is_click(click_id)))
        row = found.one_or_none()
        return None if row is None else _stored(row)

    def is_click(self, click_id: int) -> ColumnElement[bool]:
        """Return the condition for one click."""
        return _of.id == click_id


def _of_account(account_id: AccountId) -> Select[Any]:
    return (
        select(clicks, agents.c.text.label("agent"))
        .outerjoin(agents, agents.c.id == _of.agent_id)
        .where(_of.account_id == account_id)
    )


def _stored(row: Row[Any]) -> StoredClick:
    return StoredClick(
        id=row.id,
        number=row.number,
        position=row.position,
        at=row.at,
        click_class=ClickClass(row.click_class),
        reason=ClickReason(row.reason),
        agent=None if row.agent is None else bytes(row.agent),
        network=None if row.network is None else bytes(row.network),
    )
