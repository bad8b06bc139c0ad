"""Documents of journeys: drafts, the versions that are made of them, and a journey's status."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, choice_of, name_of, owned_list, slice_of
from sendrail.contacts.journey_checks import checked, creative_texts
from sendrail.contacts.journey_migrations import MigrationPlan, begun, planned
from sendrail.contacts.journeys import expect_room, list_shown, owned_journey
from sendrail.domain.audit import Action, Actor
from sendrail.domain.contact import Journey, JourneyStatus, JourneyVersion, Trigger
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId
from sendrail.domain.journeys.document import Occasion, Version
from sendrail.domain.journeys.faults import FaultyDocument
from sendrail.domain.journeys.migrating import Migration
from sendrail.domain.journeys.position import EndReason, EnrolmentKey
from sendrail.domain.journeys.reading import DocumentReading, canonical, digest
from sendrail.domain.journeys.resuming import OverduePolicy
from sendrail.domain.journeys.simulate import SimulationInput, SimulationResult, simulate
from sendrail.domain.journeys.task import TaskKind
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Store, Tx

VERSIONS_MAX: Final = 100
# Where it may go from each status, itself left out.
_MOVES: Final[Mapping[JourneyStatus, frozenset[JourneyStatus]]] = {
    JourneyStatus.DRAFT: frozenset({JourneyStatus.ACTIVE, JourneyStatus.ARCHIVED}),
    JourneyStatus.ACTIVE: frozenset({JourneyStatus.PAUSED, JourneyStatus.ARCHIVED}),
    JourneyStatus.PAUSED: frozenset({JourneyStatus.ACTIVE, JourneyStatus.ARCHIVED}),
    JourneyStatus.ARCHIVED: frozenset(),
}
# A journey, by its id, or by its list's number and its own name.
Which = int | tuple[PhoneNumber, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyDetails:
    """A journey, what its list sends from, and the version that contacts enter.

    `migration` is what a change does to those on older versions, where that was asked for.
    """

    journey: Journey
    list_number: str
    active: JourneyVersion | None = None
    migration: MigrationPlan | None = None


@dataclass(frozen=True, slots=True)
class JourneyVersionPage:
    """One page of a journey's versions, the newest first, and how many there are."""

    versions: Sequence[JourneyVersion]
    total: int


class JourneyDocuments:
    """Operations on the documents of an account's journeys; another account's look like none."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        document: Mapping[str, Any],
        actor: Actor,
        *,
        status: str | None = None,
        guard: Guard = unguarded,
    ) -> JourneyDetails:
        """Add a draft, which may have faults; with the status `active` it is activated at once.

        Raises `FaultyDocument` where it is to be activated and cannot be.
        """
        name = _name(document.get("name"))
        draft = canonical({**document, "name": name})
        wanted = _status(JourneyStatus.DRAFT if status is None else status)
        if wanted not in {JourneyStatus.DRAFT, JourneyStatus.ACTIVE}:
            raise _unfit(f"a new journey is {JourneyStatus.DRAFT} or {JourneyStatus.ACTIVE}")

        def add(tx: Tx) -> JourneyDetails:
            sender, now = owned_list(tx, account_id, list_number), self._now()
            expect_room(tx, sender.id)
            more = {"status": JourneyStatus.DRAFT, "draft": draft}
            journey_id = tx.journeys.add(sender.id, name, now, Trigger.NONE, **more)
            _note(tx, account_id, actor, Action.JOURNEY_ADDED, journey_id, now)
            if wanted is JourneyStatus.ACTIVE:
                self._move(tx, account_id, journey_id, wanted, actor)
            return _details(tx, account_id, journey_id)

        return await self._store.write(guard(add))

    async def show(self, account_id: AccountId, which: Which) -> JourneyDetails:
        """Return one journey with its documents. Raises `NotFound`."""
        return await self._store.read(lambda tx: _details(tx, account_id, which))

    async def change(
        self,
        account_id: AccountId,
        which: Which,
        changes: Mapping[str, Any],
        actor: Actor,
        *,
        status: str | None = None,
        overdue: str | None = None,
        migration: Migration | None = None,
    ) -> JourneyDetails:
        """Change parts of the draft, each as a whole, and then the status.

        Without a draft, the parts are changed of what is active. With a `migration`, contacts on
        the versions that it names go on in the one that is active then. A journey that was paused
        goes on as it was, with its draft still a draft; `overdue` says what becomes of those whose
        turn came meanwhile. Raises `FaultyDocument`
        where the draft is to be activated and cannot be, or the migration cannot be done, and
        `InvalidInput` where the status does not follow the one there is.
        """
        wanted = None if status is None else _status(status)
        if migration is not None and wanted is not JourneyStatus.ACTIVE:
            raise _unfit(f"`migrate` belongs to the status {JourneyStatus.ACTIVE}")

        policy = None if overdue is None else _policy(overdue)

        def change(tx: Tx) -> JourneyDetails:
            journey = _locked(tx, account_id, which)
            is_resumed = wanted is JourneyStatus.ACTIVE and journey.status is JourneyStatus.PAUSED
            if policy is not None and not is_resumed:
                raise InvalidInput(
                    "`overdue` belongs to a paused journey that becomes active",
                    code="invalid_value",
                    param="overdue",
                )
            if changes and journey.status is JourneyStatus.ARCHIVED:
                raise _unfit("an archived journey stays as it is")
            if values := _changed(tx, account_id, journey, changes):
                tx.journey_versions.change(account_id, journey, **values)
                _note(tx, account_id, actor, Action.JOURNEY_CHANGED, journey.id, self._now())
            if wanted is not None:
                keeps_draft = is_resumed and migration is None
                self._move(
                    tx, account_id, journey.id, wanted, actor,
                    overdue=policy or OverduePolicy.SHIFT, keeps_draft=keeps_draft,
                )  # fmt: skip
            found = _details(tx, account_id, journey.id)
            if migration is None:
                return found
            plan = begun(tx, account_id, found.journey, migration, self._now())
            _note(tx, account_id, actor, Action.JOURNEY_MIGRATED, journey.id, self._now())
            return replace(found, migration=plan)

        return await self._store.write(change)

    async def migrate(
        self, account_id: AccountId, which: Which, migration: Migration, actor: Actor
    ) -> JourneyDetails:
        """Let contacts go on in the version that is active; a draft and the status stay.

        Raises `FaultyDocument` where the migration cannot be done.
        """

        def migrate(tx: Tx) -> JourneyDetails:
            journey, now = _locked(tx, account_id, which), self._now()
            if journey.status is JourneyStatus.ARCHIVED:
                raise _unfit("an archived journey stays as it is")
            plan = begun(tx, account_id, journey, migration, now)
            _note(tx, account_id, actor, Action.JOURNEY_MIGRATED, journey.id, now)
            return replace(_details(tx, account_id, journey.id), migration=plan)

        return await self._store.write(migrate)

    async def plan_migration(
        self,
        account_id: AccountId,
        which: Which,
        migration: Migration,
        changes: Mapping[str, Any],
    ) -> JourneyDetails:
        """Return what a migration would do, with how many rest at each step; nothing is kept.

        It leads to the draft with these changes, or to what is active where there is no draft.
        Raises `FaultyDocument` where it cannot be done.
        """

        def read(tx: Tx) -> JourneyDetails:
            found = _details(tx, account_id, which)
            reading = _read(tx, account_id, found.journey.id, changes)
            if reading.version is None:
                raise FaultyDocument(reading.faults)
            plan = planned(tx, account_id, found.journey, migration, reading.version)
            return replace(found, migration=plan)

        return await self._store.read(read)

    async def remove(self, account_id: AccountId, which: Which, actor: Actor) -> bool:
        """Delete a journey that never had a version, and archive any other.

        Return whether it was deleted.
        """

        def remove(tx: Tx) -> bool:
            journey, now = _locked(tx, account_id, which), self._now()
            if tx.journey_versions.newest(account_id, journey.id) is None:
                tx.journeys.remove(journey)
                _note(tx, account_id, actor, Action.JOURNEY_REMOVED, journey.id, now)
                return True
            if journey.status is not JourneyStatus.ARCHIVED:
                self._move(tx, account_id, journey.id, JourneyStatus.ARCHIVED, actor)
            return False

        return await self._store.write(remove)

    async def validate(
        self, account_id: AccountId, which: Which, changes: Mapping[str, Any]
    ) -> DocumentReading:
        """Return all faults and warnings of the draft, or of what it would be with changes."""
        return await self._store.read(lambda tx: _read(tx, account_id, which, changes))

    async def simulate(
        self,
        account_id: AccountId,
        which: Which,
        given: SimulationInput,
        changes: Mapping[str, Any],
        *,
        version: int | None = None,
    ) -> SimulationResult:
        """Return the way of an invented contact through the draft, or through a version.

        Raises `FaultyDocument` where it cannot be run, and `NotFound` for a version there is not.
        """

        def read(tx: Tx) -> tuple[Version, SimulationInput]:
            journey = owned_journey(tx, account_id, which)
            if version is None:
                reading = _read(tx, account_id, journey.id, changes)
            else:
                found = _version(tx, account_id, journey, version)
                reading = checked(tx, account_id, journey, json.loads(found.document))
            if reading.version is None:
                raise FaultyDocument(reading.faults)
            sender = tx.gate.lists_by_id([journey.list_id])[journey.list_id]
            names = given.names._replace(brand=sender.brand)
            texts = creative_texts(tx, account_id, reading.version)
            key = EnrolmentKey(journey.id, given.key.recipient)
            return reading.version, replace(given, names=names, creatives=texts, key=key)

        # The loop is pure and holds no transaction.
        return simulate(*await self._store.read(read))

    async def versions(
        self, account_id: AccountId, which: Which, *, page: int = 1, per_page: int = PAGE_SIZE
    ) -> JourneyVersionPage:
        """Return one page of a journey's versions, the newest first."""
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> JourneyVersionPage:
            journey = owned_journey(tx, account_id, which)
            found = tx.journey_versions.page(account_id, journey.id, offset, limit)
            return JourneyVersionPage(*found)

        return await self._store.read(read)

    async def version(self, account_id: AccountId, which: Which, version: int) -> JourneyVersion:
        """Return one version of a journey. Raises `NotFound`."""
        return await self._store.read(
            lambda tx: _version(tx, account_id, owned_journey(tx, account_id, which), version)
        )

    def _move(
        self,
        tx: Tx,
        account_id: AccountId,
        journey_id: int,
        wanted: JourneyStatus,
        actor: Actor,
        *,
        overdue: OverduePolicy = OverduePolicy.SHIFT,
        keeps_draft: bool = False,
    ) -> None:
        """Give a journey a status; it must follow the one that it has."""
        journey, now = owned_journey(tx, account_id, journey_id), self._now()
        if wanted is not journey.status and wanted not in _MOVES[journey.status]:
            raise _unfit(f"a journey that is {journey.status} does not become {wanted}")
        values: dict[str, Any] = {"status": wanted, "paused_at": None}
        if wanted is JourneyStatus.PAUSED:
            values["paused_at"] = journey.paused_at or now
        elif journey.paused_at is not None:
            values |= {"resumed_at": now, "overdue": overdue.value}
            if overdue is OverduePolicy.SHIFT:
                # Time stood still for those who are on it.
                values["paused_ms"] = journey.paused_ms + max(now - journey.paused_at, 0)
        action = Action.JOURNEY_CHANGED
        if wanted is JourneyStatus.ACTIVE and journey.draft is not None and not keeps_draft:
            values |= _activated(tx, account_id, journey, journey.draft, actor, now)
            action = Action.JOURNEY_ACTIVATED
        if wanted is JourneyStatus.ARCHIVED:
            action = Action.JOURNEY_ARCHIVED
            tx.journey_watches.unwatch(journey)
        if any(getattr(journey, name) != value for name, value in values.items()):
            tx.journey_versions.change(account_id, journey, **values)
            _note(tx, account_id, actor, action, journey.id, now)
            _move_contacts(tx, account_id, journey, wanted, overdue, now)


def _move_contacts(  # noqa: PLR0917 - as above
    tx: Tx,
    account_id: AccountId,
    journey: Journey,
    wanted: JourneyStatus,
    overdue: OverduePolicy,
    now: int,
) -> None:
    """Have done to those on a journey what its new status means for them."""
    if wanted is JourneyStatus.ACTIVE and journey.status is JourneyStatus.PAUSED:
        tx.journey_tasks.add(account_id, journey.id, TaskKind.RESUME, now, reason=overdue.value)
    elif wanted is JourneyStatus.ARCHIVED and journey.status is not JourneyStatus.DRAFT:
        reason = EndReason.ARCHIVED.value
        tx.journey_tasks.add(account_id, journey.id, TaskKind.EXIT, now, reason=reason)


def _activated(  # noqa: PLR0917 - what a version is made of
    tx: Tx, account_id: AccountId, journey: Journey, draft: str, actor: Actor, now: int
) -> dict[str, Any]:
    """Freeze a draft, and return what changes of the journey by that."""
    reading = checked(tx, account_id, journey, json.loads(draft))
    if reading.version is None:
        raise FaultyDocument(reading.faults)
    newest = tx.journey_versions.newest(account_id, journey.id)
    number = 0 if newest is None else newest.version
    if newest is None or newest.digest != digest(draft):
        if number >= VERSIONS_MAX:
            raise Conflict(
                f"A journey has at most {VERSIONS_MAX} versions; make another journey.",
                code="too_many_versions",
            )
        number += 1
        added = JourneyVersion(
            journey_id=journey.id,
            version=number,
            document=draft,
            digest=digest(draft),
            created_at=now,
            created_by=actor.name,
        )
        tx.journey_versions.add(account_id, added)
    trigger = reading.version.trigger
    if Occasion.AUDIENCE in trigger.on:
        tx.journey_watches.watch(account_id, journey, trigger.audience, now)
    else:
        tx.journey_watches.unwatch(journey)
    starts = Occasion.SIGNUP in trigger.on
    return {
        "active_version": number,
        "draft": None,
        "trigger": Trigger.LIST if starts else Trigger.NONE,
        "priority": reading.version.priority,
        "exclusive": reading.version.exclusive,
        "holds_other_sends": reading.version.holds_other_sends,
        "asks_message": journey.asks_message or reading.version.asks_message,
    }


def _changed(
    tx: Tx, account_id: AccountId, journey: Journey, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the columns that changes of a document give."""
    if not changes:
        return {}
    values: dict[str, Any] = {}
    if "name" in changes:
        values["name"] = _name(changes["name"])
    trigger = changes.get("trigger")
    if _is_plain(journey) and set(changes) <= {"name", "trigger"} and not isinstance(trigger, dict):
        if trigger is not None:
            values["trigger"] = choice_of(Trigger, str(trigger), "trigger")
        return values
    values["draft"] = canonical({**_draft(tx, account_id, journey), **changes, **values})
    return values


def _name(given: object) -> str:
    if given is not None and not isinstance(given, str):
        raise InvalidInput("`name` must be a string", param="name")
    return name_of(given or "")


def _draft(tx: Tx, account_id: AccountId, journey: Journey) -> dict[str, Any]:
    """Return the document that changes are made to: the draft, or what is active."""
    text = journey.draft
    if text is None and journey.active_version is not None:
        text = _version(tx, account_id, journey, journey.active_version).document
    if text is None:
        return {"name": journey.name, "trigger": journey.trigger.value}
    found: dict[str, Any] = json.loads(text)
    return found


def _is_plain(journey: Journey) -> bool:
    return journey.active_version is None and journey.draft is None


def _read(
    tx: Tx, account_id: AccountId, which: Which, changes: Mapping[str, Any]
) -> DocumentReading:
    journey = owned_journey(tx, account_id, which)
    document = _draft(tx, account_id, journey) | dict(changes)
    return checked(tx, account_id, journey, document)


def _version(tx: Tx, account_id: AccountId, journey: Journey, version: int) -> JourneyVersion:
    known = 0 < version <= VERSIONS_MAX
    found = tx.journey_versions.find(account_id, journey.id, version) if known else None
    if found is None:
        raise NotFound("The journey has no such version.")
    return found


def _locked(tx: Tx, account_id: AccountId, which: Which) -> Journey:
    found = owned_journey(tx, account_id, which)
    tx.journey_versions.lock(account_id, found.id)
    return owned_journey(tx, account_id, found.id)


def _details(tx: Tx, account_id: AccountId, which: Which) -> JourneyDetails:
    journey = owned_journey(tx, account_id, which)
    active = None
    if journey.active_version is not None:
        active = _version(tx, account_id, journey, journey.active_version)
    return JourneyDetails(journey=journey, list_number=list_shown(tx, journey), active=active)


def _status(text: str) -> JourneyStatus:
    if text in set(JourneyStatus):
        return JourneyStatus(text)
    raise _unfit(f"`status` is {' or '.join(JourneyStatus)}")


def _policy(text: str) -> OverduePolicy:
    if text in set(OverduePolicy):
        return OverduePolicy(text)
    words = " or ".join(OverduePolicy)
    raise InvalidInput(f"`overdue` is {words}", code="invalid_value", param="overdue")


def _unfit(text: str) -> InvalidInput:
    return InvalidInput(text[0].upper() + text[1:], code="invalid_status", param="status")


def _note(  # noqa: PLR0917 - an entry's parts
    tx: Tx, account_id: AccountId, actor: Actor, action: Action, journey_id: int, now: int
) -> None:
    tx.audit.add(account_id, actor, action, f"journey {journey_id}", {}, now)
