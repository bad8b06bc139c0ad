"""Schedules of an account: campaigns, and the days on which they run."""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from sendrail.campaigns.preflight import (
    Preflight,
    PreflightNote,
    TextRules,
    hindrance,
    preflight,
)
from sendrail.campaigns.preflight_history import history_warnings, warnings_by_hand
from sendrail.campaigns.run_ends import complete_if_over
from sendrail.campaigns.schedule_reading import (
    ScheduleInput,
    changed_terms,
    new_terms,
    status_of,
)
from sendrail.campaigns.trial_runs import TrialMaker
from sendrail.campaigns.zones import zones_of
from sendrail.contacts.guard import Guard, unguarded
from sendrail.domain.audience import AudienceStatus
from sendrail.domain.audit import Action, Actor
from sendrail.domain.campaign_run import RunReason, RunState
from sendrail.domain.destinations import DestinationRules
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, ScheduleId
from sendrail.domain.occurrences import next_at
from sendrail.domain.offer import OfferStatus
from sendrail.domain.schedule import (
    EDITABLE_WHILE_RUNNING,
    Blast,
    Schedule,
    ScheduleStatus,
    ScheduleTerms,
    may_move,
)
from sendrail.storage.interface import Store, Tx

# A list of them is not paginated, as documented.
SCHEDULES_MAX: Final = 1_000
_REF_BYTES: Final = 12
# What moves the hours of its runs: they are counted anew from when it is changed.
_HOURS: Final = frozenset(
    {"is_repeating", "send_time", "send_date", "start_date", "end_date", "weekdays",
     "use_local_time", "late_zones"}
)  # fmt: skip

_TIME: Final = frozenset({"send_time_passed"})
# As a new schedule that names what is not there.
_GONE: Final = frozenset({"audience_not_found", "source_list_not_found"})


@dataclass(frozen=True, slots=True)
class ScheduleDetails:
    """A schedule, and what its author may want to change; warnings are of one that is on."""

    schedule: Schedule
    warnings: Sequence[PreflightNote] = ()


class ScheduleService:
    """Operations on an account's schedules; one is named by its public id.

    A schedule can be switched on only when its preflight finds no error.
    """

    def __init__(
        self,
        store: Store,
        trials: TrialMaker,
        rules: TextRules,
        destinations: DestinationRules,
        now: Callable[[], int],
        *,
        most: int = SCHEDULES_MAX,
    ) -> None:
        """Keep at most so many schedules for each account, archived ones included."""
        self._store = store
        self._trials = trials
        self._rules = rules
        self._destinations = destinations
        self._now = now
        self._most = most

    async def add(
        self, account_id: AccountId, given: ScheduleInput, actor: Actor, *, guard: Guard = unguarded
    ) -> ScheduleDetails:
        """Add a schedule.

        Raises `InvalidInput` with the documented code of the first field at fault, `NotFound` for
        an audience or a list that is not the account's, and `Conflict` past the account's limit.
        """
        terms, status = new_terms(given, self._destinations)
        ref = secrets.token_hex(_REF_BYTES)

        def add(tx: Tx) -> ScheduleDetails:
            if tx.schedules.count(account_id) >= self._most:
                raise Conflict(
                    f"An account has at most {self._most:,} schedules, archived ones included.",
                    code="too_many_schedules",
                )
            _expect_own(tx, account_id, terms)
            now = self._now()
            made = Schedule(
                **_said(terms), id=ScheduleId(0), ref=ref, account_id=account_id, status=status,
                on_since=None, next_at=None, created_at=now, updated_at=now,
            )  # fmt: skip
            made, warnings = self._switched(tx, made, now, anew=True)
            tx.schedules.add(account_id, made, ref=ref, created_at=now, **_state(made))
            _note(tx, account_id, actor, Action.SCHEDULE_ADDED, ref, {}, now)
            return ScheduleDetails(owned_schedule(tx, account_id, ref), warnings)

        return await self._store.write(guard(add))

    async def all(
        self, account_id: AccountId, status: ScheduleStatus | None = None
    ) -> list[Schedule]:
        """Return schedules, newest first: of a status, or all that are not archived."""
        return await self._store.read(lambda tx: tx.schedules.all(account_id, status))

    async def show(self, account_id: AccountId, ref: str) -> Schedule:
        """Return one schedule, whatever its status. Raises `NotFound`."""
        return await self._store.read(lambda tx: owned_schedule(tx, account_id, ref))

    async def change(
        self, account_id: AccountId, ref: str, given: ScheduleInput, actor: Actor
    ) -> ScheduleDetails:
        """Change what is given; blasts, days, audiences and lists are replaced as a whole.

        Raises as `add` does, `InvalidInput` with `schedule_complete` for one that is complete, and
        `Conflict` for more than `EDITABLE_WHILE_RUNNING` while a run sends.
        """
        wanted = status_of(given, tuple(ScheduleStatus))

        def change(tx: Tx) -> ScheduleDetails:
            before, now = owned_schedule(tx, account_id, ref), self._now()
            if before.status is ScheduleStatus.COMPLETE:
                raise InvalidInput(
                    "The schedule is complete: add a new one", code="schedule_complete"
                )
            status = wanted or before.status
            if not may_move(before.status, status):
                raise InvalidInput(
                    f"A schedule that is {before.status} cannot become {status}",
                    code="invalid_status",
                    param="status",
                )
            values = changed_terms(given, before, self._destinations)
            if not values and status is before.status:
                return ScheduleDetails(before)
            _expect_no_run(tx, before, values.keys())
            after = replace(before, **values, status=status, updated_at=max(now, before.updated_at))
            _expect_own(tx, account_id, after, before)
            moved = _HOURS & values.keys()
            has_run = before.last_date is not None and moved <= {"end_date"}
            is_anew = before.status is not ScheduleStatus.ON or (bool(moved) and not has_run)
            # What has come over its lists or texts hinders its runs, not a new name or end.
            keeps_sending = before.status is status and values.keys() <= EDITABLE_WHILE_RUNNING
            after, warnings = self._switched(
                tx, after, now, anew=is_anew, asks_of=_TIME if keeps_sending else None
            )
            tx.schedules.change(account_id, before.id, after, **_state(after))
            # Its last date may be one that has been.
            complete_if_over(tx, account_id, before.id, now)
            changed = [*values, *(["status"] if status is not before.status else [])]
            _note(tx, account_id, actor, Action.SCHEDULE_CHANGED, ref, changed, now)
            return ScheduleDetails(owned_schedule(tx, account_id, ref), warnings)

        return await self._store.write(change)

    async def archive(self, account_id: AccountId, ref: str, actor: Actor) -> None:
        """Switch a schedule off and hide it; a change of its status brings it back."""

        def archive(tx: Tx) -> None:
            before, now = owned_schedule(tx, account_id, ref), self._now()
            if before.status is ScheduleStatus.ARCHIVE:
                return
            archived = replace(
                before, status=ScheduleStatus.ARCHIVE, on_since=None, next_at=None, updated_at=now
            )
            tx.schedules.change(account_id, before.id, **_state(archived))
            _note(tx, account_id, actor, Action.SCHEDULE_ARCHIVED, ref, (), now)

        await self._store.write(archive)

    async def preflight(self, account_id: AccountId, ref: str) -> Preflight:
        """Return what keeps a schedule from being switched on now. Raises `NotFound`."""

        def read(tx: Tx) -> Preflight:
            found, now = owned_schedule(tx, account_id, ref), self._now()
            if found.on_since is None:
                found = replace(found, on_since=now)
            return self._preflight(tx, found, now)

        return await self._store.read(read)

    def hindrance(self, tx: Tx, schedule: Schedule, now: int) -> RunReason | None:
        """Return why no run of a schedule that is on may begin now; None where it may."""
        return hindrance(tx, schedule, self._trials.links, self._rules, now)

    def warnings_now(self, tx: Tx, schedule: Schedule, now: int) -> Sequence[PreflightNote]:
        """Return what to know of a run that begins now. Raises `Conflict` where it is in vain."""
        return list(warnings_by_hand(tx, schedule, self._trials, now))

    def _preflight(self, tx: Tx, schedule: Schedule, now: int) -> Preflight:
        found = preflight(tx, schedule, self._trials.links, self._rules, now)
        if not found.errors:
            found.warnings += history_warnings(tx, schedule, self._trials, now)
        return found

    async def timezone(self, account_id: AccountId) -> str:
        """Return the name of the zone whose clock the account's schedules go by."""
        return await self._store.read(lambda tx: tx.accounts.timezone(account_id))

    def _switched(
        self,
        tx: Tx,
        schedule: Schedule,
        now: int,
        *,
        anew: bool,
        asks_of: Collection[str] | None = None,
    ) -> tuple[Schedule, Sequence[PreflightNote]]:
        """Return a schedule with the times that follow from its status, and its warnings.

        Raises `InvalidInput` with the first error of its preflight, where it is to be on; of those
        of `asks_of`, where it is given.
        """
        if schedule.status is not ScheduleStatus.ON:
            return replace(schedule, on_since=None, next_at=None), ()
        if anew or schedule.on_since is None:
            schedule = replace(schedule, on_since=now)
        found = self._preflight(tx, schedule, now)
        # One that has run may have its end put back to a date that has been.
        errors = [
            each
            for each in found.errors
            if (anew or each.code not in _TIME) and (asks_of is None or each.code in asks_of)
        ]
        if errors:
            first = errors[0]
            error = NotFound if first.code in _GONE else InvalidInput
            raise error(first.text, code=first.code, param=first.param)
        zones = zones_of(tx, schedule.account_id, schedule)
        coming = next_at(schedule, zones, schedule.last_date)
        return replace(schedule, next_at=coming), found.warnings


_TERMS: Final = tuple(each.name for each in fields(ScheduleTerms))


def owned_schedule(tx: Tx, account_id: AccountId, ref: str) -> Schedule:
    """Return the account's schedule of a public id. Raises `NotFound`, the same for another's."""
    found = tx.schedules.by_ref(account_id, ref)
    if found is None:
        raise NotFound("There is no such schedule, or it is not yours.")
    return found


def _expect_no_run(tx: Tx, schedule: Schedule, changed: Iterable[str]) -> None:
    """Refuse a change of what a run under way sends, or of whom it goes to."""
    refused = sorted(set(changed) - EDITABLE_WHILE_RUNNING)
    runs = tx.runs.open_of(schedule.account_id, schedule.id) if refused else ()
    if any(run.state is RunState.RUNNING for run in runs):
        raise Conflict(
            f"A run of the schedule is sending. Pause or stop it before you change `{refused[0]}`.",
            code="schedule_running",
            param=refused[0],
        )


def _said(terms: ScheduleTerms) -> Mapping[str, Any]:
    return {name: getattr(terms, name) for name in _TERMS}


def _state(schedule: Schedule) -> Mapping[str, Any]:
    """Return the columns of a schedule that are no terms of it."""
    return {
        "status": schedule.status,
        "on_since": schedule.on_since,
        "next_at": schedule.next_at,
        "updated_at": schedule.updated_at,
    }


def _expect_own(
    tx: Tx, account_id: AccountId, terms: ScheduleTerms, before: ScheduleTerms | None = None
) -> None:
    """Refuse audiences, lists and offers that are not the account's; what it had may have gone."""
    had = (before.audiences, before.source_lists, before.blasts) if before else ((), (), ())
    for ref in terms.audiences:
        found = tx.audiences.by_ref(account_id, ref)
        if ref not in had[0] and (found is None or found.status is not AudienceStatus.ACTIVE):
            raise NotFound(
                f"There is no active audience {ref[:100]}, or it is not yours.",
                code="audience_not_found",
                param="audiences",
            )
    known = tx.audiences.lists_of(account_id) if terms.source_lists else ()
    for list_id in terms.source_lists:
        if list_id not in known and list_id not in had[1]:
            raise NotFound(
                f"There is no list {list_id}, or it is not yours.",
                code="source_list_not_found",
                param="source_lists",
            )
    if terms.blasts != had[2]:
        _expect_offers(tx, account_id, terms.blasts, _offers_of(had[2]))


def _expect_offers(
    tx: Tx, account_id: AccountId, blasts: Sequence[Blast], had: frozenset[str]
) -> None:
    for at, blast in enumerate(blasts):
        for place, link in enumerate(blast.offer_links):
            offer = tx.offers.by_ref(account_id, link.offer_ref)
            is_new = link.offer_ref not in had
            if offer is None or (is_new and offer.status is OfferStatus.ARCHIVED):
                raise InvalidInput(
                    f"{link.key} leads to no offer of yours",
                    code="offer_not_found",
                    param=f"blasts[{at}].offer_links[{place}].offer_id",
                )


def _offers_of(blasts: Iterable[Blast]) -> frozenset[str]:
    return frozenset(link.offer_ref for blast in blasts for link in blast.offer_links)


def _note(  # noqa: PLR0917 - an entry's parts
    tx: Tx,
    account_id: AccountId,
    actor: Actor,
    action: Action,
    ref: str,
    changed: Iterable[str],
    now: int,
) -> None:
    names = sorted(changed)
    details = {"fields": names} if names else {}
    tx.audit.add(account_id, actor, action, f"schedule {ref}", details, now)
