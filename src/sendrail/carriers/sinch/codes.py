"""Sinch's error codes.

https://developers.sinch.com/docs/sms/api-reference/status-codes
https://developers.sinch.com/docs/sms/api-reference/sms/delivery-reports/delivery-report-error-codes

https://developers.sinch.com/docs/sms/smpp/error-codes

A submit is answered with words; delivery reports have numbers: from 400 on the REST API's own,
below those of the networks behind it.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

CODES: Final = Codes(
    "Sinch",
    {
        "HTTP 404": Code(Action.STOP, Detail.ACCOUNT, "the service plan does not exist"),
        "blocked_account": Code(Action.STOP, Detail.ACCOUNT, "the account is blocked"),
        "missing_callback_url": Code(Action.STOP, Detail.REQUEST, "the plan has no callback URL"),
        "illegal_number_type": Code(
            Action.REFUSE, Detail.OPERATOR, "the recipient cannot be reached this way"
        ),
        "syntax_constraint_violation": Code(
            Action.REFUSE, Detail.REQUEST, "a value breaks a rule of the API"
        ),
        "syntax_invalid_json": Code(Action.REFUSE, Detail.REQUEST, "the request is not JSON"),
        "syntax_invalid_parameter_format": Code(
            Action.REFUSE, Detail.REQUEST, "a value, such as a number, has a wrong form"
        ),
        "15": Code(Action.REFUSE, Detail.SPAM, "the message was filtered"),
        "60": Code(Action.REFUSE, Detail.SENDER, "the sender, or its US campaign, is blocked"),
        "61": Code(Action.REFUSE, Detail.OPERATOR, "the recipient is blocked"),
        "62": Code(Action.REFUSE, Detail.SPAM, "the message was filtered for a word in it"),
        "64": Code(Action.RETRY, Detail.RATE, "the sender's quota is used up"),
        "100": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is unknown"),
        "150": Code(Action.REFUSE, Detail.DESTINATION, "the recipient's number does not exist"),
        "151": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's line is barred"),
        "152": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's line does not support SMS"),
        "153": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the recipient is absent"),
        "158": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the handset is full"),
        "159": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the handset is not reached"),
        "201": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the handset is switched off"),
        "202": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the handset does not answer"),
        "203": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the handset is busy"),
        "210": Code(Action.RETRY, Detail.ABSENT_SUBSCRIBER, "the handset is full"),
        "257": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
        "300": Code(Action.REFUSE, Detail.DESTINATION, "the recipient's number is not valid"),
        "310": Code(Action.REFUSE, Detail.SENDER, "the sender's number is not valid"),
        "321": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's carrier rejects it"),
        "349": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's carrier did not take it"),
        "402": Code(Action.REFUSE, Detail.OPERATOR, "there is no route"),
        "403": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
        "404": Code(Action.RETRY, Detail.OPERATOR, "not delivered, for the time being"),
        "405": Code(Action.REFUSE, Detail.CONTENT, "the text has a ${parameter} without a value"),
        "406": Code(Action.REFUSE, Detail.EXPIRED, "it expired in the queue"),
        "407": Code(Action.REFUSE, Detail.CANCELLED, "it was cancelled"),
        "408": Code(Action.REFUSE, Detail.OPERATOR, "it was rejected"),
        "409": Code(Action.REFUSE, Detail.ACCOUNT, "it costs more than the account allows"),
        "410": Code(Action.REFUSE, Detail.SENDER, "there is no sender for this recipient"),
        "411": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
        "412": Code(Action.REFUSE, Detail.REGION, "the recipient's country is not enabled"),
        # Not caused by the recipient: without credit, all messages of the account get it.
        "413": Code(Action.STOP, Detail.ACCOUNT, "the account is blocked, or has no credit"),
    },
    ranges=(
        (range(40, 60), Code(Action.RETRY, Detail.SYSTEM, "internal error")),
        (range(100, 250), Code(Action.REFUSE, Detail.OPERATOR, "a fault in the network")),
        (range(1, 1000), Code(Action.REFUSE, Detail.UNKNOWN, "not delivered")),
    ),
)
