"""A fake of Vonage's SMS API, which takes everything with status 200 and says no in the body.

https://developer.vonage.com/en/api/sms
"""

import base64
import hashlib
import hmac
import itertools
import json
import time
from urllib.parse import parse_qsl, urlencode

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

API_KEY = "abcd1234"
API_SECRET = "AbCdEfGh12345678"
AUTHORIZATION = "Basic " + base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
# Recipients that are refused, as nowhere else there is a number for it.
REFUSED = {"15552340007": "7", "15552340029": "29"}


def sign(secret, fields, method="md5hash"):
    """Return the signature of fields, as Vonage's page on signed messages describes it."""
    signed = ""
    for name in sorted(fields):
        value = str(fields[name]).replace("&", "_").replace("=", "_")
        signed += f"&{name}={value}"
    if method == "md5hash":
        return hashlib.md5((signed + secret).encode()).hexdigest()
    return hmac.new(secret.encode(), signed.encode(), method).hexdigest()


def signed(fields, secret, method="md5hash", at=None):
    """Return fields with what makes them a signed webhook; `at` is in seconds."""
    at = int(time.time()) if at is None else at
    fields = {**fields, "timestamp": str(at), "nonce": "8f2a-11e9"}
    return {**fields, "sig": sign(secret, fields, method).upper()}


def form(url, fields):
    """Return a callback as Vonage posts it for an account with POST."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/x-www-form-urlencoded;charset=UTF-8"},
        body=urlencode(fields).encode(),
    )


def in_json(url, fields):
    """Return a callback as Vonage posts it for an account with POST-JSON."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/json"},
        body=json.dumps(fields).encode(),
    )


def by_get(url, fields):
    """Return a callback as Vonage brings it for an account with GET."""
    joint = "&" if "?" in url else "?"
    return CallbackRequest(
        method="GET", url=f"{url}{joint}{urlencode(fields)}", headers={}, body=b""
    )


def receipt(message_id, status="delivered", error="0", **fields):
    """Return the fields of a delivery receipt."""
    return {
        "msisdn": "15552340001",
        "to": "15559870000",
        "network-code": "310260",
        "messageId": message_id,
        "price": "0.03330000",
        "status": status,
        "scts": "2601011000",
        "err-code": error,
        "api-key": API_KEY,
        "message-timestamp": "2026-01-01 10:00:00",
        **fields,
    }


def incoming(text, **fields):
    """Return the fields of an incoming text."""
    return {
        "msisdn": "15552340001",
        "to": "15559870000",
        "messageId": "0B0000004A2D5F5C",
        "text": text,
        "type": "text",
        "keyword": text.split(" ")[0].upper(),
        "api-key": API_KEY,
        "message-timestamp": "2026-01-01 10:00:02",
        **fields,
    }


class FakeVonage:
    """Takes messages for one account, and reports each as accepted and then delivered."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        is_let_in = got.headers.get("authorization") == AUTHORIZATION
        if got.target == "/account/get-balance":
            if not is_let_in:
                return says(401, {"error-code": "401", "error-code-label": "not allowed"})
            return says(200, {"value": 10.0, "autoReload": False})
        if (got.method, got.target) != ("POST", "/sms/json"):
            return says(404, {})
        fields = dict(parse_qsl(got.body.decode(), strict_parsing=True))
        status = self._refuse(fields) if is_let_in else "4"
        return refusal(status) if status else self._take(fields)

    def _refuse(self, fields):
        return REFUSED.get(fields["to"]) if fields.get("text") else "2"

    def _take(self, fields):
        message_id = f"{next(self._numbers):016X}"
        told = {"client-ref": fields["client-ref"]}
        url = fields.get("callback")
        words = ("accepted", "delivered") if url else ()
        part = {"to": fields["to"], "message-id": message_id, "status": "0", **told}
        return says(
            200,
            {"message-count": "1", "messages": [part | {"remaining-balance": "10.0"}]},
            took=(fields["client-ref"],),
            callbacks=tuple(form(url, receipt(message_id, word, **told)) for word in words),
        )


def refusal(status):
    part = {"status": status, "error-text": "In words"}
    return says(200, {"message-count": "1", "messages": [part]})
