"""Journeys and who is on one: while a contact is, other sends from its list would clash."""

from collections.abc import Callable
from typing import Final

from sendrail.domain.contact import Enrolment, Journey
from sendrail.domain.errors import NotFound
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.marketing.inputs import list_number_of, name_of, owned_list, recipient_of
from sendrail.storage.interface import Store, Tx

# The public API's limit: after it an enrolment is over by itself.
ENROLMENT_MS: Final = 30 * 86_400_000


class JourneyService:
    """What can be done with journeys; one is named by its list's number and its own name."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(self, account_id: AccountId, list_number: str, name: str) -> Journey:
        number, called = list_number_of(list_number), name_of(name)

        def add(tx: Tx) -> Journey:
            tx.journeys.add(owned_list(tx, account_id, number).id, called, self._now())
            return _journey(tx, account_id, number, called)

        return await self._store.write(add)

    async def all(self, account_id: AccountId) -> list[tuple[Journey, PhoneNumber]]:
        """Return every journey with the number of its list."""

        def read(tx: Tx) -> list[tuple[Journey, PhoneNumber]]:
            journeys = tx.journeys.all(account_id)
            lists = tx.gate.lists_by_id({journey.list_id for journey in journeys})
            return [(journey, lists[journey.list_id].number) for journey in journeys]

        return await self._store.read(read)

    async def enrol(
        self, account_id: AccountId, list_number: str, name: str, phone_number: str
    ) -> Enrolment:
        """Put a contact on a journey, for thirty days at most; one who is on it starts anew."""
        number, recipient = list_number_of(list_number), recipient_of(phone_number)
        now = self._now()

        def enrol(tx: Tx) -> Enrolment:
            journey = _journey(tx, account_id, number, name)
            tx.journeys.enrol(journey, recipient, now, now + ENROLMENT_MS)
            return Enrolment(
                journey_id=journey.id,
                recipient=recipient,
                started_at=now,
                ends_at=now + ENROLMENT_MS,
            )

        return await self._store.write(enrol)

    async def end(
        self, account_id: AccountId, list_number: str, name: str, phone_number: str
    ) -> bool:
        """Take a contact off a journey; return False when it was on none."""
        number, recipient = list_number_of(list_number), recipient_of(phone_number)
        return await self._store.write(
            lambda tx: tx.journeys.end(_journey(tx, account_id, number, name), recipient)
        )

    async def enrolments(
        self, account_id: AccountId, list_number: str, name: str
    ) -> list[Enrolment]:
        """Return who is on a journey now."""
        number = list_number_of(list_number)
        return await self._store.read(
            lambda tx: tx.journeys.enrolments(_journey(tx, account_id, number, name), self._now())
        )


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
