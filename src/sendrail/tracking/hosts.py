"""The hosts of all tracking domains, in memory: asked with every request, so never in a database.

With them, how the links of their accounts treat visitors.

A process reads them again after anything was written, every two seconds at the most, and at once
after a change of its own.
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


class TrackingHosts:
    """The tracking domains by their hosts, for this process."""

    def __init__(self, store: Store, domains: TrackingDomains) -> None:
        """Let `domains` know the domains whenever they are read."""
        self._store = store
        self.domains = domains
        self._rounds = Rounds(
            "tracking_hosts",
            hint=store.hints.change_event(),
            calm_seconds=_LOOK_SECONDS,
            retry_seconds=_LOOK_SECONDS,
        )
        self._by_host: dict[str, TrackingDomain] = {}
        self._settings: dict[AccountId, LinkSettings] = {}

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
        found, lists, self._settings = await self._store.read(_read)
        self.domains.remember(found, lists)
        known = {each.host: each for each in found}
        if known != self._by_host:
            # Nothing awaits in between: no request sees them half.
            self._by_host.clear()
            self._by_host.update(known)

    async def _round(self) -> float:
        await self.refresh()
        return max(_LOOK_SECONDS, self._store.hints.look_seconds)


_Found = tuple[
    list[TrackingDomain], Mapping[DomainId, Sequence[ListId]], dict[AccountId, LinkSettings]
]


def _read(tx: Tx) -> _Found:
    return tx.domains.everywhere(), tx.domains.lists_everywhere(), tx.link_settings.everywhere()
