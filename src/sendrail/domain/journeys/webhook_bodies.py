"""What is posted of contacts on journeys: as they enter, at a step that says so, as they leave."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from sendrail.domain import phone
from sendrail.domain.contact import Scalar
from sendrail.domain.times import shown_finely
from sendrail.domain.webhook import JOURNEY_STEP, Event

# What fits the id of an event: a million events of a journey have one collision in 200 cases.
_REF_BITS: Final = 47


class PassageShown(NamedTuple):
    """A contact's passage through a journey, as events name it; version 0 has no steps."""

    journey_id: int
    version: int
    recipient: int
    list_number: str
    started_at: int


def entered(passage: PassageShown, at: int) -> dict[str, Any]:
    """Return what is posted of a contact who enters a journey."""
    return _body(Event.JOURNEY_ENTERED, passage) | {"timestamp": shown_finely(at)}


def ended(passage: PassageShown, step: str, reason: str, at: int) -> dict[str, Any]:
    """Return what is posted of a contact whose passage is over, and at which step it was."""
    about = {"step": step or None, "reason": reason, "timestamp": shown_finely(at)}
    return _body(Event.JOURNEY_ENDED, passage) | about


def at_step(
    passage: PassageShown, step: str, fields: Mapping[str, Scalar], at: int
) -> dict[str, Any]:
    """Return what a step posts, with what the contact is like there."""
    return {
        "event": JOURNEY_STEP,
        "journey_id": passage.journey_id,
        "version": passage.version,
        "step": step,
        "phone_number": phone.show(passage.recipient),
        "list_number": passage.list_number,
        "fields": dict(fields),
        "timestamp": shown_finely(at),
    }


def event_ref(kind: str, passage: PassageShown, part: str = "") -> int:
    """Return what tells an event of a passage from others of its kind: the same each time."""
    key = f"{kind} {passage.journey_id} {passage.recipient} {passage.started_at} {part}"
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> (64 - _REF_BITS)


def _body(event: Event, passage: PassageShown) -> dict[str, Any]:
    return {
        "event": event.value,
        "journey_id": passage.journey_id,
        "version": passage.version,
        "phone_number": phone.show(passage.recipient),
        "list_number": passage.list_number,
    }
