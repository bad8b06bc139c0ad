"""The engine of journeys: enrolments that are due have a turn, lane by lane, many together.

It remembers when the next turn of each lane is, and rests until then. Hints bring that forward;
some seconds after anything was written a look finds what no hint has reported. So an installation
whose contacts all wait pays one statement for each look, and nothing else.
"""

import asyncio
from functools import partial
from typing import Final

import structlog

from sendrail.clock import Clock
from sendrail.domain.errors import SendrailError, is_passing
from sendrail.domain.ids import lane_of
from sendrail.intake.orders import Limits
from sendrail.intake.service import Intake
from sendrail.journeys.agenda import Agenda
from sendrail.journeys.pace import JourneyPace
from sendrail.journeys.round import AccountSuspendedError, JourneyRound, NothingDueError
from sendrail.journeys.round_size import ROUND_MAX, RoundSize
from sendrail.journeys.tasks import TaskRunner
from sendrail.journeys.watching import AudienceWatcher
from sendrail.journeys.writing import OriginMemory
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.queue import LaneRanges
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_LOOK_SECONDS: Final = 5.0


class JourneyEngine:
    """Moves contacts on journeys until stopped; tests drive it a step at a time."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        metrics: Metrics,
        *,
        clock: Clock,
        ownership: Ownership,
        limits: Limits,
        round_max: int = ROUND_MAX,
    ) -> None:
        self._store = store
        self._intake = intake
        self._metrics = metrics
        self._now = clock.now
        self._clock = clock
        self._ownership = ownership
        self._limits = limits
        self._pace = JourneyPace()
        self._origins = OriginMemory()
        self._size = RoundSize(round_max)
        self._agenda = Agenda()
        self._tasks = TaskRunner(store, ownership, clock.now)
        self._watcher = AudienceWatcher(store, ownership, clock.now)
        self._rounds = Rounds("journeys", hint=store.hints.journeys_event)
        self._looked_at: int | None = None
        self._changes_seen = -1
        self._ranges: LaneRanges = []
        # Whether a task or a look at an audience has more to do than the bites that it had.
        self._has_tasks = False

    async def run(self) -> None:
        """Move contacts until `stop` is called."""
        await self._rounds.run(self._round)

    def stop(self) -> None:
        """End after the round under way; who is due is due for the next process."""
        self._rounds.stop()

    async def _round(self) -> float:
        await self._look_if_due()
        lane = self._next_lane()
        if lane is None:
            return self._rest_seconds()
        began = self._clock.monotonic()
        await self._take(lane)
        # As long as the round took: what callers wait for has as much of the time.
        await asyncio.sleep(self._clock.monotonic() - began)
        return 0.0

    async def step(self) -> int:
        """Go through all that is due; return how many turns that were."""
        moved = 0
        while await self._tasks.step():
            pass
        while await self._watcher.step():
            pass
        self._looked_at = None
        await self._look_if_due()
        while (lane := self._next_lane()) is not None:
            moved += await self._take(lane)
        return moved

    # The agenda

    async def _look_if_due(self) -> None:
        now, ranges = self._now(), self._ownership.ranges
        hints = self._store.hints.journey_lanes
        hinted = {lane for lane in hints if self._ownership.owns(lane)}
        hints.clear()
        if (
            self._looked_at is not None
            and 0 <= now - self._looked_at < self._look_seconds() * 1000
            and ranges == self._ranges
            and not self._has_tasks
        ):
            self._agenda.hint(hinted, now)
            return
        self._looked_at, self._ranges = now, list(ranges)
        self._changes_seen = self._store.hints.changes
        has_tasks, has_watches = await self._tasks.step(), await self._watcher.step()
        self._has_tasks = has_tasks or has_watches
        self._metrics.journey_lists_held.set(self._pace.held(now))
        self._agenda.look(await self._store.read(lambda tx: _next_due(tx, ranges), begun=False))
        self._agenda.hint(hinted, now)

    def _look_seconds(self) -> float:
        """Return how long the last look is good for."""
        hints = self._store.hints
        is_unchanged = hints.is_unchanged(self._changes_seen)
        return max(_LOOK_SECONDS, hints.look_seconds) if is_unchanged else _LOOK_SECONDS

    def _next_lane(self) -> int | None:
        """Return a lane that is due and ours; what is not ours any more is forgotten."""
        while (lane := self._agenda.next_lane(self._now())) is not None:
            if self._ownership.owns(lane):
                return lane
            self._agenda.done(lane, None)
        return None

    def _rest_seconds(self) -> float:
        if self._has_tasks:
            return 0.0
        assert self._looked_at is not None, "a round begins with a look"
        times = [self._looked_at + round(self._look_seconds() * 1000)]
        if (next_at := self._agenda.next_at()) is not None:
            times.append(next_at)
        seconds = (min(times) - self._now()) / 1000
        return min(max(0.001, seconds), self._look_seconds())

    # A round

    async def _take(self, lane: int) -> int:
        """Let a lane have a round; return how many turns that were."""
        limit = self._intake.portion(self._size.limit())
        submission = self._round_of(lane, limit)
        self._ownership.begin([lane])
        try:
            moved = await self._isolated(lane, submission)
        finally:
            self._ownership.end([lane])
        if submission.is_full:
            next_at: int | None = self._now()
        else:
            due = await self._store.read(lambda tx: tx.enrolments.next_due([lane]), begun=False)
            next_at = due.get(lane)
        self._agenda.done(lane, next_at)
        self._size.done(submission.claimed)
        self._metrics.journey_turns.inc(moved)
        return moved

    def _round_of(self, lane: int, limit: int) -> JourneyRound:
        return JourneyRound(
            lane, limit, limits=self._limits, pace=self._pace, origins=self._origins
        )

    async def _isolated(self, lane: int, submission: JourneyRound) -> int:
        """Submit a round; where that breaks, go through it one by one.

        Only an enrolment at which it breaks is put off, and neither the others of its lane nor
        other lanes wait for it. Raises troubles of the storage, which pass.
        """
        try:
            return await self._submitted(submission)
        except Exception as error:
            if is_passing(error):
                raise
        moved = 0
        for _ in range(submission.limit):
            one = self._round_of(lane, 1)
            try:
                moved += await self._submitted(one)
            except Exception as error:
                if is_passing(error):
                    raise
                put_off = partial(one.put_off, now=self._now(), error=error)
                await self._store.write(put_off)
                self._metrics.journey_turns_failed.inc(one.failed)
            else:
                if not one.is_full:
                    break
        return moved

    async def _submitted(self, submission: JourneyRound) -> int:
        self._intake.offer(submission)
        result = await submission.future
        if isinstance(result, NothingDueError):
            return 0
        if isinstance(result, AccountSuspendedError):
            moved = await self._store.write(lambda tx: submission.without_gate(tx, self._now()))
        elif isinstance(result, SendrailError):
            raise result
        else:
            submission.learn()
            moved = submission.moved
        self._metrics.journey_turns_failed.inc(submission.failed)
        return moved


def _next_due(tx: Tx, ranges: LaneRanges) -> dict[int, int]:
    lanes = {lane_of(each) for each in tx.journey_facts.lists_with_journeys()}
    return tx.enrolments.next_due(
        [lane for lane in lanes if any(first <= lane < end for first, end in ranges)]
    )
