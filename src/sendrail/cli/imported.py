"""CSV files from the command line: opened, shown as they progress, and reported."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from sendrail.cli import output
from sendrail.cli.session import run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.marketing.imports import ImportReport, Progress

# A terminal is told the first few reasons; --json tells all that were kept.
_REASONS_SHOWN = 10

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A CSV file with a header line, in UTF-8; - reads stdin."),
]


def import_file(
    path: Path,
    data: Path | None,
    as_json: bool,
    work: "Callable[[Runtime, BinaryIO, Progress], Awaitable[ImportReport]]",
) -> None:
    """Bring a file in and print what became of its rows; exit code 1 when any was refused."""
    from_stdin = str(path) == "-"
    with output.told(as_json):
        opened = nullcontext(sys.stdin.buffer) if from_stdin else path.open("rb")
        total = None if from_stdin else path.stat().st_size
    with opened as stream, output.progress("importing", total) as progress:
        report = run(data, as_json, lambda runtime: work(runtime, stream, progress))
    if as_json:
        output.document(_shown(report))
    else:
        _print(report)
    if report.refused:
        raise typer.Exit(output.Exit.FAILED)


def _shown(report: "ImportReport") -> dict[str, Any]:
    return {
        "created": report.created,
        "already_there": report.already_there,
        "opted_out": report.opted_out,
        "refused": report.refused,
        "reasons": [{"row": each.row, "reason": each.reason} for each in report.reasons],
    }


def _print(report: "ImportReport") -> None:
    print(
        f"{report.created:,} created, {report.already_there:,} already there, "
        f"{report.opted_out:,} opted out and passed over, {report.refused:,} refused"
    )
    for refused in report.reasons[:_REASONS_SHOWN]:
        output.note(f"row {refused.row}: {refused.reason}")
    if report.refused > _REASONS_SHOWN:
        output.note(f"… and {report.refused - _REASONS_SHOWN:,} more; --json tells why.")
