"""What a number alone can tell: its carrier, its kind of line, its time zone."""

from dataclasses import dataclass
from enum import StrEnum


class LineType(StrEnum):
    """A kind of line, in the public API's words."""

    CELL_PHONE = "CELL PHONE"
    VOIP = "VOIP"
    LANDLINE = "LANDLINE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFacts:
    """What was found out about a number; None where nothing sure could be.

    `timezone` is an IANA name, given only where the number leaves no other choice.
    """

    carrier: str | None = None
    line_type: LineType = LineType.UNKNOWN
    timezone: str | None = None
    is_valid: bool | None = None
