"""`sendrail link-settings`: how the account's short links treat visitors."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import operator, run

if TYPE_CHECKING:
    from sendrail.domain.link_settings import LinkSettings

app = typer.Typer(help="The filter page of short links.", no_args_is_help=True)

_USUAL = "Empty for the default."


@app.command()
def show() -> None:
    """Show whether machines see the filter page, and its texts."""
    found = run(lambda it: it.tracking.link_settings.show(it.default_account))
    _print(found)


@app.command("set")
def set_(
    *,
    filter_bots: Annotated[
        bool | None,
        typer.Option(
            "--filter-bots/--no-filter-bots",
            help="Show visitors that look like machines the filter page; offers may override it.",
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help=f"The page's title. {_USUAL}")] = None,
    text: Annotated[str | None, typer.Option(help=f"The page's sentence. {_USUAL}")] = None,
    button: Annotated[str | None, typer.Option(help=f"The button's text. {_USUAL}")] = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="The language of these texts, such as en or pt-BR."),
    ] = None,
) -> None:
    """Change the given settings, and keep the others."""
    texts = {"title": title, "text": text, "button": button, "language": language}
    given = {name: each for name, each in texts.items() if each is not None}
    changed = run(
        lambda it: it.tracking.link_settings.change(
            it.default_account, operator(), filter_bots=filter_bots, **given
        )
    )
    _print(changed)


def _print(found: "LinkSettings") -> None:
    shown: dict[str, Any] = {
        "filter_bots": found.filter_bots,
        "page_title": found.words.title,
        "page_text": found.words.text,
        "page_button": found.words.button,
        "page_language": found.words.language,
    }
    output.card(shown)
