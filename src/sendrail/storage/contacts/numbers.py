"""Contacts whose numbers are to be looked up, and what was found."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Text, bindparam, func, select, update

from sendrail.domain.contact import PhoneFacts
from sendrail.domain.ids import AccountId
from sendrail.domain.numbering import NumberFacts
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import contacts
from sendrail.storage.dialect import batches

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

    # Zones that the account tells itself

    def tell_zones(self, account_id: AccountId, zones: Mapping[PhoneNumber, str | None]) -> None:
        """Set the zones of contacts, which no look-up changes; None is for a look-up to find."""
        changed = update(contacts).where(
            _contact.account_id == account_id, _contact.recipient == bindparam("of_recipient")
        )
        zone = bindparam("zone", type_=Text)
        told = changed.values(timezone=zone, told_zone=zone)
        untold = changed.values(timezone=None, told_zone=None, looked_up_at=None)
        for statement, is_told in ((told, True), (untold, False)):
            rows = [
                {"of_recipient": number} | ({"zone": zone} if is_told else {})
                for number, zone in sorted(zones.items())
                if (zone is not None) is is_told
            ]
            if rows:
                self._execute(statement, rows)

    def told_zones(self, account_id: AccountId) -> frozenset[str]:
        """Return the zones that an account has set for its contacts; one look for each."""
        following = (
            select(_contact.told_zone)
            .where(_contact.account_id == account_id, _contact.told_zone > bindparam("zone"))
            .order_by(_contact.told_zone)
            .limit(1)
        )
        found: list[str] = []
        while zone := self._execute(following, {"zone": found[-1] if found else ""}).scalar():
            found.append(zone)
        return frozenset(found)

    def told(self, account_id: AccountId, recipients: Sequence[int]) -> dict[int, str]:
        """Return the zones of those of these contacts for whom one was set."""
        found: dict[int, str] = {}
        for part in batches(list(recipients)):
            some = select(_contact.recipient, _contact.told_zone).where(
                _contact.account_id == account_id,
                _contact.recipient.in_(part),
                _contact.told_zone.is_not(None),
            )
            found |= {row[0]: row[1] for row in self._execute(some)}
        return found

    def told_in(
        self, account_id: AccountId, zones: Collection[str], above: int, limit: int
    ) -> list[int]:
        """Return the first numbers above one whose own zone is one of these."""
        some = (
            select(_contact.recipient)
            .where(
                _contact.account_id == account_id,
                _contact.told_zone == bindparam("zone"),
                _contact.recipient > above,
            )
            .order_by(_contact.recipient)
            .limit(limit)
        )
        found = [each for zone in zones for each in self._execute(some, {"zone": zone}).scalars()]
        return sorted(found)[:limit]

    # Looked up

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
