"""Infobip as tables: what we ask, what its answers mean, what its callbacks say."""

import asyncio
import hashlib
import json

import pytest
from fake_infobip import KEY, FakeInfobip, callback, incoming, refusal, report, status
from good_callbacks import CALLBACKS
from http_peer import HttpPeer, Said
from http_suite import HttpConformance
from logged import logged_here

from sendrail.carriers.http.exchange import Answer, basic
from sendrail.carriers.infobip.carrier import InfobipCarrier, reference
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
from sendrail.domain.text import Encoding

TOKEN = "a-token-of-callbacks"
SETTINGS = {"api_key": KEY, "callback_token": TOKEN}
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
REF = "x7y8z9w0-" + hashlib.sha256("15559870000\n15552340001\n50 % of é😊".encode()).hexdigest()[:8]


def make(settings=(), callback_url=URL):
    return InfobipCarrier(
        {**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=callback_url)
    )


class TestConformance(HttpConformance):
    kind = InfobipCarrier
    settings = SETTINGS
    callbacks = CALLBACKS["infobip"]
    answer_batch = "messages"
    garbage = (
        *HttpConformance.garbage,
        b"application/json\n\n",
        b"application/json\n\n{}",
        b'application/json\n\n{"results": [{"status": "DELIVERED"}]}',
        b'application/json\n\n{"results": 1}',
        b"application/json\n\n" + b'{"results":' * 5_000,
    )
    wrong_settings = (
        ("colour", {**SETTINGS, "colour": "blue"}),
        ("api_key", {"callback_token": TOKEN}),
        ("api_key", {**SETTINGS, "api_key": ""}),
        ("callback_token", {"api_key": KEY}),
        ("callback_token", {**SETTINGS, "callback_token": "too-short"}),
        ("callback_token", {**SETTINGS, "callback_token": "no & here, it is a query"}),
        ("callback_token_secondary", {**SETTINGS, "callback_token_secondary": ""}),
        ("signature_header", {**SETTINGS, "signature_header": "x signature"}),
        ("signature_algorithm", {**SETTINGS, "signature_algorithm": "md5"}),
        ("signature_encoding", {**SETTINGS, "signature_encoding": "base32"}),
        ("signature_secret", {**SETTINGS, "signature_secret": ""}),
        ("batch_size", {**SETTINGS, "batch_size": 0}),
        ("batch_size", {**SETTINGS, "batch_size": 101}),
        ("validity_seconds", {**SETTINGS, "validity_seconds": 172_801}),
        ("application_id", {**SETTINGS, "application_id": ""}),
        ("entity_id", {**SETTINGS, "entity_id": 1}),
        ("receipts_by_subscription", {**SETTINGS, "receipts_by_subscription": "yes"}),
        ("answered_keywords", {**SETTINGS, "answered_keywords": "STOP"}),
        ("base_url", {**SETTINGS, "base_url": "http://xyz.api.infobip.com"}),
    )

    def make_vendor(self):
        return FakeInfobip()


class TestConformanceOneByOne(TestConformance):
    settings = SETTINGS | {"batch_size": 1}
    callbacks = ()


# What we ask

PLAIN = {
    "sender": "15559870000",
    "destinations": [{"to": "15552340001", "messageId": REF}],
    "content": {"text": "50 % of é😊"},
}
TOLD = {"webhooks": {"delivery": {"url": HEARD}, "contentType": "application/json"}}
SIGNED = {"callback_token": None, "signature_secret": "the-key"}
SUBMITS = {
    "plain": ({}, URL, PLAIN | TOLD),
    "without a public address": ({}, None, PLAIN),
    "with receipts by subscription": ({"receipts_by_subscription": True}, URL, PLAIN),
    "without a token": (
        SIGNED,
        URL,
        PLAIN | {"webhooks": {"delivery": {"url": URL}, "contentType": "application/json"}},
    ),
    "with a validity": (
        {"validity_seconds": 60},
        None,
        PLAIN | {"options": {"validityPeriod": {"amount": 60, "timeUnit": "SECONDS"}}},
    ),
    "for an application": (
        {"application_id": "shop", "entity_id": "north"},
        None,
        PLAIN | {"options": {"platform": {"entityId": "north", "applicationId": "shop"}}},
    ),
}


@pytest.mark.parametrize(("settings", "url", "told"), SUBMITS.values(), ids=SUBMITS)
def test_a_message_becomes_a_request(settings, url, told):
    request = make(settings, url).compose([MESSAGE])
    assert (request.method, request.url) == ("POST", "https://api.infobip.com/sms/3/messages")
    assert request.headers == {
        "Authorization": f"App {KEY}",
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == {"messages": [told]}


def test_many_messages_become_one_request_in_their_order():
    messages = [message(f"m{at:07}", 15552340000 + at) for at in range(100)]
    carrier = make()
    assert carrier.messages_per_request == len(messages)
    told = json.loads(carrier.compose(messages).body)["messages"]
    assert [each["destinations"][0]["to"] for each in told] == [
        str(each.recipient) for each in messages
    ]


def test_an_id_names_the_message_and_what_it_says():
    same = [reference(message()) for _ in range(2)]
    others = [
        reference(message(message_id="another0")),
        reference(message(recipient=15552340002)),
        reference(message(body="")),
    ]
    assert same == [REF, REF]
    assert len({REF, *others}) == 4


# What its answers mean


def taken(*names, refs=(REF,)):
    told = [
        {"messageId": ref, "status": status(name), "destination": "15552340001"}
        for ref, name in zip(refs, names, strict=True)
    ]
    return Answer(status=200, body=json.dumps({"messages": told}).encode())


def refused(status_, code, properties=(), **headers):
    body = json.dumps(refusal(code, properties)).encode()
    return Answer(status=status_, headers=headers, body=body)


ANSWERS = [
    (taken("PENDING_ACCEPTED"), Submitted(REF)),
    (taken("PENDING_ENROUTE"), Submitted(REF)),
    (taken("DELIVERED_TO_HANDSET"), Submitted(REF)),
    # It was taken before, and the answer got lost.
    (taken("REJECTED_DUPLICATE_MESSAGE_ID"), Submitted(REF)),
    (taken("REJECTED_NOT_ENOUGH_CREDITS"), Unavailable),
    (taken("REJECTED_SYSTEM_ERROR"), Failed("REJECTED_SYSTEM_ERROR (REJECTED_SYSTEM_ERROR)")),
    (
        taken("REJECTED_DESTINATION"),
        Rejected(
            "REJECTED_DESTINATION (REJECTED_DESTINATION)", RecipientTrouble.INVALID_DESTINATION
        ),
    ),
    (
        taken("REJECTED_DESTINATION_BLOCKLISTED"),
        Rejected(
            "REJECTED_OPTED_OUT (REJECTED_DESTINATION_BLOCKLISTED)", RecipientTrouble.OPTED_OUT
        ),
    ),
    (
        taken("REJECTED_DND"),
        Rejected("REJECTED_OPTED_OUT (REJECTED_DND)", RecipientTrouble.OPTED_OUT),
    ),
    # One list's sender and one recipient's network must not stop the connector for all others.
    (taken("REJECTED_SENDER"), Rejected("REJECTED_SENDER (REJECTED_SENDER)")),
    (taken("REJECTED_NETWORK"), Rejected("REJECTED_REGION (REJECTED_NETWORK)")),
    # Unknown names, by their group.
    (
        taken("REJECTED_A_NEW_REASON"),
        Rejected("REJECTED_UNKNOWN_REASON (REJECTED_A_NEW_REASON)"),
    ),
    (taken("EXPIRED_EXPIRED"), Rejected("EXPIRED (EXPIRED_EXPIRED)")),
    (taken("A_NEW_STATUS"), Uncertain),
    (taken("PENDING_ACCEPTED", refs=("another-00000000",)), Uncertain),
    (taken(refs=()), Uncertain),
    # The whole request, by the status of the answer.
    (refused(401, "E401"), Unavailable),
    (refused(403, "E403"), Unavailable),
    (refused(429, "E429", **{"retry-after": "7"}), Throttled(7_000)),
    (refused(500, "E500"), Failed("REJECTED_SYSTEM_ERROR (E500, HTTP 500)")),
    (refused(400, "E400"), Rejected("REJECTED_REQUEST (E400, HTTP 400)")),
    (
        Answer(status=400, body=b'{"requestError": {"serviceException": {"messageId": "BAD"}}}'),
        Rejected("REJECTED_REQUEST (HTTP 400)"),
    ),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS)
def test_an_answer_becomes_an_outcome(answer, outcome):
    told = make().read_answer([MESSAGE], answer)
    [told] = told if isinstance(told, list) else [told]
    assert told == outcome if not isinstance(outcome, type) else isinstance(told, outcome)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"messages": {"status": {}}}'])
def test_an_answer_that_makes_no_sense_is_left_to_its_status(body):
    with pytest.raises(CarrierTrouble):
        make().read_answer([MESSAGE], Answer(status=200, body=body))


def test_each_message_of_a_batch_gets_its_own_answer_in_whatever_order_they_come():
    messages = [message(name) for name in ("first000", "second00", "third000")]
    refs = [reference(each) for each in messages]
    answer = taken("REJECTED_DESTINATION", "PENDING_ACCEPTED", refs=(refs[2], refs[0]))
    first, second, third = make().read_answer(messages, answer)
    assert first == Submitted(refs[0])
    assert isinstance(second, Uncertain)
    assert isinstance(third, Rejected)


def test_one_bad_message_does_not_spoil_the_others_of_its_batch():
    messages = [message(name) for name in ("first000", "second00", "third000")]
    answer = refused(400, "E400", ["messages[1].destinations[0].to"])
    first, second, third = make().read_answer(messages, answer)
    assert second == Rejected("REJECTED_REQUEST (E400, HTTP 400)")
    assert isinstance(first, Failed)
    assert first == third
    # Where it does not say which, one outcome stands for all, and the request is made in halves.
    for properties in ([], ["messages"], ["messages[7].sender"]):
        told = make().read_answer(messages, refused(400, "E400", properties))
        assert told == second


def test_a_violation_that_cannot_be_read_costs_no_other():
    messages = [message(name) for name in ("first000", "second00", "third000")]
    value = refusal("E400", ["messages[1].sender"])
    value["violations"] += [None, {"property": None}, {"property": 5}]
    answer = Answer(status=400, body=json.dumps(value).encode())
    told = make().read_answer(messages, answer)
    assert [type(each) for each in told] == [Failed, Rejected, Failed]


def test_a_status_of_two_minds_is_none():
    value = {"messageId": REF, "status": status("PENDING_ACCEPTED") | {"groupId": 5}}
    answer = Answer(status=200, body=json.dumps({"messages": [value]}).encode())
    [told] = make().read_answer([MESSAGE], answer)
    assert isinstance(told, Uncertain)


def test_what_stops_the_connector_says_why():
    [told] = make().read_answer([MESSAGE], taken("REJECTED_NOT_ENOUGH_CREDITS"))
    assert told.detail == (
        "Infobip refuses: the account has no credit (REJECTED_NOT_ENOUGH_CREDITS)"
    )


def test_a_batch_in_which_the_credit_runs_out_is_logged_like_a_message():
    messages = [message(f"m{at:07}") for at in range(5)]
    names = iter(["PENDING_ACCEPTED", *["REJECTED_NOT_ENOUGH_CREDITS"] * 2])
    told = []

    def vendor(got):
        asked = json.loads(got.body)["messages"]
        refs = [each["destinations"][0]["messageId"] for each in asked]
        said = taken(*(next(names, "PENDING_ACCEPTED") for _ in refs), refs=refs)
        return Said(body=said.body)

    async def play():
        async with HttpPeer(vendor) as peer:
            carrier = make({"base_url": peer.url, "batch_size": 3, "connections": 1})
            await carrier.start(None)
            await carrier.submit(messages, lambda _, outcome: told.append(type(outcome)))
            await carrier.stop()

    with logged_here() as lines:
        asyncio.run(play())
    assert told == [Submitted, Unavailable, Unavailable, Submitted, Submitted]
    assert [line["event"] for line in lines] == ["connector_unavailable", "connector_available"]


# Proofs; all there are stand in test_http_proofs.py


def test_what_is_not_proved_is_refused_and_not_stored():
    answer = make().read_callback(callback(URL, [report(REF, "DELIVERED_TO_HANDSET")]))
    assert (answer.status, answer.raws) == (401, ())


def test_a_connector_may_prove_its_callbacks_without_a_token():
    carrier = make({"callback_token": None, "callback_password": "p:w"})
    headers = {"authorization": basic("", "p:w")}
    assert carrier.read_callback(callback(URL, [incoming("Hi")], **headers)).raws
