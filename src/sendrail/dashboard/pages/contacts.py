"""Contacts: the subscriptions of an account, and one number's with its history of consent."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response, StreamingResponse

from sendrail.contacts.inputs import list_number_of
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_standing import ENDED, step_titles
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.ids import read_row_id
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.user import Permission
from sendrail.intake.lookup import FoundMessage
from sendrail.storage.contacts.signups import ContactPlace
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

PER_PAGE: Final = 50
_PLACE_PARTS: Final = 3
_STATES: Final = {"": ("All", None), "active": ("Active", True), "left": ("Left", False)}
_MESSAGES: Final = 20
_JOURNEYS_MAX: Final = 20
# Counting further would take longer than the page.
COUNTED_MAX: Final = 100_000
# Of some, those that are counted lie among many that are not.
COUNTED_OF_VIEW_MAX: Final = 10_000


async def contacts(ask: PageRequest) -> Response:
    """Show a page of subscriptions, newest sign-up first."""
    searched = ask.query.get("q", "").strip()
    recipient = phone.parse(digits_in(searched)) if searched else None
    view = ask.query.get("view", "")
    view = view if view in _STATES else ""
    counted_max = COUNTED_OF_VIEW_MAX if view else COUNTED_MAX
    found = None
    if recipient is not None or not searched:
        found = await ask.runtime.contacts.page(
            ask.account,
            recipient=recipient,
            active=_STATES[view][1],
            per_page=PER_PAGE,
            after=_place(ask.query.get("after", "")),
            count_most=counted_max,
        )
    lists = await ask.runtime.lists.all(ask.account)
    return ask.page(
        "contacts.html",
        found=found,
        counted_max=counted_max,
        names={each.id: each.name for each in lists},
        lists=[(sender_of(each), each.name) for each in lists],
        states=_STATES,
        view=view,
        newest=ask.url(after=None) if ask.query.get("after") else None,
        older=ask.url(after=".".join(map(str, found.last)), said=None)
        if found is not None and found.last
        else None,
        is_filtered=bool(searched or view),
    )


async def contact(ask: PageRequest) -> Response:
    """Show what is known of one number: its lists, consent, messages, clicks and journeys."""
    return await contact_page(ask)


async def download(ask: PageRequest) -> Response:
    """Send the contacts of a list as a file, also those who have left; of the first without one."""
    wanted = ask.query.get("list", "")
    for each in () if wanted else (await ask.runtime.lists.all(ask.account))[:1]:
        wanted = sender_of(each)
    chunks = await ask.runtime.files.export_contacts(
        ask.account, list_number_of(wanted), ask.actor, with_left=True
    )
    headers = {"content-disposition": 'attachment; filename="contacts.csv"'}
    return StreamingResponse(chunks, media_type="text/csv", headers=headers)


async def known_number(ask: PageRequest) -> PhoneNumber:
    """Return the number of an address. Raises `NotFound` where nothing is known of it."""
    recipient = phone.parse(f"+{ask.path('number')}")
    if recipient is None:
        raise _nothing()
    found = await ask.runtime.contacts.page(ask.account, recipient=recipient, per_page=1)
    if not found.contacts and not await _messages(ask, recipient, 1):
        raise _nothing()
    return recipient


async def contact_page(
    ask: PageRequest,
    *,
    asks: str = "",
    about: SendingList | None = None,
    fault: SendrailError | None = None,
) -> Response:
    """Answer with the page of a contact; `asks` is what it asks first, of the list `about`."""
    recipient = phone.parse(f"+{ask.path('number')}")
    if recipient is None:
        raise _nothing()
    found = await ask.runtime.contacts.page(ask.account, recipient=recipient, per_page=PER_PAGE)
    messages = await _messages(ask, recipient, _MESSAGES)
    if not found.contacts and not messages:
        raise _nothing()
    lists = {each.id: each for each in await ask.runtime.lists.all(ask.account)}
    events = []
    for each in found.contacts:
        owner = lists.get(each.contact.list_id)
        if owner is not None:
            history = await ask.runtime.contacts.history(ask.account, owner.number, recipient)
            events += [(event, owner.name) for event in history]
    known = {each.contact.list_id for each in found.contacts}
    blocked = await ask.runtime.blocks.page(ask.account, recipient)
    journeys = await ask.runtime.journey_progress.of_contact(ask.account, recipient, _JOURNEYS_MAX)
    return ask.page(
        "contact.html",
        status=400 if fault else 200,
        recipient=recipient,
        number=phone.show(recipient),
        contacts=[each.contact for each in found.contacts],
        lists=lists,
        others=[
            (sender_of(each), each.name)
            for each in lists.values()
            if each.id not in known and each.status is not ListStatus.DELETED
        ],
        block=next(iter(blocked.blocks), None),
        events=sorted(events, key=lambda each: each[0].at),
        messages=messages,
        journeys=journeys,
        steps=await step_titles(
            ask, [(e.journey_id, e.version, e.step) for _, e in journeys if e.is_running]
        ),
        ended=ENDED,
        asks=asks,
        about=about,
        fault=fault,
    )


async def _messages(ask: PageRequest, recipient: PhoneNumber, limit: int) -> Sequence[FoundMessage]:
    newest = MessagePlace(2**62, 2**62)
    about = MessageFilter(recipient=recipient)
    return (await ask.runtime.messages.search(ask.account, about, newest, limit)).messages


def _nothing() -> NotFound:
    return NotFound("There is no such contact.")


def _place(text: str) -> ContactPlace | None:
    parts = [read_row_id(each) for each in text.split(".")]
    known = [each for each in parts if each is not None]
    return ContactPlace(*known) if len(known) == len(parts) == _PLACE_PARTS else None


ROUTES: Final = (
    PageRoute(route="GET /contacts", answer=contacts, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /contacts.csv", answer=download, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /contacts/{number}", answer=contact, permission=Permission.SEE_PEOPLE),
)
