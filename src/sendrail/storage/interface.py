"""The door to storage: what the rest of the house may ask of a database.

`Store.write(work)` and `Store.read(work)` run a plain function of a transaction. It cannot await,
so no network call ever happens inside a transaction. Domain types go in and come out; SQL stays
behind the door. Every statement on an account's rows takes the account.

`tests/conformance/test_store*.py` are the specification; every implementation runs them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sendrail.domain.account import Account, AccountStatus, ApiKey
from sendrail.domain.answers import AnswerTexts
from sendrail.domain.consent import Keyword, Reading
from sendrail.domain.contact import (
    Block,
    ConsentEvent,
    Enrolment,
    Journey,
    ListContact,
    OptOutReason,
    RecipientTrouble,
    TroublePolicy,
)
from sendrail.domain.ids import (
    AccountId,
    EndpointId,
    EventId,
    JourneyId,
    KeyId,
    LinkId,
    ListId,
    MessageNumber,
)
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply
from sendrail.domain.sender import Link, ListStatus, SendingList
from sendrail.domain.webhook import Endpoint, EventSettlement, OutboxEvent, WebhookAttempt
from sendrail.storage.rows import (
    Arrival,
    Attempt,
    AutoReply,
    Caller,
    Departure,
    EndedMessage,
    KeptAnswer,
    KnownContact,
    MessageFilter,
    MessagePage,
    MessageRow,
    Owner,
    ParkedReceipt,
    PartsKey,
    PartWord,
    QueuePlace,
    RawCallback,
    RecentMessage,
    ReplyFilter,
    StoredMessage,
    StoredReply,
    TakenReply,
    TroubleWord,
    Unsettled,
    Verdict,
    Waiting,
    WaitingMessage,
)

T = TypeVar("T")


class Accounts(Protocol):
    """Accounts and their API keys."""

    def add(self, name: str, now: int) -> AccountId: ...
    def all(self) -> list[Account]: ...
    def set_status(self, account_id: AccountId, status: AccountStatus) -> bool: ...
    def blocked_words(self, account_id: AccountId) -> str: ...
    def set_blocked_words(self, account_id: AccountId, words: str) -> None: ...
    def stop_words(self, account_id: AccountId) -> str: ...
    def set_stop_words(self, account_id: AccountId, words: str) -> None: ...
    def add_key(
        self, account_id: AccountId, name: str, digest: bytes, shown: str, now: int
    ) -> KeyId: ...
    def keys(self, account_id: AccountId) -> list[ApiKey]: ...
    def rename_key(self, account_id: AccountId, key_id: KeyId, name: str) -> bool: ...
    def revoke_key(self, account_id: AccountId, key_id: KeyId, now: int) -> bool: ...


class Links(Protocol):
    """Configured connections to carriers."""

    def add(  # noqa: PLR0917 - a row's columns
        self,
        account_id: AccountId | None,
        name: str,
        kind: str,
        settings: Mapping[str, Any],
        window: int,
        mps: float | None,
    ) -> LinkId: ...
    def all(self) -> list[Link]: ...


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
        link_id: LinkId,
        byoc: bool,
        on_uncertain: str,
        now: int,
    ) -> ListId: ...
    def all(self, account_id: AccountId, status: ListStatus | None = None) -> list[SendingList]: ...
    def find(self, account_id: AccountId, number: PhoneNumber) -> SendingList | None: ...
    def by_number(self, number: PhoneNumber, link_id: LinkId) -> list[SendingList]: ...
    def answer_texts(self, account_id: AccountId, list_id: ListId) -> AnswerTexts: ...
    def change(self, account_id: AccountId, list_id: ListId, **values: Any) -> bool: ...


class Contacts(Protocol):
    """Subscriptions of numbers to lists."""

    def subscribe(
        self,
        list_id: ListId,
        contacts: Sequence[tuple[PhoneNumber, str, str]],
        now: int,
    ) -> int: ...
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
    def inherit(self, account_id: AccountId, list_id: ListId, now: int) -> None: ...
    def history(self, list_id: ListId, recipient: PhoneNumber) -> list[ConsentEvent]: ...
    def find(self, list_id: ListId, recipient: PhoneNumber) -> ListContact | None: ...
    def known(
        self, list_id: ListId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]: ...
    def page(
        self, list_id: ListId, active: bool | None, offset: int, limit: int
    ) -> list[ListContact]: ...
    def count(self, list_id: ListId) -> int: ...


class Blocks(Protocol):
    """The account's block list."""

    def add(
        self, account_id: AccountId, recipients: Sequence[PhoneNumber], note: str, now: int
    ) -> int: ...
    def remove(self, account_id: AccountId, recipient: PhoneNumber) -> bool: ...
    def page(self, account_id: AccountId, offset: int, limit: int) -> list[Block]: ...


class Journeys(Protocol):
    """Journeys and who is on one."""

    def add(self, list_id: ListId, name: str, now: int) -> JourneyId: ...
    def all(self, account_id: AccountId) -> list[Journey]: ...
    def find(self, account_id: AccountId, list_id: ListId, name: str) -> Journey | None: ...
    def enrol(
        self, journey: Journey, recipient: PhoneNumber, started_at: int, ends_at: int
    ) -> None: ...
    def end(self, journey: Journey, recipient: PhoneNumber) -> bool: ...
    def enrolments(self, journey: Journey, now: int) -> list[Enrolment]: ...
    def end_overdue(self, now: int) -> int: ...


class Gate(Protocol):
    """The facts the gate judges by, for many orders at a time, one query a table."""

    def callers(self, digests: Iterable[bytes]) -> dict[bytes, Caller]: ...
    def accounts(self, account_ids: Iterable[int]) -> dict[int, Caller]: ...
    def lists(self, numbers: Iterable[tuple[int, int]]) -> dict[tuple[int, int], SendingList]: ...
    def lists_by_id(self, list_ids: Iterable[int]) -> dict[int, SendingList]: ...
    def known_contacts(
        self, account_id: int, list_id: int, recipients: Sequence[int], now: int
    ) -> dict[int, KnownContact]: ...
    def blocked(self, account_id: int, recipients: Sequence[int]) -> set[int]: ...
    def kept_answers(
        self, keys: Iterable[tuple[int, str]]
    ) -> dict[tuple[int, str], KeptAnswer]: ...
    def keep_answer(self, account_id: int, key: str, answer: KeptAnswer, now: int) -> None: ...
    def forget_answers(self, before: int, limit: int) -> int: ...


class Messages(Protocol):
    """Messages coming in."""

    def reserve(self, count: int) -> MessageNumber: ...
    def reserved(self) -> int: ...
    def insert(self, rows: Sequence[MessageRow], due_at: int | None = None) -> None: ...
    def first_since(self, since: int) -> MessageNumber: ...
    def recent(self, first: int) -> Iterable[RecentMessage]: ...


class LookUp(Protocol):
    """Messages as they are told to whoever asks about them, and their end."""

    def find(self, account_id: AccountId, number: int) -> StoredMessage | None: ...
    def attempts(self, account_id: AccountId, number: int) -> list[Attempt]: ...
    def page(
        self, account_id: AccountId, about: MessageFilter, offset: int, limit: int
    ) -> MessagePage: ...
    def after(self, account_id: AccountId, number: int, limit: int) -> list[StoredMessage]: ...
    def waiting(self) -> dict[int, Waiting]: ...
    def forget_before(self, before: int, limit: int) -> int: ...


class Queue(Protocol):
    """What waits, what is under way, and what became of it."""

    def lists_waiting(self) -> list[tuple[int, int]]: ...
    def due(self, lane: int, list_id: int, rank: int, now: int, limit: int) -> list[QueuePlace]: ...
    def next_due_after(self, lane: int, list_id: int, now: int) -> int | None: ...
    def load(self, places: Sequence[QueuePlace]) -> dict[int, WaitingMessage]: ...
    def drop(self, drops: Sequence[tuple[QueuePlace, Status, str | None]], now: int) -> None: ...
    def depart(self, places: Sequence[QueuePlace], departures: Sequence[Departure]) -> None: ...
    def arrive(self, arrivals: Sequence[Arrival]) -> None: ...
    def unsettled(self, status: Status, after: int, limit: int) -> list[Unsettled]: ...
    def expire(self, number: int, lane: int, detail: str, now: int) -> bool: ...


class Inbox(Protocol):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def put(self, link_id: int, raws: Sequence[bytes], now: int) -> None: ...
    def take(self, limit: int, bytes_max: int) -> list[RawCallback]: ...
    def remove(self, ids: Sequence[int]) -> None: ...
    def refuse(self, callback: RawCallback, reason: str) -> None: ...
    def owners(self, refs: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Owner]: ...
    def standing(self, numbers: Iterable[int]) -> dict[int, Owner]: ...
    def apply(self, verdicts: Sequence[Verdict]) -> None: ...
    def tell_parts(self, words: Sequence[PartWord]) -> None: ...
    def park(self, receipts: Sequence[ParkedReceipt]) -> None: ...
    def parked(self, since: int, limit: int) -> list[ParkedReceipt]: ...
    def unpark(self, ids: Sequence[int]) -> None: ...
    def forget_parked(self, before: int, limit: int) -> int: ...


class Replies(Protocol):
    """Texts from handsets, and the parts of those that are not whole yet."""

    def keep(
        self, sender: SendingList, reply_from: int, body: str, reading: Reading, now: int
    ) -> None: ...
    def keep_part(self, link_id: LinkId, part: Reply, now: int) -> bool: ...
    def parts(self, key: PartsKey) -> list[Reply]: ...
    def part_body(self, key: PartsKey, number: int) -> str | None: ...
    def mark_joined(self, key: PartsKey) -> None: ...
    def forget_parts(self, key: PartsKey) -> None: ...
    def overdue_parts(self, before: int, limit: int) -> list[PartsKey]: ...


class ReplyLog(Protocol):
    """Replies as they were kept."""

    def page(
        self, account_id: AccountId, about: ReplyFilter, offset: int, limit: int
    ) -> Sequence[StoredReply]: ...


class AutoReplies(Protocol):
    """Answers to keywords, waiting to be queued or queued lately."""

    def ask(  # noqa: PLR0917 - a row's columns
        self,
        sender: SendingList,
        recipient: PhoneNumber,
        keyword: Keyword,
        body: str,
        now: int,
        pause_ms: int,
    ) -> bool: ...
    def withdraw(self, list_id: ListId, recipient: PhoneNumber) -> None: ...
    def waiting(self, offset: int, limit: int) -> list[AutoReply]: ...
    def settle(self, replies: Sequence[AutoReply], now: int) -> None: ...
    def forget(self, before: int, limit: int) -> int: ...


class Troubles(Protocol):
    """What carriers say of recipients."""

    def heed(
        self, words: Sequence[TroubleWord], policy: TroublePolicy
    ) -> list[RecipientTrouble]: ...


class PassingTroubles(Protocol):
    """Troubles of recipients that a delivery makes forgotten."""

    def clear(self, delivered: Iterable[int]) -> None: ...
    def forget(self, before: int, limit: int) -> int: ...


class Outbox(Protocol):
    """Events for customers: written with what happened, told afterwards."""

    def due(self, endpoint_id: EndpointId, now: int, limit: int) -> list[OutboxEvent]: ...
    def ended_messages(self, numbers: Sequence[int]) -> dict[int, EndedMessage]: ...
    def taken_replies(self, reply_ids: Sequence[int]) -> dict[int, TakenReply]: ...
    def freeze(self, bodies: Sequence[tuple[bytes, EventId]]) -> None: ...
    def add_test(self, endpoint_id: EndpointId, body: bytes, now: int) -> EventId: ...
    def settle(self, settlements: Sequence[EventSettlement]) -> None: ...
    def give_up(self, event_ids: Sequence[EventId]) -> None: ...
    def forget_before(self, before: int, limit: int) -> tuple[int, int]: ...


class Endpoints(Protocol):
    """Where accounts want to be told, and what came of it."""

    def add(self, account_id: AccountId, **values: Any) -> EndpointId: ...
    def all(self, account_id: AccountId) -> list[Endpoint]: ...
    def find(self, account_id: AccountId, endpoint_id: EndpointId) -> Endpoint | None: ...
    def change(self, account_id: AccountId, endpoint_id: EndpointId, **values: Any) -> bool: ...
    def remove(self, account_id: AccountId, endpoint_id: EndpointId) -> bool: ...
    def active(self) -> list[Endpoint]: ...
    def waiting(self, account_id: AccountId) -> dict[EndpointId, int]: ...
    def backlog(self) -> int: ...
    def attempts(
        self, account_id: AccountId, endpoint_id: EndpointId, offset: int, limit: int
    ) -> list[tuple[WebhookAttempt, OutboxEvent]]: ...
    def replay(
        self, endpoint_id: EndpointId, now: int, *, event: tuple[str, int] | None, since: int
    ) -> int: ...
    def end_listeners(self, now: int) -> int: ...


class Leases(Protocol):
    """Who owns what, fenced by an epoch that only grows."""

    def take(self, name: str, owner: str, now: int) -> int: ...
    def epoch(self, name: str) -> int: ...


class Tx(Protocol):
    """One transaction; good only inside the function it was given to."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def links(self) -> Links: ...
    @property
    def lists(self) -> Lists: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def blocks(self) -> Blocks: ...
    @property
    def journeys(self) -> Journeys: ...
    @property
    def gate(self) -> Gate: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def lookup(self) -> LookUp: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def inbox(self) -> Inbox: ...
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
    def troubles(self) -> Troubles: ...
    @property
    def passing_troubles(self) -> PassingTroubles: ...
    @property
    def leases(self) -> Leases: ...


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


class Store(Protocol):
    """A database, opened.

    Raises `StorageUnavailable` (or `StorageFull`) when a transaction cannot be made durable; none
    of its changes remain then.
    """

    @property
    def hints(self) -> Hints: ...

    def submit(
        self, work: Callable[[Tx], T], done: Callable[[T | None, Exception | None], None]
    ) -> None:
        """Run `work` in the next group commit, then call `done(result, error)` once it is durable.

        The cheap form of `write`, for callers that keep no task waiting.
        """
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction; return its result once that is durable."""
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a consistent snapshot, beside the writers."""
        ...

    def changed_elsewhere(self) -> bool:
        """Tell whether another process has written since the last time this was asked."""
        ...

    async def close(self) -> None:
        """Finish what was submitted and let go of the database."""
        ...
