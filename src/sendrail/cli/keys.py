"""`sendrail keys`: the API keys of the account."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import operator, run

if TYPE_CHECKING:
    from sendrail.domain.account import ApiKey

app = typer.Typer(help="API keys, for the programs that use the API.", no_args_is_help=True)

_COLUMNS = ("id", "name", "key", "created_at", "last_used_at", "revoked_at")


@app.command()
def create(name: Annotated[str, typer.Argument(help="A name for the key.")] = "default") -> None:
    """Create a key. It is shown only once; only its digest is stored."""
    new = run(lambda it: it.accounts.create_key(it.default_account, name, operator()))
    if output.is_json():
        output.document(_shown(new.record) | {"key": new.key})
        return
    print(new.key)
    output.note("Store the key: it is not shown again.")


@app.command("list")
def list_() -> None:
    """List the keys, each by its first characters."""
    keys = [_shown(key) for key in run(lambda it: it.accounts.keys(it.default_account))]
    output.listing("keys", _COLUMNS, keys, "There are no keys; `sendrail keys create` creates one.")


@app.command()
def revoke(
    key_id: Annotated[
        int, typer.Argument(metavar="ID", help="The key's id, from `sendrail keys list`.")
    ],
) -> None:
    """Revoke a key permanently; requests with it are refused from then on."""
    from sendrail.domain.ids import KeyId

    key = run(lambda it: it.accounts.revoke_key(it.default_account, KeyId(key_id), operator()))
    output.done(_shown(key), f"revoked {key.shown}… ({key.name})")


def _shown(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "key": f"{key.shown}…",
        "created_at": output.when(key.created_at),
        "last_used_at": output.when(key.last_used_at),
        "revoked_at": output.when(key.revoked_at),
    }
