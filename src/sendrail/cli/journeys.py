"""`sendrail journeys`: automated sequences, and the contacts on them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import journey_documents, journey_enrolments, journey_progress, output
from sendrail.cli.session import ListNumber, PhoneNumber, operator, recipient, run, sender

if TYPE_CHECKING:
    from sendrail.domain.contact import Journey

app = typer.Typer(help="Journeys, and the contacts on them.", no_args_is_help=True)

journey_documents.add_to(app)
journey_progress.add_to(app)
journey_enrolments.add_to(app)

Name = Annotated[str, typer.Argument(help="The journey's name.")]


@app.command()
def add(
    list_number: ListNumber,
    name: Name,
    trigger: Annotated[
        str,
        typer.Option(
            metavar="list|none", help="What starts the journey: joining the list, or nothing."
        ),
    ] = "list",
) -> None:
    """Add a journey to a list."""
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain.contact import Trigger

    journey = run(
        lambda it: it.journeys.add(
            it.default_account,
            sender(list_number),
            name,
            choice_of(Trigger, trigger, "trigger"),
            actor=operator(),
        )
    )
    shown = _journey(journey, list_number)
    output.card(shown)


@app.command("list")
def list_() -> None:
    """List the journeys of all lists."""
    journeys = [
        _journey(journey, number)
        for journey, number in run(lambda it: it.journeys.all(it.default_account))
    ]
    columns = ("id", "list_number", "name", "trigger", "status", "created_at")
    output.listing("journeys", columns, journeys, "There are no journeys.")


@app.command()
def remove(list_number: ListNumber, name: Name) -> None:
    """Delete a journey, and take all contacts off it; one with versions is archived."""
    deleted = run(
        lambda it: it.journey_documents.remove(
            it.default_account, (sender(list_number), name), operator()
        )
    )
    done = "deleted" if deleted else "archived"
    output.done({done: True}, done)


@app.command()
def end(list_number: ListNumber, name: Name, number: PhoneNumber) -> None:
    """Take a contact off a journey."""
    ended = run(
        lambda it: it.journeys.end(it.default_account, sender(list_number), name, recipient(number))
    )
    output.done({"ended": ended}, "ended" if ended else "was not on the journey")


def _journey(journey: "Journey", list_number: str) -> dict[str, Any]:
    return {
        "id": journey.id,
        "list_number": list_number,
        "name": journey.name,
        "trigger": journey.trigger.value,
        "status": journey.status.value,
        "created_at": output.when(journey.created_at),
    }
