"""CSV imports on the command line: open the file, show the progress, print the report."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.contacts.imports import Chunks, ImportOptions, ImportReport, Tell

# The terminal shows the first few reasons; --json and the report file have more.
_REASONS_SHOWN = 10

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A CSV file with a header line, in UTF-8; - is stdin."),
]
Country = Annotated[
    str,
    typer.Option(
        "--country",
        metavar="CC",
        help="The country of numbers without a plus, such as NO; default: the account's country.",
        show_default=False,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write each refused row, with its line number and the reason, to this CSV file.",
        show_default=False,
    ),
]


def import_file(
    path: Path,
    work: "Callable[[Runtime, Chunks, ImportOptions], Awaitable[ImportReport]]",
    dry_run: bool = False,
    report_to: Path | None = None,
    country: str = "",
) -> None:
    """Import a file and print the result; exit code 1 if any row was refused."""
    from sendrail.contacts.imports import ImportOptions, file_pieces

    from_stdin = str(path) == "-"
    opened = nullcontext(sys.stdin.buffer) if from_stdin else path.open("rb")
    total = None if from_stdin else path.stat().st_size
    title = "checking" if dry_run else "importing"
    with (
        opened as stream,
        _reporting(report_to) as tell,
        output.progress(title, total) as progress,
    ):
        options = ImportOptions(dry_run=dry_run, country=country, progress=progress, tell=tell)
        report = run(lambda runtime: work(runtime, file_pieces(stream), options))
    if output.is_json():
        output.document(shown(report))
    else:
        _print(report)
    if report.refused:
        raise typer.Exit(output.Exit.FAILED)


@contextmanager
def _reporting(path: Path | None) -> "Iterator[Tell | None]":
    if path is None:
        yield None
        return
    from sendrail.contacts.csv_files import REPORT_COLUMNS, begun, written

    with path.open("wb") as file:
        file.write(begun(REPORT_COLUMNS))
        yield lambda refused: _discard(
            file.write(written([(str(refused.row), refused.reason, refused.text)]))
        )


def _discard(_: int) -> None:
    return None


def shown(report: "ImportReport") -> dict[str, Any]:
    """Return a report in its JSON form."""
    return {
        "dry_run": report.dry_run,
        "rows": report.rows,
        **{outcome.value: count for outcome, count in report.counts.items()},
        "refused": report.refused,
        "ignored_columns": report.ignored_columns,
        "columns": [
            {"column": column, "becomes": becomes}
            | ({"type": report.types[becomes].value} if becomes in report.types else {})
            for column, becomes in report.used_columns
        ],
        "reasons": [{"row": each.row, "reason": each.reason} for each in report.reasons],
    }


def _print(report: "ImportReport") -> None:
    counts = [f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in report.counts.items()]
    print(", ".join([*counts, f"{report.refused:,} refused"]))
    for refused in report.reasons[:_REASONS_SHOWN]:
        output.note(f"row {refused.row}: {refused.reason}")
    if report.refused > _REASONS_SHOWN:
        output.note(f"… and {report.refused - _REASONS_SHOWN:,} more; use --report for all.")
    if fields := [each for each in report.used_columns if each[1] in report.types]:
        said = ", ".join(
            f"{column} into {becomes} ({report.types[becomes]})" for column, becomes in fields
        )
        output.note(f"Custom fields: {said}.")
    if report.ignored_columns:
        output.note(f"Ignored columns: {', '.join(report.ignored_columns)}.")
    if report.dry_run:
        output.note("Nothing was stored. To import the file, add --no-dry-run.")
