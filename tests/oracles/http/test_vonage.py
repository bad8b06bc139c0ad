"""Vonage's own SDK on our requests, our verification, and our fake's signatures."""

import hashlib
import json
import time
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import fake_vonage
import pytest
from fake_vonage import API_KEY, API_SECRET, form, in_json
from http_oracle import ask, needs_oracles

from sendrail.carriers.http.callbacks import read_form
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.vonage.carrier import VonageCarrier
from sendrail.carriers.vonage.messages import VonageMessagesCarrier
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.text import Encoding

pytestmark = needs_oracles

SETTINGS = {"api_key": API_KEY, "api_secret": API_SECRET, "signature_secret": "the-key"}
CREDENTIALS = {"api_key": API_KEY, "api_secret": API_SECRET}
URL = "https://sms.example.com/callbacks/k3"
BODY = "Your code is 1234 & counting: 50 % of é😊 + \n=/~"
# The SDK has no `md5hash`, the method without an HMAC.
METHODS = ("md5", "sha1", "sha256", "sha512")


def make(settings=(), callback_url=URL, kind=VonageCarrier):
    return kind({**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=callback_url))


# Requests

PLAIN = {
    "to": "15552340001",
    "from_": "15559870000",
    "text": BODY,
    "type": "unicode",
    "client_ref": "x7y8z9w0",
    "status_report_req": True,
}
SUBMITS = {
    "plain": ({}, URL, PLAIN | {"callback": URL}),
    "without a public address": ({}, None, PLAIN),
    "with all there is": ({"validity_seconds": 60}, URL, PLAIN | {"callback": URL, "ttl": 60_000}),
}


def parts(request):
    headers = {name.lower(): value for name, value in request.headers.items()}
    fields = parse_qsl(request.body.decode(), strict_parsing=True) if request.body else []
    return [
        request.method,
        urlsplit(request.url).path,
        headers["authorization"],
        headers.get("content-type"),
        sorted(fields),
    ]


def recorded(told):
    headers = told["headers"]
    fields = parse_qsl(told["body"], strict_parsing=True) if told["body"] else []
    return [
        told["method"],
        told["target"],
        headers["authorization"],
        headers.get("content-type") if told["method"] == "POST" else None,
        # It writes booleans with a capital; the API takes either.
        sorted((name, value.replace("True", "true")) for name, value in fields),
    ]


MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body=BODY,
    encoding=Encoding.UCS2,
    segments=1,
)


def test_our_requests_are_the_sdks():
    sends = [
        ("send", {"credentials": CREDENTIALS, "message": asked}) for _, _, asked in SUBMITS.values()
    ]
    *told, balance = ask("vonage", *sends, ("balance", {"credentials": CREDENTIALS}))
    for (settings, url, _), theirs in zip(SUBMITS.values(), told, strict=True):
        assert parts(make(settings, url).compose([MESSAGE])) == recorded(theirs)
    assert parts(make().probe()) == recorded(balance)


def test_our_requests_to_the_messages_api_are_the_sdks():
    asked = {
        "to": "15552340001",
        "from_": "15559870000",
        "text": BODY,
        "client_ref": "x7y8z9w0",
        "sms": {"encoding_type": "unicode"},
        "webhook_url": URL,
        "ttl": 60,
    }
    ours = make({"validity_seconds": 60}, kind=VonageMessagesCarrier).compose([MESSAGE])
    [told] = ask("vonage", ("send_message", {"credentials": CREDENTIALS, "message": asked}))
    assert (told["method"], told["target"]) == (ours.method, urlsplit(ours.url).path)
    for name in ("Authorization", "Content-Type"):
        assert told["headers"][name.lower()] == ours.headers[name]
    assert json.loads(told["body"]) == json.loads(ours.body)


# Signatures


def receipt(at=None):
    fields = fake_vonage.receipt("A1", **{"client-ref": "x7y8z9w0", "a b": "é😊 & + %/ = c"})
    return fields | {"timestamp": str(int(time.time()) if at is None else at), "nonce": "8f-2a"}


def test_what_the_sdk_signs_is_accepted():
    fields = receipt()
    calls = [
        ("sign", {"secret": "the-key", "method": method, "fields": fields}) for method in METHODS
    ]
    for method, sig in zip(METHODS, ask("vonage", *calls), strict=True):
        for way in (form, in_json):
            request = way(URL, fields | {"sig": sig})
            assert make({"signature_method": method}).proves(request), method
            other = {"signature_method": method, "signature_secret": "another"}
            assert not make(other).proves(request), method


def test_what_our_fake_signs_is_accepted_by_the_sdk():
    calls = []
    for method in METHODS:
        fields = fake_vonage.signed(receipt(), "the-key", method)
        calls += [
            ("verify", {"secret": secret, "method": method, "fields": fields})
            for secret in ("the-key", "another")
        ]
    assert ask("vonage", *calls) == [True, False] * len(METHODS)


def test_tokens_of_the_messages_api_are_the_sdks():
    request = in_json(URL, fake_vonage.status("u1"))
    claims = {"iat": int(time.time()), "payload_hash": hashlib.sha256(request.body).hexdigest()}
    ours = fake_vonage.token("the-key", request.body)
    given, *verdicts = ask(
        "vonage",
        ("sign_token", {"secret": "the-key", "claims": claims}),
        ("verify_token", {"secret": "the-key", "token": ours}),
        ("verify_token", {"secret": "another", "token": ours}),
    )
    assert verdicts == [True, False]
    headers = {**request.headers, "authorization": f"Bearer {given}"}
    assert make().proves(replace(request, headers=headers))
    assert not make({"signature_secret": "another"}).proves(replace(request, headers=headers))


@pytest.fixture(scope="module")
def signed():
    fields = receipt()
    call = {"secret": "the-key", "method": "sha256", "fields": fields}
    [sig] = ask("vonage", ("sign", call))
    return form(URL, fields | {"sig": sig})


def flips(raw):
    """Yield the bytes with each single bit of each byte turned."""
    for at, byte in enumerate(raw):
        for bit in range(8):
            yield raw[:at] + bytes([byte ^ 1 << bit]) + raw[at + 1 :]


def meaning(body):
    """Return what is signed of a form: the case of the signature and `&` for `=` are not."""
    try:
        fields = dict(read_form(body))
    except CarrierTrouble:
        return None
    fields["sig"] = fields.get("sig", "").lower()
    return {name: value.translate(str.maketrans("&=", "__")) for name, value in fields.items()}


def test_every_flipped_bit_of_the_body_is_refused_or_changes_nothing(signed):
    carrier = make({"signature_method": "sha256"})
    assert carrier.proves(signed)
    accepted = 0
    for body in flips(signed.body):
        request = CallbackRequest(method="POST", url=URL, headers=signed.headers, body=body)
        if carrier.proves(request):
            assert meaning(body) == meaning(signed.body)
            accepted += 1
    assert accepted < len(signed.body)
