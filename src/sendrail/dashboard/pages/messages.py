"""Messages: found by what is in the address bar, page by page, as a file, and one by one."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from sendrail.dashboard.answers import LivePart
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.timeline import phases_of, timeline
from sendrail.domain import phone, sender_ids
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.ids import MESSAGE_ID_LENGTH, read_row_id
from sendrail.domain.message import Status
from sendrail.domain.times import shown_finely
from sendrail.domain.user import Permission
from sendrail.intake.lookup import FoundMessage, MessageRange, MessageSearch
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

PER_PAGE: Final = 50
CSV_ROWS_MAX: Final = 100_000
# What has no index is looked for among so many.
CSV_LOOKED_MAX: Final = 1_000_000
_FILTERS: Final = ("q", "view", "status", "list", "from", "time", "meta")
_CSV_PAGE: Final = 500
_SOURCES_MAX: Final = 100
_HOUR_MS: Final = 3_600_000
# Saved filters: a name, and the statuses that it means.
VIEWS: Final = {
    "": ("All", None),
    "waiting": ("Waiting", (Status.QUEUED, Status.SENDING)),
    "uncertain": ("Uncertain", (Status.UNCERTAIN,)),
    "sent": ("Sent", (Status.SENT,)),
    "delivered": ("Delivered", (Status.DELIVERED,)),
    "failed": ("Failed", (Status.FAILED, Status.UNDELIVERED)),
    "dropped": ("Dropped", (Status.DROPPED, Status.ORPHANED)),
}
TIMES: Final = {
    "": ("Any time", None),
    "hour": ("Last hour", _HOUR_MS),
    "day": ("Last day", 24 * _HOUR_MS),
    "week": ("Last week", 168 * _HOUR_MS),
}
_COLUMNS: Final = (
    "id", "status", "detail", "to", "list", "text", "segments", "encoding", "connector",
    "accepted_at", "sent_at", "ended_at",
)  # fmt: skip


class _Unmatched(Exception):
    """A search that cannot match anything; the text says why."""


async def messages(ask: PageRequest) -> Response:
    """Show a page of messages."""
    searched = ask.query.get("q", "").strip()
    if len(searched) == MESSAGE_ID_LENGTH and searched.isalnum() and not searched.isdecimal():
        try:
            await ask.runtime.messages.find(ask.account, searched)
            return ask.go(f"/messages/{searched}")
        except NotFound:
            pass
    if ask.part == "live":
        # What the part shows follows from these: all tabs that share them share one rendering.
        query = tuple(sorted(ask.query.items()))
        key = ("messages", ask.account, query, ask.who.permissions, str(ask.times.zone))
        return ask.live(await ask.answers.get(key, lambda: _live(ask)), key)
    return ask.page(
        "messages.html",
        **await _found(ask),
        views=VIEWS,
        spans=TIMES,
        view=_view(ask),
        sources=await _sources(ask),
    )


async def _sources(ask: PageRequest) -> Mapping[str, str]:
    """Return what may have sent messages, newest first: the values of the filter `from`, named."""
    campaigns = await ask.runtime.schedules.all(ask.account)
    journeys = (await ask.runtime.journeys.page(ask.account, per_page=_SOURCES_MAX)).journeys
    found = {f"campaign {each.ref}": each.name for each in campaigns[:_SOURCES_MAX]}
    found |= {f"journey {each.id}": each.name for each, _ in journeys}
    chosen = ask.query.get("from", "")
    if chosen and chosen not in found:
        # It is archived, or older than those: what is filtered by is always named.
        found[chosen] = "an older one"
    return found


async def _live(ask: PageRequest) -> LivePart:
    return LivePart.of(ask.text("messages_live.html", **await _found(ask)))


async def _found(ask: PageRequest) -> dict[str, Any]:
    """Return what the part with the messages shows."""
    found: Sequence[FoundMessage] = ()
    place = None
    why = ""
    searched_for = None
    is_searched = False
    try:
        about = _filter(ask)
        place = _place(ask)
        start = place or MessagePlace(2**62, 2**62)
        wanted = _metadata(ask)
        if about == MessageFilter() and wanted is None:
            stretch = await ask.runtime.messages.older(ask.account, about, start, PER_PAGE)
            found, older = stretch.messages, stretch.next_place
        else:
            searched_for = await ask.runtime.messages.search(
                ask.account, about, start, PER_PAGE, wanted
            )
            found, older = searched_for.messages, searched_for.next_place
            # A search by metadata is never asked again by itself.
            is_searched = wanted is not None
            is_full = older is not None and len(found) == PER_PAGE
            if is_full or (wanted is None and older is None):
                # As much as is shown, or all that there is: how far it was looked says nothing.
                searched_for = None
    except _Unmatched as unmatched:
        older, why = None, str(unmatched)
    lists = await ask.runtime.lists.all(ask.account)
    return {
        "found": found,
        "lists": lists,
        "names": {each.shown: each.name for each in lists},
        "why": why,
        "searched_for": searched_for,
        "newest": ask.url(before=None) if place else None,
        "older": ask.url(before=_mark(ask, older), said=None, focus=None) if older else None,
        "is_filtered": any(ask.query.get(name) for name in _FILTERS),
        "is_first": place is None and not is_searched and searched_for is None,
    }


async def download(ask: PageRequest) -> Response:
    """Send the messages that match as a file, newest first."""
    try:
        about, wanted = _filter(ask), _metadata(ask)
    except _Unmatched:
        raise NotFound("No message matches.") from None
    headers = {"content-disposition": 'attachment; filename="messages.csv"'}
    return StreamingResponse(_csv(ask, about, wanted), media_type="text/csv", headers=headers)


async def message(ask: PageRequest) -> Response:
    """Show one message and what happened to it."""
    name = ask.path("message_id")
    found = await ask.runtime.messages.find(ask.account, name)
    attempts = await ask.runtime.messages.attempts(ask.account, name)
    clicks = await ask.runtime.tracking.clicks.page(
        ask.account, message_id=name, page=1, per_page=50
    )
    told = await ask.runtime.webhooks.about_message(ask.account, found.stored.number)
    return ask.page(
        "message.html",
        found=found,
        message=found.stored,
        events=timeline(found, attempts, clicks, told),
        phases=phases_of(found.stored, attempts),
        characters=len(found.body),
        list_name=await _list_name(ask, found),
    )


async def cancel(ask: PageRequest) -> Response:
    """Call a message back that has not left."""
    name = ask.path("message_id")
    await ask.runtime.cancelling.cancel(ask.account, name)
    return ask.go(f"/messages/{name}", "The message is cancelled.")


async def _list_name(ask: PageRequest, found: FoundMessage) -> str:
    for each in await ask.runtime.lists.all(ask.account):
        if each.id == found.stored.list_id:
            return each.name
    return found.stored.list_number


def _view(ask: PageRequest) -> str:
    name = ask.query.get("view") or ask.query.get("status", "")
    return name if name in VIEWS else ""


def _filter(ask: PageRequest) -> MessageFilter:
    """Return what the address asks for. Raises `_Unmatched` where nothing can match."""
    searched, recipient = ask.query.get("q", "").strip(), None
    if searched:
        recipient = phone.parse(digits_in(searched))
        if recipient is None:
            raise _Unmatched(f"{searched} is neither a number nor the id of a message.")
    kind, _, source = ask.query.get("from", "").partition(" ")
    if kind not in {"", "campaign", "journey"}:
        raise _Unmatched(f"{kind} is neither a campaign nor a journey.")
    length = TIMES.get(ask.query.get("time", ""), TIMES[""])[1]
    return MessageFilter(
        status=VIEWS[_view(ask)][1],
        recipient=recipient,
        list_number=_list(ask.query.get("list", "")),
        campaign=source if kind == "campaign" else None,
        journey=(read_row_id(source) or 0) if kind == "journey" else None,
        created_from=None if length is None else ask.runtime.clock.now() - length,
    )


def _metadata(ask: PageRequest) -> tuple[str, str] | None:
    """Return the key and the value that the metadata is to have."""
    text = ask.query.get("meta", "").strip()
    if not text:
        return None
    key, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not key:
        raise _Unmatched("Write a key of the metadata and its value, such as order=1017.")
    return key, value


def _list(text: str) -> phone.PhoneNumber | None:
    if not text:
        return None
    found = sender_ids.parse(text)
    if found is None:
        raise _Unmatched(f"{text} is no list.")
    return found


def digits_in(text: str) -> str:
    """Return a number as a user types or copies it, with its plus."""
    digits = "".join(each for each in text if each.isascii() and each.isdecimal())
    return f"+{digits}"


def _mark(ask: PageRequest, place: MessagePlace) -> str:
    return f"{ask.runtime.ids.show(place.number)}{place.created_at:x}"


def _place(ask: PageRequest) -> MessagePlace | None:
    """Return where the page begins, None for the newest."""
    mark = ask.query.get("before", "")
    number = ask.runtime.ids.read(mark[:MESSAGE_ID_LENGTH])
    try:
        at = int(mark[MESSAGE_ID_LENGTH:], 16)
    except ValueError:
        return None
    return None if number is None or not 0 <= at < 2**53 else MessagePlace(at, number)


async def _csv(
    ask: PageRequest, about: MessageFilter, wanted: tuple[str, str] | None
) -> AsyncIterator[str]:
    yield _line(_COLUMNS)
    place: MessagePlace | None = MessagePlace(2**62, 2**62)
    rows = looked = 0
    looked_to: int | None = None
    stretch: MessageRange | MessageSearch
    while place is not None and rows < CSV_ROWS_MAX and looked < CSV_LOOKED_MAX:
        try:
            if wanted is None:
                stretch = await ask.runtime.messages.older(ask.account, about, place, _CSV_PAGE)
            else:
                stretch = await ask.runtime.messages.search(
                    ask.account, about, place, _CSV_PAGE, wanted
                )
                # What is looked at twice counts twice: this bounds the work.
                looked += stretch.looked
                looked_to = stretch.looked_to
        except SendrailError:
            # The head is long gone: a file that ends early must say so.
            yield _line(["The rest could not be read."])
            return
        rows += len(stretch.messages)
        yield "".join(_line(_row(each)) for each in stretch.messages)
        place = stretch.next_place
    if place is not None and rows >= CSV_ROWS_MAX:
        yield _line([f"Only the newest {CSV_ROWS_MAX:,} rows are here."])
    elif place is not None and looked_to is not None:
        yield _line([f"Only messages back to {shown_finely(looked_to)} were looked at."])


def _row(found: FoundMessage) -> Sequence[str]:
    stored = found.stored
    times = (stored.created_at, stored.sent_at, stored.ended_at)
    return [
        found.id,
        stored.status.value,
        found.detail or "",
        phone.show(stored.recipient),
        stored.list_number,
        found.body,
        str(stored.segments),
        stored.encoding,
        stored.connector or "",
        *(shown_finely(at) if at else "" for at in times),
    ]


def _line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_safe(value) for value in values])
    return line.getvalue()


def _safe(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula; a number keeps its plus."""
    is_formula = value[:1] in {"=", "-", "@", "\t", "\r"} or (
        value.startswith("+") and not value[1:].isdecimal()
    )
    return f"'{value}" if is_formula else value


ROUTES: Final = (
    PageRoute(route="GET /messages", answer=messages, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /messages.csv", answer=download, permission=Permission.SEE_PEOPLE),
    PageRoute(route="GET /messages/{message_id}", answer=message, permission=Permission.SEE_PEOPLE),
    PageRoute(
        route="POST /messages/{message_id}/cancel", answer=cancel, permission=Permission.SEND
    ),
)
