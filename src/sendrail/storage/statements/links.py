"""Carrier links as rows."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from sendrail.domain.ids import AccountId, LinkId
from sendrail.domain.sender import Link
from sendrail.storage.tables import links


class Links:
    """Configured connections to carriers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(  # noqa: PLR0917 - a row's columns
        self,
        account_id: AccountId | None,
        name: str,
        kind: str,
        settings: Mapping[str, Any],
        window: int,
        mps: float | None,
    ) -> LinkId:
        row = insert(links).values(
            account_id=account_id,
            name=name,
            kind=kind,
            settings=json.dumps(dict(settings)),
            window=window,
            mps=mps,
        )
        return LinkId(self._connection.execute(row.returning(links.c.id)).scalar_one())

    def all(self) -> list[Link]:
        rows = self._connection.execute(select(links).order_by(links.c.id))
        return [
            Link(
                id=LinkId(row.id),
                account_id=None if row.account_id is None else AccountId(row.account_id),
                name=row.name,
                kind=row.kind,
                settings=json.loads(row.settings),
                window=row.window,
                mps=row.mps,
            )
            for row in rows
        ]
