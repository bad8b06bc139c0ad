"""API keys: made, shown once, and revoked; the password is asked for again before."""

from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import KeyId
from sendrail.domain.user import Permission


async def keys(ask: PageRequest) -> Response:
    """Show the account's keys by their first characters."""
    return await _page(ask)


async def create(ask: PageRequest) -> Response:
    """Make a key, and show it this once."""
    try:
        made = await ask.runtime.accounts.create_key(ask.account, ask.field("name"), ask.actor)
    except InvalidInput as fault:
        return await _page(ask, fault=fault)
    return await _page(ask, key=made.key)


async def revoke(ask: PageRequest) -> Response:
    """Revoke a key for ever."""
    key = await ask.runtime.accounts.revoke_key(ask.account, KeyId(ask.number("key_id")), ask.actor)
    return ask.go("/keys", f"{key.shown}… is revoked.")


async def revoke_page(ask: PageRequest) -> Response:
    """Ask before a key is revoked."""
    found = await ask.runtime.accounts.keys(ask.account)
    wanted = ask.number("key_id")
    return await _page(ask, asks=next((each.id for each in found if each.id == wanted), None))


async def _page(
    ask: PageRequest,
    *,
    fault: InvalidInput | None = None,
    key: str = "",
    asks: KeyId | None = None,
) -> Response:
    found = await ask.runtime.accounts.keys(ask.account)
    return ask.page(
        "keys.html",
        status=400 if fault else 200,
        keys=sorted(found, key=lambda each: (each.revoked_at is not None, -each.id)),
        fault=fault,
        key=key,
        asks=asks,
    )


ROUTES: Final = (
    PageRoute(route="GET /keys", answer=keys, permission=Permission.MANAGE),
    PageRoute(route="POST /keys", answer=create, permission=Permission.MANAGE, confirmed=True),
    PageRoute(
        route="GET /keys/{key_id}/revoke",
        answer=revoke_page,
        permission=Permission.MANAGE,
        confirmed=True,
    ),
    PageRoute(
        route="POST /keys/{key_id}/revoke",
        answer=revoke,
        permission=Permission.MANAGE,
        confirmed=True,
    ),
)
