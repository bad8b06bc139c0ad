"""What an account brings from the platform that it came from: sends, their clicks, their revenue.

Nothing of it enters the queue, an event or the duplicate window: it happened elsewhere.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.conversion import Attribution, ConversionEvent, SentMessage
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId, Lane, ListId, MessageNumber
from sendrail.domain.phone import PhoneNumber

REF_LENGTH_MAX: Final = 255
SEND_TYPE_LENGTH_MAX: Final = 32
LENGTH_MAX: Final = 1_000_000


class HistoryEntity(StrEnum):
    """A kind of imported rows."""

    SENDS = "sends"
    CLICKS = "clicks"
    REVENUE = "revenue"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySend:
    """A message that another platform sent, by its id there; one of the two names its list."""

    ref: str
    list_number: PhoneNumber | None
    list_id: int | None
    recipient: PhoneNumber
    at: int
    send_type: str | None = None
    delivered: bool | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryClick:
    """The click on such a message; `at` None is when it was sent."""

    ref: str
    offer_id: str
    recipient: PhoneNumber | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRevenue:
    """What such a message earned, in ten-thousandths; `at` None is when it was sent.

    `currency` is the one that it is said to be in, empty where that is not said.
    """

    ref: str
    offer_id: str
    amount: int
    currency: str = ""
    payout: int | None = None
    attribution: Attribution = Attribution.MIGRATION
    at: int | None = None
    event: ConversionEvent = ConversionEvent.SALE
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSend:
    """An imported send as it is kept; `recipient` None where the person's data was deleted."""

    id: int
    list_id: ListId
    recipient: PhoneNumber | None
    at: int
    clicked_at: int | None

    @property
    def number(self) -> MessageNumber:
        """Its number among messages: none of ours has a negative one."""
        return MessageNumber(-self.id)

    def message(self, account_id: AccountId) -> SentMessage:
        """Return it as the message of a conversion."""
        return SentMessage(
            number=self.number,
            lane=Lane(0),
            account_id=account_id,
            list_id=self.list_id,
            recipient=self.recipient,
            created_at=self.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTotals:
    """How much of an account's history is there; `revenue` is a sum in ten-thousandths."""

    sends: int
    clicks: int
    conversions: int
    revenue: int


def ref_of(text: str | None, name: str) -> str:
    """Return an id of another platform without the blanks around it.

    Raises `InvalidInput` that names the field where there is none, or a longer one than is kept.
    """
    ref = (text or "").strip()
    if not ref:
        raise InvalidInput(f"{name} is required", code=f"missing_{name}", param=name)
    if len(ref) > REF_LENGTH_MAX:
        raise InvalidInput(f"{name} has at most {REF_LENGTH_MAX} characters", param=name)
    return ref
