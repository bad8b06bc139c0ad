"""`sendrail senders`: which account each sender on a shared connector belongs to."""

from typing import Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import ListNumber, operator, run, sender

app = typer.Typer(
    help="Senders on shared connectors, and the accounts that they belong to.",
    no_args_is_help=True,
)

_COLUMNS = ("phone_number", "connector", "account", "since")

Connector = Annotated[str, typer.Option(help="The name of a shared connector.")]


@app.command("list")
def list_() -> None:
    """List the senders that belong to an account."""
    senders: list[dict[str, Any]] = [
        {
            "phone_number": each.shown,
            "connector": each.connector,
            "account": each.account,
            "since": output.when(each.since),
        }
        for each in run(lambda it: it.senders.all())
    ]
    output.listing("senders", _COLUMNS, senders, "No sender belongs to an account yet.")


@app.command()
def assign(number: ListNumber, connector: Connector) -> None:
    """Assign a sender to the account that --account names; no list may be using it."""
    run(lambda it: it.senders.assign(it.default_account, sender(number), connector, operator()))
    _done(number, connector, "assigned")


@app.command()
def release(number: ListNumber, connector: Connector) -> None:
    """Release a sender from its account; it then goes to the account that adds a list for it."""
    run(lambda it: it.senders.release(sender(number), connector, operator()))
    _done(number, connector, "released")


def _done(number: str, connector: str, what: str) -> None:
    output.done(
        {"phone_number": number, "connector": connector, what: True},
        f"{what} {number} on {connector}",
    )
