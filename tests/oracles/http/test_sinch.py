"""Sinch's own SDK on our requests, our verification, and our fake's callbacks."""

import json

import fake_sinch
import pytest
from fake_sinch import NONCE, PLAN, SECRET, TOKEN, report
from http_oracle import ask, flips, needs_oracles, ours, theirs
from stopped_clock import StoppedClock

from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.sinch.carrier import SinchCarrier
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.text import Encoding

pytestmark = needs_oracles

URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body='Your code is 1234 & "counting": 50 % of é😊\n\\/~',
    encoding=Encoding.UCS2,
    segments=1,
)
NOW = 1_795_572_000


def make(settings=(), callback_url=URL):
    chosen = {"service_plan_id": PLAN, "api_token": TOKEN, "webhook_secret": SECRET}
    context = ConnectorContext(callback_url=callback_url, clock=StoppedClock(NOW))
    return SinchCarrier({**chosen, **dict(settings)}, context)


# Requests

PLAIN = {
    "to": ["+15552340001"],
    "from_": "+15559870000",
    "body": MESSAGE.body,
    "client_reference": "x7y8z9w0",
}
TOLD = PLAIN | {"delivery_report": "per_recipient_final"}
SUBMITS = {
    "plain": ({}, URL, TOLD),
    "without a public address": ({}, None, PLAIN),
    "with the callback URL": (
        {"overrides_callback_url": True},
        URL,
        TOLD | {"event_destination_target": URL},
    ),
}


def test_our_requests_are_the_sdks():
    calls = [
        ("create", {"plan": PLAN, "token": TOKEN, "message": message})
        for _, _, message in SUBMITS.values()
    ]
    mine = [make(settings, url).compose([MESSAGE]) for settings, url, _ in SUBMITS.values()]
    assert list(map(ours, mine)) == list(map(theirs, ask("sinch", *calls)))


def test_our_check_is_the_sdks_request_for_the_latest_batch():
    [told] = ask("sinch", ("latest", {"plan": PLAN, "token": TOKEN}))
    assert ours(make().probe()) == theirs(told)


# Signatures

BODIES = ["", "{}", json.dumps({"body": "é😊."}), '{"body": "é😊."}']


def posted(body, signature, signed_at=NOW):
    return CallbackRequest(
        method="POST",
        url=URL,
        headers={
            "x-sinch-webhook-signature": signature,
            "x-sinch-webhook-signature-nonce": NONCE,
            "x-sinch-webhook-signature-timestamp": str(signed_at),
        },
        body=body.encode() if isinstance(body, str) else body,
    )


def test_what_the_sdk_signs_is_accepted():
    common = {"secret": SECRET, "nonce": NONCE, "signed_at": str(NOW)}
    calls = [("sign", common | {"body": body}) for body in BODIES]
    for body, signature in zip(BODIES, ask("sinch", *calls), strict=True):
        assert make().proves(posted(body, signature)), body
        assert not make({"webhook_secret": "another"}).proves(posted(body, signature)), body


def test_what_our_fake_signs_is_accepted_by_the_sdk():
    calls = []
    for body in BODIES:
        signature = fake_sinch.sign(body.encode(), str(NOW))
        call = {"body": body, "headers": dict(posted(body, signature).headers)}
        calls += [("verify", call | {"secret": SECRET}), ("verify", call | {"secret": "another"})]
    assert ask("sinch", *calls) == [True, False] * len(BODIES)


@pytest.fixture(scope="module")
def signed():
    body = BODIES[2]
    call = {"secret": SECRET, "body": body, "nonce": NONCE, "signed_at": str(NOW)}
    [signature] = ask("sinch", ("sign", call))
    return posted(body, signature)


def test_every_flipped_bit_of_the_body_is_refused(signed):
    signature = signed.headers["x-sinch-webhook-signature"]
    assert not any(make().proves(posted(body, signature)) for body in flips(signed.body))


@pytest.mark.parametrize("name", ["", "-nonce", "-timestamp"])
def test_every_flipped_bit_of_the_headers_is_refused(signed, name):
    name = f"x-sinch-webhook-signature{name}"
    for raw in flips(signed.headers[name].encode()):
        headers = {**signed.headers, name: raw.decode("latin-1")}
        request = CallbackRequest(method="POST", url=URL, headers=headers, body=signed.body)
        assert not make().proves(request), raw


# What its callbacks say


def test_the_sdk_reads_in_our_fakes_callbacks_what_we_read():
    told = report("b1", "Delivered", 0, client_reference="x7y8z9w0")
    text = {"type": "mo_text", "id": "m1", "from": "15552340001", "to": "15559870000"}
    text |= {"body": "Hi é😊", "received_at": "2026-11-25T02:00:00.000Z"}
    picture = text | {"type": "mo_media", "body": {"message": "Hi"}}
    bodies = [json.dumps(value) for value in (told, text, picture)]
    read = ask("sinch", *(("parse", {"body": body}) for body in bodies))
    assert [kind for kind, _ in read] == [
        "RecipientDeliveryReport",
        "MOTextMessage",
        "MOMediaMessage",
    ]
    [[receipt], [reply], [pictured]] = [
        make().parse(f"application/json\n\n{body}".encode()) for body in bodies
    ]
    [(_, report_), (_, text_), (_, picture_)] = read
    assert (receipt.carrier_ref, receipt.message_id) == (
        report_["batch_id"],
        report_["client_reference"],
    )
    assert (str(reply.sender), str(reply.list_number), reply.body) == (
        text_["from"],
        text_["to"],
        text_["body"],
    )
    assert pictured.body == picture_["body"]["message"]
