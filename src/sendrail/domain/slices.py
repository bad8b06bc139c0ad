"""A carrier's contract shared by several processes: slices of a connector's time, as arithmetic.

A process reserves a slice before it submits: a number of units, which may leave for
`USABLE_SECONDS` from the slice's start. Starts are so far apart that no sliding second can exceed
the contract, whenever within its slice each unit leaves. With N the most units in a second, k the
size of a slice and L the time in which it may be used, a slice takes (1 + L) k / (N - k + 1): the
units of all slices but the last that begin within 1 + L are then at most N - k, and the last one
has k.
"""

import math
from typing import Final, NamedTuple

# Long enough to claim, commit and submit; a longer time costs more of the contract.
USABLE_SECONDS: Final = 0.1
_SPREAD_SECONDS: Final = 1.0 + USABLE_SECONDS
_SLICES_PER_SECOND: Final = 20


class Charge(NamedTuple):
    """A slice's cost in microseconds of a connector's time: before its start, and from it on."""

    before_us: int = 0
    after_us: int = 0


def usual_units(per_second: float) -> int:
    """Return the usual size of a slice in units; a message of more segments needs a larger one."""
    return max(1, math.ceil(per_second) // _SLICES_PER_SECOND)


def charge(per_second: float, units: int) -> Charge:
    """Return the cost of a slice of `units`.

    A slice that is larger than usual also has a cost before its start, and one that is larger than
    a second's contract has so high a cost that it leaves alone.
    """
    usual = usual_units(per_second)
    each = _SPREAD_SECONDS / (math.ceil(per_second) - usual + 1)
    before = each * max(0, units - usual)
    return Charge(_us(before), _us(max(units / per_second, each * units)))


def _us(seconds: float) -> int:
    # Rounded up: rounding down could exceed the contract.
    return math.ceil(seconds * 1e6)
