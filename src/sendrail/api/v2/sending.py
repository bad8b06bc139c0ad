"""What the calls that send do.

Both ways in, the fast lane and ASGI, end in `SendingCalls.offer`: what a request means is written
once. The request gets its answer when what that says is durable.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from sendrail.api.auth import MISSING_KEY
from sendrail.api.errors import error_body, shown, status_of
from sendrail.api.v2.calls import BatchAnswer, BatchError, BatchMessage, Call
from sendrail.api.v2.decoding import INVALID_JSON
from sendrail.api.v2.orders import read_batch, recipient_in
from sendrail.domain.errors import SendrailError
from sendrail.domain.ids import MessageId
from sendrail.domain.order import Fault, Order
from sendrail.intake.orders import Limits
from sendrail.intake.service import Intake
from sendrail.intake.submission import IdempotencyKey, Submission
from sendrail.intake.verdicts import Accepted, Replay, SubmissionResult, Verdict

BASES: Final = ("/api/v2", "/v2")
IDEMPOTENCY_KEY_MAX: Final = 255
JSON: Final = b"application/json"
_NOT_JSON: Final = Fault(
    "unsupported_media_type", "Send the body as `Content-Type: application/json`"
)
_BAD_IDEMPOTENCY_KEY: Final = Fault(
    "invalid_idempotency_key", f"An `Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_MAX} characters"
)
_NOT_A_MESSAGE: Final = Fault("invalid_field", "Each of messages must be a JSON object", "messages")
_encode: Final = msgspec.json.Encoder().encode


class SendingRequest(Submission):
    """One request of a sending call; how its answer gets out, each way in says for itself.

    `raws` are the messages of a batch, empty for a single one. The caller who makes one sets it,
    and `idempotency`, to nothing.
    """

    __slots__ = ("raws",)

    raws: Sequence[bytes]

    def answer(self, status: int, content: bytes, *, replayed: bool = False) -> None:
        """Give the answer; called once."""
        raise NotImplementedError

    def answer_queued(self, message_id: MessageId) -> None:
        """Give the usual answer: a single message was accepted."""
        self.answer(200, queued_body(message_id).encode("ascii"))

    def request_id(self) -> str:
        """Return the id that the answer names."""
        raise NotImplementedError

    def resolve(self, result: SubmissionResult) -> None:
        """Answer with what the gate said, when it is durable."""
        if isinstance(result, list):
            if not self.raws and isinstance(result[0], Accepted):
                self.answer_queued(result[0].message_id)
            else:
                self.answer(*self.shape(result))
        elif isinstance(result, Replay):
            self.answer(result.status, result.answer, replayed=True)
        else:
            assert isinstance(result, SendrailError), "verdicts come as a list"
            self.answer(*shown(result, self.request_id()))

    def shape(self, verdicts: Sequence[Verdict]) -> tuple[int, bytes]:
        """Return the answer to these verdicts."""
        if self.raws:
            return _batch_answer(self.raws, verdicts)
        [verdict] = verdicts
        if isinstance(verdict, Accepted):
            return 200, queued_body(verdict.message_id).encode("ascii")
        return status_of(verdict.code), error_body(
            verdict.code,
            verdict.text,
            self.request_id(),
            param=verdict.param,
            detail=verdict.detail,
        )


def queued_body(message_id: MessageId) -> str:
    """Return the answer to a single message that was accepted."""
    # The id is eight letters and digits: nothing in it needs escaping.
    return f'{{"success":true,"message_id":"{message_id}","status":"queued"}}'


class SendingCalls:
    """Turns requests into submissions."""

    def __init__(self, intake: Intake, limits: Limits) -> None:
        self._intake = intake
        self._limits = limits

    def offer(
        self,
        request: SendingRequest,
        call: Call,
        *,
        caller: bytes | None,
        content_type: bytes,
        idempotency_key: bytes | None,
        body: bytes,
    ) -> None:
        """Take one request; it is answered once, when what the answer says is durable.

        `caller` is the digest of the API key.
        """
        if caller is None:
            self._refuse_keyless(request)
            return
        request.caller = caller
        request.raws, request.orders, whole = self._read(call, content_type, idempotency_key, body)
        if idempotency_key is not None and not whole:
            request.idempotency = IdempotencyKey(
                idempotency_key.decode("latin-1"), call.name, hashlib.sha256(body).digest()
            )
        self._intake.offer(request)

    def offer_single(
        self, request: SendingRequest, call: Call, caller: bytes | None, body: bytes
    ) -> None:
        """Take a request with a single message in JSON, and no idempotency key."""
        if caller is None:
            self._refuse_keyless(request)
            return
        request.caller = caller
        request.orders = (call.read(body, self._limits, None),)
        self._intake.offer(request)

    @staticmethod
    def _refuse_keyless(request: SendingRequest) -> None:
        content = error_body("missing_api_key", MISSING_KEY, request.request_id())
        request.answer(401, content)

    def _read(
        self, call: Call, content_type: bytes, idempotency_key: bytes | None, body: bytes
    ) -> tuple[Sequence[bytes], Sequence[Order | Fault], bool]:
        """Return a batch's raw messages, the orders, and whether the whole request is at fault."""
        if not is_json(content_type):
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
        return raws, [_judged_alone(order) for order in orders], False


def _judged_alone(order: Order | Fault) -> Order | Fault:
    """Return an order of a batch; a fault in the JSON was reported for the batch as a whole."""
    not_one = isinstance(order, Fault) and order.code == INVALID_JSON
    return _NOT_A_MESSAGE if not_one else order


def is_json(content_type: bytes) -> bool:
    """Return whether a `Content-Type` says that the body is JSON."""
    return content_type == JSON or content_type.partition(b";")[0].strip().lower() == JSON


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
