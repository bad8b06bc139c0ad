"""Journeys and enrolments: while a contact is on one, other sends of its list would clash."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import (
    PAGE_SIZE,
    name_of,
    owned_list,
    slice_of,
)
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.contact import (
    Enrolment,
    EnrolmentFilter,
    Journey,
    JourneyStatus,
    Trigger,
)
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.ids import AccountId, ListId, is_row_id
from sendrail.domain.journeys.entering import RUNNING_MAX
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contacts.journeys import EnrolmentStretch
from sendrail.storage.interface import Store, Tx
from sendrail.storage.journeys.enrolments import StoredEnrolment

# Each contact that joins a list may start all of them.
JOURNEYS_MAX: Final = 100

# Why a contact is not put on a journey that others enter, by the code.
KEPT_OUT: Final[Mapping[str, str]] = {
    "journey_conflict": "The contact is on another journey of the list; one of them is exclusive.",
    "contact_unsubscribed": "The contact has unsubscribed from the list.",
    "contact_blocked": "The contact is on the account's block list.",
    "too_many_journeys": f"The contact is on {RUNNING_MAX} journeys of the list; end one first.",
}

# A journey with what its list sends from, as it is shown.
OnList = tuple[Journey, str]


@dataclass(frozen=True, slots=True)
class JourneyPage:
    """One page of journeys, and how many there are."""

    journeys: Sequence[OnList]
    total: int


@dataclass(frozen=True, slots=True)
class EnrolmentPage:
    """One page of the contacts on a journey now, and how many there are.

    `last` is the number behind which the next page begins, None at the end.
    """

    enrolments: Sequence[Enrolment]
    total: int
    last: int | None = None


class EnrolmentBatch(NamedTuple):
    """Who was put on a journey, and the code that says why others were not."""

    enrolments: Sequence[Enrolment]
    kept_out: Mapping[PhoneNumber, str]


class JourneyService:
    """Operations on journeys and their enrolments.

    One is named by its list's number and its own name, or by its id.
    """

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        name: str,
        trigger: Trigger = Trigger.LIST,
        *,
        actor: Actor = OURSELVES,
        guard: Guard = unguarded,
    ) -> Journey:
        called = name_of(name)

        def add(tx: Tx) -> Journey:
            sender = owned_list(tx, account_id, list_number)
            expect_room(tx, sender.id)
            tx.journeys.add(sender.id, called, self._now(), trigger)
            made = _journey(tx, account_id, list_number, called)
            about = f"journey {made.id}"
            tx.audit.add(account_id, actor, Action.JOURNEY_ADDED, about, {}, self._now())
            return made

        return await self._store.write(guard(add))

    async def all(self, account_id: AccountId) -> list[OnList]:
        """Return every journey with the number of its list."""
        return await self._store.read(lambda tx: _on_lists(tx, tx.journeys.all(account_id)))

    async def page(
        self,
        account_id: AccountId,
        list_number: PhoneNumber | None = None,
        status: JourneyStatus | None = None,
        *,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> JourneyPage:
        """Return one page of the journeys of a list, or of all lists, and perhaps of one status.

        Without a status, those that are archived are left out.
        """
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> JourneyPage:
            list_id = None if list_number is None else owned_list(tx, account_id, list_number).id
            journeys, total = tx.journeys.page(account_id, list_id, status, offset, limit)
            return JourneyPage(_on_lists(tx, journeys), total)

        return await self._store.read(read)

    async def show(self, account_id: AccountId, journey_id: int) -> OnList:
        """Return one journey with the number of its list."""
        return await self._store.read(
            lambda tx: _on_lists(tx, [_by_id(tx, account_id, journey_id)])[0]
        )

    async def enrol(
        self, account_id: AccountId, list_number: PhoneNumber, name: str, recipient: PhoneNumber
    ) -> Enrolment:
        """Put a contact on a journey, for thirty days at most; one who is on it starts anew."""
        return await self._store.write(
            lambda tx: _enrol_one(
                tx,
                account_id,
                _journey(tx, account_id, list_number, name),
                recipient,
                self._now(),
            )
        )

    async def enrol_by_id(
        self,
        account_id: AccountId,
        journey_id: int,
        recipient: PhoneNumber,
        *,
        guard: Guard = unguarded,
    ) -> Enrolment:
        """Put a contact on a journey, for thirty days at most; one who is on it starts anew."""

        def enrol(tx: Tx) -> Enrolment:
            journey = _by_id(tx, account_id, journey_id)
            return _enrol_one(tx, account_id, journey, recipient, self._now())

        return await self._store.write(guard(enrol))

    async def enrol_many(
        self,
        account_id: AccountId,
        which: int | tuple[PhoneNumber, str],
        recipients: Sequence[PhoneNumber],
        *,
        guard: Guard = unguarded,
    ) -> EnrolmentBatch:
        """Put contacts on a journey; those who are on it start anew.

        Those that other journeys of the list keep off it are left as they are. Raises `NotFound`,
        and `Conflict` for a journey that no contact enters.
        """

        def enrol(tx: Tx) -> EnrolmentBatch:
            journey = owned_journey(tx, account_id, which)
            return _enrol(tx, account_id, journey, recipients, self._now())

        return await self._store.write(guard(enrol))

    async def end(
        self, account_id: AccountId, list_number: PhoneNumber, name: str, recipient: PhoneNumber
    ) -> bool:
        """Take a contact off a journey; return False when it was on none."""
        return await self._store.write(
            lambda tx: _take_off(
                tx, _journey(tx, account_id, list_number, name), recipient, self._now()
            )
        )

    async def end_by_id(
        self, account_id: AccountId, journey_id: int, recipient: PhoneNumber
    ) -> bool:
        """Take a contact off a journey; return False when it was not on it."""
        return await self._store.write(
            lambda tx: _take_off(tx, _by_id(tx, account_id, journey_id), recipient, self._now())
        )

    async def enrolment_page(
        self, account_id: AccountId, journey_id: int, *, page: int = 1, per_page: int = PAGE_SIZE
    ) -> EnrolmentPage:
        """Return one page of the contacts on a journey now, in the order of their numbers."""
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> EnrolmentPage:
            journey, now = _by_id(tx, account_id, journey_id), self._now()
            enrolments = tx.journeys.enrolments(journey, now, offset, limit)
            total = tx.journeys.count(journey, now)
            has_more = offset + len(enrolments) < total and enrolments
            return EnrolmentPage(enrolments, total, enrolments[-1].recipient if has_more else None)

        return await self._store.read(read)

    async def enrolments_after(
        self,
        account_id: AccountId,
        which: int | tuple[PhoneNumber, str],
        about: EnrolmentFilter,
        after: int = 0,
        per_page: int = PAGE_SIZE,
    ) -> EnrolmentStretch:
        """Return the next who are or were on a journey, in the order of their numbers.

        There may be fewer than `per_page` of them although more follow: an answer reads so many
        enrolments at most. Raises `NotFound` for a journey that is not the account's.
        """

        def read(tx: Tx) -> EnrolmentStretch:
            journey = owned_journey(tx, account_id, which)
            return tx.journeys.enrolments_after(journey, about, after, per_page, self._now())

        return await self._store.read(read)


def _enrol_one(
    tx: Tx, account_id: AccountId, journey: Journey, recipient: PhoneNumber, now: int
) -> Enrolment:
    enrolled, kept_out = _enrol(tx, account_id, journey, [recipient], now)
    if recipient in kept_out:
        code = kept_out[recipient]
        raise Conflict(KEPT_OUT[code], code=code)
    return enrolled[0]


def _enrol(
    tx: Tx, account_id: AccountId, journey: Journey, recipients: Sequence[PhoneNumber], now: int
) -> EnrolmentBatch:
    if journey.status is JourneyStatus.PAUSED:
        raise Conflict("The journey is paused: activate it first.", code="journey_paused")
    if journey.status is not JourneyStatus.ACTIVE:
        raise Conflict("The journey is not active.", code="journey_not_active")
    kept_out = tx.passages.kept_out(account_id, journey, recipients, now)
    free = [each for each in recipients if each not in kept_out]
    entered = tx.passages.put_on(account_id, journey, free, now, restarts=True)
    if free and not entered:
        raise Conflict("The journey's version cannot be run.", code="journey_not_active")
    return EnrolmentBatch([_shown(each) for each in entered], kept_out)


def _shown(row: StoredEnrolment) -> Enrolment:
    return Enrolment(
        journey_id=row.journey_id,
        recipient=row.recipient,
        started_at=row.started_at,
        ends_at=row.ends_at,
        version=row.version,
        step=row.step,
        due_at=row.due_at,
    )


def _take_off(tx: Tx, journey: Journey, recipient: PhoneNumber, now: int) -> bool:
    contact = [(journey.list_id, recipient)]
    return tx.passages.end(contact, EndReason.REMOVED, now, journey.id) > 0


def expect_room(tx: Tx, list_id: ListId) -> None:
    """Refuse a journey beyond the most that a list may have; archived ones do not count."""
    there = [j for j in tx.journeys.of_list(list_id) if j.status is not JourneyStatus.ARCHIVED]
    if len(there) >= JOURNEYS_MAX:
        raise Conflict(
            f"A list has at most {JOURNEYS_MAX} journeys; remove one first.",
            code="too_many_journeys",
        )


def owned_journey(tx: Tx, account_id: AccountId, which: int | tuple[PhoneNumber, str]) -> Journey:
    """Return the account's journey of an id, or of a list and a name. Raises `NotFound`."""
    if isinstance(which, int):
        return _by_id(tx, account_id, which)
    return _journey(tx, account_id, *which)


def list_shown(tx: Tx, journey: Journey) -> str:
    """Return what the list of a journey sends from, as it is shown."""
    return _on_lists(tx, [journey])[0][1]


def _on_lists(tx: Tx, journeys: Sequence[Journey]) -> list[OnList]:
    lists = tx.gate.lists_by_id({journey.list_id for journey in journeys})
    return [(journey, lists[journey.list_id].shown) for journey in journeys]


def _by_id(tx: Tx, account_id: AccountId, journey_id: int) -> Journey:
    found = tx.journeys.by_id(account_id, journey_id) if is_row_id(journey_id) else None
    if found is None:
        raise NotFound("There is no such journey, or it is not yours.")
    return found


def _journey(tx: Tx, account_id: AccountId, number: PhoneNumber, name: str) -> Journey:
    sender = owned_list(tx, account_id, number)
    found = tx.journeys.find(account_id, sender.id, name.strip())
    if found is None:
        raise NotFound(
            f"The list has no journey {name!r}; `sendrail journeys list` names them.",
            code="journey_not_found",
            param="name",
        )
    return found
