"""The verification of a list on an account's own carrier: three steps before it may send.

The public platform requires the same: working credentials, a message that is sent, and a reply that
arrives through the webhook. The last step proves that a STOP will arrive.
"""

from dataclasses import dataclass
from enum import StrEnum

from sendrail.domain.ids import MessageNumber
from sendrail.domain.phone import PhoneNumber


class Step(StrEnum):
    """The next step."""

    CREDENTIALS = "credentials"
    TEST_SEND = "test_send"
    REPLY = "reply"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The steps done: when the credentials were checked, and the test message."""

    checked_at: int
    checked: str
    sent_at: int | None = None
    recipient: PhoneNumber | None = None
    message_number: MessageNumber | None = None


def next_step(progress: Progress | None, verified_at: int | None) -> Step:
    """Return the next step of a list."""
    if verified_at is not None:
        return Step.DONE
    if progress is None:
        return Step.CREDENTIALS
    return Step.TEST_SEND if progress.sent_at is None else Step.REPLY
