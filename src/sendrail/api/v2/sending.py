"""The four calls that send: `send-raw`, `send`, and their bulk forms.

Both ways in, the fast lane and ASGI, end in `SendingCalls.offer`: what a request means is written
once. The request is told when what its answer says is durable.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sendrail.api.auth import MISSING_KEY
from sendrail.api.errors import error_body, shown, status_of
from sendrail.api.v2.decoding import INVALID_JSON
from sendrail.api.v2.field_types import (
    Always,
    Count,
    GivenNumber,
    PublicId,
    one_of,
    schema,
)
from sendrail.api.v2.operation import LIST, POSTING, RECIPIENT, Operation
from sendrail.api.v2.orders import (
    BATCH_MAX,
    Send,
    SendRaw,
    read_batch,
    read_send,
    read_send_raw,
    recipient_in,
)
from sendrail.domain.errors import SendrailError
from sendrail.domain.ids import MessageId
from sendrail.domain.order import Fault, Order
from sendrail.intake.orders import Limits
from sendrail.intake.service import Intake
from sendrail.intake.submission import Idempotency, Submission
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

ReadOrder = Callable[[bytes, Limits, str | None], Order | Fault]


_RAW_ORDER: Final = (
    "invalid_field",
    "missing_to",
    "missing_list_number",
    "missing_body",
    "invalid_phone",
    "invalid_list_number",
    "message_too_long",
    "metadata_too_large",
    "list_not_found",
    "list_inactive",
    "webhook_not_configured",
    "blocked_content",
    "contact_unsubscribed",
    "contact_blocked",
    "duplicate_message",
    "journey_conflict",
    "queue_full",
)
_ORDER: Final = (*_RAW_ORDER, "unknown_macro", "not_available")
_Index = Annotated[Count, Meta(description="Its place among `messages`, from 0.")]


class QueuedMessage(msgspec.Struct):
    """The answer to a message that was accepted."""

    success: Always
    message_id: PublicId
    status: Annotated[str, schema(const="queued")]


class BatchMessage(msgspec.Struct):
    """One message of a batch that was queued."""

    index: _Index
    message_id: PublicId


class BatchError(msgspec.Struct, omit_defaults=True):
    """One message of a batch that was not queued, and why."""

    index: _Index
    to: GivenNumber
    code: Annotated[str, one_of(_ORDER)]
    error: str
    message: str | None = None
    param: str | None = None


class BatchAnswer(msgspec.Struct):
    """The answer to a batch."""

    queued_count: Count
    error_count: Count
    errors: list[BatchError]
    messages: list[BatchMessage]


@dataclass(frozen=True, slots=True)
class Call(Operation):
    """One of the sending calls; for a batch, `request` is the struct of each message in it."""

    read: ReadOrder
    is_batch: bool = False

    @property
    def name(self) -> str:
        """Return its path without the slash before it, such as `send-raw/bulk`."""
        return self.path[1:]

    @property
    def tag(self) -> str:
        """Return the group of all four."""
        return "Sending"


def _order(body: str, **more: Any) -> dict[str, Any]:
    return {"to": RECIPIENT, "list_number": LIST, "body": body, **more}


_BULK: Final = f"up to {BATCH_MAX:,}, each judged on its own"

CALLS: Final = (
    Call(
        "POST /send-raw",
        read_send_raw,
        id="sendRaw",
        summary="Send a message as it is",
        description=(
            "Queues one message and answers with its id once it is safely stored. The text goes "
            "out as given: no links are wrapped and `{{messageId}}` is the only placeholder.\n\n"
            "Each `skip_…` flag leaves out one check. That the list is yours and active, that "
            "your account is active and that numbers are E.164 is always enforced. The first "
            "fault decides the code. The list's rate never refuses a message: it waits."
        ),
        request=SendRaw,
        answer=QueuedMessage,
        codes=(*POSTING, *_RAW_ORDER),
        examples={
            "plain": _order("Your code is 1234, message {{messageId}}"),
            "with flags and metadata": _order(
                "Your table is ready.",
                skip_duplicate_check=True,
                skip_rate_limit=True,
                metadata={"order": 4711, "tags": ["table"]},
            ),
        },
    ),
    Call(
        "POST /send-raw/bulk",
        read_send_raw,
        is_batch=True,
        id="sendRawBulk",
        summary="Send many messages as they are",
        description=(
            f"As `send-raw` for many messages: {_BULK}, so that some may be queued and others "
            "not. A `list_number` beside `messages` is for those that name none."
        ),
        request=SendRaw,
        answer=BatchAnswer,
        codes=(*POSTING, "missing_messages", "too_many_messages"),
        examples={
            "two": {
                "messages": [
                    _order("The first of two"),
                    _order("The second of two", skip_duplicate_check=True),
                ]
            }
        },
    ),
    Call(
        "POST /send",
        read_send,
        id="send",
        summary="Send a message with macros",
        description=(
            "As `send-raw`, with every check on. Macros such as `{{first_name}}` take their "
            "values from `contact_data`; `{{first_name|friend}}` has a default where there is "
            "none. Any other `{{…}}` that has no value is refused."
        ),
        request=Send,
        answer=QueuedMessage,
        codes=(*POSTING, *_ORDER),
        examples={
            "with a macro": _order(
                "Hi {{first_name}}, {{color}} is back in stock.",
                contact_data={"first_name": "Ada", "custom_fields": {"color": "teal"}},
            )
        },
    ),
    Call(
        "POST /send/bulk",
        read_send,
        is_batch=True,
        id="sendBulk",
        summary="Send many messages with macros",
        description=f"As `send` for many messages: {_BULK}.",
        request=Send,
        answer=BatchAnswer,
        codes=(*POSTING, "missing_messages", "too_many_messages"),
        examples={
            "one list for all": {
                "list_number": LIST,
                "messages": [
                    {
                        "to": RECIPIENT,
                        "body": "Hi {{first_name}}!",
                        "contact_data": {"first_name": name},
                    }
                    for name in ("Ada", "Grace")
                ],
            }
        },
    ),
)


class SendingRequest(Submission):
    """One request of a sending call; how its answer gets out, each way in says for itself.

    `raws` are the messages of a batch, empty for a single one. Whoever makes one sets it, and
    `idempotency`, to nothing.
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
            request.idempotency = Idempotency(
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
    """Return a batch's order; what is wrong with JSON was told of the batch, if anything was."""
    not_one = isinstance(order, Fault) and order.code == INVALID_JSON
    return _NOT_A_MESSAGE if not_one else order


def is_json(content_type: bytes) -> bool:
    """Tell whether a `Content-Type` says that the body is JSON."""
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
