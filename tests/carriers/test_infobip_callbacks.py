"""Infobip as tables: what its callbacks say."""

import pytest
from fake_infobip import KEY, callback, incoming, report
from http_suite import gist

from sendrail.carriers.infobip.carrier import InfobipCarrier
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply

TOKEN = "a-token-of-callbacks"
HEARD = f"https://sms.example.com/callbacks/k3?token={TOKEN}"
# Ours, and a digest of what the message says.
REF = "x7y8z9w0-0123abcd"


def make(settings=()):
    chosen = {"api_key": KEY, "callback_token": TOKEN, **dict(settings)}
    return InfobipCarrier(chosen, ConnectorContext())


def heard(results, settings=()):
    carrier = make(settings)
    answer = carrier.read_callback(callback(HEARD, results))
    assert answer.status == 200
    [raw] = answer.raws
    return carrier.parse(raw)


RECEIPTS = [
    ("PENDING_ENROUTE", "NO_ERROR", None, "PENDING_ENROUTE", None),
    ("DELIVERED_TO_HANDSET", "NO_ERROR", Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("DELIVERED_TO_OPERATOR", "NO_ERROR", Status.DELIVERED, "DELIVERED_TO_OPERATOR", None),
    (
        "UNDELIVERABLE_NOT_DELIVERED",
        "EC_ABSENT_SUBSCRIBER",
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (EC_ABSENT_SUBSCRIBER)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    (
        "UNDELIVERABLE_NOT_DELIVERED",
        "EC_UNKNOWN_SUBSCRIBER",
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (EC_UNKNOWN_SUBSCRIBER)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        # It is spelled in two ways.
        "UNDELIVERABLE_NOT_DELIVERED",
        "EC_SM_DF_memoryCapacityExceeded",
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (EC_SM_DF_MEMORYCAPACITYEXCEEDED)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    (
        "UNDELIVERABLE_REJECTED_OPERATOR",
        "EC_REJECTED_SPAM_BY_OPERATOR",
        Status.UNDELIVERED,
        "REJECTED_SPAM (EC_REJECTED_SPAM_BY_OPERATOR)",
        RecipientTrouble.SPAM,
    ),
    (
        "UNDELIVERABLE_REJECTED_OPERATOR",
        "EC_CONTENT_BLOCKED",
        Status.UNDELIVERED,
        "REJECTED_OPTED_OUT (EC_CONTENT_BLOCKED)",
        RecipientTrouble.OPTED_OUT,
    ),
    (
        "UNDELIVERABLE_REJECTED_OPERATOR",
        "NO_ERROR",
        Status.UNDELIVERED,
        "REJECTED_OPERATOR (UNDELIVERABLE_REJECTED_OPERATOR)",
        RecipientTrouble.OPERATOR,
    ),
    (
        "UNDELIVERABLE_REJECTED_OPERATOR",
        "EC_A_NEW_ERROR",
        Status.UNDELIVERED,
        "REJECTED_OPERATOR (UNDELIVERABLE_REJECTED_OPERATOR)",
        RecipientTrouble.OPERATOR,
    ),
    (
        "UNDELIVERABLE_NOT_DELIVERED",
        "EC_A_NEW_ERROR",
        Status.UNDELIVERED,
        "REJECTED_UNKNOWN_REASON (EC_A_NEW_ERROR)",
        None,
    ),
    ("EXPIRED_EXPIRED", "NO_ERROR", Status.UNDELIVERED, "EXPIRED (EXPIRED_EXPIRED)", None),
    (
        "REJECTED_DESTINATION_BLOCKLISTED",
        "NO_ERROR",
        Status.FAILED,
        "REJECTED_OPTED_OUT (REJECTED_DESTINATION_BLOCKLISTED)",
        RecipientTrouble.OPTED_OUT,
    ),
]


@pytest.mark.parametrize(("name", "error", "status_", "detail", "trouble"), RECEIPTS)
def test_a_report_becomes_a_receipt(name, error, status_, detail, trouble):
    assert heard([report(REF, name, error)]) == [
        Receipt(
            carrier_ref=REF, status=status_, detail=detail, message_id="x7y8z9w0", trouble=trouble
        )
    ]


def test_a_callback_brings_many_of_both_kinds():
    refs = [f"m{at:07}-00000000" for at in range(100)]
    told = heard([*(report(ref, "DELIVERED_TO_HANDSET") for ref in refs), incoming("Hi")])
    assert [each.carrier_ref for each in told[:-1]] == refs
    assert told[-1].body == "Hi"


@pytest.mark.parametrize("ref", ["2250be2d4219-3af1-78856-aabe-1362af1edfd2", "x7y8z9w0"])
def test_a_receipt_for_somebody_elses_message_names_none_of_ours(ref):
    [receipt] = heard([report(ref, "DELIVERED_TO_HANDSET")])
    assert (receipt.carrier_ref, receipt.message_id) == (ref, None)


def test_the_report_on_a_refused_copy_does_not_fail_the_message_that_was_taken():
    assert gist(heard([report(REF, "REJECTED_DUPLICATE_MESSAGE_ID")])) == ["other_event"]


def test_a_status_of_no_known_group_is_no_receipt():
    assert gist(heard([report(REF, "A_NEW_STATUS")])) == ["no receipt"]


KEYWORDS = {"answered_keywords": ["stop", "HELP"]}


@pytest.mark.parametrize(
    ("settings", "text", "answered"),
    [
        ({}, "Thanks, see you at 8 😊", False),
        ({}, "STOP", False),
        ({}, "", False),
        (KEYWORDS, " Stop\n", True),
        (KEYWORDS, "help", True),
        (KEYWORDS, "STOP PLEASE", False),
    ],
)
def test_an_incoming_text_becomes_a_reply(settings, text, answered):
    given = incoming(text, cleanText="", keyword="STOP")
    assert heard([given], settings) == [
        Reply(
            sender=15552340001,
            list_number=15559870000,
            body=text,
            answered=answered,
            carrier_ref=given["messageId"],
        )
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"from": "12345"}, "sender_is_no_number"),
        ({"from": "InfoSMS"}, "sender_is_no_number"),
        ({"from": None}, "no reply"),
        ({"to": None}, "no reply"),
        ({"text": None}, "no reply"),
        ({"text": 5}, "no reply"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(fields, said):
    assert gist(heard([incoming("Hi") | fields])) == [said]


# The public page's table: each name with its word, what follows for the recipient, and the status.
TABLE = [
    ("DELIVERED_TO_HANDSET", 3, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ("DELIVERED_TO_OPERATOR", 3, Status.DELIVERED, "DELIVERED_TO_OPERATOR", None),
    (
        "REJECTED_ABSENT_SUBSCRIBER",
        5,
        Status.FAILED,
        "REJECTED_ABSENT_SUBSCRIBER",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    ("REJECTED_SYSTEM_ERROR", 5, Status.FAILED, "REJECTED_SYSTEM_ERROR", None),
    ("REJECTED_OPERATOR", 5, Status.FAILED, "REJECTED_OPERATOR", RecipientTrouble.OPERATOR),
    ("REJECTED_DUPLICATE", 5, Status.FAILED, "REJECTED_DUPLICATE", None),
    ("REJECTED_SPAM", 5, Status.FAILED, "REJECTED_SPAM", RecipientTrouble.SPAM),
    (
        "REJECTED_DESTINATION",
        5,
        Status.FAILED,
        "REJECTED_DESTINATION",
        RecipientTrouble.INVALID_DESTINATION,
    ),
]
GROUP_NAMES = {3: "DELIVERED", 5: "REJECTED"}


@pytest.mark.parametrize("told", ["group", "group's name", "name alone"])
@pytest.mark.parametrize(("name", "group", "status", "word", "trouble"), TABLE)
def test_the_public_table_of_statuses(name, group, status, word, trouble, told):
    by = {
        "group": {"groupId": group},
        "group's name": {"groupName": GROUP_NAMES[group]},
        "name alone": {},
    }[told]
    [receipt] = heard([{"messageId": REF, "status": {"name": name, **by}}])
    assert (receipt.status, receipt.trouble) == (status, trouble)
    assert receipt.detail.partition(" ")[0] == word


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        # Of two sources the one that settles wins.
        ({"groupId": 1, "groupName": "PENDING", "name": "REJECTED_SPAM"}, Status.FAILED),
        ({"groupId": 99, "groupName": "EXPIRED", "name": "A_NEW_NAME"}, Status.UNDELIVERED),
        ({"groupId": 2, "name": ""}, Status.UNDELIVERED),
        ({"groupId": 0, "groupName": "ACCEPTED", "name": "MESSAGE_ACCEPTED"}, None),
    ],
)
def test_a_status_is_known_by_its_group_or_its_name(status, expected):
    [receipt] = heard([{"messageId": REF, "status": status}])
    assert receipt.status is expected


def test_half_an_emoji_costs_no_text_beside_it():
    told = heard([incoming("hi \ud83d"), incoming("STOP"), report(REF, "DELIVERED_TO_HANDSET")])
    assert [each.body for each in told[:2]] == ["hi \ufffd", "STOP"]
    assert told[2].status is Status.DELIVERED
