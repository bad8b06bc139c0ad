"""The inbox: what people write back, with what was sent to them, and an answer through the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

from sendrail.contacts.inputs import list_number_of
from sendrail.contacts.replies import COUNT_MAX
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone, sender_ids
from sendrail.domain.consent import Keyword, ReplyVerdict
from sendrail.domain.errors import InvalidInput, NotFound, SendrailError
from sendrail.domain.message import Status
from sendrail.domain.order import Fault
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.user import Permission
from sendrail.intake.orders import read_order
from sendrail.intake.verdicts import Refused
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace
from sendrail.storage.pipeline.reply_log import StoredReply

# Replies are read so many at a time, and put together by contact and list.
PER_PAGE: Final = 100
_TEXTS_MAX: Final = 50
_FILTERS: Final = ("view", "q", "list", "page")
_VIEWS: Final = {"": "All", "unread": "Unread", "review": "Review"}


class _ThreadText(NamedTuple):
    """A text of a conversation: a message of ours with its status, or a reply."""

    at: int
    body: str
    message_id: str = ""
    status: Status | None = None
    automatic: bool = False
    reply: StoredReply | None = None


@dataclass(slots=True)
class _Conversation:
    """What one contact wrote to one list, by its newest reply."""

    newest: StoredReply
    replies: int = 1
    review: bool = False
    unread: bool = False


async def inbox(ask: PageRequest) -> Response:
    """Show the conversations, the newest reply first."""
    return await _page(ask)


async def conversation(ask: PageRequest) -> Response:
    """Show one contact's conversation with one list."""
    return await _page(ask, _contact(ask))


async def answer(ask: PageRequest) -> Response:
    """Send an answer through the gate, as every message is."""
    recipient, list_number = _contact(ask), ask.field("list")
    await _thread(ask, recipient, _list(list_number))
    try:
        order = read_order(
            phone.show(recipient), list_number, ask.form.get("body", ""), ask.runtime.limits
        )
        if isinstance(order, Fault):
            raise InvalidInput(order.text, code=order.code, param=order.param)
        [verdict] = await ask.runtime.intake.accept(ask.account, [order])
        if isinstance(verdict, Refused):
            text = f"{verdict.text}. {verdict.detail}" if verdict.detail else verdict.text
            raise InvalidInput(text, code=verdict.code, param=verdict.param)
    except SendrailError as fault:
        return await _page(ask, recipient, list_number, fault)
    return ask.go(_path(ask, list_number), "The answer is on its way.")


async def decide(ask: PageRequest) -> Response:
    """Decide what a doubtful reply was: a STOP, or none."""
    recipient, list_number = _contact(ask), ask.field("list")
    texts = await _thread(ask, recipient, _list(list_number))
    wanted = ask.field("reply")
    if not any(each.reply is not None and str(each.reply.id) == wanted for each in texts):
        raise _nothing()
    try:
        verdict = ReplyVerdict(ask.field("verdict"))
    except ValueError:
        raise InvalidInput("It was a STOP, or it was not.") from None
    result = await ask.runtime.reviews.decide(ask.account, int(wanted), verdict, ask.actor)
    if verdict is ReplyVerdict.STOP:
        said = "The contact is off the list." if result.left else "Nothing had to be changed."
    else:
        said = "The contact is on the list again." if result.back else "Nothing had to be changed."
    return ask.go(_path(ask, list_number), said)


def _path(ask: PageRequest, list_number: str) -> str:
    """Return the address of the open conversation, beside the list as it is filtered."""
    return _filtered(ask, f"/{ask.path('number')}", on=list_number)


def _filtered(ask: PageRequest, more: str = "", **changes: str | None) -> str:
    """Return an address of the inbox that keeps what its list is filtered by."""
    query = {name: ask.query.get(name) for name in _FILTERS} | changes
    kept = {name: value for name, value in query.items() if value}
    return f"/inbox{more}" + (f"?{urlencode(kept)}" if kept else "")


def _contact(ask: PageRequest) -> PhoneNumber:
    recipient = phone.parse(f"+{ask.path('number')}")
    if recipient is None:
        raise _nothing()
    return recipient


def _list(text: str) -> PhoneNumber:
    try:
        return list_number_of(text)
    except InvalidInput:
        raise _nothing() from None


def _nothing() -> NotFound:
    return NotFound("There is no such conversation.")


async def _page(
    ask: PageRequest,
    recipient: PhoneNumber | None = None,
    on: str = "",
    fault: SendrailError | None = None,
) -> Response:
    view = ask.query.get("view", "")
    view = view if view in _VIEWS else ""
    page = ask.page_number
    searched = ask.query.get("q", "").strip()
    sender = phone.parse(digits_in(searched)) if searched else None
    is_lost = bool(searched) and sender is None
    chosen = sender_ids.parse(ask.query.get("list", "")) if ask.query.get("list") else None
    lists = await ask.runtime.lists.all(ask.account)
    replies: Sequence[StoredReply] = ()
    if not is_lost:
        replies = await ask.runtime.replies.page(
            ask.account,
            list_number=chosen if any(each.number == chosen for each in lists) else None,
            review=view == "review",
            unread=view == "unread",
            sender=sender,
            page=page,
            per_page=PER_PAGE,
        )
    opened = None if recipient is None else await _opened(ask, recipient, on, replies)
    read = await _read(ask, () if opened is None else opened["texts"])
    unread, waiting = await ask.runtime.replies.waiting(ask.account)
    # Of the sidebar, too: it was read before this conversation was.
    ask.unread = unread
    return ask.page(
        "inbox.html",
        status=400 if fault else 200,
        conversations=_conversations(replies, read),
        counts={"unread": unread, "review": waiting},
        count_max=COUNT_MAX,
        lists=[(sender_of(each), each.name) for each in lists],
        names={sender_of(each): each.name for each in lists},
        views=_VIEWS,
        view=view,
        filtered=partial(_filtered, ask),
        is_filtered=bool(searched or view or ask.query.get("list")),
        newer=ask.url(page=None, said=None) if page > 1 else None,
        older=ask.url(page=str(page + 1), said=None) if len(replies) == PER_PAGE else None,
        fault=fault,
        given=ask.form.get("body", "") if fault else "",
        STOP=Keyword.STOP,
        **(opened or _CLOSED),
    )


_CLOSED: Final = {"recipient": None, "on": "", "texts": (), "contacts": (), "is_active": False}


async def _opened(
    ask: PageRequest, recipient: PhoneNumber, on: str, replies: Sequence[StoredReply]
) -> dict[str, Any]:
    """Return what the page shows of the conversation that is open."""
    on = on or ask.query.get("on", "")
    if not on:
        theirs = (each.list_number for each in replies if each.sender == recipient)
        newest = await ask.runtime.replies.page(ask.account, sender=recipient, per_page=1)
        on = next(theirs, newest[0].list_number if newest else "")
    list_number = _list(on)
    texts = await _thread(ask, recipient, list_number)
    found = await ask.runtime.contacts.page(ask.account, recipient=recipient, per_page=PER_PAGE)
    lists = {each.id: each for each in await ask.runtime.lists.all(ask.account)}
    contacts = [
        (each.contact, lists[each.contact.list_id])
        for each in found.contacts
        if each.contact.list_id in lists
    ]
    # One that is on no list may be written to: only an opt-out keeps an answer back.
    has_left = any(not each.active for each, owner in contacts if owner.number == list_number)
    return {
        "recipient": recipient,
        "on": on,
        "texts": texts,
        "contacts": contacts,
        "is_active": not has_left,
    }


async def _thread(
    ask: PageRequest, recipient: PhoneNumber, list_number: PhoneNumber
) -> list[_ThreadText]:
    """Return the newest texts both ways, oldest first. Raises `NotFound` where no reply came."""
    try:
        replies = await ask.runtime.replies.page(
            ask.account, list_number=list_number, sender=recipient, per_page=_TEXTS_MAX
        )
    except SendrailError:
        raise _nothing() from None
    if not replies:
        raise _nothing()
    about = MessageFilter(recipient=recipient, list_number=list_number)
    sent = await ask.runtime.messages.search(
        ask.account, about, MessagePlace(2**62, 2**62), _TEXTS_MAX
    )
    texts = [_ThreadText(each.received_at, each.body, reply=each) for each in replies]
    texts += [
        _ThreadText(
            each.stored.created_at,
            each.body,
            message_id=each.id,
            status=each.stored.status,
            automatic=each.stored.automatic,
        )
        for each in sent.messages
    ]
    return sorted(texts, key=lambda each: each.at)[-_TEXTS_MAX:]


async def _read(ask: PageRequest, texts: Sequence[_ThreadText]) -> frozenset[int]:
    """Note that the replies of an open conversation are read; return their ids."""
    ids = frozenset(each.reply.id for each in texts if each.reply and each.reply.seen_at is None)
    await ask.runtime.replies.see(ask.account, sorted(ids))
    return ids


def _conversations(replies: Sequence[StoredReply], read: frozenset[int]) -> list[_Conversation]:
    found: dict[tuple[int, str], _Conversation] = {}
    for each in replies:
        made = found.get((each.sender, each.list_number))
        if made is None:
            made = found[each.sender, each.list_number] = _Conversation(each)
        else:
            made.replies += 1
        made.review = made.review or each.waits
        made.unread = made.unread or (each.is_unread and each.id not in read)
    return list(found.values())


ROUTES: Final = (
    PageRoute(route="GET /inbox", answer=inbox, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /inbox/{number}", answer=conversation, permission=Permission.SEE_PEOPLE),
    PageRoute(route="POST /inbox/{number}", answer=answer, permission=Permission.SEND),
    PageRoute(route="POST /inbox/{number}/review", answer=decide, permission=Permission.SEND),
)
