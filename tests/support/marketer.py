"""An account with a list and an audience, whose schedules tests make over HTTP."""

import uuid
from datetime import UTC, date, datetime, timedelta

from asking import ask, told
from written import parsed

from sendrail.domain.audit import Actor
from sendrail.tracking.offers import OfferChange

FILTER = {
    "operator": "AND",
    "conditions": [
        {
            "condition_type": "custom_field",
            "field": "custom_fields.plan",
            "operator": "eq",
            "value": "pro",
        }
    ],
}


def _a_monday():
    """Return the first Monday from the fourth of next January on.

    Servers here go by the machine's clock: on whatever day a test runs, it lies ahead. And it is
    winter by then in New York.
    """
    fourth = date(datetime.now(UTC).year + 1, 1, 4)
    return fourth + timedelta(days=-fourth.weekday() % 7)


MONDAY = _a_monday()
A_MONDAY = f"{MONDAY}T00:00:00Z"


class Marketer:
    """An account of a test's own, with a list of two contacts and an audience of one."""

    def __init__(self, door):
        self.door, runtime = door, door.runtime
        self.id = door.do(runtime.accounts.add(f"schedules {uuid.uuid4()}"))
        self.key = door.new_key(self.id)
        self.list = door.do(
            runtime.lists.add(self.id, parsed(door.recipient()), brand="Acme", connector="sandbox")
        ).sender
        for plan in ("pro", "free"):
            contact = parsed(door.recipient())
            fields = {"plan": plan}
            door.do(runtime.contacts.add(self.id, self.list.number, contact, custom_fields=fields))
        body = {"name": "Pro", "filter": FILTER}
        self.audience = told(self.ask("POST", "audiences", body))["id"]

    def ask(self, method, path, body=None):
        return ask(self.door, method, path, body, x_api_key=self.key)

    def body(self, **more):
        return {
            "name": "Deals",
            "send_type": "blast",
            "is_repeating": False,
            "send_time": "10:00",
            "send_date": A_MONDAY,
            "audiences": [self.audience],
            "blasts": [{"message": "Hi, deals! Reply STOP to opt out."}],
        } | more

    def post(self, **more):
        return self.ask("POST", "schedules", self.body(**more))

    def make(self, **more):
        return told(self.post(**more))["schedule"]

    def put(self, made, **body):
        return self.ask("PUT", f"schedules/{made['id']}", body)

    def checked(self, made):
        return told(self.ask("POST", f"schedules/{made['id']}/preflight", {}))

    def offer(self, **more):
        given = OfferChange(name="Offer", tracking_url="https://shop.example/", **more)
        return self.door.do(
            self.door.runtime.tracking.offers.add(self.id, given, Actor(name="a test"))
        ).ref

    def actions(self):
        found = self.door.do(self.door.runtime.audit.page(self.id))
        return [(each.action, dict(each.details)) for each in found]
