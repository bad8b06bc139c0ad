"""A fake of Telnyx's messages resource, with a key of its own that signs its webhooks."""

import base64
import itertools
import json
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_peer import says

from sendrail.carriers.sdk import CallbackRequest
from sendrail.clock import SystemClock

KEY = "KEY0123456789ABCDEF_telnyx"
PROFILE = "16fd2706-8baf-433b-82eb-8c7fada847da"
SEED = bytes(range(32))
OTHER_SEED = bytes(range(1, 33))
REFUSED_BY_RECIPIENT = {
    "+15005550001": 40310,
    "+15005550003": 40309,
    "+15005550004": 40300,
}


def public_key(seed=SEED):
    """Return the public half of a key, as the portal shows it."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode()


def sign(body, signed_at, seed=SEED):
    """Return the signature of a body sent at a time, in seconds as text."""
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(signed_at.encode() + b"|" + body)
    return base64.b64encode(signature).decode()


def callback(url, value, signed_at=None, seed=SEED, **headers):
    """Return a webhook as Telnyx posts it."""
    signed_at = signed_at or str(SystemClock().now() // 1_000)
    body = json.dumps(value).encode()
    return CallbackRequest(
        method="POST",
        url=url,
        headers={
            "content-type": "application/json",
            "telnyx-signature-ed25519": sign(body, signed_at, seed),
            "telnyx-timestamp": signed_at,
            **headers,
        },
        body=body,
    )


def event(kind, payload):
    """Return the body of a webhook."""
    return {
        "data": {
            "event_type": kind,
            "id": "4ee8c3a6-4995-4309-a3c6-38e3db9ea4be",
            "occurred_at": "2026-01-01T00:00:00.000+00:00",
            "payload": {"record_type": "message", "type": "SMS", **payload},
            "record_type": "event",
        },
        "meta": {"attempt": 1, "delivered_to": "https://sms.example.com/"},
    }


def refusal(status, code):
    return says(status, {"errors": [{"code": str(code), "title": "no", "detail": "no"}]})


class FakeTelnyx:
    """Takes messages for one account, and tells that each is sent and then delivered."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        if got.headers.get("authorization") != f"Bearer {KEY}":
            return refusal(401, 10009)
        if (got.method, got.target) == ("GET", "/v2/balance"):
            return says(200, {"data": {"balance": "300.00", "currency": "USD"}})
        if (got.method, got.target) != ("POST", "/v2/messages"):
            return refusal(404, 10005)
        return self._create(json.loads(got.body))

    def _create(self, message):
        if code := REFUSED_BY_RECIPIENT.get(message["to"]):
            return refusal(403 if code == 40300 else 400, code)
        told = {
            "id": f"40385f64-5717-4562-b3fc-{next(self._numbers):012x}",
            "direction": "outbound",
            "from": {"phone_number": message["from"]},
            "text": message["text"],
            "errors": [],
            "webhook_url": message.get("webhook_url"),
        }
        url = told["webhook_url"]
        states = {"message.sent": "sent", "message.finalized": "delivered"} if url else {}
        return says(
            200,
            {"data": {**told, "to": [{"phone_number": message["to"], "status": "queued"}]}},
            took=tuple(parse_qs(urlsplit(url or "").query).get("message", ())),
            callbacks=tuple(
                callback(
                    url,
                    event(kind, {**told, "to": [{"phone_number": message["to"], "status": state}]}),
                )
                for kind, state in states.items()
            ),
        )
