"""Send a test: one message, its cost as it is typed, and the call that does the same."""

from typing import Final, NamedTuple

import msgspec
from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import plain_number
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.order import Fault
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.text import measure, outside_gsm7
from sendrail.domain.user import Permission
from sendrail.intake.orders import read_order
from sendrail.intake.verdicts import Refused
from sendrail.sandbox import magic_numbers

_CHARACTERS_OF: Final = {"gsm7": (160, 153), "ucs2": (70, 67)}
_FIRST_TEXT: Final = "Hello from Sendrail. This is a test."
_QUOTE: Final = "'\\''"


class TextCost(NamedTuple):
    """What a text costs, and the first character that makes it cost more."""

    characters: int
    segments: int
    encoding: str
    per_segment: int
    culprit: str
    place: int


def cost_of(text: str) -> TextCost:
    """Return the cost of a text as it is typed."""
    size = measure(text)
    alone, joined = _CHARACTERS_OF[size.encoding.value]
    found = next(iter(outside_gsm7(text)), None)
    return TextCost(
        characters=len(text),
        segments=size.segments,
        encoding="GSM-7" if size.encoding.value == "gsm7" else "UCS-2",
        per_segment=alone if size.segments <= 1 else joined,
        culprit="" if found is None else found[1],
        place=0 if found is None else found[0] + 1,
    )


async def form(ask: PageRequest) -> Response:
    """Show the form."""
    given = {
        "list": ask.query.get("list", ""),
        "to": ask.query.get("to", "+15550100001"),
        "body": ask.query.get("body", _FIRST_TEXT),
    }
    return await _page(ask, given, None)


async def measured(ask: PageRequest) -> Response:
    """Show what the text costs, for the part of the page that shows it."""
    return ask.page("send_cost.html", cost=cost_of(ask.form.get("body", "")))


async def send(ask: PageRequest) -> Response:
    """Send one message through the gate, as the API would."""
    given = {name: ask.form.get(name, "") for name in ("list", "to", "body")}
    try:
        order = read_order(
            plain_number(given["to"]), given["list"], given["body"], ask.runtime.limits
        )
        if isinstance(order, Fault):
            raise InvalidInput(order.text, code=order.code, param=order.param)
        [verdict] = await ask.runtime.intake.accept(ask.account, [order])
        if isinstance(verdict, Refused):
            text = f"{verdict.text}. {verdict.detail}" if verdict.detail else verdict.text
            raise InvalidInput(text, code=verdict.code, param=verdict.param)
    except SendrailError as fault:
        return await _page(ask, given, fault)
    return ask.go(f"/messages/{verdict.message_id}")


async def _page(ask: PageRequest, given: dict[str, str], fault: SendrailError | None) -> Response:
    lists = await ask.runtime.lists.all(ask.account)
    active = [each for each in lists if each.status is ListStatus.ACTIVE]
    return ask.page(
        "send.html",
        status=400 if fault else 200,
        lists=[(sender_of(each), each.name) for each in active],
        given=given,
        fault=fault,
        field_of={"list_number": "list"}.get(fault.param or "", fault.param) if fault else None,
        cost=cost_of(given["body"]),
        magic=magic_numbers(),
        curl=_curl(ask, given, sender_of(active[0]) if active else ""),
    )


def sender_of(each: SendingList) -> str:
    """Return a list's sender as the API writes it."""
    return each.sender_name or phone.show(each.number)


def _curl(ask: PageRequest, given: dict[str, str], first: str) -> str:
    """Return the call that does the same, as a shell takes it."""
    body = {"to": given["to"], "list_number": given["list"] or first, "body": given["body"]}
    quoted = msgspec.json.encode(body).decode().replace("'", _QUOTE)
    base = ask.runtime.settings.public_url.rstrip("/") or (
        f"http://{ask.request.headers.get('host', 'localhost')}"
    )
    return (
        f"curl {base}/api/v2/send-raw \\\n  -H 'X-Api-Key: YOUR_KEY' \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{quoted}'"
    )


ROUTES: Final = (
    PageRoute(route="GET /send", answer=form, permission=Permission.SEND),
    PageRoute(route="POST /send", answer=send, permission=Permission.SEND),
    PageRoute(route="POST /send/measure", answer=measured, permission=Permission.SEND),
)
