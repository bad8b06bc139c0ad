"""How a number of bytes is written for people."""

from typing import Final

_STEP: Final = 1_024
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
# From so many on the digit behind the point says nothing.
_WHOLE: Final = 10


def size_shown(size: int) -> str:
    """Return a size in the largest unit of which there is at least one: `69 GiB`, `1.5 KiB`.

    It is cut off, not rounded: free space is never more than it says.
    """
    unit = 0
    while unit < len(_UNITS) - 1 and size >= _STEP ** (unit + 1):
        unit += 1
    whole, rest = divmod(size, _STEP**unit)
    tenths = 10 * rest // _STEP**unit if whole < _WHOLE else 0
    return f"{whole:,}{f'.{tenths}' if tenths else ''} {_UNITS[unit]}"
