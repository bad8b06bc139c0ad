"""What is counted of messages as it happens, by what they come from, list and hour.

Each is counted twice where the two differ: in the hour in which its message was sent, so that a
rate compares like with like, and in the hour in which it happened, for a line over time.
"""

from enum import StrEnum
from typing import Final

HOUR_MS: Final = 3_600_000
# For how long after a message an opt-out is counted for what it came from.
BLAMED_MS: Final = 72 * HOUR_MS
# Stands before what is counted in the hour in which it happened.
THEN: Final = "@"
# Stands before the reason of a drop, and before the currency of what was earned.
APART: Final = ":"


class Counted(StrEnum):
    """What is counted of messages."""

    # Of those with an origin, when they were accepted.
    ACCEPTED = "accepted"
    # Taken by a carrier, as far as is known.
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    # By reason, when it was dropped.
    DROPPED = "dropped"
    # Messages of which a person has followed a link.
    CLICKED = "clicked"
    # All requests for links, and those of machines.
    CLICKS = "clicks"
    BOT_CLICKS = "bot_clicks"
    # By currency, with what they brought.
    CONVERSIONS = "conversions"
    OPT_OUTS = "opt_outs"


def hour_of(at: int) -> int:
    """Return the hour since the epoch of a time in milliseconds."""
    return at // HOUR_MS
