"""`sendrail contacts`: the contacts of a list, subscribed or opted out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.account_settings import change_settings
from sendrail.cli.exported import OutFile, export_file
from sendrail.cli.imported import Country, File, Report, import_file
from sendrail.cli.session import (
    ListNumber,
    Page,
    PerPage,
    PhoneNumber,
    moment_of,
    operator,
    recipient,
    run,
    sender,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sendrail.app import Runtime
    from sendrail.domain.contact import ListContact

app = typer.Typer(help="Contacts of a list, subscribed or opted out.", no_args_is_help=True)

_COLUMNS = ("phone_number", "active", "first_name", "last_name", "subscribed_at", "reason")
_HISTORY = ("at", "active", "reason", "source", "rule", "evidence")
_SOURCE = "command line"


Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME[:TYPE]=VALUE",
        help="A custom field. TYPE is text (the default), number or boolean. May be repeated.",
    ),
]


@app.command()
def add(
    list_number: ListNumber,
    number: PhoneNumber,
    *,
    first_name: Annotated[str, typer.Option(help="First name.")] = "",
    last_name: Annotated[str, typer.Option(help="Last name.")] = "",
    fields: Fields = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="The contact's time zone, such as Asia/Tokyo."),
    ] = None,
    use_journeys: Annotated[
        bool, typer.Option("--use-journeys", help="Start the list's journeys for a new contact.")
    ] = False,
) -> None:
    """Subscribe a contact to a list. A contact who has opted out stays opted out."""
    from sendrail.contacts.field_columns import read_fields

    custom_fields = read_fields(fields or ())
    added = run(
        lambda it: it.contacts.add(
            it.default_account,
            sender(list_number),
            recipient(number),
            first_name=first_name,
            last_name=last_name,
            custom_fields=custom_fields,
            timezone=timezone,
            use_journeys=use_journeys,
            actor=operator(),
        )
    )
    if output.is_json():
        output.document(_shown(added.contact) | {"is_new": added.is_new})
    else:
        output.card(_shown(added.contact))


@app.command()
def resubscribe(
    list_number: ListNumber,
    number: PhoneNumber,
    *,
    consent: Annotated[
        str, typer.Option(metavar="TEXT", help="The exact wording that the person agreed to.")
    ],
    source: Annotated[
        str,
        typer.Option(
            help="Where they agreed: the URL of a form, a call, the number of a paper form."
        ),
    ],
    at: Annotated[
        str, typer.Option(metavar="TIME", help="When they agreed, such as 2026-11-23T08:00Z.")
    ],
) -> None:
    """Resubscribe a contact who has opted out, with evidence of new consent.

    The evidence and your user name are stored in the contact's history and in the audit log. The
    consent must be newer than the opt-out, unless the contact was removed by hand or through the
    API. After a complaint, a contact cannot be resubscribed.
    """
    given_at = moment_of(at, "--at")

    def bring_back(it: "Runtime") -> "Awaitable[ListContact]":
        from sendrail.domain.contact import Consent

        evidence = Consent(text=consent, source=source, at=given_at, by=operator())
        return it.contacts.bring_back(
            it.default_account, sender(list_number), recipient(number), evidence
        )

    contact = run(bring_back)
    output.card(_shown(contact))


@app.command()
def remove(list_number: ListNumber, number: PhoneNumber) -> None:
    """Opt a number out of a list, even a number that is not on it."""
    changed = run(
        lambda it: it.contacts.remove(
            it.default_account,
            sender(list_number),
            recipient(number),
            source=_SOURCE,
            actor=operator(),
        )
    )
    output.done({"unsubscribed": changed}, "unsubscribed" if changed else "had opted out before")


@app.command()
def show(list_number: ListNumber, number: PhoneNumber) -> None:
    """Show one contact."""
    contact = run(
        lambda it: it.contacts.show(it.default_account, sender(list_number), recipient(number))
    )
    output.card(_shown(contact))


@app.command()
def history(list_number: ListNumber, number: PhoneNumber) -> None:
    """Show a contact's sign-up and each change since, with the evidence of each."""
    events = [
        {
            "at": output.when(event.at),
            "active": event.active,
            "reason": event.reason,
            "source": event.source,
            "rule": event.rule,
            "evidence": event.evidence,
        }
        for event in run(
            lambda it: it.contacts.history(
                it.default_account, sender(list_number), recipient(number)
            )
        )
    ]
    output.listing("events", _HISTORY, events, "Nothing has changed for this number on this list.")


@app.command("list")
def list_(
    list_number: ListNumber,
    *,
    active: Annotated[
        bool | None,
        typer.Option(
            "--active/--left", help="Only active contacts, or only those who have opted out."
        ),
    ] = None,
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List the contacts of a list, newest sign-up first."""
    found = run(
        lambda it: it.contacts.page(
            it.default_account, sender(list_number), active=active, page=page, per_page=per_page
        )
    )
    contacts = [_shown(each.contact) for each in found.contacts]
    if output.is_json():
        output.document({"contacts": contacts, "total": found.total})
        return
    output.table(_COLUMNS, contacts, "There are no contacts here.")
    output.note(f"{found.total:,} in all")


@app.command("import")
def import_(
    list_number: ListNumber,
    file: File,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run/--no-dry-run", help="Only check each row, and store nothing."),
    ] = True,
    country: Country = "",
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=FIELD[:TYPE]",
            help="A column for a custom field; COLUMN alone if both have the same name. "
            "TYPE is text (the default), number or boolean. May be repeated.",
        ),
    ] = None,
    report: Report = None,
) -> None:
    """Subscribe the contacts of a CSV file; without --no-dry-run nothing is stored.

    The columns are phone_number (or mobile, phone and others), and optionally first_name,
    last_name, email, carrier, line_type, timezone, consent_date, ad_network_source, ad_network_id
    and active. Contacts who have opted out are skipped. An unusable row is reported, and does not
    affect the others.
    """
    from dataclasses import replace

    from sendrail.contacts.field_columns import read_field_columns

    fields = read_field_columns(field or ())
    import_file(
        file,
        lambda it, chunks, options: it.files.import_contacts(
            it.default_account,
            sender(list_number),
            chunks,
            replace(options, fields=fields),
            operator(),
        ),
        dry_run,
        report,
        country,
    )


@app.command()
def export(
    list_number: ListNumber,
    file: OutFile,
    *,
    with_left: Annotated[
        bool,
        typer.Option(
            "--with-left",
            help="Include contacts who have opted out; the column `active` tells them apart.",
        ),
    ] = False,
) -> None:
    """Write the contacts of a list to a CSV file that can be imported again."""
    export_file(
        file,
        lambda it: it.files.export_contacts(
            it.default_account, sender(list_number), operator(), with_left=with_left
        ),
    )


@app.command()
def country(
    new: Annotated[
        str | None,
        typer.Option("--set", metavar="CC", help='Two letters, such as NO; "" for none.'),
    ] = None,
) -> None:
    """Show or set the account's country, which files use for numbers without a plus."""
    kept = change_settings(country=new).country
    output.done({"country": kept or None}, kept or "none: numbers without a plus are refused")


@app.command()
def erase(
    number: PhoneNumber,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete all data about a person; they stay opted out.

    Contacts, history and blocks are deleted. Messages and replies stay, without number and text.
    This cannot be undone.
    """
    if not yes:
        typer.confirm("Delete all data about this number?", abort=True, err=True)
    report = run(lambda it: it.erasure.erase(it.default_account, recipient(number), operator()))
    fields = {name: getattr(report, name) for name in type(report).__slots__}
    output.card(fields)


def _shown(contact: "ListContact") -> dict[str, Any]:
    from sendrail.domain import phone

    return {
        "phone_number": phone.show(contact.recipient),
        "active": contact.active,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "custom_fields": dict(contact.custom_fields),
        "signup_date": output.when(contact.signup_at),
        "signup_method": contact.signup_method.value if contact.signup_method else None,
        "subscribed_at": output.when(contact.subscribed_at),
        "unsubscribed_at": output.when(contact.unsubscribed_at),
        "reason": contact.reason.value if contact.reason else None,
    }
