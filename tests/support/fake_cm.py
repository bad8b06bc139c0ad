"""A fake of CM.com's JSON gateway; where its reports go is set for the account, not by message.

https://developers.cm.com/messaging/docs
"""

import json
import re

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

PRODUCT_TOKEN = "00000000-1111-2222-3333-444444444444"
# Recipients that are refused, as nowhere else there is a number for it.
REFUSED = {"0015552340303": 303, "0015552340402": 402}


def report(reference, code, error_code=""):
    """Return the body of a status report, after the template of CM.com's page."""
    return {
        "messages": {
            "msg": {
                "received": "2026-01-01T10:00:00",
                "to": "0015552340001",
                "reference": reference,
                "status": {"code": code, "errorCode": error_code, "errorDescription": "In words"},
                "operator": "310260",
            }
        }
    }


def incoming(text, **fields):
    """Return the body of an incoming text."""
    return {
        "from": {"number": "0015552340001", "name": None},
        "to": {"number": "0015559870000"},
        "message": {"text": text, "media": {"mediaUri": "", "contentType": ""}, "custom": {}},
        "reference": "x7y8z9w0",
        "groupings": ["", "", ""],
        "timeUtc": "2026-01-01T10:00:02",
        "channel": "SMS",
        **fields,
    }


def callback(url, value, **headers):
    """Return a callback as CM.com posts it."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/json; charset=utf-8", **headers},
        body=json.dumps(value).encode(),
    )


def refusal(code):
    return {"details": "In words", "errorCode": code, "messages": []}


class FakeCm:
    """Takes messages for one product token, and reports each as accepted and then delivered."""

    def __init__(self):
        self.callback_url = None

    def __call__(self, got):
        if got.headers.get("x-cm-producttoken") != PRODUCT_TOKEN:
            return says(400, refusal(101))
        if (got.method, got.target) != ("POST", "/v1.0/message"):
            return says(404, {})
        answers, took = [], []
        for message in json.loads(got.body)["messages"]["msg"]:
            code = self._refuse(message)
            if not code:
                took.append(message["reference"])
            answers.append(
                {
                    "to": message["to"][0]["number"],
                    "status": "Rejected" if code else "Accepted",
                    "reference": message["reference"],
                    "parts": 0 if code else 1,
                    "messageDetails": "In words" if code else None,
                    "messageErrorCode": code,
                }
            )
        value = {
            "details": f"Created {len(took)} message(s)",
            "errorCode": 0 if len(took) == len(answers) else 201,
            "messages": answers,
        }
        told = [report(each, code) for each in took for code in ("0", "2")]
        callbacks = [callback(self.callback_url, each) for each in told if self.callback_url]
        return says(200 if took else 400, value, took=tuple(took), callbacks=tuple(callbacks))

    def _refuse(self, message):
        [recipient] = message["to"]
        if not re.fullmatch(r"00[1-9][0-9]{6,14}", recipient["number"]):
            return 303
        if not message["body"]["content"]:
            return 304
        return REFUSED.get(recipient["number"], 0)
