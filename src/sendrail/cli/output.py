"""The output of every command: results on standard output, everything else on standard error.

With `--json` a result is one JSON document. Otherwise it is a table on a terminal, and
tab-separated lines in a pipe, for tools such as `cut` and `awk`. An error is one sentence with its
code.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from typing import IO, TYPE_CHECKING, Any

import typer

from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.times import shown

if TYPE_CHECKING:
    from sendrail.campaigns.preflight import PreflightNote


class Exit(IntEnum):
    """The exit codes, for scripts."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNHEALTHY = 3


# Whether the one command that this process runs has the option `--json`.
_is_json: ContextVar[bool] = ContextVar("json", default=False)


def choose_json(wanted: bool) -> None:
    """Set whether this command prints JSON."""
    _is_json.set(wanted)


def is_json() -> bool:
    """Return whether this command prints JSON, as its option `--json` says."""
    return _is_json.get()


def document(value: Any) -> None:
    """Print a JSON document: indented on a terminal, otherwise on one line."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(value, ensure_ascii=False, indent=indent))


def line(value: Any) -> None:
    """Print one line of a JSON stream, and flush it."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def listing(
    name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], empty: str, **more: Any
) -> None:
    """Print rows, as `table` does, or in JSON as a list called `name`, with `more` beside it."""
    if is_json():
        document({name: rows, **more})
    else:
        table(columns, rows, empty)


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], empty: str) -> None:
    """Print rows; without rows, print the text `empty` on standard error."""
    if not rows:
        note(empty)
        return
    texts = [[_text(row[column]) for column in columns] for row in rows]
    if not sys.stdout.isatty():
        for each in (list(columns), *texts):
            print("\t".join(each))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # Only the last column, which has the long texts, may wrap.
        is_last = column == columns[-1]
        shown.add_column(column.replace("_", " "), overflow="fold", no_wrap=not is_last)
    for each in texts:
        shown.add_row(*map(_literal, each))
    _console(sys.stdout).print(shown)


def row(values: Sequence[Any]) -> None:
    """Print one row of an endless stream, for which no column widths are known."""
    print(*map(_text, values), sep="  " if sys.stdout.isatty() else "\t")


def card(fields: Mapping[str, Any]) -> None:
    """Print one object, a field on each line, or as JSON."""
    if is_json():
        document(fields)
        return
    width = max(len(name) for name in fields) + 1 if sys.stdout.isatty() else 0
    for name, value in fields.items():
        print(f"{name + ':':<{width}} {_text(value)}" if width else f"{name}\t{_text(value)}")


def secret(fields: Mapping[str, Any]) -> None:
    """Print what contains a secret that can not be printed again."""
    card(fields)
    if not is_json():
        note("Store the secret: it is not shown again.")


def done(fields: Mapping[str, Any], text: str) -> None:
    """Print what a command has done: a sentence, or in JSON these fields."""
    if is_json():
        document(fields)
    else:
        print(text)


def words(kept: Sequence[str], *, name: str, none: str) -> None:
    """Print words: one on each line, or in JSON as a list called `name`; if none, print `none`."""
    if is_json():
        document({name: kept})
        return
    for word in kept:
        print(word)
    if not kept:
        note(none)


def note(text: str) -> None:
    """Print a remark for the user, on standard error."""
    print(text, file=sys.stderr)


def warnings(notes: "Iterable[PreflightNote]") -> None:
    """Print what a preflight warns of, on standard error."""
    for each in notes:
        note(f"warning: {each.text} ({each.code})")


def when(at: int | None) -> str | None:
    """Return a moment as the public API writes it."""
    return None if at is None else shown(at)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn an expected error into a message and an exit code; any other exception propagates.

    Raises `typer.Exit` with `Exit.USAGE` for invalid input, and with `Exit.FAILED` otherwise.
    """
    try:
        yield
    except SendrailError as error:
        _complain(error)
        wrong_value = isinstance(error, InvalidInput)
        raise typer.Exit(Exit.USAGE if wrong_value else Exit.FAILED) from error
    except OSError as error:
        # A file that the user named does not exist, is not readable, or the disk is full.
        if isinstance(error, BrokenPipeError):
            raise
        _complain(SendrailError(str(error), code="os_error"))
        raise typer.Exit(Exit.FAILED) from error


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal; yield a function that takes the bytes done so far."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=_console(sys.stderr)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def steps(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal; yield a function that takes the steps done, and of all."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=_console(sys.stderr)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _complain(error: SendrailError) -> None:
    if is_json():
        fields = {"error": error.message, "code": error.code, "param": error.param}
        print(json.dumps({k: v for k, v in fields.items() if v is not None}), file=sys.stderr)
    else:
        note(f"{paint('error:', 'red', sys.stderr)} {error.message} ({error.code})")


def paint(text: str, colour: str, stream: IO[str]) -> str:
    """Return the text in a colour, or unchanged if the stream should have no colours."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return typer.style(text, fg=colour)


def _console(stream: IO[str]) -> Any:
    from rich.console import Console

    return Console(file=stream)


def _literal(text: str) -> Any:
    # Names and texts from users must not be read as Rich's markup.
    from rich.text import Text

    return Text(text)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        # What is nested is written as the API takes it, to be copied into the next command.
        value = json.dumps(value, ensure_ascii=False)
    # A control character in a message's text must not control the operator's terminal.
    return "".join(char if char.isprintable() else " " for char in str(value))
