"""`sendrail senders`: which account each sender on a shared connector belongs to."""

from typing import Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json, ListNumber, operator, run, sender

app = typer.Typer(
    help="Senders on shared connectors, and the accounts that they belong to.",
    no_args_is_help=True,
)

_COLUMNS = ("phone_number", "connector", "account", "since")

Connector = Annotated[str, typer.Option(help="The name of a shared connector.")]


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """List the senders that belong to an account."""
    senders: list[dict[str, Any]] = [
        {
            "phone_number": each.shown,
            "connector": each.connector,
            "account": each.account,
            "since": output.when(each.since),
        }
        for each in run(data, as_json, lambda it: it.senders.all())
    ]
    output.listing("senders", _COLUMNS, senders, "No sender belongs to an account yet.", as_json)


@app.command()
def assign(
    number: ListNumber, connector: Connector, data: Data = None, as_json: Json = False
) -> None:
    """Assign a sender to the account that --account names; no list may be using it."""
    run(
        data,
        as_json,
        lambda it: it.senders.assign(it.default_account, sender(number), connector, operator()),
    )
    _done(number, connector, "assigned", as_json)


@app.command()
def release(
    number: ListNumber, connector: Connector, data: Data = None, as_json: Json = False
) -> None:
    """Release a sender from its account; it then goes to the account that adds a list for it."""
    run(data, as_json, lambda it: it.senders.release(sender(number), connector, operator()))
    _done(number, connector, "released", as_json)


def _done(number: str, connector: str, what: str, as_json: bool) -> None:
    output.done(
        {"phone_number": number, "connector": connector, what: True},
        f"{what} {number} on {connector}",
        as_json,
    )
