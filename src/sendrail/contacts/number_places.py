"""Where numbers may be, by their prefix: the countries, regions and time zones to be careful of.

North American numbers by their area code (`area_codes.py`), all others by their calling code, after
Google's libphonenumber.
"""

from functools import cache
from typing import Final

from sendrail.contacts.area_codes import EVERYWHERE, areas
from sendrail.domain.numbering import NumberPlace

_AREA_PREFIXES: Final = range(1_000, 2_000)
# Territories that are countries by ISO 3166-1, and for which the rules of the United States count.
_OF_UNITED_STATES: Final = frozenset({"AS", "GU", "MP", "PR", "VI"})
# A number without a place, such as a toll-free one.
_ANYWHERE: Final = NumberPlace(("US",), None, EVERYWHERE)
# What the data call numbers of no country, and no zone.
_NO_REGION: Final = "001"
_NO_ZONE: Final = "Etc/Unknown"


@cache
def place_of(prefix: int) -> NumberPlace:
    """Return where the numbers of a prefix may be, as `phone.prefix_of` returns it."""
    if prefix in _AREA_PREFIXES:
        area = areas().get(str(prefix)[1:])
        if area is None:
            return _ANYWHERE
        also = ("US",) if area.country in _OF_UNITED_STATES else ()
        return NumberPlace((area.country, *also), tuple(area.regions), tuple(area.zones))
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.tzdata import TIMEZONE_DATA

    countries = COUNTRY_CODE_TO_REGION_CODE.get(prefix, ())
    zones = TIMEZONE_DATA.get(str(prefix), ())
    return NumberPlace(
        tuple(each for each in countries if each != _NO_REGION),
        None,
        tuple(each for each in zones if each != _NO_ZONE),
    )
