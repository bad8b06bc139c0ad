"""`sendrail senders`: whose each number is on the connectors that accounts share."""

from typing import Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json, ListNumber, run

app = typer.Typer(
    help="Senders: whose each number is on the connectors that accounts share.",
    no_args_is_help=True,
)

_COLUMNS = ("phone_number", "connector", "account", "since")

Connector = Annotated[str, typer.Option(help="The name of a connector that accounts share.")]


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """List the senders that are an account's."""
    senders: list[dict[str, Any]] = [
        {
            "phone_number": each.shown,
            "connector": each.connector,
            "account": each.account,
            "since": output.when(each.since),
        }
        for each in run(data, as_json, lambda it: it.senders.all())
    ]
    if as_json:
        output.document({"senders": senders})
    else:
        output.table(_COLUMNS, senders, "No sender is an account's yet.")


@app.command()
def assign(
    number: ListNumber, connector: Connector, data: Data = None, as_json: Json = False
) -> None:
    """Give a sender to the account that --account names, before any list sends as it or after."""
    run(data, as_json, lambda it: it.senders.assign(it.default_account, number, connector))
    _done(number, connector, "assigned", as_json)


@app.command()
def release(
    number: ListNumber, connector: Connector, data: Data = None, as_json: Json = False
) -> None:
    """Let a sender be no account's: the next list that sends as it has it."""
    run(data, as_json, lambda it: it.senders.release(number, connector))
    _done(number, connector, "released", as_json)


def _done(number: str, connector: str, what: str, as_json: bool) -> None:
    if as_json:
        output.document({"phone_number": number, "connector": connector, what: True})
    else:
        print(f"{what} {number} on {connector}")
