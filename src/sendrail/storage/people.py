"""The part of the door that deals with people's data: files, look-ups, deletion, the audit log."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sendrail.domain.audit import Action, Actor, AuditEntry
from sendrail.domain.contact import Block
from sendrail.domain.ids import AccountId
from sendrail.domain.numbering import NumberFacts
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.rows import ExportedContact, FileContact, FileStanding, Part


class Imported(Protocol):
    """What a file brings into a list."""

    def standing(
        self, sender: SendingList, recipients: Collection[PhoneNumber]
    ) -> dict[PhoneNumber, FileStanding]: ...
    def subscribe(self, sender: SendingList, rows: Sequence[FileContact], now: int) -> None: ...
    def know(self, sender: SendingList, rows: Sequence[FileContact], now: int) -> None: ...
    def merge(self, sender: SendingList, rows: Sequence[FileContact]) -> None: ...
    def learn(self, sender: SendingList, rows: Sequence[FileContact]) -> None: ...


class Exports(Protocol):
    """What files for the account's own use are made of."""

    def contacts_after(
        self, sender: SendingList, number: int, limit: int, *, with_left: bool
    ) -> Sequence[ExportedContact]: ...
    def blocks_after(self, account_id: AccountId, number: int, limit: int) -> Sequence[Block]: ...


class Numbers(Protocol):
    """What is known of contacts' numbers."""

    def unknown(self, limit: int) -> list[tuple[AccountId, PhoneNumber]]: ...
    def keep(
        self, found: Mapping[tuple[AccountId, PhoneNumber], NumberFacts], now: int
    ) -> None: ...


class ErasedNumbers(Protocol):
    """Who stays out of every list of an account without being told by anything kept."""

    def add(
        self, account_id: AccountId, recipient: PhoneNumber, now: int, *, complained: bool
    ) -> int: ...
    def among(
        self, account_id: AccountId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]: ...


class Erasure(Protocol):
    """What is kept of one person, found and deleted."""

    def forget(
        self, account_id: AccountId, recipient: PhoneNumber, now: int
    ) -> tuple[int, dict[str, int]]: ...
    def messages_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> Part: ...
    def redact_messages(
        self, account_id: AccountId, recipient: PhoneNumber, numbers: Sequence[int]
    ) -> None: ...
    def replies_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> Part: ...
    def redact_replies(self, account_id: AccountId, ids: Sequence[int]) -> None: ...
    def refused_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> Part: ...
    def forget_refused(self, ids: Sequence[int]) -> None: ...
    def inbox_part(
        self, before: int, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> Part: ...
    def forget_inbox(self, ids: Sequence[int]) -> None: ...


class Audit(Protocol):
    """What was done to people's data; entries are only ever added."""

    def add(  # noqa: PLR0917 - a row's columns
        self,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        about: str,
        details: Mapping[str, Any],
        now: int,
    ) -> None: ...
    def page(
        self, account_id: AccountId, action: Action | None, offset: int, limit: int
    ) -> Sequence[AuditEntry]: ...
