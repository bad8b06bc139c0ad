"""What becomes of runs beside their pages: they pause, end, and leave or come back to the queue."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import structlog

from sendrail.campaigns.planning import OUT_OF_TIME
from sendrail.campaigns.run_content import RunContent, read_content
from sendrail.campaigns.run_events import tell
from sendrail.domain.campaign_run import OPEN_STATES, QueueTask, Run, RunReason, RunState
from sendrail.domain.delivery import RANK_CAMPAIGN, RANK_HELD
from sendrail.domain.ids import AccountId, ListId, OfferId, RunId, ScheduleId, lane_of
from sendrail.domain.message import DropReason, Status
from sendrail.domain.offer import Offer, OfferStatus
from sendrail.domain.run_brake import RunResults, looked_at
from sendrail.domain.schedule import ScheduleStatus
from sendrail.domain.webhook import Event
from sendrail.rounds import Done, WorkGuard
from sendrail.storage.campaigns.runs import FIRST_RUN
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.queue import QueuePlace

_log = structlog.get_logger()

# More are not looked at in one step, but in the next ones: a run that waits for the end of quiet
# hours must keep no other from being looked at.
_RUNS_MAX: Final = 64
_AT_ONCE: Final = 500
_RUNS_KEPT_MAX: Final = 256
# How often it is looked for what was held of runs that go on: rarely, as it may walk past all that
# paused runs of the same lists have there.
_HELD_MS: Final = 10_000
# What an account is notified of when the waves of a run are at their end.
_TOLD: Final = {
    RunState.FINISHED: Event.CAMPAIGN_COMPLETED,
    RunState.STOPPED: Event.CAMPAIGN_STOPPED,
    RunState.SKIPPED: Event.CAMPAIGN_SKIPPED,
}

_OFFER_ENDED: Final = frozenset({OfferStatus.PAUSED, OfferStatus.EXPIRED})


class RunParts(NamedTuple):
    """What a run cannot go on without: the lists that send, and the offers of its links."""

    lists: tuple[int, ...] = ()
    offers: frozenset[OfferId] = frozenset()

    @classmethod
    def of(cls, content: RunContent) -> "RunParts":
        offers = (OfferId(each) for it in content.variants for each in it.offers)
        return cls(content.lists, frozenset(offers))


class RunEnds:
    """Pauses and finishes runs, and sweeps the queue after them."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._parts: dict[tuple[RunId, int], RunParts] = {}
        self._held_asked_at = -_HELD_MS
        self._asks_held = False
        # Behind which runs the next step goes on.
        self._watched_to = self._finished_to = FIRST_RUN
        self._guard = WorkGuard[int]("run_broke", "run_id")

    async def pause(self, run: tuple[AccountId, RunId], reason: RunReason) -> bool:
        """Pause a run that must not go on, and tell its account; return False where none runs."""
        values = {"state": RunState.PAUSED.value, "reason": reason.value, "moments": None}
        now = self._now()

        def pause(tx: Tx) -> bool:
            moved = tx.runs.move(run, {RunState.RUNNING}, **values)
            if moved:
                tell(tx, Event.CAMPAIGN_PAUSED, *run, now)
            return moved

        paused = await self._store.write(pause)
        if paused:
            _log.warning("run_paused", run_id=run[1], reason=reason.value)
        return paused

    async def step(self) -> int:
        """Finish what has come to its end, and sweep what was stopped or goes on."""
        if self._watched_to == FIRST_RUN:
            self._asks_held = self._is_time_for_held()
        watched, self._watched_to = await self._store.read(
            lambda tx: tx.runs.watched(_RUNS_MAX, self._watched_to), begun=False
        )
        for run, moments in watched:
            await self.guarded(_key(run), partial(self._watch, run, moments))
        abandoned = await self._store.read(lambda tx: tx.runs.abandoned(_RUNS_MAX), begun=False)
        for run in abandoned:
            await self.guarded(_key(run), partial(self._abandon, run))
        ended, self._finished_to = await self._store.read(
            lambda tx: tx.runs.walked_out(_RUNS_MAX, self._finished_to), begun=False
        )
        for run in ended:
            await self.guarded(_key(run), partial(self._finish, run))
        swept = await self._store.read(lambda tx: tx.runs.to_sweep(_RUNS_MAX), begun=False)
        for run, sweep in swept:
            await self.guarded(_key(run), partial(self._sweep, run, sweep))
        return len(abandoned) + len(ended) + len(swept)

    async def guarded(
        self, run: tuple[AccountId, RunId], work: Callable[[], Awaitable[Done]]
    ) -> Done | None:
        """Do a run's work; a run at which it breaks is paused, and the others go on."""
        return await self._guard.do(run[1], work, partial(self.pause, run, RunReason.BROKEN))

    def _is_time_for_held(self) -> bool:
        """Return whether it is time to look for what was held of runs that go on."""
        now = self._now()
        if 0 <= now - self._held_asked_at < _HELD_MS:
            return False
        self._held_asked_at = now
        return True

    async def _watch(self, run: Run, moments: Sequence[RunResults]) -> None:
        """Pause a run that its people leave, whose messages fail, or that has lost what it needs.

        Of one that goes on, release what is held.
        """
        key, now = (run.account_id, run.id), self._now()
        results, lost, held = await self._store.read(
            lambda tx: (
                tx.runs.results(*key),
                lost_part(tx, run.account_id, self._parts_of(tx, run), now),
                self._asks_held and bool(_places(tx, run, (RANK_HELD,), 1)),
            )
        )
        if lost is not None:
            await self.pause(key, lost)
            return
        if held:
            # By a claim that had seen it paused, or its sender away: both were over before a look.
            await self._store.write(lambda tx: _release(tx, run))
        kept, reason = looked_at(moments, results)
        if kept != moments:
            await self._store.write(lambda tx: tx.runs.keep_moments(run, kept))
        if reason is not None:
            await self.pause(key, reason)

    def _parts_of(self, tx: Tx, run: Run) -> "RunParts":
        # The texts of a run change with its version, its lists never.
        key = run.id, run.version
        if key not in self._parts:
            if len(self._parts) >= _RUNS_KEPT_MAX:
                self._parts.clear()
            self._parts[key] = parts_of_run(tx, run)
        return self._parts[key]

    async def _abandon(self, run: Run) -> None:
        """Stop a run whose schedule was switched off."""
        values = {
            "state": RunState.STOPPED.value, "reason": RunReason.SCHEDULE_OFF.value,
            "ended_at": self._now(), "sweep": QueueTask.DROP.value,
        }  # fmt: skip
        key, now = (run.account_id, run.id), self._now()

        def stop(tx: Tx) -> None:
            if tx.runs.move(key, OPEN_STATES, **values):
                tell(tx, Event.CAMPAIGN_STOPPED, *key, now)

        await self._store.write(stop)
        _log.warning("run_stopped", run_id=run.id, reason=RunReason.SCHEDULE_OFF.value)

    async def _finish(self, run: Run) -> None:
        """Finish a run of which no message waits or is being handed over any more.

        A carrier that cannot take one now brings it back to the queue, to be tried again.
        """
        now = self._now()

        def finish(tx: Tx) -> None:
            key = (run.account_id, run.id)
            waits = bool(_places(tx, run, (RANK_HELD,), 1))
            if waits and now < run.ends_at:
                _release(tx, run)
                return
            waits = waits or bool(_places(tx, run, (RANK_CAMPAIGN,), 1))
            if not waits and any(
                tx.queue.is_open(lane_of(each), each, run.id) for each in lists_of_run(tx, run)
            ):
                return
            values = _ended(run, now, waits=waits)
            if values is not None and tx.runs.move(key, {RunState.RUNNING}, **values):
                tell(tx, _TOLD[RunState(values["state"])], *key, now)
            complete_if_over(tx, run.account_id, run.schedule_id, now)

        await self._store.write(finish)

    async def _sweep(self, run: Run, sweep: QueueTask) -> None:
        """Drop or release some of a run's messages that wait; note when there are none left."""
        now = self._now()

        def work(tx: Tx) -> list[QueuePlace]:
            if sweep is QueueTask.RELEASE:
                places = _places(tx, run, (RANK_HELD,), self._store.portion(_AT_ONCE))
                tx.queue.release(places, now)
            else:
                ranks = (RANK_CAMPAIGN, RANK_HELD)
                places = _places(tx, run, ranks, self._store.portion(_AT_ONCE))
                stopped = Status.DROPPED, DropReason.CAMPAIGN_STOPPED
                tx.queue.drop([(place, *stopped) for place in places], now)
            if not places:
                tx.runs.swept(run, sweep)
            return places

        while places := await self._store.write(work):
            self._store.hints.queue_has({(place.lane, place.list_id) for place in places})


def lists_of_run(tx: Tx, run: Run) -> Sequence[int]:
    """Return the lists that a run sends by; none before it begins."""
    _, text = tx.runs.content(run.account_id, run.id)
    return read_content(run.account_id, text).lists if text else ()


def parts_of_run(tx: Tx, run: Run) -> RunParts:
    """Return what a run sends by, and where its links lead; nothing before it begins."""
    _, text = tx.runs.content(run.account_id, run.id)
    return RunParts() if not text else RunParts.of(read_content(run.account_id, text))


def lost_part(tx: Tx, account_id: AccountId, parts: RunParts, now: int) -> RunReason | None:
    """Return why a run of these parts must not go on as of `now`; None where it may."""
    if not tx.gate.accounts({account_id})[account_id].active:
        return RunReason.ACCOUNT_SUSPENDED
    senders = tx.gate.lists_by_id(ListId(each) for each in parts.lists)
    can_send = [each for each in senders.values() if each.can_send]
    if len(can_send) < len(parts.lists):
        return RunReason.LIST_INACTIVE
    return None if paused_offer(tx, account_id, parts, now) is None else RunReason.OFFER_PAUSED


def paused_offer(tx: Tx, account_id: AccountId, parts: RunParts, now: int) -> Offer | None:
    """Return an offer of a run that is paused or has expired.

    One that is archived is none: links that were made lead to it as before.
    """
    offers = tx.offers.by_ids(account_id, parts.offers) if parts.offers else {}
    return next((it for it in offers.values() if it.status_at(now) in _OFFER_ENDED), None)


def _ended(run: Run, now: int, *, waits: bool) -> dict[str, Any] | None:
    """Return how a run ends whose waves are at their end, None while it waits for its messages."""
    if waits and now < run.ends_at:
        return None
    if not (waits or run.planned or run.held_out or run.left_out):
        # As any other that is skipped it has no content: no contact was sent that text.
        values = {"state": RunState.SKIPPED.value, "reason": RunReason.EMPTY_AUDIENCE.value}
        return values | {"ended_at": now, "content": ""}
    if not waits and not run.left_out.get(OUT_OF_TIME):
        return {"state": RunState.FINISHED.value, "ended_at": now}
    values = {"state": RunState.STOPPED.value, "reason": RunReason.OUT_OF_TIME.value}
    return values | {"ended_at": now} | ({"sweep": QueueTask.DROP.value} if waits else {})


def complete_if_over(tx: Tx, account_id: AccountId, schedule_id: ScheduleId, now: int) -> None:
    """Complete a schedule that is on, once it has no run to come and none that has not ended."""
    schedule = tx.schedules.find(account_id, schedule_id)
    if schedule is None or schedule.status is not ScheduleStatus.ON:
        return
    if schedule.next_at is None and not tx.runs.open_of(account_id, schedule_id):
        tx.schedules.change(
            account_id, schedule_id, status=ScheduleStatus.COMPLETE.value, updated_at=now
        )


def _release(tx: Tx, run: Run) -> None:
    """Have released what is held of a run that goes on."""
    tx.runs.move(_key(run), {RunState.RUNNING}, sweep=QueueTask.RELEASE.value)


def _places(tx: Tx, run: Run, ranks: tuple[int, ...], limit: int) -> list[QueuePlace]:
    """Return some messages of a run that wait in one of these ranks."""
    for list_id in lists_of_run(tx, run):
        for rank in ranks:
            found = tx.queue.of_run(lane_of(list_id), list_id, rank, run.id, limit)
            if found:
                return found
    return []


def _key(run: Run) -> tuple[AccountId, RunId]:
    return run.account_id, run.id
