"""The calls that send, and the look-up of messages."""

from typing import Any, Final

from sendrail.api.operations.parts import (
    COUNT,
    FINDING,
    FLAG,
    LIST,
    MESSAGE_ID,
    OBJECT,
    PAGINATION,
    PHONE,
    POSTING,
    READING,
    RECIPIENT,
    SENDER,
    TEXT,
    TIME,
    TIME_OR_NULL,
    Operation,
    in_path,
    page_parameters,
    query,
)
from sendrail.api.v2.decoding import DEPTH_MAX
from sendrail.api.v2.messages import Message, MessageList
from sendrail.api.v2.orders import BATCH_MAX, METADATA_BYTES_MAX, Send, SendRaw
from sendrail.api.v2.sending import BatchAnswer, QueuedMessage
from sendrail.api.v2.statuses import STATUSES
from sendrail.domain.text import Encoding

_BULK: Final = f"up to {BATCH_MAX:,}, each judged on its own"

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

_ORDER_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "to": {**PHONE, "description": "The recipient, as an E.164 number."},
    "list_number": SENDER,
    "body": {
        **TEXT,
        "description": (
            "The text. `{{messageId}}` becomes the message's id when it is sent. At most 1,600 "
            "characters, unless the installation is set up otherwise; the NUL character is "
            "refused."
        ),
    },
    "metadata": {
        **OBJECT,
        "description": (
            "Anything of yours, told again on look-up byte for byte; at most "
            f"{METADATA_BYTES_MAX:,} bytes and {DEPTH_MAX} levels deep."
        ),
    },
}
# What the handlers know of a struct's fields and its types do not say.
FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "SendRaw": {
        **_ORDER_FIELDS,
        "skip_duplicate_check": {
            **FLAG,
            "description": "Send even if the same text just went to the same recipient.",
        },
        "skip_rate_limit": {
            **FLAG,
            "description": "Pass ahead of what waits for the list's rate.",
        },
        "skip_contact_validation": {
            **FLAG,
            "description": "Send even to who has unsubscribed or is on the block list.",
        },
        "skip_journey_check": {
            **FLAG,
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
            **OBJECT,
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            "description": (
                "More macros: `{{color}}` or `{{custom_fields.color}}` takes the value of `color`."
            ),
        }
    },
    "QueuedMessage": {
        "success": {"const": True},
        "message_id": MESSAGE_ID,
        "status": {"const": "queued"},
    },
    "BatchAnswer": {"queued_count": COUNT, "error_count": COUNT},
    "BatchMessage": {
        "index": {**COUNT, "description": "Its place among `messages`, from 0."},
        "message_id": MESSAGE_ID,
    },
    "BatchError": {
        "index": {**COUNT, "description": "Its place among `messages`, from 0."},
        "to": {"type": ["string", "null"], "description": "As it was given, if it was text."},
        "code": {"enum": list(_ORDER)},
    },
    "Message": {
        "message_id": MESSAGE_ID,
        "to": {
            **PHONE,
            "type": ["string", "null"],
            "description": "Null once that person's data was deleted.",
        },
        "list_number": SENDER,
        "body": {
            "type": "string",
            "description": "As sent; `{{messageId}}` is filled in once the message has left.",
        },
        "status": {"enum": list(STATUSES)},
        "status_detail": {
            "type": ["string", "null"],
            "description": "Why, or what exactly: one word, the same for all carriers.",
        },
        "provider_detail": {
            "type": ["string", "null"],
            "description": "The carrier's own code or sentence beside that word.",
        },
        "provider": {
            "type": ["string", "null"],
            "description": "The kind of carrier it went to; null while it has not left.",
        },
        "connector": {
            "type": ["string", "null"],
            "description": "The name of the connection to that carrier.",
        },
        "encoding": {"enum": [str(each) for each in Encoding]},
        "segments": {"type": "integer", "minimum": 1},
        "attempts": COUNT,
        "metadata": OBJECT,
        "created_at": TIME,
        "sent_at": TIME_OR_NULL,
        "ended_at": TIME_OR_NULL,
    },
}
FIELDS["MessagePagination"] = {
    name: {**PAGINATION[name], "type": [PAGINATION[name]["type"], "null"]}
    for name in ("page", "total", "total_pages", "total_is_exact")
} | {
    "per_page": PAGINATION["per_page"],
    "next_cursor": {
        "type": ["string", "null"],
        "description": "What `cursor` is to be for the messages after these; null at the end.",
    },
}
REQUIRED: Final = {
    "SendRaw": ["to", "list_number", "body"],
    "Send": ["to", "list_number", "body"],
}


def _order(body: str, **more: Any) -> dict[str, Any]:
    return {"to": RECIPIENT, "list_number": LIST, "body": body, **more}


OPERATIONS: Final = (
    Operation(
        method="post",
        path="/send-raw",
        keeps_refusals=True,
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
    Operation(
        method="post",
        path="/send-raw/bulk",
        keeps_refusals=True,
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
    Operation(
        method="post",
        path="/send",
        keeps_refusals=True,
        id="send",
        tag="Sending",
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
    Operation(
        method="post",
        path="/send/bulk",
        keeps_refusals=True,
        id="sendBulk",
        tag="Sending",
        summary="Send many messages with macros",
        description=f"As `send` for many messages: {_BULK}.",
        request=Send,
        is_batch=True,
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
    Operation(
        method="get",
        path="/messages",
        id="listMessages",
        tag="Messages",
        summary="List messages",
        description=(
            "Returns messages page by page, newest first. `next_cursor` of an answer is the "
            "`cursor` of the next one: that way there is no last page, and none is counted."
        ),
        answer=MessageList,
        codes=READING,
        parameters=(
            *page_parameters(),
            query(
                "cursor",
                {"type": "string"},
                "Go on where the answer with this `next_cursor` ended; in place of `page`.",
            ),
            query("status", {"type": "string", "enum": list(STATUSES)}, "Only of this status."),
            query("to", PHONE, "Only to this recipient; write its + as %2B."),
            query("list_number", SENDER, "Only from this list; write its + as %2B."),
            query("created_after", TIME, "Only accepted at this time or later."),
            query("created_before", TIME, "Only accepted before this time."),
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
        codes=FINDING,
        parameters=(in_path("message_id", MESSAGE_ID, "The id that the sending call answered."),),
    ),
)
