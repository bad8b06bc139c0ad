"""`sendrail lists`: the numbers the account sends from."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.imported import Country, File, import_file
from sendrail.cli.session import Data, Json, ListNumber, run
from sendrail.cli.verify import verify

if TYPE_CHECKING:
    from sendrail.domain.sender import SendingList

app = typer.Typer(help="Sending lists: the numbers you send from.", no_args_is_help=True)

_COLUMNS = ("phone_number", "list_name", "brand_name", "status", "rate", "on_uncertain")

Rate = Annotated[int | None, typer.Option(help="Messages per minute; default: the setting.")]
Connector = Annotated[
    str, typer.Option(help="The carrier connector; may be left out when there is one.")
]
Policy = Annotated[
    str,
    typer.Option(
        "--on-uncertain",
        metavar="hold|resend_once",
        help="What to do when nobody knows whether a message left.",
    ),
]


Answers = Annotated[
    bool | None,
    typer.Option("--answers/--no-answers", help="Whether STOP, START and HELP are answered."),
]
StopText = Annotated[
    str | None, typer.Option("--stop-text", metavar="TEXT", help="The answer to STOP.")
]
StartText = Annotated[
    str | None, typer.Option("--start-text", metavar="TEXT", help="The answer to START.")
]
HelpText = Annotated[
    str | None, typer.Option("--help-text", metavar="TEXT", help="The answer to HELP.")
]


@app.command()
def add(
    number: ListNumber,
    *,
    name: Annotated[str, typer.Option(help="The list's name; default: its number.")] = "",
    brand: Annotated[str, typer.Option(help="The brand it speaks for.")] = "",
    rate: Rate = None,
    connector: Connector = "",
    on_uncertain: Policy = "hold",
    answers: Answers = None,
    stop_text: StopText = None,
    start_text: StartText = None,
    help_text: HelpText = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a sending list."""
    from sendrail.domain.answer_texts import AnswerTexts

    added = run(
        data,
        as_json,
        lambda it: it.lists.add(
            it.default_account,
            number,
            name=name,
            brand=brand,
            rate=rate,
            connector=connector,
            on_uncertain=on_uncertain,
            answers=AnswerTexts(
                enabled=answers is not False, stop=stop_text, start=start_text, help=help_text
            ),
        ),
    )
    _tell(added, as_json)


@app.command("answers")
def answers_(
    number: ListNumber,
    *,
    answers: Answers = None,
    stop_text: StopText = None,
    start_text: StartText = None,
    help_text: HelpText = None,
    default_texts: Annotated[
        bool, typer.Option("--default-texts", help="Give up the list's own answers.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change what a list answers to STOP, START and HELP; without an option, show it."""
    told = run(
        data,
        as_json,
        lambda it: it.lists.set_answers(
            it.default_account,
            number,
            enabled=answers,
            stop=stop_text,
            start=start_text,
            help=help_text,
            defaults=default_texts,
        ),
    )
    shown = {
        "answers": told.enabled,
        "stop_text": told.stop,
        "start_text": told.start,
        "help_text": told.help,
    }
    if as_json:
        output.document(shown)
    else:
        output.card(shown)


@app.command("import")
def import_(
    file: File,
    connector: Connector = "",
    *,
    country: Country = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add the lists of a CSV file with the columns number, and if wished name and rate."""
    import_file(
        file,
        data,
        as_json,
        lambda it, chunks, options: it.lists.import_csv(
            it.default_account, chunks, options, connector=connector
        ),
        country=country,
    )


@app.command("list")
def list_(
    status: Annotated[
        str,
        typer.Option(metavar="active|paused|suspended|deleted", help="Default: all but deleted."),
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the sending lists."""
    from sendrail.domain.sender import ListStatus

    if status and status not in set(ListStatus):
        raise typer.BadParameter("is active, paused, suspended or deleted", param_hint="--status")
    wanted = ListStatus(status) if status else None
    lists = [
        _shown(each)
        for each in run(data, as_json, lambda it: it.lists.all(it.default_account, wanted))
    ]
    if as_json:
        output.document({"lists": lists})
    else:
        output.table(_COLUMNS, lists, "There are no such lists.")


@app.command()
def show(number: ListNumber, data: Data = None, as_json: Json = False) -> None:
    """Show one list."""
    _tell(run(data, as_json, lambda it: it.lists.find(it.default_account, number)), as_json)


@app.command()
def pause(number: ListNumber, data: Data = None, as_json: Json = False) -> None:
    """Stop a list from sending; what waits in its queue is dropped when its turn comes."""
    _tell(run(data, as_json, lambda it: it.lists.pause(it.default_account, number)), as_json)


@app.command()
def resume(number: ListNumber, data: Data = None, as_json: Json = False) -> None:
    """Let a paused list send again; a deleted one comes back with its contacts."""
    _tell(run(data, as_json, lambda it: it.lists.resume(it.default_account, number)), as_json)


@app.command()
def rate(
    number: ListNumber,
    per_minute: Annotated[int, typer.Argument(help="Messages per minute, 1 to 6,000,000.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set how many messages a list may send in a minute."""
    _tell(
        run(data, as_json, lambda it: it.lists.set_rate(it.default_account, number, per_minute)),
        as_json,
    )


@app.command()
def change(
    number: ListNumber,
    *,
    name: Annotated[str | None, typer.Option(help="Its name from now on.")] = None,
    brand: Annotated[
        str | None, typer.Option(help='The brand it speaks for; "" takes it away.')
    ] = None,
    connector: Annotated[str, typer.Option(help="The connector it goes by from now on.")] = "",
    second_connector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|none", help="The connector that takes over while that one is away."
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Rename a list, send it by another connector, or give it a second one."""
    from sendrail.contacts.lists import ListChange

    change = ListChange(
        name=name,
        brand=brand,
        connector=connector or None,
        second_connector="" if second_connector == "none" else second_connector,
    )
    changed = run(data, as_json, lambda it: it.lists.update(it.default_account, number, change))
    _tell(changed.sender, as_json)


app.command()(verify)


@app.command("on-uncertain")
def on_uncertain(
    number: ListNumber,
    policy: Annotated[str, typer.Argument(metavar="hold|resend_once")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what to do when nobody knows whether a message left.

    hold waits for a receipt; resend_once sends a second time, for codes that are useless late
    and harmless twice.
    """
    _tell(
        run(
            data,
            as_json,
            lambda it: it.lists.set_on_uncertain(it.default_account, number, policy),
        ),
        as_json,
    )


@app.command()
def delete(
    number: ListNumber,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete a list. Its history and its opt-outs are kept; `resume` brings it back."""
    if not yes:
        typer.confirm(f"Delete the list {number}?", abort=True, err=True)
    _tell(run(data, as_json, lambda it: it.lists.delete(it.default_account, number)), as_json)


def _tell(sender: "SendingList", as_json: bool) -> None:
    if as_json:
        output.document(_shown(sender))
    else:
        output.card(_shown(sender))


def _shown(sender: "SendingList") -> dict[str, Any]:

    return {
        "id": sender.id,
        "phone_number": sender.shown,
        "list_name": sender.name,
        "brand_name": sender.brand,
        "status": sender.status.value,
        "rate": sender.rate,
        "on_uncertain": sender.on_uncertain.value,
        "own_carrier": sender.byoc,
        "verified_at": output.when(sender.verified_at),
        "has_second_connector": sender.second_connector_id is not None,
        "created_at": output.when(sender.created_at),
    }
