"""What was done to people's data, as rows that are only ever added."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, text

from sendrail.domain.audit import Action, Actor, AuditEntry, BegunImport
from sendrail.domain.ids import AccountId
from sendrail.storage.tables import audit

_encode: Final = msgspec.json.Encoder().encode
_of: Final = audit.c


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

    def imports_without_end(self, since: int, until: int) -> Sequence[BegunImport]:
        """Return imports that began between two times and have no end, of all accounts.

        Of imports of one thing only the last counts: one that was begun again and ended is over.
        """
        begun = select(_of.id, _of.account_id, _of.at, _of.about, _of.details).where(
            # As the index has it, not bound: a plan must see that it is this one.
            text(f"action = '{Action.IMPORT_BEGUN}'"),
            _of.at >= since,
            _of.at <= until,
        )
        last = {
            (row.account_id, row.about, action): row
            for row in self._execute(begun.order_by(_of.id))
            if (action := msgspec.json.decode(row.details).get("action"))
        }
        return [
            BegunImport(account_id, Action(action), about, row.at)
            for (account_id, about, action), row in last.items()
            if not self._has_after(account_id, row.id, action, about)
        ]

    def _has_after(self, account_id: AccountId, after: int, action: str, about: str) -> bool:
        entry = select(_of.id).where(
            _of.account_id == account_id,
            _of.id > after,
            _of.action == action,
            _of.about == about,
        )
        return self._execute(entry.limit(1)).first() is not None
