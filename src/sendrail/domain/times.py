"""Formats of times: whole seconds for the API and the command line, milliseconds for events.

Internally a time is in milliseconds since the epoch, UTC.
"""

from datetime import UTC, datetime
from typing import Final

DAY_MS: Final = 86_400_000


def shown(milliseconds: int) -> str:
    """Return a time as the public API writes it, `2025-03-15T14:30:00Z`: whole seconds."""
    return f"{_second(milliseconds)}Z"


def shown_finely(milliseconds: int) -> str:
    """Return a time as the public API's events write it, `2026-11-23T08:00:00.123Z`."""
    return f"{_second(milliseconds)}.{milliseconds % 1000:03d}Z"


def _second(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
