"""Connectors as forms: added with the settings of their carrier, changed and removed.

A connector can lead messages away, so that the password is asked for before.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail.connectors.service import (
    WINDOW_DEFAULT,
    CarrierKindSummary,
    ConnectorCapacity,
    ConnectorSummary,
)
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import amount, said_at, whole
from sendrail.dashboard.pages.connectors import connector_page, ours
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.setting_fields import changes_of, fields_of, unset_by, words_of
from sendrail.domain.digits import number_written
from sendrail.domain.errors import CarrierTrouble, InvalidInput, NotFound, SendrailError
from sendrail.domain.sender import Connector
from sendrail.domain.user import Permission


class KindWords(NamedTuple):
    """A carrier kind as it is offered."""

    title: str
    about: str


_WORDS: Final[Mapping[str, KindWords]] = {
    "bandwidth": KindWords("Bandwidth", "Its Messaging API"),
    "cm": KindWords("CM.com", "Its Business Messaging API"),
    "http": KindWords("HTTP", "Any other carrier with a simple HTTP API, described by settings"),
    "infobip": KindWords("Infobip", "Its SMS API"),
    "plivo": KindWords("Plivo", "Its Messaging API"),
    "simulator": KindWords("Sandbox", "Reaches no phone: for trying things out"),
    "sinch": KindWords("Sinch", "Its SMS API"),
    "smpp": KindWords("SMPP", "Any SMSC with SMPP 3.4 or 5.0"),
    "telnyx": KindWords("Telnyx", "Its Messaging API"),
    "twilio": KindWords("Twilio", "Its Programmable Messaging API"),
    "vonage": KindWords("Vonage", "Its SMS API"),
    "vonage_messages": KindWords("Vonage Messages", "Its Messages API"),
}
_EVERYONE: Final = "everyone"


def words_for(kind: CarrierKindSummary) -> KindWords:
    """Return the title of a carrier kind, and what it is."""
    return _WORDS.get(kind.name) or KindWords(kind.vendor or kind.name, "")


async def new(ask: PageRequest) -> Response:
    """Show the carriers that there are, or the form of the one that was chosen."""
    if not ask.query.get("kind"):
        found = [(each, words_for(each)) for each in _kinds(ask)]
        return ask.page("connector_kinds.html", kinds=found)
    return await _page(ask, _kind(ask, ask.query["kind"]))


async def add(ask: PageRequest) -> Response:
    """Add the connector of a form."""
    kind = _kind(ask, ask.query.get("kind", ""))
    by_owner = not ask.may(Permission.OPERATE)
    try:
        made = await ask.runtime.connectors.add(
            ask.account,
            kind.name,
            ask.field("name"),
            words_of(ask.form),
            _capacity(ask),
            own=by_owner or ask.field("for") != _EVERYONE,
            by_owner=by_owner,
            actor=ask.actor,
        )
    except SendrailError as fault:
        return await _page(ask, kind, fault=fault)
    return ask.go(f"/connectors/{made.connector.name}", "The connector is added.")


async def edit(ask: PageRequest) -> Response:
    """Show the form of a connector."""
    found = await ours(ask)
    return await _page(ask, _kind_of(ask, found), found)


async def change(ask: PageRequest) -> Response:
    """Change a connector's settings and limits."""
    found = await ours(ask)
    kind = _kind_of(ask, found)
    try:
        await ask.runtime.connectors.change(
            ask.account,
            found.connector.name,
            changes_of(ask.form, found.settings),
            _capacity_changes(ask, found.connector),
            unset=unset_by(ask.form, kind.settings, found.settings),
            by_owner=not ask.may(Permission.OPERATE),
            actor=ask.actor,
        )
    except SendrailError as fault:
        return await _page(ask, kind, found, fault)
    return ask.go(f"/connectors/{found.connector.name}", "The connector is changed.")


async def rotate_url(ask: PageRequest) -> Response:
    """Give it another callback URL."""
    found = await ours(ask)
    await ask.runtime.connectors.rotate_url(ask.account, found.connector.name, ask.actor)
    said = "The callback URL is new. Enter it at the carrier: the old one is valid for a day."
    return ask.go(f"/connectors/{found.connector.name}", said)


async def ask_remove(ask: PageRequest) -> Response:
    """Ask before a connector is removed."""
    await ours(ask)
    return await connector_page(ask, asks=True)


async def remove(ask: PageRequest) -> Response:
    """Remove a connector that no list uses, with its secrets."""
    found = await ours(ask)
    await ask.runtime.connectors.remove(ask.account, found.connector.name, ask.actor)
    return ask.go("/connectors", f"{found.connector.name} is removed.")


def _kind_of(ask: PageRequest, found: ConnectorSummary) -> CarrierKindSummary:
    """Return the kind of a connector; one that is not installed any longer has no settings."""
    name = found.connector.kind
    kinds = {each.name: each for each in ask.runtime.connectors.kinds()}
    return kinds.get(name) or CarrierKindSummary(name)


def _kinds(ask: PageRequest) -> list[CarrierKindSummary]:
    """Return the kinds that the user may connect."""
    return [
        each
        for each in ask.runtime.connectors.kinds()
        if each.trouble is None and (each.for_owners or ask.may(Permission.OPERATE))
    ]


def _kind(ask: PageRequest, name: str) -> CarrierKindSummary:
    """Return a kind that the user may connect. Raises `NotFound`."""
    found = next((each for each in _kinds(ask) if each.name == name), None)
    if found is None:
        raise NotFound("There is no such carrier, or an operator of the installation connects it.")
    return found


def _capacity(ask: PageRequest) -> ConnectorCapacity:
    window = whole(ask.field("window"), "window")
    return ConnectorCapacity(
        window=WINDOW_DEFAULT if window is None else window,
        # Nothing is no limit, as 0 is.
        mps=amount(ask.field("mps"), "mps") or 0,
        segments_per_second=amount(ask.field("segments_per_second"), "segments_per_second") or 0,
    )


def _capacity_changes(ask: PageRequest, before: Connector) -> ConnectorCapacity:
    """Return the limits that a form changes, so that the audit log names no others."""
    wanted = _capacity(ask)
    return ConnectorCapacity(
        window=None if wanted.window == before.window else wanted.window,
        mps=None if wanted.mps == (before.mps or 0) else wanted.mps,
        segments_per_second=None
        if wanted.segments_per_second == (before.segments_per_second or 0)
        else wanted.segments_per_second,
    )


async def _page(
    ask: PageRequest,
    kind: CarrierKindSummary,
    found: ConnectorSummary | None = None,
    fault: SendrailError | None = None,
) -> Response:
    given = ask.form if fault else {}
    trouble = fault if isinstance(fault, CarrierTrouble) else None
    kept = found.settings if found else {}
    fields = fields_of(kind.settings, given, kept, trouble)
    connector = found.connector if found else None
    limits = {
        "window": str(connector.window if connector else WINDOW_DEFAULT),
        "mps": _paced(connector.mps if connector else None),
        "segments_per_second": _paced(connector.segments_per_second if connector else None),
        "name": "",
        "for": _EVERYONE,
    }
    return ask.page(
        "connector_form.html",
        status=400 if fault else 200,
        kind=kind,
        words=words_for(kind),
        found=found,
        first=[each for each in fields if each.is_first],
        more=[each for each in fields if not each.is_first],
        given=limits | dict(given),
        fault=fault,
        own_fault=None if trouble else fault,
        is_placed=any(each.fault for each in fields)
        or (isinstance(fault, InvalidInput) and fault.param in limits),
        said_at=said_at,
    )


def _paced(rate: float | None) -> str:
    return "" if rate is None else number_written(rate)


_MANAGE: Final = Permission.MANAGE
_ONE: Final = "/connectors/{name}"

ROUTES: Final = (
    PageRoute(route="GET /connectors/new", answer=new, permission=_MANAGE, confirmed=True),
    PageRoute(route="POST /connectors/new", answer=add, permission=_MANAGE, confirmed=True),
    PageRoute(route=f"GET {_ONE}/edit", answer=edit, permission=_MANAGE, confirmed=True),
    PageRoute(route=f"POST {_ONE}/edit", answer=change, permission=_MANAGE, confirmed=True),
    PageRoute(route=f"POST {_ONE}/rotate-url", answer=rotate_url, permission=_MANAGE),
    PageRoute(route=f"GET {_ONE}/remove", answer=ask_remove, permission=_MANAGE, confirmed=True),
    PageRoute(route=f"POST {_ONE}/remove", answer=remove, permission=_MANAGE, confirmed=True),
)
