"""A fake of Sinch's batches, which signs its callbacks."""

import base64
import hashlib
import hmac
import itertools
import json

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest
from sendrail.clock import SystemClock

PLAN = "b0dc0ca5b3244c5fae2a3e6fe4c1cd10"
TOKEN = "a-token-of-the-plan"
SECRET = "a-secret-of-the-plan"
NONCE = "01GXJ7W0QYYR1NYV2BN6PFVN7Z"
REFUSED_BY_RECIPIENT = {
    "+15005550001": (400, "syntax_invalid_parameter_format"),
    "+15005550003": (403, "illegal_number_type"),
}


def sign(body, signed_at, secret=SECRET, nonce=NONCE):
    """Return the signature of a body sent at a time, in seconds as text."""
    signed = f"{body.decode()}.{nonce}.{signed_at}"
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)).decode()


def posted(url, value, headers):
    """Return a callback as Sinch posts it, with these headers."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/json", **headers},
        body=json.dumps(value).encode(),
    )


def callback(url, value, signed_at=None, secret=SECRET, **headers):
    """Return a callback as Sinch posts it for a plan with a secret."""
    signed_at = signed_at or str(SystemClock().now() // 1_000)
    proof = {
        "x-sinch-webhook-signature": sign(json.dumps(value).encode(), signed_at, secret),
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
        "x-sinch-webhook-signature-nonce": NONCE,
        "x-sinch-webhook-signature-timestamp": signed_at,
    }
    return posted(url, value, proof | headers)


def report(batch_id, status, code, **more):
    """Return the value of a report on one recipient."""
    return {
        "type": "recipient_delivery_report_sms",
        "batch_id": batch_id,
        "recipient": "15552340001",
        "code": code,
        "status": status,
        "at": "2026-11-25T02:00:00.000Z",
        **more,
    }


class FakeSinch:
    """Takes batches for one plan, and reports each dispatched and then delivered."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        if got.headers.get("authorization") != f"Bearer {TOKEN}":
            return says(401, {})
        if (got.method, got.target) == ("GET", f"/xms/v1/{PLAN}/batches?page_size=1"):
            return says(200, {"count": 0, "page": 0, "page_size": 0, "batches": []})
        if (got.method, got.target) != ("POST", f"/xms/v1/{PLAN}/batches"):
            return says(404, {})
        return self._create(json.loads(got.body))

    def _create(self, batch):
        [recipient] = batch["to"]
        if recipient in REFUSED_BY_RECIPIENT:
            status, code = REFUSED_BY_RECIPIENT[recipient]
            return says(status, {"code": code, "text": "no"})
        batch_id = f"01FC66621X{next(self._numbers):016}"
        reference, url = batch["client_reference"], batch.get("callback_url")
        states = {"Dispatched": 401, "Delivered": 0} if "delivery_report" in batch and url else {}
        told = {"recipient": recipient.removeprefix("+"), "client_reference": reference}
        return says(
            201,
            {**batch, "id": batch_id, "canceled": False},
            took=(reference,),
            callbacks=tuple(
                callback(url, report(batch_id, state, code, **told))
                for state, code in states.items()
            ),
        )
