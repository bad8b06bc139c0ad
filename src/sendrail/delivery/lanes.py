"""Who owns the lanes: a lease row with an epoch that only grows.

The embedded process owns all lanes at once. It holds the data folder's lock, so that no former
owner can still be alive when it takes the lease, and the lease needs no end and no renewal. The
epoch still fences: whatever a former owner left open is recognised by its older epoch.
"""

from dataclasses import dataclass
from typing import Final

from sendrail.storage.interface import Tx

_ALL_LANES: Final = "lanes"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver; `epoch` is 1 for the first owner ever."""

    epoch: int

    @property
    def is_first(self) -> bool:
        """Tell whether nobody has delivered before."""
        return self.epoch == 1

    def holds(self, tx: Tx) -> bool:
        """Tell whether nobody has taken the lanes over."""
        return tx.leases.epoch(_ALL_LANES) == self.epoch


def take_all(tx: Tx, owner: str, now: int) -> Lease:
    """Take all lanes, from whoever had them."""
    return Lease(tx.leases.take(_ALL_LANES, owner, now))
