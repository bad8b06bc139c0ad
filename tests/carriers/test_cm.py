"""CM.com as tables: what we ask, what its answers mean, what its callbacks say."""

import json

import pytest
from fake_cm import PRODUCT_TOKEN, FakeCm, callback, incoming, refusal, report
from good_callbacks import CALLBACKS
from http_suite import HttpConformance, gist

from sendrail.carriers.cm.carrier import CmCarrier
from sendrail.carriers.http.callbacks import with_token
from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.domain.text import Encoding

TOKEN = "a-token-of-callbacks"
SETTINGS = {"product_token": PRODUCT_TOKEN, "callback_token": TOKEN}
URL = "https://sms.example.com/callbacks/k3"
HEARD = f"{URL}?token={TOKEN}"


def message(message_id="x7y8z9w0", recipient=15552340001, body="50 % of é😊"):
    return OutboundMessage(
        message_id=message_id,
        recipient=recipient,
        sender=15559870000,
        body=body,
        encoding=Encoding.UCS2,
        segments=1,
    )


MESSAGE = message()


def make(settings=()):
    return CmCarrier({**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=URL))


class TestConformance(HttpConformance):
    kind = CmCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["cm"]
    answer_batch = "messages"
    garbage = (
        *HttpConformance.garbage,
        b"application/json\n\n",
        b"application/json\n\n{}",
        b'application/json\n\n{"messages": {}}',
        b'application/json\n\n{"messages": {"msg": "delivered"}}',
        b'application/json\n\n{"from": "15552340001"}',
        b"application/json\n\n" + b'{"messages":' * 5_000,
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("product_token", {"callback_token": TOKEN}),
        ("product_token", {**SETTINGS, "product_token": ""}),
        ("callback_token", {"product_token": PRODUCT_TOKEN}),
        ("batch_size", {**SETTINGS, "batch_size": 0}),
        ("batch_size", {**SETTINGS, "batch_size": 101}),
        ("parts_max", {**SETTINGS, "parts_max": 9}),
        ("statuses_enroute", {**SETTINGS, "statuses_enroute": 0}),
        ("statuses_delivered", {**SETTINGS, "statuses_delivered": [2]}),
        ("statuses_undelivered", {**SETTINGS, "statuses_undelivered": "3"}),
        ("statuses_failed", {**SETTINGS, "statuses_failed": None}),
        ("words", {**SETTINGS, "words": {"402": "BLOCKED"}}),
        ("answered_keywords", {**SETTINGS, "answered_keywords": "STOP"}),
        ("base_url", {**SETTINGS, "base_url": "http://gw.messaging.cm.com"}),
    )

    def make_vendor(self):
        return FakeCm()

    def make_with(self, settings):
        carrier = super().make_with(settings)
        if self.fake is not None and self.fake.vendor.callback_url is None:
            url = carrier.carrier.context.callback_url
            self.fake.vendor.callback_url = with_token(url, TOKEN)
        return carrier


class TestConformanceOneByOne(TestConformance):
    settings = SETTINGS | {"batch_size": 1}
    callbacks = ()


# What we ask

ASKED = {
    "from": "0015559870000",
    "to": [{"number": "0015552340001"}],
    "body": {"type": "auto", "content": "50 % of é😊"},
    "reference": "x7y8z9w0",
    "allowedChannels": ["SMS"],
    "minimumNumberOfMessageParts": 1,
    "maximumNumberOfMessageParts": 8,
}


@pytest.mark.parametrize(
    ("settings", "asked"),
    [({}, ASKED), ({"parts_max": 3}, ASKED | {"maximumNumberOfMessageParts": 3})],
)
def test_a_message_becomes_a_request(settings, asked):
    request = make(settings).compose([MESSAGE])
    assert (request.method, request.url) == ("POST", "https://gw.messaging.cm.com/v1.0/message")
    assert request.headers == {
        "X-CM-PRODUCTTOKEN": PRODUCT_TOKEN,
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == {"messages": {"msg": [asked]}}


def test_many_messages_become_one_request_in_their_order():
    messages = [message(f"m{at:07}", 15552340000 + at) for at in range(100)]
    carrier = make()
    assert carrier.messages_per_request == len(messages)
    told = json.loads(carrier.compose(messages).body)["messages"]["msg"]
    assert [each["reference"] for each in told] == [each.message_id for each in messages]


# What its answers mean


def answered(status, *codes, references=("x7y8z9w0",), error_code=201):
    told = [
        {
            "to": "0015552340001",
            "status": "Rejected" if code else "Accepted",
            "reference": reference,
            "parts": 0 if code else 1,
            "messageDetails": None,
            "messageErrorCode": code,
        }
        for reference, code in zip(references, codes, strict=True)
    ]
    value = {"details": "In words", "errorCode": error_code, "messages": told}
    return Answer(status=status, body=json.dumps(value).encode())


def refused(status, code, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(refusal(code)).encode())


ANSWERS = [
    (answered(200, 0, error_code=0), Submitted("x7y8z9w0")),
    (
        answered(400, 303),
        Rejected("REJECTED_DESTINATION (303)", RecipientTrouble.INVALID_DESTINATION),
    ),
    (answered(400, 304), Rejected("REJECTED_CONTENT (304)")),
    (answered(400, 301), Rejected("REJECTED_SENDER (301)")),
    (answered(400, 401), Rejected("REJECTED_SPAM (401)", RecipientTrouble.SPAM)),
    (answered(400, 402), Rejected("REJECTED_OPTED_OUT (402)", RecipientTrouble.OPTED_OUT)),
    (answered(400, 999), Failed("REJECTED_SYSTEM_ERROR (999)")),
    # Unknown codes, by their range or by the status.
    (answered(400, 399), Rejected("REJECTED_REQUEST (399)")),
    (answered(200, 499), Rejected("REJECTED_UNKNOWN_REASON (499)")),
    (answered(400, 599), Failed("REJECTED_SYSTEM_ERROR (599)")),
    (answered(200, 12345), Uncertain),
    (answered(200, 0, references=("another0",)), Uncertain),
    (answered(200, 0, references=(None,)), Uncertain),
    # The whole request.
    (refused(400, 101), Unavailable),
    (refused(400, 102), Unavailable),
    (refused(400, 103), Unavailable),
    (refused(400, 202), Rejected("REJECTED_REQUEST (202)")),
    (refused(500, 500), Failed("REJECTED_SYSTEM_ERROR (500)")),
    (refused(429, 0, **{"retry-after": "7"}), Throttled(7_000)),
    (refused(200, 0), Uncertain),
    # Of a request that was taken in part, without the part that says which.
    (refused(200, 201), Uncertain),
    (Answer(status=401, body=b"{}"), Unavailable),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    [told] = told if isinstance(told, list) else [told]
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"messages": {"status": 1}}'])
def test_an_answer_that_makes_no_sense_is_left_to_its_status(body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=200, body=body))


def test_each_message_of_a_batch_gets_its_own_answer_in_whatever_order_they_come():
    messages = [message(name) for name in ("first000", "second00", "third000")]
    answer = answered(200, 302, 0, references=("third000", "first000"))
    first, second, third = make().read_answer(messages, answer)
    assert first == Submitted("first000")
    assert isinstance(second, Uncertain)
    assert third == Rejected("REJECTED_DESTINATION (302)", RecipientTrouble.INVALID_DESTINATION)


def test_an_element_that_cannot_be_read_costs_no_neighbour():
    messages = [message(name) for name in ("first000", "second00", "third000")]
    value = json.loads(answered(200, 0, 0, references=("first000", "third000")).body)
    for broken in (None, [], {"reference": None}, {"reference": "second00", "status": 1}):
        value["messages"].insert(1, broken)
        answer = Answer(status=200, body=json.dumps(value).encode())
        first, second, third = make().read_answer(messages, answer)
        assert (first, third) == (Submitted("first000"), Submitted("third000"))
        assert isinstance(second, Uncertain)


def test_what_contradicts_itself_is_not_sent_again():
    # 999 alone would be tried again.
    twice = ("x7y8z9w0", "x7y8z9w0")
    for codes in ((0, 999), (999, 0), (0, 303)):
        [told] = make().read_answer([MESSAGE], answered(200, *codes, references=twice))
        assert told == Submitted("x7y8z9w0")
    [told] = make().read_answer([MESSAGE], answered(200, 303, 999, references=twice))
    assert isinstance(told, Uncertain)


def test_a_message_that_a_refusal_leaves_out_is_refused_with_the_others():
    messages = [message("first000"), message("second00")]
    first, second = make().read_answer(messages, answered(400, 303, references=("first000",)))
    assert isinstance(first, Rejected)
    assert second == Rejected("REJECTED_REQUEST (HTTP 400)")


def test_what_stops_the_connector_says_why():
    told = make().read_answer([MESSAGE], refused(400, 102))
    assert told.detail == "CM.com refuses: the account has no credit (102)"


def test_a_word_may_be_set_for_a_code():
    carrier = make({"words": {"402": "REJECTED_SPAM", "777": "REJECTED_REGION"}})
    [told] = carrier.read_answer([MESSAGE], answered(400, 402))
    assert told == Rejected("REJECTED_SPAM (402)", RecipientTrouble.SPAM)
    [told] = carrier.read_answer([MESSAGE], answered(200, 777))
    assert told == Rejected("REJECTED_REGION (777)")
    [told] = make().read_answer([MESSAGE], answered(400, 402))
    assert told.trouble is RecipientTrouble.OPTED_OUT


# What its callbacks say


def heard(value, settings=()):
    carrier = make(settings)
    answer = carrier.read_callback(callback(HEARD, value))
    assert (answer.status, answer.content) == (200, b"")
    [raw] = answer.raws
    return carrier.parse(raw)


OTHER_STATUSES = {
    "statuses_delivered": ["DELIVRD"],
    "statuses_undelivered": [],
    "statuses_failed": ["3"],
}
RECEIPTS = [
    ({}, "0", "", None, "PENDING_ENROUTE", None),
    ({}, "2", "", Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({}, 2, 0, Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({}, "4", "", Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    ({}, "1", "", Status.FAILED, "REJECTED_UNKNOWN_REASON", None),
    ({}, "3", "0", Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON", None),
    ({}, "3", "8", Status.UNDELIVERED, "EXPIRED (8)", None),
    (
        {},
        "3",
        "23",
        Status.UNDELIVERED,
        "REJECTED_DESTINATION (23)",
        RecipientTrouble.INVALID_DESTINATION,
    ),
    (
        {},
        3,
        24,
        Status.UNDELIVERED,
        "REJECTED_ABSENT_SUBSCRIBER (24)",
        RecipientTrouble.ABSENT_SUBSCRIBER,
    ),
    ({}, "3", "28", Status.UNDELIVERED, "REJECTED_SPAM (28)", RecipientTrouble.SPAM),
    ({}, "3", "25", Status.UNDELIVERED, "REJECTED_OPERATOR (25)", RecipientTrouble.OPERATOR),
    ({}, "3", "77", Status.UNDELIVERED, "REJECTED_UNKNOWN_REASON (77)", None),
    (OTHER_STATUSES, "DELIVRD", "", Status.DELIVERED, "DELIVERED_TO_HANDSET", None),
    (OTHER_STATUSES, "3", "5", Status.FAILED, "REJECTED_UNKNOWN_REASON (5)", None),
]


@pytest.mark.parametrize(("settings", "code", "error", "status", "detail", "trouble"), RECEIPTS)
def test_a_status_report_becomes_a_receipt(settings, code, error, status, detail, trouble):
    assert heard(report("x7y8z9w0", code, error), settings) == [
        Receipt(
            carrier_ref="x7y8z9w0",
            status=status,
            detail=detail,
            message_id="x7y8z9w0",
            trouble=trouble,
        )
    ]


@pytest.mark.parametrize(("settings", "code"), [({}, "99"), ({}, None), (OTHER_STATUSES, "2")])
def test_a_status_that_the_settings_do_not_name_is_no_receipt(settings, code):
    assert gist(heard(report("x7y8z9w0", code), settings)) == ["no receipt"]


def test_reports_may_come_several_at_once():
    value = report("first000", "2")
    one, other = value["messages"]["msg"], report("second00", "3")["messages"]["msg"]
    nameless = report(None, "2")["messages"]["msg"]
    value["messages"]["msg"] = [one, other, nameless]
    told = heard(value)
    assert [each.carrier_ref for each in told[:2]] == ["first000", "second00"]
    assert gist(told[2:]) == ["names_no_message"]


def test_a_receipt_for_somebody_elses_message_names_none_of_ours():
    [receipt] = heard(report("a-reference-of-another-system", "2"))
    assert receipt.message_id is None


KEYWORDS = {"answered_keywords": ["stop", "HELP"]}


@pytest.mark.parametrize(
    ("settings", "text", "answered"),
    [
        ({}, "Thanks, see you at 8 😊", False),
        ({}, "STOP", False),
        ({}, "", False),
        (KEYWORDS, " Stop\n", True),
        (KEYWORDS, "STOP PLEASE", False),
    ],
)
def test_an_incoming_text_becomes_a_reply(settings, text, answered):
    assert heard(incoming(text), settings) == [
        Reply(sender=15552340001, list_number=15559870000, body=text, answered=answered)
    ]


@pytest.mark.parametrize("number", ["0015552340001", "+15552340001", "15552340001"])
def test_a_number_is_read_in_whatever_form_it_comes(number):
    [reply] = heard(incoming("Hi", **{"from": {"number": number}}))
    assert reply.sender == 15552340001


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"from": {"number": "12345"}}, "sender_is_no_number"),
        ({"from": {"number": "Shop"}}, "sender_is_no_number"),
        ({"from": {"number": None}}, "no reply"),
        ({"to": None}, "no reply"),
        ({"message": None}, "no reply"),
        ({"message": {"media": {}}}, "no reply"),
        ({"channel": "WhatsApp"}, "other_channel"),
        ({"channel": ""}, "a text"),
    ],
)
def test_what_is_no_text_between_two_numbers_is_set_aside_or_refused(fields, said):
    told = heard(incoming("Hi", **fields))
    if said == "a text":
        assert [reply.body for reply in told] == ["Hi"]
    else:
        assert gist(told) == [said]


# Proofs; all there are stand in test_http_proofs.py


def test_what_is_not_proved_is_refused_and_not_stored():
    answer = make().read_callback(callback(URL, report("x7y8z9w0", "2")))
    assert (answer.status, answer.raws) == (401, ())


def test_a_connector_may_prove_its_callbacks_without_a_token():
    carrier = make({"callback_token": None, "callback_password": "p:w"})
    headers = {"authorization": basic("", "p:w")}
    assert carrier.read_callback(callback(URL, incoming("Hi"), **headers)).raws
