"""Recovery of usable content from PDUs that violate the specification, without I/O.

Some SMSCs end texts with a NUL that no length counts, count one octet too few or too many, or cut
the last parameter short. A receipt or a STOP in such a PDU must not be lost: what can be read is
used, and `flaw` names what cannot. Only unambiguous errors are corrected.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.fields import MalformedPdu
from sendrail.carriers.smpp.pdu import Body, DataMessage, Message, Tag, Tlvs


class SalvagedBody(NamedTuple):
    """The body of a PDU as far as it could be read.

    `flaw` is empty for a valid PDU. `is_cut` says that the end of the text is missing, so that its
    last word may be incomplete.
    """

    body: Body
    flaw: str = ""
    is_cut: bool = False


def read(frame: bytes) -> SalvagedBody:
    """Return the body of one PDU, as far as it can be read.

    Raise `MalformedPdu` only where the header does not fit the frame.
    """
    try:
        body = pdu.read(frame).body
    except MalformedPdu as error:
        length, command, _, _ = pdu.read_header(frame)
        if length != len(frame):
            raise
        return _without_a_nul(frame, command) or _as_far_as_it_goes(frame, command, str(error))
    if isinstance(body, Message | DataMessage) and not _is_exact(body):
        return _without_a_nul(frame, pdu.read_header(frame)[1]) or SalvagedBody(body)
    return SalvagedBody(body)


def tidy_id(text: str) -> str:
    """Return a message's id, trimmed and cut at its first control character."""
    # Where the NUL is missing, the header of the next parameter follows.
    return _CONTROL.split(text.strip(_EDGES), maxsplit=1)[0].strip()


# These characters surround a value and are never part of it.
_EDGES: Final = " \t\r\n\0"
_CONTROL: Final = re.compile("[\0-\x1f]")


# --- One NUL too many, before or in the text


def _without_a_nul(frame: bytes, command: int) -> SalvagedBody | None:
    """Return the PDU's body without one of its NULs, if it is then valid and unambiguous."""
    if command not in _MESSAGES or len(frame) > _SEARCHED_MAX:
        return None
    found = []
    for at in _nuls(frame, command):
        shorter = frame[pdu.HEADER_OCTETS : at] + frame[at + 1 :]
        try:
            body = pdu.read(pdu.frame(command, 0, shorter)).body
        except MalformedPdu:
            continue
        if isinstance(body, Message | DataMessage) and _is_exact(body):
            found.append(SalvagedBody(body, f"octet {at} is a NUL too many"))
    # All must give the same content; the first NUL is the one that shifted the fields.
    return found[0] if len({_essence(each.body) for each in found}) == 1 else None


def _nuls(frame: bytes, command: int) -> Iterator[int]:
    """Yield the positions of NULs that may be extra: the last of each run."""
    values, end, _ = pdu.read_fields(frame, command)
    text = values.get("short_message", b"")
    if values.get("data_coding") == _UCS2:
        # A UCS-2 text is full of NULs, and removing any of them gives another text.
        end -= len(text)
    elif not text:
        # The whole content is in parameters.
        end = len(frame)
    for at in range(pdu.HEADER_OCTETS, end):
        if frame[at] == 0 and (at + 1 == end or frame[at + 1] != 0):
            yield at


def _essence(body: Any) -> tuple[Any, ...]:
    text = getattr(body, "short_message", b"")
    return body.source_addr, body.destination_addr, text, body.tlvs


def _is_exact(body: Message | DataMessage) -> bool:
    """Return whether a message has content, and the fields unused in a deliver_sm are empty."""
    if isinstance(body, DataMessage):
        return bool(body.tlvs) and _is_plausible(body)
    unused = (body.schedule_delivery_time, body.replace_if_present_flag, body.sm_default_msg_id)
    return bool(body.short_message or body.tlvs) and not any(unused) and _is_plausible(body)


def _is_plausible(body: Message | DataMessage) -> bool:
    """Return whether the fields have plausible values, so that none is shifted."""
    return (
        (body.source_addr.isprintable() and body.destination_addr.isprintable())
        and max(body.source_addr_ton, body.dest_addr_ton) <= _TON_MAX
        and max(body.source_addr_npi, body.dest_addr_npi) <= _NPI_MAX
        and all(_is_known(tag) for tag, _ in body.tlvs)
        and (
            isinstance(body, DataMessage)
            or (
                body.priority_flag <= _PRIORITY_MAX
                and len(body.schedule_delivery_time) in _TIME_LENGTHS
                and len(body.validity_period) in _TIME_LENGTHS
            )
        )
    )


# 3.4: 5.2.5 and 5.2.6, and values seen in practice: type and plan as mobile networks encode them.
_TON_MAX, _NPI_MAX = 0x1F, 0x1F
_PRIORITY_MAX: Final = 4
_TIME_LENGTHS: Final = frozenset({0, 16})
_UCS2: Final = 8
_MESSAGES: Final = frozenset({pdu.Command.DELIVER_SM, pdu.Command.DATA_SM})


# --- Reading as far as possible


def _as_far_as_it_goes(frame: bytes, command: int, why: str) -> SalvagedBody:
    values, at, ends = pdu.read_fields(frame, command)
    rest = frame[at:]
    if not ends:
        return _with_tail(command, values, rest, frame, at)
    if "inside short_message" in ends:
        text, values["tlvs"], is_cut = _split(rest[1:], rest[0], values)
        values["short_message"] = text
        return SalvagedBody(pdu.make_body(command, values), ends, is_cut)
    if "message_id" in ends or "system_id" in ends:
        # The NUL is missing, and the body ends here.
        name = "message_id" if "message_id" in ends else "system_id"
        values[name] = rest.decode("latin-1")
    return SalvagedBody(pdu.make_body(command, values), ends or why)


def _with_tail(
    command: int, values: dict[str, Any], rest: bytes, frame: bytes, at: int
) -> SalvagedBody:
    """Read the parameters after the fields, and the text or stray bytes around them."""
    flaw = f"what follows the text is no parameter ({len(rest)} octets)"
    is_cut = False
    text = values.get("short_message")
    if text is None:
        values["tlvs"], left = pdu.read_tlvs(rest)
        if not values["tlvs"] and rest[:1] == b"\0":
            values["tlvs"], left = pdu.read_tlvs(rest[1:])
    else:
        octets = frame[at - len(text) :]
        values["short_message"], values["tlvs"], is_cut = _split(octets, len(text), values)
        left = pdu.read_tlvs(rest)[1]
    if left[:2] == _PAYLOAD and len(left) > _HEAD:
        # It holds the text, as far as it was sent.
        values["tlvs"] = (*values["tlvs"], (int(Tag.MESSAGE_PAYLOAD), left[_HEAD:]))
        is_cut = True
    return SalvagedBody(pdu.make_body(command, values), flaw, is_cut)


def _split(octets: bytes, length: int, values: dict[str, Any]) -> tuple[bytes, Tlvs, bool]:
    """Return text and parameters after a wrong length, and whether the text is cut.

    The text ends where parameters begin; the candidate nearest to the stated length is preferred.
    """
    rest, is_ucs2 = octets[length:], values.get("data_coding") == _UCS2
    if _is_known_at(rest, vendors=False):
        return octets[:length], pdu.read_tlvs(rest)[0], False
    ends = range(min(len(octets) - _HEAD, _LENGTH_MAX + 1) if len(octets) <= _SEARCHED_MAX else 0)
    for end in sorted(ends, key=lambda at: abs(at - length)):
        tlvs = _whole(octets[end:], anywhere=end == length)
        if tlvs is not None:
            return _text(octets[:end], length, is_ucs2), tlvs, False
    if not rest:
        return octets, (), length > len(octets)
    if _continues_in_ucs2(rest, length) if is_ucs2 else _continues(rest):
        return _text(octets, length, is_ucs2), (), False
    return octets[:length], pdu.read_tlvs(rest)[0], False


def _text(octets: bytes, length: int, is_ucs2: bool) -> bytes:
    """Return a text longer than its stated length, without a terminating NUL."""
    if not is_ucs2:
        return octets if octets[length:].strip(b"\0") else octets[:length]
    if len(octets) % 2 == 0:
        return octets
    for at, octet in enumerate(octets):
        even = octets[:at] + octets[at + 1 :]
        if octet == 0 and not any(even[::2]):
            return even
    return octets


def _continues(rest: bytes) -> bool:
    """Return whether octets continue the text before, and do not begin parameters."""
    return rest[0] >= _BLANK or (rest[0] in _LINE_ENDS and not _is_known_at(rest))


def _continues_in_ucs2(rest: bytes, length: int) -> bool:
    if length % 2 == 1:
        # The second octet of its last character.
        return True
    if len(rest) % 2 == 1:
        return _continues(rest)
    return bool(rest.strip(b"\0")) and not _is_known_at(rest)


def _whole(octets: bytes, *, anywhere: bool) -> Tlvs | None:
    """Return the parameters that fill these octets, except for one or two NULs after them."""
    if not _is_known_at(octets, vendors=anywhere):
        return None
    tlvs, rest = pdu.read_tlvs(octets)
    if not tlvs or rest.strip(b"\0") or len(rest) >= _HEAD:
        return None
    return tlvs if all(_is_known(tag) for tag, _ in tlvs) else None


def _is_known_at(octets: bytes, *, vendors: bool = True) -> bool:
    tag = int.from_bytes(octets[:2], "big")
    return tag in _STANDARD or (vendors and tag in _VENDORS)


def _is_known(tag: int) -> bool:
    return tag in _STANDARD or tag in _VENDORS


_HEAD: Final = 4
_BLANK: Final = 0x20
_LINE_ENDS: Final = b"\t\r\n"
_LENGTH_MAX: Final = 255
# A larger damaged PDU is not searched, because the search takes quadratic time.
_SEARCHED_MAX: Final = 1_024
_PAYLOAD: Final = int(Tag.MESSAGE_PAYLOAD).to_bytes(2, "big")
# 3.4: 5.3.2, and 5.0: 4.8.4; the range for vendors: 3.4: 5.3.1.
_STANDARD: Final = frozenset(
    {
        0x0005, 0x0006, 0x0007, 0x0008, 0x000D, 0x000E, 0x000F, 0x0010, 0x0017, 0x0019, 0x001D,
        0x001E, 0x0030, *range(0x0201, 0x0211), 0x0302, 0x0303, 0x0304, 0x0381,
        *range(0x0420, 0x042D), 0x0501, *range(0x0600, 0x0614), 0x1201, 0x1203, 0x1204,
        0x130C, 0x1380, 0x1383,
    }
)  # fmt: skip
_VENDORS: Final = range(0x1400, 0x4000)
