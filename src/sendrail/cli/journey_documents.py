"""`sendrail journeys`: the documents of journeys, their versions, and how they would run."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import ListNumber, Page, PerPage, operator, run, sender

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.contacts.journey_documents import JourneyDetails
    from sendrail.domain.contact import JourneyVersion
    from sendrail.domain.journeys.reading import DocumentReading
    from sendrail.domain.journeys.simulate import SimulationResult

Name = Annotated[str, typer.Argument(help="The journey's name.")]
File = Annotated[
    str, typer.Argument(metavar="FILE|-", help="The document: a file, or - for standard input.")
]
Changes = Annotated[
    str,
    typer.Option(
        "--document",
        metavar="FILE|-",
        help="Parts of a document that replace those of the draft, this time only: a file, or -.",
    ),
]


def draft(list_number: ListNumber, document: File) -> None:
    """Store a document as a draft. Its name decides which journey; a new name adds one."""
    given = _read(document)

    async def work(it: "Runtime") -> "JourneyDetails":
        from sendrail.domain.errors import NotFound

        us, number = it.default_account, sender(list_number)
        which = (number, str(given.get("name") or ""))
        try:
            return await it.journey_documents.change(us, which, given, operator())
        except NotFound as error:
            if error.code != "journey_not_found":
                raise
            return await it.journey_documents.add(us, number, given, operator())

    output.card(_details(run(work)))


def show(list_number: ListNumber, name: Name) -> None:
    """Show a journey with its draft and its active version."""
    found = run(
        lambda it: it.journey_documents.show(it.default_account, (sender(list_number), name))
    )
    output.card(_details(found))


def status(
    list_number: ListNumber,
    name: Name,
    wanted: Annotated[
        str, typer.Argument(metavar="active|paused|archived", help="The new status.")
    ],
    *,
    overdue: Annotated[
        str | None,
        typer.Option(
            metavar="shift|catch_up|exit",
            help="On resume: what happens to contacts whose turn came during the pause. "
            "shift lets all waits continue where they stood; catch_up does these turns now; exit "
            "ends them.",
        ),
    ] = None,
) -> None:
    """Activate the draft of a journey as its next version; or pause, resume or archive it."""
    found = run(
        lambda it: it.journey_documents.change(
            it.default_account,
            (sender(list_number), name),
            {},
            operator(),
            status=wanted,
            overdue=overdue,
        )
    )
    output.card(_details(found))


def migrate(
    list_number: ListNumber,
    name: Name,
    source: Annotated[
        list[int], typer.Option("--from", help="A version to move contacts from. May be repeated.")
    ],
    steps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OLD=NEW",
            help="The new step of contacts at the step OLD; OLD= ends their journey.",
        ),
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option(
            metavar="stay|exit", help="What happens to contacts at steps that no --map names."
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would happen.")
    ] = False,
) -> None:
    """Activate the draft, if there is one, and move contacts of older versions to it."""
    from sendrail.contacts.journey_documents import VERSIONS_MAX
    from sendrail.domain.journeys.migrating import read_migration

    pairs = [each.partition("=") for each in steps or ()]
    mapping = {old: new or None for old, _, new in pairs}
    given = {"from": source, "map": mapping, "rest": rest}

    async def work(it: "Runtime") -> "JourneyDetails":
        us, which = it.default_account, (sender(list_number), name)
        migration = read_migration(given, VERSIONS_MAX)
        if dry_run:
            return await it.journey_documents.plan_migration(us, which, migration, {})
        return await it.journey_documents.change(
            us, which, {}, operator(), status="active", migration=migration
        )

    _print_migration(run(work))


def validate(list_number: ListNumber, name: Name, *, document: Changes = "") -> None:
    """List the faults of a draft; exit code 1 if there are any."""
    changes = _read(document) if document else {}
    found: DocumentReading = run(
        lambda it: it.journey_documents.validate(
            it.default_account, (sender(list_number), name), changes
        )
    )
    rows = [
        {"is": kind, "code": each.code, "param": each.param, "error": each.text}
        for kind, some in (("fault", found.faults), ("warning", found.warnings))
        for each in some
    ]
    output.listing("faults", ("is", "code", "param", "error"), rows, "no faults")
    if found.faults:
        raise typer.Exit(1)


def simulate(
    list_number: ListNumber,
    name: Name,
    script: Annotated[
        str,
        typer.Option(
            metavar="FILE|-",
            help="The script: a file, or -, with contact, starts_at, events and verdicts.",
        ),
    ] = "",
    *,
    document: Changes = "",
    version: Annotated[
        int | None, typer.Option(help="Simulate this version instead of the draft.")
    ] = None,
) -> None:
    """Simulate the journey of an invented contact; nothing is sent."""
    wanted = _read(script) if script else {}
    changes = _read(document) if document else {}

    async def work(it: "Runtime") -> "SimulationResult":
        from sendrail.domain.journeys.script import read_script

        return await it.journey_documents.simulate(
            it.default_account,
            (sender(list_number), name),
            read_script(wanted, it.clock.now()),
            changes,
            version=version,
        )

    _print_simulation(run(work))


def versions(
    list_number: ListNumber, name: Name, *, page: Page = 1, per_page: PerPage = 50
) -> None:
    """List the versions of a journey, newest first."""
    found = run(
        lambda it: it.journey_documents.versions(
            it.default_account, (sender(list_number), name), page=page, per_page=per_page
        )
    )
    rows = [_version(each) for each in found.versions]
    columns = ("version", "created_at", "created_by", "digest")
    output.listing("versions", columns, rows, "The journey has no version.")


def version(
    list_number: ListNumber,
    name: Name,
    number: Annotated[
        int, typer.Argument(metavar="VERSION", help="The number of the version; the first is 1.")
    ],
) -> None:
    """Print the document of a version."""
    found = run(
        lambda it: it.journey_documents.version(
            it.default_account, (sender(list_number), name), number
        )
    )
    document = json.loads(found.document)
    output.card(_version(found) | {"document": document if output.is_json() else found.document})


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of journeys."""
    for command in (draft, show, status, migrate, validate, simulate, versions, version):
        app.command()(command)


def _read(where: str) -> dict[str, Any]:
    """Return an object from a file or the input. Raises `InvalidInput` with the place at fault."""
    from sendrail.contacts.inputs import json_in
    from sendrail.domain.errors import InvalidInput

    try:
        text = sys.stdin.read() if where == "-" else Path(where).read_text("utf-8")
        found = json_in(text)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{where} cannot be read: {error}", code="invalid_json") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{where} is not a JSON object", code="invalid_json")
    return found


def _details(found: "JourneyDetails") -> dict[str, Any]:
    journey, active = found.journey, found.active
    shown = {
        "id": journey.id,
        "list_number": found.list_number,
        "name": journey.name,
        "status": journey.status.value,
        "active_version": journey.active_version,
        "has_draft": journey.draft is not None,
        "created_at": output.when(journey.created_at),
    }
    if not output.is_json():
        return shown
    documents = {
        "draft": None if journey.draft is None else json.loads(journey.draft),
        "document": None if active is None else json.loads(active.document),
    }
    return shown | documents


def _print_migration(found: "JourneyDetails") -> None:
    plan = found.migration
    assert plan is not None, "it was asked for"
    rows = [
        {
            "version": move.version,
            "step": move.step,
            "to": "stays" if move.stays else move.to or "ends",
            "contacts": contacts,
        }
        for move, contacts in plan.moves
    ]
    if output.is_json():
        output.document({"steps": rows, "task_id": plan.task_id})
        return
    output.table(("version", "step", "to", "contacts"), rows, "No contacts are moved.")
    if plan.task_id is not None:
        output.note(f"task {plan.task_id}")


def _version(found: "JourneyVersion") -> dict[str, Any]:
    return {
        "version": found.version,
        "created_at": output.when(found.created_at),
        "created_by": found.created_by,
        "digest": found.digest,
    }


def _print_simulation(found: "SimulationResult") -> None:
    columns = ("at", "step", "kind", "did", "until", "text")
    rows: list[dict[str, Any]] = [
        {
            "at": output.when(each.at),
            "step": each.step,
            "kind": each.kind.value,
            "did": each.did,
            "until": output.when(each.until),
            "text": each.text,
        }
        for each in found.path
    ]
    ended = {
        "enters": found.enters,
        "ended": found.ended.value,
        "ended_at": output.when(found.ended_at),
        "note": found.note,
    }
    if output.is_json():
        output.document({"path": rows, **ended, "custom_fields": dict(found.fields)})
        return
    output.table(columns, rows, "Nothing is done.")
    output.card(ended)
