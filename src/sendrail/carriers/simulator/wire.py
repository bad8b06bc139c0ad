"""The simulator's callbacks as bytes: one JSON shape, written and read by the same structs.

The shape follows what HTTP carriers post: many results, or replies, in one body.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

import msgspec

from sendrail.carriers.reading import read_each, read_text, reader
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, CallbackSubject, IgnoredPart, Receipt, Reply

# The maximum of Infobip, a usual figure.
RESULTS_MAX: Final = 100

_Text = Annotated[str, msgspec.Meta(min_length=1)]
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
    ref: _Text
    message_id: str | None = None
    status: Verdict
    detail: str


class _Incoming(
    msgspec.Struct, kw_only=True, gc=False, rename={"sender": "from", "recipient": "to"}
):
    sender: str | None = None
    recipient: str | None = None
    text: str | None = None


class _Body(msgspec.Struct, kw_only=True, omit_defaults=True):
    results: list[_Result] = []
    replies: list[_Incoming] = []


class _Read(msgspec.Struct):
    results: list[msgspec.Raw] = []
    replies: list[msgspec.Raw] = []


_read: Final = reader(_Read)
_read_result: Final = reader(_Result)
_read_incoming: Final = reader(_Incoming)
_encode: Final = msgspec.json.Encoder().encode


def receipts(
    submitted: Sequence[tuple[str, MessageId | None]], status: Status | None, detail: str
) -> list[bytes]:
    """Return callbacks with one receipt for each message, all with the same status."""
    verdict = _VERDICT_OF[status]
    return [
        _encode(
            _Body(
                results=[
                    _Result(ref=ref, message_id=message_id, status=verdict, detail=detail)
                    for ref, message_id in submitted[begin : begin + RESULTS_MAX]
                ]
            )
        )
        for begin in range(0, len(submitted), RESULTS_MAX)
    ]


def reply(message: OutboundMessage, text: str) -> bytes:
    """Return the callback for a text from the recipient of a message."""
    sender, recipient = phone.show(message.recipient), phone.show(message.sender)
    return _encode(_Body(replies=[_Incoming(sender=sender, recipient=recipient, text=text)]))


def parse(raw: bytes) -> list[Callback]:
    """Return a callback's receipts and replies; raise `CarrierTrouble` when it cannot be read."""
    body = _read(raw)
    return [
        *read_each(body.results, _receipt, lambda _: CallbackSubject.RECEIPT, _alone(b"results")),
        *read_each(body.replies, _reply, lambda _: CallbackSubject.REPLY, _alone(b"replies")),
    ]


def _alone(name: bytes) -> Callable[[msgspec.Raw], bytes]:
    return lambda piece: b'{"%b":[%b]}' % (name, piece)


def _receipt(piece: msgspec.Raw) -> Receipt:
    result = _read_result(piece)
    return Receipt(
        carrier_ref=result.ref,
        status=_STATUS_OF[result.status],
        detail=result.detail,
        message_id=MessageId(result.message_id) if result.message_id else None,
    )


def _reply(piece: msgspec.Raw) -> Reply | IgnoredPart:
    text = _read_incoming(piece)
    return read_text(sender=text.sender, to=text.recipient, text=text.text, country=None)
