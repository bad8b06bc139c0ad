"""Work that several processes share out: who is there, and which spans of it are whose.

A process shows itself and renews its spans with every heartbeat, on a database connection of its
own. The database's clock decides what is free; by our own clock we stop earlier, counted from
before the renewal was asked for, so that a process that stood still or lost its way to the database
has stopped before anybody may take over.
"""

import asyncio
import math
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from sendrail import __version__
from sendrail.clock import Clock
from sendrail.domain.errors import StorageUnavailable
from sendrail.storage.interface import Store, Tx
from sendrail.storage.rows import Present
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# So many beats in a life: three may be lost before anything is.
_BEATS: Final = 4
# What we stop earlier than the database would let us: clocks that run at unequal speed.
_MARGIN: Final = 0.1
_WELCOME_RETRY_SECONDS: Final = 0.25
_UNSEEN_KEPT_MS: Final = 24 * 3_600_000

# What must be done with spans that have just become ours, before anything is done in them.
OnGained = Callable[[Mapping[int, int]], Awaitable[None]]


def name_of(pid: int, chance: int) -> str:
    """Return a name that no other process has ever had."""
    return f"{socket.gethostname()}:{pid}:{chance:08x}"


class Share:
    """The spans of one kind of work that this process owns."""

    def __init__(
        self,
        kind: str,
        count: int,
        *,
        role: str,
        owner: str,
        life_ms: int,
        takes: bool,
    ) -> None:
        self.kind = kind
        self.count = count
        self.role = role
        self._owner = owner
        self._life_ms = life_ms
        self.takes = takes
        # Whoever must see to spans that become ours, and to those that are so no more.
        self.on_gained: OnGained | None = None
        self.on_lost: Callable[[Collection[int]], None] = _forget
        self._epochs: dict[int, int] = {}
        self._ready: set[int] = set()
        self._leaving: set[int] = set()
        self._busy: Counter[int] = Counter()
        self._until = 0.0

    # For those who do the work

    def has(self, span: int) -> bool:
        """Tell whether a span is ours, if perhaps not at this moment."""
        return span in self._epochs

    def owns(self, span: int, now: float) -> bool:
        """Tell whether new work may be begun in a span."""
        return now < self._until and span in self._ready and span not in self._leaving

    def may_finish(self, span: int, epoch: int, now: float) -> bool:
        """Tell whether what was begun under an epoch may still go out of the house."""
        return now < self._until and self._epochs.get(span) == epoch

    def epoch_of(self, span: int) -> int:
        """Return our epoch of a span, 0 where it is not ours."""
        return self._epochs.get(span, 0)

    def ready(self) -> list[int]:
        """Return the spans in which we work, in order."""
        return sorted(self._ready)

    def hold(self, tx: Tx, spans: Iterable[int]) -> dict[int, int]:
        """Return those of the spans that are ours until the transaction ends, with our epochs."""
        asked = {span: self._epochs[span] for span in spans if span in self._ready}
        held = tx.spans.hold(self.kind, self._owner, asked, self._life_ms)
        return {span: epoch for span, epoch in asked.items() if span in held}

    def begin(self, spans: Iterable[int]) -> None:
        """Note a piece of work under way in each of these spans."""
        self._busy.update(spans)

    def end(self, spans: Iterable[int]) -> None:
        """Note that pieces of work are finished."""
        for span in spans:
            self._busy[span] -= 1
            if not self._busy[span]:
                del self._busy[span]

    # For the member

    def to_give_back(self) -> list[int]:
        """Return the spans that we have too many, and in which nothing is under way."""
        return [span for span in sorted(self._leaving) if not self._busy[span]]

    def goal(self, present: Sequence[Present], *, leaving: bool) -> int:
        """Return how many spans should be ours, given who else is there."""
        if leaving:
            return 0
        others = sum(
            self.role in each.roles.split(",")
            for each in present
            if each.name != self._owner and each.unseen_ms < self._life_ms
        )
        return math.ceil(self.count / (others + 1))

    def heard(self, owned: Mapping[int, int], goal: int, until: float) -> dict[int, int]:
        """Learn what is ours until when; return what has become ours just now."""
        before, self._epochs, self._until = self._epochs, dict(owned), until
        lost = {span for span, epoch in before.items() if owned.get(span) != epoch}
        gained = {span: epoch for span, epoch in owned.items() if before.get(span) != epoch}
        self._ready -= lost
        self._leaving -= lost
        if lost:
            self.on_lost(lost)
        surplus = len(owned) - goal
        for span in sorted(owned.keys() - self._leaving, reverse=True):
            if len(self._leaving) >= surplus:
                break
            self._leaving.add(span)
        while self._leaving and len(self._leaving) > surplus:
            self._leaving.remove(min(self._leaving))
        if self.on_gained is None:
            self._ready |= gained.keys()
        return gained

    def welcomed(self, gained: Mapping[int, int]) -> None:
        """Begin to work in spans that have become ours and still are."""
        self._ready |= {span for span, epoch in gained.items() if self._epochs.get(span) == epoch}

    def stop(self) -> None:
        """Begin nothing more, and give back whatever is finished with the next heartbeat."""
        self._leaving |= self._epochs.keys()


@dataclass(frozen=True, slots=True)
class _Seen:
    now: int
    present: Sequence[Present]
    owned: Sequence[tuple[Mapping[int, int], int]]


class ClusterMember:
    """This process among the others: shows itself, and keeps its shares."""

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
        # Groups of its own: a renewal waits for nobody's work.
        self._store = store.beside()
        self._clock = clock
        self._metrics = metrics
        self.name = name
        self._roles = ",".join(sorted(roles))
        self._life = life_seconds
        self._shares: list[Share] = []
        self._welcoming: set[asyncio.Task[None]] = set()
        self._joined = False
        self._stopping = False
        self._present: Sequence[Present] = ()
        # When the last heartbeat was answered; after a longer silence we take nothing for a while.
        self._heard_at: float | None = None
        self._patient_until = 0.0
        # Told after each heartbeat.
        self.beaten: Callable[[], None] = _nobody_hears

    @property
    def life_ms(self) -> int:
        """How long a span is ours after its renewal, in milliseconds."""
        return round(self._life * 1000)

    def share(self, kind: str, count: int, role: str, *, takes: bool = True) -> Share:
        """Take part in one kind of work from the next heartbeat on, doing some if `takes`."""
        share = Share(kind, count, role=role, owner=self.name, life_ms=self.life_ms, takes=takes)
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
        while True:
            try:
                await self.heartbeat()
            except StorageUnavailable as error:
                _log.warning("renewal_postponed", reason=error.code)
            await asyncio.sleep(self._life / _BEATS)

    async def heartbeat(self) -> None:
        """Show ourselves, renew what is ours, give back and take."""
        asked_at = self._clock.monotonic()
        if self._heard_at is not None and asked_at - self._heard_at > self._life:
            # Perhaps nobody could renew: whoever comes back first must not take everything.
            self._patient_until = asked_at + self._life
        told = await self._store.write(lambda tx: self._tell(tx, asked_at))
        self._heard_at = self._clock.monotonic()
        # The database read its clock at some time since, and cut the milliseconds off.
        self._clock.follow(told.now, told.now + math.ceil((self._heard_at - asked_at) * 1000) + 1)
        self._present = told.present
        until = asked_at + self._life * (1 - _MARGIN)
        for share, (owned, goal) in zip(self._shares, told.owned, strict=True):
            gained = share.heard(owned, goal, until)
            self._metrics.spans.labels(share.kind).set(len(owned))
            if gained:
                _log.info("spans_taken", kind=share.kind, spans=sorted(gained), goal=goal)
                self._welcome(share, gained)
        self.beaten()

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
        """Begin nothing more; what is finished is given back with the next beats."""
        self._stopping = True
        for share in self._shares:
            share.stop()

    async def leave(self) -> None:
        """Give everything back, so that the others need not wait until it lapses."""
        self._stopping = True
        for task in self._welcoming:
            task.cancel()

        def go(tx: Tx) -> None:
            for share in self._shares:
                tx.spans.give_back(share.kind, self.name, range(share.count))
            tx.processes.leave(self.name)

        with suppress(StorageUnavailable):
            await self._store.write(go)

    def _tell(self, tx: Tx, asked_at: float) -> _Seen:
        takes_part = self._joined and not self._stopping
        # Who comes or goes is not reckoned with: the others keep, or share, all there is.
        now = tx.processes.show(self.name, self._roles if takes_part else "", __version__)
        present = tx.processes.all()
        owned: list[tuple[Mapping[int, int], int]] = []
        for share in self._shares:
            if not share.takes:
                owned.append(({}, 0))
                continue
            if done := share.to_give_back():
                tx.spans.give_back(share.kind, self.name, done)
            mine = tx.spans.renew(share.kind, self.name, self.life_ms)
            goal = share.goal(present, leaving=not takes_part)
            if len(mine) < goal and asked_at >= self._patient_until:
                room = goal - len(mine)
                mine |= tx.spans.take(share.kind, self.name, room, self.life_ms)
            owned.append((mine, goal))
        return _Seen(now, present, owned)

    def _welcome(self, share: Share, gained: Mapping[int, int]) -> None:
        if share.on_gained is not None:
            task = asyncio.get_running_loop().create_task(_welcome(share, share.on_gained, gained))
            self._welcoming.add(task)
            task.add_done_callback(self._welcoming.discard)


async def _welcome(share: Share, welcome: OnGained, gained: Mapping[int, int]) -> None:
    while any(share.epoch_of(span) == epoch for span, epoch in gained.items()):
        try:
            await welcome(gained)
        except StorageUnavailable as error:
            _log.warning("takeover_postponed", kind=share.kind, reason=error.code)
            await asyncio.sleep(_WELCOME_RETRY_SECONDS)
        else:
            share.welcomed(gained)
            return


def _nobody_hears() -> None:
    pass


def _forget(_: Collection[int]) -> None:
    pass
