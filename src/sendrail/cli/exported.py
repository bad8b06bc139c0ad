"""CSV exports on the command line: streamed to a file that appears only when it is complete."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from sendrail.cli import output
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
        with _begun(partial) as file:
            async for chunk in chunks:
                file.write(chunk)
            # The content must be on disk before the file gets its name.
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    run(data, False, write)


@contextmanager
def _begun(partial: Path) -> Iterator[BinaryIO]:
    """Yield the file of an export that has begun; one that does not end is removed.

    Only where the process was killed is it left: the next export says so, and makes it anew.
    """
    if partial.exists():
        output.note(f"{partial} was left by an export that was cut off; it is written anew.")
        partial.unlink()
    # Only the owner may read contacts.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
