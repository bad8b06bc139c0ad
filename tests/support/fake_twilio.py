"""A fake of Twilio's Messages resource, with the magic numbers of its test credentials.

https://www.twilio.com/docs/iam/test-credentials
"""

import base64
import hmac
import itertools
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "12345678901234567890123456789012"
REFUSED_BY_RECIPIENT = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
REFUSED_BY_SENDER = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}


def sign(token, url, fields, algorithm="sha1"):
    """Return the signature of a form posted to a URL, as Twilio's security page describes it."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), algorithm)).decode()


def callback(url, fields, token=TOKEN, **headers):
    """Return a callback as Twilio posts it."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "x-twilio-signature": sign(token, url, fields),
            **headers,
        },
        body=urlencode(fields).encode(),
    )


def refusal(status, code):
    more = f"https://www.twilio.com/docs/errors/{code}"
    return says(status, {"code": code, "message": "no", "more_info": more, "status": status})


class FakeTwilio:
    """Takes messages for one account, and tells that each is sent and then delivered."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if got.headers.get("authorization") != f"Basic {credentials}":
            return refusal(401, 20003)
        path = urlsplit(got.target).path
        if path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return refusal(404, 20404)
        if got.method == "GET":
            return says(200, {"messages": [], "page": 0, "page_size": 1})
        return self._create(dict(parse_qsl(got.body.decode(), strict_parsing=True)))

    def _create(self, form):
        code = REFUSED_BY_RECIPIENT.get(form["To"]) or REFUSED_BY_SENDER.get(form["From"])
        if code:
            return refusal(429 if code == 21611 else 400, code)
        sid = f"SM{next(self._numbers):032x}"
        url = form.get("StatusCallback")
        told = {"MessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01"}
        told |= {"To": form["To"], "From": form["From"]}
        states = ("sent", "delivered") if url else ()
        return says(
            201,
            {"sid": sid, "status": "queued", "error_code": None, "num_segments": "1"},
            took=tuple(parse_qs(urlsplit(url or "").query).get("message", ())),
            callbacks=tuple(
                callback(url, {**told, "MessageStatus": state, "SmsStatus": state})
                for state in states
            ),
        )
