"""`sendrail users`: the people who can sign in to the dashboard."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import operator, run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.user import User

app = typer.Typer(help="The people who can sign in to the dashboard.", no_args_is_help=True)

_COLUMNS = ("email", "name", "operator", "roles", "status", "created_at")

Email = Annotated[str, typer.Argument(metavar="ADDRESS", help="The person's e-mail address.")]


@app.command()
def add(
    email: Email,
    role: Annotated[
        str, typer.Option(help="The person's role in the account: owner, member or viewer.")
    ] = "member",
    *,
    is_operator: Annotated[
        bool,
        typer.Option("--operator", help="Give access to every account and to the installation."),
    ] = False,
) -> None:
    """Invite a person: print a link to set a password and join the account, valid for 7 days."""
    from sendrail.domain.errors import InvalidInput
    from sendrail.domain.user import Role, email_of

    async def invite(it: "Runtime") -> str:
        if role not in list(Role):
            raise InvalidInput("A role is owner, member or viewer.", param="role")
        return _link(
            it,
            await it.people.users.invite(
                it.default_account, email, Role(role), operator(), is_operator=is_operator
            ),
        )

    link = run(invite)
    _print_link({"email": email_of(email), "role": role, "link": link})


@app.command("list")
def list_() -> None:
    """List all users who can sign in, with their roles in accounts."""

    async def read(it: "Runtime") -> list[dict[str, Any]]:
        users = await it.people.users.all()
        return [await _fields(it, user) for user in users]

    rows = run(read)
    empty = "No user can sign in yet; `sendrail serve` prints a link for the first owner."
    output.listing("users", _COLUMNS, rows, empty)


@app.command()
def reset(email: Email) -> None:
    """Print a link to set a new password, valid for an hour.

    This ends the person's sessions. When the link is used, their authenticator is removed, and
    the sessions that were begun since are ended.
    """

    async def work(it: "Runtime") -> str:
        return _link(it, await it.people.users.reset(email, operator()))

    _print_link({"email": email, "link": run(work)})


@app.command()
def disable(email: Email) -> None:
    """Disable a user: their sessions end at once."""
    _set(email, enable=False)


@app.command()
def enable(email: Email) -> None:
    """Enable a disabled user again."""
    _set(email, enable=True)


def _set(email: str, *, enable: bool) -> None:
    async def work(it: "Runtime") -> dict[str, Any]:
        return await _fields(it, await it.people.users.disable(email, operator(), enable=enable))

    output.card(run(work))


def _print_link(fields: dict[str, Any]) -> None:
    if output.is_json():
        output.document(fields)
        return
    print(fields["link"])
    output.note(
        "The link sets the password of the person who opens it first. It is shown only once."
    )


def _link(it: "Runtime", token: str) -> str:
    from sendrail.addresses import join_link

    return join_link(it.settings, token)


async def _fields(it: "Runtime", user: "User") -> dict[str, Any]:
    places = await it.people.users.accounts_of(user.id)
    return {
        "email": user.email,
        "name": user.name,
        "operator": user.is_operator,
        "roles": ", ".join(f"{each.role} of {each.account}" for each in places) or None,
        "status": "disabled" if user.disabled_at else "active",
        "created_at": output.when(user.created_at),
    }
