"""The words in which every carrier says what became of a message.

They are the public API's `status_detail`. A carrier translates its vendor's codes into them, and
the vendor's own code goes along in parentheses, `REJECTED_SPAM (30007)`: `domain/detail.py` takes
the two apart.
"""

from enum import StrEnum
from typing import Final

from sendrail.domain import receipt
from sendrail.domain.contact import RecipientTrouble


class Detail(StrEnum):
    """What became of a message, or why it got no further."""

    DELIVERED = "DELIVERED_TO_HANDSET"
    # The operator has it, and says no more: whether it rang, nobody knows.
    DELIVERED_TO_OPERATOR = receipt.DELIVERED_TO_OPERATOR
    ENROUTE = "PENDING_ENROUTE"
    EXPIRED = "EXPIRED"
    # What these five say of the recipient stands in `TROUBLE`.
    OPTED_OUT = "REJECTED_OPTED_OUT"
    SPAM = "REJECTED_SPAM"
    DESTINATION = "REJECTED_DESTINATION"
    ABSENT_SUBSCRIBER = "REJECTED_ABSENT_SUBSCRIBER"
    OPERATOR = "REJECTED_OPERATOR"
    # What follows is the sender's or the account's affair, or nobody's.
    ACCOUNT = "REJECTED_ACCOUNT"
    CANCELLED = "REJECTED_CANCELLED"
    CONTENT = "REJECTED_CONTENT"
    DUPLICATE = "REJECTED_DUPLICATE"
    CREDIT = "REJECTED_NOT_ENOUGH_CREDITS"
    RATE = "REJECTED_RATE_LIMIT"
    REGION = "REJECTED_REGION"
    REQUEST = "REJECTED_REQUEST"
    SENDER = "REJECTED_SENDER"
    SYSTEM = "REJECTED_SYSTEM_ERROR"
    UNKNOWN = "REJECTED_UNKNOWN_REASON"


TROUBLE: Final = {
    Detail.OPTED_OUT: RecipientTrouble.OPTED_OUT,
    Detail.SPAM: RecipientTrouble.SPAM,
    Detail.DESTINATION: RecipientTrouble.INVALID_DESTINATION,
    Detail.ABSENT_SUBSCRIBER: RecipientTrouble.ABSENT_SUBSCRIBER,
    Detail.OPERATOR: RecipientTrouble.OPERATOR,
}
