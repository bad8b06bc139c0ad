"""CSV files to the command line's user: written as they come, whole or not at all."""

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
    """Write what a service exports; a file takes its place once it is complete."""
    to_stdout = str(path) == "-"
    partial = path.with_name(path.name + ".part")

    async def write(runtime: "Runtime") -> None:
        chunks = await work(runtime)
        if to_stdout:
            async for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return
        # Contacts are nobody else's to read.
        partial.touch(0o600)
        with partial.open("wb") as file:
            async for chunk in chunks:
                file.write(chunk)
            # The name must not be there before what it names.
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    run(data, False, write)
