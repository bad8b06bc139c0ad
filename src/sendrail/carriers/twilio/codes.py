"""Twilio's error codes (https://www.twilio.com/docs/api/errors), as far as they apply to SMS.

Those below 30000 answer a submit; the others come with a status callback, some also at once.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

CODES: Final = Codes(
    "Twilio",
    {
        "20003": Code(Action.STOP, Detail.ACCOUNT, "the credentials are wrong"),
        "20005": Code(Action.STOP, Detail.ACCOUNT, "the account is not active"),
        "20404": Code(Action.STOP, Detail.ACCOUNT, "the account does not exist"),
        "20429": Code(Action.THROTTLE, Detail.RATE, "too many requests"),
        "20500": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
        "20503": Code(Action.RETRY, Detail.SYSTEM, "service unavailable"),
        "21211": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a phone number"),
        "21212": Code(Action.REFUSE, Detail.SENDER, "the sender is not a phone number"),
        "21265": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is a short code"),
        "21266": Code(Action.REFUSE, Detail.REQUEST, "sender and recipient are the same"),
        "21408": Code(Action.REFUSE, Detail.REGION, "the recipient's country is not enabled"),
        "21602": Code(Action.REFUSE, Detail.CONTENT, "the text is missing"),
        "21606": Code(Action.REFUSE, Detail.SENDER, "the sender cannot text this recipient"),
        "21608": Code(Action.REFUSE, Detail.ACCOUNT, "a trial account texts verified numbers only"),
        "21609": Code(
            Action.STOP, Detail.REQUEST, "it does not accept the connector's callback URL"
        ),
        "21610": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
        "21611": Code(Action.THROTTLE, Detail.RATE, "the sender's queue is full"),
        "21612": Code(Action.REFUSE, Detail.OPERATOR, "the recipient cannot be reached this way"),
        "21614": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a mobile number"),
        "21617": Code(Action.REFUSE, Detail.CONTENT, "the text is longer than 1,600 characters"),
        "21635": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is a landline"),
        "21659": Code(Action.REFUSE, Detail.SENDER, "the sender is not a Twilio number"),
        "21660": Code(Action.REFUSE, Detail.SENDER, "the sender belongs to another account"),
        "21661": Code(Action.REFUSE, Detail.SENDER, "the sender cannot send SMS"),
        "21703": Code(Action.STOP, Detail.SENDER, "the Messaging Service has no sender"),
        "30001": Code(Action.RETRY, Detail.RATE, "the queue overflowed"),
        "30002": Code(Action.STOP, Detail.ACCOUNT, "the account is suspended"),
        "30003": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"),
        "30004": Code(Action.REFUSE, Detail.OPERATOR, "the message is blocked"),
        "30005": Code(Action.REFUSE, Detail.DESTINATION, "the handset is unknown"),
        "30006": Code(Action.REFUSE, Detail.DESTINATION, "a landline or an unreachable carrier"),
        "30007": Code(Action.REFUSE, Detail.SPAM, "the message was filtered"),
        "30008": Code(Action.RETRY, Detail.UNKNOWN, "unknown error"),
        "30017": Code(Action.RETRY, Detail.RATE, "the recipient's network is congested"),
        "30022": Code(Action.THROTTLE, Detail.RATE, "the rate of the US campaign is exceeded"),
        "30023": Code(Action.RETRY, Detail.RATE, "the day's quota of the US brand is used up"),
        "30024": Code(Action.REFUSE, Detail.SENDER, "the sender is not provisioned"),
        "30032": Code(Action.REFUSE, Detail.SENDER, "the toll-free sender is not verified"),
        "30034": Code(Action.REFUSE, Detail.SENDER, "the sender is not registered for US A2P"),
        "30036": Code(Action.REFUSE, Detail.EXPIRED, "the validity period is over"),
    },
    ranges=(
        (range(20000, 21000), Code(Action.REFUSE, Detail.REQUEST, "an error in the request")),
        (range(21000, 22000), Code(Action.REFUSE, Detail.REQUEST, "an error in the request")),
        (range(30000, 31000), Code(Action.REFUSE, Detail.UNKNOWN, "not delivered")),
    ),
)
