"""`sendrail lists`: the senders of the account."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.imported import Country, File, import_file
from sendrail.cli.session import Append, ListNumber, Prepend, operator, run, sender
from sendrail.cli.verify import verify

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.campaigns.account_settings import AccountSettings
    from sendrail.contacts.list_details import ListDetails
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.frame import Frame
    from sendrail.domain.sender import SendingList

app = typer.Typer(
    help="Sending lists: each has a sender, a brand, a rate and contacts.", no_args_is_help=True
)

_COLUMNS = ("phone_number", "list_name", "brand_name", "status", "rate", "on_uncertain")

Rate = Annotated[
    int | None,
    typer.Option(help="Messages per minute; default: the setting default_list_rate."),
]
Connector = Annotated[str, typer.Option(help="The connector; optional if there is only one.")]
Policy = Annotated[
    str,
    typer.Option(
        "--on-uncertain",
        metavar="hold|resend_once",
        help="What to do with an uncertain message: hold or resend_once.",
    ),
]


Answers = Annotated[
    bool | None,
    typer.Option("--answers/--no-answers", help="Whether to answer STOP, START and HELP."),
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
    brand: Annotated[str, typer.Option(help="The brand that the list sends for.")] = "",
    rate: Rate = None,
    connector: Connector = "",
    on_uncertain: Policy = "hold",
    answers: Answers = None,
    stop_text: StopText = None,
    start_text: StartText = None,
    help_text: HelpText = None,
) -> None:
    """Add a sending list."""
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain import sender_ids
    from sendrail.domain.answer_texts import AnswerTexts
    from sendrail.domain.sender import OnUncertain

    added = run(
        lambda it: it.lists.add(
            it.default_account,
            sender(number),
            sender_name=sender_ids.text_beside(number.strip()),
            name=name,
            brand=brand,
            rate=rate,
            connector=connector,
            on_uncertain=choice_of(OnUncertain, on_uncertain, "on_uncertain"),
            answers=AnswerTexts(
                enabled=answers is not False, stop=stop_text, start=start_text, help=help_text
            ),
            actor=operator(),
        )
    )
    _print(added.sender)


@app.command("answers")
def answers_(
    number: ListNumber,
    *,
    answers: Answers = None,
    stop_text: StopText = None,
    start_text: StartText = None,
    help_text: HelpText = None,
    default_texts: Annotated[
        bool, typer.Option("--default-texts", help="Use the default texts again.")
    ] = False,
) -> None:
    """Change a list's automatic replies to STOP, START and HELP; without an option, show them."""
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.consent import Keyword

    # An empty text is the default one again.
    rest = "" if default_texts else None
    change = ListChange(
        answers=answers,
        stop_text=rest if stop_text is None else stop_text,
        start_text=rest if start_text is None else start_text,
        help_text=rest if help_text is None else help_text,
    )
    found = run(
        lambda it: (
            it.lists.find(it.default_account, sender(number))
            if change == ListChange()
            else it.lists.update(it.default_account, sender(number), change, operator())
        )
    )
    shown = {
        f"{keyword}_text": found.answers.of(keyword, found.sender.brand) for keyword in Keyword
    }
    output.card({"answers": found.answers.enabled} | shown)


@app.command()
def frame(
    number: ListNumber,
    *,
    prepend: Prepend = None,
    append: Append = None,
    inherit: Annotated[
        bool, typer.Option("--inherit", help="Use the account's frame again.")
    ] = False,
    sends: Annotated[
        bool | None,
        typer.Option(
            "--sends/--no-sends", help="Whether messages sent with /send get the frame, too."
        ),
    ] = None,
) -> None:
    """Set a list's frame, the texts around messages to American numbers; or show it."""
    from sendrail.contacts.frames import FrameChange
    from sendrail.contacts.lists import ListChange

    inherited = frozenset(("prepend", "append")) if inherit else frozenset()
    change = ListChange(
        frame=FrameChange(prepend=prepend, append=append, inherited=inherited), frames_sends=sends
    )

    async def work(it: "Runtime") -> "tuple[ListDetails, Frame]":
        account, list_number = it.default_account, sender(number)
        if change == ListChange():
            found = await it.lists.find(account, list_number)
        else:
            found = await it.lists.update(account, list_number, change, operator())
        return found, found.own_frame.over((await it.account_settings.show(account)).frame)

    found, whole = run(work)
    shown = {
        "prepend_text": whole.prepend,
        "append_text": whole.append,
        "frame_sends": found.sender.frames_sends,
    }
    output.card(shown)


@app.command()
def quiet(
    number: ListNumber,
    *,
    scope: Annotated[
        str | None,
        typer.Option(
            metavar="campaigns|all|none",
            help="Which messages wait for the end of quiet hours.",
        ),
    ] = None,
    hours: Annotated[
        str | None,
        typer.Option(
            help="The list's own quiet hours, such as 21:00-08:00; none for no hours, account "
            "for those of the account."
        ),
    ] = None,
) -> None:
    """Set a list's quiet hours, and which messages wait for their end; or show them."""
    from sendrail.contacts.inputs import choice_of
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.quiet_hours import QuietScope

    wanted = None if scope is None else choice_of(QuietScope, scope, "scope")
    change = ListChange(quiet_scope=wanted, quiet_hours="" if hours == "account" else hours)

    async def work(it: "Runtime") -> "tuple[ListDetails, AccountSettings, str]":
        account, list_number = it.default_account, sender(number)
        if change == ListChange():
            found = await it.lists.find(account, list_number)
        else:
            found = await it.lists.update(account, list_number, change, operator())
        settings = await it.account_settings.show(account)
        return found, settings, it.settings.quiet_hours

    found, settings, installation = run(work)
    shown = {
        "quiet_scope": found.sender.quiet_scope.value,
        "quiet_hours": found.sender.own_quiet_hours,
        "account": settings.quiet_hours or None,
        "installation": installation,
    }
    output.card(shown)


@app.command("import")
def import_(file: File, connector: Connector = "", *, country: Country = "") -> None:
    """Add lists from a CSV file with the column number, and optionally name and rate."""
    import_file(
        file,
        lambda it, chunks, options: it.lists.import_csv(
            it.default_account, chunks, options, connector=connector, actor=operator()
        ),
        country=country,
    )


@app.command("list")
def list_(
    status: Annotated[
        str,
        typer.Option(
            metavar="active|paused|suspended|deleted",
            help="Only lists with this status; default: all but deleted.",
        ),
    ] = "",
) -> None:
    """List the sending lists."""
    from sendrail.domain.sender import ListStatus

    if status and status not in set(ListStatus):
        raise typer.BadParameter(
            "must be active, paused, suspended or deleted", param_hint="--status"
        )
    wanted = ListStatus(status) if status else None
    lists = [_shown(each) for each in run(lambda it: it.lists.all(it.default_account, wanted))]
    output.listing("lists", _COLUMNS, lists, "There are no such lists.")


@app.command()
def show(number: ListNumber) -> None:
    """Show one list."""
    found = run(lambda it: it.lists.find(it.default_account, sender(number)))
    _print(found.sender)


@app.command()
def pause(number: ListNumber) -> None:
    """Stop a list from sending. Its waiting messages are dropped; runs of campaigns pause.

    To stop sending and keep the waiting messages, pause the connector instead.
    """
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.sender import ListStatus

    _change(number, ListChange(status=ListStatus.PAUSED))


@app.command()
def resume(number: ListNumber) -> None:
    """Let a paused list send again, or restore a deleted one with its contacts."""
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.sender import ListStatus

    _change(number, ListChange(status=ListStatus.ACTIVE))


@app.command()
def rate(
    number: ListNumber,
    per_minute: Annotated[int, typer.Argument(help="Messages per minute, 1 to 6,000,000.")],
) -> None:
    """Set how many messages a list may send per minute."""
    from sendrail.contacts.lists import ListChange

    _change(number, ListChange(rate=per_minute))


@app.command()
def change(
    number: ListNumber,
    *,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    brand: Annotated[
        str | None, typer.Option(help='The brand that the list sends for; "" removes it.')
    ] = None,
    connector: Annotated[str, typer.Option(help="The new connector.")] = "",
    second_connector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|none",
            help="The connector to use while the first one accepts no messages.",
        ),
    ] = None,
) -> None:
    """Change a list's name, brand, connector or second connector."""
    from sendrail.contacts.lists import ListChange

    change = ListChange(
        name=name,
        brand=brand,
        connector=connector or None,
        second_connector="" if second_connector == "none" else second_connector,
    )
    _change(number, change)


app.command()(verify)


@app.command("on-uncertain")
def on_uncertain(
    number: ListNumber, policy: Annotated[str, typer.Argument(metavar="hold|resend_once")]
) -> None:
    """Set what to do with an uncertain message, which may or may not have been sent.

    hold waits for a receipt. resend_once sends the message a second time, which suits one-time
    codes: a late code is useless, and a second copy does no harm.
    """
    from sendrail.contacts.inputs import choice_of
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.sender import OnUncertain

    wanted = choice_of(OnUncertain, policy, "on_uncertain")
    _change(number, ListChange(on_uncertain=wanted))


@app.command()
def delete(
    number: ListNumber,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a list. Its history and its opt-outs are kept; `resume` restores it."""
    if not yes:
        typer.confirm(f"Delete the list {number}?", abort=True, err=True)
    from sendrail.contacts.lists import ListChange
    from sendrail.domain.sender import ListStatus

    _change(number, ListChange(status=ListStatus.DELETED))


def _change(number: str, change: "ListChange") -> None:
    changed = run(
        lambda it: it.lists.update(it.default_account, sender(number), change, operator())
    )
    _print(changed.sender)


def _print(found: "SendingList") -> None:
    output.card(_shown(found))


def _shown(found: "SendingList") -> dict[str, Any]:
    return {
        "id": found.id,
        "phone_number": found.shown,
        "list_name": found.name,
        "brand_name": found.brand,
        "status": found.status.value,
        "rate": found.rate,
        "on_uncertain": found.on_uncertain.value,
        "own_carrier": found.byoc,
        "verified_at": output.when(found.verified_at),
        "has_second_connector": found.second_connector_id is not None,
        "created_at": output.when(found.created_at),
    }
