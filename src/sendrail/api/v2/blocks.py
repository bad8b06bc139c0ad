"""The block list: numbers that none of the account's lists may text."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sendrail.api.v2.decoding import UNREADABLE, decoded
from sendrail.api.v2.fields import number, text
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
from sendrail.contacts.blocks import NOTE_LENGTH_MAX
from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import shown as shown_time

BLOCKS_MAX: Final = 1_000
_QUERY_HELP: Final = {"phone_number": "`phone_number` is an E.164 phone number; write its + as %2B"}


class NewBlock(msgspec.Struct, gc=False):
    """`POST /v2/blocks`."""

    phone_number: str | None = None
    note: str | None = None


class BlockBatch(msgspec.Struct, gc=False):
    """`POST /v2/blocks/bulk`; each number is read on its own."""

    blocks: list[msgspec.Raw] | None = None


class BlockKey(msgspec.Struct, gc=False):
    """`DELETE /v2/blocks`."""

    phone_number: str | None = None


class BlockCreated(msgspec.Struct):
    """The answer to a number that is blocked now, if it was not before."""

    success: bool
    is_new: bool


class BlockError(msgspec.Struct, omit_defaults=True):
    """One number of a batch that was not blocked, and why."""

    index: int
    phone_number: str | None
    code: str
    error: str
    param: str | None = None


class BlockBatchAnswer(msgspec.Struct):
    """The answer to a batch of numbers."""

    success_count: int
    error_count: int
    errors: list[BlockError]
    blocks_created: int


class BlockRemoved(msgspec.Struct):
    """The answer to a number that is blocked no longer, if it was before."""

    success: bool
    unblocked: bool


class Block(msgspec.Struct):
    """A blocked number."""

    phone_number: str
    note: str
    blocked_at: str


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
        lambda guard: runtime.blocks.add_many(request.account, [wanted], guard=guard),
        lambda new: BlockCreated(success=True, is_new=new > 0),
    )


async def create_many(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Block many numbers, each judged on its own."""
    raws = [bytes(raw) for raw in decoded(_batch, request.body).blocks or ()]
    if not raws:
        raise InvalidInput("blocks is required", code="missing_blocks", param="blocks")
    if len(raws) > BLOCKS_MAX:
        raise InvalidInput(
            f"A batch holds at most {BLOCKS_MAX:,} numbers", code="too_many_blocks", param="blocks"
        )
    wanted, errors = _read_batch(raws)
    return await request.guard(
        lambda guard: runtime.blocks.add_many(request.account, wanted, guard=guard),
        lambda new: BlockBatchAnswer(len(wanted), len(errors), errors, new),
    )


async def remove(runtime: Runtime, request: ApiRequest) -> BlockRemoved:
    """Unblock a number."""
    wanted = number("phone_number", decoded(_key, request.body).phone_number)
    unblocked = await runtime.blocks.remove(request.account, phone.show(wanted))
    return BlockRemoved(success=True, unblocked=unblocked)


async def page(runtime: Runtime, request: ApiRequest) -> BlockList:
    """List blocked numbers, or look one up."""
    at, per_page = read_page(request.query)
    place = read_cursor(request.query, 1)
    wanted = given(request.query, "phone_number", phone_in, _QUERY_HELP)
    found = await runtime.blocks.page(
        request.account,
        "" if wanted is None else phone.show(wanted),
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


ENDPOINTS: Final = (
    Endpoint("GET", "/blocks", page),
    Endpoint("POST", "/blocks", create, takes_body=True),
    Endpoint("DELETE", "/blocks", remove, takes_body=True),
    Endpoint("POST", "/blocks/bulk", create_many, takes_body=True),
)


def _read_block(body: bytes) -> _Wanted:
    fields = decoded(_new, body)
    wanted = number("phone_number", fields.phone_number)
    return wanted, text("note", fields.note, NOTE_LENGTH_MAX) or ""


def _read_batch(raws: Sequence[bytes]) -> tuple[list[_Wanted], list[BlockError]]:
    wanted, errors = [], []
    for index, raw in enumerate(raws):
        try:
            wanted.append(_read_block(raw))
        except InvalidInput as invalid:
            whole = invalid.code == "invalid_json"
            errors.append(
                BlockError(
                    index,
                    _number_in(raw),
                    "invalid_field" if whole else invalid.code,
                    "Each of `blocks` must be a JSON object" if whole else invalid.message,
                    "blocks" if whole else invalid.param,
                )
            )
    return wanted, errors


def _number_in(block: bytes) -> str | None:
    """Return what the caller wrote as `phone_number`, where that is text."""
    try:
        return _key(block).phone_number
    except UNREADABLE:
        return None
