"""Telnyx's error codes, as far as they apply to SMS.

https://developers.telnyx.com/docs/messaging/messages/error-codes

Those from 40300 on, and those below 40000, answer a submit; the others come with a webhook. A code
of a submit that blames no party, such as 10002, never counts against the recipient.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

CODES: Final = Codes(
    "Telnyx",
    {
        "10001": Code(Action.REFUSE, Detail.REQUEST, "a number is not active"),
        "10002": Code(Action.REFUSE, Detail.REQUEST, "a number is not valid"),
        "10003": Code(
            Action.STOP, Detail.REQUEST, "it does not accept the connector's callback URL"
        ),
        "10007": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
        "10009": Code(Action.STOP, Detail.ACCOUNT, "the API key is wrong"),
        "10010": Code(Action.STOP, Detail.ACCOUNT, "the API key may not do this"),
        "10011": Code(Action.THROTTLE, Detail.RATE, "too many requests"),
        "10016": Code(Action.REFUSE, Detail.REQUEST, "a number is not in E.164 form"),
        "10039": Code(Action.REFUSE, Detail.ACCOUNT, "the account texts verified numbers only"),
        "20002": Code(Action.STOP, Detail.ACCOUNT, "the API key is revoked"),
        "20006": Code(Action.STOP, Detail.ACCOUNT, "the API key has expired"),
        "20012": Code(Action.STOP, Detail.ACCOUNT, "the account is not active"),
        "20013": Code(Action.STOP, Detail.ACCOUNT, "the account is blocked"),
        "20014": Code(Action.STOP, Detail.ACCOUNT, "the account is not verified"),
        "20100": Code(Action.STOP, Detail.CREDIT, "the account has no credit"),
        "40001": Code(Action.REFUSE, Detail.DESTINATION, "a landline or not routable"),
        "40002": Code(Action.RETRY, Detail.SPAM, "the message was filtered, for the time being"),
        "40003": Code(Action.REFUSE, Detail.SENDER, "the sender is blocked as spam for good"),
        "40004": Code(Action.RETRY, Detail.OPERATOR, "the recipient's carrier rejects it"),
        "40005": Code(Action.REFUSE, Detail.EXPIRED, "it expired on the way"),
        "40006": Code(Action.RETRY, Detail.OPERATOR, "the recipient's carrier is out of order"),
        "40007": Code(Action.REFUSE, Detail.SYSTEM, "it went round in a loop"),
        "40008": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's carrier did not take it"),
        "40009": Code(Action.REFUSE, Detail.CONTENT, "the text is not valid"),
        "40010": Code(Action.REFUSE, Detail.SENDER, "the sender is not registered for US A2P"),
        "40011": Code(Action.THROTTLE, Detail.RATE, "the rate of the carrier is exceeded"),
        "40012": Code(Action.REFUSE, Detail.DESTINATION, "the recipient's number is not valid"),
        "40013": Code(Action.REFUSE, Detail.SENDER, "the sender's number is not valid"),
        "40014": Code(Action.REFUSE, Detail.EXPIRED, "it expired in the queue"),
        "40015": Code(Action.REFUSE, Detail.SPAM, "the message was filtered by Telnyx"),
        "40016": Code(Action.RETRY, Detail.RATE, "the brand's day at T-Mobile is used up"),
        "40017": Code(Action.REFUSE, Detail.SPAM, "the message was filtered by AT&T"),
        "40018": Code(Action.RETRY, Detail.RATE, "the campaign's rate at AT&T is exceeded"),
        "40100": Code(Action.REFUSE, Detail.SENDER, "the sender is not enabled for messaging"),
        "40150": Code(Action.REFUSE, Detail.SENDER, "the toll-free sender is not registered"),
        "40151": Code(Action.REFUSE, Detail.SENDER, "the sender is still with another provider"),
        "40300": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
        "40301": Code(Action.REFUSE, Detail.OPERATOR, "the recipient cannot be reached this way"),
        "40302": Code(Action.REFUSE, Detail.CONTENT, "the message is too large"),
        "40305": Code(Action.REFUSE, Detail.SENDER, "the sender is not a number of the account"),
        "40306": Code(Action.REFUSE, Detail.SENDER, "no alphanumeric sender is set up"),
        "40309": Code(Action.REFUSE, Detail.REGION, "the recipient's country is not enabled"),
        "40310": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a phone number"),
        "40312": Code(Action.REFUSE, Detail.ACCOUNT, "the messaging profile is disabled"),
        "40314": Code(Action.STOP, Detail.ACCOUNT, "messaging is disabled for the account"),
        "40315": Code(Action.REFUSE, Detail.SENDER, "the sender has a bad record"),
        "40316": Code(Action.REFUSE, Detail.CONTENT, "the text is missing"),
        "40318": Code(Action.THROTTLE, Detail.RATE, "the queue is full"),
        "40319": Code(Action.REFUSE, Detail.OPERATOR, "the recipient cannot be reached this way"),
        "40320": Code(Action.RETRY, Detail.SENDER, "the sender is not ready yet"),
        "40321": Code(Action.REFUSE, Detail.SENDER, "the messaging profile has no sender"),
        "40322": Code(Action.REFUSE, Detail.CONTENT, "the text is blocked"),
        "40328": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
        "40329": Code(Action.REFUSE, Detail.SENDER, "the toll-free sender is not verified"),
    },
    ranges=(
        (range(10000, 20000), Code(Action.REFUSE, Detail.REQUEST, "an error in the request")),
        (range(20000, 30000), Code(Action.REFUSE, Detail.ACCOUNT, "the account may not do this")),
        (range(40000, 41000), Code(Action.REFUSE, Detail.UNKNOWN, "not delivered")),
    ),
)
