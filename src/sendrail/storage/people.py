"""The part of the door that deals with people: subscriptions, blocks, journeys, and their data."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sendrail.domain.audit import Action, Actor, AuditEntry
from sendrail.domain.contact import (
    Block,
    ConsentEvent,
    Enrolment,
    Journey,
    ListContact,
    OptOutReason,
    PhoneFacts,
    Scalar,
    SignUp,
    Trigger,
)
from sendrail.domain.ids import AccountId, JourneyId, ListId
from sendrail.domain.numbering import NumberFacts
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.rows import (
    Amendment,
    ContactFilter,
    ContactPlace,
    ExportedContact,
    FileContact,
    FileStanding,
    FoundContact,
    Part,
    SubscriptionState,
)


class Contacts(Protocol):
    """Subscriptions of numbers to lists."""

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
    ) -> bool: ...
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
    ) -> bool: ...
    def join(
        self, list_id: ListId, recipient: PhoneNumber, *, evidence: str, rule: str | None, now: int
    ) -> bool: ...
    def inherit(self, account_id: AccountId, list_id: ListId, now: int) -> None: ...
    def history(self, list_id: ListId, recipient: PhoneNumber) -> list[ConsentEvent]: ...
    def find(self, list_id: ListId, recipient: PhoneNumber) -> ListContact | None: ...
    def known(
        self, list_id: ListId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]: ...
    def count(self, list_id: ListId) -> int: ...


class SignUps(Protocol):
    """Numbers coming to lists, and the contacts of an account page by page."""

    def upsert_contacts(
        self, account_id: AccountId, emails: Mapping[PhoneNumber, str | None], now: int
    ) -> set[PhoneNumber]: ...
    def add(
        self,
        list_id: ListId,
        signups: Sequence[tuple[SignUp, Mapping[str, Scalar]]],
        now: int,
    ) -> set[PhoneNumber]: ...
    def subscription_states(
        self, list_id: ListId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, SubscriptionState]: ...
    def update_subscriptions(
        self, list_id: ListId, amendments: Sequence[Amendment], now: int
    ) -> None: ...
    def add_consent_events(self, list_id: ListId, signups: Sequence[SignUp], now: int) -> None: ...
    def set_fields(
        self, list_id: ListId, recipient: PhoneNumber, fields: Mapping[str, Scalar]
    ) -> None: ...
    def page(
        self,
        account_id: AccountId,
        about: ContactFilter,
        offset: int,
        limit: int,
        after: ContactPlace | None = None,
    ) -> list[FoundContact]: ...
    def count(self, account_id: AccountId, about: ContactFilter) -> int: ...
    def active_of_lists(self, account_id: AccountId) -> dict[ListId, int]: ...


class Blocks(Protocol):
    """The account's block list."""

    def add(
        self, account_id: AccountId, recipients: Sequence[PhoneNumber], note: str, now: int
    ) -> int: ...
    def remove(self, account_id: AccountId, recipient: PhoneNumber) -> bool: ...
    def find(self, account_id: AccountId, recipient: PhoneNumber) -> Block | None: ...
    def count(self, account_id: AccountId) -> int: ...
    def page(
        self, account_id: AccountId, offset: int, limit: int, after: int = 0
    ) -> list[Block]: ...


class Journeys(Protocol):
    """Journeys and who is on one."""

    def add(
        self, list_id: ListId, name: str, now: int, trigger: Trigger = Trigger.NONE
    ) -> JourneyId: ...
    def all(self, account_id: AccountId) -> list[Journey]: ...
    def page(
        self, account_id: AccountId, list_id: ListId | None, offset: int, limit: int
    ) -> tuple[list[Journey], int]: ...
    def by_id(self, account_id: AccountId, journey_id: int) -> Journey | None: ...
    def of_list(self, list_id: ListId) -> list[Journey]: ...
    def remove(self, journey: Journey) -> None: ...
    def find(self, account_id: AccountId, list_id: ListId, name: str) -> Journey | None: ...
    def enrol(
        self, journey: Journey, recipient: PhoneNumber, started_at: int, ends_at: int
    ) -> None: ...
    def end(self, journey: Journey, recipient: PhoneNumber) -> bool: ...
    def enrol_new(
        self, journey: Journey, recipients: Sequence[PhoneNumber], started_at: int, ends_at: int
    ) -> int: ...
    def enrolled(
        self, list_id: ListId, recipients: Iterable[PhoneNumber], now: int
    ) -> set[PhoneNumber]: ...
    def enrolments(
        self, journey: Journey, now: int, offset: int = 0, limit: int | None = None
    ) -> list[Enrolment]: ...
    def count(self, journey: Journey, now: int) -> int: ...
    def end_overdue(self, now: int) -> int: ...


class Imported(Protocol):
    """What a file brings into a list."""

    def subscription_states(
        self, sender: SendingList, recipients: Collection[PhoneNumber]
    ) -> dict[PhoneNumber, FileStanding]: ...
    def subscribe(self, sender: SendingList, rows: Sequence[FileContact], now: int) -> None: ...
    def insert_contacts(
        self, sender: SendingList, rows: Sequence[FileContact], now: int
    ) -> None: ...
    def update_subscriptions(self, sender: SendingList, rows: Sequence[FileContact]) -> None: ...
    def update_contacts(self, sender: SendingList, rows: Sequence[FileContact]) -> None: ...


class Exports(Protocol):
    """What files for the account's own use are made of."""

    def contacts_after(
        self, sender: SendingList, number: int, limit: int, *, with_left: bool
    ) -> Sequence[ExportedContact]: ...
    def blocks_after(self, account_id: AccountId, number: int, limit: int) -> Sequence[Block]: ...


class Activity(Protocol):
    """What was sent to contacts, counted after the messages."""

    def behind(self) -> int: ...
    def count(self, limit: int) -> int: ...
    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None: ...


class Numbers(Protocol):
    """What is known of contacts' numbers."""

    def unknown(self, limit: int) -> list[tuple[AccountId, PhoneNumber]]: ...
    def facts(
        self, account_id: AccountId, recipients: Sequence[PhoneNumber]
    ) -> dict[PhoneNumber, PhoneFacts]: ...
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
    def digest(self, recipient: PhoneNumber) -> int: ...


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
