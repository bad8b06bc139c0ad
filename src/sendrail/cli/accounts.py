"""`sendrail accounts`: the accounts of the installation."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.account_settings import change_settings
from sendrail.cli.session import Append, Prepend, operator, run

if TYPE_CHECKING:
    from sendrail.domain.account import Account

app = typer.Typer(
    help="Accounts: each has its own keys, lists, contacts and messages.", no_args_is_help=True
)

_NONE = "none"
_COLUMNS = ("id", "name", "status", "created_at")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name or id.")]


@app.command()
def add(name: Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]) -> None:
    """Add an account. Create its first API key with `sendrail --account NAME keys create`."""
    run(lambda it: it.accounts.add(name, operator()))
    _show(run(lambda it: it.accounts.find(name.strip())))


@app.command("list")
def list_() -> None:
    """List the accounts; commands work on the first one, unless --account names another."""
    accounts = [_fields(each) for each in run(lambda it: it.accounts.all())]
    output.listing("accounts", _COLUMNS, accounts, "There are no accounts.")


@app.command()
def suspend(name: Name) -> None:
    """Refuse an account's requests with 403, and drop its waiting messages."""
    _show(run(lambda it: it.accounts.suspend(name, operator())))


@app.command()
def resume(name: Name) -> None:
    """Let a suspended account use the API and send again."""
    _show(run(lambda it: it.accounts.resume(name, operator())))


@app.command()
def frame(
    *,
    prepend: Prepend = None,
    append: Append = None,
    default: Annotated[
        bool, typer.Option("--default", help="Use the built-in texts again.")
    ] = False,
) -> None:
    """Set the account's frame, the texts around messages to American numbers; or show it.

    It applies to all lists of the account that have no frame of their own. To choose the account,
    put `--account NAME` before the command.
    """
    from sendrail.contacts.frames import FrameChange

    inherited = frozenset(("prepend", "append")) if default else frozenset()
    given = FrameChange(prepend=prepend, append=append, inherited=inherited)
    found = change_settings(frame=given)
    shown = {"prepend_text": found.frame.prepend, "append_text": found.frame.append}
    output.card(shown)


@app.command()
def change(
    *,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The time zone of its campaigns, such as Europe/Oslo.")
    ] = None,
    country: Annotated[
        str | None,
        typer.Option(help="The country of numbers without a plus in files, such as NO; or none."),
    ] = None,
    quiet_hours: Annotated[
        str | None,
        typer.Option(
            help="Quiet hours of lists that have none of their own, such as 21:00-08:00; or none."
        ),
    ] = None,
) -> None:
    """Change the settings of the account, or show them.

    To choose the account, put `--account NAME` before the command.
    """
    found = change_settings(
        name=name,
        timezone=timezone,
        country="" if country == _NONE else country,
        quiet_hours="" if quiet_hours == _NONE else quiet_hours,
    )
    shown = {
        "name": found.name,
        "timezone": found.timezone,
        "country": found.country or None,
        "quiet_hours": found.quiet_hours or None,
        "prepend_text": found.frame.prepend,
        "append_text": found.frame.append,
        "blocked_words": list(found.blocked_words),
        "stop_words": list(found.stop_words),
    }
    output.card(shown)


def _fields(account: "Account") -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "status": account.status.value,
        "created_at": output.when(account.created_at),
    }


def _show(account: "Account") -> None:
    output.card(_fields(account))
