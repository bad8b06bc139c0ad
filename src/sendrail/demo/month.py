"""A month that is played: the clock goes from one thing to the next, and the stages do their work.

What runs is the product: the planner, the gate, the claim, the receipts, the clicks, the journeys
and the webhooks, each a step at a time. Only the carrier, the customers' servers and the people
are invented.
"""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final

from sendrail.app import Runtime
from sendrail.demo.clock import DemoClock
from sendrail.demo.handsets import Handsets
from sendrail.demo.story import BROKEN_HOST
from sendrail.domain.ids import ConnectorId
from sendrail.domain.order import Fault, Order
from sendrail.domain.webhook import Acknowledged, Answer, NotAcknowledged
from sendrail.intake.orders import read_order
from sendrail.webhooks.guard import Rules
from sendrail.webhooks.poster import Poster
from sendrail.workers import Workers

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
_TICK: Final = 30 * MINUTE
# What comes back within this time is taken up together.
_TOGETHER: Final = 5 * SECOND
# After so many seconds in which no list had its turn, nothing is under way any more.
_QUIET_SECONDS: Final = 3
_PLAN_SECONDS: Final = 5
_ROUNDS_MAX: Final = 100_000
_REPLIES: Final = b'"replies"'

Deed = Callable[[], Awaitable[object]]


class DemoPoster(Poster):
    """The customers' servers: they answer at once, and one of them has been away for a while."""

    def __init__(self, clock: DemoClock, dice: random.Random, away_from: int) -> None:
        super().__init__(Rules())
        self._clock, self._dice, self._away_from = clock, dice, away_from
        self.posted = 0

    async def post(self, url: str, *_: object) -> Answer:
        """Answer after some milliseconds, most often with 200."""
        self.posted += 1
        self._clock.set(self._clock.now() + int(self._dice.lognormvariate(4.3, 0.5)))
        is_late = self._clock.now() >= self._away_from
        if BROKEN_HOST in url and is_late:
            return NotAcknowledged("Bad Gateway", 502)
        # Nothing of this is left to be tried again at the end, where no server is.
        if self._dice.random() < 0.008 and not is_late:
            return NotAcknowledged("no answer in time")
        return Acknowledged(200, "ok")


class Month:
    """Plays what was noted for its time, until an end."""

    def __init__(  # noqa: PLR0917 - what is played with
        self,
        it: Runtime,
        workers: Workers,
        clock: DemoClock,
        handsets: Handsets,
        poster: DemoPoster,
        connector: ConnectorId,
    ) -> None:
        self._it, self._workers, self._clock = it, workers, clock
        self._handsets, self._poster, self._connector = handsets, poster, connector
        self._order = count()
        self._deeds: list[tuple[int, int, Deed]] = []
        self._next_tick = clock.now()

    def at(self, ms: float, deed: Deed) -> None:
        """Note what is to be done at a time."""
        heapq.heappush(self._deeds, (int(ms), next(self._order), deed))

    async def send(
        self, to: int, list_number: int, body: str, *, metadata: bytes | None = None
    ) -> None:
        """Send one message as the API does."""
        order = read_order(f"+{to}", f"+{list_number}", body, self._it.limits, metadata=metadata)
        await self.accept([order])

    def look_soon(self) -> None:
        """Let the stages that may wait for half an hour do their work now."""
        self._next_tick = self._clock.now()

    async def accept(self, orders: Sequence[Order | Fault]) -> None:
        """Put orders through the gate; some may be refused there, as in life."""
        await self._it.intake.accept(self._it.default_account, orders)

    async def play(self, end: int) -> None:
        """Play everything up to a time, in milliseconds."""
        for _ in range(_ROUNDS_MAX):
            at = self._next_at()
            if at >= end:
                break
            self._clock.set(at)
            await self._do_deeds()
            is_tick = self._clock.now() >= self._next_tick
            if is_tick:
                # Campaigns begin on the half hour.
                self._next_tick = (self._clock.now() // _TICK + 1) * _TICK
            await self._work(end, is_tick=is_tick)
        self._clock.set(end)
        await self._slow_stages()

    async def _do_deeds(self) -> None:
        while self._deeds and self._deeds[0][0] <= self._clock.now():
            await heapq.heappop(self._deeds)[2]()

    def _next_at(self) -> int:
        times = [self._next_tick]
        if self._deeds:
            times.append(self._deeds[0][0])
        if (callback := self._handsets.next_at()) is not None:
            times.append(max(callback, self._clock.now() + _TOGETHER))
        return min(times)

    async def _work(self, end: int, *, is_tick: bool) -> None:
        """Do what there is to do, a second after the other while messages leave."""
        is_planning = bool(is_tick and await self._slow_stages())
        quiet = 0 if is_planning else _QUIET_SECONDS - 1
        for second in range(_ROUNDS_MAX):
            await self._take_callbacks()
            quiet = 0 if await self._deliver() else quiet + 1
            if is_planning and second % _PLAN_SECONDS == 0:
                is_planning = bool(await self._plan())
                quiet = 0 if is_planning else quiet
            if quiet >= _QUIET_SECONDS or self._clock.now() + SECOND >= end:
                return
            self._clock.set(self._clock.now() + SECOND)
            await self._do_deeds()

    async def _take_callbacks(self) -> None:
        workers = self._workers
        assert workers.receipts is not None, "it has every role"
        assert workers.responder is not None, "it has every role"
        if not (callbacks := self._handsets.take_due()):
            return
        await self._it.inbox.put(self._connector, callbacks)
        while await workers.receipts.step():
            pass
        if any(_REPLIES in each for each in callbacks):
            await workers.responder.step()

    async def _plan(self) -> int:
        """Let campaigns go on; return how many pages were planned."""
        assert self._workers.planner is not None, "it has every role"
        planned, _ = await self._workers.planner.look()
        return planned

    async def _slow_stages(self) -> int:
        """Do what may wait for half an hour; return how many pages were planned."""
        workers = self._workers
        assert workers.journeys is not None, "it has every role"
        assert workers.follower is not None, "it has every role"
        await workers.journeys.step()
        await self.count_clicks()
        await workers.follower.step()
        await self._notify()
        return await self._plan()

    async def _deliver(self) -> int:
        """Hand over what may leave in this second; return how many lists had their turn."""
        worker, turns = self._workers.worker, 0
        assert worker is not None, "it has every role"
        while lists := await worker.step():
            turns += lists
            # The hand-over is a task of its own, and its answers a transaction.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await self._it.store.write(lambda _: None)
        return turns

    async def count_clicks(self) -> None:
        """Count the clicks that have waited long enough."""
        assert self._workers.clicks is not None, "it has every role"
        for _ in range(2):
            await self._workers.clicks.step()

    async def _notify(self) -> None:
        webhooks = self._workers.webhooks
        assert webhooks is not None, "it has every role"
        while True:
            before = self._poster.posted
            await webhooks.step()
            await asyncio.sleep(0)
            if self._poster.posted == before:
                return
            # Answers wait a moment for each other before they are written.
            await asyncio.sleep(0.012)
