"""The sockets: one connection for each bind, opened again whenever it ends.

The only file of the package that does I/O. A `Session` decides what may be sent and when; a
`Listener` gets the results.
"""

import asyncio
import random
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import structlog

from sendrail.carriers.sdk import Deliver
from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.session import (
    DeliverReceived,
    ErrorReceived,
    Event,
    Refused,
    Role,
    Session,
    SessionBound,
    SessionEnded,
    State,
    SubmitAnswered,
    SubmitTimedOut,
    Timing,
)
from sendrail.carriers.smpp.status import ESME_ROK, MISCONFIGURED, Status, describe
from sendrail.clock import Clock
from sendrail.domain.errors import CarrierTrouble, StorageUnavailable

_BACKOFF_FIRST: Final = 1.0
_BACKOFF_MAX: Final = 60.0
# A bind that was up for so long, or brought anything, was a good one: its end is a new trouble.
_PROVED_SECONDS: Final = 30.0
# How long a closing connection may take to write its last bytes.
_LINGER_SECONDS: Final = 2.0
# Reading pauses beyond so many undelivered PDUs, so that a fast peer waits in its own socket.
_UNSTORED_MAX: Final = 2_000
# Why nothing is read.
_NOT_STORED: Final = "our storage has not taken what came before"
_NOT_TAKEN: Final = "the SMSC takes none of our answers"
_SWEEP_MIN, _SWEEP_MAX = 0.02, 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The SMSC's address, its TLS context, and the bind's credentials and timing."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    server_name: str | None
    bind: pdu.Bind
    window: int
    timing: Timing
    connect_seconds: float

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Listener(Protocol):
    """Gets the events of binds and submits; called on the event loop, so it must not block."""

    def bound(self, bind: "Bind") -> None:
        """Handle a bind that has come up."""

    def answered(self, answer: SubmitAnswered) -> None:
        """Handle the answer to a submit."""

    def unanswered(self, token: Any, detail: str) -> None:
        """Handle a submit whose bytes may have left and that got no answer."""

    def room(self, bind: "Bind") -> None:
        """Submit more if the window has room; called after each read."""

    def away(self, bind: "Bind", detail: str) -> None:
        """Handle a bind that is down or did not come up; it will be tried again."""


class Connection(asyncio.Protocol):
    """One session over one socket, until one of them ends.

    `hear` gets the session's events; `lost` is called once, with the reason for the end.
    """

    def __init__(
        self,
        session: Session,
        timing: Timing,
        clock: Clock,
        hear: Callable[[Sequence[Event]], None],
        lost: Callable[[str], None],
    ) -> None:
        self.session = session
        self._clock = clock
        self._hear = hear
        self._lost: Callable[[str], None] | None = lost
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        # Why nothing is read: what has arrived is not stored yet, or the peer reads no answers.
        self._is_held = False
        self._is_backed_up = False
        shortest = min(timing.answer, timing.enquire)
        self._tick = min(_SWEEP_MAX, max(_SWEEP_MIN, shortest / 10))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the bind request."""
        # uvloop's transports are not subclasses of asyncio's, though they have the same methods.
        self._transport = cast("asyncio.Transport", transport)
        # Without TCP_NODELAY, small PDUs wait for the TCP acknowledgement of earlier ones.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session.open(self._clock.monotonic())
        self.flush()
        self._sweep_later()

    def data_received(self, data: bytes) -> None:
        """Read the bytes that have arrived."""
        self._apply(self.session.receive(data, self._clock.monotonic()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Call `lost`: nothing more will arrive."""
        self._gone.set()
        if self._timer is not None:
            self._timer.cancel()
        self._over("the SMSC closed the connection" if exc is None else f"connection lost: {exc}")

    def flush(self) -> None:
        """Write all bytes that the session has ready."""
        out = self.session.take()
        # The window bounds the submits among them; for the answers see `pause_writing`.
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(out)

    def close(self) -> None:
        """Close the connection; bytes already written still leave, if the peer reads them soon."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)

    async def gone(self) -> None:
        """Wait until the socket is closed, once `close` was called."""
        if self._transport is not None:
            await self._gone.wait()

    def pause_writing(self) -> None:
        """Stop reading: a peer that asks without end must read its answers, too."""
        self._is_backed_up = True
        self._read_or_rest()

    def resume_writing(self) -> None:
        """Go on reading: the peer has read what was written."""
        self._is_backed_up = False
        self._read_or_rest()

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`."""
        self._is_held = True
        self._read_or_rest()

    def resume_reading(self) -> None:
        """Go on reading."""
        self._is_held = False
        self._read_or_rest()

    def _read_or_rest(self) -> None:
        backed_up = _NOT_TAKEN if self._is_backed_up else ""
        self.session.unread_because = _NOT_STORED if self._is_held else backed_up
        if self._transport is None or self._transport.is_closing():
            return
        if self.session.unread_because:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _apply(self, events: Sequence[Event]) -> None:
        if events:
            self._hear(events)
        self.flush()
        if self.session.state is State.CLOSED:
            ended = next((each for each in events if isinstance(each, SessionEnded)), None)
            self._over(ended.reason if ended is not None else "the session ended")
            self.close()

    def _over(self, reason: str) -> None:
        lost, self._lost = self._lost, None
        if lost is not None:
            lost(reason)

    def _sweep_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._sweep)

    def _sweep(self) -> None:
        if self.session.state is not State.CLOSED:
            self._apply(self.session.sweep(self._clock.monotonic()))
        if self._lost is not None:
            self._sweep_later()


async def connect(endpoint: Endpoint, make: Callable[[], Connection]) -> Connection:
    """Open the socket; raise OSError or ValueError, with the reason as text."""
    try:
        async with asyncio.timeout(endpoint.connect_seconds):
            _, connection = await asyncio.get_running_loop().create_connection(
                make,
                endpoint.host,
                endpoint.port,
                ssl=endpoint.tls,
                server_hostname=endpoint.server_name if endpoint.tls is not None else None,
            )
    except TimeoutError:
        raise TimeoutError(f"no connection within {endpoint.connect_seconds:g} s") from None
    return connection


class Bind:
    """One bind of a connector, opened again whenever it ends, until `stop`."""

    def __init__(
        self,
        name: str,
        role: Role,
        endpoint: Endpoint,
        listener: Listener,
        deliver: Deliver,
        *,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.role = role
        self.connecting = False
        self.is_bound = False
        self._name = name
        self._endpoint = endpoint
        self._listener = listener
        self._deliver = deliver
        self._clock = clock
        self._chance = chance
        self._connection: Connection | None = None
        self._down = asyncio.Event()
        self._stopping = asyncio.Event()
        self._failures = 0
        self._refused: int | None = None
        self._again_at = 0.0
        self._bound_at = 0.0
        self._unstored = 0
        self._storing: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    # For the dispatcher

    @property
    def room(self) -> int:
        """How many submits the window admits now."""
        return self._connection.session.room if self._connection is not None else 0

    @property
    def retry_after_ms(self) -> int:
        """The milliseconds until the next attempt to bind."""
        return max(0, round((self._again_at - self._clock.monotonic()) * 1_000))

    def submit(self, body: bytes, token: Any, now: float) -> None:
        """Send one submit with the next `flush`; there must be room."""
        assert self._connection is not None, "only a bind that is up has room"
        self._connection.session.submit(body, token, now)

    def flush(self) -> None:
        """Write the submits to the socket."""
        if self._connection is not None:
            self._connection.flush()

    # Life

    def start(self) -> None:
        """Start to bind; bind again whenever the connection ends."""
        self.connecting = True
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Acknowledge what has arrived, unbind, and close the connection."""
        self._stopping.set()
        while self._storing:
            await asyncio.wait(self._storing)
        connection = self._connection
        if connection is not None and self.is_bound:
            connection.session.unbind(self._clock.monotonic())
            connection.flush()
            await self._down.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            self._away("the connector was stopped")
        if connection is not None:
            connection.close()
            await connection.gone()

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            self.connecting = True
            self._down.clear()
            try:
                self._refused = None
                await connect(self._endpoint, self._make)
            except (OSError, ValueError) as error:
                self._away(f"cannot connect to {self._endpoint}: {error}")
            except Exception as bug:  # noqa: BLE001 - without its task a bind never comes up
                _log.exception("smpp_connect_broke", connector=self._name)
                self._away(f"cannot connect to {self._endpoint}: {bug!r}")
            await self._down.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._again_at - self._clock.monotonic())):
                    await self._stopping.wait()

    def _make(self) -> Connection:
        endpoint = self._endpoint
        session = Session(self.role, endpoint.bind, window=endpoint.window, timing=endpoint.timing)

        def lost(reason: str) -> None:
            # A connection that was abandoned may still report its end later.
            if self._connection is connection:
                self._away(reason)

        connection = Connection(session, endpoint.timing, self._clock, self._hear, lost)
        self._connection = connection
        return connection

    def _hear(self, events: Sequence[Event]) -> None:
        arrived: list[DeliverReceived] = []
        nacked: list[int] = []
        for event in events:
            match event:
                case SubmitAnswered():
                    self._failures = 0
                    self._listener.answered(event)
                case DeliverReceived():
                    self._failures = 0
                    arrived.append(event)
                case SubmitTimedOut(token):
                    self._listener.unanswered(token, self._why_unanswered())
                case SessionBound(system_id, version):
                    self._come_up(system_id, version)
                case Refused(status):
                    self._refused = status
                case ErrorReceived(status):
                    nacked.append(status)
        if nacked:
            self._note_nacks(nacked)
        if arrived:
            self._store(arrived)
        self._listener.room(self)

    def _note_nacks(self, statuses: Sequence[int]) -> None:
        # What they were about ends by its time-out; without this line only that would be seen.
        count, first = len(statuses), describe(statuses[0])
        _log.warning("smpp_nacked", connector=self._name, status=first, count=count)

    def _why_unanswered(self) -> str:
        unread = "" if self._connection is None else self._connection.session.unread_because
        text = f"no answer in {self._endpoint.timing.answer:g} s"
        return f"{text}: nothing is read, because {unread}" if unread else text

    def _come_up(self, system_id: str, version: int) -> None:
        self.connecting = False
        self._bound_at = self._clock.monotonic()
        self.is_bound = True
        _log.info(
            "smpp_bound",
            connector=self._name,
            smsc=str(self._endpoint),
            role=self.role.name.lower(),
            system_id=system_id,
            version=f"0x{version:02x}",
        )
        self._listener.bound(self)

    def _away(self, reason: str) -> None:
        """Mark the bind as down, report open submits as unanswered, and set the next attempt."""
        connection, self._connection = self._connection, None
        was_bound = self.is_bound
        self.connecting = False
        self.is_bound = False
        lost = connection.session.lose() if connection is not None else []
        detail = reason if self._refused is None else f"bind refused: {describe(self._refused)}"
        now = self._clock.monotonic()
        if was_bound and now - self._bound_at >= _PROVED_SECONDS:
            self._failures = 0
        self._again_at = now + self._wait()
        if not self._stopping.is_set():
            self._log_away(detail, was_bound, len(lost))
        for token in lost:
            self._listener.unanswered(token, f"no answer: {detail}")
        self._listener.away(self, detail)
        self._down.set()

    def _wait(self) -> float:
        """Return how long to wait before the next attempt, in seconds."""
        wait = min(_BACKOFF_MAX, _BACKOFF_FIRST * 2.0**self._failures)
        if self._refused in MISCONFIGURED:
            wait = _BACKOFF_MAX
        self._failures = min(self._failures + 1, 16)
        return wait * self._chance.uniform(0.75, 1.25)

    def _log_away(self, detail: str, was_bound: bool, lost: int) -> None:
        write = _log.error if self._refused in MISCONFIGURED else _log.warning
        write(
            "smpp_lost" if was_bound else "smpp_bind_failed",
            connector=self._name,
            smsc=str(self._endpoint),
            role=self.role.name.lower(),
            reason=detail,
            uncertain=lost,
            again_in_seconds=round(self._again_at - self._clock.monotonic(), 1),
        )

    # Arriving PDUs

    def _store(self, arrived: list[DeliverReceived]) -> None:
        """Deliver the PDUs of one read together, then acknowledge them."""
        connection = self._connection
        assert connection is not None
        self._unstored += len(arrived)
        if self._unstored > _UNSTORED_MAX:
            connection.pause_reading()
        task = asyncio.get_running_loop().create_task(self._store_all(arrived, connection))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _store_all(self, arrived: list[DeliverReceived], connection: Connection) -> None:
        status: int = ESME_ROK
        try:
            await self._deliver([each.raw for each in arrived])
        except StorageUnavailable:
            status = Status.RX_T_APPN
        except Exception:  # noqa: BLE001 - after a bug there the SMSC must send the PDUs again
            _log.exception("smpp_delivery_broke", connector=self._name, count=len(arrived))
            status = Status.RX_T_APPN
        full = self._unstored > _UNSTORED_MAX
        self._unstored -= len(arrived)
        if full and self._unstored <= _UNSTORED_MAX and self._connection is not None:
            # Perhaps another one than these came by: it waits for them as well.
            self._connection.resume_reading()
        connection.session.acknowledge(arrived, status)
        connection.flush()


async def probe(role: Role, endpoint: Endpoint, clock: Clock) -> SessionBound:
    """Bind once and unbind; return what the SMSC reports about itself.

    Raise `CarrierTrouble` with the reason when binding fails.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    seen: list[Event] = []

    def hear(events: Sequence[Event]) -> None:
        seen.extend(events)
        if any(isinstance(event, SessionBound) for event in events):
            connection.session.unbind(clock.monotonic())

    def lost(reason: str) -> None:
        seen.append(SessionEnded(reason))
        over.set_result(None)

    session = Session(role, endpoint.bind, window=1, timing=endpoint.timing)
    connection = Connection(session, endpoint.timing, clock, hear, lost)
    try:
        await connect(endpoint, lambda: connection)
    except (OSError, ValueError) as error:
        raise CarrierTrouble(f"Cannot connect to {endpoint}: {error}.") from error
    try:
        await over
    finally:
        connection.close()
    await connection.gone()
    for event in seen:
        if isinstance(event, SessionBound):
            return event
        if isinstance(event, Refused):
            raise CarrierTrouble(
                f"{endpoint} refuses to bind {endpoint.bind.system_id!r} as "
                f"{role.name.lower()}: {describe(event.status)}."
            )
    reason = next(event.reason for event in seen if isinstance(event, SessionEnded))
    raise CarrierTrouble(f"{endpoint} did not answer the bind: {reason}.")
