"""CSV exports on the command line: streamed to a file that appears only when it is complete."""

import fcntl
import os
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from sendrail.cli import output
from sendrail.cli.session import run
from sendrail.domain.errors import Conflict

if TYPE_CHECKING:
    from sendrail.app import Runtime

OutFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The CSV file to write; - writes to stdout.")
]


def export_file(path: Path, work: "Callable[[Runtime], Awaitable[AsyncIterator[bytes]]]") -> None:
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
            # While it is still locked: another export would take it for one that was left.
            partial.replace(path)

    run(write)
    if output.is_json() and not to_stdout:
        output.document({"file": str(path.absolute()), "bytes": path.stat().st_size})


@contextmanager
def _begun(partial: Path) -> Iterator[BinaryIO]:
    """Yield the file of an export that has begun; one that does not end is removed.

    Only where the process was killed is it left: the next export says so, and makes it anew.
    Raises `Conflict` while another export writes it.
    """
    descriptor = _opened(partial)
    while descriptor is None:
        descriptor = _opened(partial)
    with os.fdopen(descriptor, "wb") as file:
        try:
            yield file
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _opened(partial: Path) -> int | None:
    """Return the descriptor of a new file, locked; None where what was there is now gone.

    A file that was left is not written again: another user may hold it open.
    """
    descriptor: int | None
    try:
        # Only the owner may read contacts.
        descriptor, is_new = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        try:
            if not stat.S_ISREG(partial.lstat().st_mode):
                # A link or a pipe, which no export has made.
                partial.unlink()
                return None
            descriptor, is_new = os.open(partial, os.O_WRONLY | os.O_NOFOLLOW), False
        except FileNotFoundError:
            return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Only who has locked the file of this name may take it away.
        if _is_at(partial, descriptor):
            if is_new:
                kept, descriptor = descriptor, None
                return kept
            output.note(f"{partial} was left by an export that was cut off; it is written anew.")
            partial.unlink()
    except BlockingIOError:
        raise Conflict(
            f"Another export is writing {partial}. Wait until it has ended, or write to another "
            "file.",
            code="export_running",
        ) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether a file still has this name."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
