"""The block list."""

from typing import Any, Final

from sendrail.api.operations.parts import (
    CHANGING,
    COUNT,
    CURSOR,
    GIVEN_NUMBER,
    INDEX,
    PHONE,
    POSTING,
    READING,
    TIME,
    TRUE,
    Operation,
    page_parameters,
    query,
)
from sendrail.api.v2.blocks import (
    BLOCKS_MAX,
    BlockBatch,
    BlockBatchAnswer,
    BlockCreated,
    BlockKey,
    BlockList,
    BlockRemoved,
    NewBlock,
)
from sendrail.contacts.blocks import NOTE_LENGTH_MAX

_NUMBER: Final = {**PHONE, "description": "The number, as E.164."}
_CODES: Final = ("missing_phone_number", "invalid_phone")
_BLOCKED: Final = "+15550100019"

FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "NewBlock": {
        "phone_number": _NUMBER,
        "note": {
            "type": ["string", "null"],
            "maxLength": NOTE_LENGTH_MAX,
            "description": "Why; for your own memory.",
        },
    },
    "BlockBatch": {
        "blocks": {
            "type": "array",
            "minItems": 1,
            "maxItems": BLOCKS_MAX,
            "items": {"$ref": "#/components/schemas/NewBlock"},
        }
    },
    "BlockKey": {"phone_number": _NUMBER},
    "BlockCreated": {
        "success": TRUE,
        "is_new": {"type": "boolean", "description": "Whether it was not blocked before."},
    },
    "BlockBatchAnswer": dict.fromkeys(("success_count", "error_count", "blocks_created"), COUNT),
    "BlockError": {
        "index": INDEX,
        "phone_number": GIVEN_NUMBER,
        "code": {"enum": sorted((*_CODES, "invalid_field"))},
    },
    "BlockRemoved": {"success": TRUE},
    "Block": {"phone_number": PHONE, "blocked_at": TIME},
}
REQUIRED: Final = {
    "NewBlock": ["phone_number"],
    "BlockBatch": ["blocks"],
    "BlockKey": ["phone_number"],
}

OPERATIONS: Final = (
    Operation(
        method="get",
        path="/blocks",
        id="listBlocks",
        tag="Blocks",
        summary="List blocked numbers, or look one up",
        description="Returns the numbers that no list of the account may text.",
        answer=BlockList,
        codes=READING,
        parameters=(
            *page_parameters(),
            CURSOR,
            query("phone_number", PHONE, "Only this number; write its + as %2B."),
        ),
    ),
    Operation(
        method="post",
        path="/blocks",
        id="createBlock",
        tag="Blocks",
        summary="Block a number",
        description=(
            "No list of the account texts a blocked number, even one that no list knows. Its "
            "subscriptions stay as they are."
        ),
        request=NewBlock,
        answer=BlockCreated,
        codes=(*POSTING, *_CODES),
        examples={"with a note": {"phone_number": _BLOCKED, "note": "asked by telephone"}},
    ),
    Operation(
        method="delete",
        path="/blocks",
        id="deleteBlock",
        tag="Blocks",
        summary="Unblock a number",
        description="Takes a number off the block list; one that is not on it is no error.",
        request=BlockKey,
        answer=BlockRemoved,
        codes=(*CHANGING, *_CODES),
        examples={"one": {"phone_number": _BLOCKED}},
    ),
    Operation(
        method="post",
        path="/blocks/bulk",
        id="createBlocks",
        tag="Blocks",
        summary="Block many numbers",
        description=f"Blocks up to {BLOCKS_MAX:,} numbers, each judged on its own.",
        request=BlockBatch,
        answer=BlockBatchAnswer,
        codes=(*POSTING, "missing_blocks", "too_many_blocks"),
        examples={
            "two": {"blocks": [{"phone_number": _BLOCKED}, {"phone_number": "+15550100029"}]}
        },
    ),
)
