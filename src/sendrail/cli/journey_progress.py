"""`sendrail journeys`: how far contacts are, what is done to all of them, and events."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import ListNumber, PhoneNumber, operator, recipient, run, sender

if TYPE_CHECKING:
    from sendrail.contacts.journey_progress import StepCounts
    from sendrail.domain.journeys.task import JourneyTask

Name = Annotated[str, typer.Argument(help="The journey's name.")]
Confirm = Annotated[
    bool, typer.Option("--confirm", help="Really do it, for all of these contacts.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count who would enter.")]
Task = Annotated[int, typer.Argument(help="The task's id.")]


def stats(
    list_number: ListNumber,
    name: Name,
    version: Annotated[
        int | None, typer.Option(help="The number of a version; default: the active one.")
    ] = None,
) -> None:
    """Count what happened to the contacts on a journey, step by step."""
    found = run(
        lambda it: it.journey_progress.stats(
            it.default_account, (sender(list_number), name), version
        )
    )
    steps = [_step(each) for each in found.steps]
    if output.is_json():
        whole = {"version": found.version, "entered": found.entered, "ended": dict(found.ended)}
        output.document(whole | {"steps": steps})
        return
    ends = ", ".join(f"{reason} {number}" for reason, number in found.ended.items())
    output.note(f"version {found.version}: entered {found.entered}; ended: {ends or 'none'}")
    columns = ("step", "entered", "left", "here", "did")
    shown = [each | {"did": _done(each["did"])} for each in steps]
    output.table(columns, shown, "The version has no steps.")


def exit_all(list_number: ListNumber, name: Name, *, confirm: Confirm = False) -> None:
    """Take all contacts off a journey.

    A running server does it, in many small steps; `tasks` shows the progress.
    """
    found = run(
        lambda it: it.journey_progress.exit_all(
            it.default_account,
            (sender(list_number), name),
            is_confirmed=confirm,
            actor=operator(),
        )
    )
    output.card(task_shown(found))


def backfill(
    list_number: ListNumber,
    name: Name,
    *,
    confirm: Confirm = False,
    dry_run: DryRun = False,
    audience: Annotated[
        str, typer.Option(metavar="ID", help="Only contacts in this audience.")
    ] = "",
) -> None:
    """Let the contacts of a list enter a journey, or count who would.

    The rules of the journey's trigger and re-entry apply. Without --confirm, contacts are only
    counted. A running server does it, in many small steps; `tasks` shows the progress.
    """
    found = run(
        lambda it: it.journey_progress.backfill(
            it.default_account,
            (sender(list_number), name),
            is_confirmed=confirm,
            is_dry=dry_run or not confirm,
            actor=operator(),
            audience=audience,
        )
    )
    output.card(task_shown(found))


def tasks(list_number: ListNumber, name: Name) -> None:
    """List the tasks of a journey, newest first."""
    found = run(
        lambda it: it.journey_progress.tasks(it.default_account, (sender(list_number), name))
    )
    rows = [task_shown(each) for each in found.tasks]
    columns = ("id", "kind", "state", "done", "failed", "created_at", "ended_at")
    output.listing("tasks", columns, rows, "The journey has no tasks.", total=found.total)


def show_task(list_number: ListNumber, name: Name, task: Task) -> None:
    """Show the progress of a task."""
    found = run(
        lambda it: it.journey_progress.task(it.default_account, (sender(list_number), name), task)
    )
    output.card(task_shown(found))


def cancel(list_number: ListNumber, name: Name, task: Task) -> None:
    """Stop a task. What it has done so far stays."""
    found = run(
        lambda it: it.journey_progress.cancel(
            it.default_account, (sender(list_number), name), task, operator()
        )
    )
    output.card(task_shown(found))


def event(
    list_number: ListNumber,
    number: PhoneNumber,
    event_name: Annotated[str, typer.Argument(metavar="EVENT", help="The event's name.")],
    *,
    value: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A value of the event, besides its name. May be repeated."
        ),
    ] = None,
) -> None:
    """Report an event of a contact, to which triggers and steps can react.

    A VALUE that is a JSON number, true or false is stored as such; anything else is a text.
    """
    said = _values(value or ())
    found = run(
        lambda it: it.journey_progress.happened(
            it.default_account, sender(list_number), recipient(number), event_name, data=said
        )
    )
    output.done({"success": True, "journeys": found.journeys}, f"on {found.journeys} journeys")


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of journeys."""
    for command in (stats, backfill, tasks, cancel, event):
        app.command()(command)
    app.command("exit")(exit_all)
    app.command("task")(show_task)


def _values(texts: Iterable[str]) -> dict[str, Any]:
    from sendrail.contacts.inputs import json_in

    found: dict[str, Any] = {}
    for text in texts:
        name, divided, value = text.partition("=")
        if not divided or name.strip() in found:
            raise typer.BadParameter(
                "must be NAME=VALUE, each name only once", param_hint="--value"
            )
        try:
            read = json_in(value)
        except ValueError:
            read = value
        found[name.strip()] = read if isinstance(read, bool | int | float) else value
    return found


def _step(found: "StepCounts") -> dict[str, Any]:
    return {
        "step": found.step,
        "entered": found.entered,
        "left": found.left,
        "here": found.here,
        "did": dict(found.did),
    }


def _done(did: dict[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in did.items())


def task_shown(found: "JourneyTask") -> dict[str, Any]:
    """Return a task as commands show it."""
    return {
        "id": found.id,
        "kind": found.kind.value,
        "state": found.state.value,
        "dry_run": found.is_dry,
        "done": found.done,
        "failed": found.failed,
        "created_at": output.when(found.created_at),
        "ended_at": output.when(found.ended_at),
    }
