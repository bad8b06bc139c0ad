"""What the commands share: their common options, and a runtime opened for one piece of work."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, overload

import typer

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain import phone
    from sendrail.domain.audit import Actor
    from sendrail.settings import Settings

T = TypeVar("T")

Page = Annotated[int, typer.Option(min=1, help="The number of the page; the first is 1.")]
PerPage = Annotated[int, typer.Option(min=1, max=1_000, help="The number of rows on a page.")]
ListNumber = Annotated[
    str,
    typer.Argument(metavar="LIST", help="The list's sender, such as +15550100000, 72345 or Acme."),
]
Overlap = Annotated[
    int,
    typer.Option(
        min=0, metavar="HOURS", help="How long the old secret stays valid; 0 ends it at once."
    ),
]
OVERLAP_HOURS = 24
HOUR_MS = 3_600_000
Prepend = Annotated[
    str | None,
    typer.Option("--prepend", metavar="TEXT", help='The text before each message; "" for none.'),
]
Append = Annotated[
    str | None,
    typer.Option("--append", metavar="TEXT", help='The text after each message; "" for none.'),
]
PhoneNumber = Annotated[
    str, typer.Argument(metavar="NUMBER", help="A phone number, such as +15550100001.")
]


# What `--account` and `--data` name, for the one command that this process runs.
_account: ContextVar[str | None] = ContextVar("account", default=None)
_data_dir: ContextVar[Path | None] = ContextVar("data_dir", default=None)


def choose_account(name: str | None) -> None:
    """Set the account of this command; None means the setting's account, or else the first."""
    _account.set(name)


def choose_data_dir(folder: Path | None) -> None:
    """Set the data folder of this command; None means the setting's folder."""
    _data_dir.set(folder)


def data_dir() -> Path | None:
    """Return the data folder that the command's option `--data` names, or None."""
    return _data_dir.get()


def run(work: Callable[["Runtime"], Awaitable[T]]) -> T:
    """Open the installation, do one piece of work and close it."""
    import asyncio

    return asyncio.run(_run(work))


def run_until_interrupt(work: Callable[["Runtime"], Awaitable[None]]) -> None:
    """Do work that follows something until Ctrl-C: that is its normal end, and no failure."""
    with suppress(KeyboardInterrupt):
        run(work)


def recipient(text: str) -> "phone.PhoneNumber":
    """Return the number of a contact. Raises `InvalidInput` for a text that is none."""
    from sendrail.contacts.inputs import recipient_of

    return recipient_of(text)


def sender(text: str) -> "phone.PhoneNumber":
    """Return what stands for a list. Raises `InvalidInput` for a text that no list sends from."""
    from sendrail.contacts.inputs import list_number_of

    return list_number_of(text)


@overload
def moment_of(text: str, option: str) -> int: ...
@overload
def moment_of(text: str | None, option: str) -> int | None: ...
def moment_of(text: str | None, option: str) -> int | None:
    """Return milliseconds since the epoch, UTC by default; None is an option that is not given.

    Raises `typer.BadParameter`, which names the option, for any other text. An empty one is of a
    script whose variable is unset, and none must not mean now, or all that there is.
    """
    from sendrail.domain.times import read_instant

    if text is None:
        return None
    if (at := read_instant(text)) is None:
        raise typer.BadParameter("must be a time such as 2026-11-23T08:00Z", param_hint=option)
    return at


def operator() -> "Actor":
    """Return the user of the command line, for the audit log."""
    import getpass

    from sendrail.domain.audit import Actor

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A user without a name, as in some containers.
        user = f"user {os.getuid()}"
    return Actor(name=f"command line: {user}")


def installation() -> "Settings":
    """Return the settings of an existing installation.

    Only `serve` creates one: a mistyped folder must not become a second, empty installation, and
    the command that creates it must show the first API key. Raises `SetupError` if there is none.
    """
    from sendrail.domain.errors import SetupError
    from sendrail.settings import load
    from sendrail.storage.sqlite.checkup import is_set_up

    settings = load(data_dir=data_dir(), account=_account.get())
    if settings.has_own_postgres:
        from sendrail.storage.postgres import local

        local.expect_running(settings.data_dir)
    if not settings.database_url and not is_set_up(settings.data_dir):
        folder = settings.data_dir.absolute()
        raise SetupError(
            f"There is no installation in {folder}. Create one with `sendrail serve --data "
            f"{folder}`, or choose another folder with --data.",
            code="not_set_up",
        )
    return settings


async def _run(work: Callable[["Runtime"], Awaitable[T]]) -> T:
    from sendrail.app import open_runtime

    settings = installation()
    async with open_runtime(settings) as runtime:
        if not settings.account:
            return await work(runtime)
        account = await runtime.accounts.find(settings.account)
        return await work(replace(runtime, default_account=account.id))
