"""Contacts of a file as rows: many at a time, in a handful of statements.

The caller has asked `standing` and passes over contacts who have opted out: nothing here changes
whether a subscription that is there is active.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, case, func, select, update

from sendrail.domain.contact import Scalar, SignupMethod
from sendrail.domain.ids import ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.contact_tables import contacts, list_contacts
from sendrail.storage.contacts.contacts import read_fields
from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.dialect import batches
from sendrail.storage.driver import Driver, Row
from sendrail.storage.row_batches import RowBatch
from sendrail.storage.templates import Statement

_contact: Final = contacts.c
_entry: Final = list_contacts.c
# Where it stands among the values of `subscribe`.
_SIGNUP_AT: Final = 6


class FileSubscriptionState(Enum):
    """How an account, or one list of it, stands to a number it knows."""

    KNOWN = "known"
    ACTIVE = "active"
    OPTED_OUT = "opted_out"


class FileContact(NamedTuple):
    """A contact as a row of a file describes it; an empty text says nothing."""

    recipient: PhoneNumber
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    carrier: str = ""
    line_type: str = ""
    consent_at: int | None = None
    ad_network_source: str = ""
    ad_network_id: str = ""
    # The file itself says that the contact has left.
    has_left: bool = False
    timezone: str = ""
    custom_fields: Mapping[str, Scalar | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTexts:
    """The statements of `Imported` that every row of a file needs."""

    states: Statement
    subscribe: Statement
    insert_contacts: Statement


class Imported:
    """What a file brings into a list."""

    def __init__(
        self,
        connection: Connection,
        driver: Driver,
        texts: ImportedTexts,
        erased: ErasedNumbers,
        counts: SignUpCounts,
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._driver = driver
        self._texts = texts
        self._erased = erased
        self._counts = counts

    def subscription_states(
        self, sender: SendingList, recipients: Collection[PhoneNumber]
    ) -> dict[PhoneNumber, FileSubscriptionState]:
        """Return how the account stands to those of the numbers that it knows."""
        found: dict[PhoneNumber, FileSubscriptionState] = {}
        # Asked first: from then on no number is erased until the transaction ends.
        erased = self._erased.among(sender.account_id, recipients)
        asked = self._driver.array(recipients)
        for recipient, active in self._driver.rows(
            self._texts.states, sender.account_id, sender.id, asked
        ):
            if active is None:
                # The account knows the number; whether the list does, another row may say.
                found.setdefault(recipient, FileSubscriptionState.KNOWN)
            else:
                found[recipient] = (
                    FileSubscriptionState.ACTIVE if active else FileSubscriptionState.OPTED_OUT
                )
        for recipient in erased:
            # A contact who has come back by a START since is on the list like any other.
            if found.get(recipient) is not FileSubscriptionState.ACTIVE:
                found[recipient] = FileSubscriptionState.OPTED_OUT
        return found

    def custom_fields(
        self, list_id: ListId, recipients: Collection[PhoneNumber]
    ) -> dict[PhoneNumber, Mapping[str, Scalar]]:
        """Return the custom fields of those of the numbers that a list knows."""
        found: dict[PhoneNumber, Mapping[str, Scalar]] = {}
        contact = list_contacts.c
        for part in batches(sorted(set(recipients))):
            some = select(contact.recipient, contact.custom_fields).where(
                contact.list_id == list_id, contact.recipient.in_(part)
            )
            found |= {PhoneNumber(row[0]): read_fields(row[1]) for row in self._execute(some)}
        return found

    def subscribe(self, sender: SendingList, rows: Sequence[FileContact], now: int) -> None:
        """Subscribe contacts that the list does not know."""
        list_id, method = int(sender.id), SignupMethod.CSV.value
        new = [
            (
                list_id, row.recipient, True, row.first_name, row.last_name, now,
                now if row.consent_at is None else row.consent_at, method,
                row.ad_network_source or None, row.ad_network_id or None,
            )
            for row in rows
        ]  # fmt: skip
        self._counts.add([(list_id, signup_at, 1) for signup_at in self._subscribe(new)])

    def _subscribe(self, rows: Sequence[Row]) -> Iterable[int]:
        """Insert subscriptions; return when each one that is new signed up.

        With one writer they all are: the list was asked in this transaction.
        """
        self._driver.each(self._texts.subscribe, rows)
        return [row[_SIGNUP_AT] for row in rows]

    def insert_contacts(self, sender: SendingList, rows: Sequence[FileContact], now: int) -> None:
        """Add contacts that the account does not know."""
        account_id = int(sender.account_id)
        self._driver.each(
            self._texts.insert_contacts,
            [
                (
                    account_id, row.recipient, row.email or None, row.carrier or None,
                    row.line_type or None, now,
                )
                for row in rows
            ],
        )  # fmt: skip

    def update_subscriptions(self, sender: SendingList, rows: Sequence[FileContact]) -> None:
        """Bring names up to date where the file has any; the first source of a contact stays."""
        said = [row for row in rows if row.first_name or row.last_name or row.ad_network_source
                or row.ad_network_id]  # fmt: skip
        newest, first = ("first_name", "last_name"), ("ad_network_source", "ad_network_id")
        batch = self._batch((*newest, *first), said)
        values = {name: _newest(_entry[name], batch[name]) for name in newest}
        values |= {name: _first(_entry[name], batch[name]) for name in first}
        wanted = _entry.list_id == sender.id, _entry.recipient == batch["of"], _entry.active
        batch.run(update(list_contacts).where(*wanted).values(values))

    def update_contacts(self, sender: SendingList, rows: Sequence[FileContact]) -> None:
        """Bring up to date what the account knows of contacts, where the file says anything."""
        said = [row for row in rows if row.email or row.carrier or row.line_type]
        names = ("email", "carrier", "line_type")
        batch = self._batch(names, said)
        values = {name: _newest(_contact[name], batch[name]) for name in names}
        wanted = _contact.account_id == sender.account_id, _contact.recipient == batch["of"]
        batch.run(update(contacts).where(*wanted).values(values))

    def _batch(self, names: Sequence[str], rows: Sequence[FileContact]) -> RowBatch:
        return RowBatch(
            self._connection,
            {"of": BigInteger()} | {name: Text() for name in names},
            [{"of": row.recipient} | {name: getattr(row, name) for name in names} for row in rows],
        )


def _newest(column: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what the row says, or else what was there."""
    return case((func.length(new) > 0, new), else_=column)


def _first(column: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what was there, or else what the row says."""
    return func.coalesce(column, func.nullif(new, ""))
