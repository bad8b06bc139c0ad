"""The rows and answers that pass through the door to storage: what stores give and are given.

Named tuples where a statement binds or reads them by the thousand; frozen dataclasses elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias

from sendrail.domain.consent import Keyword
from sendrail.domain.contact import (
    ListContact,
    OptOutReason,
    PhoneFacts,
    RecipientTrouble,
    Scalar,
    SignUp,
)
from sendrail.domain.ids import (
    LANES,
    AccountId,
    ConnectorId,
    EndpointId,
    EventId,
    ListId,
    MessageNumber,
)
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import CallbackSubject, Reply, ReplyPart
from sendrail.domain.sender import ListStatus, OnUncertain, SendingList
from sendrail.domain.text import Alphabet
from sendrail.domain.webhook import OutboxEvent


class Caller(NamedTuple):
    """The account that an API key belongs to."""

    account_id: AccountId
    active: bool
    blocked_words: str


class KnownContact(NamedTuple):
    """What speaks against texting a recipient from a list just now."""

    unsubscribed: bool = False
    blocked: bool = False
    enrolled: bool = False


class GateQuery(NamedTuple):
    """A caller, one of its lists and the recipients: what the gate looks up."""

    # The digest of an API key, or an account.
    who: bytes | int
    list_number: int
    recipients: Sequence[int]


class GateResult(NamedTuple):
    """What was found; `known` has only recipients whom something speaks against texting."""

    caller: Caller | None
    sender: SendingList | None
    known: dict[int, KnownContact]


# A judged order on its way into the queue. Plain tuples, since the driver binds any other sequence
# at several times the cost: number, lane, account_id, list_id, recipient, created_at, skips,
# segments, encoding, body, metadata.
MessageRow: TypeAlias = tuple[int, int, int, int, int, int, int, int, str, str, str | None]


# A lane and a fingerprint, for the duplicate window that processes share.
Fingerprint: TypeAlias = tuple[int, int]

# Ranges of lanes, each from its first up to but without its end.
LaneRanges: TypeAlias = Sequence[tuple[int, int]]
EVERY_LANE: Final[LaneRanges] = ((0, LANES),)


class SenderOwner(NamedTuple):
    """A sender's owner on a shared connector; connector and account by their names."""

    connector: str
    shown: str
    account: str
    since: int


class SpanState(NamedTuple):
    """A span of work as its row has it; what is left of its time may be negative."""

    kind: str
    span: int
    owner: str
    epoch: int
    left_ms: int


class ProcessState(NamedTuple):
    """A process as it shows itself."""

    name: str
    roles: str
    version: str
    started_at: int
    unseen_ms: int


class PaceSlot(NamedTuple):
    """A reserved moment of a connector, and when it was read; microseconds of the database's."""

    start_us: int
    now_us: int


class RecentMessage(NamedTuple):
    """What the duplicate window remembers of a message."""

    number: int
    created_at: int
    list_id: int
    recipient: int
    body: str


class QueuePlace(NamedTuple):
    """Where a message waits: the whole key of its queue row."""

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
    connector_id: int | None


class AttemptStart(NamedTuple):
    """The durable intent: from here on the bytes may leave."""

    attempt: int
    epoch: int
    connector_id: int
    sending_at: int
    number: int


class AttemptResult(NamedTuple):
    """The result of an attempt; it is written only while that very attempt is still open."""

    number: int
    lane: int
    connector_id: int
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
    further_refs: tuple[str, ...] = ()
    one_receipt: bool = False
    provider_detail: str | None = None


class UnsettledMessage(NamedTuple):
    """A message whose attempt is open, or whose outcome is unknown."""

    number: int
    lane: int
    list_id: int
    connector_id: int
    status: str
    attempt: int
    epoch: int
    resent: int
    skips: int
    sending_at: int


class RawCallback(NamedTuple):
    """A carrier's callback as it came."""

    id: int
    connector_id: ConnectorId
    received_at: int
    raw: bytes


class Refusal(NamedTuple):
    """A callback, or a piece of one, that could not be read or applied, and why."""

    connector_id: ConnectorId
    received_at: int
    raw: bytes
    reason: str
    # What is not surely a receipt may be a handset's text, such as STOP.
    about: CallbackSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCallback:
    """A refused callback as a list shows it; the connector may be gone."""

    id: int
    connector: str | None
    kind: str | None
    received_at: int
    refused_at: int
    size: int
    about: CallbackSubject
    reason: str


class RefusedRaw(NamedTuple):
    """A refused callback with what it takes to apply it again."""

    id: int
    connector_id: ConnectorId
    received_at: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFilter:
    """Which refused callbacks are meant; None means any."""

    connector: str | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedTally:
    """How many callbacks of one connector are kept as refused, and since when they came."""

    connector: str | None
    kind: str | None
    count: int
    # Those that may be handsets' texts.
    texts: int
    first_at: int
    last_at: int
    size: int


class ParkedReceipt(NamedTuple):
    """A receipt whose message is not known yet: it overtook the submit's answer, or is a stray."""

    id: int
    connector_id: ConnectorId
    carrier_ref: str
    status: Status | None
    detail: str
    received_at: int
    trouble: RecipientTrouble | None = None


class ReceiptTarget(NamedTuple):
    """The message a receipt is about, and where it stands.

    Where the receipt is about one part of it, `part` of `parts` says which, `told` whether its
    receipt has come before, and `parts_left` how many parts are still to be delivered.
    """

    number: int
    lane: int
    status: Status
    part: int | None = None
    parts: int = 1
    told: bool = False
    parts_left: int = 1


class PartReceipt(NamedTuple):
    """A receipt for one part of a message, and how many parts are then still to be delivered."""

    connector_id: ConnectorId
    carrier_ref: str
    number: int
    lane: int
    parts_left: int


class StatusChange(NamedTuple):
    """A receipt's legal move, ready to be written: a word for it, and the carrier's own."""

    status: str
    detail: str
    ended_at: int
    number: int
    lane: int
    provider_detail: str | None = None


class RecipientReport(NamedTuple):
    """What a carrier says of a message's recipient; `detail` is its own wording."""

    number: int
    trouble: RecipientTrouble
    detail: str
    at: int


class PartsKey(NamedTuple):
    """What the parts of one text from a handset have in common."""

    connector_id: ConnectorId
    sender: PhoneNumber
    list_number: PhoneNumber
    reference: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReply:
    """An answer to a keyword that is to be queued."""

    list_id: ListId
    recipient: PhoneNumber
    keyword: Keyword
    account_id: AccountId
    list_number: PhoneNumber
    body: str
    asked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """A reply as it was kept."""

    id: int
    list_number: str
    sender: PhoneNumber
    body: str
    keyword: Keyword | None
    rule: str | None
    review: bool
    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFilter:
    """Which replies a list of replies is about; None means any."""

    list_number: PhoneNumber | None = None
    keyword: Keyword | None = None
    review: bool = False


class EndedMessage(NamedTuple):
    """What an event reports of a message at rest; without `provider` it never left."""

    number: int
    recipient: int
    list_number: str
    status: str
    detail: str | None
    provider: str | None
    ended_at: int
    skips: int = 0
    provider_detail: str | None = None
    connector: str | None = None


class TakenReply(NamedTuple):
    """What an event reports of a reply."""

    id: int
    sender: int
    list_number: str
    body: str
    keyword: str | None
    received_at: int
    rule: str | None = None
    word: str | None = None


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
    connector_id: ConnectorId
    connector: str | None
    started_at: int
    ended_at: int
    outcome: str
    detail: str | None
    carrier_ref: str | None
    provider_detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as look-up shows it.

    `provider` is the kind of carrier it last went to, `connector` the name of the connection.
    """

    number: MessageNumber
    recipient: PhoneNumber
    list_number: str
    body: str
    metadata: str | None
    status: Status
    detail: str | None
    encoding: str
    segments: int
    attempt: int
    provider: str | None
    connector: str | None
    carrier_ref: str | None
    created_at: int
    sent_at: int | None
    ended_at: int | None
    automatic: bool = False
    provider_detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list of messages is about; None means any."""

    status: Sequence[Status] | None = None
    recipient: PhoneNumber | None = None
    list_number: PhoneNumber | None = None
    created_from: int | None = None
    created_before: int | None = None


class MessagePlace(NamedTuple):
    """Where a message stands among all of them, by when it was made."""

    created_at: int
    number: int


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of messages, newest first, with the number of all that match.

    `total_is_exact` is False where counting stopped at its bound.
    """

    messages: Sequence[StoredMessage]
    total: int
    total_is_exact: bool


class SubscriptionState(NamedTuple):
    """How a list stands to a number it knows."""

    active: bool
    # Whether it knows a sign-up, or only a leaving.
    signed_up: bool
    custom_fields: dict[str, Scalar]
    # Why and when it was left, where it was.
    reason: OptOutReason | None = None
    left_at: int | None = None


class SubscriptionUpdate(NamedTuple):
    """What a further sign-up changes of a subscription, its custom fields as they are to be."""

    signup: SignUp
    active: bool
    custom_fields: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """Which subscriptions a page is about; None means any."""

    list_id: ListId | None = None
    active: bool | None = None
    recipient: PhoneNumber | None = None


class ContactPlace(NamedTuple):
    """Where a subscription stands among all of an account, newest sign-up first."""

    signup_at: int
    list_id: int
    recipient: int


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A subscription with what is known of its number."""

    contact: ListContact
    list_number: str
    phone: PhoneFacts
    sends: int = 0
    last_sent_at: int | None = None


class CallbackToken(NamedTuple):
    """A connector's callback token, sealed, and until when the one before it is honoured."""

    sealed: bytes | None
    old_until: int | None


class Backlog(NamedTuple):
    """What is not settled: messages whose outcome is unknown, callbacks not applied yet."""

    uncertain: int
    callbacks: int


class AccountBacklog(NamedTuple):
    """What waits for one account: how many messages, and since when the oldest is due."""

    depth: int
    oldest_due_at: int


# Contacts in files.


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


class ExportedContact(NamedTuple):
    """A contact of a list with all that an exported file says of it."""

    recipient: PhoneNumber
    email: str | None
    first_name: str
    last_name: str
    carrier: str | None
    line_type: str | None
    timezone: str | None
    signup_at: int
    ad_network_source: str | None
    ad_network_id: str | None
    active: bool
    unsubscribed_at: int | None
    reason: str | None
    custom_fields: str


class ErasurePart(NamedTuple):
    """What a walk found in one part of a table, and where the part ends; None past the end."""

    found: Sequence[int]
    last: int | None


# From columns to what they say: one list of columns and one reading for each type that several
# statements read.

# A list has a column for each of its fields.
LIST_COLUMNS: Final = tuple(field.name for field in fields(SendingList))
_LIST_READERS: Final = {"status": ListStatus, "on_uncertain": OnUncertain, "byoc": bool}
OUTBOX_COLUMNS: Final = (
    "id", "endpoint_id", "kind", "ref", "at", "attempts", "retries", "body",
)  # fmt: skip
_STATUSES: Final = frozenset(Status)
_TROUBLES: Final = frozenset(RecipientTrouble)


def sending_list(row: Sequence[Any]) -> SendingList:
    """Return what `LIST_COLUMNS` say of a sending list."""
    values: dict[str, Any] = dict(zip(LIST_COLUMNS, row, strict=True))
    for name, read in _LIST_READERS.items():
        values[name] = read(values[name])
    return SendingList(**values)


def outbox_event(row: Sequence[Any]) -> OutboxEvent:
    """Return what `OUTBOX_COLUMNS` say of an event."""
    return OutboxEvent(
        id=EventId(row[0]),
        endpoint_id=EndpointId(row[1]),
        kind=row[2],
        ref=row[3],
        at=row[4],
        attempts=row[5],
        retries=row[6],
        body=row[7],
    )


def receipt_target(  # noqa: PLR0917 - a row's columns
    number: int,
    lane: int,
    status: str,
    part: int | None,
    parts: int | None,
    noted: int,
    parts_left: int | None,
) -> ReceiptTarget:
    """Return the message that a reference stands for, or the part of one."""
    if part is None:
        return ReceiptTarget(number, lane, Status(status))
    return ReceiptTarget(
        number, lane, Status(status), part, parts or 1, bool(noted), parts_left or 0
    )


def parked_receipt(row: Sequence[Any]) -> ParkedReceipt:
    """Return a row as a parked receipt."""
    return ParkedReceipt(
        row[0],
        row[1],
        row[2],
        # A status of a newer version settles nothing here, and stops nothing.
        Status(row[3]) if row[3] in _STATUSES else None,
        row[4],
        row[5],
        RecipientTrouble(row[6]) if row[6] in _TROUBLES else None,
    )


def reply_part(key: PartsKey, row: Sequence[Any]) -> Reply:
    """Return one row of a text's parts as the part that it is."""
    number, body, octets, alphabet, answered, _ = row
    place = ReplyPart(
        reference=key.reference,
        total=key.total,
        number=number,
        octets=octets,
        alphabet=None if alphabet is None else Alphabet(alphabet),
    )
    return Reply(
        sender=key.sender,
        list_number=key.list_number,
        body=body,
        answered=bool(answered),
        part=place,
    )
