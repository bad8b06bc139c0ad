"""Money as integers: ten-thousandths of a currency's unit, so that sums are exact.

A decimal in JSON or in a query is read by its shortest decimal form, never summed as a float.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

UNIT: Final = 10_000
# A billion units: far above any payout, and far below what a sum of many would need to overflow.
AMOUNT_MAX: Final = 1_000_000_000 * UNIT
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?").fullmatch


def of_number(value: float) -> int | None:
    """Return a JSON number in ten-thousandths, rounded half to even; None where it is no amount.

    Negative numbers, those above `AMOUNT_MAX`, infinities and NaN are no amounts.
    """
    # A comparison with NaN is false.
    if not 0 <= value <= AMOUNT_MAX // UNIT:
        return None
    return _rounded(Decimal(repr(value)))


def of_text(text: str) -> int | None:
    """Return an amount as a query writes it, such as `24.99`; None where it is none."""
    plain = text.strip()
    if not _DECIMAL(plain):
        return None
    amount = _rounded(Decimal(plain))
    return amount if amount <= AMOUNT_MAX else None


def shown(amount: int) -> float:
    """Return an amount as the public API writes it, as a JSON number."""
    return amount / UNIT


def written(amount: int) -> str:
    """Return an amount as a person writes it, with all that is kept of it: `12.50`, `0.0001`."""
    units, rest = divmod(amount, UNIT)
    cents, more = f"{rest:04d}"[:2], f"{rest:04d}"[2:].rstrip("0")
    return f"{units}.{cents}{more}"


def _rounded(value: Decimal) -> int:
    return int((value * UNIT).quantize(Decimal(1), ROUND_HALF_EVEN))
