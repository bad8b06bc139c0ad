"""The `sendrail` command: its sub-commands and nothing else.

What a command needs is imported when it runs: `sendrail --help` must not wait for a database
library. No traceback is made pretty, because the pretty ones show local values, and so secrets.
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
            help="The account to work on, by its name or id; default: $SENDRAIL_ACCOUNT, else the "
            "first one.",
            show_default=False,
        ),
    ] = None,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Sendrail sends SMS: a queue, a pace and a receipt for every message."""
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
