"""`sendrail connectors`: the connections to carriers.

A secret is passed as `--set password=@FILE` or `--set password=-` (standard input), so that it
stays out of the shell's history; it is never shown again.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import operator, run

if TYPE_CHECKING:
    from sendrail.connectors.service import CarrierKindSummary, ConnectorCapacity, ConnectorSummary
    from sendrail.connectors.settings import Setting

app = typer.Typer(help="Connectors: the connections to carriers.", no_args_is_help=True)

_COLUMNS = ("name", "kind", "owner", "state", "since", "window", "mps", "lists", "detail")
_SETTING_COLUMNS = ("kind", "setting", "type", "default", "secret")
# What one kind's settings are for has room once the others are not there.
_ONE_KINDS_COLUMNS = ("setting", "type", "default", "secret", "about")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The connector's name.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting; VALUE may be @FILE, or - for standard input. May be repeated.",
    ),
]
Window = Annotated[
    int | None,
    typer.Option(help="The most messages submitted and not yet answered; 100 for a new connector."),
]
Mps = Annotated[
    float | None,
    typer.Option(help="The most messages per second that the carrier allows; 0 for no limit."),
]
SegmentsPerSecond = Annotated[
    float | None,
    typer.Option(help="The most segments per second that the carrier allows; 0 for no limit."),
]


@app.command()
def add(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="The kind of the carrier; `sendrail connectors kinds` lists them."
        ),
    ],
    name: Name,
    *,
    settings: Set = None,
    window: Window = None,
    mps: Mps = None,
    segments_per_second: SegmentsPerSecond = None,
    own: Annotated[
        bool,
        typer.Option(
            "--own",
            help="The account's own carrier: each list on it must be verified before it sends.",
        ),
    ] = False,
) -> None:
    """Add a connector. A running server opens it within a second."""
    words = _words(settings)
    card = run(
        lambda it: it.connectors.add(
            it.default_account,
            kind,
            name,
            words,
            _contract(window, mps, segments_per_second),
            own=own,
            actor=operator(),
        )
    )
    _print(card)


@app.command("list")
def list_() -> None:
    """List the connectors with their states."""
    connectors = [_shown(card) for card in run(lambda it: it.connectors.all(it.default_account))]
    if not output.is_json():
        for each in filter(_is_throttled, connectors):
            each["detail"] = f"throttled to {each['found_pace']:g} a second"
    empty = "There are no connectors; `sendrail connectors add` adds one."
    output.listing("connectors", _COLUMNS, connectors, empty)


@app.command()
def show(name: Name) -> None:
    """Show a connector with its settings and its callback URL, which is a secret."""
    _print(run(lambda it: it.connectors.find(it.default_account, name)))


@app.command()
def change(
    name: Name,
    *,
    settings: Set = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Reset a setting to its default. May be repeated."),
    ] = None,
    window: Window = None,
    mps: Mps = None,
    segments_per_second: SegmentsPerSecond = None,
) -> None:
    """Change a connector.

    A running server opens it again. Lists on an account's own connector must be verified again.
    """
    words = _words(settings)
    card = run(
        lambda it: it.connectors.change(
            it.default_account,
            name,
            words,
            _contract(window, mps, segments_per_second),
            unset=unset or (),
            actor=operator(),
        )
    )
    _print(card)


@app.command("test")
def try_(name: Name) -> None:
    """Check a connector's credentials with the carrier; nothing is sent."""
    answer = run(lambda it: it.connectors.test(it.default_account, name))
    output.done({"name": name, "ok": True, "answer": answer}, answer)


@app.command()
def pause(name: Name) -> None:
    """Stop submitting through a connector; messages wait. Receipts and replies still arrive."""
    _print(run(lambda it: it.connectors.pause(it.default_account, name, operator())))


@app.command()
def resume(name: Name) -> None:
    """Let a paused connector submit again."""
    _print(run(lambda it: it.connectors.resume(it.default_account, name, operator())))


@app.command("rotate-url")
def rotate_url(name: Name) -> None:
    """Give a connector a new callback URL; the old one stays valid for a day."""
    _print(run(lambda it: it.connectors.rotate_url(it.default_account, name, operator())))


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove a connector that no list uses, with its secrets."""
    if not yes:
        typer.confirm(f"Remove the connector {name}?", abort=True, err=True)
    connector = run(lambda it: it.connectors.remove(it.default_account, name, operator()))
    output.done(
        {"name": connector.name, "removed": True}, f"removed {connector.name} ({connector.kind})"
    )


@app.command()
def kinds(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="Only this one.")] = "",
) -> None:
    """List the installed carrier kinds with their settings."""

    async def find(runtime: Any) -> "list[CarrierKindSummary]":
        return [card for card in runtime.connectors.kinds() if kind in {"", card.name}]

    found = run(find)
    if output.is_json():
        output.document({"kinds": [_kind(card) for card in found]})
        return
    rows = [row for card in found for row in _rows(card)]
    columns = _ONE_KINDS_COLUMNS if kind else _SETTING_COLUMNS
    output.table(columns, rows, f"There is no carrier kind {kind or 'at all'}.")


def _words(given: list[str] | None) -> dict[str, str]:
    """Return the settings as texts; values from a file or standard input are read."""
    from sendrail.connectors.settings import name_of_setting
    from sendrail.domain.errors import InvalidInput

    words: dict[str, str] = {}
    from_input = ""
    for each in given or ():
        name, word = name_of_setting(each)
        if word == "-":
            if from_input:
                raise InvalidInput(
                    f"{from_input} and {name} cannot both come from standard input.", param=name
                )
            from_input = name
            word = _from_input(name)
        elif word.startswith("@@"):
            word = word[1:]
        elif word.startswith("@"):
            word = Path(word[1:]).read_text("utf-8").rstrip("\r\n")
        words[name] = word
    return words


def _from_input(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True))
    return sys.stdin.read().rstrip("\r\n")


def _contract(
    window: int | None, mps: float | None, segments_per_second: float | None
) -> "ConnectorCapacity":
    from sendrail.connectors.service import ConnectorCapacity

    return ConnectorCapacity(window=window, mps=mps, segments_per_second=segments_per_second)


def _print(card: "ConnectorSummary") -> None:
    shown = _shown(card)
    if output.is_json():
        output.document(shown)
        return
    settings = shown.pop("settings")
    shown["found_pace"] = ", ".join(map(_pace, shown.pop("found_paces"))) or None
    output.card(shown | {f"set {name}": value for name, value in settings.items()})


def _shown(card: "ConnectorSummary") -> dict[str, Any]:
    connector, report = card.connector, card.report
    return {
        "name": connector.name,
        "kind": connector.kind,
        "owner": "installation" if connector.account_id is None else "account",
        "state": report.state.value,
        "detail": report.detail,
        "since": output.when(report.since or None),
        "window": connector.window,
        "mps": connector.mps,
        "found_pace": round(sum(each.per_second for each in card.paces), 1) or None,
        "found_paces": [
            {
                "process": each.process,
                "per_second": round(each.per_second, 1),
                "limit": None if each.limit is None else round(each.limit, 1),
                "at": output.when(each.at),
            }
            for each in card.paces
        ],
        "segments_per_second": connector.segments_per_second,
        "lists": card.lists,
        "callback_url": card.callback_url,
        "old_callback_url_until": output.when(card.old_url_until),
        "settings": dict(card.settings),
    }


def _is_throttled(shown: Mapping[str, Any]) -> bool:
    # What else a state has to say comes first.
    return shown["found_pace"] is not None and not shown["detail"]


def _pace(found: Mapping[str, Any]) -> str:
    """Return what a process has found, as one line has it."""
    limit = "" if found["limit"] is None else f" of about {found['limit']:g}"
    process = f" in {found['process']}" if found["process"] else ""
    return f"{found['per_second']:g}{limit} a second{process}"


def _kind(card: "CarrierKindSummary") -> dict[str, Any]:
    return {
        "kind": card.name,
        "trouble": card.trouble,
        "settings": [
            {
                "name": each.name,
                "type": each.type,
                "required": each.required,
                "default": None if each.secret else each.default,
                "secret": each.secret,
                "about": each.about,
            }
            for each in card.settings
        ],
    }


def _rows(card: "CarrierKindSummary") -> list[dict[str, Any]]:
    if card.trouble is not None:
        return [
            {
                "kind": card.name,
                "setting": "",
                "type": card.trouble,
                "default": "",
                "secret": "",
                "about": "",
            }
        ]
    return [
        {
            "kind": card.name,
            "setting": each.name,
            "type": each.type,
            "default": _default(each),
            "secret": each.secret,
            "about": each.about,
        }
        for each in card.settings
    ]


def _default(setting: "Setting") -> Any:
    return "(required)" if setting.required else setting.default
