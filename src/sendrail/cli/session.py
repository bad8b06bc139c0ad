"""What the commands share: their common options, and a runtime opened for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sendrail.cli import output

if TYPE_CHECKING:
    from sendrail.app import Runtime

T = TypeVar("T")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data folder; default: $SENDRAIL_DATA_DIR, else ./sendrail-data.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Page = Annotated[int, typer.Option(min=1, help="Which page; the first is 1.")]
PerPage = Annotated[int, typer.Option(min=1, max=1_000, help="How many rows a page has.")]
ListNumber = Annotated[
    str, typer.Argument(metavar="LIST", help="The list's number, such as +15550100000.")
]
PhoneNumber = Annotated[
    str, typer.Argument(metavar="NUMBER", help="A phone number, such as +15550100001.")
]


def run(data: Path | None, as_json: bool, work: Callable[["Runtime"], Awaitable[T]]) -> T:
    """Open the installation, do one piece of work, close it; trouble becomes an exit code."""
    with output.told(as_json):
        return asyncio.run(_run(data, work))


async def _run(data: Path | None, work: Callable[["Runtime"], Awaitable[T]]) -> T:
    from sendrail.app import open_runtime
    from sendrail.settings import load

    async with open_runtime(load(data_dir=data)) as runtime:
        return await work(runtime)
