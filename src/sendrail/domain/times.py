"""Times as texts: read in ISO 8601, and shown in whole seconds, or in milliseconds for events.

Internally a time is in milliseconds since the epoch, UTC.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# A day, of a month or of a week, and perhaps a time of it. Python takes any character between the
# two: a count of milliseconds since 1970 would be a time of the year 1712.
_ISO: Final = re.compile(
    r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}(?:-?[1-7])?)"
    r"(?:[Tt ][0-9:.,]{2,30}(?:[Zz]|[+-][0-9:.]{2,15})?)?"
).fullmatch


def read_instant(text: str, zone: tzinfo | None = UTC) -> int | None:
    """Return the milliseconds of a time of ISO 8601, None where it is none.

    A time without a zone is one of `zone`; None is that such a time is refused. So is one that UTC
    has no year for: it could not be shown again.
    """
    if not _ISO(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            if zone is None:
                return None
            moment = moment.replace(tzinfo=zone)
        # Whole numbers all the way: a float would lose milliseconds.
        return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def shown(milliseconds: int) -> str:
    """Return a time as the public API writes it, `2025-03-15T14:30:00Z`: whole seconds."""
    return f"{_second(milliseconds)}Z"


def shown_finely(milliseconds: int) -> str:
    """Return a time as the public API's events write it, `2026-11-23T08:00:00.123Z`."""
    return f"{_second(milliseconds)}.{milliseconds % 1000:03d}Z"


def _second(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
