"""What the audit log says of contacts, in the transaction that changes them.

A contact is named by their digest, so that an erasure leaves no number in the log. What signs up or
leaves by itself, as by a reply, is in the history of the consent and not here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sendrail.contacts.signups import Outcome, SignedUp
from sendrail.domain.audit import Action, Actor
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.interface import Tx


def note_of_contact(  # noqa: PLR0917 - an entry's parts
    tx: Tx,
    sender: SendingList,
    actor: Actor,
    action: Action,
    recipient: PhoneNumber,
    details: Mapping[str, Any],
    now: int,
) -> None:
    """Write an entry about a contact of a list, who is named by their digest."""
    on_list = {"list": sender.shown}
    about = tx.erased.shown(recipient)
    tx.audit.add(sender.account_id, actor, action, about, on_list | dict(details), now)


def note_of_signups(
    tx: Tx, account_id: AccountId, actor: Actor, outcomes: Sequence[Outcome], now: int
) -> None:
    """Write the one entry of a call that signs up contacts; none where nothing was taken."""
    taken = [each for each in outcomes if isinstance(each, SignedUp)]
    if len(outcomes) == 1 and taken:
        [only] = taken
        # Who comes back with a consent has an entry with that consent.
        if not only.resubscribed:
            new = {"is_new": only.is_new_list_contact}
            added = Action.CONTACT_ADDED
            note_of_contact(tx, only.sender, actor, added, only.recipient, new, now)
    elif taken:
        details = {
            "lists": sorted({each.sender.shown for each in taken}),
            "rows": len(outcomes),
            "added": sum(each.is_new_list_contact for each in taken),
            "refused": len(outcomes) - len(taken),
        }
        tx.audit.add(account_id, actor, Action.CONTACTS_ADDED, "contacts", details, now)
