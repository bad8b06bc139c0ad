"""The content of carriers' callbacks: receipts for messages, and replies from handsets.

Some pieces of a callback may be impossible to read, or of no use: these become `Refused` and
`IgnoredPart` among the others, so that no piece is lost and none affects another.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.text import Alphabet

# The detail of a delivery that no handset has confirmed, because the operator does not report it.
DELIVERED_TO_OPERATOR: Final = "DELIVERED_TO_OPERATOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The carrier's report on one message.

    `status` is None for a report without one, such as "en route". `message_id` is our own id where
    the carrier echoes it: the only way to match a message whose submit was never answered.
    `trouble` is what the report implies about the recipient, beyond this message. `flaw` says what
    of the callback could not be read, while the rest could.
    """

    carrier_ref: str
    status: Status | None
    detail: str
    message_id: MessageId | None = None
    trouble: RecipientTrouble | None = None
    flaw: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPart:
    """The place of a text among the parts of a longer one, `number` counting from 1.

    Parts of one text have the same sender, recipient, `reference` and `total`. A character may
    begin in one part and end in the next: where the carrier gives octets, they are joined before
    they are decoded by `alphabet`.
    """

    reference: int
    total: int
    number: int
    octets: bytes | None = field(default=None, compare=False)
    alphabet: Alphabet | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A text from a handset to one of our lists.

    `answered` says that the carrier has answered the keyword in it, so that we must not. `part` is
    set where the carrier sends a long text in parts. `carrier_ref` is the carrier's id of the text,
    by which a repeated delivery is recognized. `flaw` is as in `Receipt`.
    """

    sender: PhoneNumber
    list_number: PhoneNumber
    body: str
    answered: bool = False
    part: ReplyPart | None = None
    carrier_ref: str | None = None
    flaw: str | None = field(default=None, compare=False)


class CallbackSubject(StrEnum):
    """The subject of a piece of a callback, as far as its carrier could determine it."""

    RECEIPT = "receipt"
    REPLY = "reply"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A piece of a callback that could not be read.

    `raw` is that piece as a separate callback: `parse` gives the same refusal for it, and none of
    its neighbours. `reason` names fields and types, never personal data. Any piece that is not
    certainly a receipt may have been a STOP.
    """

    reason: str
    raw: bytes
    about: CallbackSubject = CallbackSubject.UNKNOWN


class IgnoredReason(StrEnum):
    """Why a piece of a callback is ignored, although it was read."""

    SENDER = "sender_is_no_number"
    CHANNEL = "other_channel"
    NO_TEXT = "no_text"
    EVENT = "other_event"
    # A text to a number of which no list on its connector exists: a wrong or a former number.
    NO_LIST = "no_list"
    # A receipt for an unknown message: another system sends by the same account.
    NAMELESS = "names_no_message"
    # The carrier's final report on a message, with an unknown result.
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class IgnoredPart:
    """A piece of a callback that was read and is only counted.

    For example a text from a short code or a sender's name, which cannot be a contact.
    """

    why: IgnoredReason


Callback = Receipt | Reply | Refused | IgnoredPart


# SMPP 3.4: appendix B. The text begins with one of the fields, and has both an id and a state.
has_receipts_form: Final = re.compile(
    r"\s*(?=id:|sub:|dlvrd:|submit date:|done date:|stat:|err:)"
    r"(?=(?:.*\s)?id:)(?=(?:.*\s)?stat:)",
    re.IGNORECASE | re.DOTALL,
).match
