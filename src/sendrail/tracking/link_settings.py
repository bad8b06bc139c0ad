"""Link settings of an account: show and change them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import InvalidInput
from sendrail.domain.filter_page import page_fault
from sendrail.domain.ids import AccountId
from sendrail.domain.link_settings import LinkSettings
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.hosts import TrackingHosts


class LinkSettingsService:
    """Operations on how an account's links treat visitors."""

    def __init__(self, store: Store, hosts: TrackingHosts, now: Callable[[], int]) -> None:
        self._store = store
        self._hosts = hosts
        self._now = now

    async def show(self, account_id: AccountId) -> LinkSettings:
        """Return an account's settings."""
        return await self._store.read(lambda tx: tx.link_settings.of(account_id))

    async def change(
        self, account_id: AccountId, actor: Actor, *, filter_bots: bool | None = None, **words: str
    ) -> LinkSettings:
        """Change what is given: `title`, `text`, `button` and `language` are the page's.

        An empty text is the usual one again. Raises `InvalidInput` with the field at fault.
        """
        given = {name: text.strip() for name, text in words.items()}
        usual = LinkSettings(account_id).words
        fault = page_fault(replace(usual, **{name: text for name, text in given.items() if text}))
        if fault is not None:
            raise InvalidInput(f"`page_{fault[0]}` {fault[1]}", param=f"page_{fault[0]}")
        values: dict[str, Any] = {f"page_{name}": text or None for name, text in given.items()}
        if filter_bots is not None:
            values["filter_bots"] = filter_bots

        def change(tx: Tx) -> LinkSettings:
            tx.link_settings.change(account_id, **values)
            details = {"fields": sorted(values)}
            action, about = Action.LINK_SETTINGS_CHANGED, "link settings"
            tx.audit.add(account_id, actor, action, about, details, self._now())
            return tx.link_settings.of(account_id)

        changed = await self._store.write(change)
        await self._hosts.refresh()
        return changed
