"""`sendrail creatives`: the texts of campaigns, their cost, and how a contact would get them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Page, PerPage, operator, recipient, run, sender

if TYPE_CHECKING:
    from sendrail.campaigns.creatives import CreativeDetails
    from sendrail.campaigns.reading import CreativeInput, LinkInput
    from sendrail.domain.creative import SampleText
    from sendrail.domain.creative_warnings import TextWarning

app = typer.Typer(help="Creatives: texts for campaigns and journeys.", no_args_is_help=True)

_COLUMNS = ("id", "name", "status", "creative_type", "segments", "message")
# `link1=OFFER`, and perhaps a URL in place of the offer's.
_LINK = re.compile(r"(link[0-9]+)=([^,]+)(?:,(.+))?").fullmatch

Id = Annotated[int, typer.Argument(metavar="CREATIVE", help="The id of a creative.")]
Link = Annotated[
    list[str] | None,
    typer.Option(
        "--link",
        metavar="link1=OFFER[,URL]",
        help="Where a link leads: the id of an offer, and optionally a URL instead of the "
        "offer's. May be repeated.",
    ),
]
Kind = Annotated[
    str,
    typer.Option("--type", metavar="automated|one_time|welcome", help="What the creative is for."),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The creative's name.")],
    message: Annotated[
        str, typer.Argument(metavar="TEXT", help="The text; {{link1}} is where the link goes.")
    ],
    *,
    link: Link = None,
    kind: Kind = "automated",
) -> None:
    """Add a creative."""
    from sendrail.campaigns.reading import CreativeInput

    given = CreativeInput(name=name, message=message, offer_links=_links(link), creative_type=kind)
    made = run(lambda it: it.creatives.add(it.default_account, given, operator()))
    _print(made)


@app.command("list")
def list_(
    *,
    status: Annotated[
        str, typer.Option(metavar="active|paused|archived", help="Only creatives with this status.")
    ] = "active",
    kind: Annotated[
        str,
        typer.Option(
            "--type", metavar="automated|one_time|welcome", help="Only creatives of this type."
        ),
    ] = "",
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List creatives, oldest first."""
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain.creative import CreativeStatus, CreativeType

    wanted = choice_of(CreativeStatus, status, "status")
    of_type = choice_of(CreativeType, kind, "type") if kind else None
    found = run(
        lambda it: it.creatives.page(
            it.default_account, wanted, of_type, page=page, per_page=per_page
        )
    )
    creatives = [_shown(each) for each in found.creatives]
    output.listing("creatives", _COLUMNS, creatives, "There are no creatives.", total=found.total)


@app.command()
def show(creative: Id) -> None:
    """Show a creative with its size, and advice on its text."""
    _print(run(lambda it: it.creatives.show(it.default_account, creative)))


@app.command()
def preview(
    creative: Id,
    *,
    list_number: Annotated[
        str, typer.Option("--list", metavar="NUMBER", help="The list that would send it.")
    ] = "",
    contact: Annotated[
        str,
        typer.Option(
            "--to", metavar="NUMBER", help="A contact of that list, whose values fill the text."
        ),
    ] = "",
    value: Annotated[
        list[str] | None,
        typer.Option(
            "--value", metavar="FIELD=VALUE", help="The value of a field. May be repeated."
        ),
    ] = None,
) -> None:
    """Show a creative as a contact would receive it; nothing is sent."""
    from sendrail.campaigns.previews import PreviewInput

    given = PreviewInput(
        list_number=sender(list_number) if list_number else None,
        recipient=recipient(contact) if contact else None,
        values=_values(value or []),
    )
    found = run(lambda it: it.creatives.preview(it.default_account, creative, given))
    if not output.is_json():
        _warn(found.warnings)
    fields = {"text": found.shown.text} | _size(found.shown)
    links = {link.key: link.destination for link in found.links}
    more = {"links": links, "defaulted": list(found.defaulted)} if output.is_json() else links
    output.card(fields | more)


@app.command()
def update(
    creative: Id,
    *,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    message: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="The new text.")
    ] = None,
    link: Link = None,
    status: Annotated[
        str | None, typer.Option(metavar="active|paused|archived", help="The new status.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--type", metavar="automated|one_time|welcome", help="The new type."),
    ] = None,
) -> None:
    """Change a creative; given links replace all of its links."""
    from sendrail.campaigns.reading import CreativeInput

    given = CreativeInput(
        name=name,
        message=message,
        offer_links=None if link is None else _links(link),
        status=status,
        creative_type=kind,
    )
    _print(_changed(creative, given))


@app.command()
def archive(creative: Id) -> None:
    """Hide a creative from new campaigns; `update --status active` restores it."""
    run(lambda it: it.creatives.archive(it.default_account, creative, operator()))
    output.done({"archived": True}, "archived")


def _changed(creative: int, given: "CreativeInput") -> "CreativeDetails":
    return run(lambda it: it.creatives.change(it.default_account, creative, given, operator()))


def _links(given: Sequence[str] | None) -> "list[LinkInput]":
    from sendrail.campaigns.reading import LinkInput

    links = []
    for text in given or []:
        if (found := _LINK(text)) is None:
            raise typer.BadParameter(
                f"{text} is not of the form link1=OFFER[,URL]", param_hint="--link"
            )
        links.append(LinkInput(key=found[1], offer_id=found[2], url=found[3]))
    return links


def _values(given: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, mark, _ in pairs:
        if not name or not mark:
            raise typer.BadParameter(f"{name} is not of the form FIELD=VALUE", param_hint="--value")
    return {name: value for name, _, value in pairs}


def _print(found: "CreativeDetails") -> None:
    if not output.is_json():
        _warn(found.warnings)
    output.card(_shown(found))


def _warn(warnings: "Sequence[TextWarning]") -> None:
    for each in warnings:
        output.note(f"warning: {each.text} ({each.code})")


def _size(of: "SampleText") -> dict[str, Any]:
    size = of.size
    return {
        "encoding": size.encoding.value,
        "characters": len(of.text),
        "units": size.units,
        "segments": size.segments,
    }


def _shown(found: "CreativeDetails") -> dict[str, Any]:
    made = found.creative
    fields: dict[str, Any] = {
        "id": made.id,
        "name": made.name,
        "status": made.status.value,
        "creative_type": made.creative_type.value,
        "message": made.message,
    }
    links = [
        {"key": link.key, "offer_id": link.offer_ref, "url": link.url} for link in made.offer_links
    ]
    if output.is_json():
        fields |= {"offer_links": links}
        fields["warnings"] = [{"code": each.code, "text": each.text} for each in found.warnings]
    else:
        fields |= {link.key: link.url or link.offer_ref for link in made.offer_links}
    return (
        fields
        | _size(found.shortest)
        | {
            "segments_longest": found.longest.size.segments,
            "character_count": found.estimate.characters,
            "segment_count": found.estimate.segments,
            "created_at": output.when(made.created_at),
            "updated_at": output.when(made.updated_at),
        }
    )
