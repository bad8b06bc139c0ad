"""Opens and closes the connectors of a running server by their rows, and stores their states.

A connector that cannot be opened does not affect the others: it is reported as broken, with the
reason, and tried again. Each is opened and closed in its own task, so that a slow one delays none.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from sendrail.carriers.sdk import Carrier, ProcessIndex, SharesConnections
from sendrail.clock import Clock
from sendrail.connectors.service import FOUND_PACE_MS, ConnectorService
from sendrail.delivery.reserved_slices import ReservedSlices
from sendrail.delivery.routing import Route, Routes
from sendrail.domain.breaker import BreakerState
from sendrail.domain.errors import CarrierTrouble, ConnectorUnread, SendrailError
from sendrail.domain.ids import ConnectorId
from sendrail.domain.receipt import Callback
from sendrail.domain.sender import Connector, ConnectorReport, ConnectorState, ReportedPace
from sendrail.receipts.inbox import CallbackInbox
from sendrail.rounds import hinted, until_next
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# How often changed states of connectors are stored.
_REPORT_SECONDS: Final = 1.0
# A found pace moves all the time: it is stored anew where it has moved by such a part, and within
# the time in which a reader takes it for what is so (`ConnectorService`).
_PACE_MOVES: Final = 0.05
_PACE_REPORT_MS: Final = FOUND_PACE_MS // 3
# What processes that are gone have left behind.
_OLD_PACES_MS: Final = 24 * 3_600_000
_START_SECONDS: Final = 30.0
# How long a start of the server waits for its connectors; slower ones open later.
_PATIENCE_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 60.0
_DETAIL_MAX: Final = 200


class ConnectorSupervisor:
    """Opens, closes and reports connectors until stopped."""

    def __init__(
        self,
        store: Store,
        routes: Routes,
        connectors: ConnectorService,
        inbox: CallbackInbox,
        metrics: Metrics,
        *,
        clock: Clock,
        rests_until: float,
        opens: bool = True,
        is_shared: bool = False,
        part: Callable[[], ProcessIndex] = ProcessIndex,
        process: str = "",
    ) -> None:
        """Prepare; without `opens` it only parses callbacks.

        `is_shared` says that other processes submit by the same connectors; `part` returns this
        process's share, and `process` is its name among them.
        """
        self._store = store
        self._routes = routes
        self._connectors = connectors
        self._inbox = inbox
        self._metrics = metrics
        self._clock = clock
        self._rests_until = rests_until
        self._opens = opens
        self._is_shared = is_shared
        self._part = part
        self._process = process
        # This process's share of each connector when it was opened.
        self._parts: dict[ConnectorId, ProcessIndex] = {}
        # How many complete looks at the rows there were; and, for each requested connector that was
        # not there, the count at that time.
        self._looks = 0
        self._missed: dict[ConnectorId, int] = {}
        self._wanted: dict[ConnectorId, Connector] = {}
        # The version of each connector that is open or was tried.
        self._versions: dict[ConnectorId, int] = {}
        self._broken: dict[ConnectorId, tuple[str, float]] = {}
        self._moves: dict[ConnectorId, asyncio.Task[None]] = {}
        # Kept after a connector is closed: its callbacks may still wait to be parsed.
        self._carriers: dict[ConnectorId, Carrier] = {}
        self._reported: dict[ConnectorId, ConnectorReport] = {}
        # The found paces as they are stored; None before the first report.
        self._paces: Mapping[ConnectorId, ReportedPace] | None = None
        # The connectors whose metrics are exported, by name; and those with a found pace.
        self._gauged: set[str] = set()
        self._paced: set[str] = set()

    async def open_all(self) -> None:
        """Open all connectors; return after a few seconds even if some are slow."""
        await self.look()
        if self._moves:
            await asyncio.wait(self._moves.values(), timeout=_PATIENCE_SECONDS)
        await self.report()

    async def run(self) -> None:
        """Follow the rows until cancelled."""
        event = self._store.hints.connectors_event
        while True:
            await hinted(event, until_next(_REPORT_SECONDS))
            try:
                if event.is_set() or self._retries_due():
                    event.clear()
                    await self.look()
                await self.report()
            except SendrailError as error:
                _log.warning("connectors_postponed", reason=error.code)
                event.set()
                await asyncio.sleep(_REPORT_SECONDS)

    async def close(self) -> None:
        """Stop all carriers concurrently; submits under way are finished."""
        for task in self._moves.values():
            task.cancel()
        await asyncio.gather(*self._moves.values(), return_exceptions=True)
        routes = self._routes.all()
        for route in routes:
            self._routes.remove(route.connector.id)
        await asyncio.gather(*(_stop(route.connector.name, route.carrier) for route in routes))

    def parse(self, connector_id: ConnectorId, raw: bytes) -> Sequence[Callback]:
        """Parse a callback of a connector.

        Raise `CarrierTrouble` when it cannot be parsed, `ConnectorUnread` when the connector's row
        has not been read yet.
        """
        carrier = self._carriers.get(connector_id)
        if carrier is None:
            if self._missed.setdefault(connector_id, self._looks) == self._looks:
                # Another process may have added it since the last look.
                self._store.hints.connectors_event.set()
                raise ConnectorUnread(f"Connector {connector_id} has not been read here yet.")
            raise CarrierTrouble(f"connector {connector_id} is not open here")
        return carrier.parse(raw)

    # Following the rows

    async def look(self) -> None:
        """Compare the rows with the open connectors, and start the changes."""
        rows = await self._connectors.rows()
        self._wanted = {connector.id: connector for connector, _ in rows}
        for connector_id in self._versions.keys() - self._wanted.keys():
            self._begin(connector_id, self._close(connector_id))
        now = self._clock.monotonic()
        for connector, token in rows:
            is_new = self._versions.get(connector.id) != connector.version
            if is_new or self._is_due(connector.id, now) or self._is_spread_anew(connector.id):
                self._begin(connector.id, self._reopen(connector, token))
            else:
                self._routes.pause(connector.id, connector.paused_at is not None)
        if not self._moves:
            self._looks += 1

    def _is_spread_anew(self, connector_id: ConnectorId) -> bool:
        """Return whether this process's share of an open connector has changed."""
        carrier: object = self._carriers.get(connector_id)
        if not isinstance(carrier, SharesConnections):
            return False
        before = self._parts[connector_id]
        return carrier.connections(before) != carrier.connections(self._part())

    def _begin(self, connector_id: ConnectorId, move: Coroutine[Any, Any, None]) -> None:
        if connector_id in self._moves:
            # One change at a time; the end of this one triggers another look.
            move.close()
            return
        task = self._moves[connector_id] = asyncio.get_running_loop().create_task(move)
        task.add_done_callback(lambda _: self._moved(connector_id))

    def _moved(self, connector_id: ConnectorId) -> None:
        del self._moves[connector_id]
        self._store.hints.connectors_event.set()

    async def _reopen(self, connector: Connector, token: bytes | None) -> None:
        again = connector.id in self._carriers
        await self._close(connector.id)
        self._versions[connector.id] = connector.version
        self._broken.pop(connector.id, None)
        try:
            part = self._part()
            carrier = self._carriers[connector.id] = self._connectors.carrier_of(
                connector, token, part
            )
            self._parts[connector.id] = part
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._break(connector, error)
            return
        if not self._opens:
            return
        try:
            async with asyncio.timeout(_START_SECONDS):
                await carrier.start(self._deliver(connector.id))
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._break(connector, error)
            await _stop(connector.name, carrier)
            return
        # Messages of the old version count against the pace, so the new one waits for a second.
        rests_until = self._clock.monotonic() + 1.0 if again else self._rests_until
        reserved = None
        if self._is_shared and (connector.mps or connector.segments_per_second):
            reserved = ReservedSlices(connector, self._routes.wished.set)
        route = Route(connector, carrier, rests_until, reserved)
        route.paused = connector.paused_at is not None
        self._routes.put(route)
        _log.info("connector_opened", connector=connector.name, kind=connector.kind)

    async def _close(self, connector_id: ConnectorId) -> None:
        self._versions.pop(connector_id, None)
        self._broken.pop(connector_id, None)
        route = self._routes.of(connector_id)
        if route is not None:
            self._routes.remove(connector_id)
            await _stop(route.connector.name, route.carrier)
            _log.info("connector_closed", connector=route.connector.name)
        if connector_id not in self._wanted:
            self._reported.pop(connector_id, None)

    def _break(self, connector: Connector, error: Exception) -> None:
        reason = type(error).__name__
        if isinstance(error, SendrailError):
            reason = error.message
            with suppress(SendrailError):
                reason = self._connectors.masked(connector, reason)
        elif isinstance(error, TimeoutError):
            reason = f"did not start within {_START_SECONDS:.0f} s"
        self._broken[connector.id] = reason[:_DETAIL_MAX], self._clock.monotonic() + _RETRY_SECONDS
        _log.error("connector_broken", connector=connector.name, kind=connector.kind, reason=reason)

    def _retries_due(self) -> bool:
        now = self._clock.monotonic()
        return any(self._is_due(connector_id, now) for connector_id in self._broken)

    def _is_due(self, connector_id: ConnectorId, now: float) -> bool:
        return connector_id in self._broken and self._broken[connector_id][1] <= now

    def _deliver(
        self, connector_id: ConnectorId
    ) -> Callable[[Sequence[bytes]], Coroutine[Any, Any, None]]:
        async def deliver(raws: Sequence[bytes]) -> None:
            await self._inbox.put(connector_id, raws)

        return deliver

    # Reporting

    async def report(self) -> None:
        """Store the states and the found paces that have changed since they were last stored."""
        if not self._opens:
            return
        news, paces = self._changed_states(), self._found_paces()
        if not news and not self._have_moved(paces):
            return
        is_first, before = self._paces is None, self._clock.now() - _OLD_PACES_MS

        def write(tx: Tx) -> None:
            tx.connectors.report(news)
            if is_first:
                tx.connectors.forget_paces(before)
            tx.connectors.report_paces(self._process, paces)

        await self._store.write(write)
        self._reported |= news
        self._paces = paces

    def _changed_states(self) -> dict[ConnectorId, ConnectorReport]:
        """Return the states to be stored; the metrics show all of them."""
        news: dict[ConnectorId, ConnectorReport] = {}
        self._forget_gauges()
        for connector_id, connector in self._wanted.items():
            state, detail = self._state(connector)
            self._metrics.connector_open.labels(connector.name).set(state is ConnectorState.OPEN)
            self._metrics.connector_paused.labels(connector.name).set(
                state is ConnectorState.PAUSED
            )
            self._gauged.add(connector.name)
            last = self._reported.get(connector_id)
            if last is None or (last.state, last.detail) != (state, detail):
                news[connector_id] = ConnectorReport(
                    state=state, detail=detail, since=self._clock.now()
                )
        return news

    def _found_paces(self) -> dict[ConnectorId, ReportedPace]:
        """Return the paces of the connectors that are throttled; the metrics show them."""
        at, monotonic = self._clock.now(), self._clock.monotonic()
        found: dict[ConnectorId, ReportedPace] = {}
        names: set[str] = set()
        for route in self._routes.all():
            if (pace := route.found_pace(monotonic)) is None:
                continue
            found[route.connector.id] = ReportedPace(
                process=self._process, per_second=pace.per_second, limit=pace.limit, at=at
            )
            names.add(route.connector.name)
            gauge = self._metrics.found_pace.labels(route.connector.name)
            gauge.set(pace.per_second)
        for name in self._paced - names:
            self._metrics.found_pace.remove(name)
        self._paced = names
        return found

    def _have_moved(self, paces: Mapping[ConnectorId, ReportedPace]) -> bool:
        """Return whether found paces differ from what is stored by so much that it is stale."""
        stored = self._paces
        if stored is None or stored.keys() != paces.keys():
            return True
        return any(has_moved(stored[each], paces[each]) for each in paces)

    def _forget_gauges(self) -> None:
        # A removed connector must not be shown as down.
        for name in self._gauged - {connector.name for connector in self._wanted.values()}:
            self._gauged.discard(name)
            self._metrics.connector_open.remove(name)
            self._metrics.connector_paused.remove(name)

    def _state(self, connector: Connector) -> tuple[ConnectorState, str]:
        if connector.id in self._broken:
            return ConnectorState.BROKEN, self._broken[connector.id][0]
        route = self._routes.of(connector.id)
        if route is None:
            return ConnectorState.CLOSED, "the server opens or closes it just now"
        if route.paused:
            return ConnectorState.PAUSED, ""
        if route.breaker.state is BreakerState.CLOSED:
            return ConnectorState.OPEN, ""
        return ConnectorState.RESTING, self._connectors.masked(connector, route.breaker.detail)[
            :_DETAIL_MAX
        ]


def has_moved(before: ReportedPace, now: ReportedPace) -> bool:
    """Return whether a stored pace is to be stored anew."""
    is_old = now.at - before.at >= _PACE_REPORT_MS
    return is_old or abs(now.per_second - before.per_second) > before.per_second * _PACE_MOVES


async def _stop(name: str, carrier: Carrier) -> None:
    try:
        await carrier.stop()
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
        _log.error("connector_stop_broke", connector=name, error=type(error).__name__)
