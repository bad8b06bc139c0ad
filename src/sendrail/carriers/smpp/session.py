"""The protocol state of one bind: which PDUs may be sent when, and how long to wait for answers.

Bytes and the time go in, bytes and events come out; no socket, no clock, no task. A request in
flight is one entry in a dict. All requests have the same timeout, so the dict's order is the order
of their deadlines, and a sweep looks only at its head.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple

from sendrail.carriers.smpp import pdu, salvage
from sendrail.carriers.smpp.fields import MalformedPdu
from sendrail.carriers.smpp.pdu import Command, Tag
from sendrail.carriers.smpp.status import ESME_ROK, Status

SEQUENCE_MAX: Final = 0x7FFFFFFF
# How long a request is kept after its timeout, to match a late answer.
LATE_SECONDS: Final = 300.0
# A peer answers an unbind at once, or closes the connection.
UNBIND_SECONDS: Final = 5.0
_MISSES_MAX: Final = 2


class Role(Enum):
    """The type of a bind; each value is its bind command."""

    TRANSMITTER = Command.BIND_TRANSMITTER
    RECEIVER = Command.BIND_RECEIVER
    TRANSCEIVER = Command.BIND_TRANSCEIVER

    @property
    def submits(self) -> bool:
        """Whether messages may be sent over such a bind."""
        return self is not Role.RECEIVER


class State(StrEnum):
    """3.4: 2.2, and a state between unbind and its answer, in which answers still count."""

    OPEN = "open"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class SessionBound(NamedTuple):
    """The SMSC accepted the bind; it supports SMPP up to `version`, 0x34 where it does not say."""

    system_id: str
    version: int


class Refused(NamedTuple):
    """The SMSC refused the bind."""

    status: int


class SubmitAnswered(NamedTuple):
    """A submit has its answer; `late` where it had timed out before."""

    token: Any
    status: int
    message_id: str
    late: bool


class SubmitTimedOut(NamedTuple):
    """A submit had no answer in time."""

    token: Any


class DeliverReceived(NamedTuple):
    """A whole deliver_sm or data_sm, which waits for `acknowledge`."""

    command: int
    sequence: int
    raw: bytes


class ErrorReceived(NamedTuple):
    """The SMSC could not read something: no submit that waits, so nothing is settled by it."""

    status: int


class SessionEnded(NamedTuple):
    """The bind has ended: write the remaining bytes, then close the connection."""

    reason: str


Event = (
    SessionBound
    | Refused
    | SubmitAnswered
    | SubmitTimedOut
    | DeliverReceived
    | ErrorReceived
    | SessionEnded
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a session waits, in seconds."""

    answer: float = 30.0
    enquire: float = 30.0


class Session:
    """The state of one bind. Times are monotonic seconds.

    A `token` is the caller's own handle of a submit. After each call, `take` returns the bytes to
    write, if any.
    """

    def __init__(self, role: Role, bind: pdu.Bind, *, window: int, timing: Timing) -> None:
        assert window >= 1, "a window of 0 would wait for ever"
        self.state = State.OPEN
        self.role = role
        self._submits = role.submits
        self._bind = bind
        self._window = window
        self._narrowed = window
        self._timing = timing
        self._framer = pdu.Framer()
        self._out: list[bytes] = []
        self._sequence = 0
        self._pending: dict[int, tuple[Any, float]] = {}
        self._late: dict[int, tuple[Any, float]] = {}
        self._began_at = 0.0
        self._heard_at = 0.0
        self._enquired_at = 0.0
        self._misses = 0
        # Why nothing is read, where the connection rests: silence is not the SMSC's then.
        self.unread_because = ""
        self._unbound_at = 0.0
        self._peer_unbind: int | None = None

    # Sending

    def open(self, now: float) -> None:
        """Send the bind request over the open connection."""
        self._began_at = self._heard_at = now
        self._say(self.role.value, pdu.write_body(self._bind))

    @property
    def room(self) -> int:
        """How many submits the window admits now."""
        if self.state is not State.BOUND or not self._submits:
            return 0
        return self._narrowed - len(self._pending)

    @property
    def in_flight(self) -> int:
        """How many submits wait for their answer."""
        return len(self._pending)

    def submit(self, body: bytes, token: Any, now: float) -> None:
        """Send one submit_sm; there must be room for it."""
        assert self.room > 0, "the window is full, or the bind does not submit"
        sequence = self._say(Command.SUBMIT_SM, body)
        self._pending[sequence] = (token, now)

    def acknowledge(self, arrived: Iterable[DeliverReceived], status: int) -> None:
        """Answer the PDUs that have arrived, all with the same status."""
        if self.state in {State.BOUND, State.UNBINDING}:
            self._out.extend(
                pdu.frame(each.command | pdu.ANSWER, each.sequence, b"\0", status)
                for each in arrived
            )

    def unbind(self, now: float) -> None:
        """Send unbind; the end follows as an event."""
        if self.state is State.BOUND:
            self.state = State.UNBINDING
            self._unbound_at = now
            self._say(Command.UNBIND)

    def take(self) -> bytes:
        """Return the bytes to write, and forget them."""
        if not self._out:
            return b""
        out = b"".join(self._out)
        self._out.clear()
        return out

    # Receiving

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Return the events of the received bytes, in order."""
        events: list[Event] = []
        try:
            for frame in self._framer.feed(data):
                if self.state is State.CLOSED:
                    break
                # Only a whole PDU is a sign of life: octets in drops would keep a dead bind.
                self._heard_at = now
                self._misses = 0
                if not frame.startswith(_HOLLOW_NACK, 4):
                    self._read(frame, now, events)
        except MalformedPdu as error:
            # The end of a PDU is unknown, so nothing after it can be read.
            self._out.append(pdu.frame(Command.GENERIC_NACK, 0, status=Status.RINVCMDLEN))
            self._end(f"the SMSC sent what is no SMPP: {error}", events)
        self._part(now, events)
        return events

    def sweep(self, now: float) -> list[Event]:
        """Return the events that are due: timeouts of requests, the end of a silent bind."""
        events: list[Event] = []
        self._give_up(now, events)
        if self.state is State.OPEN and now - self._began_at >= self._timing.answer:
            self._end(f"no answer to the bind in {self._timing.answer:g} s", events)
        elif self.state is State.BOUND:
            self._enquire(now, events)
        self._part(now, events)
        return events

    def lose(self) -> list[Any]:
        """End the session, whose connection is lost; return the tokens of unanswered submits."""
        self.state = State.CLOSED
        lost = [token for token, _ in self._pending.values()]
        self._pending.clear()
        return lost

    # Internals

    def _say(self, command: int, body: bytes = b"") -> int:
        sequence = self._sequence
        while True:
            sequence = sequence % SEQUENCE_MAX + 1
            if sequence not in self._pending and sequence not in self._late:
                break
        self._sequence = sequence
        self._out.append(pdu.frame(command, sequence, body))
        return sequence

    def _read(self, frame: bytes, now: float, events: list[Event]) -> None:
        _, command, status, sequence = pdu.read_header(frame)
        if command == Command.SUBMIT_SM_RESP or (
            command == Command.GENERIC_NACK and sequence in self._pending
        ):
            self._answer(frame, status, sequence, events)
        elif command in _ARRIVALS:
            if self.state in {State.BOUND, State.UNBINDING}:
                events.append(DeliverReceived(command, sequence, frame))
            else:
                self._out.append(
                    pdu.frame(command | pdu.ANSWER, sequence, b"\0", Status.RINVBNDSTS)
                )
        elif command == Command.ENQUIRE_LINK:
            self._out.append(pdu.frame(Command.ENQUIRE_LINK_RESP, sequence))
        elif command == Command.UNBIND:
            self._hear_unbind(sequence, now)
        elif command == Command.UNBIND_RESP:
            if self.state is State.UNBINDING:
                self._end("unbound", events)
        elif self.state is State.OPEN and command in {*_BIND_ANSWERS, Command.GENERIC_NACK}:
            self._hear_bind_answer(frame, status, events)
        elif command not in _TOLERATED:
            self._hear_other(command, status, sequence, events)

    def _hear_other(self, command: int, status: int, sequence: int, events: list[Event]) -> None:
        if command == Command.GENERIC_NACK:
            events.append(ErrorReceived(status))
        elif not command & pdu.ANSWER:
            self._out.append(pdu.frame(Command.GENERIC_NACK, sequence, status=Status.RINVCMDID))

    def _answer(self, frame: bytes, status: int, sequence: int, events: list[Event]) -> None:
        entry, late = self._pending.pop(sequence, None), False
        if entry is None:
            entry, late = self._late.pop(sequence, None), True
        if entry is None:
            return
        message_id, congestion = _read_answer(frame)
        self._narrowed = _narrowed(self._window, congestion)
        events.append(SubmitAnswered(entry[0], status, message_id, late))

    def _hear_bind_answer(self, frame: bytes, status: int, events: list[Event]) -> None:
        if status != ESME_ROK:
            events.append(Refused(status))
            self._end("the bind was refused", events)
            return
        # The status is a success; the SMSC's name and version are not essential.
        body = salvage.read(frame).body
        tlvs = body.tlvs if isinstance(body, pdu.BindAnswer) else ()
        version = pdu.find(tlvs, Tag.SC_INTERFACE_VERSION)
        system_id = body.system_id if isinstance(body, pdu.BindAnswer) else ""
        self.state = State.BOUND
        events.append(SessionBound(system_id, version[0] if version else 0x34))

    def _hear_unbind(self, sequence: int, now: float) -> None:
        if self.state in {State.BOUND, State.UNBINDING} and self._peer_unbind is None:
            self._peer_unbind = sequence
            self._unbound_at = now
            self.state = State.UNBINDING

    def _part(self, now: float, events: list[Event]) -> None:
        """End an unbinding session once every submit is answered, or after a timeout."""
        if self.state is not State.UNBINDING:
            return
        if self._peer_unbind is None:
            if now - self._unbound_at >= UNBIND_SECONDS:
                self._end("the SMSC did not answer the unbind", events)
        elif not self._pending or now - self._unbound_at >= UNBIND_SECONDS:
            self._out.append(pdu.frame(Command.UNBIND_RESP, self._peer_unbind))
            self._end("the SMSC unbound", events)

    def _give_up(self, now: float, events: list[Event]) -> None:
        for sequence, (token, sent_at) in list(self._pending.items()):
            if now - sent_at < self._timing.answer:
                break
            self._late[sequence] = (token, now)
            del self._pending[sequence]
            events.append(SubmitTimedOut(token))
        for sequence, (_, given_up_at) in list(self._late.items()):
            if now - given_up_at < LATE_SECONDS:
                break
            del self._late[sequence]

    def _enquire(self, now: float, events: list[Event]) -> None:
        if now - max(self._heard_at, self._enquired_at) < self._timing.enquire:
            return
        if self._misses == _MISSES_MAX:
            self._end(
                f"nothing was read for long: {self.unread_because}"
                if self.unread_because
                else f"no answer to {_MISSES_MAX} enquire_link",
                events,
            )
            return
        self._say(Command.ENQUIRE_LINK)
        self._enquired_at = now
        self._misses += 1

    def _end(self, reason: str, events: list[Event]) -> None:
        self.state = State.CLOSED
        events.append(SessionEnded(reason))


_ARRIVALS: Final = frozenset({Command.DELIVER_SM, Command.DATA_SM})
_BIND_ANSWERS: Final = frozenset(
    {
        Command.BIND_TRANSMITTER_RESP,
        Command.BIND_RECEIVER_RESP,
        Command.BIND_TRANSCEIVER_RESP,
    }
)
# A generic_nack without an error refuses nothing and accepts nothing: a true answer may still come.
_HOLLOW_NACK: Final = pdu.frame(Command.GENERIC_NACK, 0)[4:12]
# Neither has an answer, and neither matters to a client that binds by itself.
_TOLERATED: Final = frozenset({Command.OUTBIND, Command.ALERT_NOTIFICATION})

# SMPP 5.0, 4.8.4.18: from 90 on an SMSC "nears congestion", at 100 it is congested. The answer is
# for an accepted message, so reporting that one as throttled would send it twice: the window is
# narrowed instead, until an answer reports less congestion.
_NEAR_CONGESTION: Final = 90
_CONGESTED: Final = 100


def _narrowed(window: int, congestion: int) -> int:
    if congestion < _NEAR_CONGESTION:
        return window
    return 1 if congestion >= _CONGESTED else max(1, window // 2)


def _read_answer(frame: bytes) -> tuple[str, int]:
    """Return message_id and congestion_state of an answer to a submit, if present.

    The status is in the header, so it counts even where the body cannot be read.
    """
    end = frame.find(0, pdu.HEADER_OCTETS)
    if end == len(frame) - 1:
        name = frame[pdu.HEADER_OCTETS : end].decode("latin-1")
        return (name if name.isalnum() else salvage.tidy_id(name)), 0
    body = salvage.read(frame).body
    if not isinstance(body, pdu.MessageAnswer):
        return "", 0
    congestion = pdu.find(body.tlvs, Tag.CONGESTION_STATE)
    return salvage.tidy_id(body.message_id), congestion[0] if congestion else 0
