"""You: your sessions, password and authenticator, the theme, and the account you look at."""

import base64
import io
from typing import Final

import segno
from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import InvalidInput, SendrailError


async def you(ask: PageRequest) -> Response:
    """Show what is yours."""
    return await _page(ask)


async def change_password(ask: PageRequest) -> Response:
    """Change the password; your other sessions end."""
    before, after = ask.form.get("before", ""), ask.form.get("after", "")
    try:
        await ask.runtime.people.signing_in.change_password(ask.who, before, after)
    except SendrailError as fault:
        return await _page(ask, fault=fault)
    return ask.go("/you", "Your password is changed, and your other sessions have ended.")


async def end_session(ask: PageRequest) -> Response:
    """End one of your sessions."""
    await ask.runtime.people.signing_in.end(ask.who, ask.number("id"))
    return ask.go("/you", "The session has ended.")


async def end_others(ask: PageRequest) -> Response:
    """End all of your sessions but this one."""
    await ask.runtime.people.signing_in.end_others(ask.who)
    return ask.go("/you", "Your other sessions have ended.")


async def begin_authenticator(ask: PageRequest) -> Response:
    """Make a secret for an authenticator, and show it."""
    await ask.runtime.people.authenticators.begin(ask.who.user.id, ask.who.user.email)
    return ask.go("/you#authenticator")


async def confirm_authenticator(ask: PageRequest) -> Response:
    """Let the authenticator count, and show the backup codes this once."""
    now = ask.runtime.clock.now()
    try:
        codes = await ask.runtime.people.authenticators.confirm(
            ask.who.user.id, ask.field("code"), now
        )
    except InvalidInput as fault:
        return await _page(ask, fault=fault)
    return await _page(ask, codes=codes)


async def remove_authenticator(ask: PageRequest) -> Response:
    """Let the password alone be enough again."""
    await ask.runtime.people.authenticators.remove(ask.who.user.id)
    return ask.go("/you", "The authenticator is removed.")


async def _page(
    ask: PageRequest, *, fault: SendrailError | None = None, codes: list[str] | None = None
) -> Response:
    user = ask.who.user
    pending = await ask.runtime.people.authenticators.pending(user.id, user.email)
    return ask.page(
        "you.html",
        status=400 if fault else 200,
        sessions=await ask.runtime.people.signing_in.sessions(ask.who),
        pending=pending,
        picture=None if pending is None else _picture(pending.uri),
        fault=fault,
        codes=codes or [],
        has_totp=user.has_totp or bool(codes),
    )


def _picture(text: str) -> str:
    """Return the QR code of a text, as the address of a picture that is in itself."""
    made = io.BytesIO()
    segno.make(text, error="m").save(made, kind="svg", border=3, scale=4, xmldecl=False)
    return "data:image/svg+xml;base64," + base64.b64encode(made.getvalue()).decode("ascii")


ROUTES: Final = (
    PageRoute(route="GET /you", answer=you),
    PageRoute(route="POST /you/password", answer=change_password),
    PageRoute(route="POST /you/sessions/end", answer=end_others),
    PageRoute(route="POST /you/sessions/{id}/end", answer=end_session),
    PageRoute(route="POST /you/authenticator", answer=begin_authenticator, confirmed=True),
    PageRoute(route="POST /you/authenticator/confirm", answer=confirm_authenticator),
    PageRoute(route="POST /you/authenticator/remove", answer=remove_authenticator, confirmed=True),
)
