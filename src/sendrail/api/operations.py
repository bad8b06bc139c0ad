"""What the API can be asked: one table of operations, from which its description is made.

A struct says which fields there are and of which type. What a struct cannot say, because the
handlers check it with a code of its own (a phone number's form, what is required), stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from sendrail.api.v2.messages import PAGE_MAX, PER_PAGE, PER_PAGE_MAX, Message, MessageList
from sendrail.api.v2.orders import BATCH_MAX, METADATA_BYTES_MAX, Send, SendRaw
from sendrail.api.v2.sending import BatchAnswer, QueuedMessage
from sendrail.api.v2.words import STATUSES
from sendrail.domain.text import Encoding

PHONE: Final = {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}
MESSAGE_ID: Final = {"type": "string", "pattern": "^[0-9A-Za-z]{8}$", "examples": ["x7y8z9w0"]}
TIME: Final = {"type": "string", "format": "date-time", "examples": ["2026-01-31T08:00:00.000Z"]}
_TIME_OR_NULL: Final = {**TIME, "type": ["string", "null"]}
_TEXT: Final = {"type": "string", "minLength": 1, "pattern": r"\S"}
_FLAG: Final = {"type": ["boolean", "null"], "default": False}
_OBJECT: Final = {"type": ["object", "null"]}
_COUNT: Final = {"type": "integer", "minimum": 0}

_LIST: Final = "+15550001000"
_RECIPIENT: Final = "+15550100000"
_BULK: Final = f"up to {BATCH_MAX:,}, each judged on its own"

_ASKING: Final = ("missing_api_key", "invalid_api_key", "account_suspended")
_BROKEN: Final = ("internal_error", "storage_unavailable")
_POSTING: Final = (
    *_ASKING,
    "invalid_json",
    "invalid_field",
    "invalid_idempotency_key",
    "idempotency_in_progress",
    "payload_too_large",
    "unsupported_media_type",
    "idempotency_key_reused",
    "overloaded",
    "storage_full",
    *_BROKEN,
)
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
# What any path may answer, whatever was asked of it.
ANYWHERE: Final = ("invalid_request", "method_not_allowed")

_ORDER_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "to": {**PHONE, "description": "The recipient, as an E.164 number."},
    "list_number": {**PHONE, "description": "The number of the sending list, as E.164."},
    "body": {
        **_TEXT,
        "description": (
            "The text. `{{messageId}}` becomes the message's id when it is sent. At most 1,600 "
            "characters and 10 segments, unless the installation is set up otherwise; the NUL "
            "character is refused."
        ),
    },
    "metadata": {
        **_OBJECT,
        "description": (
            "Anything of yours, told again on look-up byte for byte; at most "
            f"{METADATA_BYTES_MAX:,} bytes."
        ),
    },
}
# What the handlers know of a struct's fields and its types do not say.
FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "SendRaw": {
        **_ORDER_FIELDS,
        "skip_duplicate_check": {
            **_FLAG,
            "description": "Send even if the same text just went to the same recipient.",
        },
        "skip_rate_limit": {
            **_FLAG,
            "description": "Pass ahead of what waits for the list's rate.",
        },
        "skip_contact_validation": {
            **_FLAG,
            "description": "Send even to who has unsubscribed or is on the block list.",
        },
        "skip_journey_check": {
            **_FLAG,
            "description": "Send even to who is in an active journey on the list.",
        },
    },
    "Send": {
        **_ORDER_FIELDS,
        "wrap_links": {
            "type": ["boolean", "null"],
            "enum": [False, None],
            "default": False,
            "description": "Make links in the text short and tracked; `true` is not available yet.",
        },
    },
    "ContactData": {
        name: {"type": ["string", "null"]} for name in ("first_name", "last_name", "timezone")
    }
    | {
        "custom_fields": {
            **_OBJECT,
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            "description": "More macros: `{{color}}` takes the value of `color`.",
        }
    },
    "QueuedMessage": {
        "success": {"const": True},
        "message_id": MESSAGE_ID,
        "status": {"const": "queued"},
    },
    "BatchAnswer": {"queued_count": _COUNT, "error_count": _COUNT},
    "BatchMessage": {
        "index": {**_COUNT, "description": "Its place among `messages`, from 0."},
        "message_id": MESSAGE_ID,
    },
    "BatchError": {
        "index": {**_COUNT, "description": "Its place among `messages`, from 0."},
        "to": {"type": ["string", "null"], "description": "As it was given, if it was text."},
        "code": {"enum": list(_ORDER)},
    },
    "Message": {
        "message_id": MESSAGE_ID,
        "to": PHONE,
        "list_number": PHONE,
        "body": {
            "type": "string",
            "description": "As sent; `{{messageId}}` is filled in once the message has left.",
        },
        "status": {"enum": list(STATUSES)},
        "status_detail": {"type": ["string", "null"], "description": "Why, or what exactly."},
        "encoding": {"enum": [str(each) for each in Encoding]},
        "segments": {"type": "integer", "minimum": 1},
        "attempts": _COUNT,
        "metadata": _OBJECT,
        "created_at": TIME,
        "sent_at": _TIME_OR_NULL,
        "ended_at": _TIME_OR_NULL,
    },
    "Pagination": {
        "page": {"type": "integer", "minimum": 1},
        "per_page": {"type": "integer", "minimum": 1},
        "total": _COUNT,
        "total_pages": _COUNT,
        "total_is_exact": {"type": "boolean", "description": "If not, `total` is a lower bound."},
    },
}
REQUIRED: Final = {
    "SendRaw": ["to", "list_number", "body"],
    "Send": ["to", "list_number", "body"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing to ask for; `request` names the schema of its body, `is_batch` of many."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    description: str
    answer: type[msgspec.Struct]
    codes: tuple[str, ...]
    request: type[msgspec.Struct] | None = None
    is_batch: bool = False
    examples: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[dict[str, Any], ...] = ()


def _query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _order(body: str, **more: Any) -> dict[str, Any]:
    return {"to": _RECIPIENT, "list_number": _LIST, "body": body, **more}


OPERATIONS: Final = (
    Operation(
        method="post",
        path="/send-raw",
        id="sendRaw",
        tag="Sending",
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
        codes=(*_POSTING, *_RAW_ORDER),
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
    Operation(
        method="post",
        path="/send-raw/bulk",
        id="sendRawBulk",
        tag="Sending",
        summary="Send many messages as they are",
        description=(
            f"As `send-raw` for many messages: {_BULK}, so that some may be queued and others "
            "not. A `list_number` beside `messages` is for those that name none."
        ),
        request=SendRaw,
        is_batch=True,
        answer=BatchAnswer,
        codes=(*_POSTING, "missing_messages", "too_many_messages"),
        examples={
            "two": {
                "messages": [
                    _order("The first of two"),
                    _order("The second of two", skip_duplicate_check=True),
                ]
            }
        },
    ),
    Operation(
        method="post",
        path="/send",
        id="send",
        tag="Sending",
        summary="Send a message with macros",
        description=(
            "As `send-raw`, with every check on. Macros such as `{{first_name}}` take their "
            "values from `contact_data`; a macro without a value is refused."
        ),
        request=Send,
        answer=QueuedMessage,
        codes=(*_POSTING, *_ORDER),
        examples={
            "with a macro": _order(
                "Hi {{first_name}}, {{color}} is back in stock.",
                contact_data={"first_name": "Ada", "custom_fields": {"color": "teal"}},
            )
        },
    ),
    Operation(
        method="post",
        path="/send/bulk",
        id="sendBulk",
        tag="Sending",
        summary="Send many messages with macros",
        description=f"As `send` for many messages: {_BULK}.",
        request=Send,
        is_batch=True,
        answer=BatchAnswer,
        codes=(*_POSTING, "missing_messages", "too_many_messages"),
        examples={
            "one list for all": {
                "list_number": _LIST,
                "messages": [
                    {
                        "to": _RECIPIENT,
                        "body": "Hi {{first_name}}!",
                        "contact_data": {"first_name": name},
                    }
                    for name in ("Ada", "Grace")
                ],
            }
        },
    ),
    Operation(
        method="get",
        path="/messages",
        id="listMessages",
        tag="Messages",
        summary="List messages",
        description="Returns messages page by page, newest first.",
        answer=MessageList,
        codes=(*_ASKING, "invalid_parameter", "query_too_broad", *_BROKEN),
        parameters=(
            _query(
                "page",
                {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 1},
                "Which page.",
            ),
            _query(
                "per_page",
                {"type": "integer", "minimum": 1, "maximum": PER_PAGE_MAX, "default": PER_PAGE},
                "How many on a page.",
            ),
            _query("status", {"type": "string", "enum": list(STATUSES)}, "Only of this status."),
            _query("to", PHONE, "Only to this recipient; write its + as %2B."),
            _query("list_number", PHONE, "Only from this list; write its + as %2B."),
            _query("created_after", TIME, "Only accepted at this time or later."),
            _query("created_before", TIME, "Only accepted before this time."),
        ),
    ),
    Operation(
        method="get",
        path="/messages/{message_id}",
        id="getMessage",
        tag="Messages",
        summary="Look up a message",
        description="Returns one message; another account's looks like no message.",
        answer=Message,
        codes=(*_ASKING, "not_found", *_BROKEN),
        parameters=(
            {
                "name": "message_id",
                "in": "path",
                "required": True,
                "description": "The id that the sending call answered.",
                "schema": MESSAGE_ID,
            },
        ),
    ),
)
