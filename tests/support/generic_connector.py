"""Connectors of kind `http` to try: the smallest settings, and some that take callbacks."""

from sendrail.carriers.generic.carrier import GenericCarrier
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.text import Encoding

URL = "https://sms.example.com/callbacks/k3"
BODY = '50 % off & more: "now" 😊'
MINIMAL = {"url": "https://g.example/send", "answer": {"id": "id"}}
RECEIPTS = {"id": "id", "status": "state", "statuses": {"ok": "delivered", "no": "failed"}}
REPLIES = {"from": "from", "to": "to", "text": "text"}
HEARING = MINIMAL | {"trust_callback_url": True, "receipts": RECEIPTS, "replies": REPLIES}


def message(body=BODY):
    return OutboundMessage(
        message_id="x7y8z9w0",
        recipient=15550100001,
        sender=15550001000,
        body=body,
        encoding=Encoding.UCS2,
        segments=1,
    )


def make(settings, callback_url=URL):
    return GenericCarrier(settings, ConnectorContext(callback_url=callback_url))


def heard(settings, request):
    """Return what a connector makes of a callback, which it must believe."""
    carrier = make(settings)
    answer = carrier.read_callback(request)
    assert answer.status == 200, answer
    return list(carrier.parse(*answer.raws))
