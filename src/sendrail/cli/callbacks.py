"""`sendrail callbacks`: carriers' callbacks that could not be parsed or applied."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Page, PerPage, moment_of, run

if TYPE_CHECKING:
    from sendrail.storage.pipeline.refused import RefusedCallback, RefusedFilter

app = typer.Typer(
    help="Refused callbacks: those that could not be parsed or applied.", no_args_is_help=True
)

_COLUMNS = ("id", "received_at", "connector", "kind", "about", "bytes", "reason")

Id = Annotated[int, typer.Argument(metavar="ID", help="An id from `sendrail callbacks refused`.")]
MaybeId = Annotated[
    int | None,
    typer.Argument(
        metavar="ID", help="Only this one; otherwise use --connector, --since or --all."
    ),
]
OfConnector = Annotated[
    str, typer.Option("--connector", metavar="NAME", help="Only callbacks of this connector.")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Only callbacks since this time; the default zone is UTC."
    ),
]
Every = Annotated[bool, typer.Option("--all", help="All refused callbacks.")]


@app.command()
def refused(
    *, connector: OfConnector = "", since: Since = None, page: Page = 1, per_page: PerPage = 50
) -> None:
    """List the refused callbacks, newest first, without their content."""
    about = _about(connector, since)
    found = run(lambda it: it.refused.page(about, page=page, per_page=per_page))
    callbacks = [_shown(each) for each in found]
    output.listing("callbacks", _COLUMNS, callbacks, "There are no such callbacks.")


@app.command()
def show(callback_id: Id) -> None:
    """Show one callback in full, unchanged: as text if it is text, otherwise in hexadecimal."""
    found, raw = run(lambda it: it.refused.show(callback_id))
    card = _shown(found) | {"refused_at": output.when(found.refused_at)} | _raw(raw)
    if output.is_json():
        output.document(card)
        return
    shown = card.pop("raw")
    output.card(card)
    print()
    for line in shown.split("\n"):
        # The content must not control the terminal.
        print("".join(char if char.isprintable() else ascii(char)[1:-1] for char in line))


@app.command()
def retry(
    callback_id: MaybeId = None,
    *,
    connector: OfConnector = "",
    since: Since = None,
    every: Every = False,
) -> None:
    """Put refused callbacks back into the inbox; a running server then applies them.

    A receipt that was applied before has no effect. Neither has a START that is older than the
    contact's last opt-out or sign-up.
    """
    if callback_id is not None:
        run(lambda it: it.refused.retry(callback_id))
        count = 1
    else:
        about = _meant(connector, since, every)
        count = run(lambda it: it.refused.retry_all(about))
    _print(count, "put back")


@app.command()
def forget(
    callback_id: MaybeId = None,
    *,
    connector: OfConnector = "",
    since: Since = None,
    every: Every = False,
) -> None:
    """Delete refused callbacks that need no further action."""
    if callback_id is not None:
        run(lambda it: it.refused.forget(callback_id))
        count = 1
    else:
        about = _meant(connector, since, every)
        count = run(lambda it: it.refused.forget_all(about))
    _print(count, "deleted")


def _about(connector: str, since: str | None) -> "RefusedFilter":
    from sendrail.storage.pipeline.refused import RefusedFilter

    return RefusedFilter(connector=connector or None, since=moment_of(since, "--since"))


def _meant(connector: str, since: str | None, every: bool) -> "RefusedFilter":
    """Return the chosen callbacks; choosing all of them needs an explicit option."""
    if not (connector or since is not None or every):
        raise typer.BadParameter("give an ID, --connector, --since or --all")
    return _about(connector, since)


def _print(count: int, what: str) -> None:
    output.done({"callbacks": count}, f"{count:,} {what}")


def _shown(callback: "RefusedCallback") -> dict[str, Any]:
    return {
        "id": callback.id,
        "received_at": output.when(callback.received_at),
        "connector": callback.connector,
        "kind": callback.kind,
        "about": callback.about.value,
        "bytes": callback.size,
        "reason": callback.reason,
    }


def _raw(raw: bytes) -> dict[str, str]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return {"encoding": "hex", "raw": raw.hex()}
    if any(not (char.isprintable() or char in "\r\n\t") for char in text):
        return {"encoding": "hex", "raw": raw.hex()}
    return {"encoding": "text", "raw": text}
