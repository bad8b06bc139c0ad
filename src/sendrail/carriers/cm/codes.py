"""CM.com's error codes: from 100 on they answer a submit, below they come with a status report.

https://developers.cm.com/messaging/docs/responses-errors-json
https://developers.cm.com/messaging/docs/incoming-status-report#standard-errors
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

CODES: Final = Codes(
    "CM.com",
    {
        "5": Code(Action.REFUSE, Detail.UNKNOWN, "not delivered, without a reason"),
        "7": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no credit"),
        "8": Code(Action.REFUSE, Detail.EXPIRED, "the validity period is over"),
        "20": Code(Action.REFUSE, Detail.CONTENT, "it cannot be delivered in this form"),
        "21": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no credit"),
        "22": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no credit"),
        "23": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is invalid or barred"),
        "24": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"),
        "25": Code(Action.REFUSE, Detail.OPERATOR, "the operator's network is out of order"),
        "26": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is busy or full"),
        "27": Code(Action.REFUSE, Detail.DESTINATION, "the handset cannot get such messages"),
        "28": Code(Action.REFUSE, Detail.SPAM, "the operator takes it for spam"),
        "29": Code(Action.REFUSE, Detail.CONTENT, "the operator does not allow the content"),
        "30": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's spending limit is reached"),
        "31": Code(Action.REFUSE, Detail.OPERATOR, "the recipient cannot be billed"),
        "33": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has a parental lock"),
        "34": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's age is too low"),
        "35": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's age is not known"),
        "36": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's age could not be asked for"),
        "37": Code(Action.REFUSE, Detail.OPERATOR, "the recipient is on a national list"),
        "101": Code(Action.STOP, Detail.ACCOUNT, "the product token is not known"),
        "102": Code(Action.STOP, Detail.CREDIT, "the account has no credit"),
        "103": Code(Action.STOP, Detail.ACCOUNT, "the product token is wrong"),
        "202": Code(Action.REFUSE, Detail.REQUEST, "the request is malformed"),
        "203": Code(Action.REFUSE, Detail.REQUEST, "the request's messages are malformed"),
        "301": Code(Action.REFUSE, Detail.SENDER, "the sender is invalid"),
        "302": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is invalid"),
        "303": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a phone number"),
        "304": Code(Action.REFUSE, Detail.CONTENT, "the text is missing or invalid"),
        "305": Code(Action.REFUSE, Detail.REQUEST, "a field is invalid"),
        "307": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
        "401": Code(Action.REFUSE, Detail.SPAM, "the message was filtered as spam"),
        "402": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient is on a blocklist"),
        "403": Code(Action.REFUSE, Detail.UNKNOWN, "the message was rejected"),
        "500": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
        "999": Code(Action.RETRY, Detail.SYSTEM, "unknown error"),
    },
    ranges=(
        (range(200, 400), Code(Action.REFUSE, Detail.REQUEST, "an error in the request")),
        (range(400, 500), Code(Action.REFUSE, Detail.UNKNOWN, "not taken")),
        (range(500, 600), Code(Action.RETRY, Detail.SYSTEM, "out of order")),
    ),
)
