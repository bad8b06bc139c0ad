"""The block list: numbers that no list of the account texts."""

from typing import Final

from starlette.responses import Response, StreamingResponse

from sendrail.contacts.inputs import recipient_of
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import plain_number
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.storable import NUMBER_MAX
from sendrail.domain.user import Permission

PER_PAGE: Final = 50


async def blocks(ask: PageRequest) -> Response:
    """Show the blocked numbers in their own order."""
    return await _page(ask)


async def add(ask: PageRequest) -> Response:
    """Block a number."""
    try:
        recipient = recipient_of(plain_number(ask.field("phone_number")))
        is_new = await ask.runtime.blocks.add(
            ask.account, recipient, note=ask.field("note"), actor=ask.actor
        )
    except InvalidInput as fault:
        return await _page(ask, fault)
    return ask.go("/blocks", "The number is blocked." if is_new else "It was blocked already.")


async def remove(ask: PageRequest) -> Response:
    """Take a number off the block list."""
    recipient = phone.parse(f"+{ask.path('number')}")
    if recipient is None or not await ask.runtime.blocks.remove(
        ask.account, recipient, actor=ask.actor
    ):
        raise NotFound("This number is not blocked.")
    return ask.go("/blocks", "The number is not blocked any more.")


async def download(ask: PageRequest) -> Response:
    """Send the block list as a file."""
    chunks = await ask.runtime.files.export_blocks(ask.account, ask.actor)
    headers = {"content-disposition": 'attachment; filename="blocks.csv"'}
    return StreamingResponse(chunks, media_type="text/csv", headers=headers)


async def _page(ask: PageRequest, fault: InvalidInput | None = None) -> Response:
    searched = ask.query.get("q", "").strip()
    recipient = phone.parse(digits_in(searched)) if searched else None
    after = read_digits(ask.query.get("after", ""), NUMBER_MAX)
    is_place = after is not None
    found = None
    if recipient is not None or not searched:
        found = await ask.runtime.blocks.page(
            ask.account, recipient, per_page=PER_PAGE, after=after
        )
    return ask.page(
        "blocks.html",
        status=400 if fault else 200,
        found=found,
        searched=searched,
        newest=ask.url(after=None, said=None) if is_place else None,
        older=ask.url(after=str(found.last), said=None) if found and found.last else None,
        fault=fault,
        given=ask.form if fault else ask.query,
    )


ROUTES: Final = (
    PageRoute(route="GET /blocks", answer=blocks, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /blocks.csv", answer=download, permission=Permission.SEE_PEOPLE),
    PageRoute(route="POST /blocks", answer=add, permission=Permission.SEND),
    PageRoute(route="POST /blocks/{number}/remove", answer=remove, permission=Permission.SEND),
)
