"""Vonage's codes: the status of an answer, and the `err-code` of a delivery receipt.

https://developer.vonage.com/en/api-errors/sms
https://api.support.vonage.com/hc/en-us/articles/204014733
https://developer.vonage.com/en/api-errors/messages

Both count from 1 but differ in meaning, so those of receipts have the prefix `err-code` here. The
Messages API has codes of its own, from 1000 on, for both.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

OK: Final = "0"

CODES: Final = Codes(
    "Vonage",
    {
        "1": Code(Action.THROTTLE, Detail.RATE, "too many requests"),
        "2": Code(Action.REFUSE, Detail.REQUEST, "a field is missing"),
        "3": Code(Action.REFUSE, Detail.REQUEST, "a field is invalid"),
        "4": Code(Action.STOP, Detail.ACCOUNT, "the credentials are wrong"),
        "5": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
        "6": Code(Action.REFUSE, Detail.REQUEST, "the message could not be processed"),
        "7": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient is barred"),
        "8": Code(Action.STOP, Detail.ACCOUNT, "the account is suspended"),
        "9": Code(Action.STOP, Detail.CREDIT, "the account has no credit"),
        "10": Code(Action.THROTTLE, Detail.RATE, "too many connections"),
        "11": Code(Action.STOP, Detail.ACCOUNT, "the account may not use the SMS API"),
        "12": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
        "14": Code(Action.STOP, Detail.ACCOUNT, "the account requires signed requests"),
        "15": Code(Action.REFUSE, Detail.SENDER, "the sender is not allowed"),
        "22": Code(Action.REFUSE, Detail.REQUEST, "the network code is invalid"),
        "23": Code(Action.STOP, Detail.REQUEST, "it does not accept the connector's callback URL"),
        "29": Code(Action.REFUSE, Detail.ACCOUNT, "a trial account texts listed numbers only"),
        "32": Code(Action.STOP, Detail.ACCOUNT, "a signature and a secret exclude each other"),
        "33": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is deactivated"),
        "1000": Code(Action.THROTTLE, Detail.RATE, "too many requests"),
        "1010": Code(Action.REFUSE, Detail.REQUEST, "a field is missing"),
        "1020": Code(Action.REFUSE, Detail.REQUEST, "a field is invalid"),
        "1030": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
        "1040": Code(Action.REFUSE, Detail.REQUEST, "the message could not be processed"),
        "1050": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient is barred"),
        "1060": Code(Action.STOP, Detail.ACCOUNT, "the account is suspended"),
        "1070": Code(Action.STOP, Detail.CREDIT, "the account has no credit"),
        "1080": Code(Action.STOP, Detail.ACCOUNT, "the account may not use this API"),
        "1090": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
        "1100": Code(Action.RETRY, Detail.SYSTEM, "the communication failed"),
        "1120": Code(Action.REFUSE, Detail.SENDER, "the sender is not allowed"),
        "1130": Code(Action.REFUSE, Detail.REQUEST, "the validity is invalid"),
        "1140": Code(Action.REFUSE, Detail.ACCOUNT, "the account may not do this"),
        "1160": Code(Action.REFUSE, Detail.ACCOUNT, "a trial account texts listed numbers only"),
        "1170": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a phone number"),
        "1180": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"),
        "1190": Code(Action.REFUSE, Detail.DESTINATION, "the number is no longer active"),
        "1200": Code(Action.REFUSE, Detail.OPERATOR, "the number's operator is not known"),
        "1210": Code(Action.REFUSE, Detail.SPAM, "the message was filtered"),
        "1220": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is busy"),
        "1230": Code(Action.REFUSE, Detail.OPERATOR, "the network is out of order"),
        "1240": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient does not want messages"),
        "1250": Code(Action.REFUSE, Detail.OPERATOR, "there is no route"),
        "1260": Code(Action.REFUSE, Detail.DESTINATION, "there is no route to the number"),
        "1270": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's age is too low"),
        "1280": Code(Action.REFUSE, Detail.OPERATOR, "the operator blocks the number"),
        "1290": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no credit"),
        "err-code 1": Code(Action.REFUSE, Detail.UNKNOWN, "not delivered, without a reason"),
        "err-code 2": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"),
        "err-code 3": Code(Action.REFUSE, Detail.DESTINATION, "the number is no longer active"),
        "err-code 4": Code(Action.REFUSE, Detail.DESTINATION, "the recipient has barred messages"),
        "err-code 5": Code(Action.REFUSE, Detail.OPERATOR, "the number's operator is not known"),
        "err-code 6": Code(Action.REFUSE, Detail.SPAM, "the message was filtered"),
        "err-code 7": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is busy"),
        "err-code 8": Code(Action.REFUSE, Detail.OPERATOR, "the network is out of order"),
        "err-code 9": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient does not want messages"),
        "err-code 10": Code(Action.REFUSE, Detail.REQUEST, "a field of the message is wrong"),
        "err-code 11": Code(Action.REFUSE, Detail.OPERATOR, "there is no route"),
        "err-code 12": Code(Action.REFUSE, Detail.DESTINATION, "there is no route to the number"),
        "err-code 13": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's age is too low"),
        "err-code 14": Code(Action.REFUSE, Detail.OPERATOR, "the operator blocks the number"),
        "err-code 15": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no credit"),
        "err-code 99": Code(Action.REFUSE, Detail.UNKNOWN, "general error"),
    },
    ranges=(
        (range(1, 1_000), Code(Action.REFUSE, Detail.UNKNOWN, "not taken")),
        (range(1_000, 2_000), Code(Action.REFUSE, Detail.UNKNOWN, "not taken or not delivered")),
    ),
)


def of_receipt(code: str | None) -> str | None:
    """Return the table's key for the code of a delivery receipt, or None without a code."""
    return f"err-code {code}" if code and code != OK else None
