"""The facts about a number: its carrier, its line type, its time zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class LineType(StrEnum):
    """A line type, in the public API's words."""

    CELL_PHONE = "CELL PHONE"
    VOIP = "VOIP"
    LANDLINE = "LANDLINE"
    UNKNOWN = "UNKNOWN"


class ValidationStatus(StrEnum):
    """Whether a number can be texted, in the public API's words."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    RISKY = "risky"
    UNKNOWN = "unknown"


_BY_LINE: Final = {
    LineType.CELL_PHONE: ValidationStatus.OK,
    LineType.LANDLINE: ValidationStatus.UNREACHABLE,
    LineType.VOIP: ValidationStatus.RISKY,
}


def validation_status(*, is_valid: bool | None, line_type: str | None) -> ValidationStatus:
    """Return whether a number can be texted; unknown until it has been looked up."""
    if is_valid is None:
        return ValidationStatus.UNKNOWN
    if not is_valid:
        return ValidationStatus.INVALID
    return _BY_LINE.get(LineType(line_type or LineType.UNKNOWN), ValidationStatus.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFacts:
    """The result of a look-up; None where nothing certain is known.

    `timezone` is an IANA name, given only where the number allows no other.
    """

    carrier: str | None = None
    line_type: LineType = LineType.UNKNOWN
    timezone: str | None = None
    is_valid: bool | None = None


class NumberPlace(NamedTuple):
    """Where the numbers of a prefix may be: every country, region and time zone they allow.

    Countries are by ISO 3166-1, regions by the second part of ISO 3166-2 (`FL`); regions are None
    where it may be any. Zones are IANA names; none is known of a number that no country has.
    """

    countries: Sequence[str]
    regions: Sequence[str] | None
    zones: Sequence[str]
