"""The four calls that send: `send-raw`, `send`, and their bulk forms.

Both ways in, the fast lane and ASGI, end in `SendingCalls.offer`: what a request means is written
once. The answer comes by a callback when it is durable.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from sendrail.api.auth import MISSING_KEY
from sendrail.api.errors import error_body, shown, status_of
from sendrail.api.v2.orders import (
    INVALID_JSON,
    read_batch,
    read_send,
    read_send_raw,
    recipient_in,
)
from sendrail.domain.account import key_digest
from sendrail.domain.errors import SendrailError
from sendrail.domain.order import Fault, Order
from sendrail.sending.orders import Limits
from sendrail.sending.service import Idempotency, Sending, Submission
from sendrail.sending.verdicts import Accepted, Replay, Told, Verdict

IDEMPOTENCY_KEY_MAX: Final = 255
_JSON: Final = b"application/json"
_NOT_JSON: Final = Fault(
    "unsupported_media_type", "Send the body as `Content-Type: application/json`"
)
_BAD_IDEMPOTENCY_KEY: Final = Fault(
    "invalid_idempotency_key", f"An `Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_MAX} characters"
)
_NOT_A_MESSAGE: Final = Fault(
    "invalid_field", "Each of `messages` must be a JSON object", "messages"
)
_encode: Final = msgspec.json.Encoder().encode

# Status, body, and whether the answer is a replay.
Answer = Callable[[int, bytes, bool], None]
ReadOrder = Callable[[bytes, Limits, str | None], Order | Fault]


class QueuedMessage(msgspec.Struct):
    """The answer to a message that was accepted."""

    success: bool
    message_id: str
    status: str


class BatchMessage(msgspec.Struct):
    """One message of a batch that was queued."""

    index: int
    message_id: str


class BatchError(msgspec.Struct, omit_defaults=True):
    """One message of a batch that was not queued, and why."""

    index: int
    to: str | None
    code: str
    error: str
    message: str | None = None
    param: str | None = None


class BatchAnswer(msgspec.Struct):
    """The answer to a batch."""

    queued_count: int
    error_count: int
    errors: list[BatchError]
    messages: list[BatchMessage]


@dataclass(frozen=True, slots=True)
class Call:
    """One of the sending calls."""

    name: str
    read: ReadOrder
    is_batch: bool


CALLS: Final = {
    "send-raw": Call("send-raw", read_send_raw, is_batch=False),
    "send-raw/bulk": Call("send-raw/bulk", read_send_raw, is_batch=True),
    "send": Call("send", read_send, is_batch=False),
    "send/bulk": Call("send/bulk", read_send, is_batch=True),
}


class SendingCalls:
    """Turns requests into submissions and verdicts into answers."""

    def __init__(self, sending: Sending, limits: Limits) -> None:
        self._sending = sending
        self._limits = limits

    def offer(
        self,
        call: Call,
        *,
        key: str | None,
        content_type: bytes,
        idempotency_key: bytes | None,
        body: bytes,
        request_id: str,
        answer: Answer,
    ) -> None:
        """Take one request; `answer` is called once, when what it says is durable."""
        if key is None:
            answer(401, error_body("missing_api_key", MISSING_KEY, request_id), False)
            return
        raws, orders, whole = self._read(call, content_type, idempotency_key, body)
        promise = None
        if idempotency_key is not None and not whole:
            promise = Idempotency(
                idempotency_key.decode("latin-1"), call.name, hashlib.sha256(body).digest()
            )
        request = _Request(key_digest(key), orders, promise, raws, request_id, answer)
        self._sending.offer(request)

    def _read(
        self, call: Call, content_type: bytes, idempotency_key: bytes | None, body: bytes
    ) -> tuple[Sequence[bytes], Sequence[Order | Fault], bool]:
        """Return a batch's raw messages, the orders, and whether the whole request is at fault."""
        if content_type != _JSON and content_type.partition(b";")[0].strip().lower() != _JSON:
            return [], [_NOT_JSON], True
        if idempotency_key is not None and not 1 <= len(idempotency_key) <= IDEMPOTENCY_KEY_MAX:
            return [], [_BAD_IDEMPOTENCY_KEY], True
        if not call.is_batch:
            order = call.read(body, self._limits, None)
            return [], [order], isinstance(order, Fault)
        batch = read_batch(body)
        if isinstance(batch, Fault):
            return [], [batch], True
        raws = [bytes(raw) for raw in batch[0]]
        orders = [call.read(raw, self._limits, batch[1]) for raw in raws]
        return raws, [_NOT_A_MESSAGE if order is INVALID_JSON else order for order in orders], False


class _Request(Submission):
    """One request of a sending call; `raws` are the messages of a batch, empty for a single one."""

    __slots__ = ("_answer", "_raws", "_request_id")

    def __init__(  # noqa: PLR0917 - one is built for every request, and keywords cost
        self,
        caller: bytes,
        orders: Sequence[Order | Fault],
        idempotency: Idempotency | None,
        raws: Sequence[bytes],
        request_id: str,
        answer: Answer,
    ) -> None:
        self.caller = caller
        self.orders = orders
        self.idempotency = idempotency
        self._raws = raws
        self._request_id = request_id
        self._answer = answer

    def told(self, told: Told) -> None:
        if isinstance(told, Replay):
            self._answer(told.status, told.answer, True)
        elif isinstance(told, SendrailError):
            self._answer(*shown(told, self._request_id), False)
        else:
            self._answer(*self.shape(told), False)

    def shape(self, verdicts: Sequence[Verdict]) -> tuple[int, bytes]:
        if self._raws:
            return _batch_answer(self._raws, verdicts)
        [verdict] = verdicts
        if isinstance(verdict, Accepted):
            # The id is eight letters and digits: nothing in it needs escaping.
            text = f'{{"success":true,"message_id":"{verdict.message_id}","status":"queued"}}'
            return 200, text.encode("ascii")
        return status_of(verdict.code), error_body(
            verdict.code,
            verdict.text,
            self._request_id,
            param=verdict.param,
            detail=verdict.detail,
        )


def _batch_answer(raws: Sequence[bytes], verdicts: Sequence[Verdict]) -> tuple[int, bytes]:
    queued, errors = [], []
    for index, verdict in enumerate(verdicts):
        if isinstance(verdict, Accepted):
            queued.append(BatchMessage(index, verdict.message_id))
        else:
            to = recipient_in(raws[index])
            errors.append(
                BatchError(index, to, verdict.code, verdict.text, verdict.detail, verdict.param)
            )
    return 200, _encode(BatchAnswer(len(queued), len(errors), errors, queued))
