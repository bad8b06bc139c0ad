"""`sendrail links`: short links that are in no message."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import ListNumber, Page, PerPage, recipient, run, sender

if TYPE_CHECKING:
    from sendrail.tracking.short_links import ShortLinkDetails

app = typer.Typer(help="Short links outside messages.", no_args_is_help=True)

_COLUMNS = (
    "short_url", "list", "offer", "clicks", "human_clicks", "last_clicked_at", "destination_url",
)  # fmt: skip

Id = Annotated[
    str, typer.Argument(metavar="LINK", help="The id of a link, which is the last part of its URL.")
]


@app.command()
def add(
    list_number: ListNumber,
    url: Annotated[
        str,
        typer.Argument(metavar="[URL]", help="Where the link leads, unless it leads to an offer."),
    ] = "",
    *,
    offer: Annotated[
        str, typer.Option(metavar="OFFER", help="The offer that the link leads to.")
    ] = "",
    external_offer: Annotated[
        str, typer.Option(metavar="ID", help="The same, by the offer's id in its network.")
    ] = "",
    contact: Annotated[
        str,
        typer.Option(
            metavar="NUMBER", help="The contact whose link it is, for {{contact.phone}} in the URL."
        ),
    ] = "",
) -> None:
    """Create a link on the tracking domain of a list."""
    from sendrail.tracking.short_links import NewShortLink

    given = NewShortLink(
        url=url,
        offer=offer,
        external_offer=external_offer,
        list_number=sender(list_number),
        recipient=recipient(contact) if contact else None,
    )
    _print(run(lambda it: it.tracking.short_links.add(it.default_account, given)))


@app.command("list")
def list_(page: Page = 1, per_page: PerPage = 50) -> None:
    """List the links outside messages, newest first."""
    found = run(
        lambda it: it.tracking.short_links.page(it.default_account, page=page, per_page=per_page)
    )
    links = [_shown(each) for each in found.links]
    output.listing(
        "links", _COLUMNS, links, "There are no links that are in no message.", total=found.total
    )


@app.command()
def show(link: Id) -> None:
    """Show a link and its clicks."""
    _print(run(lambda it: it.tracking.short_links.show(it.default_account, link)))


def _print(found: "ShortLinkDetails") -> None:
    output.card(_shown(found))


def _shown(found: "ShortLinkDetails") -> dict[str, Any]:
    from sendrail.domain import money, phone
    from sendrail.domain.phone import PhoneNumber

    link = found.link
    return {
        "id": found.id,
        "short_url": found.short_url,
        "destination_url": found.destination_url,
        "list": link.list_number,
        "offer": link.offer_ref,
        "contact": None if link.recipient is None else phone.show(PhoneNumber(link.recipient)),
        "clicks": link.clicks,
        "human_clicks": link.human_clicks,
        "last_clicked_at": output.when(link.last_clicked_at),
        "conversions": found.earned.conversions,
        "revenue": money.shown(found.earned.revenue),
        "created_at": output.when(link.created_at),
    }
