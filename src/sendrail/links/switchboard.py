"""Keeps the open links of a running server as the rows say, and writes down how they are.

A link that cannot be opened breaks nobody else: it is told as broken, with the reason, and tried
again. Each link is opened and closed in a task of its own, so that a slow one delays none.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from sendrail.carriers.sdk import Carrier, Part, SharesConnections
from sendrail.clock import Clock
from sendrail.delivery.allowance import Allowance
from sendrail.delivery.routing import Route, Routes
from sendrail.domain.breaker import BreakerState
from sendrail.domain.errors import CarrierTrouble, LinkUnread, SendrailError
from sendrail.domain.ids import LinkId
from sendrail.domain.receipt import Callback
from sendrail.domain.sender import Link, LinkReport, LinkState
from sendrail.links.service import LinkService
from sendrail.receipts.intake import Intake
from sendrail.storage.interface import Store
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# How often the links' states are written, where they have changed.
_TELL_SECONDS: Final = 1.0
_START_SECONDS: Final = 30.0
# How long a start of the server waits for its links; the slower ones follow.
_PATIENCE_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 60.0
_DETAIL_MAX: Final = 200


class Switchboard:
    """Opens, closes and reports links until told to stop."""

    def __init__(
        self,
        store: Store,
        routes: Routes,
        links: LinkService,
        intake: Intake,
        metrics: Metrics,
        *,
        clock: Clock,
        rests_until: float,
        opens: bool = True,
        is_shared: bool = False,
        part: Callable[[], Part] = Part,
    ) -> None:
        """Prepare; without `opens` it only reads what carriers called back with.

        `is_shared` where other processes hand over by the same links; `part` tells what of them
        is ours.
        """
        self._store = store
        self._routes = routes
        self._links = links
        self._intake = intake
        self._metrics = metrics
        self._clock = clock
        self._rests_until = rests_until
        self._opens = opens
        self._is_shared = is_shared
        self._part = part
        # What of each link was ours when it was opened.
        self._parts: dict[LinkId, Part] = {}
        # How often we have looked and found everything done; and the links that were asked for and
        # not there, with how often it was by then.
        self._looks = 0
        self._missed: dict[LinkId, int] = {}
        self._wanted: dict[LinkId, Link] = {}
        # What is opened, or was tried: the version of each.
        self._versions: dict[LinkId, int] = {}
        self._broken: dict[LinkId, tuple[str, float]] = {}
        self._moves: dict[LinkId, asyncio.Task[None]] = {}
        # Kept when a link is closed: callbacks of it may still wait to be parsed.
        self._carriers: dict[LinkId, Carrier] = {}
        self._told: dict[LinkId, LinkReport] = {}
        # The links whose gauges are shown, by name.
        self._gauged: set[str] = set()

    async def open_all(self) -> None:
        """Open the links there are; go on after a moment, should one of them be slow."""
        await self.look()
        if self._moves:
            await asyncio.wait(self._moves.values(), timeout=_PATIENCE_SECONDS)
        await self.tell()

    async def run(self) -> None:
        """Follow the rows until cancelled."""
        event = self._store.hints.links_event
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TELL_SECONDS):
                    await event.wait()
            try:
                if event.is_set() or self._retries_due():
                    event.clear()
                    await self.look()
                await self.tell()
            except SendrailError as error:
                _log.warning("links_postponed", reason=error.code)
                event.set()
                await asyncio.sleep(_TELL_SECONDS)

    async def close(self) -> None:
        """Stop every carrier, all at the same time; what they are asked last is answered."""
        for task in self._moves.values():
            task.cancel()
        await asyncio.gather(*self._moves.values(), return_exceptions=True)
        routes = self._routes.all()
        for route in routes:
            self._routes.remove(route.link.id)
        await asyncio.gather(*(_stop(route.link.name, route.carrier) for route in routes))

    def parse(self, link_id: LinkId, raw: bytes) -> Sequence[Callback]:
        """Return what a callback of a link says. Raises `CarrierTrouble`, and `LinkUnread`."""
        carrier = self._carriers.get(link_id)
        if carrier is None:
            if self._missed.setdefault(link_id, self._looks) == self._looks:
                # Another process may have added it since we looked.
                self._store.hints.links_event.set()
                raise LinkUnread(f"Link {link_id} has not been read here yet.")
            raise CarrierTrouble(f"link {link_id} is not open here")
        return carrier.parse(raw)

    # Following the rows

    async def look(self) -> None:
        """Compare the rows with what is open, and begin to make it so."""
        rows = await self._links.rows()
        self._wanted = {link.id: link for link, _ in rows}
        for link_id in self._versions.keys() - self._wanted.keys():
            self._begin(link_id, self._close(link_id))
        now = self._clock.monotonic()
        for link, token in rows:
            is_new = self._versions.get(link.id) != link.version
            if is_new or self._is_due(link.id, now) or self._is_spread_anew(link.id):
                self._begin(link.id, self._reopen(link, token))
            else:
                self._routes.pause(link.id, link.paused_at is not None)
        if not self._moves:
            self._looks += 1

    def _is_spread_anew(self, link_id: LinkId) -> bool:
        """Tell whether another number of an open link's connections is ours by now."""
        carrier: object = self._carriers.get(link_id)
        if not isinstance(carrier, SharesConnections):
            return False
        before = self._parts[link_id]
        return carrier.connections(before) != carrier.connections(self._part())

    def _begin(self, link_id: LinkId, move: Coroutine[Any, Any, None]) -> None:
        if link_id in self._moves:
            # One thing after the other; its end has us look again.
            move.close()
            return
        task = self._moves[link_id] = asyncio.get_running_loop().create_task(move)
        task.add_done_callback(lambda _: self._moved(link_id))

    def _moved(self, link_id: LinkId) -> None:
        del self._moves[link_id]
        self._store.hints.links_event.set()

    async def _reopen(self, link: Link, token: bytes | None) -> None:
        again = link.id in self._carriers
        await self._close(link.id)
        self._versions[link.id] = link.version
        self._broken.pop(link.id, None)
        try:
            part = self._part()
            carrier = self._carriers[link.id] = self._links.carrier_of(link, token, part)
            self._parts[link.id] = part
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._break(link, error)
            return
        if not self._opens:
            return
        try:
            async with asyncio.timeout(_START_SECONDS):
                await carrier.start(self._deliver(link.id))
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._break(link, error)
            await _stop(link.name, carrier)
            return
        # What left by the link as it was counts against its pace.
        rests_until = self._clock.monotonic() + 1.0 if again else self._rests_until
        allowance = None
        if self._is_shared and (link.mps or link.segments_per_second):
            allowance = Allowance(link, self._routes.wished.set)
        route = Route(link, carrier, rests_until, allowance)
        route.paused = link.paused_at is not None
        self._routes.put(route)
        _log.info("link_opened", link=link.name, kind=link.kind)

    async def _close(self, link_id: LinkId) -> None:
        self._versions.pop(link_id, None)
        self._broken.pop(link_id, None)
        route = self._routes.of(link_id)
        if route is not None:
            self._routes.remove(link_id)
            await _stop(route.link.name, route.carrier)
            _log.info("link_closed", link=route.link.name)
        if link_id not in self._wanted:
            self._told.pop(link_id, None)

    def _break(self, link: Link, error: Exception) -> None:
        reason = type(error).__name__
        if isinstance(error, SendrailError):
            reason = error.message
            with suppress(SendrailError):
                reason = self._links.told(link, reason)
        elif isinstance(error, TimeoutError):
            reason = f"did not start within {_START_SECONDS:.0f} s"
        self._broken[link.id] = reason[:_DETAIL_MAX], self._clock.monotonic() + _RETRY_SECONDS
        _log.error("link_broken", link=link.name, kind=link.kind, reason=reason)

    def _retries_due(self) -> bool:
        now = self._clock.monotonic()
        return any(self._is_due(link_id, now) for link_id in self._broken)

    def _is_due(self, link_id: LinkId, now: float) -> bool:
        return link_id in self._broken and self._broken[link_id][1] <= now

    def _deliver(self, link_id: LinkId) -> Callable[[Sequence[bytes]], Coroutine[Any, Any, None]]:
        async def deliver(raws: Sequence[bytes]) -> None:
            await self._intake.put(link_id, raws)

        return deliver

    # Telling

    async def tell(self) -> None:
        """Write down the states that have changed since they were last written."""
        if not self._opens:
            return
        news: dict[LinkId, LinkReport] = {}
        self._forget_gauges()
        for link_id, link in self._wanted.items():
            state, detail = self._state(link)
            self._metrics.link_open.labels(link.name).set(state is LinkState.OPEN)
            self._metrics.link_paused.labels(link.name).set(state is LinkState.PAUSED)
            self._gauged.add(link.name)
            told = self._told.get(link_id)
            if told is None or (told.state, told.detail) != (state, detail):
                news[link_id] = LinkReport(state=state, detail=detail, since=self._clock.now())
        if news:
            await self._store.write(lambda tx: tx.links.report(news))
            self._told |= news

    def _forget_gauges(self) -> None:
        # A link that is gone is not a link that is down.
        for name in self._gauged - {link.name for link in self._wanted.values()}:
            self._gauged.discard(name)
            self._metrics.link_open.remove(name)
            self._metrics.link_paused.remove(name)

    def _state(self, link: Link) -> tuple[LinkState, str]:
        if link.id in self._broken:
            return LinkState.BROKEN, self._broken[link.id][0]
        route = self._routes.of(link.id)
        if route is None:
            return LinkState.CLOSED, "the server opens or closes it just now"
        if route.paused:
            return LinkState.PAUSED, ""
        if route.breaker.state is BreakerState.CLOSED:
            return LinkState.OPEN, ""
        return LinkState.RESTING, self._links.told(link, route.breaker.detail)[:_DETAIL_MAX]


async def _stop(name: str, carrier: Carrier) -> None:
    try:
        await carrier.stop()
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
        _log.error("link_stop_broke", link=name, error=type(error).__name__)
