"""`sendrail history`: what an account brings from the platform that it came from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli import output
from sendrail.cli.imported import Country, Report, import_file
from sendrail.cli.session import moment_of, operator, run, sender

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sendrail.app import Runtime
    from sendrail.contacts.imports import Chunks, ImportOptions, ImportReport
    from sendrail.domain.history import HistoryEntity

app = typer.Typer(
    help="History from another platform: sends, clicks and revenue.", no_args_is_help=True
)
File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="CSV with a header line, or one JSON object per line, in UTF-8; - is stdin.",
    ),
]


@app.command("import")
def import_(
    entity: Annotated[
        str, typer.Argument(metavar="sends|clicks|revenue", help="What the rows of the file are.")
    ],
    file: File,
    *,
    list_number: Annotated[
        str,
        typer.Option(
            "--list", metavar="LIST", help="The list for sends that name none.", show_default=False
        ),
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run/--no-dry-run", help="Only check each row, and store nothing."),
    ] = True,
    country: Country = "",
    report: Report = None,
) -> None:
    """Import a file of sends, clicks or revenue; a row that was imported before is skipped.

    Columns of sends: id, list_number or list_id, to_number, timestamp; optional: send_type,
    delivered, length. Of clicks: message_id, offer_id; optional: phone_number, timestamp. Of
    revenue: message_id, offer_id, revenue; optional: payout, attribution_type, timestamp, event,
    external_id.
    """
    [kind] = _entities([entity])
    of_list = sender(list_number) if list_number else None

    def bring_in(
        it: "Runtime", chunks: "Chunks", options: "ImportOptions"
    ) -> "Awaitable[ImportReport]":
        return it.tracking.history_files.import_file(
            it.default_account, kind, chunks, options, operator(), list_number=of_list
        )

    import_file(file, bring_in, dry_run, report, country)


@app.command()
def show() -> None:
    """Show how much history was imported."""
    from sendrail.domain import money

    found = run(lambda it: it.tracking.history.totals(it.default_account))
    output.card(
        {
            "sends": found.sends,
            "clicks": found.clicks,
            "conversions": found.conversions,
            "revenue": money.shown(found.revenue),
        }
    )


@app.command()
def clear(
    entities: Annotated[
        list[str],
        typer.Argument(
            metavar="ENTITY...", help="sends (with their clicks and revenue), clicks or revenue"
        ),
    ],
    *,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what happened before this time, such as 2026-01-01.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete imported history, and subtract it from the figures of contacts.

    What Sendrail itself has sent, and its clicks and revenue, stay.
    """
    wanted = _entities(entities)
    until = moment_of(before, "--before")
    if not yes:
        typer.confirm("Delete imported history?", abort=True, err=True)
    cleared = run(
        lambda it: it.tracking.history.clear(it.default_account, wanted, operator(), before=until)
    )
    output.card({entity.value: count for entity, count in cleared.items()})


def _entities(names: list[str]) -> "set[HistoryEntity]":
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain.history import HistoryEntity

    return {choice_of(HistoryEntity, name, "entity") for name in names}
