"""Runs and their waves: made from schedules, moved from state to state, and looked at."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Select,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)

from sendrail.domain.campaign_run import OPEN_STATES, QueueTask, Run, RunReason, RunState
from sendrail.domain.ids import AccountId, RunId, ScheduleId
from sendrail.domain.origin import OriginKind
from sendrail.domain.origin_counts import CountKind
from sendrail.domain.run_brake import RunResults
from sendrail.domain.schedule import ScheduleStatus
from sendrail.domain.waves import KeyRange, NumberSpan, Wave, walked_share
from sendrail.storage.campaign_tables import run_waves, runs, schedules
from sendrail.storage.dialect import insert_new
from sendrail.storage.message_tables import origin_counts, origins
from sendrail.storage.row_batches import insert_each

_of: Final = runs.c
# As the index of open runs has it, to the letter: SQLite uses it for nothing else.
_is_open: Final = text("runs.state IN ('due', 'running', 'paused')")
_LIMIT: Final = bindparam("limit", type_=BigInteger)
_NOW: Final = bindparam("now", type_=BigInteger)
_TURN: Final = (_of.turn_at, _of.id)
_is_behind: Final = tuple_(*_TURN) > tuple_(
    bindparam("turn_at", type_=BigInteger), bindparam("run_id", type_=BigInteger)
)
_is_abandoned: Final = _is_open & exists(
    select(literal(1)).where(
        schedules.c.id == _of.schedule_id,
        schedules.c.status.in_([ScheduleStatus.OFF.value, ScheduleStatus.ARCHIVE.value]),
    )
)
_RESULTS: Final = (CountKind.SENT, CountKind.FAILED, CountKind.UNDELIVERED, CountKind.OPT_OUTS)
_RUN: Final = tuple(
    _of[name]
    for name in (
        "id", "account_id", "schedule_id", "local_date", "state", "reason", "version", "due_at",
        "ends_at", "started_at", "ended_at", "planned", "held_out", "left_out", "variants",
    )
)  # fmt: skip


def _next_work() -> Select[Any]:
    some = select(literal(1)).select_from(runs)
    at_work = [RunState.DUE.value, RunState.RUNNING.value]
    is_under_way = exists(some.where(_of.state.in_(at_work), _is_open))
    is_abandoned = exists(some.where(_is_abandoned))
    is_to_sweep = exists(some.where(_of.sweep.is_not(None)))
    next_at = select(func.min(schedules.c.next_at)).where(schedules.c.next_at.is_not(None))
    return select(next_at.scalar_subquery(), or_(is_under_way, is_abandoned, is_to_sweep))


def _waves_due() -> Select[Any]:
    wave = run_waves.c
    earlier, beside = run_waves.alias(), run_waves.alias()
    is_first = ~exists(
        select(literal(1)).where(
            earlier.c.run_id == wave.run_id, earlier.c.wave < wave.wave, ~earlier.c.done
        )
    )
    count = select(func.count()).select_from(beside).where(beside.c.run_id == wave.run_id)
    return (
        select(run_waves, _of.version, _of.planned, count.scalar_subquery().label("waves"), *_TURN)
        .join_from(runs, run_waves, wave.run_id == _of.id)
        .where(_of.state == RunState.RUNNING.value, _is_open, _is_behind, ~wave.done)
        .where(wave.due_at <= _NOW, is_first)
        .order_by(*_TURN)
        .limit(_LIMIT)
    )


def _walked_out() -> Select[Any]:
    has_open = exists(select(literal(1)).where(run_waves.c.run_id == _of.id, ~run_waves.c.done))
    is_running = _of.state == RunState.RUNNING.value
    some = select(*_RUN, _of.turn_at).where(is_running, _is_open, _is_behind, ~has_open)
    return some.order_by(*_TURN).limit(_LIMIT)


# What is asked for again and again, most of it by the planner. To build one takes longer than to
# run it.
_FIND: Final = select(*_RUN).where(
    _of.account_id == bindparam("account_id", type_=BigInteger),
    _of.id == bindparam("run_id", type_=BigInteger),
)
_NEXT_WORK: Final = _next_work()
_WAVES_DUE: Final = _waves_due()
_WAITING: Final = (
    select(*_RUN, _of.turn_at)
    .where(_of.state == RunState.DUE.value, _is_open, _is_behind)
    .order_by(*_TURN)
    .limit(_LIMIT)
)
_ABANDONED: Final = select(*_RUN).where(_is_abandoned).limit(_LIMIT)
_WATCHED: Final = (
    select(*_RUN, _of.moments, _of.turn_at)
    .where(_of.state == RunState.RUNNING.value, _is_open, _is_behind)
    .order_by(*_TURN)
    .limit(_LIMIT)
)
_WALKED_OUT: Final = _walked_out()
_TO_SWEEP: Final = (
    select(*_RUN, _of.sweep).where(_of.sweep.is_not(None)).order_by(_of.sweep, _of.id).limit(_LIMIT)
)


class RunPlace(NamedTuple):
    """The place of a run in the order of turns."""

    turn_at: int
    run_id: int


# Before all of them.
FIRST_RUN: Final = RunPlace(0, 0)


class NewRun(NamedTuple):
    """What is known of a run when it is made; `content` is JSON, and empty unless it begins."""

    account_id: AccountId
    schedule_id: ScheduleId
    local_date: str
    state: RunState
    reason: RunReason | None
    content: str
    due_at: int
    ends_at: int
    waves: Sequence[Wave] = ()


class ToldZones(NamedTuple):
    """Which zones set for contacts are of a wave: some, or without `inside` all but some."""

    inside: frozenset[str] | None
    outside: frozenset[str]

    def among(self, zones: frozenset[str]) -> frozenset[str]:
        """Return those of some zones that are of the wave."""
        return zones - self.outside if self.inside is None else zones & self.inside


class OpenWave(NamedTuple):
    """A wave that is due, and how far it has come."""

    run_id: RunId
    account_id: AccountId
    version: int
    wave: int
    due_at: int
    ends_at: int
    ranges: tuple[KeyRange, ...]
    is_rest: bool
    told: ToldZones | None
    cursor: int
    # How many waves the run has.
    waves: int
    # How many messages the run has planned so far.
    planned: int


class WaveProgress(NamedTuple):
    """How far a wave of a run has come: the part of its contacts that lies behind its cursor."""

    wave: int
    due_at: int
    ends_at: int
    share: float
    done: bool


class Runs:
    """The runs of all accounts; what an account asks for names it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    # Made

    def add(self, new: NewRun, now: int) -> RunId | None:
        """Add a run with its waves; None where the schedule has one of that date already."""
        is_over = new.state not in OPEN_STATES
        values = {
            "account_id": new.account_id, "schedule_id": new.schedule_id,
            "local_date": new.local_date, "state": new.state.value,
            "reason": None if new.reason is None else new.reason.value, "content": new.content,
            "version": 1, "due_at": new.due_at, "ends_at": new.ends_at,
            "started_at": now if new.state is RunState.RUNNING else None,
            "ended_at": now if is_over else None, "turn_at": 0, "planned": 0, "held_out": 0,
            "left_out": "{}", "variants": "{}", "remembers": not is_over,
        }  # fmt: skip
        added = insert_new(self._connection, runs).values(values).returning(_of.id)
        run_id: int | None = self._execute(added).scalar()
        if run_id is None:
            return None
        self._add_waves(RunId(run_id), new)
        return RunId(run_id)

    def _add_waves(self, run_id: RunId, new: NewRun) -> None:
        asks_told = any(wave.told_in or wave.told_not_in for wave in new.waves)
        rows = [
            {
                "run_id": run_id, "wave": place, "account_id": new.account_id,
                "due_at": wave.due_at, "ends_at": wave.ends_at,
                "ranges": json.dumps(wave.ranges), "is_rest": wave.is_rest, "cursor": 0,
                "done": False, "told": _shown_told(wave) if asks_told else None,
            }
            for place, wave in enumerate(new.waves)
        ]  # fmt: skip
        insert_each(self._connection, insert(run_waves), rows)

    # Looked at

    def find(self, account_id: AccountId, run_id: int) -> Run | None:
        row = self._execute(_FIND, {"account_id": account_id, "run_id": run_id}).one_or_none()
        return None if row is None else _run(row)

    def of_schedule(
        self, account_id: AccountId, schedule_id: ScheduleId, before: int, limit: int
    ) -> list[Run]:
        """Return runs of a schedule with an id below one, the latest date first."""
        some = select(*_RUN).where(
            _of.account_id == account_id, _of.schedule_id == schedule_id, _of.id < before
        )
        return [_run(row) for row in self._execute(some.order_by(_of.id.desc()).limit(limit))]

    def between(self, account_id: AccountId, first: str, last: str, limit: int) -> list[Run]:
        """Return the account's runs of some dates, the earliest first."""
        some = select(*_RUN).where(
            _of.account_id == account_id, _of.local_date.between(first, last)
        )
        found = some.order_by(_of.local_date, _of.due_at, _of.id).limit(limit)
        return [_run(row) for row in self._execute(found)]

    def content(self, account_id: AccountId, run_id: RunId) -> tuple[int, str]:
        """Return the version of a run's content, and the content as JSON."""
        one = select(_of.version, _of.content).where(_of.account_id == account_id, _of.id == run_id)
        version, content = self._execute(one).one()
        return version, content

    def paused(self, account_id: AccountId, limit: int) -> list[Run]:
        """Return the account's runs that are paused, the one that has stood longest first."""
        some = select(*_RUN).where(
            _of.account_id == account_id, _of.state == RunState.PAUSED.value, _is_open
        )
        return [_run(row) for row in self._execute(some.order_by(_of.turn_at).limit(limit))]

    def open_of(self, account_id: AccountId, schedule_id: ScheduleId) -> list[Run]:
        """Return the runs of a schedule that have not ended, the earliest first."""
        some = select(*_RUN).where(
            _of.account_id == account_id,
            _of.schedule_id == schedule_id,
            _is_open,
        )
        return [_run(row) for row in self._execute(some.order_by(_of.local_date))]

    def next_work_at(self) -> int | None:
        """Return when there is next anything to do for runs, 0 for now; None if nothing is known.

        There is while any run of any account is under way, and when a schedule is next due.
        """
        found = self._execute(_NEXT_WORK).one()
        return 0 if found[1] else found[0]

    def waiting(self, limit: int, behind: RunPlace = FIRST_RUN) -> tuple[list[Run], RunPlace]:
        """Return runs of any account that wait for an earlier one, as `watched` does."""
        rows, place = self._behind(_WAITING, limit, behind)
        return [_run(row) for row in rows], place

    def abandoned(self, limit: int) -> list[Run]:
        """Return runs of any account that have not ended and whose schedules are off."""
        return [_run(row) for row in self._execute(_ABANDONED, {"limit": limit})]

    def watched(
        self, limit: int, behind: RunPlace = FIRST_RUN
    ) -> tuple[list[tuple[Run, list[RunResults]]], RunPlace]:
        """Return running runs of any account with the moments that their brake has kept.

        They stand behind a place in the order of turns. Returns the place to go on from as well:
        the first one again, where there are no more.
        """
        rows, place = self._behind(_WATCHED, limit, behind)
        watched = [
            (_run(row), [RunResults(*each) for each in json.loads(row.moments or "[]")])
            for row in rows
        ]
        return watched, place

    def results(self, account_id: AccountId, run_id: RunId) -> RunResults:
        """Return what has become of a run's messages by now."""
        counted = (
            select(origin_counts.c.what, func.sum(origin_counts.c.n))
            .join(origins, origins.c.id == origin_counts.c.origin_id)
            .where(
                origins.c.account_id == account_id,
                origins.c.kind == OriginKind.RUN.value,
                origins.c.of_id == run_id,
                origin_counts.c.what.in_([each.value for each in _RESULTS]),
            )
            .group_by(origin_counts.c.what)
        )
        found = {what: int(n) for what, n in self._execute(counted)}
        failed = found.get(CountKind.FAILED, 0) + found.get(CountKind.UNDELIVERED, 0)
        return RunResults(found.get(CountKind.SENT, 0), failed, found.get(CountKind.OPT_OUTS, 0))

    def contents(self, account_id: AccountId, limit: int) -> list[tuple[RunId, str]]:
        """Return the latest runs of an account that have begun, with what they send as JSON."""
        latest = (
            select(_of.id, _of.content)
            .where(_of.account_id == account_id, _of.content != "")
            .order_by(_of.id.desc())
        )
        return [(RunId(row.id), row.content) for row in self._execute(latest.limit(limit))]

    def begun(self, account_id: AccountId, limit: int) -> list[tuple[Run, str]]:
        """Return the latest runs of an account that have begun, each with what it sends as JSON."""
        latest = (
            select(*_RUN, _of.content)
            .where(_of.account_id == account_id, _of.content != "")
            .order_by(_of.id.desc())
        )
        return [(_run(row), row.content) for row in self._execute(latest.limit(limit))]

    def keep_moments(self, run: Run, moments: Sequence[RunResults]) -> None:
        """Keep what the brake of a run looks at next time."""
        kept = update(runs).where(_of.account_id == run.account_id, _of.id == run.id)
        self._execute(kept.values(moments=json.dumps(moments)))

    def to_sweep(self, limit: int) -> list[tuple[Run, QueueTask]]:
        """Return runs of any account whose messages in the queue await something."""
        found = self._execute(_TO_SWEEP, {"limit": limit})
        return [(_run(row), QueueTask(row.sweep)) for row in found]

    def progress(
        self, account_id: AccountId, run_id: RunId, spans: Callable[[], Sequence[NumberSpan]]
    ) -> list[WaveProgress]:
        """Return how far each wave of a run has come among the contacts of some spans.

        They are asked for where a wave has begun and is not done.
        """
        of_run = select(run_waves).where(
            run_waves.c.account_id == account_id, run_waves.c.run_id == run_id
        )
        found = []
        for row in self._execute(of_run.order_by(run_waves.c.wave)):
            share = float(row.done)
            if row.cursor and not row.done:
                share = walked_share(_ranges(row.ranges), row.cursor, spans())
            found.append(WaveProgress(row.wave, row.due_at, row.ends_at, share, row.done))
        return found

    # Waves

    def waves(self, account_id: AccountId, run_id: RunId) -> list[Wave]:
        """Return the waves of a run as they were made, in their order."""
        of_run = select(run_waves).where(
            run_waves.c.account_id == account_id, run_waves.c.run_id == run_id
        )
        return [_wave(row) for row in self._execute(of_run.order_by(run_waves.c.wave))]

    def waves_due(
        self, now: int, limit: int, behind: RunPlace = FIRST_RUN
    ) -> tuple[list[OpenWave], RunPlace]:
        """Return waves of running runs that are due, of each run the first, as `watched` does."""
        rows, place = self._behind(_WAVES_DUE, limit, behind, now=now)
        waves = [
            OpenWave(
                RunId(row.run_id), AccountId(row.account_id), row.version, row.wave, row.due_at,
                row.ends_at, _ranges(row.ranges), row.is_rest, _told(row.told), row.cursor,
                row.waves, row.planned,
            )
            for row in rows
        ]  # fmt: skip
        return waves, place

    def walked_out(self, limit: int, behind: RunPlace = FIRST_RUN) -> tuple[list[Run], RunPlace]:
        """Return running runs of which every wave has come to its end, as `watched` does."""
        rows, place = self._behind(_WALKED_OUT, limit, behind)
        return [_run(row) for row in rows], place

    def _behind(
        self, asked: Select[Any], limit: int, behind: RunPlace, **more: int
    ) -> tuple[Sequence[Row[Any]], RunPlace]:
        """Return the rows behind a place in the order of turns, and the place to go on from."""
        rows = self._execute(asked, {"limit": limit, **behind._asdict(), **more}).all()
        if len(rows) < limit:
            return rows, FIRST_RUN
        return rows, RunPlace(rows[-1].turn_at, rows[-1].id)

    # Moved

    def move(self, run: tuple[AccountId, int], before: Collection[RunState], **values: Any) -> bool:
        """Change a run that is in one of some states; return False where it is not."""
        account_id, run_id = run
        changed = update(runs).where(
            _of.account_id == account_id,
            _of.id == run_id,
            _of.state.in_([each.value for each in before]),
        )
        return self._execute(changed.values(**values)).rowcount == 1

    def begin(self, run: Run, content: str, waves: Sequence[Wave], now: int) -> bool:
        """Begin a run that has waited for another one; return False where it no longer waits."""
        key = (run.account_id, run.id)
        values = {"state": RunState.RUNNING.value, "content": content, "started_at": now}
        if not self.move(key, {RunState.DUE}, **values):
            return False
        new = NewRun(
            run.account_id, run.schedule_id, run.local_date, RunState.RUNNING, None, content,
            run.due_at, run.ends_at, waves,
        )  # fmt: skip
        self._add_waves(run.id, new)
        return True

    def swept(self, run: Run, sweep: QueueTask) -> None:
        """Note that nothing of a run in the queue awaits this any more."""
        done = update(runs).where(
            _of.account_id == run.account_id, _of.id == run.id, _of.sweep == sweep.value
        )
        self._execute(done.values(sweep=None))


def _run(row: Any) -> Run:
    return Run(
        id=RunId(row.id),
        account_id=AccountId(row.account_id),
        schedule_id=ScheduleId(row.schedule_id),
        local_date=row.local_date,
        state=RunState(row.state),
        reason=None if row.reason is None else RunReason(row.reason),
        version=row.version,
        due_at=row.due_at,
        ends_at=row.ends_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        planned=row.planned,
        held_out=row.held_out,
        left_out=json.loads(row.left_out),
        variants={int(name): count for name, count in json.loads(row.variants).items()},
    )


def _shown_told(wave: Wave) -> str:
    inside = None if wave.told_in is None else sorted(wave.told_in)
    return json.dumps([inside, sorted(wave.told_not_in)])


def _told(text: str | None) -> ToldZones | None:
    if text is None:
        return None
    inside, outside = json.loads(text)
    return ToldZones(None if inside is None else frozenset(inside), frozenset(outside))


def _wave(row: Row[Any]) -> Wave:
    told = _told(row.told) or ToldZones(frozenset(), frozenset())
    return Wave(
        row.due_at, row.ends_at, _ranges(row.ranges), told.inside, told.outside, row.is_rest
    )


def _ranges(text: str) -> tuple[KeyRange, ...]:
    return tuple(KeyRange(*each) for each in json.loads(text))
