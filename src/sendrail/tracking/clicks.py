"""An account's clicks, as an operator looks at them."""

from collections.abc import Sequence

from sendrail.domain.click_classes import ClickClass
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.storage.interface import Store
from sendrail.storage.tracking.click_log import ClickFilter, StoredClick


class ClickService:
    """Queries of clicks; nothing is changed here."""

    def __init__(self, store: Store, ids: MessageIds) -> None:
        self._store = store
        self._ids = ids

    async def page(
        self,
        account_id: AccountId,
        *,
        click_class: ClickClass | None = None,
        message_id: str = "",
        page: int,
        per_page: int,
    ) -> Sequence[StoredClick]:
        """Return one page of clicks, newest first; the first page is 1."""
        number = self._ids.read(message_id) if message_id else None
        if message_id and number is None:
            raise InvalidInput("That is no message's id.", param="message_id")
        about = ClickFilter(click_class=click_class, number=number)
        offset = (page - 1) * per_page
        return await self._store.read(
            lambda tx: tx.click_log.page(account_id, about, offset, per_page)
        )

    async def find(self, account_id: AccountId, click_id: int) -> StoredClick:
        """Return one click. Raises `NotFound`, the same for another account's."""
        found = await self._store.read(lambda tx: tx.click_log.find(account_id, click_id))
        if found is None:
            raise NotFound("There is no such click.")
        return found
