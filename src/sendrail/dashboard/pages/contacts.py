"""Contacts: the subscriptions of an account, and one number's with its history of consent."""

from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.errors import NotFound
from sendrail.domain.user import Permission
from sendrail.storage.contacts.signups import ContactPlace
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

PER_PAGE: Final = 50
_PLACE_PARTS: Final = 3
_STATES: Final = {"": ("All", None), "active": ("Active", True), "left": ("Left", False)}
_MESSAGES: Final = 20


async def contacts(ask: PageRequest) -> Response:
    """Show a page of subscriptions, newest sign-up first."""
    searched = ask.query.get("q", "").strip()
    recipient = phone.parse(digits_in(searched)) if searched else None
    view = ask.query.get("view", "")
    view = view if view in _STATES else ""
    found = None
    if recipient is not None or not searched:
        found = await ask.runtime.contacts.page(
            ask.account,
            recipient=recipient,
            active=_STATES[view][1],
            per_page=PER_PAGE,
            after=_place(ask.query.get("after", "")),
        )
    lists = await ask.runtime.lists.all(ask.account)
    return ask.page(
        "contacts.html",
        found=found,
        names={each.id: each.name for each in lists},
        states=_STATES,
        view=view,
        newest=ask.url(after=None) if ask.query.get("after") else None,
        older=ask.url(after=".".join(map(str, found.last)), said=None)
        if found is not None and found.last
        else None,
        is_filtered=bool(searched or view),
    )


async def contact(ask: PageRequest) -> Response:
    """Show what is known of one number: its lists, its consent, its last messages."""
    recipient = phone.parse(f"+{ask.path('number')}")
    if recipient is None:
        raise NotFound("There is no such contact.")
    found = await ask.runtime.contacts.page(ask.account, recipient=recipient, per_page=PER_PAGE)
    if not found.contacts:
        raise NotFound("There is no such contact.")
    lists = {each.id: each for each in await ask.runtime.lists.all(ask.account)}
    events = []
    for each in found.contacts:
        owner = lists.get(each.contact.list_id)
        if owner is not None:
            history = await ask.runtime.contacts.history(ask.account, owner.number, recipient)
            events += [(event, owner.name) for event in history]
    stretch = await ask.runtime.messages.older(
        ask.account, MessageFilter(recipient=recipient), MessagePlace(2**62, 2**62), _MESSAGES
    )
    return ask.page(
        "contact.html",
        number=phone.show(recipient),
        contacts=[each.contact for each in found.contacts],
        lists=lists,
        senders={each.id: sender_of(each) for each in lists.values()},
        events=sorted(events, key=lambda each: each[0].at),
        messages=stretch.messages,
    )


def _place(text: str) -> ContactPlace | None:
    parts = text.split(".")
    if len(parts) != _PLACE_PARTS or not all(
        each.isascii() and each.isdecimal() and int(each) < 2**62 for each in parts
    ):
        return None
    return ContactPlace(*map(int, parts))


ROUTES: Final = (
    PageRoute(route="GET /contacts", answer=contacts, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /contacts/{number}", answer=contact, permission=Permission.SEE_PEOPLE),
)
