"""How far contacts are on journeys, what is done to all of them, and events of the caller's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, owned_list, slice_of
from sendrail.contacts.journey_documents import VERSIONS_MAX
from sendrail.contacts.journeys import owned_journey
from sendrail.domain.audience import AudienceStatus
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.contact import Journey, JourneyStatus
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, is_row_id
from sendrail.domain.journeys.event_data import read_event_data
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.journeys.task import DRY_RUN, JourneyTask, TaskKind
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Store, Tx
from sendrail.storage.journeys.enrolments import JourneyEvent, StoredEnrolment

EVENT_NAME_LENGTH_MAX: Final = 100
_LEFT, _ENTERED, _ENDED = "left", "entered", "ended:"
# A journey, by its id, or by its list's number and its own name.
Which = int | tuple[PhoneNumber, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCounts:
    """What was counted at a step: how many came, what became of them there, and how many left."""

    step: str
    entered: int
    left: int
    did: Mapping[str, int]

    @property
    def here(self) -> int:
        """How many rest there now."""
        return max(0, self.entered - self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCounts:
    """What was counted of a version: entries, ends by their reason, and its steps."""

    version: int
    entered: int
    ended: Mapping[str, int]
    steps: Sequence[StepCounts]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of a journey's tasks, the newest first, and how many there are."""

    tasks: Sequence[JourneyTask]
    total: int


class TakenEvent(NamedTuple):
    """On how many journeys a contact is after an event, and when it was, in milliseconds."""

    journeys: int
    at: int


@dataclass(frozen=True, slots=True)
class ContactProgress:
    """Where a contact is on a journey, or was, and what happened to it meanwhile, oldest first."""

    enrolment: StoredEnrolment
    events: Sequence[JourneyEvent]


class JourneyProgress:
    """Counts and tasks of an account's journeys; another account's look like none."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def stats(
        self, account_id: AccountId, which: Which, version: int | None = None
    ) -> VersionCounts:
        """Return what was counted of a version of a journey, of its active one by default.

        Raises `NotFound` for a version that the journey does not have.
        """

        def read(tx: Tx) -> VersionCounts:
            journey = owned_journey(tx, account_id, which)
            number = version or journey.active_version or 0
            is_known = 0 < number <= VERSIONS_MAX
            if not is_known or tx.journey_versions.find(account_id, journey.id, number) is None:
                raise NotFound("The journey has no such version.")
            steps = tx.passages.version(account_id, journey.id, number)
            order = list(steps.steps) if steps is not None else []
            return _counted(number, order, tx.journeys.counts(journey, number))

        return await self._store.read(read)

    async def find(
        self, account_id: AccountId, which: Which, recipient: PhoneNumber
    ) -> ContactProgress | None:
        """Return where a contact is on a journey, None where it never was on it.

        Raises `NotFound` for a journey that is not the account's.
        """

        def read(tx: Tx) -> ContactProgress | None:
            journey = owned_journey(tx, account_id, which)
            enrolment = tx.journeys.enrolment(journey, recipient)
            if enrolment is None:
                return None
            events = tx.enrolments.events([(journey.list_id, recipient)])
            since = [each for each in events if each.at >= enrolment.started_at]
            return ContactProgress(enrolment, since)

        return await self._store.read(read)

    async def of_contact(
        self, account_id: AccountId, recipient: PhoneNumber, limit: int
    ) -> list[tuple[Journey, StoredEnrolment]]:
        """Return the journeys that a contact is on or was on, the last begun first."""
        return await self._store.read(
            lambda tx: tx.journeys.of_contact(account_id, recipient, limit)
        )

    async def exit_all(
        self,
        account_id: AccountId,
        which: Which,
        *,
        is_confirmed: bool,
        actor: Actor = OURSELVES,
        guard: Guard = unguarded,
    ) -> JourneyTask:
        """Have all contacts taken off a journey, in bites.

        Raises `InvalidInput` unless confirmed.
        """
        if not is_confirmed:
            raise InvalidInput(
                "This ends the journey for all contacts on it; `confirm` it.",
                code="confirm_required",
                param="confirm",
            )
        reason = EndReason.REMOVED.value
        return await self._add_task(account_id, which, TaskKind.EXIT, reason, actor, guard)

    async def backfill(
        self,
        account_id: AccountId,
        which: Which,
        *,
        is_confirmed: bool,
        is_dry: bool = False,
        actor: Actor = OURSELVES,
        audience: str = "",
        guard: Guard = unguarded,
    ) -> JourneyTask:
        """Let the contacts who are on the list already enter a journey, in bites.

        They enter if the condition of its trigger holds of them, and its re-entry lets them; with
        an `audience`, by its public id, only those who are in it. One that `is_dry` only counts
        them. Raises `InvalidInput` where it is neither that nor confirmed, `Conflict` where the
        journey is not active, and `NotFound` for an audience that is archived or not the account's.
        """
        if not is_confirmed and not is_dry:
            raise InvalidInput(
                "This lets all contacts of the list enter; `confirm` it.",
                code="confirm_required",
                param="confirm",
            )
        reason = DRY_RUN if is_dry else ""
        return await self._add_task(
            account_id, which, TaskKind.BACKFILL, reason, actor, guard, audience
        )

    async def _add_task(  # noqa: PLR0917 - what a task is made of, and who asks for it
        self,
        account_id: AccountId,
        which: Which,
        kind: TaskKind,
        reason: str,
        actor: Actor,
        guard: Guard,
        audience: str = "",
    ) -> JourneyTask:
        def add(tx: Tx) -> JourneyTask:
            journey, now = owned_journey(tx, account_id, which), self._now()
            is_running = journey.status is JourneyStatus.ACTIVE and journey.active_version
            if kind is TaskKind.BACKFILL and not is_running:
                raise Conflict("The journey is not active.", code="journey_not_active")
            if audience:
                _expect_audience(tx, account_id, audience)
            task_id = tx.journey_tasks.add(
                account_id, journey.id, kind, now, reason=reason, audience=audience
            )
            found = tx.journey_tasks.find(account_id, journey.id, task_id)
            assert found is not None, "it was added just now"
            if not found.is_dry:
                _note_task(tx, actor, Action.JOURNEY_TASK_STARTED, found, now)
            return found

        return await self._store.write(guard(add))

    async def tasks(
        self, account_id: AccountId, which: Which, *, page: int = 1, per_page: int = PAGE_SIZE
    ) -> TaskPage:
        """Return one page of a journey's tasks, the newest first."""
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> TaskPage:
            journey = owned_journey(tx, account_id, which)
            return TaskPage(*tx.journey_tasks.page(account_id, journey.id, offset, limit))

        return await self._store.read(read)

    async def task(self, account_id: AccountId, which: Which, task_id: int) -> JourneyTask:
        """Return one task of a journey. Raises `NotFound`."""
        return await self._store.read(lambda tx: _task(tx, account_id, which, task_id))

    async def cancel(
        self, account_id: AccountId, which: Which, task_id: int, actor: Actor = OURSELVES
    ) -> JourneyTask:
        """End a task where it is; one that is over stays as it is. Raises `NotFound`."""

        def cancel(tx: Tx) -> JourneyTask:
            found = _task(tx, account_id, which, task_id)
            now = self._now()
            if tx.journey_tasks.cancel(account_id, found.journey_id, found.id, now):
                _note_task(tx, actor, Action.JOURNEY_TASK_STOPPED, found, now)
            return _task(tx, account_id, which, task_id)

        return await self._store.write(cancel)

    async def happened(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        name: str,
        *,
        data: Any = None,
        guard: Guard = unguarded,
    ) -> TakenEvent:
        """Tell of an event of the caller's own; return on how many journeys the contact is then.

        `data` is what it says beside its name, decoded from JSON. Raises `InvalidInput` for a blank
        or a long name, for data that cannot be kept, or a list that is not the account's.
        """
        said = read_event_data(data, "data")
        called = name.strip()
        if not called or len(called) > EVENT_NAME_LENGTH_MAX:
            raise InvalidInput(
                f"An event's name has 1 to {EVENT_NAME_LENGTH_MAX} characters.",
                code="invalid_value",
                param="event",
            )

        def write(tx: Tx) -> TakenEvent:
            sender, now = owned_list(tx, account_id, list_number), self._now()
            event = JourneyEvent(sender.id, recipient, now, Wake.CUSTOM, called)
            tx.passages.happened(account_id, event, said)
            held = tx.enrolments.hold([(sender.id, recipient)])
            return TakenEvent(sum(each.is_running for each in held), now)

        return await self._store.write(guard(write))


def _note_task(tx: Tx, actor: Actor, action: Action, task: JourneyTask, now: int) -> None:
    about, details = f"journey {task.journey_id}", {"task": task.id, "kind": task.kind.value}
    tx.audit.add(task.account_id, actor, action, about, details, now)


def _expect_audience(tx: Tx, account_id: AccountId, ref: str) -> None:
    found = tx.audiences.by_ref(account_id, ref)
    if found is None or found.status is not AudienceStatus.ACTIVE:
        raise NotFound(
            "The audience is archived, or not yours.",
            code="audience_not_found",
            param="audience_id",
        )


def _task(tx: Tx, account_id: AccountId, which: Which, task_id: int) -> JourneyTask:
    journey = owned_journey(tx, account_id, which)
    is_known = is_row_id(task_id)
    found = tx.journey_tasks.find(account_id, journey.id, task_id) if is_known else None
    if found is None:
        raise NotFound("The journey has no such task.")
    return found


def _counted(
    version: int, order: Sequence[str], counts: Mapping[tuple[str, str], int]
) -> VersionCounts:
    def of(step: str) -> dict[str, int]:
        return {what: number for (at, what), number in counts.items() if at == step}

    whole = of("")
    return VersionCounts(
        version=version,
        entered=whole.get(_ENTERED, 0),
        ended={
            what.removeprefix(_ENDED): number
            for what, number in sorted(whole.items())
            if what.startswith(_ENDED)
        },
        steps=[
            StepCounts(
                step=step,
                entered=found.get(_ENTERED, 0),
                left=found.get(_LEFT, 0),
                did={k: n for k, n in sorted(found.items()) if k not in {_ENTERED, _LEFT}},
            )
            for step in order
            for found in (of(step),)
        ],
    )
