"""What a carrier tells us afterwards: receipts on a message's fate, and replies from handsets.

A callback that holds many things may hold some that cannot be read, or cannot be used: they stand
among the others as `Refused` and `IgnoredPart`, so that none of them vanishes and none costs
another.
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

# The detail of a delivery that no handset has confirmed: its operator tells nothing of that.
DELIVERED_TO_OPERATOR: Final = "DELIVERED_TO_OPERATOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The carrier's word on one message.

    `status` is None for a word that settles nothing, such as "en route". `message_id` is our own
    id where the carrier echoes it: the only way to match a message whose submit was never answered.
    `trouble` is what the word says of the recipient, beyond this one message. `flaw` is what of
    the callback could not be read, while the rest made sense.
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

    Parts that belong together have sender, recipient, `reference` and `total` in common. A
    character may begin in one and end in the next: where the carrier hands over octets, they are
    joined before they are read as `alphabet` says.
    """

    reference: int
    total: int
    number: int
    octets: bytes | None = field(default=None, compare=False)
    alphabet: Alphabet | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A text from a handset to one of our lists.

    `answered` says that the carrier has dealt with the keyword in it and written back itself, so
    that we must not. `part` is given where the carrier hands a long text over in pieces.
    `carrier_ref` is the carrier's own id of the text, by which one that is offered twice is known.
    `flaw` is as in `Receipt`.
    """

    sender: PhoneNumber
    list_number: PhoneNumber
    body: str
    answered: bool = False
    part: ReplyPart | None = None
    carrier_ref: str | None = None
    flaw: str | None = field(default=None, compare=False)


class CallbackSubject(StrEnum):
    """What a piece of a callback was about, as far as its carrier could tell."""

    RECEIPT = "receipt"
    REPLY = "reply"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A piece of a callback that could not be read, beside others that could.

    `raw` is that piece as a callback of its own: given to `parse` again it says this, and nothing
    of its neighbours. `reason` names fields and types, never a value of a person's. What is not
    surely a receipt may have been a STOP.
    """

    reason: str
    raw: bytes
    about: CallbackSubject = CallbackSubject.UNKNOWN


class IgnoredReason(StrEnum):
    """Why a piece of a callback was read and is of no use."""

    SENDER = "sender_is_no_number"
    CHANNEL = "other_channel"
    NO_TEXT = "no_text"
    EVENT = "other_event"
    # A text to a number that no list on its connector has: a wrong number, or a list that is gone.
    NO_LIST = "no_list"
    # A receipt that names no message: of one that others sent by the same account.
    NAMELESS = "names_no_message"
    # The carrier's last word on a message, which says that it does not know.
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class IgnoredPart:
    """A piece of a callback that was read, and that nothing follows from but a count.

    Such as a text from a short code or a sender's name, to whom nobody subscribes.
    """

    why: IgnoredReason


Callback = Receipt | Reply | Refused | IgnoredPart


# SMPP 3.4: appendix B. It begins with one of the fields, and has both of what makes a receipt.
has_receipts_form: Final = re.compile(
    r"\s*(?=id:|sub:|dlvrd:|submit date:|done date:|stat:|err:)"
    r"(?=(?:.*\s)?id:)(?=(?:.*\s)?stat:)",
    re.IGNORECASE | re.DOTALL,
).match
