"""Where links lead: destinations with their offers, read again after two seconds.

So a correction is seen soon, and a campaign's one destination is not read with every click.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.offer import Offer
from sendrail.storage.interface import Tx

K = TypeVar("K")
V = TypeVar("V")

_GOOD_FOR_MS: Final = 2_000
_KEPT: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDestination:
    """Where links lead: a URL, perhaps with macros, and the offer that it is one of."""

    url: str
    offer: Offer | None


class RecentRows(Generic[K, V]):
    """Values that are good for two seconds."""

    def __init__(self) -> None:
        self._values: dict[K, tuple[int, V]] = {}

    def get(self, keys: Iterable[K], now: int) -> dict[K, V]:
        """Return the values of those keys that have good ones."""
        found = {}
        for key in keys:
            known = self._values.get(key)
            # A clock that was set back makes nothing last longer.
            if known is not None and 0 <= now - known[0] < _GOOD_FOR_MS:
                found[key] = known[1]
        return found

    def put(self, found: Mapping[K, V], now: int) -> None:
        """Keep values that were just read."""
        if len(self._values) + len(found) > _KEPT:
            self._values.clear()
        for key, value in found.items():
            self._values[key] = now, value


class DestinationReader:
    """Reads destinations, and knows those that were read just now."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        # None where a destination is gone.
        self._shared: RecentRows[tuple[AccountId, int], LinkDestination | None] = RecentRows()
        self._offers: RecentRows[tuple[AccountId, OfferId], Offer | None] = RecentRows()

    def shared(
        self, tx: Tx, keys: Iterable[tuple[AccountId, int]]
    ) -> Mapping[tuple[AccountId, int], LinkDestination | None]:
        """Return the destinations that messages share, by account and id, None for one gone."""
        wanted, now = set(keys), self._now()
        known = self._shared.get(wanted, now)
        if missing := wanted - known.keys():
            found = self._read(tx, missing, now)
            self._shared.put(found, now)
            known |= found
        return known

    def own(self, url: str) -> LinkDestination:
        """Return the destination of a message's own."""
        return LinkDestination(url=url, offer=None)

    def _read(
        self, tx: Tx, keys: Iterable[tuple[AccountId, int]], now: int
    ) -> dict[tuple[AccountId, int], LinkDestination | None]:
        rows = tx.clicks.destinations(sorted(keys))
        offers = self._read_offers(
            tx,
            {(key[0], row.offer_id) for key, row in rows.items() if row.offer_id is not None},
            now,
        )
        found: dict[tuple[AccountId, int], LinkDestination | None] = dict.fromkeys(keys)
        for key, row in rows.items():
            offer = None if row.offer_id is None else offers[key[0], row.offer_id]
            found[key] = LinkDestination(url=row.url, offer=offer)
        return found

    def _read_offers(
        self, tx: Tx, keys: set[tuple[AccountId, OfferId]], now: int
    ) -> dict[tuple[AccountId, OfferId], Offer | None]:
        known = self._offers.get(keys, now)
        wanted: defaultdict[AccountId, list[OfferId]] = defaultdict(list)
        for account_id, offer_id in keys - known.keys():
            wanted[account_id].append(offer_id)
        missing: dict[tuple[AccountId, OfferId], Offer | None] = {}
        for account_id, ids in wanted.items():
            found = tx.offers.by_ids(account_id, ids)
            missing |= {(account_id, each): found.get(each) for each in ids}
        self._offers.put(missing, now)
        return known | missing
