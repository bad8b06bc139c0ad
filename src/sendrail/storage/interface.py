"""The door to storage: what the rest of the house may ask of a database.

`Store.write(work)` and `Store.read(work)` run a plain function of a transaction. It cannot await,
so no network call ever happens inside a transaction. Domain types go in and come out; SQL stays
behind the door. Every statement on an account's rows takes the account.

`tests/conformance/test_store*.py` are the specification; every implementation runs them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sendrail.domain.account import Account, AccountStatus, ApiKey
from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.ids import AccountId, ConnectorId, KeyId, ListId, MessageNumber
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import Connector, ConnectorReport, ListStatus, SendingList
from sendrail.domain.slices import Charge
from sendrail.domain.verification import Progress
from sendrail.storage.people import (
    Activity,
    Audit,
    Blocks,
    Contacts,
    ErasedNumbers,
    Erasure,
    Exports,
    Imported,
    Journeys,
    Numbers,
    SignUps,
)
from sendrail.storage.pipeline_doors import (
    AutoReplies,
    Bounces,
    ClusterWriters,
    Endpoints,
    Gate,
    Inbox,
    LocalWriter,
    LookUp,
    Messages,
    Outbox,
    Queue,
    RefusedCallbacks,
    Replies,
    ReplyLog,
    SoftBounces,
)
from sendrail.storage.rows import CallbackToken, Held, PaceSlot, Present, SenderOwner

T = TypeVar("T")


class Accounts(Protocol):
    """Accounts and their API keys."""

    def add(self, name: str, now: int) -> AccountId: ...
    def all(self) -> list[Account]: ...
    def named(self, name: str) -> Account | None: ...
    def set_status(self, account_id: AccountId, status: AccountStatus) -> bool: ...
    def blocked_words(self, account_id: AccountId) -> str: ...
    def set_blocked_words(self, account_id: AccountId, words: str) -> None: ...
    def country(self, account_id: AccountId) -> str: ...
    def set_country(self, account_id: AccountId, country: str) -> None: ...
    def stop_words(self, account_id: AccountId) -> str: ...
    def set_stop_words(self, account_id: AccountId, words: str) -> None: ...
    def add_key(
        self, account_id: AccountId, name: str, digest: bytes, shown: str, now: int
    ) -> KeyId: ...
    def keys(self, account_id: AccountId) -> list[ApiKey]: ...
    def rename_key(self, account_id: AccountId, key_id: KeyId, name: str) -> bool: ...
    def revoke_key(self, account_id: AccountId, key_id: KeyId, now: int) -> bool: ...
    def note_use(self, digests: Sequence[bytes], now: int) -> None: ...


class Connectors(Protocol):
    """Configured connections to carriers."""

    def add(  # noqa: PLR0917 - a row's columns
        self,
        account_id: AccountId | None,
        name: str,
        kind: str,
        settings: bytes,
        window: int,
        mps: float | None,
        segments_per_second: float | None = None,
    ) -> ConnectorId: ...
    def all(self) -> list[Connector]: ...
    def find(self, account_id: AccountId | None, name: str) -> Connector | None: ...
    def by_id(self, connector_id: ConnectorId) -> Connector | None: ...
    def by_token(self, digest: bytes, now: int) -> Connector | None: ...
    def change(self, connector_id: ConnectorId, *, reopen: bool, **values: Any) -> None: ...
    def remove(self, connector_id: ConnectorId, now: int) -> None: ...
    def token(self, connector_id: ConnectorId) -> CallbackToken: ...
    def rotate(
        self, connector_id: ConnectorId, token: bytes, digest: bytes, old_until: int
    ) -> None: ...
    def lists_of(self, connector_id: ConnectorId) -> int: ...
    def reports(self) -> dict[ConnectorId, ConnectorReport]: ...
    def report(self, reports: Mapping[ConnectorId, ConnectorReport]) -> None: ...


class Verifications(Protocol):
    """How lists on an account's own carrier come to be verified."""

    def find(self, list_id: ListId) -> Progress | None: ...
    def begin(self, list_id: ListId, checked: str, now: int) -> None: ...
    def sent(
        self, list_id: ListId, recipient: PhoneNumber, number: MessageNumber, now: int
    ) -> None: ...
    def replied(
        self, sender: SendingList, connector_id: ConnectorId, reply_from: int, now: int
    ) -> bool: ...
    def void(self, connector_id: ConnectorId) -> int: ...
    def forget(self, list_id: ListId) -> None: ...


class InstallationValues(Protocol):
    """Named values by which an installation knows itself, each written once."""

    def find(self, name: str) -> bytes | None: ...
    def add(self, name: str, value: bytes) -> None: ...


class Lists(Protocol):
    """Sending lists."""

    def add(
        self,
        account_id: AccountId,
        number: PhoneNumber,
        *,
        name: str,
        brand: str,
        rate: int,
        connector_id: ConnectorId,
        byoc: bool,
        on_uncertain: str,
        now: int,
        sender_name: str | None = None,
    ) -> ListId: ...
    def all(self, account_id: AccountId, status: ListStatus | None = None) -> list[SendingList]: ...
    def count(self, account_id: AccountId) -> int: ...
    def find(self, account_id: AccountId, number: PhoneNumber) -> SendingList | None: ...
    def find_id(self, account_id: AccountId, list_id: int) -> SendingList | None: ...
    def by_number(self, number: PhoneNumber, connector_id: ConnectorId) -> list[SendingList]: ...
    def answer_texts(self, account_id: AccountId, list_id: ListId) -> AnswerTexts: ...
    def all_answer_texts(self, account_id: AccountId) -> dict[ListId, AnswerTexts]: ...
    def change(self, account_id: AccountId, list_id: ListId, **values: Any) -> bool: ...


class Senders(Protocol):
    """Whose each sender is on the connectors that accounts share."""

    def claim(
        self,
        account_id: AccountId,
        number: PhoneNumber,
        connector_ids: Iterable[ConnectorId],
        now: int,
    ) -> bool: ...
    def assign(
        self, account_id: AccountId, number: PhoneNumber, connector_id: ConnectorId, now: int
    ) -> None: ...
    def release(self, number: PhoneNumber, connector_id: ConnectorId) -> bool: ...
    def in_use(self, number: PhoneNumber, connector_id: ConnectorId) -> AccountId | None: ...
    def all(self) -> list[SenderOwner]: ...


class Leases(Protocol):
    """Who owns what, fenced by an epoch that only grows."""

    def take(self, name: str, owner: str, now: int) -> int: ...
    def epoch(self, name: str) -> int: ...


class Spans(Protocol):
    """Work that several processes share out in spans, by the clock of the database."""

    def make(self, kind: str, count: int) -> None: ...
    def renew(self, kind: str, owner: str, life_ms: int) -> dict[int, int]: ...
    def take(self, kind: str, owner: str, limit: int, life_ms: int) -> dict[int, int]: ...
    def give_back(self, kind: str, owner: str, spans: Sequence[int]) -> None: ...
    def hold(self, kind: str, owner: str, epochs: Mapping[int, int], life_ms: int) -> set[int]: ...
    def all(self) -> list[Held]: ...


class Processes(Protocol):
    """The processes that share a database, and what one of them counts for all."""

    def show(self, name: str, roles: str, version: str) -> int: ...
    def all(self) -> list[Present]: ...
    def leave(self, name: str) -> None: ...
    def forget_unseen(self, since_ms: int) -> int: ...
    def full_accounts(self) -> frozenset[int]: ...
    def tell_full_accounts(self, accounts: Sequence[int]) -> None: ...


class ConnectorPaces(Protocol):
    """The time of carrier connectors, given out to the processes that hand over to them."""

    def make(self, connector_id: int) -> None: ...
    def reserve(self, connector_id: int, messages: Charge, segments: Charge) -> PaceSlot | None: ...


class Tx(Protocol):
    """One transaction; good only inside the function it was given to."""

    def begin(self) -> None:
        """Make all that follows durable together, where that is not so already."""
        ...

    @property
    def accounts(self) -> Accounts: ...
    @property
    def connectors(self) -> Connectors: ...
    @property
    def lists(self) -> Lists: ...
    @property
    def senders(self) -> Senders: ...
    @property
    def verifications(self) -> Verifications: ...
    @property
    def installation_values(self) -> InstallationValues: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def signups(self) -> SignUps: ...
    @property
    def blocks(self) -> Blocks: ...
    @property
    def journeys(self) -> Journeys: ...
    @property
    def gate(self) -> Gate: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def local(self) -> LocalWriter: ...
    @property
    def cluster(self) -> ClusterWriters: ...
    @property
    def lookup(self) -> LookUp: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def refused(self) -> RefusedCallbacks: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def endpoints(self) -> Endpoints: ...
    @property
    def replies(self) -> Replies: ...
    @property
    def reply_log(self) -> ReplyLog: ...
    @property
    def auto_replies(self) -> AutoReplies: ...
    @property
    def bounces(self) -> Bounces: ...
    @property
    def soft_bounces(self) -> SoftBounces: ...
    @property
    def imported(self) -> Imported: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def numbers(self) -> Numbers: ...
    @property
    def activity(self) -> Activity: ...
    @property
    def erased(self) -> ErasedNumbers: ...
    @property
    def erasure(self) -> Erasure: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def spans(self) -> Spans: ...
    @property
    def processes(self) -> Processes: ...
    @property
    def connector_paces(self) -> ConnectorPaces: ...


@dataclass(slots=True)
class Hints:
    """Cheap news of work, inside one process: may be lost or doubled without harm.

    Every stage also looks for itself now and then; a hint only saves the wait.
    """

    queued: dict[int, int] = field(default_factory=dict)
    queued_event: asyncio.Event = field(default_factory=asyncio.Event)
    inbox_event: asyncio.Event = field(default_factory=asyncio.Event)
    answers_event: asyncio.Event = field(default_factory=asyncio.Event)
    outbox_event: asyncio.Event = field(default_factory=asyncio.Event)
    connectors_event: asyncio.Event = field(default_factory=asyncio.Event)
    # Digests of API keys that were used since somebody wrote it down.
    used_keys: set[bytes] = field(default_factory=set)

    def queue_has(self, lists: Iterable[tuple[int, int]]) -> None:
        """Tell that these (lane, list) have new messages."""
        for lane, list_id in lists:
            self.queued[list_id] = lane
        self.queued_event.set()

    def inbox_has(self) -> None:
        """Tell that callbacks wait to be applied."""
        self.inbox_event.set()

    def answers_wait(self) -> None:
        """Tell that automatic replies wait to be queued."""
        self.answers_event.set()

    def outbox_has(self) -> None:
        """Tell that customers are to be told of something."""
        self.outbox_event.set()

    def connectors_changed(self) -> None:
        """Tell that a carrier connector is another than before."""
        self.connectors_event.set()


class Store(Protocol):
    """A database, opened.

    Raises `StorageUnavailable` (or `StorageFull`) when a transaction cannot be made durable; none
    of its changes remain then.
    """

    @property
    def hints(self) -> Hints: ...

    def submit(
        self,
        work: Callable[[Tx], T],
        done: Callable[[T | None, Exception | None], None],
        *,
        begun: bool = True,
    ) -> None:
        """Run `work` in the next group commit, then call `done(result, error)` once it is durable.

        The cheap form of `write`, for callers that keep no task waiting. Unless `begun`, each of
        its statements may be durable by itself: work that writes more than once calls `tx.begin`
        before.
        """
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction; return its result once that is durable."""
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a consistent snapshot, beside the writers."""
        ...

    def beside(self) -> "Store":
        """Return the same database with groups of its own, or this very store if it has none."""
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Hold off every other process that asks for this, for as long as the context lasts.

        For what is done once in the life of an installation. The end of a process ends it.
        """
        ...

    async def maintain(self, now: int, *, messages_before: int | None, seen_before: int) -> None:
        """Do what this kind of database needs done every few seconds, by one process.

        What is forgotten whole goes here: messages at rest that were created before
        `messages_before`, if that is said, and what was seen for duplicates before `seen_before`.
        """
        ...

    def changed_elsewhere(self) -> bool:
        """Tell whether another process has written since the last time this was asked."""
        ...

    async def close(self) -> None:
        """Finish what was submitted and let go of the database."""
        ...
