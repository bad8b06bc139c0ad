"""SMPP protocol data units: bytes to values and back, without I/O.

SMPP 3.4 (issue 1.2), and of 5.0 what an ESME meets on the way of a message. Whatever bytes come,
reading them gives a value or `MalformedPdu`; what we do not know of, parameters and commands alike,
is kept as it came.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

HEADER_OCTETS: Final = 16
# Twice what the largest PDU needs in practice: a message_payload of 64 KiB is a mistake or worse.
PDU_OCTETS_MAX: Final = 64 * 1024
SHORT_MESSAGE_OCTETS_MAX: Final = 254
# The bit that makes an answer of a request's command_id.
ANSWER: Final = 0x80000000

Tlvs = tuple[tuple[int, bytes], ...]


class MalformedPdu(ValueError):
    """The bytes are no PDU; the text says which part of them."""


class Command(IntEnum):
    """The command_ids an ESME sends or meets (3.4: 5.1.2.1)."""

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


# --- Bodies: one value for each layout, whichever commands share it


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
    """The answer to any bind; an SMSC that refuses may leave the body out."""

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
    """submit_sm_resp, deliver_sm_resp and data_sm_resp; a refusal may leave the body out."""

    message_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbind:
    """outbind: an SMSC asks to be bound to."""

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
class Bare:
    """unbind, enquire_link, their answers and generic_nack: a header is all there is."""

    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A command that is none of ours."""

    octets: bytes = b""


Body = (
    Bind
    | BindAnswer
    | Message
    | DataMessage
    | MessageAnswer
    | Outbind
    | AlertNotification
    | Bare
    | Unknown
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
    """Return what one whole PDU says."""
    length, command, status, sequence = read_header(frame)
    if length != len(frame):
        raise MalformedPdu(f"command_length says {length} octets and there are {len(frame)}")
    kind = _BODIES.get(command)
    if kind is None:
        body: Body = Unknown(octets=frame[HEADER_OCTETS:])
    elif length == HEADER_OCTETS and command & ANSWER:
        # Answers without a body are in wide use, and not only where they refuse.
        body = kind()
    else:
        body = _read_body(frame, kind)
    return Pdu(command=command, sequence=sequence, status=status, body=body)


def write(pdu: Pdu) -> bytes:
    """Return the bytes of a PDU; raises ValueError for a value its field cannot hold."""
    return frame(pdu.command, pdu.sequence, write_body(pdu.body), pdu.status)


def frame(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """Return a whole PDU around a body that is bytes already."""
    return _HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def write_body(body: Body) -> bytes:
    """Return the bytes of a body; raises ValueError for a value its field cannot hold."""
    if isinstance(body, Unknown):
        return body.octets
    octets = [each.write(getattr(body, each.name)) for each in _LAYOUTS[type(body)]]
    return b"".join([*octets, write_tlvs(body.tlvs)])


def write_tlvs(tlvs: Tlvs) -> bytes:
    """Return optional parameters in their order."""
    return b"".join(_TLV.pack(tag, len(value)) + value for tag, value in tlvs)


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
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the PDUs that are complete; raises `MalformedPdu` where the stream cannot go on.

        What was yielded before is good. Exhaust it before the next call.
        """
        stream = self._rest + data if self._rest else data
        at, end = 0, len(stream)
        while end - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(stream, at)
            if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                raise MalformedPdu(
                    f"command_length is {length}, which is not in 16 to {PDU_OCTETS_MAX}"
                )
            if end - at < length:
                break
            yield stream[at : at + length]
            at += length
        self._rest = stream[at:]


class Stencil:
    """A submit_sm of which only recipient and text change: everything else is bytes already."""

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
        assert len(short_message) <= SHORT_MESSAGE_OCTETS_MAX, "a longer text is cut or a payload"
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
_OCTET_MAX: Final = 0xFF


@dataclass(frozen=True, slots=True)
class _Integer:
    """One octet."""

    name: str

    def read(self, frame: bytes, at: int) -> tuple[int, int]:
        if at >= len(frame):
            raise MalformedPdu(f"the body ends before {self.name}")
        return frame[at], at + 1

    def write(self, value: int) -> bytes:
        if not 0 <= value <= _OCTET_MAX:
            raise ValueError(f"{self.name} is one octet and cannot be {value}")
        return bytes((value,))


@dataclass(frozen=True, slots=True)
class _Text:
    """A C-octet string: text up to a NUL.

    `octets_max` counts the NUL, as the specification's tables do. We keep to it when writing; when
    reading, an SMSC with longer ids is taken as it is.
    """

    name: str
    octets_max: int

    def read(self, frame: bytes, at: int) -> tuple[str, int]:
        end = frame.find(0, at)
        if end < 0:
            raise MalformedPdu(f"the body ends inside {self.name}")
        return frame[at:end].decode("latin-1"), end + 1

    def write(self, value: str) -> bytes:
        octets = value.encode("latin-1", "replace")
        if len(octets) >= self.octets_max or 0 in octets:
            raise ValueError(
                f"{self.name} holds at most {self.octets_max - 1} characters and no NUL"
            )
        return octets + b"\0"


@dataclass(frozen=True, slots=True)
class _Octets:
    """Octets after a length of one octet: sm_length and short_message."""

    name: str

    def read(self, frame: bytes, at: int) -> tuple[bytes, int]:
        if at >= len(frame):
            raise MalformedPdu(f"the body ends before the length of {self.name}")
        start = at + 1
        end = start + frame[at]
        if end > len(frame):
            raise MalformedPdu(f"the body ends inside {self.name}")
        return frame[start:end], end

    def write(self, value: bytes) -> bytes:
        if len(value) > _OCTET_MAX:
            raise ValueError(f"{self.name} holds at most {_OCTET_MAX} octets")
        return bytes((len(value),)) + value


_Layout = tuple[_Integer | _Text | _Octets, ...]


def _address(prefix: str, name: str, octets_max: int) -> _Layout:
    return _Integer(f"{prefix}_ton"), _Integer(f"{prefix}_npi"), _Text(name, octets_max)


# Sizes of 3.4, chapter 4. A password of more than eight characters is against it and in use.
_LAYOUTS: Final[dict[type, _Layout]] = {
    Bind: (
        _Text("system_id", 16),
        _Text("password", 65),
        _Text("system_type", 13),
        _Integer("interface_version"),
        *_address("addr", "address_range", 41),
    ),
    BindAnswer: (_Text("system_id", 16),),
    Message: (
        _Text("service_type", 6),
        *_address("source_addr", "source_addr", 21),
        *_address("dest_addr", "destination_addr", 21),
        _Integer("esm_class"),
        _Integer("protocol_id"),
        _Integer("priority_flag"),
        _Text("schedule_delivery_time", 17),
        _Text("validity_period", 17),
        _Integer("registered_delivery"),
        _Integer("replace_if_present_flag"),
        _Integer("data_coding"),
        _Integer("sm_default_msg_id"),
        _Octets("short_message"),
    ),
    DataMessage: (
        _Text("service_type", 6),
        *_address("source_addr", "source_addr", 65),
        *_address("dest_addr", "destination_addr", 65),
        _Integer("esm_class"),
        _Integer("registered_delivery"),
        _Integer("data_coding"),
    ),
    MessageAnswer: (_Text("message_id", 65),),
    Outbind: (_Text("system_id", 16), _Text("password", 65)),
    AlertNotification: (
        *_address("source_addr", "source_addr", 65),
        *_address("esme_addr", "esme_addr", 65),
    ),
    Bare: (),
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
    Command.UNBIND: Bare,
    Command.UNBIND_RESP: Bare,
    Command.ENQUIRE_LINK: Bare,
    Command.ENQUIRE_LINK_RESP: Bare,
    Command.GENERIC_NACK: Bare,
}


def _read_body(frame: bytes, kind: type[Any]) -> Any:
    values: dict[str, Any] = {}
    at = HEADER_OCTETS
    for each in _LAYOUTS[kind]:
        values[each.name], at = each.read(frame, at)
    if at < len(frame):
        values["tlvs"] = _read_tlvs(frame, at)
    return kind(**values)


def _read_tlvs(frame: bytes, at: int) -> Tlvs:
    tlvs = []
    while at < len(frame):
        if len(frame) - at < _TLV.size:
            raise MalformedPdu("the body ends inside the head of an optional parameter")
        tag, length = _TLV.unpack_from(frame, at)
        at += _TLV.size
        if len(frame) - at < length:
            raise MalformedPdu(f"the body ends inside the optional parameter 0x{tag:04X}")
        tlvs.append((tag, frame[at : at + length]))
        at += length
    return tuple(tlvs)
