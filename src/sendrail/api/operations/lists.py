"""Sending lists."""

from typing import Any, Final

from sendrail.api.operations.parts import (
    ASKING,
    BROKEN,
    CHANGING,
    COUNT,
    FINDING,
    POSTING,
    READING,
    ROW_ID,
    SENDER,
    TIME,
    TIME_OR_NULL,
    TRUE,
    Operation,
    in_path,
    query,
)
from sendrail.api.v2.lists import (
    SETTABLE,
    ListDeleted,
    Lists,
    ListUpdate,
    NewList,
    SendingList,
)
from sendrail.contacts.inputs import NAME_LENGTH_MAX
from sendrail.contacts.lists import RATE_MAX
from sendrail.domain.sender import ListStatus, OnUncertain

_RATE: Final = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": RATE_MAX,
    "description": "Messages per minute.",
}
_ON_UNCERTAIN: Final = {
    "enum": [*(str(each) for each in OnUncertain), None],
    "description": "What to do when nobody knows whether a message left.",
}
_ANSWER: Final = {
    "type": ["string", "null"],
    "description": "A text of the list's own; null is the default one.",
}
_NAME: Final = {"type": ["string", "null"], "maxLength": NAME_LENGTH_MAX}
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "list_name": _NAME,
    "brand_name": _NAME,
    "rate": _RATE,
    "connector": {
        "type": ["string", "null"],
        "description": "The carrier connector's name; may be left out when there is only one.",
    },
    "second_connector": {
        "type": ["string", "null"],
        "description": "The connector that takes over while the first one is away.",
    },
    "on_uncertain": _ON_UNCERTAIN,
    "answers": {
        "type": ["boolean", "null"],
        "description": "Whether STOP, START and HELP are answered.",
    },
    "stop_text": _ANSWER,
    "start_text": _ANSWER,
    "help_text": _ANSWER,
}
FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "NewList": {
        "phone_number": SENDER,
        **_SETTINGS,
    },
    "ListUpdate": {
        "status": {
            "enum": [*(str(status) for status in SETTABLE), None],
            "description": "`paused` stops it from sending; `active` brings a deleted one back.",
        },
        **_SETTINGS,
    },
    "SendingList": {
        "id": ROW_ID,
        "phone_number": SENDER,
        "list_type": {
            "type": ["string", "null"],
            "description": "The kind of its carrier, such as `infobip` or `smpp`.",
        },
        "status": {"enum": [str(status) for status in ListStatus]},
        "contact_count": {**COUNT, "description": "How many of its contacts are active."},
        "created_at": TIME,
        "rate": {"type": "integer", "description": "Messages per minute."},
        "own_carrier": {
            "type": "boolean",
            "description": "Whether it goes by a carrier of your own.",
        },
        "verified_at": TIME_OR_NULL,
        "on_uncertain": {"enum": [str(each) for each in OnUncertain]},
        "stop_text": _ANSWER,
        "start_text": _ANSWER,
        "help_text": _ANSWER,
    },
    "ListDeleted": {"success": TRUE, "deleted": TRUE},
}
REQUIRED: Final[dict[str, list[str]]] = {"NewList": ["phone_number"], "ListUpdate": []}

_ID: Final = (in_path("list_id", ROW_ID, "The list's id."),)
_SETTING_CODES: Final = ("invalid_name", "invalid_rate", "invalid_connector")

OPERATIONS: Final = (
    Operation(
        method="get",
        path="/lists",
        id="listLists",
        tag="Lists",
        summary="List sending lists",
        description="Returns all lists, but for the deleted ones unless they are asked for.",
        answer=Lists,
        codes=READING,
        parameters=(
            query(
                "status",
                {"type": "string", "enum": [str(status) for status in ListStatus]},
                "Only of this status.",
            ),
        ),
    ),
    Operation(
        method="post",
        path="/lists",
        id="createList",
        tag="Lists",
        summary="Add a sending list",
        description=(
            "A list on a carrier of your own sends only after it is verified; on the "
            "installation's it sends at once."
        ),
        request=NewList,
        answer=SendingList,
        codes=(
            *POSTING,
            "missing_phone_number",
            "invalid_phone",
            *_SETTING_CODES,
            "list_exists",
            "sender_taken",
            "too_many_lists",
        ),
        examples={
            "news": {
                "phone_number": "+15550001007",
                "list_name": "News",
                "brand_name": "Acme",
                "rate": 600,
                "connector": "sandbox",
            }
        },
    ),
    Operation(
        method="get",
        path="/lists/{list_id}",
        id="getList",
        tag="Lists",
        summary="Show a sending list",
        description="Returns one list; a deleted one, or another account's, looks like no list.",
        answer=SendingList,
        codes=FINDING,
        parameters=_ID,
    ),
    Operation(
        method="put",
        path="/lists/{list_id}",
        id="updateList",
        tag="Lists",
        summary="Change, pause or resume a sending list",
        description=(
            "Changes what is given and leaves the rest. While a list is paused, what waits in its "
            "queue is dropped when its turn comes."
        ),
        request=ListUpdate,
        answer=SendingList,
        codes=(*CHANGING, *_SETTING_CODES, "list_suspended", "sender_taken", "not_found"),
        parameters=_ID,
        examples={"slower": {"rate": 300, "list_name": "News", "stop_text": None}},
    ),
    Operation(
        method="delete",
        path="/lists/{list_id}",
        id="deleteList",
        tag="Lists",
        summary="Delete a sending list",
        description=(
            "Hides the list. Its contacts, its history and its opt-outs are kept, its number stays "
            'taken, and `PUT` with `{"status": "active"}` brings it back.'
        ),
        answer=ListDeleted,
        codes=(*ASKING, "not_found", "overloaded", "storage_full", *BROKEN),
        parameters=_ID,
    ),
)
