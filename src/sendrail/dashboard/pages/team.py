"""The team: who is in it, their roles, and invitations."""

from typing import Final

from starlette.responses import Response

from sendrail.addresses import join_link
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.user import Permission, Role
from sendrail.people.users import Team

_ROLES: Final = {
    Role.OWNER: "everything, also keys and the team",
    Role.MEMBER: "sends, and sees people and texts",
    Role.VIEWER: "sees figures, never a person",
}


async def team(ask: PageRequest) -> Response:
    """Show the people of the account."""
    return await _page(ask)


async def invite(ask: PageRequest) -> Response:
    """Make an invitation, and show its link this once."""
    try:
        token = await ask.runtime.people.users.invite(
            ask.account, ask.field("email"), _role(ask), ask.actor
        )
    except SendrailError as fault:
        return await _page(ask, fault=fault)
    host = ask.request.headers.get("host", "")
    return await _page(ask, link=join_link(ask.runtime.settings, token, f"http://{host}"))


async def end_invitation(ask: PageRequest) -> Response:
    """Take an invitation back."""
    await ask.runtime.people.users.end_invitation(ask.account, ask.number("id"), ask.actor)
    return ask.go("/team", "The invitation is taken back.")


async def set_role(ask: PageRequest) -> Response:
    """Give a user another role."""
    await ask.runtime.people.users.set_role(ask.account, ask.number("id"), _role(ask), ask.actor)
    return ask.go("/team", "The role is changed.")


async def remove(ask: PageRequest) -> Response:
    """Take a user out of the team."""
    await ask.runtime.people.users.remove(
        ask.account, ask.number("id"), ask.actor, by=ask.who.user.id
    )
    return ask.go("/team", "The person is no longer in the team.")


def _role(ask: PageRequest) -> Role:
    try:
        return Role(ask.field("role"))
    except ValueError:
        raise InvalidInput("A role is owner, member or viewer.", param="role") from None


async def _page(
    ask: PageRequest, *, fault: SendrailError | None = None, link: str = ""
) -> Response:
    found: Team = await ask.runtime.people.users.team(ask.account)
    return ask.page(
        "team.html",
        status=400 if fault else 200,
        team=found,
        roles=_ROLES,
        fault=fault,
        link=link,
        email=ask.field("email") if fault else "",
    )


_MANAGE: Final = Permission.MANAGE
ROUTES: Final = (
    PageRoute(route="GET /team", answer=team, permission=_MANAGE),
    PageRoute(route="POST /team", answer=invite, permission=_MANAGE, confirmed=True),
    PageRoute(
        route="POST /team/invitations/{id}/end",
        answer=end_invitation,
        permission=_MANAGE,
        confirmed=True,
    ),
    PageRoute(route="POST /team/{id}/role", answer=set_role, permission=_MANAGE, confirmed=True),
    PageRoute(route="POST /team/{id}/remove", answer=remove, permission=_MANAGE, confirmed=True),
)
