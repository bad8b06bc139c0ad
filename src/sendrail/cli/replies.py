"""`sendrail replies`: the replies of contacts."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.account_settings import change_settings
from sendrail.cli.session import Page, PerPage, run, sender

if TYPE_CHECKING:
    from sendrail.storage.pipeline.reply_log import StoredReply

app = typer.Typer(help="Replies of contacts, and the words that mean STOP.", no_args_is_help=True)

_COLUMNS = ("received_at", "list_number", "phone_number", "keyword", "rule", "review", "body")


@app.command("list")
def list_(
    *,
    list_number: Annotated[
        str, typer.Option("--list", metavar="NUMBER", help="Only to this list.")
    ] = "",
    keyword: Annotated[
        str, typer.Option(metavar="stop|start|help", help="Only replies with this meaning.")
    ] = "",
    review: Annotated[
        bool, typer.Option("--review", help="Only replies marked for review.")
    ] = False,
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List replies, newest first."""
    from sendrail.domain.consent import Keyword

    if keyword and keyword not in set(Keyword):
        raise typer.BadParameter("must be stop, start or help", param_hint="--keyword")
    wanted = Keyword(keyword) if keyword else None
    found = run(
        lambda it: it.replies.page(
            it.default_account,
            list_number=sender(list_number) if list_number else None,
            keyword=wanted,
            review=review,
            page=page,
            per_page=per_page,
        )
    )
    replies = [_shown(reply) for reply in found]
    output.listing("replies", _COLUMNS, replies, "There are no such replies.")


@app.command()
def words(
    new: Annotated[
        str | None,
        typer.Option("--set", metavar="WORDS", help='Separated by commas; "" clears them.'),
    ] = None,
) -> None:
    """Show or set the account's own words for STOP, in addition to the built-in ones."""
    wanted = None if new is None else new.split(",")
    kept = change_settings(stop_words=wanted).stop_words
    output.words(kept, name="stop_words", none="The account has no words of its own.")


def _shown(reply: "StoredReply") -> dict[str, Any]:
    from sendrail.domain.erasure import shown

    return {
        "received_at": output.when(reply.received_at),
        "list_number": reply.list_number,
        "phone_number": shown(reply.sender),
        "keyword": reply.keyword.value if reply.keyword else None,
        "rule": reply.rule,
        "review": reply.review,
        "body": reply.body,
    }
