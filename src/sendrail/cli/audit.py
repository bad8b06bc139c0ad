"""`sendrail audit`: the record of actions on personal data."""

from typing import Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Page, PerPage, run

_COLUMNS = ("at", "actor", "action", "about", "request_id", "details")


def audit(
    action: Annotated[
        str | None, typer.Option(help="Only this action, such as contacts.exported.")
    ] = None,
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """Show who changed what, when, and in which request; newest first.

    The log has the changes of accounts, keys, users, lists, connectors, contacts, campaigns,
    journeys and offers, and imports, exports and erasures. Entries are only added, never changed or
    deleted. An erased person appears as a digest, never as a number.
    """
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain.audit import Action

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
            lambda it: it.audit.page(
                it.default_account,
                action=None if action is None else choice_of(Action, action, "action"),
                page=page,
                per_page=per_page,
            )
        )
    ]
    if output.is_json():
        output.document({"entries": entries})
        return
    for entry in entries:
        entry["details"] = ", ".join(f"{name} {value}" for name, value in entry["details"].items())
    output.table(_COLUMNS, entries, "There are no entries.")
