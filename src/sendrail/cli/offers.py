"""`sendrail offers`: what links lead to, and the secrets of the networks' postbacks."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import HOUR_MS, OVERLAP_HOURS, Overlap, Page, PerPage, operator, run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.offer import Offer, OfferStatus

app = typer.Typer(
    help="Offers: what links lead to, and what conversions pay.", no_args_is_help=True
)

_COLUMNS = ("id", "name", "status", "payout", "payout_type", "external_id", "tracking_url")

Id = Annotated[str, typer.Argument(metavar="OFFER", help="The id of an offer, 24 digits.")]
FilterBots = Annotated[
    bool | None,
    typer.Option(
        "--filter-bots/--no-filter-bots",
        help="Show the filter page to visitors that look like machines; default: link-settings.",
    ),
]

PayoutType = Annotated[
    str,
    typer.Option(
        metavar="cpa|cpc", help="What the payout is for: a conversion (cpa) or a click (cpc)."
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        metavar="DAYS",
        min=1,
        help="How many days after a click a conversion still counts; default: 7.",
    ),
]
Fallback = Annotated[
    str,
    typer.Option(metavar="URL", help="Where links lead while the offer is paused or has expired."),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The offer's name.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where links to the offer lead.")],
    *,
    payout: Annotated[
        str,
        typer.Option(
            metavar="AMOUNT",
            help="What one conversion, or one click, pays, in the account's currency.",
        ),
    ] = "0",
    payout_type: PayoutType = "cpa",
    platform: Annotated[
        str, typer.Option(metavar="tune|everflow", help="The network that runs the offer.")
    ] = "",
    external_id: Annotated[str, typer.Option(help="The offer's id in the network.")] = "",
    advertiser_id: Annotated[str, typer.Option(help="The advertiser's id in the network.")] = "",
    window: Window = None,
    fallback: Fallback = "",
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="When the offer expires, such as 2026-12-31T23:00Z.")
    ] = "",
    filter_bots: FilterBots = None,
    pixel_amounts: Annotated[
        bool, typer.Option("--pixel-amounts", help="Accept the amounts that pixels report.")
    ] = False,
) -> None:
    """Add an offer."""
    from sendrail.domain import money
    from sendrail.tracking.offers import OfferChange, end_of

    amount = money.of_text(payout)
    if amount is None:
        raise typer.BadParameter("an amount is written such as 12.50", param_hint="--payout")
    end = end_of(expires) if expires.strip() else None
    given = OfferChange(
        name=name,
        tracking_url=url,
        fallback_url=fallback,
        external_platform=platform,
        external_id=external_id,
        advertiser_id=advertiser_id,
        payout=amount,
        payout_type=payout_type,
        click_window_days=window,
        filter_bots=filter_bots,
        pixel_amounts=pixel_amounts,
        expires_at=end,
    )
    _print(run(lambda it: it.tracking.offers.add(it.default_account, given, operator())))


@app.command("list")
def list_(
    status: Annotated[
        str,
        typer.Option(
            metavar="active|paused|expired|archived",
            help="Only offers with this status; default: all but archived ones.",
        ),
    ] = "",
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List offers, newest first."""
    wanted = _status(status)
    found = run(
        lambda it: it.tracking.offers.page(it.default_account, wanted, page=page, per_page=per_page)
    )
    offers = [_shown(each) for each in found.offers]
    output.listing("offers", _COLUMNS, offers, "There are no offers.", total=found.total)


@app.command()
def show(offer: Id) -> None:
    """Show an offer."""
    _print(run(lambda it: it.tracking.offers.show(it.default_account, offer)))


@app.command()
def pause(offer: Id) -> None:
    """Pause an offer. Its links lead to its fallback URL."""
    _set_status(offer, "paused")


@app.command()
def resume(offer: Id) -> None:
    """Make a paused or archived offer active again."""
    _set_status(offer, "active")


@app.command()
def archive(offer: Id) -> None:
    """Hide an offer from new links; links that were sent keep working."""
    run(lambda it: it.tracking.offers.archive(it.default_account, offer, operator()))
    output.done({"archived": True}, "archived")


@app.command()
def secret(offer: Id, overlap: Overlap = OVERLAP_HOURS) -> None:
    """Give an offer a new postback secret; it is shown only once."""
    made = run(
        lambda it: it.tracking.offers.replace_secret(
            it.default_account, offer, operator(), overlap_ms=overlap * HOUR_MS
        )
    )
    shown = {
        "offer": made.offer.ref,
        "postback_secret": made.secret,
        "old_valid_until": output.when(made.offer.old_secret_until),
    }
    output.secret(shown)


@app.command()
def coupons(
    offer: Id,
    codes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CODE]...", help="The codes; they replace all codes of the offer."),
    ] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Remove all codes.")] = False,
) -> None:
    """Show or set an offer's coupon codes, which conversions can name."""
    wanted = [] if none else codes or None

    async def work(it: "Runtime") -> list[str]:
        found = await it.tracking.offers.show(it.default_account, offer)
        service = it.tracking.postback_settings
        if wanted is None:
            return await service.coupons(it.default_account, found)
        return await service.set_coupons(it.default_account, found, wanted, operator())

    kept = run(work)
    output.words(kept, name="coupons", none="The offer has no coupons.")


def _set_status(offer: str, status: str) -> None:
    from sendrail.tracking.offers import OfferChange

    change = OfferChange(status=status)
    changed = run(
        lambda it: it.tracking.offers.change(it.default_account, offer, change, operator())
    )
    _print(changed)


def _print(offer: "Offer") -> None:
    output.card(_shown(offer))


def _status(text: str) -> "OfferStatus | None":
    from sendrail.domain.offer import OfferStatus

    if text and text not in set(OfferStatus):
        raise typer.BadParameter(f"one of {', '.join(OfferStatus)}", param_hint="--status")
    return OfferStatus(text) if text else None


def _shown(offer: "Offer") -> dict[str, Any]:
    from sendrail.domain import money

    return {
        "id": offer.ref,
        "name": offer.name,
        "status": offer.status.value,
        "tracking_url": offer.tracking_url,
        "fallback_url": offer.fallback_url,
        "external_platform": offer.external_platform and offer.external_platform.value,
        "external_id": offer.external_id,
        "advertiser_id": offer.advertiser_id,
        "payout": money.shown(offer.payout),
        "payout_type": offer.payout_type.value,
        "click_window_days": offer.click_window_days,
        "filter_bots": offer.filter_bots,
        "pixel_amounts": offer.pixel_amounts,
        "expires_at": output.when(offer.expires_at),
        "has_postback_secret": offer.secret is not None,
        "created_at": output.when(offer.created_at),
        "updated_at": output.when(offer.updated_at),
    }
