"""The `sendrail` command: its sub-commands and nothing else.

A command's module is loaded when the command is used, and what it needs when it runs: so
`sendrail --help` loads neither a database library nor Rich. Tracebacks stay plain, because pretty
ones show local values, and so secrets.
"""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from sendrail import __version__
from sendrail.cli.output import choose_json, exit_on_error
from sendrail.cli.session import choose_account, choose_data_dir
from sendrail.domain.storable import text_fault

# Each command, or group of commands, with its help, so that its module need not be loaded to show
# it. They stand in `sendrail.cli.<module>`: a command as a function of its name, a group as `app`.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": (
        "serve",
        "Start the server: accept and deliver messages. The first start sets everything up.",
    ),
    "demo": (
        "demo",
        "Fill a new sandbox with a month of an invented shop, to explore.",
    ),
    "send": (
        "send",
        "Queue one message; a running `sendrail serve` on the same data folder delivers it.",
    ),
    "listen": (
        "listen",
        "Print the events of a running `sendrail serve` as they happen, until Ctrl-C.",
    ),
    "trigger": (
        "listen",
        "Cause an event in the sandbox; a running `sendrail serve` posts it.",
    ),
    "status": (
        "status",
        "Show the processes, how work is divided among them, the connectors, and the backlog.",
    ),
    "audit": (
        "audit",
        "Show who changed what, when, and in which request; newest first.",
    ),
    "doctor": ("doctor", "Check the installation; exit code 3 if something is broken."),
    "migrate": (
        "migrate",
        (
            "Migrate the database without starting the server. Every start of the server "
            "migrates it, too."
        ),
    ),
    "backup": (
        "backup",
        "Copy the database, the master key and the settings file into one archive.",
    ),
    "messages": ("messages", "Messages, with their status and attempts."),
    "lists": ("lists", "Sending lists: each has a sender, a brand, a rate and contacts."),
    "senders": ("senders", "Senders on shared connectors, and the accounts that they belong to."),
    "connectors": ("connectors", "Connectors: the connections to carriers."),
    "callbacks": ("callbacks", "Refused callbacks: those that could not be parsed or applied."),
    "contacts": ("contacts", "Contacts of a list, subscribed or opted out."),
    "replies": ("replies", "Replies of contacts, and the words that mean STOP."),
    "audiences": ("audiences", "Audiences: saved filters over contacts."),
    "blocks": ("blocks", "Blocked numbers and words."),
    "journeys": ("journeys", "Journeys, and the contacts on them."),
    "postbacks": ("postbacks", "Postbacks: how networks report conversions."),
    "domains": ("domains", "Tracking domains: the hosts of short links."),
    "link-settings": ("link_settings", "The filter page of short links."),
    "campaigns": ("campaigns", "Campaigns: what is sent to whom, and when."),
    "creatives": ("creatives", "Creatives: texts for campaigns and journeys."),
    "reports": ("reports", "Reports: what was sent, and what it earned."),
    "runs": ("runs", "Runs of campaigns: start, follow, pause, resume or stop them."),
    "clicks": ("clicks", "Clicks on short links, and their classes."),
    "links": ("links", "Short links outside messages."),
    "offers": ("offers", "Offers: what links lead to, and what conversions pay."),
    "history": ("history", "History from another platform: sends, clicks and revenue."),
    "accounts": (
        "accounts",
        "Accounts: each has its own keys, lists, contacts and messages.",
    ),
    "users": ("users", "The people who can sign in to the dashboard."),
    "keys": ("keys", "API keys, for the programs that use the API."),
    "webhooks": ("webhooks", "Webhook endpoints, to which events are posted."),
    "config": ("config", "The settings, with their origin."),
}


class _Group(TyperGroup):
    """A group of commands whose help shows what each of them does, uncut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the interface has it
        with formatter.section("Commands"):
            formatter.write_dl(self.rows())

    def rows(self) -> list[tuple[str, str]]:
        """Return each command with the first paragraph of its help."""
        return [(name, first_paragraph(each.help or "")) for name, each in self.commands.items()]


class _AllCommands(_Group):
    """All commands, each loaded when it is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = _Loaded()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command line. Raises `BadParameter` for one that is no text."""
        for word in args:
            # A file that is there may be called whatever its folder allows.
            if text_fault(word) is not None and not os.path.lexists(word):
                shown = word.encode("utf-8", "replace").decode()
                raise typer.BadParameter(f"{shown!r} is not valid UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Do what the command line says; expected errors become exit codes."""
        with exit_on_error():
            return super().invoke(ctx)

    def rows(self) -> list[tuple[str, str]]:
        return [(name, text) for name, (_, text) in COMMANDS.items()]


class _Loaded(Mapping[str, Any]):
    """The commands by name; to look one up loads it."""

    def __getitem__(self, name: str) -> Any:
        module = import_module(f"sendrail.cli.{COMMANDS[name][0]}")
        # Typer makes a command only as part of a group, and a group of one only with a callback.
        around = _typer()
        around.callback()(_nothing)
        if hasattr(module, "app"):
            around.add_typer(module.app, name=name, cls=_Group)
        else:
            around.command(name)(getattr(module, name))
        made: Any = typer.main.get_group(around)
        return _with_common_options(made.commands[name])

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _common(
    _data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="The data folder; default: $SENDRAIL_DATA_DIR, or else ./sendrail-data.",
            show_default=False,
            callback=choose_data_dir,
            expose_value=False,
        ),
    ] = None,
    *,
    _as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the result as JSON.", callback=choose_json, expose_value=False
        ),
    ] = False,
) -> None:
    """Stand for every command: they all have these two options."""


def _with_common_options(command: Any) -> Any:
    """Give a command, or each command of a group, the options of `_common`."""
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            _with_common_options(each)
    else:
        alone = _typer(add_completion=False)
        alone.command()(_common)
        command.params += typer.main.get_command(alone).params
    return command


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join(cleandoc(text).partition("\n\n")[0].split())


def _typer(**options: Any) -> typer.Typer:
    return typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, **options)


def _nothing() -> None:
    pass


app = _typer(
    name="sendrail",
    cls=_AllCommands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sendrail {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            metavar="ACCOUNT",
            help="The account to work on, by name or id; default: $SENDRAIL_ACCOUNT, or else the "
            "first one.",
            show_default=False,
        ),
    ] = None,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Send SMS through your own carriers, and follow each message to its delivery receipt."""
    choose_account(account)


def main() -> None:
    """Run the command line."""
    app()
