"""Infobip's statuses and errors by their names, as far as they apply to SMS.

https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes

The numbers of the two overlap, the names do not. Statuses answer a submit, and come with a receipt
as well; errors, which begin with `EC_`, only come with a receipt and say more than its status. The
last rows are groups of statuses, for names that are not in the table.
"""

from typing import Final

from sendrail.carriers.details import Detail
from sendrail.carriers.http.codes import Action, Code, Codes

NO_ERROR: Final = "NO_ERROR"
# Not in the table, because it is no error: with our ids, the same message was accepted before.
DUPLICATE: Final = "REJECTED_DUPLICATE_MESSAGE_ID"
# Not in the table either: the operator has the message, but confirms no delivery to a handset.
DELIVERED_BY_NAME: Final = {"DELIVERED_TO_OPERATOR": Detail.DELIVERED_TO_OPERATOR}

_STATUSES: Final = {
    "REJECTED_NETWORK": Code(Action.REFUSE, Detail.REGION, "the network is not covered"),
    "REJECTED_PREFIX_MISSING": Code(
        Action.REFUSE, Detail.DESTINATION, "the recipient's prefix or length is wrong"
    ),
    "REJECTED_DND": Code(
        Action.REFUSE, Detail.OPTED_OUT, "the recipient is on a do-not-disturb list"
    ),
    "REJECTED_SOURCE": Code(Action.REFUSE, Detail.SENDER, "the sender is not registered"),
    "REJECTED_ABSENT_SUBSCRIBER": Code(
        Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"
    ),
    "REJECTED_OPERATOR": Code(Action.REFUSE, Detail.OPERATOR, "the operator would not take it"),
    "REJECTED_DUPLICATE": Code(
        Action.REFUSE, Detail.DUPLICATE, "the recipient was sent the same before"
    ),
    "REJECTED_SPAM": Code(Action.REFUSE, Detail.SPAM, "filtered as spam"),
    "REJECTED_NOT_ENOUGH_CREDITS": Code(Action.STOP, Detail.CREDIT, "the account has no credit"),
    "REJECTED_SENDER": Code(
        Action.REFUSE, Detail.SENDER, "the sender is on the account's blocklist"
    ),
    "REJECTED_DESTINATION_BLOCKLISTED": Code(
        Action.REFUSE, Detail.OPTED_OUT, "the recipient is on a blocklist"
    ),
    "REJECTED_PREPAID_PACKAGE_EXPIRED": Code(
        Action.STOP, Detail.CREDIT, "the account's credit is past its validity"
    ),
    "REJECTED_DESTINATION_NOT_REGISTERED": Code(
        Action.REFUSE, Detail.ACCOUNT, "a trial account texts its own number only"
    ),
    "REJECTED_ROUTE_NOT_AVAILABLE": Code(
        Action.REFUSE, Detail.REGION, "the account has no route for it"
    ),
    "REJECTED_FLOODING_FILTER": Code(
        Action.REFUSE, Detail.RATE, "too many for this recipient in an hour"
    ),
    "REJECTED_SYSTEM_ERROR": Code(Action.RETRY, Detail.SYSTEM, "internal error"),
    "REJECTED_INVALID_UDH": Code(Action.REFUSE, Detail.REQUEST, "its user data header is wrong"),
    "REJECTED_MESSAGE_TOO_LONG": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
    "MISSING_TO": Code(Action.REFUSE, Detail.REQUEST, "the recipient is missing"),
    "REJECTED_DESTINATION": Code(
        Action.REFUSE, Detail.DESTINATION, "the recipient is not a valid number"
    ),
    "REJECTED_INVALID_DESTINATION": Code(
        Action.REFUSE, Detail.DESTINATION, "the recipient is not a valid number"
    ),
    "REJECTED_INVALID_NOTIFY_URL": Code(
        Action.STOP, Detail.REQUEST, "it does not accept the connector's callback URL"
    ),
    "SIGNALS_BLOCKED": Code(Action.REFUSE, Detail.SPAM, "stopped as fraud"),
    "UNDELIVERABLE_REJECTED_PLATFORM": Code(
        Action.RETRY, Detail.SYSTEM, "the request is invalid or the service away"
    ),
    "UNDELIVERABLE_REJECTED_OPERATOR": Code(
        Action.REFUSE, Detail.OPERATOR, "the operator would not take it"
    ),
}

_ERRORS: Final = {
    "EC_UNKNOWN_SUBSCRIBER": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is unknown"),
    "EC_UNIDENTIFIED_SUBSCRIBER": Code(
        Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the recipient was not identified"
    ),
    "EC_ABSENT_SUBSCRIBER_SM": Code(
        Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"
    ),
    "EC_ABSENT_SUBSCRIBER": Code(
        Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is unreachable"
    ),
    "EC_ROAMING_NOT_ALLOWED": Code(Action.REFUSE, Detail.OPERATOR, "the recipient is roaming"),
    "EC_ILLEGAL_SUBSCRIBER": Code(
        Action.REFUSE, Detail.DESTINATION, "the operator does not serve the recipient"
    ),
    "EC_TELESERVICE_NOT_PROVISIONED": Code(
        Action.REFUSE, Detail.DESTINATION, "the recipient's contract does not include SMS"
    ),
    "EC_ILLEGAL_EQUIPMENT": Code(Action.REFUSE, Detail.OPERATOR, "the handset is not allowed"),
    "EC_CALL_BARRED": Code(Action.REFUSE, Detail.OPERATOR, "the recipient's service is suspended"),
    "EC_SUBSCRIBER_BUSY_FOR_MT_SMS": Code(
        Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset is busy"
    ),
    "EC_SM_DELIVERY_FAILURE": Code(Action.REFUSE, Detail.OPERATOR, "the delivery failed"),
    "EC_SM_DF_MEMORYCAPACITYEXCEEDED": Code(
        Action.REFUSE, Detail.ABSENT_SUBSCRIBER, "the handset's memory is full"
    ),
    "EC_USER_OUT_OF_CREDIT": Code(Action.REFUSE, Detail.OPERATOR, "the recipient has no credit"),
    "EC_DEST_ADDRESS_UNABLE_TO_RECEIVE_SMS": Code(
        Action.REFUSE, Detail.DESTINATION, "the recipient cannot get an SMS"
    ),
    "EC_DESTINATION_NOT_SMS_PROVISIONED": Code(
        Action.REFUSE, Detail.DESTINATION, "the recipient cannot get an SMS"
    ),
    "EC_INVALID_DESTINATION_ADDRESS": Code(
        Action.REFUSE, Detail.OPERATOR, "the operator does not reach the recipient"
    ),
    "EC_DEACTIVATED_LIST": Code(Action.REFUSE, Detail.DESTINATION, "the recipient is deactivated"),
    "EC_CONTENT_BLOCKED": Code(Action.REFUSE, Detail.OPTED_OUT, "the recipient has opted out"),
    "EC_SC_BLOCKED_BY_END_USER": Code(
        Action.REFUSE, Detail.OPTED_OUT, "the recipient has blocked the sender"
    ),
    "EC_BLACKLISTED_DESTINATIONADDRESS": Code(
        Action.REFUSE, Detail.OPTED_OUT, "the recipient is on a blocklist"
    ),
    "EC_DEST_ADDRESS_BLACKLISTED": Code(
        Action.REFUSE, Detail.OPTED_OUT, "the recipient is on a blocklist"
    ),
    "EC_BLACKLISTED_SENDERADDRESS": Code(
        Action.REFUSE, Detail.SENDER, "the sender is on a blocklist"
    ),
    "EC_IMSI_BLACKLISTED": Code(Action.REFUSE, Detail.OPERATOR, "the SIM card is on a blocklist"),
    "EC_REJECTED_SPAM_BY_OPERATOR": Code(Action.REFUSE, Detail.SPAM, "filtered as spam"),
    "EC_SIGNALS_BLOCKED": Code(Action.REFUSE, Detail.SPAM, "stopped as fraud"),
    "EC_CONTENT_BLOCKED_BY_OPERATOR": Code(
        Action.REFUSE, Detail.OPERATOR, "the operator blocks the content"
    ),
    "EC_BLOCKED_BY_CAMPAIGN_BLACKLIST": Code(
        Action.REFUSE, Detail.CONTENT, "the campaign's blocklist stops it"
    ),
    "EC_LIMIT_REACHED": Code(Action.REFUSE, Detail.RATE, "the rate of the US campaign is exceeded"),
    "EC_QUOTA_REACHED": Code(
        Action.REFUSE, Detail.RATE, "the day's quota of the US brand is used up"
    ),
    "EC_10DLC_LIMIT_REACHED": Code(Action.REFUSE, Detail.RATE, "the operator's limit is reached"),
    "EC_DESTINATION_FLOODING": Code(
        Action.REFUSE, Detail.RATE, "too many for this recipient in an hour"
    ),
    "EC_DESTINATION_TXT_FLOODING": Code(
        Action.REFUSE, Detail.RATE, "too many of this text for this recipient"
    ),
    "EC_MONTHLY_LIMIT_REACHED": Code(
        Action.REFUSE, Detail.CREDIT, "the account's limit of the month is reached"
    ),
    "EC_INVALID_SOURCE_ADDRESS": Code(Action.REFUSE, Detail.SENDER, "the sender is not supported"),
    "EC_SOURCE_ADDRESS_IS_BLOCKED": Code(Action.REFUSE, Detail.SENDER, "the sender is blocked"),
    "EC_TF_NUMBER_NOT_VERIFIED": Code(
        Action.REFUSE, Detail.SENDER, "the toll-free sender is not verified"
    ),
    "EC_CAMPAIGNID_NOT_PROVISIONED": Code(
        Action.REFUSE, Detail.SENDER, "the sender's campaign is not active"
    ),
    "EC_MSG_TEXT_TOO_LONG": Code(Action.REFUSE, Detail.CONTENT, "the text is too long"),
    "EC_MESSAGE_CANCELED": Code(Action.REFUSE, Detail.EXPIRED, "the validity period is over"),
    "EC_VALIDITY_EXPIRED": Code(Action.REFUSE, Detail.EXPIRED, "the validity period is over"),
}

GROUPS: Final = {
    "EXPIRED": Code(Action.REFUSE, Detail.EXPIRED, "the validity period is over"),
    "UNDELIVERABLE": Code(Action.REFUSE, Detail.UNKNOWN, "not delivered"),
    "REJECTED": Code(Action.REFUSE, Detail.UNKNOWN, "not taken"),
}

CODES: Final = Codes("Infobip", {**_STATUSES, **_ERRORS, **GROUPS})
