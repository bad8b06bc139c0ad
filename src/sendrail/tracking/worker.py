"""Count clicks, some seconds after they came: by then the clicks around them are known, too.

A round reads what came since the last one into memory, and counts in one transaction what has
waited long enough. What was counted once is never counted again, whatever ends the process. A click
at which that breaks is set aside, and holds up none of the others.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from sendrail.domain.click_neighbours import BURST_MS, WAIT_MS, ClickNeighbours
from sendrail.domain.errors import SendrailError, is_passing
from sendrail.ownership import Ownership
from sendrail.rounds import STORAGE_RETRY_SECONDS, Rounds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.tracking.message_clicks import ClickPlace, TakenClick
from sendrail.telemetry import Metrics
from sendrail.tracking.applying import CountedClicks, count, set_aside

_log = structlog.get_logger()

# One round is one transaction, and every request waits while it runs: three milliseconds of
# processor. Four times as many take four times as long, and hardly less for each.
_AT_ONCE: Final = 125
_READ_AT_ONCE: Final = 1_000
# Company for a click that has become ready: a round counts half a second's.
_PAUSE_SECONDS: Final = 0.5
# Past every time.
_EVER: Final = 1 << 62


class ClickWorker:
    """Counts clicks until stopped; tests drive it a step at a time.

    Of several processes only the owner counts, as an address is known by clicks on all lanes; two
    that do so for a moment count nothing twice.
    """

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        ownership: Ownership,
        burst_messages_max: int,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._now = now
        self._ownership = ownership
        self._at_once, self._read_at_once = _AT_ONCE, _READ_AT_ONCE
        self._neighbours = ClickNeighbours(burst_messages_max)
        self._burst_messages_max = burst_messages_max
        # How far the neighbours are known, None before the first round; and whether all are that
        # had come by then.
        self._place: ClickPlace | None = None
        self._is_all_seen = False
        # Whether all that is ready was counted in the last round.
        self._is_counted = True
        self._rounds = Rounds("clicks", hint=store.hints.clicks_event)

    async def run(self) -> None:
        """Count until `stop` is called; no trouble of a round ends it."""
        await self._rounds.run(self._round)

    def stop(self) -> None:
        """End after the round under way; what is left is counted after the next start."""
        self._rounds.stop()

    async def _round(self) -> float:
        if not self._ownership.owns():
            # Another process that counts meanwhile sees what we do not.
            self._forget()
            return max(_PAUSE_SECONDS, self._store.hints.look_seconds)
        try:
            waits = await self.step()
        except SendrailError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug here must not end the server
            _log.error("clicks_broke_postponed", reason=type(error).__name__)
            self._forget()
            await asyncio.sleep(STORAGE_RETRY_SECONDS)
            return 0.0
        if not waits:
            return self._store.hints.look_seconds
        return _PAUSE_SECONDS if self._is_all_seen and self._is_counted else 0.0

    def _forget(self) -> None:
        self._neighbours = ClickNeighbours(self._burst_messages_max)
        self._place, self._is_counted = None, True

    async def step(self) -> bool:
        """Do one round; return whether any clicks still wait."""
        now = self._now()
        oldest = await self._store.read(lambda tx: self._read(tx, now))
        self._metrics.clicks_behind.set(0 if oldest is None else max(0, now - oldest.at) / 1000)
        if oldest is None or self._place is None:
            self._neighbours.forget_before(now - BURST_MS)
            return False
        # While there is more to read, what is around the last one that was read is not known.
        horizon = now if self._is_all_seen else self._place.at
        # Of a clock that was ahead: such a click waits as long as others, from when it came.
        after = now + WAIT_MS if self._is_all_seen else _EVER
        counted = await self._counted(horizon - WAIT_MS, after)
        self._neighbours.forget_before(min(horizon, oldest.at) - BURST_MS)
        for click_class, number in counted.clicks.items():
            self._metrics.clicks_counted.labels(click_class.name.lower()).inc(number)
        self._metrics.first_clicks.inc(counted.first_clicks)
        return True

    def _read(self, tx: Tx, now: int) -> TakenClick | None:
        """See what came since the last round; return the oldest click that waits."""
        waiting = tx.message_clicks.waiting(_EVER, _EVER, 1)
        oldest = waiting[0] if waiting else None
        if not self._is_counted:
            # What was read before is not dealt with yet, and memory is bounded.
            return oldest
        place = self._place
        if place is None:
            began = now if oldest is None else min(now, oldest.at)
            place = tx.message_clicks.place_before(began - BURST_MS)
        seen = tx.message_clicks.since(place, self._read_at_once)
        self._see(seen)
        self._place = ClickPlace(seen[-1].at, seen[-1].id) if seen else place
        self._is_all_seen = len(seen) < self._read_at_once
        return oldest

    async def _counted(self, before: int, after: int) -> CountedClicks:
        """Count what is ready in one transaction, or one by one where that breaks."""
        try:
            return await self._store.write(lambda tx: self._count(tx, before, after))
        except Exception as error:
            if is_passing(error):
                raise
            _log.warning("clicks_counted_one_by_one", reason=type(error).__name__)
        ready = await self._store.read(lambda tx: self._ready(tx, before, after))
        return sum([await self._count_alone(each) for each in ready], CountedClicks())

    async def _count_alone(self, click: TakenClick) -> CountedClicks:
        """Count a click, or set it aside: as a doubtful one where that can be done, else as none.

        Its row stays, and says so: to judge the account's clicks again makes up for it.
        """
        try:
            return await self._store.write(lambda tx: self._take(tx, [click]))
        except Exception as error:
            if is_passing(error):
                raise
            _log.exception("click_broke", click=click.id, account=click.account_id)
            self._metrics.clicks_set_aside.inc()
        try:
            return await self._store.write(lambda tx: self._set_aside(tx, click, is_counted=True))
        except Exception as error:
            if is_passing(error):
                raise
        return await self._store.write(lambda tx: self._set_aside(tx, click, is_counted=False))

    def _ready(self, tx: Tx, before: int, after: int) -> Sequence[TakenClick]:
        limit = self._store.portion(self._at_once)
        ready = tx.message_clicks.waiting(before, after, limit)
        self._is_counted = len(ready) < limit
        return ready

    def _count(self, tx: Tx, before: int, after: int) -> CountedClicks:
        return self._take(tx, self._ready(tx, before, after))

    def _set_aside(self, tx: Tx, click: TakenClick, *, is_counted: bool) -> CountedClicks:
        tx.begin()
        aside = [set_aside(each) for each in tx.message_clicks.take([click])]
        tx.message_clicks.reclass(aside)
        return count(tx, aside, self._neighbours) if is_counted else CountedClicks()

    def _take(self, tx: Tx, clicks: Sequence[TakenClick]) -> CountedClicks:
        taken = tx.message_clicks.take(clicks)
        if not taken:
            return CountedClicks()
        # One that became visible late was not among those read.
        self._see(taken)
        return count(tx, taken, self._neighbours)

    def _see(self, clicks: list[TakenClick]) -> None:
        for each in clicks:
            if each.position is not None:
                self._neighbours.see(
                    each.number,
                    each.position,
                    each.at,
                    each.click_class,
                    each.reason,
                    each.digest,
                )
