"""`sendrail clicks`: who followed short links, and why each counts as it does."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Page, PerPage, operator, run, run_until_interrupt

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.storage.tracking.click_log import StoredClick

app = typer.Typer(help="Clicks on short links, and their classes.", no_args_is_help=True)

_COLUMNS = ("id", "at", "message_id", "link", "class", "reason", "network", "agent")
_POLL_SECONDS = 0.5
_WINDOW = 1_000


@app.command("list")
def list_(
    *,
    click_class: Annotated[
        str, typer.Option("--class", metavar="CLASS", help="Only clicks of this class.")
    ] = "",
    message: Annotated[
        str, typer.Option("--message", metavar="ID", help="Only clicks on links of this message.")
    ] = "",
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List clicks, newest first."""
    wanted = _class(click_class)
    found = run(lambda it: _page(it, wanted, message, page, per_page))
    rows = found if output.is_json() else [_with_link(each) for each in found]
    output.listing("clicks", _COLUMNS, rows, "There are no such clicks.")


@app.command()
def show(
    click_id: Annotated[int, typer.Argument(metavar="CLICK", help="The id of a click.")],
) -> None:
    """Show one click."""

    async def find(runtime: "Runtime") -> dict[str, Any]:
        account = runtime.default_account
        found = await runtime.tracking.clicks.find(account, click_id)
        [shown] = await _shown(runtime, [found])
        return shown

    output.card(run(find))


@app.command()
def tail(
    last: Annotated[
        int, typer.Option("-n", "--last", min=0, max=_WINDOW, help="Start with this many clicks.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Whether to continue until Ctrl-C.")
    ] = True,
) -> None:
    """Print each click when it arrives, and again when its class changes."""
    run_until_interrupt(lambda it: _tail(it, last, follow))


@app.command()
def reclassify(
    *,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run/--no-dry-run", help="Only show what would change, and change nothing."
        ),
    ] = True,
) -> None:
    """Classify all clicks of the account again by today's rules, and correct the counts.

    A click that turns out to be a person's counts from then on; if it is the first one of its
    message, the event is sent. A click that turns out to be a machine's no longer counts. If the
    command is interrupted, run it again: it continues where it stopped.
    """
    with output.steps("Classifying clicks") as step:
        report = run(
            lambda it: it.tracking.reclassification.run(
                it.default_account, operator(), dry_run=dry_run, step=lambda done: step(done, done)
            )
        )
    rows = [
        {"before": old.name.lower(), "now": new.name.lower(), "clicks": count}
        for (old, new), count in sorted(report.classes.items())
    ]
    if output.is_json():
        output.document(
            {
                "dry_run": dry_run,
                "resumed": report.resumed,
                "clicks": report.clicks,
                "changed": report.changed,
                "messages_gained": report.gained,
                "messages_lost": report.lost,
                "classes": rows,
            }
        )
        return
    output.table(("before", "now", "clicks"), rows, "There are no clicks to classify.")
    if dry_run:
        output.note(
            f"{report.changed} would change. Nothing was changed; to do it, add --no-dry-run."
        )
    else:
        output.note(
            f"{report.changed} were changed: {report.gained} messages more were clicked by a"
            f" person, {report.lost} no longer were."
        )


async def _tail(runtime: "Runtime", last: int, follow: bool) -> None:
    import asyncio

    window = await _page(runtime, None, "", 1, _WINDOW)
    seen = {each["id"]: each["class"] for each in window}
    _print(list(reversed(window[:last])))
    while follow:
        await asyncio.sleep(_POLL_SECONDS)
        window = await _page(runtime, None, "", 1, _WINDOW)
        news = [each for each in reversed(window) if seen.get(each["id"]) != each["class"]]
        seen = {each["id"]: each["class"] for each in window}
        _print(news)


def _print(clicks: Sequence[dict[str, Any]]) -> None:
    for each in clicks:
        if output.is_json():
            output.line(each)
        else:
            output.row([_with_link(each)[column] for column in _COLUMNS])
    sys.stdout.flush()


def _class(word: str) -> Any:
    from sendrail.domain.click_classes import ClickClass

    words = {each.name.lower(): each for each in ClickClass}
    if word and word not in words:
        raise typer.BadParameter(f"must be one of {', '.join(words)}", param_hint="--class")
    return words.get(word)


async def _page(
    runtime: "Runtime", click_class: Any, message: str, page: int, per_page: int
) -> list[dict[str, Any]]:
    found = await runtime.tracking.clicks.page(
        runtime.default_account,
        click_class=click_class,
        message_id=message,
        page=page,
        per_page=per_page,
    )
    return await _shown(runtime, found)


def _with_link(click: dict[str, Any]) -> dict[str, Any]:
    """Return a click for a table, where one column says which link it is on."""
    return click | {"link": click["standalone_link"] or click["link"]}


async def _shown(runtime: "Runtime", clicks: Sequence["StoredClick"]) -> list[dict[str, Any]]:
    standalone = {each.number for each in clicks if each.position is None}
    links = runtime.tracking.short_links
    short_ids = await links.short_ids(runtime.default_account, standalone)
    return [_shown_one(runtime, each, short_ids) for each in clicks]


def _shown_one(
    runtime: "Runtime", click: "StoredClick", short_ids: Mapping[int, str]
) -> dict[str, Any]:
    from sendrail.tracking.visitors import shown_network

    is_standalone = click.position is None
    return {
        "id": click.id,
        "at": output.when(click.at),
        "message_id": None if is_standalone else runtime.ids.show(click.number),
        "link": None if click.position is None else click.position + 1,
        "standalone_link": short_ids.get(click.number) if is_standalone else None,
        "class": click.click_class.name.lower(),
        "reason": click.reason.name.lower(),
        "network": None if click.network is None else shown_network(click.network),
        "agent": None if click.agent is None else click.agent.decode("latin-1"),
    }
