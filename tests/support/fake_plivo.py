"""A fake of Plivo's Message resource, which signs its callbacks in both versions."""

import base64
import hashlib
import hmac
import itertools
import json
from urllib.parse import parse_qs, urlencode, urlsplit

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

ACCOUNT = "MAXXXXXXXXXXXXXXXXX1"
TOKEN = "Yjk1234567890123456789012345678901234567"
NONCE = "05429567804466091622"
REFUSED_BY_RECIPIENT = {"+15005550001": 400, "+15005550003": 403}


def _hmac(token, text):
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha256)).decode()


def sign_v3(token, url, fields, nonce=NONCE):
    """Return the signature of a form posted to a URL, whose query needs no decoding."""
    bare, _, query = url.partition("?")
    query = "&".join(sorted(query.split("&")))
    mark = {
        (True, True): f"?{query}.",
        (True, False): f"?{query}",
        (False, True): "?",
        (False, False): "",
    }[bool(query), bool(fields)]
    told = "".join(name + fields[name] for name in sorted(fields))
    return _hmac(token, f"{bare}{mark}{told}.{nonce}")


def sign_v2(token, url, nonce=NONCE):
    """Return the signature of a URL, without its query."""
    return _hmac(token, url.partition("?")[0] + nonce)


def headers_v3(token, url, fields):
    return {
        "x-plivo-signature-v3": sign_v3(token, url, fields),
        "x-plivo-signature-v3-nonce": NONCE,
    }


def headers_v2(token, url):
    return {"x-plivo-signature-v2": sign_v2(token, url), "x-plivo-signature-v2-nonce": NONCE}


def posted(url, fields, headers):
    """Return a form as Plivo posts it, with these headers."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/x-www-form-urlencoded", **headers},
        body=urlencode(fields).encode(),
    )


def callback(url, fields, token=TOKEN):
    """Return a callback as Plivo posts it."""
    return posted(url, fields, headers_v3(token, url, fields) | headers_v2(token, url))


class FakePlivo:
    """Takes messages for one account, and tells that each is sent and then delivered."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if got.headers.get("authorization") != f"Basic {credentials}":
            return says(401, {"api_id": "a1", "error": "invalid authentication credentials"})
        if (got.method, got.target) == ("GET", f"/v1/Account/{ACCOUNT}/"):
            return says(200, {"api_id": "a1", "cash_credits": "20.00000", "auth_id": ACCOUNT})
        if (got.method, got.target) != ("POST", f"/v1/Account/{ACCOUNT}/Message/"):
            return says(404, {"api_id": "a1", "error": "not found"})
        return self._create(json.loads(got.body))

    def _create(self, message):
        if status := REFUSED_BY_RECIPIENT.get(message["dst"]):
            return says(status, {"api_id": "a1", "error": "no"})
        uuid = f"db3ce55a-7f1d-11e1-8ea7-{next(self._numbers):012x}"
        url = message.get("url")
        told = {
            "MessageUUID": uuid,
            "ParentMessageUUID": uuid,
            "To": message["dst"].removeprefix("+"),
            "From": message["src"].removeprefix("+"),
            "Units": "1",
        }
        states = ("queued", "sent", "delivered") if url else ()
        return says(
            202,
            {"api_id": "a1", "message": "message(s) queued", "message_uuid": [uuid]},
            took=tuple(parse_qs(urlsplit(url or "").query).get("message", ())),
            callbacks=tuple(callback(url, {**told, "Status": state}) for state in states),
        )
