"""CSV exports on the command line: streamed to a file that appears only when it is complete."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli.session import run

if TYPE_CHECKING:
    from sendrail.app import Runtime

OutFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The CSV file to write; - writes to stdout.")
]


def export_file(
    path: Path,
    data: Path | None,
    work: "Callable[[Runtime], Awaitable[AsyncIterator[bytes]]]",
) -> None:
    """Write an export; the file gets its name only when it is complete."""
    to_stdout = str(path) == "-"
    partial = path.with_name(path.name + ".part")

    async def write(runtime: "Runtime") -> None:
        chunks = await work(runtime)
        if to_stdout:
            async for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return
        # Only the owner may read contacts.
        partial.touch(0o600)
        with partial.open("wb") as file:
            async for chunk in chunks:
                file.write(chunk)
            # The content must be on disk before the file gets its name.
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    run(data, False, write)
