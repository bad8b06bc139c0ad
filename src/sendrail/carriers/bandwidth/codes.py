"""Bandwidth's error codes (https://dev.bandwidth.com/docs/messaging/errors).

A submit is refused by HTTP status, with the name of the field that is wrong. Numeric codes come
only with a `message-failed` event; the second digit shows which party refused: below 4700, and from
5000 to 5599, Bandwidth itself, else a carrier behind it.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

CODES: Final = Codes(
    "Bandwidth",
    {
        "applicationId": Code(Action.STOP, Detail.ACCOUNT, "the application does not exist"),
        "from": Code(Action.REFUSE, Detail.SENDER, "it would not take the sender"),
        "text": Code(Action.REFUSE, Detail.CONTENT, "it would not take the text"),
        "4001": Code(Action.REFUSE, Detail.ACCOUNT, "the account may not do this"),
        "4301": Code(Action.REFUSE, Detail.CONTENT, "the text is not well encoded"),
        "4302": Code(Action.REFUSE, Detail.SENDER, "the sender is not a phone number"),
        "4303": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a phone number"),
        "4360": Code(Action.REFUSE, Detail.EXPIRED, "its time was over before it was sent"),
        "4403": Code(Action.REFUSE, Detail.SENDER, "the sender may not be used"),
        "4404": Code(Action.REFUSE, Detail.OPERATOR, "the recipient may not be texted"),
        "4405": Code(Action.REFUSE, Detail.SENDER, "the sender's number is not assigned"),
        "4406": Code(Action.REFUSE, Detail.DESTINATION, "the recipient's number is not assigned"),
        "4407": Code(Action.REFUSE, Detail.SENDER, "the sender belongs to no account"),
        "4408": Code(Action.REFUSE, Detail.OPERATOR, "the recipient belongs to no account"),
        "4409": Code(Action.REFUSE, Detail.SENDER, "the sender's profile is wrong"),
        "4411": Code(Action.REFUSE, Detail.CONTENT, "the message is too large"),
        "4420": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's carrier is not known"),
        "4421": Code(Action.REFUSE, Detail.OPERATOR, "no way leads to the recipient"),
        "4431": Code(Action.REFUSE, Detail.SENDER, "the short code may not send this way"),
        "4432": Code(Action.REFUSE, Detail.REGION, "the recipient's country is not enabled"),
        "4433": Code(Action.REFUSE, Detail.SENDER, "the toll-free number may not send"),
        "4434": Code(
            Action.REFUSE, Detail.OPERATOR, "the recipient cannot receive from toll-free numbers"
        ),
        "4451": Code(Action.REFUSE, Detail.ACCOUNT, "the user is not the account's"),
        "4452": Code(Action.REFUSE, Detail.ACCOUNT, "the application is not the sender's"),
        "4470": Code(Action.REFUSE, Detail.SPAM, "filtered by Bandwidth"),
        "4475": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
        "4476": Code(Action.REFUSE, Detail.SENDER, "the sender is not registered"),
        "4481": Code(Action.REFUSE, Detail.SENDER, "the sender is blocked"),
        "4482": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient is on a block list"),
        "4493": Code(Action.REFUSE, Detail.ACCOUNT, "the account may not do this"),
        "4701": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no SMS service"),
        "4702": Code(Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"),
        "4720": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is not a valid number"),
        "4721": Code(Action.REFUSE, Detail.DESTINATION, "the recipient's number is deactivated"),
        "4730": Code(Action.REFUSE, Detail.OPERATOR, "no way leads to the recipient's carrier"),
        "4740": Code(Action.REFUSE, Detail.SENDER, "the carrier does not take the sender"),
        "4750": Code(Action.REFUSE, Detail.OPERATOR, "refused by the carrier without a reason"),
        "4751": Code(Action.REFUSE, Detail.CONTENT, "too long for the carrier"),
        "4752": Code(Action.REFUSE, Detail.CONTENT, "malformed for the carrier"),
        "4753": Code(Action.REFUSE, Detail.OPERATOR, "refused by the handset"),
        "4770": Code(Action.REFUSE, Detail.SPAM, "filtered by the carrier"),
        # Caused by a link in the text, not by the recipient.
        "4771": Code(Action.REFUSE, Detail.CONTENT, "a public link shortener is in the text"),
        "4772": Code(Action.REFUSE, Detail.OPERATOR, "sender or recipient is blocked"),
        "4773": Code(Action.REFUSE, Detail.SENDER, "the sender's campaign is not active"),
        "4774": Code(Action.REFUSE, Detail.SENDER, "the sender is not provisioned"),
        "4775": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
        "4780": Code(Action.REFUSE, Detail.RATE, "T-Mobile's volume for the day is used up"),
        "4781": Code(Action.REFUSE, Detail.RATE, "AT&T's rate for the campaign is exceeded"),
        "4785": Code(Action.REFUSE, Detail.RATE, "too many at once"),
        "4790": Code(Action.REFUSE, Detail.SENDER, "the short code may not send there"),
        "4791": Code(Action.REFUSE, Detail.SENDER, "the campaign may not send there"),
        "4792": Code(Action.REFUSE, Detail.SENDER, "the short code is not provisioned there"),
        "4793": Code(Action.REFUSE, Detail.SENDER, "the short code has expired"),
        "4794": Code(Action.REFUSE, Detail.EXPIRED, "its time was over at the carrier"),
        "4795": Code(Action.REFUSE, Detail.SENDER, "the toll-free number is not verified"),
        "5600": Code(Action.RETRY, Detail.RATE, "the carrier's queue is full"),
        "9902": Code(Action.REFUSE, Detail.UNKNOWN, "no receipt came from the carrier in time"),
    },
    ranges=(
        (range(4000, 4700), Code(Action.REFUSE, Detail.REQUEST, "refused by Bandwidth")),
        (range(4700, 5000), Code(Action.REFUSE, Detail.UNKNOWN, "refused by the carrier")),
        (range(5000, 6000), Code(Action.RETRY, Detail.SYSTEM, "out of order")),
        (range(9000, 10000), Code(Action.REFUSE, Detail.UNKNOWN, "the carrier did not say")),
    ),
)
