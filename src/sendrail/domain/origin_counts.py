"""What is counted of messages as it happens, by what they come from, list and hour.

Each is counted twice where the two differ: in the hour in which its message was sent, so that a
rate compares like with like, and in the hour in which it happened, for a line over time.
"""

from enum import StrEnum
from typing import Final, NamedTuple

HOUR_MS: Final = 3_600_000
# For how long after a message an opt-out is counted for what it came from.
BLAMED_MS: Final = 72 * HOUR_MS
# Stands before what is counted in the hour in which it happened.
THEN: Final = "@"
# Stands before the reason of a drop, and before the currency of what was earned.
APART: Final = ":"


class CountKind(StrEnum):
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


class CountKey(NamedTuple):
    """What a count is of: the lane is the list's, `hour` is since the epoch."""

    lane: int
    origin_id: int
    list_id: int
    hour: int
    what: str


class CountTally:
    """Counts of one batch: for each key how many, of how many segments, and what they brought."""

    def __init__(self) -> None:
        self.values: dict[CountKey, list[int]] = {}

    def add(self, key: CountKey, n: int = 1, segments: int = 0, amount: int = 0) -> None:
        values = self.values.get(key)
        if values is None:
            self.values[key] = [n, segments, amount]
        else:
            values[0] += n
            values[1] += segments
            values[2] += amount

    def add_both(  # noqa: PLR0917 - of what, when, how often
        self,
        of_list: tuple[int, int, int],
        what: str,
        sent_at: int,
        at: int,
        n: int = 1,
        amount: int = 0,
    ) -> None:
        """Add to the hour in which the message was sent, and to the one in which it happened.

        `of_list` is a lane, an origin and a list.
        """
        self.add(CountKey(*of_list, hour_of(sent_at), what), n, 0, amount)
        self.add(CountKey(*of_list, hour_of(at), THEN + what), n, 0, amount)
