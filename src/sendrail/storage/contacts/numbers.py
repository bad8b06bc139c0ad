"""Contacts whose numbers are to be looked up, and what was found."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Text, bindparam, func, select, update
from sqlalchemy.types import TypeEngine

from sendrail.domain.contact import PhoneFacts
from sendrail.domain.ids import AccountId
from sendrail.domain.numbering import NumberFacts
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import contacts
from sendrail.storage.dialect import batches
from sendrail.storage.row_batches import RowBatch

_contact: Final = contacts.c
_Place = tuple[AccountId, PhoneNumber]
# What is kept of a look-up, beside whose it is.
_FACTS: Final[Mapping[str, TypeEngine[Any]]] = {
    "of_recipient": BigInteger(),
    "of_account": BigInteger(),
    "a_carrier": Text(),
    "a_line": Text(),
    "a_zone": Text(),
    "valid": Boolean(),
}


class Numbers:
    """What is known of contacts' numbers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
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
        rows = [{"of": number, "zone": zone} for number, zone in sorted(zones.items())]
        types: dict[str, TypeEngine[Any]] = {"of": BigInteger(), "zone": Text()}
        for is_told in (True, False):
            some = [row for row in rows if (row["zone"] is not None) is is_told]
            batch = RowBatch(self._connection, types, some)
            changed = update(contacts).where(
                _contact.account_id == account_id, _contact.recipient == batch["of"]
            )
            values = {_contact.timezone: batch["zone"], _contact.told_zone: batch["zone"]}
            batch.run(changed.values(values if is_told else values | {_contact.looked_up_at: None}))

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
        rows = [
            {
                "of_recipient": recipient,
                "of_account": account_id,
                "a_carrier": facts.carrier,
                "a_line": facts.line_type.value,
                "a_zone": facts.timezone,
                "valid": facts.is_valid,
            }
            for (account_id, recipient), facts in found.items()
        ]
        batch = RowBatch(self._connection, _FACTS, rows)
        batch.run(
            update(contacts)
            .where(
                _contact.account_id == batch["of_account"],
                _contact.recipient == batch["of_recipient"],
            )
            .values(
                carrier=func.coalesce(_contact.carrier, batch["a_carrier"]),
                line_type=func.coalesce(_contact.line_type, batch["a_line"]),
                timezone=func.coalesce(_contact.timezone, batch["a_zone"]),
                is_valid=batch["valid"],
                looked_up_at=now,
            )
        )
