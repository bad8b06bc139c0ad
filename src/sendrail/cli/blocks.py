"""`sendrail blocks`: numbers that no list may text, and words that no message may contain."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.account_settings import change_settings
from sendrail.cli.exported import OutFile, export_file
from sendrail.cli.imported import Country, File, Report, import_file
from sendrail.cli.session import Page, PerPage, PhoneNumber, operator, recipient, run

if TYPE_CHECKING:
    from sendrail.domain.contact import Block

app = typer.Typer(help="Blocked numbers and words.", no_args_is_help=True)

_COLUMNS = ("phone_number", "note", "blocked_at")

Note = Annotated[str, typer.Option(help="The reason, as a note for yourself.")]


@app.command()
def add(number: PhoneNumber, note: Note = "") -> None:
    """Block a number: no list of the account may text it."""
    new = run(
        lambda it: it.blocks.add(it.default_account, recipient(number), note=note, actor=operator())
    )
    output.done({"blocked": True, "is_new": new}, "blocked" if new else "was blocked before")


@app.command()
def remove(number: PhoneNumber) -> None:
    """Unblock a number."""
    changed = run(
        lambda it: it.blocks.remove(it.default_account, recipient(number), actor=operator())
    )
    output.done({"unblocked": changed}, "unblocked" if changed else "was not blocked")


@app.command("list")
def list_(
    *,
    number: Annotated[
        str, typer.Option("--number", metavar="NUMBER", help="Only this number, if it is blocked.")
    ] = "",
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List the blocked numbers in numerical order."""
    found = run(
        lambda it: it.blocks.page(
            it.default_account,
            recipient(number) if number else None,
            page=page,
            per_page=per_page,
        )
    )
    blocks = [_shown(block) for block in found.blocks]
    output.listing(
        "blocks", _COLUMNS, blocks, "There are no blocked numbers here.", total=found.total
    )


@app.command("import")
def import_(
    file: File,
    note: Note = "",
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check each row, and store nothing.")
    ] = False,
    country: Country = "",
    report: Report = None,
) -> None:
    """Block the numbers of a CSV file with a column phone_number (or mobile, phone).

    A row's own note, in a column note, counts before that of --note.
    """
    import_file(
        file,
        lambda it, chunks, options: it.files.import_blocks(
            it.default_account, chunks, options, operator(), note=note
        ),
        dry_run,
        report,
        country,
    )


@app.command()
def export(file: OutFile) -> None:
    """Write the blocked numbers to a CSV file that can be imported again."""
    export_file(file, lambda it: it.files.export_blocks(it.default_account, operator()))


@app.command()
def words(
    new: Annotated[
        str | None,
        typer.Option("--set", metavar="WORDS", help='Separated by commas; "" clears them.'),
    ] = None,
) -> None:
    """Show or set the words that no message of the account may contain."""
    wanted = None if new is None else new.split(",")
    kept = change_settings(blocked_words=wanted).blocked_words
    output.words(kept, name="blocked_words", none="There are no blocked words.")


def _shown(block: "Block") -> dict[str, Any]:
    from sendrail.domain import phone

    return {
        "phone_number": phone.show(block.recipient),
        "note": block.note,
        "blocked_at": output.when(block.blocked_at),
    }
