"""The status that a receipt's state stands for: a number of the specification, or a word.

The text of a receipt is not standardized (3.4: appendix B), nor are its words. A table has those of
the specification and others seen in practice; a connector's `receipt_states` adds more. Any other
word counts as a final failure, because SMSCs rarely send receipts for anything but a final state.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.carriers.details import Detail
from sendrail.domain.message import Status


class ReceiptMeaning(StrEnum):
    """What a word means for its message; the values of the `receipt_states` setting."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    PENDING = "pending"


class State(NamedTuple):
    """The status that a state gives, our detail for it, and the carrier's name of it.

    Of two states the one with the greater `weight` counts.
    """

    status: Status | None
    detail: Detail
    name: str
    weight: int


def decide(
    number: int | None,
    word: str | None,
    named: Mapping[str, ReceiptMeaning],
    *,
    is_cut: bool = False,
) -> State | None:
    """Return the state given by a receipt's number and word, or None where both are absent.

    A final state wins, and the number if both are final; a word in the connector's settings takes
    precedence over both. `is_cut` says that the word may be the beginning of a longer one.
    """
    by_number = None if number is None else _STATES.get(number)
    by_word = _of_word(word, named, is_cut=is_cut) if word else None
    if by_number is None or by_word is None:
        return by_number or by_word
    if by_word.weight == _UNHEARD and by_number.status in {Status.UNDELIVERED, Status.FAILED}:
        # They agree, and the word is more specific.
        return by_number._replace(name=by_word.name)
    return by_word if by_word.weight > by_number.weight else by_number


def _of_word(word: str, named: Mapping[str, ReceiptMeaning], *, is_cut: bool) -> State | None:
    key = word.upper()
    if key in named:
        return _NAMED[named[key]]._replace(name=word[:_WORD_MAX])
    if key.startswith("UNDELIV"):
        return _STATES[5]
    if key in _WORDS:
        return _STATES[_WORDS[key]]
    if is_cut:
        return None
    return State(Status.UNDELIVERED, Detail.UNKNOWN, word[:_WORD_MAX], _UNHEARD)


_WORD_MAX: Final = 32
_PENDING, _VAGUE, _UNHEARD, _PLAIN, _CHOSEN = range(5)

# 3.4: 5.2.28, and 5.0: 4.7.15 for 0 and 9. By the specification "accepted" means that a person at
# the SMSC has read the message "on behalf of the subscriber"; in practice it means that the message
# is on its way.
_STATES: Final = {
    0: State(None, Detail.ENROUTE, "SCHEDULED", _PENDING),
    1: State(None, Detail.ENROUTE, "ENROUTE", _PENDING),
    2: State(Status.DELIVERED, Detail.DELIVERED, "DELIVRD", _PLAIN),
    3: State(Status.UNDELIVERED, Detail.EXPIRED, "EXPIRED", _PLAIN),
    4: State(Status.FAILED, Detail.CANCELLED, "DELETED", _PLAIN),
    5: State(Status.UNDELIVERED, Detail.UNKNOWN, "UNDELIV", _PLAIN),
    6: State(None, Detail.ENROUTE, "ACCEPTD", _PENDING),
    7: State(Status.UNDELIVERED, Detail.UNKNOWN, "UNKNOWN", _VAGUE),
    8: State(Status.FAILED, Detail.UNKNOWN, "REJECTD", _PLAIN),
    9: State(Status.FAILED, Detail.UNKNOWN, "SKIPPED", _PLAIN),
}
_NAMED: Final = {
    ReceiptMeaning.DELIVERED: State(Status.DELIVERED, Detail.DELIVERED, "", _CHOSEN),
    ReceiptMeaning.UNDELIVERED: State(Status.UNDELIVERED, Detail.UNKNOWN, "", _CHOSEN),
    ReceiptMeaning.FAILED: State(Status.FAILED, Detail.UNKNOWN, "", _CHOSEN),
    ReceiptMeaning.PENDING: State(None, Detail.ENROUTE, "", _PENDING),
}
# 3.4: appendix B, whose words have seven letters; some SMSCs write them in full or cut them.
_WORDS: Final = {
    form: number
    for number, words in {
        0: ("SCHEDULED", "SCHEDULD"),
        1: (
            "ENROUTE", "EN_ROUTE", "EN-ROUTE", "BUFFERED", "BUFFRED", "QUEUED", "PENDING", "SENT",
            "SUBMITTED", "SUBMITD", "WAITING", "PROCESSING", "INPROGRESS", "IN_PROGRESS", "RETRY",
        ),
        2: ("DELIVRD", "DELIVERED", "DELIVERD", "DELIVRED", "DLVRD", "SUCCESS"),
        3: ("EXPIRED",),
        4: ("DELETED", "CANCELED", "CANCELLED"),
        5: ("FAILED",),
        6: ("ACCEPTD", "ACCEPTED"),
        7: ("UNKNOWN",),
        8: ("REJECTD", "REJECTED"),
        9: ("SKIPPED",),
    }.items()
    for word in words
    for form in (word, word[:7], word[:8])
}  # fmt: skip
