"""What the published numbering plans say of a number's form, by calling code and by country.

The data are those of Google's libphonenumber, compiled once for each calling code that a file
names. A plan knows a number where its digits have a form that the plan gives out: how many there
are, and how they begin. Whether the range is in service is not asked: new ranges come every month,
and a contact with such a number would be refused until the data are brought up to date.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sendrail.domain.errors import InvalidInput
from sendrail.domain.phone import calling_code_length

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata

# A North American number has ten digits; the data also know some of seven, for a call next door.
_NORTH_AMERICAN: Final = {"1": "[2-9][0-9]{9}"}
# The longest prefix of any country for calls abroad.
_DIAL_OUT_LENGTH_MAX: Final = 7
# Of codes that belong to no country, such as +800.
_NO_REGION: Final = "001"
# Codes that are often taken for those of ISO 3166.
_MISTAKEN: Final = {"UK": "GB", "EL": "GR"}
# Where the zero at the beginning belongs to the number, shorter ones than a mobile's may have lost
# it in a spreadsheet.
_LOST_ZERO_LENGTH_MAX: Final = 9


def is_known(digits: str) -> bool:
    """Return whether a numbering plan has numbers of this form; `digits` follow the plus."""
    length = calling_code_length(digits)
    fits = _plan(digits[:length])
    return fits is not None and fits(digits[length:]) is not None


def is_in_service(digits: str) -> bool:
    """Return whether the number lies in a range that the data know to be in service."""
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


def is_landline(digits: str) -> bool:
    """Return whether the number lies in a range of landlines alone."""
    import phonenumbers

    kind = phonenumbers.number_type(phonenumbers.parse(f"+{digits}"))
    return kind == phonenumbers.PhoneNumberType.FIXED_LINE


class Country(NamedTuple):
    """How numbers are written and dialled in one country, `code` by ISO 3166."""

    code: str
    calling_code: str
    dial_out: re.Pattern[str]
    trunk: re.Pattern[str] | None
    trunk_becomes: str | None

    def readings(self, digits: str) -> set[str]:
        """Return every number, its calling code first, that these digits are when dialled here."""
        return {number for number in self._dialled(digits) if is_known(number)}

    def doubts(self, digits: str) -> set[str]:
        """Return every other number that the writer may have meant by them."""
        return {number for number in self._meant(digits) if is_known(number)}

    def _dialled(self, digits: str) -> Iterator[str]:
        yield self.calling_code + digits
        if (without := self._without_trunk(digits)) is not None:
            yield self.calling_code + without
        if digits.startswith(self.calling_code):
            # A spreadsheet took the plus away.
            yield digits
        if self.dial_out.match(digits):
            for length in range(1, _DIAL_OUT_LENGTH_MAX + 1):
                if self.dial_out.fullmatch(digits[:length]):
                    yield digits[length:]

    def _meant(self, digits: str) -> Iterator[str]:
        if digits.startswith("00"):
            # Many write the two zeros for the plus, whatever is dialled in their country.
            yield digits[2:]
        elif digits[:1] != "0":
            # A spreadsheet may have taken a zero away: that of a trunk prefix such as 06, or one
            # that belongs to the number.
            if (without := self._without_trunk(f"0{digits}")) is not None:
                yield self.calling_code + without
            if len(digits) <= _LOST_ZERO_LENGTH_MAX:
                yield f"{self.calling_code}0{digits}"

    def _without_trunk(self, digits: str) -> str | None:
        begun = self.trunk.match(digits) if self.trunk is not None else None
        if begun is None or not begun[0]:
            return None
        rest = digits[begun.end() :]
        if self.trunk_becomes is None or not begun.re.groups or begun[begun.re.groups] is None:
            return rest
        return begun.expand(self.trunk_becomes) + rest


@cache
def country_of(code: str) -> Country | None:
    """Return the country of a two-letter code; None for no code at all."""
    import phonenumbers

    if not code:
        return None
    wanted = code.strip().upper()
    if wanted not in phonenumbers.SUPPORTED_REGIONS:
        meant = _MISTAKEN.get(wanted)
        hint = f" Did you mean {meant}?" if meant else ""
        raise InvalidInput(
            f"A country is named by its two letters of ISO 3166, such as NO or US.{hint}",
            code="invalid_country",
            param="country",
        )
    found = phonenumbers.PhoneMetadata.metadata_for_region(wanted, None)
    assert found is not None, "it is among the supported ones"
    calling_code = str(found.country_code)
    trunk = found.national_prefix_for_parsing
    return Country(
        code=wanted,
        calling_code=calling_code,
        dial_out=re.compile(found.international_prefix or "(?!)"),
        trunk=re.compile(trunk) if trunk else None,
        trunk_becomes=found.national_prefix_transform_rule,
    )


@cache
def _plan(calling_code: str) -> Callable[[str], object] | None:
    """Return what matches the digits after a calling code; None for a code that is not assigned."""
    import phonenumbers

    if (pattern := _NORTH_AMERICAN.get(calling_code)) is None:
        if not calling_code.isdecimal():
            return None
        code = int(calling_code)
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
        pattern = "|".join(filter(None, (_form(code, region) for region in regions)))
    return re.compile(pattern).fullmatch if pattern else None


def _form(calling_code: int, region: str) -> str | None:
    import phonenumbers

    found: PhoneMetadata | None
    if region == _NO_REGION:
        found = phonenumbers.PhoneMetadata.metadata_for_nongeo_region(calling_code, None)
    else:
        found = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    if found is None or found.general_desc is None:
        return None
    return found.general_desc.national_number_pattern
