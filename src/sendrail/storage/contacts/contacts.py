"""Subscriptions as rows, with the history of consent beside them.

An opt-out is permanent: `unsubscribe` leaves an inactive row even for an unknown number, so that
neither a sign-up nor an import brings it in. Only `resubscribe` lifts it, which stands for the
contact's own word or for evidence of a new consent; a complaint is lifted by nothing. Each change
of consent is an event.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    func,
    insert,
    literal,
    select,
    update,
)

from sendrail.domain.contact import (
    SIGNED_UP,
    ConsentEvent,
    ListContact,
    OptOutReason,
    Scalar,
    SignupFacts,
    SignupMethod,
)
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import consent_events, list_contacts
from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.dialect import batches, insert_new
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tables import lists

_contact: Final = list_contacts.c
# A row of `consent_events` without its list and recipient.
_Event = dict[str, Any]

read_fields: Final = msgspec.json.Decoder(dict[str, Scalar]).decode

_RESUBSCRIBED: Final = "resubscribed"
_INHERITED: Final = "left another list of the account"


# What ends the journeys of contacts, each by its list, at a time.
EndJourneys = Callable[[Sequence[tuple[ListId, PhoneNumber]], int], object]


def no_journeys(_contacts: Sequence[tuple[ListId, PhoneNumber]], _now: int) -> None:
    """End nothing, where no contact is on a journey."""


class Contacts:
    """Subscriptions of numbers to lists."""

    def __init__(
        self,
        connection: Connection,
        erased: ErasedNumbers,
        counts: SignUpCounts,
        end_journeys: EndJourneys = no_journeys,
    ) -> None:
        self._connection = connection
        self._erased = erased
        self._counts = counts
        self._end_journeys = end_journeys

    def unsubscribe(
        self,
        list_id: ListId,
        recipient: PhoneNumber,
        reason: OptOutReason,
        *,
        source: str,
        evidence: str,
        now: int,
        rule: str | None = None,
        everywhere_in: AccountId | None = None,
    ) -> bool:
        """Take a number off a list; return False when it had left that list before.

        `everywhere_in` takes it off every list of that account as well, even of those that never
        knew the number.
        """
        event: _Event = {"active": False, "reason": reason.value, "source": source, "at": now}
        event |= {"evidence": evidence, "rule": rule}
        others: Sequence[ListId] = ()
        if everywhere_in is not None:
            others = self._others(everywhere_in, list_id, recipient, left=False)
        # Before the contact's row: a round that holds its enrolments may write that row next.
        self._end_journeys([(each, recipient) for each in (list_id, *others)], now)
        changed = self._leave(list_id, recipient, event)
        if everywhere_in is not None:
            self._leave_all(others, recipient, event)
        return changed

    def _leave(self, list_id: ListId, recipient: PhoneNumber, event: _Event) -> bool:
        of_contact = (_contact.list_id == list_id, _contact.recipient == recipient)
        leaving = update(list_contacts).where(*of_contact, _contact.active).values(**_gone(event))
        stranger = _stranger(list_id, recipient, event)
        changed = self._run(leaving).rowcount > 0 or self._add([stranger]) > 0
        if changed or self._complains(list_id, recipient, event):
            self._record(list_id, recipient, event)
        return changed

    def _leave_all(self, list_ids: Sequence[ListId], recipient: PhoneNumber, event: _Event) -> None:
        """Take a number off lists that it has not left, in a few statements however many."""
        for part in batches(list_ids):
            leaving = update(list_contacts).where(
                _contact.list_id.in_(part), _contact.recipient == recipient, _contact.active
            )
            self._run(leaving.values(**_gone(event)))
        self._add([_stranger(list_id, recipient, event) for list_id in list_ids])
        self._record_all(list_ids, recipient, event)

    def _come_back_to_all(
        self, list_ids: Sequence[ListId], recipient: PhoneNumber, event: _Event
    ) -> None:
        for part in batches(list_ids):
            coming = update(list_contacts).where(
                _contact.list_id.in_(part), _contact.recipient == recipient
            )
            self._run(coming.values(**_back(event)))
        self._record_all(list_ids, recipient, event)

    def _complains(self, list_id: ListId, recipient: PhoneNumber, event: _Event) -> bool:
        """Note a complaint of a contact who has left already: no START lifts that any more."""
        if event["reason"] != OptOutReason.COMPLAINT:
            return False
        worse = (
            update(list_contacts)
            .where(
                _contact.list_id == list_id,
                _contact.recipient == recipient,
                _contact.reason != OptOutReason.COMPLAINT.value,
            )
            .values(reason=OptOutReason.COMPLAINT.value)
        )
        return bool(self._run(worse).rowcount > 0)

    def resubscribe(
        self,
        list_id: ListId,
        recipient: PhoneNumber,
        *,
        source: str,
        evidence: str,
        now: int,
        rule: str | None = None,
        everywhere_in: AccountId | None = None,
    ) -> bool:
        """Bring back a number that had left; return False when it had not, or has complained.

        `everywhere_in` brings it back to every list of that account which it has left by a reply.
        A number that the list does not know stays unknown: see `join`.
        """
        event: _Event = {"active": True, "reason": _RESUBSCRIBED, "source": source, "at": now}
        event |= {"evidence": evidence, "rule": rule}
        changed = self._come_back(list_id, recipient, event)
        if everywhere_in is not None:
            others = self._others(everywhere_in, list_id, recipient, left=True)
            self._come_back_to_all(others, recipient, event)
        return changed

    def _come_back(self, list_id: ListId, recipient: PhoneNumber, event: _Event) -> bool:
        changed = (
            update(list_contacts)
            .where(
                _contact.list_id == list_id,
                _contact.recipient == recipient,
                _contact.active.is_(False),
                _contact.reason != OptOutReason.COMPLAINT.value,
            )
            .values(**_back(event))
        )
        if self._run(changed).rowcount == 0:
            return False
        self._record(list_id, recipient, event)
        return True

    def join(
        self, list_id: ListId, recipient: PhoneNumber, *, evidence: str, rule: str | None, now: int
    ) -> bool:
        """Subscribe a number by its own START; return False when the list knows it.

        An erased contact comes back by it too, unless they had complained.
        """
        if self._erased.among_list(list_id, [recipient]).get(recipient):
            return False
        event: _Event = {"active": True, "reason": SIGNED_UP, "at": now, "rule": rule}
        event |= {"source": SignupMethod.KEYWORD.value, "evidence": evidence}
        row = _stranger(list_id, recipient, event) | _back(event)
        row["signup_method"] = SignupMethod.KEYWORD.value
        if self._add([row]) == 0:
            return False
        self._record(list_id, recipient, event)
        return True

    def _others(
        self, account_id: AccountId, list_id: ListId, recipient: PhoneNumber, *, left: bool
    ) -> list[ListId]:
        """Return the account's other lists: those left by a reply, or those not left."""
        own = select(lists.c.id).where(lists.c.account_id == account_id, lists.c.id != list_id)
        gone = select(_contact.list_id).where(
            _contact.list_id.in_(own), _contact.recipient == recipient, _contact.active.is_(False)
        )
        by_reply = gone.where(_contact.reason == OptOutReason.MESSAGE.value)
        others = own.where(lists.c.id.in_(by_reply) if left else lists.c.id.not_in(gone))
        return [ListId(other) for other in self._run(others).scalars()]

    def inherit(self, account_id: AccountId, list_id: ListId, now: int) -> None:
        """Keep off a new list the contacts who have left another of the account by a reply."""
        gone = (
            select(literal(list_id), _contact.recipient, literal(False), literal(""), literal(""))
            .add_columns(
                literal(now), literal(now), func.min(_contact.unsubscribed_at), _contact.reason
            )
            .join(lists, lists.c.id == _contact.list_id)
            .where(
                lists.c.account_id == account_id,
                _contact.active.is_(False),
                _contact.reason == OptOutReason.MESSAGE.value,
            )
            .group_by(_contact.recipient, _contact.reason)
        )
        columns = [
            "list_id", "recipient", "active", "first_name", "last_name", "subscribed_at",
            "signup_at", "unsubscribed_at", "reason",
        ]  # fmt: skip
        added = self._run(insert_new(self._connection, list_contacts).from_select(columns, gone))
        self._counts.add([(list_id, now, added.rowcount)])
        events = select(_contact.list_id, _contact.recipient, _contact.active, _contact.reason)
        events = events.add_columns(literal("account"), literal(_INHERITED), literal(now))
        columns = ["list_id", "recipient", "active", "reason", "source", "evidence", "at"]
        row = insert(consent_events).from_select(columns, events.where(_contact.list_id == list_id))
        self._run(row)

    def history(self, list_id: ListId, recipient: PhoneNumber) -> list[ConsentEvent]:
        """Return every change of one subscription, oldest first."""
        event = consent_events.c
        of_contact = select(consent_events).where(
            event.list_id == list_id, event.recipient == recipient
        )
        return [
            ConsentEvent(
                active=row.active,
                reason=row.reason,
                source=row.source,
                rule=row.rule,
                evidence=row.evidence,
                at=row.at,
            )
            for row in self._run(of_contact.order_by(event.id))
        ]

    def find(self, list_id: ListId, recipient: PhoneNumber) -> ListContact | None:
        one = select(list_contacts).where(
            _contact.list_id == list_id, _contact.recipient == recipient
        )
        row = self._connection.execute(one).one_or_none()
        return None if row is None else contact_of(row)

    def known(self, list_id: ListId, recipients: Iterable[PhoneNumber]) -> dict[PhoneNumber, bool]:
        """Return which of the numbers the list knows, and whether each is active."""
        found: dict[PhoneNumber, bool] = {}
        for part in batches(list(recipients)):
            some = select(_contact.recipient, _contact.active).where(
                _contact.list_id == list_id, _contact.recipient.in_(part)
            )
            found.update((PhoneNumber(row.recipient), row.active) for row in self._run(some))
        return found

    def count(self, list_id: ListId) -> int:
        """Return how many contacts of a list are active."""
        active = select(func.count()).where(_contact.list_id == list_id, _contact.active)
        return int(self._run(active).scalar_one())

    def _add(self, rows: Sequence[dict[str, Any]]) -> int:
        """Add the rows whose list does not know their number yet; return how many those were."""
        if not rows:
            return 0
        adding = insert_new(self._connection, list_contacts)
        added = adding.returning(_contact.list_id, _contact.signup_at)
        new = self._connection.execute(added, rows).all()
        self._counts.add([(list_id, signup_at, 1) for list_id, signup_at in new])
        return len(new)

    def _run(self, statement: Any) -> Any:
        return self._connection.execute(statement)

    def _record(self, list_id: ListId, recipient: PhoneNumber, event: _Event) -> None:
        self._record_all([list_id], recipient, event)

    def _record_all(
        self, list_ids: Sequence[ListId], recipient: PhoneNumber, event: _Event
    ) -> None:
        rows = [event | {"list_id": list_id, "recipient": recipient} for list_id in list_ids]
        insert_each(self._connection, insert(consent_events), rows)


def _gone(event: _Event) -> dict[str, Any]:
    return {"active": False, "unsubscribed_at": event["at"], "reason": event["reason"]}


def _back(event: _Event) -> dict[str, Any]:
    at = event["at"]
    return {"active": True, "subscribed_at": at, "unsubscribed_at": None, "reason": None}


def _stranger(list_id: ListId, recipient: PhoneNumber, event: _Event) -> dict[str, Any]:
    """Return the row of a number that a list learns of by its leaving."""
    by_text = event["reason"] == OptOutReason.MESSAGE
    row = {
        "list_id": list_id,
        "recipient": recipient,
        "first_name": "",
        "last_name": "",
        "subscribed_at": event["at"],
        "signup_at": event["at"],
        "signup_method": SignupMethod.MESSAGE.value if by_text else None,
    }
    return row | _gone(event)


def contact_of(row: Row[Any]) -> ListContact:
    """Return the subscription in a whole row of `list_contacts`."""
    return ListContact(
        list_id=ListId(row.list_id),
        recipient=PhoneNumber(row.recipient),
        active=row.active,
        first_name=row.first_name,
        last_name=row.last_name,
        subscribed_at=row.subscribed_at,
        unsubscribed_at=row.unsubscribed_at,
        reason=None if row.reason is None else OptOutReason(row.reason),
        custom_fields=read_fields(row.custom_fields),
        signup_at=row.signup_at,
        signup_method=None if row.signup_method is None else SignupMethod(row.signup_method),
        facts=SignupFacts(
            ip_address=row.ip_address,
            url=row.url,
            ad_network_source=row.ad_network_source,
            ad_network_id=row.ad_network_id,
        ),
    )
