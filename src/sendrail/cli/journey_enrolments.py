"""`sendrail journeys`: who is on a journey, and many contacts put on it at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.journey_progress import Name
from sendrail.cli.session import ListNumber, moment_of, recipient, run, sender

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.contact import Enrolment, EnrolmentFilter
    from sendrail.domain.phone import PhoneNumber

# As many as one call of the API puts on a journey.
_BATCH = 1_000
_COLUMNS = ("phone_number", "step", "started_at", "ends_at", "due_at", "ended")


def enrolments(
    list_number: ListNumber,
    name: Name,
    *,
    state: Annotated[
        str,
        typer.Option(metavar="running|ended|any", help="On the journey now, formerly, or both."),
    ] = "running",
    step: Annotated[str | None, typer.Option(help="Only contacts who rest at this step.")] = None,
    version: Annotated[int | None, typer.Option(help="Only contacts on this version.")] = None,
    number: Annotated[str | None, typer.Option(help="Only this contact.")] = None,
    started_after: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only contacts who entered at this time or later."),
    ] = None,
    started_before: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only contacts who entered before this time."),
    ] = None,
) -> None:
    """List the contacts who are or were on a journey."""
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain.contact import EnrolmentFilter, EnrolmentState

    async def find(it: "Runtime") -> "list[Enrolment]":
        about = EnrolmentFilter(
            state=choice_of(EnrolmentState, state, "state"),
            step=step,
            version=version,
            started_after=moment_of(started_after, "--started-after"),
            started_before=moment_of(started_before, "--started-before"),
            recipient=None if number is None else recipient(number),
        )
        return await _all(it, (sender(list_number), name), about)

    found = [enrolment_shown(each) for each in run(find)]
    output.listing("enrolments", _COLUMNS, found, "No contact is meant.")


async def _all(
    it: "Runtime", which: "tuple[PhoneNumber, str]", about: "EnrolmentFilter"
) -> "list[Enrolment]":
    found: list[Enrolment] = []
    after: int | None = 0
    while after is not None:
        stretch = await it.journeys.enrolments_after(
            it.default_account, which, about, after, per_page=_BATCH
        )
        found += stretch.enrolments
        after = stretch.last
    return found


def enrol(
    list_number: ListNumber,
    name: Name,
    number: Annotated[
        str | None, typer.Argument(help="A phone number, such as +15550100001.")
    ] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="A file with a number on each line.")] = None,
) -> None:
    """Put a contact on a journey, or the contacts of a file, regardless of trigger and re-entry.

    A contact who is on the journey already starts again. To let a list or an audience enter under
    the journey's rules, use `backfill`.
    """
    if (number is None) is (file is None):
        raise typer.BadParameter("Give a NUMBER, or a --file of numbers.")
    if number is not None:
        enrolment = run(
            lambda it: it.journeys.enrol(
                it.default_account, sender(list_number), name, recipient(number)
            )
        )
        output.card(enrolment_shown(enrolment))
    elif file is not None:
        rows = _numbers_in(file)
        found = run(lambda it: _put_on(it, (sender(list_number), name), rows))
        _show(found)


def _numbers_in(file: Path) -> list[tuple[int, str]]:
    """Return what stands on the lines of a file that are not blank, each with its line."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as broken:
        raise typer.BadParameter(f"{file} cannot be read: {broken}") from broken
    return [(at, line.strip()) for at, line in enumerate(lines, 1) if line.strip()]


async def _put_on(
    it: "Runtime", which: "tuple[PhoneNumber, str]", rows: list[tuple[int, str]]
) -> dict[str, Any]:
    """Put the numbers on the journey, a batch at a time; return counts, and errors by line."""
    from sendrail.contacts.journeys import KEPT_OUT
    from sendrail.domain import phone

    errors: list[dict[str, Any]] = []
    wanted: list[tuple[int, PhoneNumber]] = []
    for line, text in rows:
        parsed = phone.parse(text)
        if parsed is None:
            sentence = "It is no number in the form +15550001234."
            errors.append({"line": line, "code": "invalid_phone", "error": sentence})
        else:
            wanted.append((line, parsed))
    enrolled = 0
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        numbers = [each for _, each in batch]
        done = await it.journeys.enrol_many(it.default_account, which, numbers)
        enrolled += len(done.enrolments)
        errors += [
            {"line": line, "code": code, "error": KEPT_OUT[code]}
            for line, each in batch
            if (code := done.kept_out.get(each))
        ]
    return {"enrolled": enrolled, "errors": sorted(errors, key=lambda each: int(each["line"]))}


def _show(found: dict[str, Any]) -> None:
    if output.is_json():
        output.document(found)
        return
    output.note(f"enrolled {found['enrolled']}")
    output.table(("line", "code", "error"), found["errors"], "Every number was put on the journey.")


def enrolment_shown(enrolment: "Enrolment") -> dict[str, Any]:
    """Return an enrolment as commands show it."""
    from sendrail.domain import phone

    due_at = enrolment.due_at
    return {
        "phone_number": phone.show(enrolment.recipient),
        "step": enrolment.step or None,
        "started_at": output.when(enrolment.started_at),
        "ends_at": output.when(enrolment.ends_at),
        # One of a paused journey has no time.
        "due_at": None if due_at is None or due_at > enrolment.ends_at else output.when(due_at),
        "ended": enrolment.end_reason,
    }


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of journeys."""
    app.command()(enrolments)
    app.command()(enrol)
