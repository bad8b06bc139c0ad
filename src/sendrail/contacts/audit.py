"""The audit log, for the person responsible for an account's data."""

from collections.abc import Sequence

from sendrail.contacts.inputs import PAGE_SIZE, slice_of
from sendrail.domain.audit import Action, AuditEntry
from sendrail.domain.ids import AccountId
from sendrail.storage.interface import Store


class AuditService:
    """Queries of the audit log; its entries cannot be changed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self,
        account_id: AccountId,
        *,
        action: Action | None = None,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> Sequence[AuditEntry]:
        """Return one page of what was done, newest first."""
        offset, limit = slice_of(page, per_page)
        return await self._store.read(lambda tx: tx.audit.page(account_id, action, offset, limit))
