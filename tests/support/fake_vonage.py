"""A fake of Vonage's two APIs.

The SMS API takes everything with status 200 and says no in the body; the Messages API does not.
https://developer.vonage.com/en/api/sms
https://developer.vonage.com/en/api/messages
"""

import base64
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

API_KEY = "abcd1234"
API_SECRET = "AbCdEfGh12345678"
AUTHORIZATION = "Basic " + base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
# Recipients that are refused, as nowhere else there is a number for it.
REFUSED = {"15552340007": "7", "15552340029": "29"}
REFUSED_BY_MESSAGES = {"15552341050": (422, "1050"), "15552341000": (429, "1000")}


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


def status(message_uuid, word="delivered", code=None, **fields):
    """Return what the Messages API tells of a message."""
    about = "https://developer.vonage.com/api-errors/messages#"
    error = {"type": about + str(code), "title": str(code), "detail": "In words", "instance": "i"}
    return {
        "message_uuid": message_uuid,
        "to": "15552340001",
        "from": "15559870000",
        "timestamp": "2026-01-01T10:00:00.000Z",
        "status": word,
        "usage": {"price": "0.0333", "currency": "EUR"},
        "channel": "sms",
        **({"error": error} if code else {}),
        **fields,
    }


def message_in(text, **fields):
    """Return an incoming text of the Messages API."""
    return {
        "channel": "sms",
        "message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
        "to": "15559870000",
        "from": "15552340001",
        "timestamp": "2026-01-01T10:00:02.000Z",
        "text": text,
        "sms": {"num_messages": "1", "keyword": "HI"},
        "message_type": "text",
        **fields,
    }


def _base64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(secret, body, at=None, **claims):
    """Return the token with which the Messages API signs a body, after RFC 7515."""
    claims = {
        "iat": int(time.time()) if at is None else at,
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": API_KEY,
        **claims,
    }
    head = {"alg": "HS256", "typ": "JWT"}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def with_token(url, fields, secret, at=None):
    """Return a signed callback of the Messages API."""
    request = in_json(url, fields)
    bearer = f"Bearer {token(secret, request.body, at)}"
    return replace(request, headers={**request.headers, "authorization": bearer})


def problem(http_status, code):
    about = f"https://developer.vonage.com/api-errors/messages#{code}"
    return says(http_status, {"type": about, "title": "No", "detail": "In words", "instance": "i"})


class FakeVonage:
    """Takes messages for one account, and reports each as accepted and then delivered."""

    def __init__(self, secret=None):
        self._numbers = itertools.count(1)
        self._secret = secret

    def __call__(self, got):
        is_let_in = got.headers.get("authorization") == AUTHORIZATION
        if got.target == "/v1/messages":
            return self._message(json.loads(got.body)) if is_let_in else problem(401, "x")
        if got.target == "/account/get-balance":
            if not is_let_in:
                return says(401, {"error-code": "401", "error-code-label": "not allowed"})
            return says(200, {"value": 10.0, "autoReload": False})
        if (got.method, got.target) != ("POST", "/sms/json"):
            return says(404, {})
        fields = dict(parse_qsl(got.body.decode(), strict_parsing=True))
        refused = self._refuse(fields) if is_let_in else "4"
        return refusal(refused) if refused else self._take(fields)

    def _message(self, message):
        if message["to"] in REFUSED_BY_MESSAGES:
            return problem(*REFUSED_BY_MESSAGES[message["to"]])
        uuid = f"00000000-0000-4000-8000-{next(self._numbers):012x}"
        ours, url = message["client_ref"], message.get("webhook_url")
        told = [status(uuid, word, client_ref=ours) for word in ("submitted", "delivered")]
        callbacks = tuple(with_token(url, each, self._secret) for each in told) if url else ()
        return says(202, {"message_uuid": uuid}, took=(ours,), callbacks=callbacks)

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


def refusal(code):
    part = {"status": code, "error-text": "In words"}
    return says(200, {"message-count": "1", "messages": [part]})
