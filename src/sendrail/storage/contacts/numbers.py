"""Contacts whose numbers are to be looked up, and what was found."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Text, bindparam, func, select, update

from sendrail.domain.contact import PhoneFacts
from sendrail.domain.ids import AccountId
from sendrail.domain.numbering import NumberFacts
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import batches
from sendrail.storage.tables import contacts

_contact: Final = contacts.c
_Place = tuple[AccountId, PhoneNumber]


class Numbers:
    """What is known of contacts' numbers."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def unknown(self, limit: int) -> list[_Place]:
        """Return contacts, of any account, that have not been looked up."""
        some = select(_contact.account_id, _contact.recipient).where(
            _contact.looked_up_at.is_(None)
        )
        page = some.order_by(_contact.account_id, _contact.recipient).limit(limit)
        return [(AccountId(row[0]), PhoneNumber(row[1])) for row in self._execute(page)]

    def facts(
        self, account_id: AccountId, recipients: Sequence[PhoneNumber]
    ) -> dict[PhoneNumber, PhoneFacts]:
        """Return what the account knows of those of the numbers that are its contacts."""
        found: dict[PhoneNumber, PhoneFacts] = {}
        columns = (_contact.email, _contact.carrier, _contact.line_type, _contact.timezone)
        for part in batches(list(recipients)):
            some = select(_contact.recipient, *columns, _contact.is_valid).where(
                _contact.account_id == account_id, _contact.recipient.in_(part)
            )
            for row in self._execute(some):
                found[PhoneNumber(row.recipient)] = PhoneFacts(
                    email=row.email,
                    carrier=row.carrier,
                    line_type=row.line_type,
                    timezone=row.timezone,
                    is_valid=row.is_valid,
                )
        return found

    def keep(self, found: Mapping[_Place, NumberFacts], now: int) -> None:
        """Keep what was found; what the account itself has said of a contact stays."""
        changed = (
            update(contacts)
            .where(
                _contact.account_id == bindparam("of_account"),
                _contact.recipient == bindparam("of_recipient"),
            )
            .values(
                carrier=func.coalesce(_contact.carrier, bindparam("a_carrier", type_=Text)),
                line_type=func.coalesce(_contact.line_type, bindparam("a_line", type_=Text)),
                timezone=func.coalesce(_contact.timezone, bindparam("a_zone", type_=Text)),
                is_valid=bindparam("valid"),
                looked_up_at=now,
            )
        )
        rows = [
            {
                "of_account": account_id,
                "of_recipient": recipient,
                "a_carrier": facts.carrier,
                "a_line": facts.line_type.value,
                "a_zone": facts.timezone,
                "valid": facts.is_valid,
            }
            for (account_id, recipient), facts in found.items()
        ]
        if rows:
            self._execute(changed, rows)
