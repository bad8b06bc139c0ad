"""`sendrail audiences`: saved filters over contacts, and whom they reach."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Page, PerPage, operator, run, sender

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.contacts.audience_counts import AudienceEstimate, AudienceExplanation
    from sendrail.domain.audience import Audience, AudienceStatus
    from sendrail.domain.audience_filter import FilterGroup

app = typer.Typer(help="Audiences: saved filters over contacts.", no_args_is_help=True)

_COLUMNS = ("id", "name", "status", "cached_size", "cached_size_updated_at")
_MEMBER_COLUMNS = ("phone_number", "list_id", "first_name", "last_name", "custom_fields")

Id = Annotated[str, typer.Argument(metavar="AUDIENCE", help="The id of an audience, 24 digits.")]
Filter = Annotated[
    str,
    typer.Option(
        "--filter",
        metavar="JSON|FILE|-",
        help="The filter: as JSON, in a file, or - for standard input.",
    ),
]
Lists = Annotated[
    list[str] | None,
    typer.Option(
        "--list",
        metavar="LIST",
        help="A list of the audience; default: all lists. May be repeated.",
    ),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The audience's name.")],
    *,
    filter_: Filter,
    lists: Lists = None,
    description: Annotated[str, typer.Option(help="A description, as a note for yourself.")] = "",
) -> None:
    """Add an audience."""

    async def work(it: "Runtime") -> "Audience":
        from sendrail.contacts.audiences import AudienceChange

        given = AudienceChange(
            name=name,
            description=description,
            source_lists=await _list_ids(it, lists or ()),
            filter=_read(filter_),
        )
        return await it.audiences.add(it.default_account, given, operator())

    output.card(_shown(run(work)))


@app.command("list")
def list_(
    status: Annotated[
        str, typer.Option(metavar="active|archived", help="Only audiences with this status.")
    ] = "active",
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List audiences, newest first."""
    wanted = _status(status)
    found = run(
        lambda it: it.audiences.page(it.default_account, wanted, page=page, per_page=per_page)
    )
    audiences = [_shown(each) for each in found.audiences]
    output.listing("audiences", _COLUMNS, audiences, "There are no audiences.", total=found.total)


@app.command()
def show(audience: Id) -> None:
    """Show an audience with its filter."""
    found = run(lambda it: it.audiences.show(it.default_account, audience))
    output.card(_shown(found))


@app.command()
def update(
    audience: Id,
    *,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    description: Annotated[
        str | None, typer.Option(help="A description, as a note for yourself.")
    ] = None,
    filter_: Filter = "",
    lists: Lists = None,
    all_lists: Annotated[bool, typer.Option("--all-lists", help="Use all lists again.")] = False,
    status: Annotated[
        str | None, typer.Option(metavar="active|archived", help="The new status.")
    ] = None,
) -> None:
    """Change an audience; `--status active` restores an archived one."""
    if lists and all_lists:
        raise typer.BadParameter("give --list or --all-lists, not both")

    async def work(it: "Runtime") -> "Audience":
        from sendrail.contacts.audiences import AudienceChange

        given = AudienceChange(
            name=name,
            description=description,
            source_lists=() if all_lists else await _list_ids(it, lists) if lists else None,
            filter=_read(filter_) if filter_ else None,
            status=status,
        )
        return await it.audiences.change(it.default_account, audience, given, operator())

    output.card(_shown(run(work)))


@app.command()
def archive(audience: Id) -> None:
    """Archive an audience. It is hidden; what uses it already keeps using it."""
    run(lambda it: it.audiences.archive(it.default_account, audience, operator()))
    output.done({"archived": True}, "archived")


@app.command()
def size(
    audience: Id,
    *,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate",
            help="Estimate the size of a large audience from a sample, which is faster.",
        ),
    ] = False,
) -> None:
    """Count the members of an audience."""

    async def work(it: "Runtime") -> "AudienceEstimate":
        us, counts = it.default_account, it.audience_counts
        if estimate:
            return await counts.estimate(us, audience)
        with output.steps("counting") as on_progress:
            return await counts.size(us, audience, on_progress=on_progress)

    output.card(_estimated(run(work)))


@app.command()
def preview(*, filter_: Filter, lists: Lists = None) -> None:
    """Estimate how many contacts match a filter, without storing it."""

    async def work(it: "Runtime") -> "AudienceEstimate":
        ids = await _list_ids(it, lists or ())
        return await it.audience_counts.preview(it.default_account, ids, _read(filter_))

    output.card(_estimated(run(work)))


@app.command()
def sample(audience: Id) -> None:
    """Show twenty members of an audience, picked from all over it."""
    from sendrail.domain import phone

    found = run(lambda it: it.audience_counts.some(it.default_account, audience))
    members = [
        {
            "phone_number": phone.show(each.recipient),
            "list_id": each.list_id,
            "first_name": each.first_name,
            "last_name": each.last_name,
            "custom_fields": dict(each.custom_fields),
        }
        for each in found
    ]
    output.listing("contacts", _MEMBER_COLUMNS, members, "No contacts are in the audience.")


@app.command()
def explain(audience: Id) -> None:
    """Show how many contacts match, and why some of them cannot be reached."""

    async def work(it: "Runtime") -> "AudienceExplanation":
        with output.steps("counting") as on_progress:
            counts = it.audience_counts
            return await counts.explain(it.default_account, audience, on_progress=on_progress)

    found = run(work)
    shown = {
        "matching": found.counts.matching,
        "opted_out": found.counts.opted_out,
        "blocked": found.counts.blocked,
        "on_journey": found.counts.on_journey,
        "reachable": found.reachable,
        "in_quiet_hours": found.in_quiet_hours,
        "counted_at": output.when(found.counted_at),
    }
    output.card(shown)


async def _list_ids(it: "Runtime", lists: Sequence[str]) -> tuple[int, ...]:
    found = [await it.lists.find(it.default_account, sender(each)) for each in lists]
    return tuple(each.sender.id for each in found)


def _read(text: str) -> "FilterGroup":
    """Return the filter in a text, in a file or on the input. Raises `InvalidInput`."""
    from sendrail.contacts.inputs import json_in
    from sendrail.domain.audience_filter_json import read_filter
    from sendrail.domain.errors import InvalidInput
    from sendrail.domain.json_text import too_deep

    if text == "-":
        text = sys.stdin.read()
    elif not text.lstrip().startswith("{"):
        text = Path(text).read_text("utf-8")
    if (fault := too_deep("filter", text.encode())) is not None:
        raise InvalidInput(fault.text, code="filter_too_large", param="filter")
    try:
        value = json_in(text)
    except ValueError as error:
        raise InvalidInput(
            f"The filter is not JSON: {error}", code="invalid_filter", param="filter"
        ) from error
    return read_filter(value)


def _status(text: str) -> "AudienceStatus":
    from sendrail.domain.audience import AudienceStatus

    if text not in set(AudienceStatus):
        raise typer.BadParameter(f"one of {', '.join(AudienceStatus)}", param_hint="--status")
    return AudienceStatus(text)


def _shown(found: "Audience") -> dict[str, Any]:
    from sendrail.domain.audience_filter_json import shown_filter

    return {
        "id": found.ref,
        "name": found.name,
        "description": found.description,
        "status": found.status.value,
        "source_lists": list(found.source_lists),
        "filter": shown_filter(found.filter),
        "cached_size": found.cached_size,
        "cached_size_updated_at": output.when(found.cached_size_updated_at),
        "created_at": output.when(found.created_at),
        "updated_at": output.when(found.updated_at),
    }


def _estimated(found: "AudienceEstimate") -> dict[str, Any]:
    return {
        "size": found.size,
        "low": found.low,
        "high": found.high,
        "is_exact": found.is_exact,
        "counted_at": output.when(found.counted_at),
    }
