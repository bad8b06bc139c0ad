"""`sendrail audit`: what was done to people's data."""

from typing import Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json, Page, PerPage, run

_COLUMNS = ("at", "actor", "action", "about", "request_id", "details")


def audit(
    action: Annotated[
        str | None, typer.Option(help="Only of this kind, such as contacts.exported.")
    ] = None,
    page: Page = 1,
    per_page: PerPage = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what was done to people's data: who did what, when, in which request; newest first.

    Files brought in and written out, and people whose data was deleted. Entries are only ever
    added. A person who was erased is named by a digest, never by number.
    """
    entries: list[dict[str, Any]] = [
        {
            "id": entry.id,
            "at": output.when(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "about": entry.about,
            "request_id": entry.request_id,
            "details": dict(entry.details),
        }
        for entry in run(
            data,
            as_json,
            lambda it: it.audit.page(
                it.default_account, action=action, page=page, per_page=per_page
            ),
        )
    ]
    if as_json:
        output.document({"entries": entries})
        return
    for entry in entries:
        entry["details"] = ", ".join(f"{name} {value}" for name, value in entry["details"].items())
    output.table(_COLUMNS, entries, "Nothing was done yet.")
