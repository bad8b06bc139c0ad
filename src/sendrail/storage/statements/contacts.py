"""Subscriptions as rows, with the history of consent beside them.

An opt-out is permanent: `subscribe` passes over whoever has left a list, and `unsubscribe` leaves
an inactive row even for a number nobody knew, so that a later import cannot bring it in. Only
`resubscribe`, which is the contact's own word, lifts it. Each change of consent is an event.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Text, bindparam, case, func, insert, select, update

from sendrail.domain.contact import ListContact, OptOutReason
from sendrail.domain.ids import ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.statements.dialect import batches, count_new
from sendrail.storage.tables import consent_events, list_contacts

_contact: Final = list_contacts.c
_RESUBSCRIBED: Final = "resubscribed"


class Contacts:
    """Subscriptions of numbers to lists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def subscribe(
        self,
        list_id: ListId,
        contacts: Sequence[tuple[PhoneNumber, str, str]],
        now: int,
    ) -> int:
        """Subscribe (number, first name, last name); return how many were not known to the list.

        Names of active contacts are brought up to date; whoever has left stays as they are.
        """
        self._rename(list_id, [contact for contact in contacts if contact[1] or contact[2]])
        rows: list[dict[str, object]] = [
            {
                "list_id": list_id,
                "recipient": recipient,
                "active": True,
                "first_name": first_name,
                "last_name": last_name,
                "subscribed_at": now,
            }
            for recipient, first_name, last_name in contacts
        ]
        return count_new(self._connection, list_contacts, rows)

    def unsubscribe(
        self,
        list_id: ListId,
        recipient: PhoneNumber,
        reason: OptOutReason,
        *,
        source: str,
        evidence: str,
        now: int,
    ) -> bool:
        """Take a number off a list; return False when it had left before."""
        left = {"active": False, "unsubscribed_at": now, "reason": reason.value}
        stranger = {
            "list_id": list_id,
            "recipient": recipient,
            "first_name": "",
            "last_name": "",
            "subscribed_at": now,
        }
        was_active = self._set(list_id, recipient, active=True, values=left)
        changed = was_active or count_new(self._connection, list_contacts, [stranger | left]) > 0
        if changed:
            event = {"active": False, "reason": reason.value, "source": source, "at": now}
            self._record(list_id, recipient, event | {"evidence": evidence})
        return changed

    def resubscribe(
        self, list_id: ListId, recipient: PhoneNumber, *, source: str, evidence: str, now: int
    ) -> bool:
        """Bring back a number that had left; return False when it had not."""
        back = {"active": True, "subscribed_at": now, "unsubscribed_at": None, "reason": None}
        changed = self._set(list_id, recipient, active=False, values=back)
        if changed:
            event = {"active": True, "reason": _RESUBSCRIBED, "source": source, "at": now}
            self._record(list_id, recipient, event | {"evidence": evidence})
        return changed

    def find(self, list_id: ListId, recipient: PhoneNumber) -> ListContact | None:
        one = select(list_contacts).where(
            _contact.list_id == list_id, _contact.recipient == recipient
        )
        row = self._connection.execute(one).one_or_none()
        return None if row is None else _contact_of(row)

    def known(self, list_id: ListId, recipients: Iterable[PhoneNumber]) -> dict[PhoneNumber, bool]:
        """Return which of the numbers the list knows, and whether each is active."""
        found: dict[PhoneNumber, bool] = {}
        for part in batches(list(recipients)):
            some = select(_contact.recipient, _contact.active).where(
                _contact.list_id == list_id, _contact.recipient.in_(part)
            )
            found.update((PhoneNumber(row.recipient), row.active) for row in self._run(some))
        return found

    def page(
        self, list_id: ListId, active: bool | None, offset: int, limit: int
    ) -> list[ListContact]:
        """Return one page of a list's contacts in the order of their numbers."""
        of_list = select(list_contacts).where(_contact.list_id == list_id)
        if active is not None:
            of_list = of_list.where(_contact.active == active)
        page = of_list.order_by(_contact.recipient).offset(offset).limit(limit)
        return [_contact_of(row) for row in self._run(page)]

    def count(self, list_id: ListId) -> int:
        """Return how many contacts of a list are active."""
        active = select(func.count()).where(_contact.list_id == list_id, _contact.active)
        return int(self._run(active).scalar_one())

    def _run(self, statement: Any) -> Any:
        return self._connection.execute(statement)

    def _set(
        self, list_id: ListId, recipient: PhoneNumber, *, active: bool, values: dict[str, Any]
    ) -> bool:
        """Change a contact that is in the given state; tell whether there was one."""
        changed = update(list_contacts).where(
            _contact.list_id == list_id,
            _contact.recipient == recipient,
            _contact.active == active,
        )
        return bool(self._run(changed.values(**values)).rowcount > 0)

    def _rename(self, list_id: ListId, named: Sequence[tuple[PhoneNumber, str, str]]) -> None:
        if not named:
            return
        first, last = bindparam("new_first", type_=Text), bindparam("new_last", type_=Text)
        renamed = (
            update(list_contacts)
            .where(
                _contact.list_id == list_id,
                _contact.recipient == bindparam("of"),
                _contact.active,
            )
            .values(
                first_name=case((first == "", _contact.first_name), else_=first),
                last_name=case((last == "", _contact.last_name), else_=last),
            )
        )
        rows = [{"of": number, "new_first": a, "new_last": b} for number, a, b in named]
        self._connection.execute(renamed, rows)

    def _record(self, list_id: ListId, recipient: PhoneNumber, event: dict[str, Any]) -> None:
        row = insert(consent_events).values(list_id=list_id, recipient=recipient, **event)
        self._connection.execute(row)


def _contact_of(row: Row[Any]) -> ListContact:
    return ListContact(
        list_id=ListId(row.list_id),
        recipient=PhoneNumber(row.recipient),
        active=row.active,
        first_name=row.first_name,
        last_name=row.last_name,
        subscribed_at=row.subscribed_at,
        unsubscribed_at=row.unsubscribed_at,
        reason=None if row.reason is None else OptOutReason(row.reason),
    )
