"""The plainest carrier by HTTP there could be, and its vendor: what tests of the kit send by."""

import itertools
import json
from typing import Annotated

import msgspec
from http_peer import says

from sendrail.carriers.http import callbacks
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.codes import outcome_by_status
from sendrail.carriers.http.exchange import Request, post_json
from sendrail.carriers.reading import read_json
from sendrail.carriers.sdk import CallbackRequest, read_settings
from sendrail.domain.delivery import OutboundMessage, Submitted
from sendrail.domain.message import Status
from sendrail.domain.receipt import CallbackSubject, Receipt
from sendrail.domain.text import Encoding

KEY = "s3cret-key"


class PlainSettings(HttpSettings, frozen=True, kw_only=True):
    base_url: BaseUrl = "https://plain.example.com"
    method: str = "POST"
    together: int = 1


class PlainCarrier(HttpCarrier):
    """Sends `{"messages": [...]}`, and is answered with `{"refs": [...]}`."""

    Settings = PlainSettings
    vendor = "Plain"

    def __init__(self, settings, context):
        self.chosen = read_settings("plain", settings, PlainSettings)
        self.messages_per_request = self.chosen.together
        super().__init__(self.chosen, context)

    def compose(self, messages):
        url = f"{self.chosen.base_url}/{KEY}/messages"
        told = [{"id": each.message_id, "text": each.body} for each in messages]
        value = {"messages": told, "callback": self.context.callback_url}
        if self.chosen.method == "POST":
            return post_json(url, value, {"Authorization": f"Bearer {KEY}"})
        return Request(method=self.chosen.method, url=url)

    def read_answer(self, messages, answer):
        del messages
        if not answer.is_success:
            return outcome_by_status(self.vendor, answer)
        return [Submitted(ref) for ref in read_json(answer.body, dict[str, list[str]])["refs"]]

    def proves(self, request):
        return request.headers.get("x-key") == KEY

    def parse(self, raw):
        stored = callbacks.unpack(raw)
        return stored.each(
            stored.json(list[msgspec.Raw]),
            b"[%b]",
            self._receipt,
            lambda _: CallbackSubject.RECEIPT,
        )

    def _receipt(self, element):
        ref = read_json(element, Annotated[str, msgspec.Meta(min_length=1)])
        return Receipt(carrier_ref=ref, status=Status.DELIVERED, detail="ok")

    def probe(self):
        return Request(method="GET", url=f"{self.chosen.base_url}/{KEY}/balance")


class PlainVendor:
    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        if got.method != "POST":
            return says(200, {"refs": [f"r{next(self._numbers)}"]})
        value = json.loads(got.body)
        ids = [message["id"] for message in value["messages"]]
        refs = [f"r{next(self._numbers)}" for _ in ids]
        told = ()
        if value["callback"]:
            headers = {"x-key": KEY, "content-type": "application/json"}
            body = json.dumps(refs).encode()
            told = (
                CallbackRequest(method="POST", url=value["callback"], headers=headers, body=body),
            )
        return says(200, {"refs": refs}, took=tuple(ids), callbacks=told)


def messages(count):
    return [
        OutboundMessage(
            message_id=f"m{at:07}",
            recipient=15552340001,
            sender=15559870000,
            body="Hello",
            encoding=Encoding.GSM7,
            segments=1,
        )
        for at in range(count)
    ]
