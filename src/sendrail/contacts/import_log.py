"""What the audit log says of an import."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.imports import ImportReport, RowOutcome, Write
from sendrail.domain.audit import Action, Actor
from sendrail.domain.ids import AccountId
from sendrail.storage.interface import Store

T = TypeVar("T")


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
    ) -> AsyncIterator[Callable[[Write[T]], Write[T]]]:
        """Note what was brought in, also where that broke off half way.

        The rows are stored by what the yielded function makes of the way to store them. Before the
        first of them it notes that the import has begun. Each that has begun has an end, and only
        a process that is killed notes none.
        """

        async def note(what: Action, details: dict[str, Any]) -> None:
            await self._store.write(
                lambda tx: tx.audit.add(account_id, actor, what, about, details, self._now())
            )

        has_begun = False

        def noted(write: Write[T]) -> Write[T]:
            async def noted_write(values: Sequence[T]) -> Sequence[RowOutcome | RowError]:
                nonlocal has_begun
                if not has_begun and not report.dry_run:
                    await note(Action.IMPORT_BEGUN, {"action": action.value})
                    has_begun = True
                return await write(values)

            return noted_write

        complete = False
        try:
            yield noted
            complete = True
        finally:
            if has_begun or (report.rows and not report.dry_run):
                details: dict[str, Any] = {"complete": complete, "rows": report.rows}
                details |= {outcome.value: count for outcome, count in report.counts.items()}
                details["refused"] = report.refused
                await note(action, details)
