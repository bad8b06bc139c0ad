"""From our statuses to the public ones: one table, and the reverse for filters."""

from typing import Final

from sendrail.domain.message import Status

PUBLIC: Final[dict[Status, str]] = {
    **{status: status.value for status in Status},
    Status.SENDING: "queued",
    Status.UNCERTAIN: "sent",
}
# What says more where the public status says less than is known.
DETAILS: Final[dict[Status, str]] = {
    Status.SENDING: "sending",
    Status.UNCERTAIN: "uncertain",
}
STATUSES: Final = {
    word: [status for status in Status if PUBLIC[status] == word] for word in PUBLIC.values()
}
