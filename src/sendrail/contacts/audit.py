"""The audit log, for the person responsible for an account's data."""

from collections.abc import Sequence

from sendrail.contacts.inputs import PAGE_SIZE, slice_of
from sendrail.domain.audit import Action, AuditEntry
from sendrail.domain.errors import InvalidInput
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
        action: str | None = None,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> Sequence[AuditEntry]:
        """Return one page of what was done, newest first."""
        offset, limit = slice_of(page, per_page)
        wanted = None if action is None else _action_of(action)
        return await self._store.read(lambda tx: tx.audit.page(account_id, wanted, offset, limit))


def _action_of(text: str) -> Action:
    try:
        return Action(text)
    except ValueError:
        known = ", ".join(Action)
        raise InvalidInput(f"An action is one of {known}.", param="action") from None
