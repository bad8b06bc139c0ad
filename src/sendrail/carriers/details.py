"""The details that all carriers report on a message, beside its status.

They are the public API's `status_detail`. A carrier translates its vendor's codes into them and
adds the vendor's own code in parentheses, `REJECTED_SPAM (30007)`; `domain/detail.py` splits the
two.
"""

from enum import StrEnum
from typing import Final

from sendrail.domain import receipt
from sendrail.domain.contact import RecipientTrouble


class Detail(StrEnum):
    """Why a message was delivered, not delivered, or not submitted."""

    DELIVERED = "DELIVERED_TO_HANDSET"
    # The operator has the message, but confirms no delivery to the handset.
    DELIVERED_TO_OPERATOR = receipt.DELIVERED_TO_OPERATOR
    ENROUTE = "PENDING_ENROUTE"
    EXPIRED = "EXPIRED"
    # `TROUBLE` maps these five to what they imply about the recipient.
    OPTED_OUT = "REJECTED_OPTED_OUT"
    SPAM = "REJECTED_SPAM"
    DESTINATION = "REJECTED_DESTINATION"
    ABSENT_SUBSCRIBER = "REJECTED_ABSENT_SUBSCRIBER"
    OPERATOR = "REJECTED_OPERATOR"
    # The causes below lie with the sender, the account or the network, not with the recipient.
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
