"""Contacts of a list: who may be texted from it, and who has asked not to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sendrail.domain.contact import ConsentEvent, ListContact, OptOutReason
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.marketing.inputs import (
    PAGE_SIZE,
    list_number_of,
    name_of,
    owned_list,
    recipient_of,
    slice_of,
)
from sendrail.storage.interface import Store, Tx

# A number with a first and a last name.
_Entry = tuple[PhoneNumber, str, str]


@dataclass(frozen=True, slots=True)
class Added:
    """A contact, and whether the list has only now come to know it."""

    contact: ListContact
    is_new: bool


@dataclass(frozen=True, slots=True)
class ContactPage:
    """One page of a list's contacts, with the number of its active ones."""

    contacts: Sequence[ListContact]
    active: int


class ContactService:
    """What can be done with the contacts of a list."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        list_number: str,
        phone_number: str,
        *,
        first_name: str = "",
        last_name: str = "",
    ) -> Added:
        """Subscribe a contact, or bring its names up to date.

        Whoever has left the list is not brought back: `Conflict`, with code
        `contact_unsubscribed`.
        """
        number, recipient = list_number_of(list_number), recipient_of(phone_number)
        names = [name_of(name) if name else "" for name in (first_name, last_name)]
        entry = (recipient, names[0], names[1])
        return await self._store.write(
            lambda tx: _add(tx, owned_list(tx, account_id, number), entry, self._now())
        )

    async def remove(
        self,
        account_id: AccountId,
        list_number: str,
        phone_number: str,
        *,
        reason: OptOutReason = OptOutReason.MANUAL,
        source: str,
        evidence: str = "",
    ) -> bool:
        """Take a number off a list for good; return False when it had left before."""
        number, recipient = list_number_of(list_number), recipient_of(phone_number)
        return await self._store.write(
            lambda tx: tx.contacts.unsubscribe(
                owned_list(tx, account_id, number).id,
                recipient,
                reason,
                source=source,
                evidence=evidence,
                now=self._now(),
            )
        )

    async def show(self, account_id: AccountId, list_number: str, phone_number: str) -> ListContact:
        number, recipient = list_number_of(list_number), recipient_of(phone_number)
        found = await self._store.read(
            lambda tx: tx.contacts.find(owned_list(tx, account_id, number).id, recipient)
        )
        if found is None:
            raise NotFound(
                "The list does not know this number.",
                code="contact_not_found",
                param="phone_number",
            )
        return found

    async def history(
        self, account_id: AccountId, list_number: str, phone_number: str
    ) -> Sequence[ConsentEvent]:
        """Return every change of a number's subscription to a list, oldest first."""
        number, recipient = list_number_of(list_number), recipient_of(phone_number)
        return await self._store.read(
            lambda tx: tx.contacts.history(owned_list(tx, account_id, number).id, recipient)
        )

    async def page(
        self,
        account_id: AccountId,
        list_number: str,
        *,
        active: bool | None = None,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> ContactPage:
        """Return one page of a list's contacts in the order of their numbers."""
        number = list_number_of(list_number)
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> ContactPage:
            sender = owned_list(tx, account_id, number)
            contacts = tx.contacts.page(sender.id, active, offset, limit)
            return ContactPage(contacts, tx.contacts.count(sender.id))

        return await self._store.read(read)


def _add(tx: Tx, sender: SendingList, entry: _Entry, now: int) -> Added:
    is_new = tx.contacts.subscribe(sender.id, [entry], now) > 0
    contact = tx.contacts.find(sender.id, entry[0])
    if contact is None or not contact.active:
        # Nothing is kept of whose data was deleted but that they stay out.
        raise Conflict(
            "This number has opted out of the list; only its own START brings it back.",
            code="contact_unsubscribed",
            param="phone_number",
        )
    return Added(contact, is_new)
