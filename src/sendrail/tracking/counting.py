"""What clicks and conversions add to the counts of what their messages come from."""

from collections.abc import Iterable
from typing import Protocol

from sendrail.domain.cohort import CohortEvent, CohortKind
from sendrail.domain.conversion import Conversion, SentMessage
from sendrail.domain.ids import Lane, ListId
from sendrail.domain.origin_counts import APART, CountKind, CountTally


class _Countable(Protocol):
    """A message, as what happens to it is counted."""

    @property
    def lane(self) -> Lane: ...
    @property
    def list_id(self) -> ListId: ...
    @property
    def origin_id(self) -> int | None: ...
    @property
    def sending_at(self) -> int | None: ...
    @property
    def created_at(self) -> int: ...


class _OfContact(Protocol):
    """A message, as it is counted for who got it."""

    @property
    def list_id(self) -> ListId: ...
    @property
    def recipient(self) -> int: ...


class MessageCounts:
    """Counts of what happens to messages once they were sent."""

    def __init__(self) -> None:
        self.tally = CountTally()

    def add(self, message: _Countable, what: str, at: int, n: int = 1, amount: int = 0) -> None:
        """Count what happened to a message at a time, `n` times; less than 0 takes it back."""
        sent_at = message.created_at if message.sending_at is None else message.sending_at
        of_list = (message.lane, message.origin_id or 0, message.list_id)
        self.tally.add_both(of_list, what, sent_at, at, n, amount)


def conversion_counts(earned: Iterable[tuple[SentMessage, Conversion]]) -> CountTally:
    """Return the counts of conversions that messages have earned, and of what was taken back."""
    counts = MessageCounts()
    for message, conversion in earned:
        what = f"{CountKind.CONVERSIONS}{APART}{conversion.currency}"
        n = 0 if conversion.event.takes_back else 1
        counts.add(message, what, conversion.at, n, conversion.amount)
    return counts.tally


def click_event(message: _OfContact, at: int, n: int = 1) -> CohortEvent:
    """Return the first click of a person on a message, as it counts for the contact's cohort."""
    return CohortEvent(message.list_id, message.recipient, CohortKind.CLICKS.value, at, n)


def earned_events(earned: Iterable[tuple[SentMessage, Conversion]]) -> list[CohortEvent]:
    """Return what messages have earned, as it counts for the cohorts of their contacts."""
    return [
        CohortEvent(
            message.list_id,
            message.recipient,
            f"{CohortKind.CONVERSIONS}{APART}{conversion.currency}",
            conversion.at,
            0 if conversion.event.takes_back else 1,
            conversion.amount,
        )
        for message, conversion in earned
        if message.recipient is not None
    ]
