"""What was done to people's data, as rows that are only ever added."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select

from sendrail.domain.audit import Action, Actor, AuditEntry
from sendrail.domain.ids import AccountId
from sendrail.storage.tables import audit

_encode: Final = msgspec.json.Encoder().encode


class Audit:
    """The log of what was done to people's data."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(  # noqa: PLR0917 - a row's columns
        self,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        about: str,
        details: Mapping[str, Any],
        now: int,
    ) -> None:
        row = {
            "account_id": account_id,
            "at": now,
            "actor": actor.name,
            "action": action.value,
            "about": about,
            "details": _encode(details).decode(),
            "request_id": actor.request_id,
        }
        self._execute(insert(audit).values(row))

    def page(
        self, account_id: AccountId, action: Action | None, offset: int, limit: int
    ) -> Sequence[AuditEntry]:
        """Return one page of an account's entries, newest first."""
        some = select(audit).where(audit.c.account_id == account_id)
        if action is not None:
            some = some.where(audit.c.action == action.value)
        page = some.order_by(audit.c.id.desc()).offset(offset).limit(limit)
        return [
            AuditEntry(
                id=row.id,
                at=row.at,
                actor=row.actor,
                action=row.action,
                about=row.about,
                request_id=row.request_id,
                details=msgspec.json.decode(row.details),
            )
            for row in self._execute(page)
        ]
