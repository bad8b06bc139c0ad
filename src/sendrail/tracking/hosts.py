"""The hosts of all tracking domains, in memory: asked with every request, so never in a database.

With them, how the links of their accounts treat visitors.

A process reads them again every two seconds while anything is written, and at once after a change
of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sendrail.domain.ids import AccountId, DomainId, ListId
from sendrail.domain.link_settings import LinkSettings
from sendrail.domain.tracking_domain import TrackingDomain, host_of
from sendrail.links.domains import TrackingDomains
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store, Tx

_LOOK_SECONDS: Final = 2.0
# Looks that may be spared one after the other, should the watch for changes be wrong.
_SPARED_MAX: Final = 4


class TrackingHosts:
    """The tracking domains by their hosts, for this process."""

    def __init__(self, store: Store, domains: TrackingDomains) -> None:
        """Let `domains` know the domains whenever they are read."""
        self._store = store
        self.domains = domains
        self._rounds = Rounds("tracking_hosts", retry_seconds=_LOOK_SECONDS)
        self._by_host: dict[str, TrackingDomain] = {}
        self._settings: dict[AccountId, LinkSettings] = {}
        # How many changes the store had seen when the domains were read.
        self._changes_seen = -1
        self._spared = 0

    @property
    def by_host(self) -> Mapping[str, TrackingDomain]:
        """Return the domains; the same mapping always, which changes in place."""
        return self._by_host

    def find(self, header: str) -> TrackingDomain | None:
        """Return the domain that a `Host` header names, None for one of no domain."""
        # Most installations have none, and most requests are the API's.
        return self._by_host.get(host_of(header)) if self._by_host else None

    def settings_of(self, account_id: AccountId) -> LinkSettings:
        """Return how an account's links treat visitors."""
        return self._settings.get(account_id) or LinkSettings(account_id)

    async def run(self) -> None:
        """Read them again and again until cancelled."""
        await self._rounds.run(self._round)

    async def refresh(self) -> None:
        """Read them anew."""
        self._changes_seen, self._spared = self._store.hints.changes, 0
        found, lists, self._settings = await self._store.read(_read)
        self.domains.remember(found, lists)
        known = {each.host: each for each in found}
        if known != self._by_host:
            # Nothing awaits in between: no request sees them half.
            self._by_host.clear()
            self._by_host.update(known)

    async def _round(self) -> float:
        if self._store.hints.is_unchanged(self._changes_seen) and self._spared < _SPARED_MAX:
            self._spared += 1
        else:
            await self.refresh()
        return _LOOK_SECONDS


_Found = tuple[
    list[TrackingDomain], Mapping[DomainId, Sequence[ListId]], dict[AccountId, LinkSettings]
]


def _read(tx: Tx) -> _Found:
    return tx.domains.everywhere(), tx.domains.lists_everywhere(), tx.link_settings.everywhere()
