"""What becomes of a message from what becomes of its parts: pure policy, no part is sent here.

The parts of a long text are submits of their own, each with its own answer; a handset joins them.
So a message is taken when all its parts are, and once some are, the rest must follow under the
same reference: beginning anew would leave the handset with pieces that never fit.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.carriers.smpp.status import StatusAction, code_of, meaning_of, outcome_of
from sendrail.domain.delivery import Outcome, Rejected, Submitted, Unavailable, Uncertain

# A part is offered so often again after others were taken, waiting longer each time: 1, 2, 4, 8 s.
TRIES_MAX: Final = 5


class PartAccepted(NamedTuple):
    """The SMSC took the part and named it."""

    ref: str


class Refused(NamedTuple):
    """The SMSC answered with a status that is no success."""

    status: int


class PartUnanswered(NamedTuple):
    """The bytes left, and nothing came back."""

    detail: str


class PartUnsent(NamedTuple):
    """The bytes never left."""

    detail: str
    retry_after_ms: int


class PartsToResubmit(NamedTuple):
    """These parts, by index, are to be submitted again, after so many seconds."""

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
    """Decide what follows when every part has met its fate, for the given time (the first is 1).

    `one_receipt` says that the SMSC gives a receipt for the message and none for its parts.
    """
    refs, refused, unanswered, unsent = _sorted(fates)
    if unanswered:
        index, detail = unanswered[0]
        return Uncertain(_of(index, fates, detail))
    if len(refs) == len(fates):
        # Some SMSCs give all parts one name, and one receipt under it.
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
    """Treat the message as one: no handset has any of it."""
    if not refused:
        _, detail, retry_after_ms = unsent[0]
        return Unavailable(detail, retry_after_ms)
    outcomes = [outcome_of(status, exceptions) for _, status in refused]
    # What is refused for good stays refused, whatever the other parts met.
    return next((each for each in outcomes if isinstance(each, Rejected)), outcomes[0])


def _of(index: int, fates: Sequence[Fate], detail: str) -> str:
    return detail if len(fates) == 1 else f"part {index + 1} of {len(fates)} {detail}"
