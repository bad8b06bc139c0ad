"""The sandbox: the screens of its handsets, and an answer from one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail.contacts.inputs import list_number_of, recipient_of
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import InvalidInput
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.user import Permission
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

_SIMULATOR: Final = "simulator"
_MESSAGES: Final = 200
_REPLIES: Final = 200
_HANDSETS_MAX: Final = 12
_ON_SCREEN: Final = 6
_TEXT_MAX: Final = 480
# What is on a handset's screen, or may be.
_ARRIVED: Final = (Status.DELIVERED, Status.SENT, Status.UNCERTAIN)


class HandsetText(NamedTuple):
    """A text on a screen; `ours` came from us, the others were typed there."""

    at: int
    body: str
    ours: bool
    status: Status | None = None


@dataclass(slots=True)
class HandsetScreen:
    """One handset: whom it texts with, and the last texts, oldest first."""

    recipient: PhoneNumber
    list_name: str
    list_number: str
    texts: list[HandsetText] = field(default_factory=list)

    @property
    def last_at(self) -> int:
        return max((each.at for each in self.texts), default=0)

    @property
    def shown(self) -> Sequence[HandsetText]:
        return sorted(self.texts, key=lambda each: each.at)[-_ON_SCREEN:]


async def sandbox(ask: PageRequest) -> Response:
    """Show the handsets that got something lately."""
    screens = await _screens(ask)
    latest = sorted(screens, key=lambda each: each.last_at, reverse=True)[:_HANDSETS_MAX]
    return ask.page("sandbox.html", screens=latest)


async def reply(ask: PageRequest) -> Response:
    """Send a text from a handset to a list."""
    body = ask.field("body")
    if not body or len(body) > _TEXT_MAX:
        raise InvalidInput(f"A text from a handset has 1 to {_TEXT_MAX} characters.")
    await ask.runtime.sandbox.reply(
        ask.account,
        recipient_of(ask.field("handset")),
        list_number_of(ask.field("list")),
        body,
    )
    return ask.go("/sandbox", "The handset has sent it.")


async def _screens(ask: PageRequest) -> Sequence[HandsetScreen]:
    # Without what stands around lists: their contacts would be counted for each look.
    connectors = await ask.runtime.connectors.all(ask.account)
    simulated = {each.connector.id for each in connectors if each.connector.kind == _SIMULATOR}
    ours = {
        sender_of(each): each.name
        for each in await ask.runtime.lists.all(ask.account)
        if each.connector_id in simulated
    }
    screens: dict[tuple[int, str], HandsetScreen] = {}

    def screen(recipient: PhoneNumber, number: str) -> HandsetScreen:
        made = HandsetScreen(recipient, ours[number], number)
        return screens.setdefault((recipient, number), made)

    arrived = await ask.runtime.messages.search(
        ask.account, MessageFilter(status=_ARRIVED), MessagePlace(2**62, 2**62), _MESSAGES
    )
    for found in arrived.messages:
        stored = found.stored
        if stored.list_number in ours:
            at = stored.sent_at or stored.created_at
            text = HandsetText(at, found.body, ours=True, status=stored.status)
            screen(stored.recipient, stored.list_number).texts.append(text)
    for each in await ask.runtime.replies.page(ask.account, per_page=_REPLIES):
        if each.list_number in ours:
            text = HandsetText(each.received_at, each.body, ours=False)
            screen(each.sender, each.list_number).texts.append(text)
    return list(screens.values())


ROUTES: Final = (
    PageRoute(route="GET /sandbox", answer=sandbox, permission=Permission.SEE_PEOPLE),
    PageRoute(route="POST /sandbox", answer=reply, permission=Permission.SEND),
)
