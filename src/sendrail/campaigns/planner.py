"""The planner: turns runs into messages just in time, page by page, beside other planners.

It holds nothing that another process needs: a page counts only if its run still runs and its
cursor is where it was, and that is asked in the transaction of its messages.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from sendrail.campaigns.planning import (
    OUT_OF_TIME,
    ListSender,
    PagePlan,
    PagePlanner,
    merged,
    quiet_ones,
)
from sendrail.campaigns.room import ListRooms
from sendrail.campaigns.run_content import ListFrame, RunContent, read_content
from sendrail.campaigns.run_ends import RunEnds
from sendrail.campaigns.run_making import FindHindrance, RunMaker, unhindered
from sendrail.campaigns.run_page import PageNotTaken, RunPage
from sendrail.domain.campaign_run import RunReason
from sendrail.domain.errors import Forbidden, SendrailError
from sendrail.domain.ids import AccountId, ListId, OriginId, RunId
from sendrail.domain.order import Refusal
from sendrail.domain.quiet_hours import OpeningTable
from sendrail.domain.schedule import OutsideHours
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.thompson import Results
from sendrail.domain.waves import EVERYONE
from sendrail.intake.orders import Limits
from sendrail.intake.service import Intake
from sendrail.rounds import RetryBackoff, Rounds
from sendrail.storage.campaigns.run_members import Member, MembersOfList
from sendrail.storage.campaigns.runs import FIRST_RUN, OpenWave
from sendrail.storage.interface import Store, Tx

_log = structlog.get_logger()

# What is read at once. Its turn is over sooner beside callers, who have the loop in between.
PAGE_MAX: Final = 1_000
_PAGE_BESIDE: Final = 250
# How much longer than for a bite of it a planner rests then: callers want the loop and the disk.
_REST_BESIDE: Final = 3
# Beside so many runs none waits long for its turn; more are not read at once, but in the next step.
_WAVES_MAX: Final = 64
_LOOK_SECONDS: Final = 0.5
# Where nothing runs, and nothing notices what is written: a run begins so much later at most.
_IDLE_SECONDS: Final = 2.0
_RUNS_KEPT_MAX: Final = 256


@dataclass(slots=True)
class _RunPlan:
    """A run's content, read once: what it asks its lists, and how it plans a page."""

    content: RunContent
    planner: PagePlanner
    queries: Sequence[MembersOfList]
    # By number, for contacts with a zone of their own.
    named: Sequence[MembersOfList] = ()
    # What its messages come from, by variant and by whether it is a control group's.
    origins: dict[tuple[int, bool], OriginId] = field(default_factory=dict)


@dataclass(slots=True)
class _Reading:
    """What is read for one page; without members there is no room for any."""

    lists: Mapping[int, ListSender]
    senders: Mapping[int, SendingList]
    zones: Mapping[int, str]
    members: Sequence[Member]
    # Who must not get another message, by the caps of the run.
    capped: Collection[int]
    results: Mapping[int, Results]
    cursor: int
    done: bool
    inactive: bool = False


class Planner:
    """Plans until cancelled; tests drive it a step at a time."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        limits: Limits,
        openings: OpeningTable,
        now: Callable[[], int],
        *,
        hindrance: FindHindrance = unhindered,
        page_max: int = PAGE_MAX,
    ) -> None:
        """Begin no run that `hindrance` finds something against."""
        self._store = store
        self._beside = store.beside()
        self._intake = intake
        self._limits = limits
        self._openings = openings
        # Whether a wave is due that has not come to its end.
        self._is_under_way = False
        # Behind which run, in the order of turns, the next step goes on.
        self._turned_to = FIRST_RUN
        self._now = now
        self._page_max = page_max
        self._maker = RunMaker(self._beside, now, hindrance)
        self._ends = RunEnds(self._beside, now)
        self._plans: dict[tuple[int, int], _RunPlan] = {}
        self._backoff = RetryBackoff[int](now)
        self._rooms = ListRooms()
        # When the planner last looked at what there is beside pages, by the loop's clock.
        self._looked_at = -_LOOK_SECONDS
        self._rounds = Rounds(
            "planner", hint=store.hints.change_event(), calm_seconds=_LOOK_SECONDS
        )

    async def run(self) -> None:
        """Plan what is due, and rest until something is."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        if asyncio.get_running_loop().time() - self._looked_at < _LOOK_SECONDS and (
            await self.step()
        ):
            return 0.0
        next_at = await self._store.read(lambda tx: tx.runs.next_work_at(), begun=False)
        idle = max(_IDLE_SECONDS, self._store.hints.look_seconds)
        if next_at is None:
            return idle
        if (seconds := (next_at - self._now()) / 1000) > 0:
            return min(seconds, idle)
        planned, changed = await self.look()
        self._looked_at = asyncio.get_running_loop().time()
        if planned:
            return 0.0
        return _LOOK_SECONDS if changed or self._is_under_way else _IDLE_SECONDS

    async def look(self) -> tuple[int, int]:
        """Make the runs that are due, plan a page of each, and end those that are over.

        Return how many pages were planned, and how many runs were made or ended.
        """
        made = await self._maker.step()
        planned = await self.step()
        return planned, made + await self._ends.step()

    async def step(self) -> int:
        """Plan a page of each run that is due, in the order of their turns; return how many.

        Of many runs, some at each step: those that find no room must keep no other from its turn.
        """
        now, behind = self._now(), self._turned_to
        waves, self._turned_to = await self._store.read(
            lambda tx: tx.runs.waves_due(now, _WAVES_MAX, behind), begun=False
        )
        self._is_under_way = bool(waves) or behind != FIRST_RUN
        pages = 0
        for wave in waves:
            if self._backoff.has_rested(wave.run_id):
                key = (wave.account_id, wave.run_id)
                pages += bool(await self._ends.guarded(key, partial(self._page, wave)))
        return pages

    async def _page(self, wave: OpenWave) -> bool:
        """Plan the next page of a wave; return whether it was ours, and there was room for it."""
        plan = await self._plan_of(wave)
        is_over = self._now() >= wave.ends_at
        beside = self._intake.serves_callers
        limit = min(self._page_max, _PAGE_BESIDE) if beside else self._page_max
        asked_at = None if is_over else asyncio.get_running_loop().time()
        found = await self._store.read(lambda tx: self._read(tx, wave, plan, limit, asked_at))
        if found is None:
            return False
        if found.inactive:
            await self._ends.pause((wave.account_id, wave.run_id), RunReason.LIST_INACTIVE)
            return False
        return await self._submit(wave, plan, found, is_over=is_over)

    async def _submit(
        self, wave: OpenWave, plan: _RunPlan, found: _Reading, *, is_over: bool
    ) -> bool:
        """Make the contacts of a page messages, few in a transaction while callers wait for it."""
        loop, at = asyncio.get_running_loop(), 0
        while True:
            began, size = loop.time(), max(1, self._intake.portion(len(found.members)))
            members = found.members[at : at + size]
            at += size
            is_last = at >= len(found.members)
            page = self._planned(wave, plan, found, members, is_over=is_over)
            submission = RunPage(
                wave, plan.content, page,
                cursor=found.cursor if is_last else members[-1].recipient,
                done=is_last and found.done, remembers=wave.waves > 1,
            )  # fmt: skip
            self._intake.offer(submission)
            result = await submission.future
            if isinstance(result, SendrailError):
                await self._not_taken(wave, result)
                return False
            self._backoff.went_well(wave.run_id)
            if submission.is_taken:
                plan.origins.update(submission.origins)
                self._rooms.plan(plan.content.lists, submission.accepted)
            if is_last or not submission.is_taken:
                return submission.is_taken
            wave = wave._replace(
                cursor=members[-1].recipient, planned=wave.planned + submission.accepted
            )
            await asyncio.sleep(_REST_BESIDE * (loop.time() - began))

    def _planned(
        self,
        wave: OpenWave,
        plan: _RunPlan,
        found: _Reading,
        members: Sequence[Member],
        *,
        is_over: bool,
    ) -> PagePlan:
        """Return what becomes of some contacts of a page."""
        if is_over:
            return PagePlan(left_out=[(each.recipient, OUT_OF_TIME) for each in members])
        return plan.planner.plan(
            members,
            found.lists,
            found.capped,
            quiet=self._quiet(members, found, plan.content, wave),
            zones=found.zones,
            origins=plan.origins,
            before=wave.planned,
            results=found.results,
        )

    def _quiet(
        self, members: Sequence[Member], found: _Reading, content: RunContent, wave: OpenWave
    ) -> set[int]:
        """Return for whom it is quiet now, and whom the run does not wait for."""
        until = wave.ends_at if content.outside_hours is OutsideHours.HOLD else 0
        return quiet_ones(members, found.senders, found.zones, self._openings, until, self._now())

    async def _plan_of(self, wave: OpenWave) -> _RunPlan:
        key = (wave.run_id, wave.version)
        if key not in self._plans:
            if len(self._plans) >= _RUNS_KEPT_MAX:
                self._plans.clear()
            self._plans[key] = await self._store.read(lambda tx: self._read_plan(tx, wave))
        return self._plans[key]

    def _read_plan(self, tx: Tx, wave: OpenWave) -> _RunPlan:
        _, text = tx.runs.content(wave.account_id, wave.run_id)
        content = read_content(wave.account_id, text)
        asked = [
            (target, list_id, content.began_at)
            for list_id in content.lists
            for target in content.targets
            if list_id in target.lists
        ]
        planner = PagePlanner(wave.account_id, wave.run_id, content, self._limits)
        members, says = tx.run_members, planner.columns
        if wave.told is None:
            return _RunPlan(content, planner, [members.query(*each, says) for each in asked])
        untold = [members.untold_query(*each, says) for each in asked]
        named = [members.named_query(*each, says) for each in asked]
        return _RunPlan(content, planner, untold, named)

    def _read(
        self, tx: Tx, wave: OpenWave, plan: _RunPlan, limit: int, asked_at: float | None
    ) -> _Reading | None:
        """Return a page's contacts and what is known of them; None where its lists have no room.

        Without a time, nothing of it is to be sent, and there is room for that.
        """
        content = plan.content
        senders = tx.gate.lists_by_id(ListId(each) for each in content.lists)
        active = [each for each in senders.values() if each.status is ListStatus.ACTIVE]
        if asked_at is not None:
            if len(active) < len(content.lists):
                return _Reading({}, {}, {}, (), (), {}, wave.cursor, done=False, inactive=True)
            limit = self._rooms.room(tx, active, limit, asked_at)
            if not limit:
                return None
        members, cursor, done = _walk(tx, plan, wave, limit)
        recipients = [each.recipient for each in members]
        if wave.is_rest or wave.told is not None:
            # A zone that was set since may bring a contact into a second wave.
            known = tx.run_pages.known(wave.run_id, recipients)
            members = [each for each in members if each.recipient not in known]
        place = (wave.account_id, wave.run_id)
        bounds = content.cap_bounds(self._now())
        capped = tx.run_pages.capped(wave.account_id, recipients, bounds) if bounds else ()
        return _Reading(
            {each.id: ListSender(each.number, *content.frames[each.id]) for each in active},
            dict(senders),
            tx.gate.zones(wave.account_id, recipients),
            members,
            capped,
            _results(tx, *place) if content.is_automated else {},
            cursor,
            done,
        )

    async def _not_taken(self, wave: OpenWave, error: SendrailError) -> None:
        """Pause a run whose page cannot be taken, unless that may be otherwise in a moment.

        Then it rests, for longer each time.
        """
        run = (wave.account_id, wave.run_id)
        if isinstance(error, Forbidden):
            await self._ends.pause(run, RunReason.ACCOUNT_SUSPENDED)
        elif isinstance(error, PageNotTaken) and error.code != Refusal.QUEUE_FULL:
            await self._ends.pause(run, RunReason.LIST_INACTIVE)
        else:
            rest = self._backoff.failed(wave.run_id)
            _log.warning("page_postponed", run_id=wave.run_id, reason=error.code, rest_ms=rest)


def _results(tx: Tx, account_id: AccountId, run_id: RunId) -> dict[int, Results]:
    """Return what each variant of a run has brought by now."""
    found = tx.report_counts.of_variants(account_id, [run_id])
    return {variant: results for (_, variant), results in found.items()}


def _walk(tx: Tx, plan: _RunPlan, wave: OpenWave, limit: int) -> tuple[list[Member], int, bool]:
    """Return the next members of a wave, the new place of its cursor, and whether it is the end.

    Those with a zone of their own may have any number: each of both is known up to a number, and
    the page ends with the first of the two.
    """
    members, cursor, done = _walk_ranges(tx, plan.queries, wave, limit)
    if wave.told is None:
        return members, cursor, done
    zones = wave.told.among(tx.numbers.told_zones(wave.account_id))
    numbers = tx.numbers.told_in(wave.account_id, zones, wave.cursor, limit)
    told = merged([tx.run_members.named(each, numbers) for each in plan.named], limit)
    ends = [EVERYONE.last if done else cursor]
    ends += [numbers[-1]] if len(numbers) == limit else []
    whole = sorted([*members, *told], key=lambda each: each.recipient)
    ends += [whole[limit - 1].recipient] if len(whole) > limit else []
    end = min(ends)
    return [each for each in whole if each.recipient <= end], end, end == EVERYONE.last


def _walk_ranges(
    tx: Tx, queries: Sequence[MembersOfList], wave: OpenWave, limit: int
) -> tuple[list[Member], int, bool]:
    """Return the same of a wave's ranges."""
    members: list[Member] = []
    cursor = wave.cursor
    for first, last in wave.ranges:
        above = max(cursor, first - 1)
        if above >= last:
            continue
        wanted = limit - len(members)
        streams = [tx.run_members.page(each, above, last, wanted) for each in queries]
        members += merged(streams, wanted)
        if len(members) >= limit:
            return members, members[-1].recipient, members[-1].recipient >= wave.ranges[-1].last
        cursor = last
    return members, cursor, True


def sending_as(tx: Tx, sender: SendingList) -> ListSender:
    """Return a list as texts need it."""
    return ListSender(sender.number, *ListFrame.of(tx, sender))
