"""A message's life: its statuses and the one table of moves between them.

The words are the public API's, plus `sending` and `uncertain`, which exist only inside: `api/v2`
shows them as `queued` and `sent`.
"""

from enum import IntEnum, StrEnum
from typing import Final


class Status(StrEnum):
    """Where a message is on its way."""

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
    """Why a queued message was taken out before sending; the public `status_detail`."""

    STALE = "stale"
    BLOCKED_CONTENT = "blocked_content"
    CONTACT_BLOCKED = "contact_blocked"
    INACTIVE_LIST = "inactive_list"
    ACCOUNT_SUSPENDED = "account_suspended"
    WEBHOOK_NOT_CONFIGURED = "webhook_not_configured"
    ORPHAN = "orphan"


class Skip(IntEnum):
    """The checks a caller may skip, one bit each.

    A set of them is a plain integer, stored with the message so that the second asking honours
    it. (An `IntFlag` would do the same at ten times the cost of each `&`.) The last two are no
    caller's: the message that verifies a list's own carrier must pass before the list is verified,
    and a list's own answer to a keyword is marked as such. The mark skips nothing.
    """

    NONE = 0
    DUPLICATE = 1
    RATE_LIMIT = 2
    CONTACT_VALIDATION = 4
    JOURNEY = 8
    VERIFICATION = 16
    AUTOMATIC = 32


UNKNOWN_OUTCOME: Final = "unknown_outcome"

_RECEIPTED: Final = frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.FAILED})
FINAL: Final = frozenset({*_RECEIPTED, Status.DROPPED, Status.ORPHANED})

MOVES: Final[dict[Status, frozenset[Status]]] = {
    # An uncertain message that was to be sent again is uncertain again when that cannot be.
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
