"""Audiences as rows."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from sendrail.domain.audience import Audience, AudienceStatus
from sendrail.domain.audience_filter_json import read_filter, shown_filter
from sendrail.domain.ids import AccountId, AudienceId, is_object_id
from sendrail.domain.sender import ListStatus
from sendrail.storage.contact_tables import audiences
from sendrail.storage.tables import lists

_of: Final = audiences.c
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_list_ids: Final = msgspec.json.Decoder(tuple[int, ...]).decode


class Audiences:
    """The audiences of accounts."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(self, account_id: AccountId, **values: Any) -> AudienceId:
        row = insert(audiences).values(account_id=account_id, **_columns(values))
        return AudienceId(self._execute(row.returning(_of.id)).scalar_one())

    def count(self, account_id: AccountId) -> int:
        """Return how many audiences an account has, the archived ones included."""
        all_ = select(func.count()).select_from(audiences).where(_of.account_id == account_id)
        return int(self._execute(all_).scalar_one())

    def page(
        self, account_id: AccountId, status: AudienceStatus, offset: int, limit: int
    ) -> tuple[list[Audience], int]:
        """Return one page of an account's audiences, newest first, and how many there are."""
        wanted = (_of.account_id == account_id, _of.status == status.value)
        page = select(audiences).where(*wanted).order_by(_of.id.desc()).offset(offset).limit(limit)
        counted = select(func.count()).select_from(audiences).where(*wanted)
        found = [_audience(row) for row in self._execute(page)]
        return found, int(self._execute(counted).scalar_one())

    def by_ref(self, account_id: AccountId, ref: str) -> Audience | None:
        """Return the account's audience of a public id."""
        if not is_object_id(ref):
            return None
        one = select(audiences).where(_of.account_id == account_id, _of.ref == ref)
        row = self._execute(one).one_or_none()
        return None if row is None else _audience(row)

    def change(self, account_id: AccountId, audience_id: AudienceId, **values: Any) -> None:
        changed = update(audiences).where(_of.account_id == account_id, _of.id == audience_id)
        self._execute(changed.values(**_columns(values)))

    def is_unchanged(self, audience: Audience) -> bool:
        """Return whether an audience is still as it was read."""
        same = select(_of.id).where(*_is(audience))
        return self._execute(same).one_or_none() is not None

    def note_size(self, counted: Audience, size: int, now: int) -> bool:
        """Keep the size of an audience, unless it was changed since it was read for the count."""
        noted = update(audiences).where(*_is(counted))
        values = {"cached_size": size, "cached_size_updated_at": now}
        return self._execute(noted.values(**values)).rowcount > 0

    def lists_of(self, account_id: AccountId) -> Sequence[int]:
        """Return the ids of the account's lists that are not deleted, oldest first."""
        own = select(lists.c.id).where(
            lists.c.account_id == account_id, lists.c.status != ListStatus.DELETED
        )
        return [int(each) for each in self._execute(own.order_by(lists.c.id)).scalars()]


def _is(audience: Audience) -> Sequence[ColumnElement[bool]]:
    return (
        _of.account_id == audience.account_id,
        _of.id == audience.id,
        _of.updated_at == audience.updated_at,
    )


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    if "filter" in values:
        values["filter"] = _encode(shown_filter(values["filter"])).decode()
    if "source_lists" in values:
        values["source_lists"] = _encode(values["source_lists"]).decode()
    return values


def _audience(row: Row[Any]) -> Audience:
    values = row._asdict()
    values |= {
        "source_lists": _list_ids(row.source_lists),
        "filter": read_filter(_decode(values["filter"])),
        "status": AudienceStatus(row.status),
    }
    return Audience(**values)
