"""The door to storage: what the rest of the house may ask of a database.

`Store.write(work)` and `Store.read(work)` run a plain function of a transaction. It cannot await,
so no network call ever happens inside a transaction. Domain types go in and come out; SQL stays
behind the door. Every statement on an account's rows takes the account.

`tests/conformance/test_store*.py` are the specification; every implementation runs them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from sendrail.domain.account import Account, AccountStatus, ApiKey
from sendrail.domain.contact import Block, Enrolment, Journey, ListContact, OptOutReason
from sendrail.domain.ids import (
    AccountId,
    JourneyId,
    KeyId,
    LinkId,
    ListId,
    MessageNumber,
)
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import Link, LinkReport, ListStatus, SendingList
from sendrail.domain.verification import Progress

T = TypeVar("T")


class Caller(NamedTuple):
    """Who an API key belongs to."""

    account_id: AccountId
    active: bool
    blocked_words: str


# A judged order on its way into the queue. Plain tuples, since the driver binds any other sequence
# at several times the cost: number, lane, account_id, list_id, recipient, created_at, status,
# skips, segments, encoding, body, metadata.
MessageRow: TypeAlias = tuple[int, int, int, int, int, int, str, int, int, str, str, str | None]
# Where it waits, the whole key of its queue row: lane, list_id, rank, due_at, number.
PlaceRow: TypeAlias = tuple[int, int, int, int, int]


class RecentMessage(NamedTuple):
    """What the duplicate window remembers of a message."""

    number: int
    created_at: int
    list_id: int
    recipient: int
    body: str


class QueuePlace(NamedTuple):
    """Where a message waits: a `PlaceRow` read back."""

    lane: int
    list_id: int
    rank: int
    due_at: int
    number: int


class WaitingMessage(NamedTuple):
    """What is read of a queued message before its submit."""

    number: int
    account_id: int
    recipient: int
    attempt: int
    skips: int
    resent: int
    encoding: str
    segments: int
    body: str
    link_id: int | None


class Departure(NamedTuple):
    """The durable intent: from here on the bytes may leave."""

    attempt: int
    epoch: int
    link_id: int
    sending_at: int
    number: int


class Arrival(NamedTuple):
    """What an attempt came to; it is written only while that very attempt is still open."""

    number: int
    lane: int
    link_id: int
    epoch: int
    attempt: int
    started_at: int
    ended_at: int
    outcome: str
    status: str
    attempts_spent: int
    resent: int
    detail: str | None
    carrier_ref: str | None
    place: QueuePlace | None


class Unsettled(NamedTuple):
    """A message whose attempt is open, or whose outcome nobody knows."""

    number: int
    lane: int
    list_id: int
    link_id: int
    status: str
    attempt: int
    epoch: int
    resent: int
    skips: int
    sending_at: int


class RawCallback(NamedTuple):
    """A carrier's callback as it came."""

    id: int
    link_id: LinkId
    received_at: int
    raw: bytes


class ParkedReceipt(NamedTuple):
    """A receipt whose message is not known yet: it overtook the submit's answer, or is a stray."""

    id: int
    link_id: LinkId
    carrier_ref: str
    status: Status | None
    detail: str
    received_at: int


class Owner(NamedTuple):
    """The message a receipt is about, and where it stands."""

    number: int
    lane: int
    status: Status


class Verdict(NamedTuple):
    """A receipt's legal move, ready to be written."""

    status: str
    detail: str
    ended_at: int
    number: int
    lane: int


class KeptAnswer(NamedTuple):
    """The answer given to an earlier request with the same idempotency key."""

    route: str
    body_digest: bytes
    status: int
    answer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submit of a message and what came of it."""

    attempt: int
    link_id: LinkId
    link: str | None
    started_at: int
    ended_at: int
    outcome: str
    detail: str | None
    carrier_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as look-up tells it."""

    number: MessageNumber
    recipient: PhoneNumber
    list_number: PhoneNumber
    body: str
    metadata: str | None
    status: Status
    detail: str | None
    encoding: str
    segments: int
    attempt: int
    carrier: str | None
    carrier_ref: str | None
    created_at: int
    sent_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list of messages is about; None means any."""

    status: Sequence[Status] | None = None
    recipient: PhoneNumber | None = None
    list_number: PhoneNumber | None = None
    created_from: int | None = None
    created_before: int | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of messages, newest first, with the number of all that match.

    `total_is_exact` is False where counting stopped at its bound.
    """

    messages: Sequence[StoredMessage]
    total: int
    total_is_exact: bool


class CallbackToken(NamedTuple):
    """A link's callback token, sealed, and until when the one before it is honoured."""

    sealed: bytes | None
    old_until: int | None


class Waiting(NamedTuple):
    """What waits for one account: how many messages, and since when the oldest is due."""

    depth: int
    oldest_due_at: int


class Accounts(Protocol):
    """Accounts and their API keys."""

    def add(self, name: str, now: int) -> AccountId: ...
    def all(self) -> list[Account]: ...
    def set_status(self, account_id: AccountId, status: AccountStatus) -> bool: ...
    def blocked_words(self, account_id: AccountId) -> str: ...
    def set_blocked_words(self, account_id: AccountId, words: str) -> None: ...
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
        settings: bytes,
        window: int,
        mps: float | None,
        segments_per_second: float | None = None,
    ) -> LinkId: ...
    def all(self) -> list[Link]: ...
    def find(self, account_id: AccountId | None, name: str) -> Link | None: ...
    def by_id(self, link_id: LinkId) -> Link | None: ...
    def by_token(self, digest: bytes, now: int) -> Link | None: ...
    def change(self, link_id: LinkId, *, reopen: bool, **values: Any) -> None: ...
    def remove(self, link_id: LinkId, now: int) -> None: ...
    def token(self, link_id: LinkId) -> CallbackToken: ...
    def rotate(self, link_id: LinkId, token: bytes, digest: bytes, old_until: int) -> None: ...
    def lists_of(self, link_id: LinkId) -> int: ...
    def reports(self) -> dict[LinkId, LinkReport]: ...
    def report(self, reports: Mapping[LinkId, LinkReport]) -> None: ...


class Verifications(Protocol):
    """How lists on an account's own carrier come to be verified."""

    def find(self, list_id: ListId) -> Progress | None: ...
    def begin(self, list_id: ListId, checked: str, now: int) -> None: ...
    def sent(
        self, list_id: ListId, recipient: PhoneNumber, number: MessageNumber, now: int
    ) -> None: ...
    def replied(self, sender: SendingList, link_id: LinkId, reply_from: int, now: int) -> bool: ...
    def void(self, link_id: LinkId) -> int: ...
    def forget(self, list_id: ListId) -> None: ...


class Marks(Protocol):
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
        link_id: LinkId,
        byoc: bool,
        on_uncertain: str,
        now: int,
    ) -> ListId: ...
    def all(self, account_id: AccountId, status: ListStatus | None = None) -> list[SendingList]: ...
    def find(self, account_id: AccountId, number: PhoneNumber) -> SendingList | None: ...
    def by_number(self, number: PhoneNumber, link_id: LinkId) -> list[SendingList]: ...
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
    ) -> bool: ...
    def resubscribe(
        self, list_id: ListId, recipient: PhoneNumber, *, source: str, evidence: str, now: int
    ) -> bool: ...
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
    def unsubscribed(self, pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]: ...
    def blocked(self, pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]: ...
    def enrolled(self, pairs: Iterable[tuple[int, int]], now: int) -> set[tuple[int, int]]: ...
    def kept_answers(
        self, keys: Iterable[tuple[int, str]]
    ) -> dict[tuple[int, str], KeptAnswer]: ...
    def keep_answer(self, account_id: int, key: str, answer: KeptAnswer, now: int) -> None: ...
    def forget_answers(self, before: int, limit: int) -> int: ...


class Messages(Protocol):
    """Messages coming in."""

    def reserve(self, count: int) -> MessageNumber: ...
    def insert(self, rows: Sequence[MessageRow], places: Sequence[PlaceRow]) -> None: ...
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
    def hold(self, places: Sequence[QueuePlace], detail: str) -> None: ...
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
    def park(self, receipts: Sequence[ParkedReceipt]) -> None: ...
    def parked(self, since: int, limit: int) -> list[ParkedReceipt]: ...
    def unpark(self, ids: Sequence[int]) -> None: ...
    def forget_parked(self, before: int, limit: int) -> int: ...
    def keep_reply(
        self, sender: SendingList, reply_from: int, body: str, keyword: str | None, now: int
    ) -> None: ...


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
    def verifications(self) -> Verifications: ...
    @property
    def marks(self) -> Marks: ...
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
    def leases(self) -> Leases: ...


@dataclass(slots=True)
class Hints:
    """Cheap news of work, inside one process: may be lost or doubled without harm.

    Every stage also looks for itself now and then; a hint only saves the wait.
    """

    queued: dict[int, int] = field(default_factory=dict)
    queued_event: asyncio.Event = field(default_factory=asyncio.Event)
    inbox_event: asyncio.Event = field(default_factory=asyncio.Event)
    links_event: asyncio.Event = field(default_factory=asyncio.Event)

    def queue_has(self, lists: Iterable[tuple[int, int]]) -> None:
        """Tell that these (lane, list) have new messages."""
        for lane, list_id in lists:
            self.queued[list_id] = lane
        self.queued_event.set()

    def inbox_has(self) -> None:
        """Tell that callbacks wait to be applied."""
        self.inbox_event.set()


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
