"""The invariants of `parse` for any callback, valid or not, which the conformance suite checks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from sendrail.carriers.hostile import CorruptCallback, ValidCallback, with_text
from sendrail.carriers.sdk import Carrier
from sendrail.domain import phone
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import (
    Callback,
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Refused,
    Reply,
    ReplyPart,
)

# A longer error probably quotes what a person wrote.
_REASON_MAX: Final = 300


def flaw(said: object) -> str | None:
    """Return what is wrong with a value that `parse` returned, or None."""
    match said:
        case Receipt():
            sound = {
                "carrier_ref": _is_text(said.carrier_ref),
                "status": said.status is None or isinstance(said.status, Status),
                "detail": isinstance(said.detail, str),
                "message_id": said.message_id is None or _is_text(said.message_id),
                "trouble": said.trouble is None or isinstance(said.trouble, RecipientTrouble),
            }
        case Reply():
            sound = {
                "sender": type(said.sender) is int
                and said.sender == phone.parse(f"+{said.sender}"),
                "list_number": type(said.list_number) is int and said.list_number > 0,
                "body": isinstance(said.body, str),
                "answered": type(said.answered) is bool,
                "part": said.part is None or _is_part(said.part),
                "carrier_ref": said.carrier_ref is None or _is_text(said.carrier_ref),
            }
        case Refused():
            sound = {
                "reason": _is_text(said.reason) and len(said.reason) <= _REASON_MAX,
                "raw": type(said.raw) is bytes,
                "about": isinstance(said.about, CallbackSubject),
            }
        case IgnoredPart():
            sound = {"why": isinstance(said.why, IgnoredReason)}
        case _:
            return f"{said!r:.100} is nothing that a callback can say"
    wrong = [name for name, is_sound in sound.items() if not is_sound]
    return f"{type(said).__name__}.{wrong[0]} is not what it must be" if wrong else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(number: int) -> bool:
    return phone.parse(phone.show(number)) == number


def _is_part(part: ReplyPart) -> bool:
    numbers = (part.reference, part.total, part.number)
    return all(type(each) is int and each >= 0 for each in numbers) and (
        1 <= part.number <= part.total
    )


def fault(carrier: Carrier, spoiled: CorruptCallback) -> str | None:
    """Return which invariant a carrier violates when it parses a corrupt callback, or None.

    The carrier must return the valid elements and refuse the faulty one alone, or refuse the whole
    callback where no element is valid. Parsing what was refused must give the same refusal.
    """
    said = said_of(carrier, spoiled.raw)
    if not (said or spoiled.may_be_empty):
        return "it vanished: nothing was said of it"
    if flaws := [each for each in map(flaw, said) if each]:
        return flaws[0]
    if spoiled.rest is not None:
        missing = Counter(said_of(carrier, spoiled.rest)) - Counter(said)
        if missing:
            return f"neighbours are missing: {list(missing)}"
    refused = [each for each in said if isinstance(each, Refused)]
    if not all(is_refused(carrier, each.raw) for each in refused):
        return "what was refused is not refused again, alone"
    return None


def said_of(carrier: Carrier, raw: bytes) -> Sequence[Callback]:
    """Return the parsed callback; one that is refused as a whole counts as one `Refused`."""
    try:
        return carrier.parse(raw)
    except CarrierTrouble as trouble:
        return [Refused(reason=trouble.message, raw=raw)]


def is_refused(carrier: Carrier, raw: bytes) -> bool:
    """Return whether `parse` gives one refusal and nothing else."""
    said = said_of(carrier, raw)
    return len(said) == 1 and isinstance(said[0], Refused)


def addresses(number: PhoneNumber) -> Iterable[tuple[str, PhoneNumber | None]]:
    """Yield spellings of a number, each with the only number (or None) it may be read as."""
    yield from ((written, number) for written in (f"+{number}", f"00{number}", str(number)))
    # A national number without a country.
    yield from ((written, None) for written in ("05550211113", "5550211113", "0"))


def senders(
    carrier: Carrier, good: ValidCallback, sender: PhoneNumber, written: str
) -> set[PhoneNumber | None]:
    """Return the senders `parse` finds in a callback whose sender is spelt as `written`."""
    raw = from_another(good, sender, written)
    if raw is None:
        return set()
    before = Counter(each.sender for each in carrier.parse(good.raw) if isinstance(each, Reply))
    after = Counter(each.sender for each in said_of(carrier, raw) if isinstance(each, Reply))
    return set(after - before) or ({sender} if sender in after else {None})


def from_another(good: ValidCallback, sender: PhoneNumber, written: str) -> bytes | None:
    """Return a callback whose sender is spelt as `written`, whatever its spelling was before."""
    ways = (f"+{sender}", f"00{sender}", str(sender))
    return next((raw for way in ways if (raw := with_text(good, way, written))), None)
