"""Runs as their account sees and steers them: watched, paused, resumed and stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.domain.audit import Action, Actor
from sendrail.domain.campaign_run import (
    OPEN_STATES,
    RUN_MOVES,
    QueueTask,
    Run,
    RunReason,
    RunState,
)
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.ids import AccountId, RunId
from sendrail.storage.campaigns.runs import WaveProgress
from sendrail.storage.interface import Store, Tx

_ID_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A run, and how far each of its waves has come."""

    run: Run
    waves: Sequence[WaveProgress]

    @property
    def share(self) -> float:
        """The part of its numbers that has been looked at, from 0 to 1."""
        if not self.waves:
            return float(self.run.state not in OPEN_STATES)
        return sum(each.share for each in self.waves) / len(self.waves)


class RunService:
    """Operations on an account's runs; another account's looks like none."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def show(self, account_id: AccountId, run_id: int) -> RunDetails:
        """Return one run. Raises `NotFound`."""
        return await self._store.read(lambda tx: _details(tx, account_id, run_id))

    async def pause(
        self, account_id: AccountId, run_id: int, actor: Actor, *, guard: Guard = unguarded
    ) -> RunDetails:
        """Pause a run: nothing of it leaves any more, but what a carrier has already.

        Raises `NotFound`, and `Conflict` where it does not run.
        """
        values = {"reason": RunReason.ASKED.value}
        return await self._move(account_id, run_id, RunState.PAUSED, values, actor, guard)

    async def resume(
        self, account_id: AccountId, run_id: int, actor: Actor, *, guard: Guard = unguarded
    ) -> RunDetails:
        """Let a run go on that was paused; what waits of it in the queue is due now.

        Raises `NotFound`, and `Conflict` where it is not paused.
        """
        values = {"reason": None, "sweep": QueueTask.RELEASE.value}
        return await self._move(account_id, run_id, RunState.RUNNING, values, actor, guard)

    async def stop(
        self, account_id: AccountId, run_id: int, actor: Actor, *, guard: Guard = unguarded
    ) -> RunDetails:
        """Stop a run for good; what waits of it in the queue is dropped.

        Raises `NotFound`, and `Conflict` where it has ended.
        """
        values = {
            "reason": RunReason.ASKED.value, "sweep": QueueTask.DROP.value,
            "ended_at": self._now(),
        }  # fmt: skip
        return await self._move(account_id, run_id, RunState.STOPPED, values, actor, guard)

    async def _move(  # noqa: PLR0917 - a move's parts
        self,
        account_id: AccountId,
        run_id: int,
        state: RunState,
        values: Mapping[str, Any],
        actor: Actor,
        guard: Guard,
    ) -> RunDetails:
        before = {each for each, moves in RUN_MOVES.items() if state in moves}
        if state is RunState.RUNNING:
            # Only the planner begins a run.
            before = {RunState.PAUSED}

        def move(tx: Tx) -> RunDetails:
            run = _owned(tx, account_id, run_id)
            if not tx.runs.move((account_id, run.id), before, state=state.value, **values):
                raise Conflict(
                    f"The run is {run.state}; it must be {' or '.join(sorted(before))}.",
                    code="run_state_conflict",
                )
            about, now = f"run {run.id}", self._now()
            tx.audit.add(account_id, actor, _ACTIONS[state], about, {}, now)
            return _details(tx, account_id, run.id)

        return await self._store.write(guard(move))


_ACTIONS: Final = {
    RunState.PAUSED: Action.RUN_PAUSED,
    RunState.RUNNING: Action.RUN_RESUMED,
    RunState.STOPPED: Action.RUN_STOPPED,
}


def _owned(tx: Tx, account_id: AccountId, run_id: int) -> Run:
    found = tx.runs.find(account_id, run_id) if 0 < run_id <= _ID_MAX else None
    if found is None:
        raise NotFound("There is no such run, or it is not yours.")
    return found


def _details(tx: Tx, account_id: AccountId, run_id: int | RunId) -> RunDetails:
    run = _owned(tx, account_id, run_id)
    return RunDetails(run=run, waves=tx.runs.progress(account_id, run.id))
