"""What passes between the queue and a carrier: claims out, outcomes back, settlements kept."""

from dataclasses import dataclass
from typing import Final

from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.ids import ConnectorId, Lane, ListId, MessageId, MessageNumber
from sendrail.domain.message import Skip, Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import OnUncertain
from sendrail.domain.text import Encoding

# A list's queue has two ranks: what skipped the list's rate passes ahead of what is paced.
RANK_AHEAD: Final = 0
RANK_PACED: Final = 1
_SKIP_RATE: Final = Skip.RATE_LIMIT.value


def rank_of(skips: int) -> int:
    """Return the rank at which a message with these skip flags waits."""
    return RANK_AHEAD if skips & _SKIP_RATE else RANK_PACED


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """A message as a carrier sees it: its text is final.

    `metadata` is what the customer has attached, as JSON: only for a carrier that reads it.
    """

    message_id: MessageId
    recipient: PhoneNumber
    # As the public API writes it: `phone.show` and `phone.bare` give what a carrier wants.
    sender: str
    body: str
    encoding: Encoding
    segments: int
    metadata: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A message taken from the queue for one attempt; its intent is on disk.

    `attempt` counts from 1, `epoch` is its owner's at that time. `due_at` and `rank` are its old
    place in the queue, kept for a throttled message to return to.
    """

    number: MessageNumber
    lane: Lane
    list_id: ListId
    connector_id: ConnectorId
    epoch: int
    attempt: int
    claimed_at: int
    due_at: int
    rank: int
    resent: bool
    on_uncertain: OnUncertain
    outbound: OutboundMessage


@dataclass(frozen=True, slots=True)
class Submitted:
    """The carrier took the message and named it.

    `further_refs` name its other parts where the carrier gives each part of a long text a receipt
    of its own; the message is delivered when all of them are. With `one_receipt` the carrier gives
    one for the whole message, under any of these names.
    """

    carrier_ref: str
    further_refs: tuple[str, ...] = ()
    one_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """The carrier took nothing and asks us to slow down."""

    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The connector takes nothing from anybody: not connected, not let in, out of credit.

    The message is certainly not sent and not at fault. `retry_after_ms` is when to try the
    connector again; until then its lists wait, or go by their second connector.
    """

    detail: str
    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Certainly not sent; another attempt may do better."""

    detail: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The carrier refused this message for good."""

    detail: str
    trouble: RecipientTrouble | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The bytes may have left, and no answer tells: nobody knows."""

    detail: str


Outcome = Submitted | Throttled | Unavailable | Failed | Rejected | Uncertain


@dataclass(frozen=True, slots=True)
class Settlement:
    """What follows an outcome: the next status and, when it is `queued`, when to try again.

    `attempt` is the number of attempts the message has then cost, `detail` a word for why, beside
    which the carrier's own stands.
    """

    status: Status
    attempt: int
    detail: str | None = None
    carrier_ref: str | None = None
    due_at: int | None = None
    resent: bool = False
    further_refs: tuple[str, ...] = ()
    one_receipt: bool = False
    provider_detail: str | None = None
