"""A process among the others of its cluster: it shows itself, and renews the spans that it owns.

It does so with every heartbeat, on a database connection of its own. The database's clock decides
what is free; by our own clock we stop earlier, counted from before the renewal was requested, so
that a process that stood still or lost its connection has stopped before another may take over.
"""

import asyncio
import math
import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from sendrail import __version__
from sendrail.clock import Clock
from sendrail.domain.errors import Contended, StorageUnavailable
from sendrail.ownership import OnGained, SharedOwnership
from sendrail.rounds import until_next
from sendrail.storage.groups import result_of
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.leases import HeartbeatResponse, ProcessState
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# So many heartbeats in a life: three may be lost before anything is.
_HEARTBEATS: Final = 4
# After so many heartbeats in between which nothing was written, every other one is left out.
# Then no other process is there: its own heartbeats would have been seen.
_CALM_BEATS: Final = 20
# What we stop earlier than the database would let us: clocks that run at unequal speed.
_MARGIN: Final = 0.1
# How late a change that another process made may be noticed; twice as late after a calm.
_WATCH_SECONDS_MAX: Final = 0.5
_TAKEOVER_RETRY_SECONDS: Final = 0.25
_UNSEEN_KEPT_MS: Final = 24 * 3_600_000


def name_of(pid: int, chance: int) -> str:
    """Return a name that no other process has ever had."""
    return f"{socket.gethostname()}:{pid}:{chance:08x}"


@dataclass(frozen=True, slots=True)
class _Seen:
    beat: HeartbeatResponse
    present: Sequence[ProcessState]
    owned: Sequence[tuple[Mapping[int, int], int]]


class ClusterMember:
    """This process: shows itself to the others, and keeps its shares."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        *,
        name: str,
        roles: Collection[str],
        life_seconds: float,
    ) -> None:
        # Groups of its own: a renewal waits for no other work.
        self._store = store.beside()
        self._clock = clock
        self._metrics = metrics
        self.name = name
        self._roles = frozenset(roles)
        self._life = life_seconds
        self._shares: list[SharedOwnership] = []
        self._takeovers: set[asyncio.Task[None]] = set()
        self._joined = False
        self._stopping = False
        self._present: Sequence[ProcessState] = ()
        self._beat: HeartbeatResponse | None = None
        # How many heartbeats in a row have found nothing new.
        self._calm_beats = 0
        self._places: Sequence[tuple[int, int]] = ()
        # When the last heartbeat was answered; after a longer silence we take nothing for a while.
        self._answered_at: float | None = None
        self._patient_until = 0.0
        # Until when the spans were ours by the last heartbeat.
        self._until = 0.0

    @property
    def life_ms(self) -> int:
        """How long a span is ours after its renewal, in milliseconds."""
        return round(self._life * 1000)

    def share(self, kind: str, count: int, role: str) -> SharedOwnership:
        """Return our share in one kind of work, from the next heartbeat on.

        Without the role for that work, nothing of it ever becomes ours.
        """
        share = SharedOwnership(
            kind,
            count,
            role=role,
            owner=self.name,
            life_ms=self.life_ms,
            takes=role in self._roles,
            clock=self._clock,
        )
        self._shares.append(share)
        return share

    async def begin(self) -> None:
        """Make what must be there and show ourselves, but take nothing yet."""

        def make(tx: Tx) -> None:
            for share in self._shares:
                tx.spans.make(share.kind, share.count)
            tx.processes.forget_unseen(_UNSEEN_KEPT_MS)

        await self._store.write(make)
        await self.heartbeat()

    async def run(self) -> None:
        """Take part until cancelled."""
        self._joined = True
        # Seldom heartbeats would show the changes late.
        self._store.hints.is_watched = self._life / _HEARTBEATS <= _WATCH_SECONDS_MAX
        while True:
            try:
                await self.heartbeat()
            except StorageUnavailable as error:
                _log.warning("renewal_postponed", reason=error.code)
                self._beat, self._calm_beats = None, 0
            await asyncio.sleep(until_next(self.pause_seconds))

    @property
    def pause_seconds(self) -> float:
        """How long to rest until the next heartbeat."""
        pause = self._life / _HEARTBEATS
        return 2 * pause if self._calm_beats >= _CALM_BEATS else pause

    async def heartbeat(self) -> None:
        """Show ourselves, renew what is ours, give back and take."""
        asked_at = self._clock.monotonic()
        if self._answered_at is not None and asked_at - self._answered_at > self._life:
            # Perhaps no process could renew: the first to return must not take everything.
            self._patient_until = asked_at + self._life
        seen = await self._only_renew(asked_at)
        if seen is None:
            seen = await self._store.write(lambda tx: self._renew(tx, asked_at))
        self._answered_at = self._clock.monotonic()
        # The database read its clock at some time since, and cut the milliseconds off.
        latest = seen.beat.now + math.ceil((self._answered_at - asked_at) * 1000) + 1
        self._clock.follow(seen.beat.now, latest)
        self._present = seen.present
        # What a worker passed over while nothing was ours, it must look at again.
        may_have_news = self._answered_at >= self._until
        until = self._until = asked_at + self._life * (1 - _MARGIN)
        for share, (owned, goal) in zip(self._shares, seen.owned, strict=True):
            gained = share.update(owned, goal, until)
            self._metrics.spans.labels(share.kind).set(len(owned))
            if gained:
                may_have_news = True
                _log.info("spans_taken", kind=share.kind, spans=sorted(gained), goal=goal)
                self._take_over(share, gained)
        before, self._beat = self._beat, seen.beat
        # A process that is gone writes nothing that says so.
        places, self._places = self._places, [self.place(role) for role in sorted(self._roles)]
        if may_have_news or places != self._places or not seen.beat.follows(before):
            self._calm_beats = 0
            self._store.hints.changed(elsewhere=True)
        else:
            self._calm_beats += 1

    def place(self, role: str) -> tuple[int, int]:
        """Return our place among those who have a role, from 0, and how many they are."""
        names = {
            each.name
            for each in self._present
            if role in each.roles.split(",") and each.unseen_ms < self.life_ms
        }
        ours = sorted(names | {self.name})
        return ours.index(self.name), len(ours)

    def leave_soon(self) -> None:
        """Begin nothing more; what is finished is given back with the next heartbeats."""
        self._stopping = True
        for share in self._shares:
            share.stop()

    async def leave(self) -> None:
        """Give everything back, so that the others need not wait until it lapses."""
        self._stopping = True
        for task in self._takeovers:
            task.cancel()

        def go(tx: Tx) -> None:
            for share in self._shares:
                tx.spans.give_back(share.kind, self.name, range(share.count))
            tx.processes.leave(self.name)

        with suppress(StorageUnavailable):
            await self._store.write(go)

    async def _only_renew(self, asked_at: float) -> _Seen | None:
        """Renew what is ours in one statement; return None where there is more to do than that."""
        ours = [share for share in self._shares if share.takes]
        if any(share.to_give_back() for share in ours):
            return None
        kinds = [share.kind for share in ours]
        try:
            beat, present, renewed = await result_of(
                partial(self._store.submit, begun=False),
                lambda tx: tx.processes.beat(
                    self.name, self._shown_roles(), __version__, kinds, self.life_ms
                ),
            )
        except Contended:
            return None
        owned = []
        for share in self._shares:
            mine = renewed.get(share.kind, {})
            goal = share.goal(present, leaving=not self._takes_part) if share.takes else 0
            if len(mine) < goal and asked_at >= self._patient_until:
                return None
            owned.append((mine, goal))
        return _Seen(beat, present, owned)

    @property
    def _takes_part(self) -> bool:
        return self._joined and not self._stopping

    def _shown_roles(self) -> str:
        # A process that comes or goes counts for nothing: the others keep, or share, all there is.
        return ",".join(sorted(self._roles)) if self._takes_part else ""

    def _renew(self, tx: Tx, asked_at: float) -> _Seen:
        takes_part, roles = self._takes_part, self._shown_roles()
        beat = tx.processes.show(self.name, roles, __version__)
        present = tx.processes.all()
        owned: list[tuple[Mapping[int, int], int]] = []
        ours = [share for share in self._shares if share.takes]
        for share in ours:
            if done := share.to_give_back():
                tx.spans.give_back(share.kind, self.name, done)
        renewed = tx.spans.renew([share.kind for share in ours], self.name, self.life_ms)
        for share in self._shares:
            if not share.takes:
                owned.append(({}, 0))
                continue
            mine = renewed[share.kind]
            goal = share.goal(present, leaving=not takes_part)
            if len(mine) < goal and asked_at >= self._patient_until:
                room = goal - len(mine)
                mine |= tx.spans.take(share.kind, self.name, room, self.life_ms)
            owned.append((mine, goal))
        return _Seen(beat, present, owned)

    def _take_over(self, share: SharedOwnership, gained: Mapping[int, int]) -> None:
        if share.on_gained is not None:
            work = _take_over(share, share.on_gained, gained)
            task = asyncio.get_running_loop().create_task(work)
            self._takeovers.add(task)
            task.add_done_callback(self._takeovers.discard)


async def _take_over(
    share: SharedOwnership, on_gained: OnGained, gained: Mapping[int, int]
) -> None:
    while share.has_any(gained):
        try:
            await on_gained(gained)
        except StorageUnavailable as error:
            _log.warning("takeover_postponed", kind=share.kind, reason=error.code)
            await asyncio.sleep(_TAKEOVER_RETRY_SECONDS)
        else:
            share.make_ready(gained)
            return
