"""SMPP protocol data units: bytes to values and back, without I/O.

Covers SMPP 3.4 (issue 1.2), and those parts of 5.0 that an ESME needs for messages. Any bytes are
read as a value or raise `MalformedPdu`; unknown parameters and commands are kept as they came.
`salvage.py` recovers what is usable from a malformed PDU.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from sendrail.carriers.smpp.fields import Integer, MalformedPdu, Octets, Text

HEADER_OCTETS: Final = 16
# One parameter, such as a message_payload, may hold 65,535 octets. A PDU above the bound would end
# the bind, be sent again, and end it again; so the bound leaves room for such a parameter and the
# rest of the PDU.
PDU_OCTETS_MAX: Final = 128 * 1024
SHORT_MESSAGE_OCTETS_MAX: Final = 254
# The bit that makes an answer of a request's command_id.
ANSWER: Final = 0x80000000

Tlvs = tuple[tuple[int, bytes], ...]


class Command(IntEnum):
    """The command_ids an ESME sends or receives (3.4: 5.1.2.1)."""

    BIND_RECEIVER = 0x00000001
    BIND_TRANSMITTER = 0x00000002
    SUBMIT_SM = 0x00000004
    DELIVER_SM = 0x00000005
    UNBIND = 0x00000006
    BIND_TRANSCEIVER = 0x00000009
    OUTBIND = 0x0000000B
    ENQUIRE_LINK = 0x00000015
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    GENERIC_NACK = 0x80000000
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER_RESP = 0x80000002
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM_RESP = 0x80000005
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK_RESP = 0x80000015
    DATA_SM_RESP = 0x80000103


class Tag(IntEnum):
    """The optional parameters we read or write (3.4: 5.3.2; 5.0: 4.8.4.18 for the last)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427
    CONGESTION_STATE = 0x0428


# --- Bodies: one class for each layout, which several commands may share


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """bind_transmitter, bind_receiver and bind_transceiver."""

    system_id: str = ""
    password: str = field(default="", repr=False)
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BindAnswer:
    """The answer to any bind; an SMSC that refuses may omit the body."""

    system_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """submit_sm and deliver_sm."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMessage:
    """data_sm: a message whose text is always a message_payload."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAnswer:
    """submit_sm_resp, deliver_sm_resp and data_sm_resp; a refusal may omit the body."""

    message_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbind:
    """outbind: an SMSC asks the ESME to bind."""

    system_id: str = ""
    password: str = field(default="", repr=False)
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotification:
    """alert_notification: a handset can be reached again."""

    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderPdu:
    """unbind, enquire_link, their answers and generic_nack, which have only a header."""

    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPdu:
    """The body of an unknown command."""

    octets: bytes = b""


Body = (
    Bind
    | BindAnswer
    | Message
    | DataMessage
    | MessageAnswer
    | Outbind
    | AlertNotification
    | HeaderPdu
    | UnknownPdu
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """One PDU; `command` is a plain integer, because a peer may send any."""

    command: int
    sequence: int
    status: int = 0
    body: Body


# --- The public functions


def read_header(frame: bytes) -> tuple[int, int, int, int]:
    """Return command_length, command_id, command_status and sequence_number."""
    if len(frame) < HEADER_OCTETS:
        raise MalformedPdu(f"a header takes 16 octets, not {len(frame)}")
    return _HEADER.unpack_from(frame)


def read(frame: bytes) -> Pdu:
    """Return the PDU of one whole frame; raise `MalformedPdu` when it cannot be read."""
    length, command, status, sequence = read_header(frame)
    if length != len(frame):
        raise MalformedPdu(f"command_length says {length} octets and there are {len(frame)}")
    kind = _BODIES.get(command)
    if kind is None:
        body: Body = UnknownPdu(octets=frame[HEADER_OCTETS:])
    elif length == HEADER_OCTETS and command & ANSWER:
        # Many SMSCs send answers without a body, and not only when they refuse.
        body = kind()
    else:
        body = _read_body(frame, kind)
    return Pdu(command=command, sequence=sequence, status=status, body=body)


def write(pdu: Pdu) -> bytes:
    """Return the bytes of a PDU; raise ValueError for a value its field cannot hold."""
    return frame(pdu.command, pdu.sequence, write_body(pdu.body), pdu.status)


def frame(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """Return the bytes of a PDU with an encoded body."""
    return _HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def write_body(body: Body) -> bytes:
    """Return the bytes of a body; raise ValueError for a value its field cannot hold."""
    if isinstance(body, UnknownPdu):
        return body.octets
    octets = [each.write(getattr(body, each.name)) for each in _LAYOUTS[type(body)]]
    return b"".join([*octets, write_tlvs(body.tlvs)])


def write_tlvs(tlvs: Tlvs) -> bytes:
    """Return optional parameters in their order."""
    return b"".join(_TLV.pack(tag, len(value)) + value for tag, value in tlvs)


def read_tlvs(octets: bytes) -> tuple[Tlvs, bytes]:
    """Return the optional parameters that are complete, and the bytes after them."""
    tlvs, at = [], 0
    while len(octets) - at >= _TLV.size:
        tag, length = _TLV.unpack_from(octets, at)
        end = at + _TLV.size + length
        if end > len(octets):
            break
        tlvs.append((tag, octets[at + _TLV.size : end]))
        at = end
    return tuple(tlvs), octets[at:]


def read_fields(frame: bytes, command: int) -> tuple[dict[str, Any], int, str]:
    """Return the complete mandatory fields of a body, their end, and why reading stopped.

    A command without mandatory fields gives none.
    """
    values: dict[str, Any] = {}
    at = HEADER_OCTETS
    for each in _LAYOUTS.get(_BODIES.get(command, HeaderPdu), ()):
        try:
            values[each.name], at = each.read(frame, at)
        except MalformedPdu as error:
            return values, at, str(error)
    return values, at, ""


def make_body(command: int, values: Mapping[str, Any]) -> Body:
    """Return the body of a command; fields that are not in `values` have their defaults."""
    body: Body = _BODIES[command](**values)
    return body


def find(tlvs: Tlvs, tag: int) -> bytes | None:
    """Return the value of the first parameter with this tag."""
    for each, value in tlvs:
        if each == tag:
            return value
    return None


class Framer:
    """Cuts a stream of bytes into PDUs, however the network sliced it."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the complete PDUs; raise `MalformedPdu` where the stream cannot be split.

        PDUs yielded before the error are valid. Exhaust the iterator before the next call.
        """
        stream: bytes | bytearray = data
        if self._rest:
            # Grown in place: a PDU that arrives octet by octet is not copied each time.
            self._rest += data
            stream = self._rest
        at, end = 0, len(stream)
        while end - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(stream, at)
            if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                raise MalformedPdu(
                    f"command_length is {length}, which is not in 16 to {PDU_OCTETS_MAX}"
                )
            if end - at < length:
                break
            yield bytes(stream[at : at + length])
            at += length
        if stream is self._rest:
            del self._rest[:at]
        else:
            self._rest += stream[at:]


class SubmitTemplate:
    """A submit_sm of which only recipient and text change; all other fields are encoded once."""

    __slots__ = ("_default_msg_id", "_head", "_middle")

    def __init__(self, message: Message) -> None:
        layout = {each.name: each for each in _LAYOUTS[Message]}

        def octets(*names: str) -> bytes:
            return b"".join(layout[name].write(getattr(message, name)) for name in names)

        self._head = octets(
            "service_type", "source_addr_ton", "source_addr_npi", "source_addr",
            "dest_addr_ton", "dest_addr_npi",
        )  # fmt: skip
        self._middle = octets(
            "protocol_id", "priority_flag", "schedule_delivery_time", "validity_period",
            "registered_delivery", "replace_if_present_flag",
        )  # fmt: skip
        self._default_msg_id = octets("sm_default_msg_id")

    def fill(
        self,
        destination: bytes,
        data_coding: int,
        short_message: bytes,
        *,
        esm_class: int = 0,
        tlvs: bytes = b"",
    ) -> bytes:
        """Return the body for one recipient and text."""
        assert len(short_message) <= SHORT_MESSAGE_OCTETS_MAX, "a longer text is split or a payload"
        return b"%b%b\0%c%b%c%b%c%b%b" % (
            self._head,
            destination,
            esm_class,
            self._middle,
            data_coding,
            self._default_msg_id,
            len(short_message),
            short_message,
            tlvs,
        )


# --- The layouts

_HEADER: Final = struct.Struct(">IIII")
_LENGTH: Final = struct.Struct(">I")
_TLV: Final = struct.Struct(">HH")


_Layout = tuple[Integer | Text | Octets, ...]


def _address(prefix: str, name: str, octets_max: int) -> _Layout:
    return Integer(f"{prefix}_ton"), Integer(f"{prefix}_npi"), Text(name, octets_max)


# Sizes of 3.4, chapter 4, except that passwords may have more than eight characters, as some SMSCs
# require.
_LAYOUTS: Final[dict[type, _Layout]] = {
    Bind: (
        Text("system_id", 16),
        Text("password", 65),
        Text("system_type", 13),
        Integer("interface_version"),
        *_address("addr", "address_range", 41),
    ),
    BindAnswer: (Text("system_id", 16),),
    Message: (
        Text("service_type", 6),
        *_address("source_addr", "source_addr", 21),
        *_address("dest_addr", "destination_addr", 21),
        Integer("esm_class"),
        Integer("protocol_id"),
        Integer("priority_flag"),
        Text("schedule_delivery_time", 17),
        Text("validity_period", 17),
        Integer("registered_delivery"),
        Integer("replace_if_present_flag"),
        Integer("data_coding"),
        Integer("sm_default_msg_id"),
        Octets("short_message"),
    ),
    DataMessage: (
        Text("service_type", 6),
        *_address("source_addr", "source_addr", 65),
        *_address("dest_addr", "destination_addr", 65),
        Integer("esm_class"),
        Integer("registered_delivery"),
        Integer("data_coding"),
    ),
    MessageAnswer: (Text("message_id", 65),),
    Outbind: (Text("system_id", 16), Text("password", 65)),
    AlertNotification: (
        *_address("source_addr", "source_addr", 65),
        *_address("esme_addr", "esme_addr", 65),
    ),
    HeaderPdu: (),
}

_BODIES: Final[dict[int, type[Any]]] = {
    Command.BIND_RECEIVER: Bind,
    Command.BIND_TRANSMITTER: Bind,
    Command.BIND_TRANSCEIVER: Bind,
    Command.BIND_RECEIVER_RESP: BindAnswer,
    Command.BIND_TRANSMITTER_RESP: BindAnswer,
    Command.BIND_TRANSCEIVER_RESP: BindAnswer,
    Command.SUBMIT_SM: Message,
    Command.DELIVER_SM: Message,
    Command.DATA_SM: DataMessage,
    Command.SUBMIT_SM_RESP: MessageAnswer,
    Command.DELIVER_SM_RESP: MessageAnswer,
    Command.DATA_SM_RESP: MessageAnswer,
    Command.OUTBIND: Outbind,
    Command.ALERT_NOTIFICATION: AlertNotification,
    Command.UNBIND: HeaderPdu,
    Command.UNBIND_RESP: HeaderPdu,
    Command.ENQUIRE_LINK: HeaderPdu,
    Command.ENQUIRE_LINK_RESP: HeaderPdu,
    Command.GENERIC_NACK: HeaderPdu,
}


def _read_body(frame: bytes, kind: type[Any]) -> Any:
    values: dict[str, Any] = {}
    at = HEADER_OCTETS
    for each in _LAYOUTS[kind]:
        values[each.name], at = each.read(frame, at)
    if at < len(frame):
        values["tlvs"], rest = read_tlvs(frame[at:])
        if rest:
            raise MalformedPdu(f"the body ends inside {_unread(rest)}")
    return kind(**values)


def _unread(rest: bytes) -> str:
    if len(rest) < _TLV.size:
        return "the head of an optional parameter"
    return f"the optional parameter 0x{int.from_bytes(rest[:2], 'big'):04X}"
