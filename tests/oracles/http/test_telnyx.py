"""Telnyx's own SDK on our requests, our verification, and our fake's signatures."""

import json

import fake_telnyx
import pytest
from fake_telnyx import KEY, OTHER_SEED, PROFILE, SEED, public_key
from http_oracle import ask, flips, needs_oracles, ours, theirs
from stopped_clock import StoppedClock

from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.telnyx.carrier import TelnyxCarrier
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
    context = ConnectorContext(callback_url=callback_url, clock=StoppedClock(NOW))
    return TelnyxCarrier(
        {"api_key": KEY, "public_key": public_key(), **dict(settings)},
        context,
    )


# Requests

PLAIN = {"from_": "+15559870000", "to": "+15552340001", "text": MESSAGE.body, "type": "SMS"}
TOLD = PLAIN | {"webhook_url": f"{URL}?message=x7y8z9w0"}
SUBMITS = {
    "plain": ({}, URL, TOLD),
    "without a public address": ({}, None, PLAIN),
    "by a profile": (
        {"messaging_profile_id": PROFILE},
        URL,
        TOLD | {"messaging_profile_id": PROFILE},
    ),
}


def test_our_requests_are_the_sdks():
    calls = [("create", {"api_key": KEY, "message": message}) for _, _, message in SUBMITS.values()]
    mine = [make(settings, url).compose([MESSAGE]) for settings, url, _ in SUBMITS.values()]
    assert list(map(ours, mine)) == list(map(theirs, ask("telnyx", *calls)))


def test_our_check_is_the_sdks_request_for_the_balance():
    [told] = ask("telnyx", ("balance", {"api_key": KEY}))
    assert ours(make().probe()) == theirs(told)


# Signatures

BODIES = ["", "{}", json.dumps({"data": {"text": "é😊 |"}}), '{"text": "é😊 |"}']


def posted(body, signature, signed_at=NOW):
    return CallbackRequest(
        method="POST",
        url=URL,
        headers={"telnyx-signature-ed25519": signature, "telnyx-timestamp": str(signed_at)},
        body=body.encode() if isinstance(body, str) else body,
    )


def test_what_the_sdks_library_signs_is_accepted():
    calls = [("sign", {"seed": SEED.hex(), "body": body, "signed_at": str(NOW)}) for body in BODIES]
    for body, signature in zip(BODIES, ask("telnyx", *calls), strict=True):
        assert make().proves(posted(body, signature)), body
        assert not make({"public_key": public_key(OTHER_SEED)}).proves(posted(body, signature))


def test_what_our_fake_signs_is_accepted_by_the_sdk_for_as_long_as_by_us():
    calls, verdicts = [], []
    for body in BODIES:
        for seed in (SEED, OTHER_SEED):
            for late in (-301, -300, 0, 300, 301):
                signed_at = str(NOW - late)
                signature = fake_telnyx.sign(body.encode(), signed_at, seed)
                request = posted(body, signature, signed_at)
                call = {"public_key": public_key(), "body": body, "now": NOW}
                calls.append(("verify", call | {"headers": dict(request.headers)}))
                verdicts.append(make().proves(request))
    assert {True, False} == set(verdicts)
    assert ask("telnyx", *calls) == verdicts


@pytest.fixture(scope="module")
def signed():
    body = BODIES[2]
    [signature] = ask("telnyx", ("sign", {"seed": SEED.hex(), "body": body, "signed_at": str(NOW)}))
    return posted(body, signature)


def test_every_flipped_bit_of_the_body_is_refused(signed):
    signature = signed.headers["telnyx-signature-ed25519"]
    assert not any(make().proves(posted(body, signature)) for body in flips(signed.body))


@pytest.mark.parametrize("name", ["telnyx-signature-ed25519", "telnyx-timestamp"])
def test_every_flipped_bit_of_the_headers_is_refused(signed, name):
    for raw in flips(signed.headers[name].encode()):
        headers = {**signed.headers, name: raw.decode("latin-1")}
        request = CallbackRequest(method="POST", url=URL, headers=headers, body=signed.body)
        assert not make().proves(request), raw


# What its webhooks say


def test_the_sdk_reads_in_our_fakes_webhooks_what_we_read():
    party = {"phone_number": "+15559870000", "status": "delivered"}
    told = {"id": "m1", "to": [party], "errors": [], "webhook_url": f"{URL}?message=x7y8z9w0"}
    text = {"id": "m2", "from": {"phone_number": "+15552340001"}, "to": [party], "text": "Hi é😊"}
    bodies = [
        json.dumps(fake_telnyx.event(kind, payload))
        for kind, payload in (("message.finalized", told), ("message.received", text))
    ]
    read = ask("telnyx", *(("parse", {"body": body}) for body in bodies))
    assert [kind for kind, _ in read] == ["OutboundMessage", "MessagingInboundMessage"]
    [[receipt], [reply]] = [make().parse(f"application/json\n\n{body}".encode()) for body in bodies]
    outbound, inbound = (value["payload"] for _, value in read)
    assert receipt.carrier_ref == outbound["id"]
    assert receipt.status == outbound["to"][0]["status"]
    assert outbound["webhook_url"].endswith(f"?message={receipt.message_id}")
    assert (f"+{reply.sender}", f"+{reply.list_number}", reply.body) == (
        inbound["from"]["phone_number"],
        inbound["to"][0]["phone_number"],
        inbound["text"],
    )
