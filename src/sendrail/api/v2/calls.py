"""The four calls that send: `send-raw`, `send`, and their bulk forms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from sendrail.api.v2.field_types import Always, Count, GivenNumber, PublicId, about, one_of, schema
from sendrail.api.v2.operation import LIST, POSTING, RECIPIENT, Operation
from sendrail.api.v2.orders import BATCH_MAX, Send, SendRaw, read_send, read_send_raw
from sendrail.domain.order import Fault, Order
from sendrail.intake.orders import Limits

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
    "invalid_send_at",
    "too_many_scheduled",
)
_ORDER: Final = (
    *_RAW_ORDER,
    "unknown_macro",
    "invalid_url",
    "too_many_links",
    "no_domain_configured",
)
_Index = Annotated[Count, about("Its place among `messages`, from 0.")]


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
