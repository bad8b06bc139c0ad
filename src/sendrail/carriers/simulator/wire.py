"""The simulator's callbacks as bytes: one JSON shape, written and read by the same structs.

The shape follows what HTTP carriers post: many results, or replies, in one body.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from sendrail.domain import phone, sender_ids
from sendrail.domain.delivery import Outbound
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, Receipt, Reply

# What Infobip puts in one request at most; a usual figure.
RESULTS_MAX: Final = 100

Verdict = Literal["DELIVERED", "UNDELIVERED", "FAILED", "ENROUTE"]
_STATUS_OF: Final[dict[Verdict, Status | None]] = {
    "DELIVERED": Status.DELIVERED,
    "UNDELIVERED": Status.UNDELIVERED,
    "FAILED": Status.FAILED,
    "ENROUTE": None,
}
_VERDICT_OF: Final = {status: verdict for verdict, status in _STATUS_OF.items()}


class _Result(
    msgspec.Struct, kw_only=True, gc=False, omit_defaults=True, rename={"message_id": "messageId"}
):
    ref: str
    message_id: str | None = None
    status: Verdict
    detail: str


class _Incoming(
    msgspec.Struct, kw_only=True, gc=False, rename={"sender": "from", "recipient": "to"}
):
    sender: str
    recipient: str
    text: str


class _Body(msgspec.Struct, kw_only=True, omit_defaults=True):
    results: list[_Result] = []
    replies: list[_Incoming] = []


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Body).decode


def receipts(
    told: Sequence[tuple[str, MessageId | None]], status: Status | None, detail: str
) -> list[bytes]:
    """Return the callbacks that say the same of many messages, each a reference and maybe an id."""
    verdict = _VERDICT_OF[status]
    return [
        _encode(
            _Body(
                results=[
                    _Result(ref=ref, message_id=message_id, status=verdict, detail=detail)
                    for ref, message_id in told[begin : begin + RESULTS_MAX]
                ]
            )
        )
        for begin in range(0, len(told), RESULTS_MAX)
    ]


def reply(message: Outbound, text: str) -> bytes:
    """Return the callback for a text written back by the recipient of a message."""
    sender, recipient = phone.show(message.recipient), phone.show(message.sender)
    return _encode(_Body(replies=[_Incoming(sender=sender, recipient=recipient, text=text)]))


def parse(raw: bytes) -> list[Callback]:
    """Return what a callback says; raises `CarrierTrouble` when it cannot be read."""
    try:
        body = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CarrierTrouble(f"The simulator's callback cannot be read: {error}") from error
    return [*map(_receipt, body.results), *_replies(body.replies)]


def _receipt(result: _Result) -> Receipt:
    return Receipt(
        carrier_ref=result.ref,
        status=_STATUS_OF[result.status],
        detail=result.detail,
        message_id=None if result.message_id is None else MessageId(result.message_id),
    )


def _replies(incoming: Iterable[_Incoming]) -> Iterable[Reply]:
    for text in incoming:
        sender, list_number = phone.parse(text.sender), sender_ids.destination(text.recipient)
        if sender is None or list_number is None:
            raise CarrierTrouble(
                "A reply of the simulator names a sender that is not E.164, or a list that is "
                "neither that nor a short code."
            )
        yield Reply(sender=sender, list_number=list_number, body=text.text)
