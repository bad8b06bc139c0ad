"""Where a North American number may be: its area code, the states, and every time zone of those.

`area_codes.csv` is made by hand, from the numbering plan's assignments and the counties in which
an area code's zones differ; a test holds it against the data of Google's libphonenumber. An area
code is one zone or several, and a contact who moves takes the number along: a caller who must know
what time it is for a contact checks all zones, and a no from one of them is a no.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

# Of numbers that belong to no place, such as toll-free ones: the contiguous United States.
EVERYWHERE: Final = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles",
)  # fmt: skip
_FILE: Final = "area_codes.csv"
_NUMBER_DIGITS: Final = 11


class Area(NamedTuple):
    """What an area code covers; `regions` are states or provinces by their two letters."""

    country: str
    regions: Sequence[str]
    zones: Sequence[str]


@cache
def areas() -> Mapping[str, Area]:
    """Return every area code in service that belongs to a place."""
    text = resources.files(__package__).joinpath(_FILE).read_text("ascii")
    return {
        row["area_code"]: Area(row["country"], row["regions"].split(), row["zones"].split())
        for row in csv.DictReader(text.splitlines())
    }


def area_of(number: int) -> Area | None:
    """Return the area of a North American number; None for any other, or one without a place."""
    return areas().get(str(number)[1:4]) if _is_north_american(number) else None


def zones_of(number: int) -> Sequence[str]:
    """Return every zone a North American number may be in; none for a number from elsewhere."""
    if not _is_north_american(number):
        return ()
    area = area_of(number)
    return EVERYWHERE if area is None else area.zones


def _is_north_american(number: int) -> bool:
    digits = str(number)
    return len(digits) == _NUMBER_DIGITS and digits.startswith("1")
