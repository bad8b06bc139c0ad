"""The outcome of a message from the results of its parts: pure policy, without I/O.

The parts of a long text are separate submits, each with its own answer; the handset joins them. So
a message is accepted when all its parts are. Once some are, the rest must be submitted under the
same reference: a new start would leave the handset with parts that it cannot join.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.carriers.smpp.status import StatusAction, code_of, meaning_of, outcome_of
from sendrail.domain.delivery import Outcome, Rejected, Submitted, Unavailable, Uncertain

# How often a part is submitted again after others were accepted; the waits are 1, 2, 4, 8 s.
TRIES_MAX: Final = 5


class PartAccepted(NamedTuple):
    """The SMSC accepted the part and gave it an id."""

    ref: str


class Refused(NamedTuple):
    """The SMSC answered with an error status."""

    status: int


class PartUnanswered(NamedTuple):
    """The bytes left, and no answer arrived."""

    detail: str


class PartUnsent(NamedTuple):
    """The bytes never left."""

    detail: str
    retry_after_ms: int


class PartsToResubmit(NamedTuple):
    """The indexes of parts to submit again, after a wait in seconds."""

    indexes: tuple[int, ...]
    after: float


Fate = PartAccepted | Refused | PartUnanswered | PartUnsent


def conclude(
    fates: Sequence[Fate],
    tries: int,
    exceptions: Mapping[int, StatusAction],
    *,
    one_receipt: bool = False,
) -> Outcome | PartsToResubmit:
    """Return the message's outcome, or the parts to submit again, once every part has a result.

    `tries` counts the rounds from 1. With `one_receipt` the SMSC sends a receipt for the message
    and none for its parts.
    """
    refs, refused, unanswered, unsent = _sorted(fates)
    if unanswered:
        index, detail = unanswered[0]
        return Uncertain(_of(index, fates, detail))
    if len(refs) == len(fates):
        # Some SMSCs give all parts one id, and one receipt under it.
        first, *further = dict.fromkeys(refs)
        return Submitted(first, tuple(further), one_receipt and len(refs) > 1)
    if not refs:
        return _nothing_taken(refused, unsent, exceptions)
    if unsent:
        index, detail, _ = unsent[0]
        return Uncertain(_of(index, fates, f"not sent after others were: {detail}"))
    for index, status in refused:
        meaning = meaning_of(status, exceptions)
        if meaning.then in {StatusAction.REFUSE, StatusAction.STOP} or tries >= TRIES_MAX:
            which = _of(index, fates, f"refused: {code_of(status)}")
            return Rejected(f"{meaning.detail} ({which})", meaning.trouble)
    return PartsToResubmit(tuple(index for index, _ in refused), float(2 ** (tries - 1)))


_Sorted = tuple[list[str], list[tuple[int, int]], list[tuple[int, str]], list[tuple[int, str, int]]]


def _sorted(fates: Sequence[Fate]) -> _Sorted:
    refs, refused, unanswered, unsent = [], [], [], []
    for index, fate in enumerate(fates):
        match fate:
            case PartAccepted(ref):
                refs.append(ref)
            case Refused(status):
                refused.append((index, status))
            case PartUnanswered(detail):
                unanswered.append((index, detail))
            case PartUnsent(detail, retry_after_ms):
                unsent.append((index, detail, retry_after_ms))
    return refs, refused, unanswered, unsent


def _nothing_taken(
    refused: Sequence[tuple[int, int]],
    unsent: Sequence[tuple[int, str, int]],
    exceptions: Mapping[int, StatusAction],
) -> Outcome:
    """Return one outcome for the message, of which the handset has no part."""
    if not refused:
        _, detail, retry_after_ms = unsent[0]
        return Unavailable(detail, retry_after_ms)
    outcomes = [outcome_of(status, exceptions) for _, status in refused]
    # A permanent refusal of one part rejects the message, whatever the other results are.
    return next((each for each in outcomes if isinstance(each, Rejected)), outcomes[0])


def _of(index: int, fates: Sequence[Fate], detail: str) -> str:
    return detail if len(fates) == 1 else f"part {index + 1} of {len(fates)} {detail}"
