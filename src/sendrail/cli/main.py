"""The `sendrail` command: its sub-commands and nothing else.

Each command imports what it needs when it runs, so that `sendrail --help` does not load a database
library. Tracebacks stay plain, because pretty ones show local values, and so secrets.
"""

from typing import Annotated

import typer

from sendrail import __version__
from sendrail.cli import (
    accounts,
    audit,
    backup,
    blocks,
    callbacks,
    config,
    connectors,
    contacts,
    doctor,
    journeys,
    keys,
    listen,
    lists,
    messages,
    migrate,
    replies,
    send,
    senders,
    serve,
    status,
    webhooks,
)
from sendrail.cli.session import choose_account

app = typer.Typer(
    name="sendrail",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sendrail {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            metavar="ACCOUNT",
            help="The account to work on, by name or id; default: $SENDRAIL_ACCOUNT, or else the "
            "first one.",
            show_default=False,
        ),
    ] = None,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Send SMS through your own carriers, and follow each message to its delivery receipt."""
    choose_account(account)


app.command()(serve.serve)
app.command()(send.send)
app.add_typer(messages.app, name="messages")
app.add_typer(lists.app, name="lists")
app.add_typer(senders.app, name="senders")
app.add_typer(connectors.app, name="connectors")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(contacts.app, name="contacts")
app.add_typer(replies.app, name="replies")
app.add_typer(blocks.app, name="blocks")
app.add_typer(journeys.app, name="journeys")
app.add_typer(accounts.app, name="accounts")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.command()(listen.listen)
app.command()(listen.trigger)
app.add_typer(config.app, name="config")
app.command()(status.status)
app.command()(audit.audit)
app.command()(doctor.doctor)
app.command()(migrate.migrate)
app.command()(backup.backup)


def main() -> None:
    """Run the command line."""
    app()
