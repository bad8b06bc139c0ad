"""A carrier's answer, made fit to be kept: a plug-in may report anything."""

from math import isfinite
from typing import Any, Final

from sendrail.domain import storable
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    Outcome,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)

# The longest pause that a carrier may ask for, and the one it gets for asking nonsense.
_PAUSE_MAX_MS: Final = 3_600_000
_PAUSE_MS: Final = 1_000
_SENSELESS: Final = Uncertain("the carrier's answer makes no sense")
_TROUBLES: Final = frozenset(RecipientTrouble)


def storable_outcome(outcome: Outcome) -> Outcome:
    """Return an outcome whose ids, words and times every database can keep.

    What is no outcome at all says nothing: the message may have left.
    """
    if (
        type(outcome) is Submitted
        and not outcome.further_refs
        and type(outcome.carrier_ref) is str
        and storable.is_plain_ref(outcome.carrier_ref)
    ):
        return outcome
    try:
        return _repaired(outcome)
    except Exception:  # noqa: BLE001 - the values may be of any kind, and do anything
        return _SENSELESS


def _repaired(outcome: Any) -> Outcome:  # noqa: PLR0911 - a return for each outcome
    match outcome:
        case Submitted(carrier_ref, further_refs):
            further = tuple(ref for each in further_refs or () if (ref := _ref(each)))
            return Submitted(_ref(carrier_ref), further, one_receipt=bool(outcome.one_receipt))
        case Throttled(retry_after_ms, may_be_own):
            return Throttled(_pause(retry_after_ms), may_be_own=bool(may_be_own))
        case Unavailable(detail, retry_after_ms):
            return Unavailable(_detail(detail), _pause(retry_after_ms))
        case Failed(detail):
            return Failed(_detail(detail))
        case Rejected(detail, trouble):
            return Rejected(_detail(detail), _trouble(trouble))
        case Uncertain(detail):
            return Uncertain(_detail(detail))
        case _:
            return _SENSELESS


def _ref(value: object) -> str:
    """Return a carrier's id, or nothing where it gave none: then no receipt can name it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return storable.ref(str(value))
    return storable.ref(str(value)) if isinstance(value, str) else ""


def _trouble(value: object) -> RecipientTrouble | None:
    return RecipientTrouble(value) if isinstance(value, str) and value in _TROUBLES else None


def _detail(value: object) -> str:
    return storable.text(str(value), storable.DETAIL_MAX) if isinstance(value, str) else ""


def _pause(value: object) -> int:
    if isinstance(value, float) and isfinite(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return min(value, _PAUSE_MAX_MS)
    return _PAUSE_MS
