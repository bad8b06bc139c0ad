"""`sendrail postbacks`: how an account takes conversions that networks report."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import HOUR_MS, OVERLAP_HOURS, Overlap, operator, run

if TYPE_CHECKING:
    from sendrail.domain.postback import PostbackSettings

app = typer.Typer(help="Postbacks: how networks report conversions.", no_args_is_help=True)


@app.command()
def show() -> None:
    """Show the account's currency, its click window, and whether links need a secret."""
    found = run(lambda it: it.tracking.postback_settings.settings(it.default_account))
    _print(found)


@app.command("set")
def set_(
    *,
    currency: Annotated[
        str | None, typer.Option(help="The account's currency, such as USD (ISO 4217).")
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            help="How many days after a click a conversion still counts; 0 for the default, 7.",
        ),
    ] = None,
    open_links: Annotated[
        bool | None,
        typer.Option(
            "--open-links/--closed-links",
            help="Whether a postback may name a link without a secret.",
        ),
    ] = None,
) -> None:
    """Change the given settings, and keep the others."""
    changed = run(
        lambda it: it.tracking.postback_settings.change(
            it.default_account,
            operator(),
            currency=currency,
            click_window_days=window,
            open_links=open_links,
        )
    )
    _print(changed)


@app.command()
def secret(overlap: Overlap = OVERLAP_HOURS) -> None:
    """Give the account a new postback secret; it is shown only once."""
    made = run(
        lambda it: it.tracking.postback_settings.replace_secret(
            it.default_account, operator(), overlap_ms=overlap * HOUR_MS
        )
    )
    shown = {
        "postback_secret": made.secret,
        "old_valid_until": output.when(made.settings.old_secret_until),
    }
    output.secret(shown)


def _print(found: "PostbackSettings") -> None:
    shown: dict[str, Any] = {
        "currency": found.currency,
        "click_window_days": found.click_window_days,
        "open_links": found.open_links,
        "has_postback_secret": found.secret is not None,
    }
    output.card(shown)
