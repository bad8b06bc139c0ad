"""What the audit log says of an import."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sendrail.contacts.imports import ImportReport
from sendrail.domain.audit import Action, Actor
from sendrail.domain.ids import AccountId
from sendrail.storage.interface import Store


class ImportLog:
    """Notes imports in the audit log."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    @asynccontextmanager
    async def noting(
        self,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        about: str,
        report: ImportReport,
    ) -> AsyncIterator[None]:
        """Note what was brought in, also where that broke off half way."""
        complete = False
        try:
            yield
            complete = True
        finally:
            if report.rows and not report.dry_run:
                details: dict[str, Any] = {"complete": complete, "rows": report.rows}
                details |= {outcome.value: count for outcome, count in report.counts.items()}
                details["refused"] = report.refused
                await self._store.write(
                    lambda tx: tx.audit.add(account_id, actor, action, about, details, self._now())
                )
