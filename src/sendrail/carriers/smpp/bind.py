"""The sockets: one connection for each bind, kept up, and taken up again when it ends.

The only file here that does I/O. What may be said, and when, is for a `Session` to decide; what
came of it is told to a `Listener`.
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
# How long a closing connection may take over its last bytes.
_LINGER_SECONDS: Final = 2.0
# A peer that sends faster than we store waits in its own socket beyond so many.
_UNSTORED_MAX: Final = 2_000
_SWEEP_MIN, _SWEEP_MAX = 0.02, 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the SMSC is, how to know that it is the right one, and how to talk to it."""

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
    """Who is told what became of binds and submits; called on the event loop, and never waits."""

    def bound(self, bind: "Bind") -> None:
        """Take note that the bind is up."""

    def answered(self, answer: SubmitAnswered) -> None:
        """Take the answer to a submit."""

    def unanswered(self, token: Any, detail: str) -> None:
        """Take note that a submit whose bytes may have left has no answer."""

    def room(self, bind: "Bind") -> None:
        """Send more, if there is room for it now that something was heard."""

    def away(self, bind: "Bind", detail: str) -> None:
        """Take note that the bind is down, or did not come up; it will be tried again."""


class Connection(asyncio.Protocol):
    """One session over one socket, for as long as both last.

    `hear` is told the session's events, `lost` once that it is over and why.
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
        shortest = min(timing.answer, timing.enquire)
        self._tick = min(_SWEEP_MAX, max(_SWEEP_MIN, shortest / 10))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to be let in."""
        # uvloop's transports are none of asyncio's classes, though they do the same.
        self._transport = cast("asyncio.Transport", transport)
        # Without it answers and receipts wait for each other's acknowledgements.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session.open(self._clock.monotonic())
        self.flush()
        self._sweep_later()

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._told(self.session.receive(data, self._clock.monotonic()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that nothing more will come."""
        self._gone.set()
        if self._timer is not None:
            self._timer.cancel()
        self._over("the SMSC closed the connection" if exc is None else f"connection lost: {exc}")

    def flush(self) -> None:
        """Write what the session has to say, all of it at once."""
        out = self.session.take()
        # The window bounds what can pile up here, so that no pause of the transport is needed.
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(out)

    def close(self) -> None:
        """End the connection; what was written still leaves, if the peer takes it soon."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)

    async def gone(self) -> None:
        """Wait until the socket is closed, once `close` was called."""
        if self._transport is not None:
            await self._gone.wait()

    def pause_reading(self) -> None:
        """Read no more for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _told(self, events: Sequence[Event]) -> None:
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
            self._told(self.session.sweep(self._clock.monotonic()))
        if self._lost is not None:
            self._sweep_later()


async def connect(endpoint: Endpoint, make: Callable[[], Connection]) -> Connection:
    """Open the socket; raises OSError or ValueError, both with the reason in words."""
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
    """One bind of a connector, brought up again whenever it ends, until `stop`."""

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
        self._unstored = 0
        self._storing: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    # For whoever submits

    @property
    def room(self) -> int:
        """How many submits may leave now."""
        return self._connection.session.room if self._connection is not None else 0

    @property
    def retry_after_ms(self) -> int:
        """How long until the next attempt to come up."""
        return max(0, round((self._again_at - self._clock.monotonic()) * 1_000))

    def submit(self, body: bytes, token: Any, now: float) -> None:
        """Send one submit with the next `flush`; there must be room."""
        assert self._connection is not None, "only a bind that is up has room"
        self._connection.session.submit(body, token, now)

    def flush(self) -> None:
        """Write what was submitted."""
        if self._connection is not None:
            self._connection.flush()

    # Life

    def start(self) -> None:
        """Begin to come up, and stay up."""
        self.connecting = True
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Answer what has arrived, unbind, and hang up."""
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
            except Exception as bug:  # noqa: BLE001 - a bind that nobody keeps never comes up
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
            # A connection that was given up may still end in its own time.
            if self._connection is connection:
                self._away(reason)

        connection = Connection(session, endpoint.timing, self._clock, self._hear, lost)
        self._connection = connection
        return connection

    def _hear(self, events: Sequence[Event]) -> None:
        arrived: list[DeliverReceived] = []
        for event in events:
            match event:
                case SubmitAnswered():
                    self._listener.answered(event)
                case DeliverReceived():
                    arrived.append(event)
                case SubmitTimedOut(token):
                    seconds = self._endpoint.timing.answer
                    self._listener.unanswered(token, f"no answer in {seconds:g} s")
                case SessionBound(system_id, version):
                    self._come_up(system_id, version)
                case Refused(status):
                    self._refused = status
                case SessionEnded():
                    pass
        if arrived:
            self._store(arrived)
        self._listener.room(self)

    def _come_up(self, system_id: str, version: int) -> None:
        self.connecting = False
        self._failures = 0
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
        """Come down; what was under way has no answer, and when to try again is decided."""
        connection, self._connection = self._connection, None
        was_bound = self.is_bound
        self.connecting = False
        self.is_bound = False
        lost = connection.session.lose() if connection is not None else []
        detail = reason if self._refused is None else f"bind refused: {describe(self._refused)}"
        self._again_at = self._clock.monotonic() + self._wait()
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
        tell = _log.error if self._refused in MISCONFIGURED else _log.warning
        tell(
            "smpp_lost" if was_bound else "smpp_bind_failed",
            connector=self._name,
            smsc=str(self._endpoint),
            role=self.role.name.lower(),
            reason=detail,
            uncertain=lost,
            again_in_seconds=round(self._again_at - self._clock.monotonic(), 1),
        )

    # What arrives

    def _store(self, arrived: list[DeliverReceived]) -> None:
        """Deliver what came in one read together, and answer it afterwards."""
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
        except Exception:  # noqa: BLE001 - a bug there must not lose what the SMSC still has
            _log.exception("smpp_delivery_broke", connector=self._name, count=len(arrived))
            status = Status.RX_T_APPN
        full = self._unstored > _UNSTORED_MAX
        self._unstored -= len(arrived)
        if full and self._unstored <= _UNSTORED_MAX:
            connection.resume_reading()
        connection.session.acknowledge(arrived, status)
        connection.flush()


async def probe(role: Role, endpoint: Endpoint, clock: Clock) -> SessionBound:
    """Bind once and unbind; return what the SMSC said of itself.

    Raises `CarrierTrouble` that says what is wrong.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    told: list[Event] = []

    def hear(events: Sequence[Event]) -> None:
        told.extend(events)
        if any(isinstance(event, SessionBound) for event in events):
            connection.session.unbind(clock.monotonic())

    def lost(reason: str) -> None:
        told.append(SessionEnded(reason))
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
    for event in told:
        if isinstance(event, SessionBound):
            return event
        if isinstance(event, Refused):
            raise CarrierTrouble(
                f"{endpoint} refuses to bind {endpoint.bind.system_id!r} as "
                f"{role.name.lower()}: {describe(event.status)}."
            )
    reason = next(event.reason for event in told if isinstance(event, SessionEnded))
    raise CarrierTrouble(f"{endpoint} did not answer the bind: {reason}.")
