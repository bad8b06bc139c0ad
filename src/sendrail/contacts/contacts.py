"""Contacts of a list: the numbers that may be texted from it, and those that opted out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sendrail.contacts.audit_notes import note_of_contact, note_of_signups
from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import (
    NAME_LENGTH_MAX,
    PAGE_SIZE,
    owned_list,
    slice_of,
    text_of,
    zone_name_of,
)
from sendrail.contacts.returning import checked
from sendrail.contacts.signups import (
    Outcome,
    SignUpReport,
    keep_fields,
    merged,
    sign_up,
)
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.contact import (
    SIGNED_UP,
    Consent,
    ConsentEvent,
    ListContact,
    OptOutReason,
    PhoneFacts,
    Scalar,
    SignUp,
    SignupMethod,
)
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.storage.contacts.signups import ContactFilter, ContactPlace, FoundContact
from sendrail.storage.interface import Store, Tx


class SignUpRequest(NamedTuple):
    """A sign-up and the number of its list; whether to return what is known of the number."""

    list_number: PhoneNumber
    signup: SignUp
    wants_facts: bool = False


@dataclass(frozen=True, slots=True)
class AddedContact:
    """A contact, and whether the list has only now come to know it."""

    contact: ListContact
    is_new: bool


@dataclass(frozen=True, slots=True)
class ContactPage:
    """One page of contacts, newest sign-up first; `on_journeys` names those on one now.

    `last` is the place of its last one where more follow, None at the end.
    """

    contacts: Sequence[FoundContact]
    on_journeys: Collection[tuple[ListId, PhoneNumber]]
    total: int
    last: ContactPlace | None


class ContactService:
    """Operations on the contacts of a list."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def sign_up(
        self,
        account_id: AccountId,
        joinings: Sequence[SignUpRequest],
        *,
        actor: Actor = OURSELVES,
        guard: Guard = unguarded,
    ) -> SignUpReport:
        """Subscribe numbers to lists, in one transaction; return what became of each, in order.

        What cannot be taken is an `InvalidInput` in its place. An opt-out stays.
        """
        return await self._store.write(
            guard(lambda tx: _sign_up(tx, account_id, joinings, actor, self._now()))
        )

    async def sign_up_one(
        self,
        account_id: AccountId,
        joining: SignUpRequest,
        *,
        actor: Actor = OURSELVES,
        guard: Guard = unguarded,
    ) -> SignUpReport:
        """Subscribe one number as `sign_up` does. Raises `InvalidInput` where it is not taken."""

        def write(tx: Tx) -> SignUpReport:
            report = _sign_up(tx, account_id, [joining], actor, self._now())
            if isinstance(refused := report.outcomes[0], InvalidInput):
                raise refused
            if not joining.wants_facts:
                return report
            recipient = joining.signup.recipient
            known = tx.numbers.facts(account_id, [recipient])
            return replace(report, facts=known.get(recipient, PhoneFacts()))

        return await self._store.write(guard(write))

    async def add(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        *,
        first_name: str = "",
        last_name: str = "",
        custom_fields: Mapping[str, Scalar] | None = None,
        timezone: str | None = None,
        use_journeys: bool = False,
        actor: Actor = OURSELVES,
    ) -> AddedContact:
        """Subscribe a contact by hand, or bring what is known of it up to date.

        Raises `Conflict` with code `contact_unsubscribed` for a contact who has left the list: they
        are not brought back.
        """
        signup = SignUp(
            recipient=recipient,
            method=SignupMethod.CLI,
            first_name=text_of("first_name", first_name, NAME_LENGTH_MAX) or "",
            last_name=text_of("last_name", last_name, NAME_LENGTH_MAX) or "",
            custom_fields=custom_fields or {},
            timezone=zone_name_of(timezone),
            use_journeys=use_journeys,
        )

        def write(tx: Tx) -> AddedContact:
            now, sender = self._now(), owned_list(tx, account_id, list_number)
            added = add_contact(tx, sender, signup, now)
            details = {"is_new": added.is_new}
            note_of_contact(tx, sender, actor, Action.CONTACT_ADDED, recipient, details, now)
            return added

        return await self._store.write(write)

    async def bring_back(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        consent: Consent,
    ) -> ListContact:
        """Resubscribe a contact who has left, by an operator with evidence of consent.

        Raises `Conflict` where it shows nothing, or `InvalidInput` after a complaint.
        """

        def write(tx: Tx) -> ListContact:
            sender = owned_list(tx, account_id, list_number)
            if found_contact(tx, sender, recipient).active:
                raise Conflict("This number is on the list already.", code="contact_subscribed")
            whole = checked(consent, self._now())
            signup = SignUp(recipient=recipient, method=SignupMethod.CLI, consent=whole)
            [outcome] = sign_up(tx, sender, [signup], self._now()).outcomes
            if isinstance(outcome, InvalidInput):
                raise outcome
            if not outcome.resubscribed:
                raise Conflict(
                    "This consent is older than the opt-out; a newer one, or the number's own "
                    "START, brings it back.",
                    code="contact_unsubscribed",
                    param="consent",
                )
            return found_contact(tx, sender, recipient)

        return await self._store.write(write)

    async def set_fields(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        custom_fields: Mapping[str, Scalar | None],
        *,
        merge: bool = True,
        timezone: str | None = None,
        actor: Actor = OURSELVES,
    ) -> ListContact:
        """Change the custom fields of a contact, or replace them all; and tell its time zone.

        An empty zone is one for a look-up to find. Raises `InvalidInput` where there is none so.
        """
        # Invalid fields are reported before an unknown contact.
        merged({}, custom_fields)
        zone = zone_name_of(timezone)

        def write(tx: Tx) -> ListContact:
            now, sender = self._now(), owned_list(tx, account_id, list_number)
            # First: a round that holds them may write the contact's row next.
            tx.enrolments.hold([(sender.id, recipient)])
            known = tx.signups.subscription_states(sender.id, [recipient])
            if recipient not in known:
                raise _no_contact(tx, account_id, recipient)
            before = known[recipient].custom_fields
            fields = merged(before, custom_fields, replacing=not merge)
            changed = keep_fields(tx, sender, recipient, before, fields, now)
            if timezone is not None:
                tx.numbers.tell_zones(account_id, {recipient: zone})
            if changed or timezone is not None:
                # By their names: the values are the contact's own.
                details = {"custom_fields": changed}
                note_of_contact(tx, sender, actor, Action.CONTACT_CHANGED, recipient, details, now)
            return found_contact(tx, sender, recipient)

        return await self._store.write(write)

    async def remove(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        *,
        reason: OptOutReason = OptOutReason.MANUAL,
        source: str,
        evidence: str = "",
        actor: Actor = OURSELVES,
    ) -> bool:
        """Take a number off a list for good; return False when it had left before."""
        return await self._store.write(
            lambda tx: self._leave(
                tx,
                owned_list(tx, account_id, list_number),
                recipient,
                actor,
                reason=reason,
                source=source,
                evidence=evidence,
            )
        )

    async def leave(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        recipient: PhoneNumber,
        *,
        evidence: str,
        actor: Actor = OURSELVES,
    ) -> bool:
        """Take a contact off a list by API; return False where no contact has left by this.

        A list that is not there, or a number it does not know, is no error: the wish holds.
        """

        def write(tx: Tx) -> bool:
            found = tx.lists.find(account_id, list_number)
            if found is None or tx.contacts.find(found.id, recipient) is None:
                return False
            source = SignupMethod.API.value
            reason = OptOutReason.API
            return self._leave(
                tx, found, recipient, actor, reason=reason, source=source, evidence=evidence
            )

        return await self._store.write(write)

    def _leave(
        self,
        tx: Tx,
        sender: SendingList,
        recipient: PhoneNumber,
        actor: Actor,
        *,
        reason: OptOutReason,
        source: str,
        evidence: str,
    ) -> bool:
        now = self._now()
        left = tx.contacts.unsubscribe(
            sender.id, recipient, reason, source=source, evidence=evidence, now=now
        )
        if left:
            note_of_contact(tx, sender, actor, Action.CONTACT_OPTED_OUT, recipient, {}, now)
        return left

    async def show(
        self, account_id: AccountId, list_number: PhoneNumber, recipient: PhoneNumber
    ) -> ListContact:
        return await self._store.read(
            lambda tx: found_contact(tx, owned_list(tx, account_id, list_number), recipient)
        )

    async def history(
        self, account_id: AccountId, list_number: PhoneNumber, recipient: PhoneNumber
    ) -> Sequence[ConsentEvent]:
        """Return how a subscription began and every change of it since, oldest first."""

        def read(tx: Tx) -> list[ConsentEvent]:
            sender = owned_list(tx, account_id, list_number)
            contact = tx.contacts.find(sender.id, recipient)
            return [*_beginning(contact), *tx.contacts.history(sender.id, recipient)]

        return await self._store.read(read)

    async def page(
        self,
        account_id: AccountId,
        list_number: PhoneNumber | None = None,
        *,
        recipient: PhoneNumber | None = None,
        active: bool | None = None,
        page: int = 1,
        per_page: int = PAGE_SIZE,
        after: ContactPlace | None = None,
        count_most: int | None = None,
    ) -> ContactPage:
        """Return one page of the contacts of a list, or of all lists, or of one number's.

        The pages are counted from the contact `after` which they are to go on, however far that is.
        No more than `count_most` are counted.
        """
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> ContactPage:
            sender = None if list_number is None else owned_list(tx, account_id, list_number)
            about = ContactFilter(None if sender is None else sender.id, active, recipient)
            # One more than is shown says whether any follow.
            found = tx.signups.page(account_id, about, offset, limit + 1, after)
            contacts = found[:limit]
            last = place_of(contacts[-1].contact) if len(found) > limit else None
            on_journeys = _on_journeys(tx, contacts, self._now())
            total = tx.signups.count(account_id, about, count_most)
            return ContactPage(contacts, on_journeys, total, last)

        return await self._store.read(read)


def place_of(contact: ListContact) -> ContactPlace:
    """Return where a contact stands among the pages."""
    return ContactPlace(contact.signup_at, contact.list_id, contact.recipient)


def _sign_up(
    tx: Tx, account_id: AccountId, joinings: Sequence[SignUpRequest], actor: Actor, now: int
) -> SignUpReport:
    lists = tx.gate.lists({(account_id, joining.list_number) for joining in joinings})
    places: dict[PhoneNumber, list[int]] = {}
    for at, joining in enumerate(joinings):
        places.setdefault(joining.list_number, []).append(at)
    outcomes: dict[int, Outcome] = {}
    enrolled = 0
    for number, ats in places.items():
        sender = lists.get((account_id, number))
        if sender is None or sender.status is ListStatus.DELETED:
            missing = InvalidInput("List not found", code="list_not_found", param="list_number")
            outcomes.update(dict.fromkeys(ats, missing))
            continue
        report = sign_up(tx, sender, [joinings[at].signup for at in ats], now)
        outcomes.update(zip(ats, report.outcomes, strict=True))
        enrolled += report.journeys_enrolled
    in_order = [outcomes[at] for at in range(len(joinings))]
    note_of_signups(tx, account_id, actor, in_order, now)
    return SignUpReport(in_order, enrolled)


def add_contact(tx: Tx, sender: SendingList, signup: SignUp, now: int) -> AddedContact:
    """Subscribe a contact, who is on the list afterwards. Raises `Conflict` for who has left."""
    [outcome] = sign_up(tx, sender, [signup], now).outcomes
    if isinstance(outcome, InvalidInput):
        raise outcome
    contact = tx.contacts.find(sender.id, signup.recipient)
    if contact is None or not contact.active:
        # Of an erased person nothing is kept but that they stay out.
        raise Conflict(
            "This number has opted out of the list; its own START brings it back, or `sendrail "
            "contacts resubscribe` with evidence of a new consent.",
            code="contact_unsubscribed",
            param="phone_number",
        )
    return AddedContact(contact, outcome.is_new_list_contact)


def found_contact(tx: Tx, sender: SendingList, recipient: PhoneNumber) -> ListContact:
    """Return a contact of a list. Raises `NotFound`."""
    found = tx.contacts.find(sender.id, recipient)
    if found is None:
        raise _no_contact(tx, sender.account_id, recipient)
    return found


def _no_contact(tx: Tx, account_id: AccountId, recipient: PhoneNumber) -> NotFound:
    if tx.numbers.facts(account_id, [recipient]):
        text = "The contact is not on this list. Add it to the list first."
        return NotFound(text, code="list_contact_not_found", param="phone_number")
    text = "The account has no contact with this number. Add it to the list first."
    return NotFound(text, code="contact_not_found", param="phone_number")


def _beginning(contact: ListContact | None) -> list[ConsentEvent]:
    """Return the sign-up that a contact's row records, unless it records only their leaving."""
    if contact is None or contact.signup_method in {
        None,
        SignupMethod.MESSAGE,
        SignupMethod.KEYWORD,
    }:
        return []
    assert contact.signup_method is not None, "it has signed up"
    return [
        ConsentEvent(
            active=True,
            reason=SIGNED_UP,
            source=contact.signup_method.value,
            rule=None,
            evidence=contact.facts.evidence,
            at=contact.signup_at,
        )
    ]


def _on_journeys(
    tx: Tx, contacts: Sequence[FoundContact], now: int
) -> set[tuple[ListId, PhoneNumber]]:
    by_list: dict[ListId, list[PhoneNumber]] = {}
    for found in contacts:
        by_list.setdefault(found.contact.list_id, []).append(found.contact.recipient)
    return {
        (list_id, recipient)
        for list_id, recipients in by_list.items()
        for recipient in tx.journeys.enrolled(list_id, recipients, now)
    }
