"""Signing in and out, joining by an invitation, and showing the password again."""

from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Overloaded,
    SendrailError,
    Unauthorized,
)
from sendrail.people.tokens import form_token, new_token

_SWITCH: Final = ("on", "off")
_THEMES: Final = ("light", "dark", "system")


async def sign_in_page(ask: PageRequest) -> Response:
    """Ask for address and password."""
    if ask.signed_in is not None:
        return ask.go(_next(ask.query.get("next", "")))
    return await _door(ask, "sign_in.html", next=ask.query.get("next", ""), email="", fault=None)


async def sign_in(ask: PageRequest) -> Response:
    """Begin a session."""
    headers = ask.request.headers
    client = ask.request.client
    try:
        token = await ask.runtime.people.signing_in.sign_in(
            ask.field("email"),
            ask.form.get("password", ""),
            ask.field("code"),
            agent=headers.get("user-agent", ""),
            address=ask.runtime.tracking.peers.visitor(
                client.host if client else "",
                headers.get("x-forwarded-for", "").encode("latin-1") or None,
            ),
        )
    except SendrailError as fault:
        status = 429 if isinstance(fault, Overloaded) else 403
        return await _door(
            ask,
            "sign_in.html",
            status=status,
            next=ask.field("next"),
            email=ask.field("email"),
            fault=fault,
        )
    response = ask.go(_next(ask.field("next")))
    ask.cookies.set_session(response, token)
    return response


async def sign_out(ask: PageRequest) -> Response:
    """End this session."""
    await ask.runtime.people.signing_in.end(ask.who, ask.who.session.id)
    response = ask.go("/sign-in")
    ask.cookies.end_session(response)
    return response


async def join_page(ask: PageRequest) -> Response:
    """Show what a link invites to."""
    invitation = await ask.runtime.people.users.invitation(ask.path("token"))
    return await _door(
        ask, "join.html", invitation=invitation, name="", email=invitation.email, fault=None
    )


async def join(ask: PageRequest) -> Response:
    """Take an invitation, and sign in with what it has set."""
    users, token = ask.runtime.people.users, ask.path("token")
    email, password = ask.field("email"), ask.form.get("password", "")
    try:
        user = await users.accept(token, email=email, name=ask.field("name"), password=password)
    except (Conflict, InvalidInput, Unauthorized, Overloaded) as fault:
        invitation = await users.invitation(token)
        return await _door(
            ask,
            "join.html",
            status=400,
            invitation=invitation,
            name=ask.field("name"),
            email=invitation.email or email,
            fault=fault,
        )
    return ask.go(f"/sign-in?email={user.email}", "Your password is set. Sign in with it.")


async def confirm_page(ask: PageRequest) -> Response:
    """Ask for the password again."""
    return ask.page("confirm.html", next=ask.query.get("next", ""), fault=None)


async def confirm(ask: PageRequest) -> Response:
    """Note that the password was shown."""
    try:
        await ask.runtime.people.signing_in.confirm(ask.who, ask.form.get("password", ""))
    except (Unauthorized, Overloaded) as fault:
        return ask.page("confirm.html", status=403, next=ask.field("next"), fault=fault)
    return ask.go(_next(ask.field("next")))


async def choose_theme(ask: PageRequest) -> Response:
    """Remember in this browser whether it is to be light or dark."""
    theme = ask.field("theme")
    if theme not in _THEMES:
        raise InvalidInput("A theme is light, dark or system.")
    response = ask.go(_next(ask.field("next")))
    ask.cookies.set_theme(response, theme)
    return response


async def choose_keys(ask: PageRequest) -> Response:
    """Remember in this browser whether single keys act."""
    state = ask.field("keys")
    if state not in _SWITCH:
        raise InvalidInput("Keys are on or off.")
    response = ask.go(_next(ask.field("next")))
    ask.cookies.set_keys(response, state)
    return response


async def choose_account(ask: PageRequest) -> Response:
    """Look at another account."""
    text = ask.field("account")
    for each in ask.who.accounts:
        if str(each.account_id) == text:
            await ask.runtime.people.signing_in.look_at(ask.who, each.account_id)
            return ask.go("/")
    raise NotFound("There is no such account, or you have no place in it.")


async def _door(
    ask: PageRequest, template: str, *, status: int = 200, **values: object
) -> Response:
    """Answer with a page before the session, whose form carries a token of its own."""
    token = ask.cookies.door(ask.request) or new_token()
    response = ask.page(
        template,
        status=status,
        door_token=form_token(token),
        has_users=await ask.runtime.people.users.has_any(),
        host=ask.request.headers.get("host", ""),
        **values,
    )
    ask.cookies.set_door(response, token)
    return response


def _next(text: str) -> str:
    """Return a path of ours to go on to: never an address elsewhere."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\"))
    # A browser goes up at such a segment, to what is no page of the dashboard.
    path = text.partition("?")[0].lower().replace("%2e", ".").replace("\\", "/")
    is_ours = is_ours and ".." not in path.split("/")
    return text if is_ours and text.isprintable() else "/"


ROUTES: Final = (
    PageRoute(route="GET /sign-in", answer=sign_in_page, signed_in=False),
    PageRoute(route="POST /sign-in", answer=sign_in, signed_in=False),
    PageRoute(route="POST /sign-out", answer=sign_out),
    PageRoute(route="GET /join/{token}", answer=join_page, signed_in=False),
    PageRoute(route="POST /join/{token}", answer=join, signed_in=False),
    PageRoute(route="GET /confirm", answer=confirm_page),
    PageRoute(route="POST /confirm", answer=confirm),
    PageRoute(route="POST /theme", answer=choose_theme),
    PageRoute(route="POST /shortcuts", answer=choose_keys),
    PageRoute(route="POST /account", answer=choose_account),
)
