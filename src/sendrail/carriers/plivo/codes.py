"""Plivo's error codes (https://docs.plivo.com/docs/messaging/troubleshooting/error-codes).

They come with a status callback only. A submit is answered with an HTTP status and a sentence; two
of these statuses have a special meaning at Plivo, and are in the table as well.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

CODES: Final = Codes(
    "Plivo",
    {
        # Plivo's own SDKs give the status only this meaning for a submit.
        "HTTP 403": Code(Action.REFUSE, Detail.REGION, "the recipient's country is not enabled"),
        "HTTP 404": Code(Action.STOP, Detail.ACCOUNT, "the account does not exist"),
        "10": Code(Action.REFUSE, Detail.CONTENT, "the message is not valid"),
        "20": Code(Action.RETRY, Detail.SYSTEM, "the carrier's network failed"),
        "30": Code(Action.REFUSE, Detail.SPAM, "the message was filtered"),
        "40": Code(Action.REFUSE, Detail.SENDER, "the sender's number is not valid"),
        "50": Code(Action.REFUSE, Detail.DESTINATION, "the recipient's number is not valid"),
        "60": Code(Action.REFUSE, Detail.SYSTEM, "it went round in a loop"),
        "70": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is unavailable for good"),
        "80": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the recipient is unavailable"),
        "90": Code(Action.REFUSE, Detail.OPERATOR, "there is no route"),
        "100": Code(Action.REFUSE, Detail.OPERATOR, "the carrier forbids it"),
        "110": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
        "200": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
        "201": Code(Action.REFUSE, Detail.SENDER, "a US toll-free sender cannot text Canada"),
        "300": Code(Action.RETRY, Detail.SYSTEM, "it was not dispatched"),
        "420": Code(Action.REFUSE, Detail.EXPIRED, "it expired"),
        "450": Code(Action.REFUSE, Detail.REGION, "the recipient's country is not enabled"),
        "900": Code(Action.STOP, Detail.CREDIT, "the account has no credit"),
        "910": Code(Action.STOP, Detail.ACCOUNT, "the account is disabled"),
        "1000": Code(Action.RETRY, Detail.UNKNOWN, "unknown error"),
    },
    ranges=(
        (range(1, 900), Code(Action.REFUSE, Detail.UNKNOWN, "not delivered")),
        (range(900, 1000), Code(Action.REFUSE, Detail.ACCOUNT, "the account may not do this")),
    ),
)
