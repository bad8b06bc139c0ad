"""The values between the queue and a carrier: claims, outcomes and settlements.

What only we make, for each message, is a named tuple: a frozen dataclass of so many fields takes
three times as long.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.ids import ConnectorId, Lane, ListId, MessageId, MessageNumber
from sendrail.domain.message import Skip, Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import OnUncertain
from sendrail.domain.text import Encoding

# A list's queue has ranks: messages that skip the list's rate pass ahead of paced ones, and paced
# ones ahead of what campaigns and journeys send.
RANK_AHEAD: Final = 0
RANK_PACED: Final = 1
RANK_CAMPAIGN: Final = 2
RANKS: Final = (RANK_AHEAD, RANK_PACED, RANK_CAMPAIGN)
# Where no claim looks: what belongs to a run that is paused.
RANK_HELD: Final = 3
# How many messages of campaigns a list has in the queue at most; and no more than for a minute.
LOOK_AHEAD_MAX: Final = 20_000
_SKIP_RATE: Final = Skip.RATE_LIMIT.value
_CAMPAIGN: Final = Skip.CAMPAIGN.value


def rank_of(skips: int) -> int:
    """Return the rank of a message with these skip flags."""
    if skips & _SKIP_RATE:
        return RANK_AHEAD
    return RANK_CAMPAIGN if skips & _CAMPAIGN else RANK_PACED


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """A message as a carrier gets it: its text is final.

    `metadata` is the customer's JSON, and given only to a carrier that reads it.
    """

    message_id: MessageId
    recipient: PhoneNumber
    # In the public API's form; `phone.show` and `phone.bare` give the form a carrier needs.
    sender: str
    body: str
    encoding: Encoding
    segments: int
    metadata: str | None = None


class Claim(NamedTuple):
    """A message taken from the queue for one attempt; its intent is on disk.

    `attempt` counts from 1; `epoch` is the owner's at the time of the claim. `due_at` and `rank`
    are its place in the queue, to which a throttled message returns.
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
    origin_id: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """The carrier accepted the message and gave it an id.

    `further_refs` are the ids of its other parts, where the carrier sends a receipt for each part
    of a long text; the message is delivered when all of them are. With `one_receipt` the carrier
    sends one receipt for the whole message, under any of these ids.
    """

    carrier_ref: str
    further_refs: tuple[str, ...] = ()
    one_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """The carrier did not accept the message and asks to slow down.

    Where it `may_be_own`, the answer may be about the recipient alone, whose queue is full.
    """

    retry_after_ms: int
    may_be_own: bool = False


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The connector accepts no message: not connected, login refused, out of credit.

    The message has certainly not been sent and is not the cause. The connector is tried again after
    `retry_after_ms`; until then its lists wait, or use their second connector.
    """

    detail: str
    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Certainly not sent; another attempt may succeed."""

    detail: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The carrier refused this message for good."""

    detail: str
    trouble: RecipientTrouble | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The bytes may have left, but no answer arrived: the message may have been sent."""

    detail: str


Outcome = Submitted | Throttled | Unavailable | Failed | Rejected | Uncertain


class Settlement(NamedTuple):
    """What follows an outcome: the next status and, when it is `queued`, when to try again.

    `attempt` is the number of attempts so far. `detail` gives the reason, `provider_detail` the
    carrier's own code or text.
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
