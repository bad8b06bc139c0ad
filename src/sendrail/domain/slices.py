"""A carrier's contract shared by several processes: slices of a connector's time, as arithmetic.

Whoever hands over reserves a slice first: so many units, which may leave from its start on for
`USABLE_SECONDS`. Starts are so far apart that no sliding second can hold more than the contract,
whenever within its slice each unit leaves. With N the most units in a second, k the size of a slice
and L the time in which it may be used, a slice takes (1 + L) k / (N - k + 1): the units of all
slices but the last that begin within 1 + L are then at most N - k, and the last one has k.
"""

import math
from typing import Final, NamedTuple

# Long enough to claim, to commit and to hand over; a longer one costs more of the contract.
USABLE_SECONDS: Final = 0.1
_SPREAD_SECONDS: Final = 1.0 + USABLE_SECONDS
_SLICES_PER_SECOND: Final = 20


class Charge(NamedTuple):
    """A slice's cost in microseconds of a connector's time: before its start, and from it on."""

    before_us: int = 0
    after_us: int = 0


def usual_units(per_second: float) -> int:
    """Return how many units a slice has unless one message alone needs more."""
    return max(1, math.ceil(per_second) // _SLICES_PER_SECOND)


def charge(per_second: float, units: int) -> Charge:
    """Return what a slice of so many units costs.

    One that is larger than usual waits before its start as well, and one that is larger than a
    whole second's worth so long that it leaves alone.
    """
    usual = usual_units(per_second)
    each = _SPREAD_SECONDS / (math.ceil(per_second) - usual + 1)
    before = each * max(0, units - usual)
    return Charge(_us(before), _us(max(units / per_second, each * units)))


def _us(seconds: float) -> int:
    # Up, never down: the law has no room for a rounding.
    return math.ceil(seconds * 1e6)
