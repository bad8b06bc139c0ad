"""Runs as their account sees and steers them: watched, paused, resumed and stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, NamedTuple

from sendrail.campaigns.preflight import PreflightNote, sender_fault
from sendrail.campaigns.run_content import Variant, read_content, renewed
from sendrail.campaigns.run_ends import (
    RunParts,
    complete_if_over,
    lists_of_run,
    lost_part,
    paused_offer,
)
from sendrail.campaigns.run_making import FindHindrance, start_now, unhindered
from sendrail.campaigns.schedules import owned_schedule
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
from sendrail.domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from sendrail.domain.ids import ROW_ID_MAX, AccountId, ListId, RunId, is_row_id
from sendrail.domain.schedule import Schedule, ScheduleStatus
from sendrail.domain.waves import EVERYONE, NUMBER_PARTS, NumberSpan
from sendrail.storage.campaigns.runs import WaveProgress
from sendrail.storage.interface import Store, Tx

# What to know of a run of a schedule that begins at a time.
FindWarnings = Callable[[Tx, Schedule, int], Sequence[PreflightNote]]

NOTE_LENGTH_MAX: Final = 255
# Of a run with more lists it is not asked where all of its contacts are.
_LISTS_MAX: Final = 20


def unwarned(_tx: Tx, _schedule: Schedule, _now: int) -> Sequence[PreflightNote]:
    """Warn of no run."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A run, and how far each of its waves has come; warnings are of one that was just begun."""

    run: Run
    waves: Sequence[WaveProgress]
    warnings: Sequence[PreflightNote] = ()

    @property
    def share(self) -> float:
        """About which part of its contacts has been looked at, from 0 to 1."""
        if not self.waves:
            return float(self.run.state not in OPEN_STATES)
        return sum(each.share for each in self.waves) / len(self.waves)


class PausedRun(NamedTuple):
    """A run that waits for a user to resume or stop it, and its schedule's id and name."""

    run: Run
    schedule_ref: str
    schedule_name: str


class RunService:
    """Operations on an account's runs; another account's looks like none."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        hindrance: FindHindrance = unhindered,
        warnings: FindWarnings = unwarned,
    ) -> None:
        """Ask `hindrance` what keeps a run from beginning, and `warnings` what to know of it."""
        self._store = store
        self._now = now
        self._hindrance = hindrance
        self._warnings = warnings

    async def show(self, account_id: AccountId, run_id: int) -> RunDetails:
        """Return one run. Raises `NotFound`."""
        return await self._store.read(lambda tx: _details(tx, account_id, run_id))

    async def variants(self, account_id: AccountId, run_id: int) -> Sequence[Variant]:
        """Return the texts of a run as they stand; none before it begins. Raises `NotFound`."""

        def read(tx: Tx) -> Sequence[Variant]:
            run = _owned(tx, account_id, run_id)
            _, content = tx.runs.content(account_id, run.id)
            return read_content(account_id, content).variants if content else ()

        return await self._store.read(read)

    async def of_schedule(
        self, account_id: AccountId, ref: str, limit: int = 50
    ) -> Sequence[RunDetails]:
        """Return the last runs of a schedule, the latest first. Raises `NotFound`."""

        def read(tx: Tx) -> Sequence[RunDetails]:
            schedule = owned_schedule(tx, account_id, ref)
            found = tx.runs.of_schedule(account_id, schedule.id, ROW_ID_MAX, limit)
            spans = _Spans(tx)
            return [RunDetails(run=run, waves=_progress(tx, run, spans)) for run in found]

        return await self._store.read(read)

    async def paused(self, account_id: AccountId, limit: int = 50) -> Sequence[PausedRun]:
        """Return the account's runs that are paused, the one that has stood longest first."""

        def read(tx: Tx) -> Sequence[PausedRun]:
            runs = tx.runs.paused(account_id, limit)
            found = ((each, tx.schedules.find(account_id, each.schedule_id)) for each in runs)
            return [
                PausedRun(run, schedule.ref, schedule.name) for run, schedule in found if schedule
            ]

        return await self._store.read(read)

    async def start(self, account_id: AccountId, ref: str, actor: Actor) -> RunDetails:
        """Begin the run of a schedule's day now, in all zones at once.

        It is the one run of a schedule that is sent once. Raises `NotFound`, and `Conflict` where
        the schedule is not on, has that run already or another that goes on, has nothing to send
        or an error that its preflight names, or all of its contacts would be left out.
        """

        def find(tx: Tx) -> Sequence[PreflightNote]:
            schedule, now = _expect_free(tx, account_id, ref), self._now()
            if (hindrance := self._hindrance(tx, schedule, now)) is not None:
                raise _nothing_to_send(hindrance)
            return self._warnings(tx, schedule, now)

        # Beside the one writer: it looks at more than a request should wait for.
        warnings = await self._store.read(find)

        def start(tx: Tx) -> RunDetails:
            schedule, now = _expect_free(tx, account_id, ref), self._now()
            run_id = start_now(tx, schedule, now)
            if isinstance(run_id, RunReason):
                raise _nothing_to_send(run_id)
            if run_id is None:
                raise _run_exists(schedule)
            tx.audit.add(account_id, actor, Action.RUN_STARTED, f"run {run_id}", {}, now)
            return replace(_details(tx, account_id, run_id), warnings=warnings)

        return await self._store.write(start)

    async def pause(
        self,
        account_id: AccountId,
        run_id: int,
        actor: Actor,
        note: str = "",
        *,
        guard: Guard = unguarded,
    ) -> RunDetails:
        """Pause a run: nothing of it leaves any more, but what a carrier has already.

        Raises `NotFound`, and `Conflict` where it does not run.
        """
        values = {"reason": RunReason.ASKED.value, "moments": None}
        return await self._move(
            account_id, run_id, RunState.PAUSED, values, _Wish(actor, note, guard)
        )

    async def resume(
        self,
        account_id: AccountId,
        run_id: int,
        actor: Actor,
        note: str = "",
        *,
        guard: Guard = unguarded,
    ) -> RunDetails:
        """Let a run go on that was paused; what waits of it in the queue is due now.

        Where the texts of its schedule were changed meanwhile, it has them from then on, as another
        version. Raises `NotFound`, `Conflict` where it is not paused or has no text any more,
        `InvalidInput` for a text that cannot be sent, or while one of its lists cannot send, and
        `Forbidden` while the account is suspended.
        """
        values = {"reason": None, "sweep": QueueTask.RELEASE.value}
        return await self._move(
            account_id, run_id, RunState.RUNNING, values, _Wish(actor, note, guard)
        )

    async def stop(
        self,
        account_id: AccountId,
        run_id: int,
        actor: Actor,
        note: str = "",
        *,
        guard: Guard = unguarded,
    ) -> RunDetails:
        """Stop a run for good; what waits of it in the queue is dropped.

        Raises `NotFound`, and `Conflict` where it has ended.
        """
        values = {
            "reason": RunReason.ASKED.value, "sweep": QueueTask.DROP.value,
            "ended_at": self._now(),
        }  # fmt: skip
        return await self._move(
            account_id, run_id, RunState.STOPPED, values, _Wish(actor, note, guard)
        )

    async def _move(
        self,
        account_id: AccountId,
        run_id: int,
        state: RunState,
        values: Mapping[str, Any],
        wish: "_Wish",
    ) -> RunDetails:
        before = {each for each, moves in RUN_MOVES.items() if state in moves}
        if state is RunState.RUNNING:
            # Only the planner begins a run.
            before = {RunState.PAUSED}

        def move(tx: Tx) -> RunDetails:
            run, now = _owned(tx, account_id, run_id), self._now()
            content = {}
            if state is RunState.RUNNING and run.state in before:
                content = _resumed(tx, run, now)
            changes = {"state": state.value, **values, **content}
            if not tx.runs.move((account_id, run.id), before, **changes):
                raise Conflict(
                    f"The run is {run.state}; it must be {' or '.join(sorted(before))}.",
                    code="run_state_conflict",
                )
            details: dict[str, Any] = {"note": wish.note} if wish.note else {}
            if content:
                details["version"] = content["version"]
            about = f"run {run.id}"
            tx.audit.add(account_id, wish.actor, _ACTIONS[state], about, details, now)
            if state is RunState.STOPPED:
                complete_if_over(tx, account_id, run.schedule_id, now)
            return _details(tx, account_id, run.id)

        if len(wish.note) > NOTE_LENGTH_MAX:
            raise InvalidInput(
                f"`note` has at most {NOTE_LENGTH_MAX} characters",
                code="note_too_long",
                param="note",
            )
        return await self._store.write(wish.guard(move))


def _expect_free(tx: Tx, account_id: AccountId, ref: str) -> Schedule:
    """Return a schedule that may have a run begun by hand; raises as `RunService.start` does."""
    schedule = owned_schedule(tx, account_id, ref)
    if not schedule.is_repeating and schedule.last_date is not None:
        raise _run_exists(schedule)
    if schedule.status is not ScheduleStatus.ON:
        raise Conflict(
            f"The schedule is {schedule.status}: it sends only while it is on.",
            code="schedule_not_on",
        )
    if going := tx.runs.open_of(account_id, schedule.id):
        raise Conflict(
            f"Run {going[0].id} of the schedule is not finished: wait until it ends, or stop it.",
            code="run_exists",
        )
    return schedule


def _nothing_to_send(reason: RunReason) -> Conflict:
    return Conflict(
        f"There is nothing to send now: {reason}. The preflight gives the details.",
        code="nothing_to_send",
    )


def _run_exists(schedule: Schedule) -> Conflict:
    said = "has a run of this day already."
    if not schedule.is_repeating:
        said = "has had its run: what is to be sent once more is a schedule of its own."
    return Conflict(f"The schedule {said}", code="run_exists")


class _Wish(NamedTuple):
    """Who wants a run to be moved, why, and how often at most."""

    actor: Actor
    note: str
    guard: Guard


_ACTIONS: Final = {
    RunState.PAUSED: Action.RUN_PAUSED,
    RunState.RUNNING: Action.RUN_RESUMED,
    RunState.STOPPED: Action.RUN_STOPPED,
}


def _resumed(tx: Tx, run: Run, now: int) -> dict[str, Any]:
    """Return what changes in a run whose texts were changed while it was paused.

    Raises as `RunService.resume` does where it would be paused again at once.
    """
    version, text = tx.runs.content(run.account_id, run.id)
    if not text:
        return {}
    before = after = read_content(run.account_id, text)
    if (schedule := tx.schedules.find(run.account_id, run.schedule_id)) is not None:
        after = renewed(tx, schedule, before, now)
    _expect_whole(tx, run.account_id, RunParts.of(after), now)
    return {} if after is before else {"content": after.to_json(), "version": version + 1}


def _expect_whole(tx: Tx, account_id: AccountId, parts: RunParts, now: int) -> None:
    """Refuse to resume a run that would be paused again at once; say what must change before."""
    reason = lost_part(tx, account_id, parts, now)
    if reason is RunReason.ACCOUNT_SUSPENDED:
        raise Forbidden(
            "The account is suspended: its operator lets it send again with"
            " `sendrail accounts resume`; then resume the run."
        )
    if reason is RunReason.LIST_INACTIVE:
        raise InvalidInput(_why_not(tx, parts.lists), code=reason.value)
    if (offer := paused_offer(tx, account_id, parts, now)) is not None:
        raise InvalidInput(
            f"The offer {offer.name} is {offer.status_at(now)}: set it to active, or change the"
            " text; then resume the run, or stop the run.",
            code=RunReason.OFFER_PAUSED.value,
        )


def _why_not(tx: Tx, lists: Sequence[int]) -> str:
    """Return which of a run's lists cannot send, and what to do; one of them cannot."""
    senders = tx.gate.lists_by_id(ListId(each) for each in lists)
    faults = [sender_fault(senders[each]) for each in map(ListId, lists) if each in senders]
    said = next((each.text for each in faults if each), "One of the run's lists is deleted")
    return f"{said}: let it send again, then resume the run, or stop the run."


def _owned(tx: Tx, account_id: AccountId, run_id: int) -> Run:
    found = tx.runs.find(account_id, run_id) if is_row_id(run_id) else None
    if found is None:
        raise NotFound("There is no such run, or it is not yours.")
    return found


def _details(tx: Tx, account_id: AccountId, run_id: int | RunId) -> RunDetails:
    run = _owned(tx, account_id, run_id)
    return RunDetails(run=run, waves=_progress(tx, run, _Spans(tx)))


def _progress(tx: Tx, run: Run, spans: "_Spans") -> Sequence[WaveProgress]:
    """Return how far a run has come, among the contacts of its lists or of the first of them."""
    of_run = cache(lambda: spans.of(lists_of_run(tx, run)))
    return tx.runs.progress(run.account_id, run.id, of_run)


class _Spans:
    """Where the contacts of some lists are; asked once for the runs that one look shows."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._known: dict[Sequence[int], Sequence[NumberSpan]] = {}

    def of(self, all_lists: Sequence[int]) -> Sequence[NumberSpan]:
        lists = tuple(all_lists[:_LISTS_MAX])
        if lists not in self._known:
            asked = (self._tx.audience_members.span(lists, part) for part in NUMBER_PARTS if lists)
            # Without a contact, each number counts.
            found = [each for each in asked if each is not None] or [NumberSpan(EVERYONE, 1)]
            self._known[lists] = found
        return self._known[lists]
