"""The statuses of a message, and the table of transitions between them.

The statuses are the public API's, plus `sending` and `uncertain`, which are internal: `api/v2`
shows them as `queued` and `sent`.
"""

from enum import IntEnum, StrEnum
from typing import Final


class Status(StrEnum):
    """The status of a message."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    DROPPED = "dropped"
    ORPHANED = "orphaned"


class DropReason(StrEnum):
    """Why a queued message was dropped before sending; the public `status_detail`."""

    STALE = "stale"
    BLOCKED_CONTENT = "blocked_content"
    CONTACT_BLOCKED = "contact_blocked"
    INACTIVE_LIST = "inactive_list"
    ACCOUNT_SUSPENDED = "account_suspended"
    WEBHOOK_NOT_CONFIGURED = "webhook_not_configured"
    ORPHAN = "orphan"
    # By its caller, while it waited for its time.
    CANCELLED = "cancelled"
    # The run of a campaign that queued it was stopped, or ran out of time.
    CAMPAIGN_STOPPED = "campaign_stopped"
    # No hour of the day is open in all places where its recipient may be.
    QUIET_HOURS = "quiet_hours"


class Skip(IntEnum):
    """The checks a caller may skip, one bit each.

    A set of them is a plain integer, stored with the message for the checks before the submit.
    (With an `IntFlag` each `&` costs ten times as much.) Callers cannot set three of them: the
    message that verifies a list must pass before the list is verified, and two mark automatic
    replies to keywords, and what campaigns and journeys send. A mark skips nothing.
    """

    NONE = 0
    DUPLICATE = 1
    RATE_LIMIT = 2
    CONTACT_VALIDATION = 4
    JOURNEY = 8
    VERIFICATION = 16
    AUTOMATIC = 32
    CAMPAIGN = 64
    QUIET_HOURS = 128


UNKNOWN_OUTCOME: Final = "unknown_outcome"

_RECEIPTED: Final = frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.FAILED})
FINAL: Final = frozenset({*_RECEIPTED, Status.DROPPED, Status.ORPHANED})

MOVES: Final[dict[Status, frozenset[Status]]] = {
    # An uncertain message that was queued again becomes uncertain when it cannot be resent.
    Status.QUEUED: frozenset({Status.SENDING, Status.UNCERTAIN, Status.DROPPED, Status.ORPHANED}),
    # A receipt can overtake the submit's answer, so SENDING may end without passing SENT.
    Status.SENDING: frozenset({Status.QUEUED, Status.SENT, Status.UNCERTAIN, *_RECEIPTED}),
    Status.SENT: _RECEIPTED,
    # A late answer or receipt settles an uncertain message; `resend_once` queues it again.
    Status.UNCERTAIN: frozenset({Status.QUEUED, Status.SENT, *_RECEIPTED}),
    **{status: frozenset() for status in FINAL},
}


def may_move(current: Status, target: Status) -> bool:
    """Return whether `target` may follow `current`; a late or repeated receipt may not."""
    return target in MOVES[current]
