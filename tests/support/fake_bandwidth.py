"""A fake of Bandwidth's messages resource, and of the events it posts.

https://dev.bandwidth.com/apis/messaging-apis/messaging
"""

import base64
import itertools
import json
import re
from urllib.parse import urlsplit

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

ACCOUNT = "9900000"
APPLICATION = "93de2206-9669-4e07-948d-329f4b722ee2"
USER, PASSWORD = "api-user", "api-password"
CALLER, CALLER_PASSWORD = "bandwidth", "callback-password"
SETTINGS = {
    "account_id": ACCOUNT,
    "application_id": APPLICATION,
    "username": USER,
    "password": PASSWORD,
    "callback_user": CALLER,
    "callback_password": CALLER_PASSWORD,
}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def event(kind, *, ref="1589228074636lm4k2je7j7jklbn2", tag="x7y8z9w0", **more):
    """Return an event on an outgoing message, with all that Bandwidth's specification requires."""
    return {
        "time": "2026-11-25T02:00:00.000000Z",
        "type": kind,
        "to": "+15552340001",
        "description": "what happened",
        "message": {
            "id": ref,
            "owner": "+15559870000",
            "applicationId": APPLICATION,
            "time": "2026-11-25T02:00:00.000000Z",
            "segmentCount": 1,
            "direction": "out",
            "to": ["+15552340001"],
            "from": "+15559870000",
            "text": "",
            "tag": tag,
        },
    } | more


def received(text, *, sender="+15552340001", to="+15559870000", **more):
    """Return an event on a text to one of our numbers."""
    told = event("message-received", to=to)
    told["message"] |= {"direction": "in", "to": [to], "from": sender, "text": text} | more
    return told


def callback(url, *events, user=CALLER, password=CALLER_PASSWORD):
    """Return events as Bandwidth posts them."""
    headers = {"content-type": "application/json; charset=utf-8"}
    headers["authorization"] = basic(user, password)
    return CallbackRequest(
        method="POST", url=url, headers=headers, body=json.dumps(events).encode()
    )


def refusal(status, kind, *fields):
    value = {"type": kind, "description": "no"}
    if fields:
        value["fieldErrors"] = [{"fieldName": name, "description": "no"} for name in fields]
    return says(status, value)


class FakeBandwidth:
    """Takes messages for one account, and posts what becomes of each to its application's URL.

    `url` is a function that returns the URL: an application has one for all its messages.
    """

    def __init__(self, url):
        self._url = url
        self._numbers = itertools.count(1)

    def __call__(self, got):
        if got.headers.get("authorization") != basic(USER, PASSWORD):
            return refusal(401, "unauthorized")
        path = urlsplit(got.target).path
        if got.method == "GET" and path == f"/api/v2/users/{ACCOUNT}/media":
            return says(200, [])
        if got.method != "POST" or path != f"/api/v2/users/{ACCOUNT}/messages":
            return refusal(404, "resource-not-found")
        return self._create(json.loads(got.body))

    def _create(self, message):
        if message["applicationId"] != APPLICATION:
            return refusal(400, "request-validation", "applicationId")
        if not all(map(_E164, message["to"])):
            return refusal(400, "request-validation", "to")
        ref = f"{next(self._numbers):013}fake"
        kinds = ("message-sending", "message-delivered")
        told = [event(kind, ref=ref, tag=message["tag"]) for kind in kinds]
        return says(
            202,
            message | {"id": ref, "segmentCount": 1, "direction": "out"},
            took=(message["tag"],),
            callbacks=tuple(callback(self._url(), each) for each in told),
        )
