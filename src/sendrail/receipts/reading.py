"""Read a stored callback: what its carrier makes of it, checked before anything is written.

A carrier may be a third party's plug-in, and what it returns may be anything. What can be repaired
is repaired; what cannot be used stands beside what can, with the reason, so that one piece of a
callback costs no other.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import PurePath
from typing import Any, Final

from sendrail.domain import phone, storable
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble, ConnectorUnread
from sendrail.domain.ids import ConnectorId, MessageId
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
from sendrail.domain.text import Alphabet
from sendrail.receipts import kept
from sendrail.storage.pipeline.inbox import RawCallback
from sendrail.storage.pipeline.refused import Refusal

Parse = Callable[[ConnectorId, bytes], Sequence[Callback]]

# More than any carrier puts in one callback.
PIECES_MAX: Final = 10_000
# The pieces of one callback that are refused each alone.
ALONE_MAX: Final = 100
# What of a callback is kept at all; carriers' own limits are far below.
RAW_BYTES_MAX: Final = 1 << 20
REASON_MAX: Final = 300
# More than one message of a handset can hold: 140 octets, or what a TLV brings instead.
_PART_OCTETS_MAX: Final = 1 << 16
# A receipt ends a message, or says nothing final: any other status is no carrier's to give.
_DELIVERED, _UNDELIVERED, _FAILED = Status.DELIVERED, Status.UNDELIVERED, Status.FAILED
_ENDS: Final = frozenset({_DELIVERED, _UNDELIVERED, _FAILED})
_TROUBLES: Final = frozenset(RecipientTrouble)
_DIGITS: Final = re.compile(r"\+?[0-9]{7,}")


class CallbackReading:
    """The result of reading one callback: what can be used, and what is refused of it."""

    __slots__ = ("callbacks", "refusals", "set_aside")

    def __init__(self, callbacks: list[Receipt | Reply]) -> None:
        self.callbacks = callbacks
        # Lists only where there is something: nearly everything is an ordinary receipt.
        self.refusals: Sequence[Refusal] = ()
        self.set_aside: Sequence[IgnoredReason] = ()

    def refuse(self, refusal: Refusal) -> None:
        """Note a refusal; what is kept whole is kept once, however much of it cannot be used."""
        refusals = list(self.refusals)
        for place, other in enumerate(refusals):
            if other.raw == refusal.raw:
                if other.about is CallbackSubject.RECEIPT:
                    refusals[place] = other._replace(about=refusal.about)
                break
        else:
            refusals.append(refusal)
        self.refusals = refusals


class _Unusable(Exception):
    """Why one piece of a callback cannot be used."""


def read(callback: RawCallback, parse: Parse) -> CallbackReading:
    """Return what a callback says. Raises `ConnectorUnread` while its connector is not open."""
    said = CallbackReading([])
    try:
        pieces: Any = kept.unpack(callback.raw) or parse(callback.connector_id, callback.raw)
        if type(pieces) is list and len(pieces) <= PIECES_MAX and all(map(_is_plain, pieces)):
            # As nearly all are.
            return CallbackReading(pieces)
        _take_all(pieces, callback, said)
    except ConnectorUnread:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything
        said.refuse(refusal_of(callback, reason_of(error)))
    return said


def refusal_of(
    callback: RawCallback, reason: str, about: CallbackSubject = CallbackSubject.UNKNOWN
) -> Refusal:
    """Return a callback as it is refused."""
    return Refusal(callback.connector_id, callback.received_at, callback.raw, shown(reason), about)


def reason_of(error: BaseException) -> str:
    """Return why a callback cannot be used, without anything that stood in it.

    Only a carrier's own word may be repeated; what other exceptions say of a value may be that
    value. They are named by their kind and their place.
    """
    if isinstance(error, CarrierTrouble | _Unusable):
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else _place(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return f"{type(error).__name__}{place}"


def shown(reason: str) -> str:
    """Return a reason as logs and lists may show it: numbers masked, and not too long."""
    masked = _DIGITS.sub(lambda found: phone.mask(int(found[0])), str(reason)[:REASON_MAX])
    return storable.text(masked, REASON_MAX)


def _place(file: str, line: int) -> str:
    path = PurePath(file)
    return f" at {path.parent.name}/{path.name}:{line}"


def _take_all(pieces: Iterable[Any], callback: RawCallback, said: CallbackReading) -> None:
    if isinstance(pieces, str | bytes):
        raise _Unusable("its carrier returned no sequence of callbacks")
    for place, piece in enumerate(islice(pieces, PIECES_MAX + 1)):
        if place == PIECES_MAX:
            raise _Unusable(f"its carrier returned more than {PIECES_MAX:,} callbacks")
        _take(piece, callback, said)


def _take(piece: object, callback: RawCallback, said: CallbackReading) -> None:
    """Put one piece where it belongs."""
    about = CallbackSubject.UNKNOWN
    try:
        if isinstance(piece, Receipt):
            about = CallbackSubject.RECEIPT
            said.callbacks.append(_receipt(piece))
        elif isinstance(piece, Reply):
            about = CallbackSubject.REPLY
            said.callbacks.append(_reply(piece))
        elif isinstance(piece, Refused):
            said.refuse(_refused(piece, callback, said))
        elif isinstance(piece, IgnoredPart):
            said.set_aside = [*said.set_aside, IgnoredReason(piece.why)]
        else:
            said.refuse(refusal_of(callback, f"its carrier returned a {type(piece).__name__}"))
    except Exception as error:  # noqa: BLE001 - the values may be of any kind, and do anything
        said.refuse(refusal_of(callback, reason_of(error), about))


def _refused(piece: Refused, callback: RawCallback, said: CallbackReading) -> Refusal:
    alone = callback
    # Past so many the whole callback is smaller than its pieces.
    if len(said.refusals) < ALONE_MAX:
        alone = callback._replace(raw=bytes(memoryview(piece.raw)[:RAW_BYTES_MAX]))
    return refusal_of(alone, str(piece.reason), CallbackSubject(piece.about))


# Receipts


def _is_plain(said: object) -> bool:
    """Return whether something is a receipt that can be kept as it is."""
    if type(said) is not Receipt:
        return False
    status, ref, detail, own_id = said.status, said.carrier_ref, said.detail, said.message_id
    return (
        (status is _DELIVERED or status is None or status is _UNDELIVERED or status is _FAILED)
        and type(ref) is str
        and storable.is_plain_ref(ref) is not None
        and isinstance(detail, str)
        and storable.is_plain_detail(detail) is not None
        and (own_id is None or (type(own_id) is str and bool(storable.is_plain_ref(own_id))))
        and (said.trouble is None or type(said.trouble) is RecipientTrouble)
        and said.flaw is None
    )


def _receipt(said: Receipt) -> Receipt:
    """Return a receipt that can be kept."""
    return said if _is_plain(said) else _repaired(said)


def _repaired(said: Receipt) -> Receipt:
    status: Any = said.status
    if status is not None and not (isinstance(status, str) and status in _ENDS):
        raise _Unusable("a receipt names a status that is no message's end")
    own_id: Any = said.message_id
    ref = _ref(said.carrier_ref)
    if ref is None:
        raise _Unusable("a receipt's reference is no text")
    own_id = storable.ref(own_id) if isinstance(own_id, str) else ""
    if not ref and not own_id:
        raise _Unusable("a receipt names no message")
    trouble: Any = said.trouble
    return replace(
        said,
        carrier_ref=ref,
        status=None if status is None else Status(status),
        detail=_detail(said.detail),
        message_id=MessageId(own_id) if own_id else None,
        trouble=(
            RecipientTrouble(trouble) if isinstance(trouble, str) and trouble in _TROUBLES else None
        ),
        flaw=_flaw(said.flaw),
    )


def _ref(value: Any) -> str | None:
    """Return a carrier's id; some write a number where a text is meant."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return storable.ref(str(value)) if isinstance(value, str) else None


def _detail(value: Any) -> str:
    # The receipt counts more than its wording.
    return storable.text(str(value), storable.DETAIL_MAX) if isinstance(value, str) else ""


def _flaw(value: Any) -> str | None:
    """Return what could not be read of a callback, as a log may show it."""
    return None if value is None else shown(str(value))


# Replies


def _reply(said: Reply) -> Reply:
    """Return a handset's text that can be kept."""
    sender, ours = storable.number(said.sender), storable.number(said.list_number)
    if sender is None or ours is None:
        raise _Unusable("a handset's text has an address that is no number")
    if not isinstance(said.body, str):
        raise _Unusable("a handset's text is no text")
    return replace(
        said,
        sender=PhoneNumber(sender),
        list_number=PhoneNumber(ours),
        body=storable.text(said.body),
        answered=bool(said.answered),
        part=_part(said.part),
        # Without an id a text that comes twice is taken twice, which hurts less than losing it.
        carrier_ref=None if said.carrier_ref is None else _ref(said.carrier_ref) or None,
        flaw=_flaw(said.flaw),
    )


def _part(place: object) -> ReplyPart | None:
    """Return a text's place among others; one that cannot be is none, as TS 23.040 asks."""
    if not isinstance(place, ReplyPart):
        return None
    reference = storable.reference(place.reference)
    total = storable.whole(place.total, 1, storable.PLACE_MAX)
    number = storable.whole(place.number, 1, storable.PLACE_MAX)
    if reference is None or total is None or number is None or number > total:
        return None
    octets, alphabet = place.octets, place.alphabet
    if not isinstance(octets, bytes) or not isinstance(alphabet, Alphabet):
        # What is no octets of an alphabet is joined as the text that came with it.
        octets = alphabet = None
    return ReplyPart(
        reference=reference,
        total=total,
        number=number,
        octets=None if octets is None else octets[:_PART_OCTETS_MAX],
        alphabet=alphabet,
    )
