"""The block list: numbers that none of the account's lists may text."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    Count,
    GivenNumber,
    Index,
    Phone,
    Required,
    Time,
    about,
    batch_of,
    one_of,
    up_to,
)
from sendrail.api.v2.fields import number
from sendrail.api.v2.number_batches import read_each
from sendrail.api.v2.operation import CHANGING, CURSOR, POSTING, READING, page_parameters, query
from sendrail.api.v2.queries import (
    CursorPagination,
    cursor_pagination,
    given,
    phone_in,
    read_cursor,
    read_page,
)
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.blocks import NOTE_LENGTH_MAX, note_of
from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import shown as shown_time

BLOCKS_MAX: Final = 1_000
_QUERY_HELP: Final = {"phone_number": "`phone_number` is an E.164 phone number; write its + as %2B"}


_CODES: Final = ("missing_phone_number", "invalid_phone")
_Number = Annotated[Required[Phone], about("The number, as E.164.")]


class NewBlock(msgspec.Struct, gc=False):
    """`POST /v2/blocks`."""

    phone_number: _Number = None
    note: Annotated[str | None, up_to(NOTE_LENGTH_MAX, "Why; for your own memory.")] = None


class BlockBatch(msgspec.Struct, gc=False):
    """`POST /v2/blocks/bulk`; each number is read on its own."""

    blocks: Annotated[Required[list[msgspec.Raw]], batch_of(NewBlock, BLOCKS_MAX)] = None


class BlockKey(msgspec.Struct, gc=False):
    """`DELETE /v2/blocks`."""

    phone_number: _Number = None


class BlockCreated(msgspec.Struct):
    """The answer to a number that is blocked now, if it was not before."""

    success: Always
    is_new: Annotated[bool, about("Whether it was not blocked before.")]


class BlockError(msgspec.Struct, omit_defaults=True):
    """One number of a batch that was not blocked, and why."""

    index: Index
    phone_number: GivenNumber
    code: Annotated[str, one_of(sorted((*_CODES, "invalid_field")))]
    error: str
    param: str | None = None


class BlockBatchAnswer(msgspec.Struct):
    """The answer to a batch of numbers."""

    success_count: Count
    error_count: Count
    errors: list[BlockError]
    blocks_created: Count


class BlockRemoved(msgspec.Struct):
    """The answer to a number that is blocked no longer, if it was before."""

    success: Always
    unblocked: bool


class Block(msgspec.Struct):
    """A blocked number."""

    phone_number: Phone
    note: str
    blocked_at: Time


class BlockList(msgspec.Struct):
    """A page of blocked numbers, in their own order."""

    blocks: list[Block]
    pagination: CursorPagination


_Wanted = tuple[PhoneNumber, str]

_new: Final = msgspec.json.Decoder(NewBlock).decode
_batch: Final = msgspec.json.Decoder(BlockBatch).decode
_key: Final = msgspec.json.Decoder(BlockKey).decode


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Block a number."""
    wanted = _read_block(request.body)
    return await request.guard(
        lambda guard: runtime.blocks.add_many(
            request.account, [wanted], guard=guard, actor=request.actor
        ),
        lambda new: BlockCreated(success=True, is_new=new > 0),
    )


async def create_many(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Block many numbers, each judged on its own."""
    raws = [bytes(raw) for raw in decoded(_batch, request.body).blocks or ()]
    if not raws:
        raise missing("blocks")
    if len(raws) > BLOCKS_MAX:
        raise InvalidInput(
            f"A batch holds at most {BLOCKS_MAX:,} numbers", code="too_many_blocks", param="blocks"
        )
    wanted, errors = read_each("blocks", raws, _read_block, _key, BlockError)
    return await request.guard(
        lambda guard: runtime.blocks.add_many(
            request.account, wanted, guard=guard, actor=request.actor
        ),
        lambda new: BlockBatchAnswer(len(wanted), len(errors), errors, new),
    )


async def remove(runtime: Runtime, request: ApiRequest) -> BlockRemoved:
    """Unblock a number."""
    wanted = number("phone_number", decoded(_key, request.body).phone_number)
    unblocked = await runtime.blocks.remove(request.account, wanted, actor=request.actor)
    return BlockRemoved(success=True, unblocked=unblocked)


async def page(runtime: Runtime, request: ApiRequest) -> BlockList:
    """List blocked numbers, or look one up."""
    at, per_page = read_page(request.query)
    place = read_cursor(request.query, 1)
    wanted = given(request.query, "phone_number", phone_in, _QUERY_HELP)
    found = await runtime.blocks.page(
        request.account,
        wanted,
        page=at,
        per_page=per_page,
        after=None if place is None else place[0],
    )
    return BlockList(
        [
            Block(phone.show(each.recipient), each.note, shown_time(each.blocked_at))
            for each in found.blocks
        ],
        cursor_pagination(at, per_page, found.total, None if found.last is None else [found.last]),
    )


_BLOCKED: Final = "+15550100019"

ENDPOINTS: Final = (
    Endpoint(
        "GET /blocks",
        page,
        id="listBlocks",
        summary="List blocked numbers, or look one up",
        description="Returns the numbers that no list of the account may text.",
        answer=BlockList,
        codes=READING,
        parameters=(
            *page_parameters(),
            CURSOR,
            query("phone_number", Phone, "Only this number; write its + as %2B."),
        ),
    ),
    Endpoint(
        "POST /blocks",
        create,
        id="createBlock",
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
    Endpoint(
        "DELETE /blocks",
        remove,
        id="deleteBlock",
        summary="Unblock a number",
        description="Takes a number off the block list; one that is not on it is no error.",
        request=BlockKey,
        answer=BlockRemoved,
        codes=(*CHANGING, *_CODES),
        examples={"one": {"phone_number": _BLOCKED}},
    ),
    Endpoint(
        "POST /blocks/bulk",
        create_many,
        id="createBlocks",
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


def _read_block(body: bytes) -> _Wanted:
    fields = decoded(_new, body)
    wanted = number("phone_number", fields.phone_number)
    # Each of a batch is refused alone: the service would refuse all of them.
    return wanted, note_of(fields.note or "")
