"""Contacts changed by a person at a page: added, renamed, taken off a list; each with its entry.

The rules are those of every sign-up and opt-out. What is more here is the audit log's entry, in the
same transaction; it names the contact by their digest, so that an erasure leaves no number in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sendrail.contacts.audit_notes import note_of_contact
from sendrail.contacts.contacts import add_contact, found_contact
from sendrail.contacts.inputs import (
    NAME_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    owned_list,
    text_of,
)
from sendrail.contacts.signups import keep_fields, merged
from sendrail.domain.audit import Action, Actor
from sendrail.domain.contact import ListContact, OptOutReason, Scalar, SignUp, SignupMethod
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Store, Tx

NOTE_LENGTH_MAX: Final = 200


class ContactEditService:
    """What a member of the team does to one contact."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(
        self, account_id: AccountId, list_number: PhoneNumber, signup: SignUp, actor: Actor
    ) -> ListContact:
        """Subscribe a contact to a list.

        Raises `InvalidInput`, and `Conflict` with code `contact_unsubscribed` for one who has left.
        """
        source = text_of("source", signup.facts.ad_network_source, SOURCE_LENGTH_MAX)
        signup = replace(
            signup,
            first_name=_name("first_name", signup.first_name),
            last_name=_name("last_name", signup.last_name),
            facts=replace(signup.facts, ad_network_source=source),
        )

        def write(tx: Tx) -> ListContact:
            now, sender = self._now(), owned_list(tx, account_id, list_number)
            added = add_contact(tx, sender, signup, now)
            details = {"is_new": added.is_new}
            note_of_contact(tx, sender, actor, Action.CONTACT_ADDED, signup.recipient, details, now)
            return added.contact

        return await self._store.write(write)

    async def change(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        actor: Actor,
        *,
        first_name: str,
        last_name: str,
        custom_fields: Mapping[str, Scalar | None],
    ) -> ListContact:
        """Change the names of a contact, and some of their custom fields; None takes one away.

        Raises `InvalidInput` and `NotFound`.
        """
        first_name, last_name = _name("first_name", first_name), _name("last_name", last_name)
        # Invalid fields are reported before an unknown contact.
        merged({}, custom_fields)

        def write(tx: Tx) -> ListContact:
            now, sender = self._now(), owned_list(tx, account_id, list_number)
            # First: a round that holds them may write the contact's row next.
            tx.enrolments.hold([(sender.id, recipient)])
            known = found_contact(tx, sender, recipient)
            before = known.custom_fields
            fields = merged(before, custom_fields)
            changed = keep_fields(tx, sender, recipient, before, fields, now)
            if not changed and (known.first_name, known.last_name) == (first_name, last_name):
                return known
            tx.signups.set_names(sender.id, recipient, first_name, last_name)
            # By their names: the values are the contact's own.
            details = {"custom_fields": changed}
            note_of_contact(tx, sender, actor, Action.CONTACT_CHANGED, recipient, details, now)
            return found_contact(tx, sender, recipient)

        return await self._store.write(write)

    async def opt_out(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        actor: Actor,
        *,
        note: str = "",
    ) -> bool:
        """Take a contact off a list for good; return False where they had left before.

        `note` is how they asked for it. Raises `InvalidInput` and `NotFound`.
        """
        if len(note) > NOTE_LENGTH_MAX:
            text = f"A note has at most {NOTE_LENGTH_MAX} characters."
            raise InvalidInput(text, param="note")

        def write(tx: Tx) -> bool:
            now, sender = self._now(), owned_list(tx, account_id, list_number)
            found_contact(tx, sender, recipient)
            left = tx.contacts.unsubscribe(
                sender.id,
                recipient,
                OptOutReason.MANUAL,
                source=SignupMethod.DASHBOARD.value,
                evidence=f"{actor.name}: {note}" if note else actor.name,
                now=now,
            )
            if left:
                note_of_contact(tx, sender, actor, Action.CONTACT_OPTED_OUT, recipient, {}, now)
            return left

        return await self._store.write(write)


def _name(param: str, text: str) -> str:
    return text_of(param, text, NAME_LENGTH_MAX) or ""
