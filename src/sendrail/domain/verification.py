"""Verifying a list on an account's own carrier: three steps, in this order, before it may send.

The public platform asks the same: credentials that work, a message that goes out, and a reply that
comes back through the webhook. The last one proves that a STOP will be heard.
"""

from dataclasses import dataclass
from enum import StrEnum

from sendrail.domain.ids import MessageNumber
from sendrail.domain.phone import PhoneNumber


class Step(StrEnum):
    """What is to be done next."""

    CREDENTIALS = "credentials"
    TEST_SEND = "test_send"
    REPLY = "reply"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What has been done: when the credentials were found good, and the test message."""

    checked_at: int
    checked: str
    sent_at: int | None = None
    recipient: PhoneNumber | None = None
    message_number: MessageNumber | None = None


def next_step(progress: Progress | None, verified_at: int | None) -> Step:
    """Return the step that a list is at."""
    if verified_at is not None:
        return Step.DONE
    if progress is None:
        return Step.CREDENTIALS
    return Step.TEST_SEND if progress.sent_at is None else Step.REPLY
