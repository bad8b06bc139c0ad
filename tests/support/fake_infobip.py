"""A fake of Infobip's SMS API: messages by the batch, receipts by the batch.

https://www.infobip.com/docs/api/channels/sms
"""

import json

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

KEY = "0123456789abcdef-01234567-89ab-cdef"
STATUSES = {
    "PENDING_ACCEPTED": (1, 26),
    "PENDING_ENROUTE": (1, 7),
    "UNDELIVERABLE_REJECTED_OPERATOR": (2, 4),
    "UNDELIVERABLE_NOT_DELIVERED": (2, 9),
    "DELIVERED_TO_OPERATOR": (3, 2),
    "DELIVERED_TO_HANDSET": (3, 5),
    "EXPIRED_EXPIRED": (4, 15),
    "REJECTED_NETWORK": (5, 6),
    "REJECTED_DND": (5, 10),
    "REJECTED_NOT_ENOUGH_CREDITS": (5, 12),
    "REJECTED_SENDER": (5, 13),
    "REJECTED_DESTINATION_BLOCKLISTED": (5, 14),
    "REJECTED_SYSTEM_ERROR": (5, 21),
    "REJECTED_DUPLICATE_MESSAGE_ID": (5, 23),
    "REJECTED_DESTINATION": (5, 52),
    "REJECTED_A_NEW_REASON": (5, 999),
    "A_NEW_STATUS": (9, 999),
}
GROUPS = {
    0: "ACCEPTED",
    1: "PENDING",
    2: "UNDELIVERABLE",
    3: "DELIVERED",
    4: "EXPIRED",
    5: "REJECTED",
    9: "A_NEW_GROUP",
}
# Recipients that are refused, as nowhere else there is a number for it.
REFUSED = {"15552340052": "REJECTED_DESTINATION", "15552340014": "REJECTED_DESTINATION_BLOCKLISTED"}


def status(name):
    group, number = STATUSES[name]
    return {
        "groupId": group,
        "groupName": GROUPS[group],
        "id": number,
        "name": name,
        "description": "In words",
    }


def error(name="NO_ERROR", group=0):
    names = ("OK", "HANDSET_ERRORS", "USER_ERRORS", "OPERATOR_ERRORS")
    return {
        "groupId": group,
        "groupName": names[group],
        "id": 0,
        "name": name,
        "description": "In words",
        "permanent": False,
    }


def report(message_id, name, error_name="NO_ERROR"):
    """Return one delivery report, as it stands among the results of a callback."""
    return {
        "bulkId": "b1",
        "messageId": message_id,
        "to": "15552340001",
        "sentAt": "2026-01-01T10:00:00.000+0000",
        "doneAt": "2026-01-01T10:00:01.000+0000",
        "messageCount": 1,
        "sender": "15559870000",
        "mccMnc": "310260",
        "price": {"pricePerMessage": 0.01, "currency": "EUR"},
        "status": status(name),
        "error": error(error_name),
    }


def incoming(text, **fields):
    """Return one incoming text, as it stands among the results of a callback."""
    return {
        "messageId": "817790313235066447",
        "from": "15552340001",
        "to": "15559870000",
        "text": text,
        "cleanText": text,
        "keyword": "",
        "receivedAt": "2026-01-01T10:00:02.000+0000",
        "smsCount": 1,
        "price": {"pricePerMessage": 0, "currency": "EUR"},
        "callbackData": "",
        **fields,
    }


def callback(url, results, **headers):
    """Return a callback as Infobip posts it."""
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/json;charset=UTF-8", **headers},
        body=json.dumps({"results": results}).encode(),
    )


def refusal(code, properties=()):
    return {
        "errorCode": code,
        "description": "In words",
        "action": "Try otherwise",
        "violations": [{"property": each, "violation": "is wrong"} for each in properties],
        "resources": [],
    }


class FakeInfobip:
    """Takes messages for one API key, knows their ids again, and reports each as delivered."""

    def __init__(self):
        self._seen = set()

    def __call__(self, got):
        if got.headers.get("authorization") != f"App {KEY}":
            return says(401, refusal("E401"))
        if got.target == "/sms/3/logs?limit=1":
            return says(200, {"results": []})
        if got.target != "/sms/3/messages":
            return says(404, refusal("E404"))
        return self._take(json.loads(got.body)["messages"])

    def _take(self, messages):
        answers, took, reports = [], [], {}
        for message in messages:
            [destination] = message["destinations"]
            message_id = destination["messageId"]
            name = REFUSED.get(destination["to"], "PENDING_ACCEPTED")
            if message_id in self._seen:
                name = "REJECTED_DUPLICATE_MESSAGE_ID"
            self._seen.add(message_id)
            answers.append(
                {
                    "messageId": message_id,
                    "status": status(name),
                    "destination": destination["to"],
                    "details": {"messageCount": 1},
                }
            )
            if name == "PENDING_ACCEPTED":
                took.append(message_id.partition("-")[0])
                if "webhooks" in message:
                    url = message["webhooks"]["delivery"]["url"]
                    reports.setdefault(url, []).append(report(message_id, "DELIVERED_TO_HANDSET"))
        told = tuple(callback(url, results) for url, results in reports.items())
        return says(200, {"bulkId": "b1", "messages": answers}, took=tuple(took), callbacks=told)
