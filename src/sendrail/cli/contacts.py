"""`sendrail contacts`: who may be texted from a list, and who has left it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.exported import OutFile, export_file
from sendrail.cli.imported import Country, File, Report, import_file
from sendrail.cli.moments import moment_of
from sendrail.cli.session import (
    Data,
    Json,
    ListNumber,
    Page,
    PerPage,
    PhoneNumber,
    operator,
    recipient,
    run,
    sender,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sendrail.app import Runtime
    from sendrail.domain.contact import ListContact

app = typer.Typer(help="Contacts of a list: subscribed, or opted out.", no_args_is_help=True)

_COLUMNS = ("phone_number", "active", "first_name", "last_name", "subscribed_at", "reason")
_HISTORY = ("at", "active", "reason", "source", "rule", "evidence")
_SOURCE = "command line"


Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="NAME=VALUE", help="A custom field; may be given again for another one."
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
    use_journeys: Annotated[
        bool, typer.Option("--use-journeys", help="Start the list's journeys, if it is new there.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Subscribe a contact to a list; whoever has opted out stays out."""
    custom_fields = _read_fields(fields)
    added = run(
        data,
        as_json,
        lambda it: it.contacts.add(
            it.default_account,
            sender(list_number),
            recipient(number),
            first_name=first_name,
            last_name=last_name,
            custom_fields=custom_fields,
            use_journeys=use_journeys,
        ),
    )
    if as_json:
        output.document(_shown(added.contact) | {"is_new": added.is_new})
    else:
        output.card(_shown(added.contact))


@app.command()
def resubscribe(
    list_number: ListNumber,
    number: PhoneNumber,
    *,
    consent: Annotated[
        str, typer.Option(metavar="TEXT", help="What the owner agreed to, word for word.")
    ],
    source: Annotated[
        str, typer.Option(help="Where they did: a form's address, a call, a paper's number.")
    ],
    at: Annotated[str, typer.Option(metavar="TIME", help="When they did, as 2026-11-23T08:00Z.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring back a contact that has left the list, by evidence of its owner's consent.

    It stands in the contact's history and in the audit log, with who brought it. The consent must
    be newer than the opt-out, except where the contact was taken off by hand or by the API. After
    a complaint nothing brings a contact back.
    """
    with output.told(as_json):
        given_at = moment_of(at, "--at")
        if given_at is None:
            raise typer.BadParameter("is needed", param_hint="--at")

    def bring_back(it: "Runtime") -> "Awaitable[ListContact]":
        from sendrail.domain.contact import Consent

        evidence = Consent(text=consent, source=source, at=given_at, by=operator())
        return it.contacts.bring_back(
            it.default_account, sender(list_number), recipient(number), evidence
        )

    contact = run(data, as_json, bring_back)
    if as_json:
        output.document(_shown(contact))
    else:
        output.card(_shown(contact))


@app.command()
def remove(
    list_number: ListNumber, number: PhoneNumber, data: Data = None, as_json: Json = False
) -> None:
    """Take a number off a list for good, even one the list does not know."""
    changed = run(
        data,
        as_json,
        lambda it: it.contacts.remove(
            it.default_account, sender(list_number), recipient(number), source=_SOURCE
        ),
    )
    if as_json:
        output.document({"unsubscribed": changed})
    else:
        print("unsubscribed" if changed else "had left before")


@app.command()
def show(
    list_number: ListNumber, number: PhoneNumber, data: Data = None, as_json: Json = False
) -> None:
    """Show one contact."""
    contact = run(
        data,
        as_json,
        lambda it: it.contacts.show(it.default_account, sender(list_number), recipient(number)),
    )
    if as_json:
        output.document(_shown(contact))
    else:
        output.card(_shown(contact))


@app.command()
def history(
    list_number: ListNumber, number: PhoneNumber, data: Data = None, as_json: Json = False
) -> None:
    """Show the sign-up and each change since, with what shows it: words, rule, time, request."""
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
            data,
            as_json,
            lambda it: it.contacts.history(
                it.default_account, sender(list_number), recipient(number)
            ),
        )
    ]
    if as_json:
        output.document({"events": events})
    else:
        output.table(_HISTORY, events, "Nothing has changed for this number on this list.")


@app.command("list")
def list_(
    list_number: ListNumber,
    *,
    active: Annotated[
        bool | None, typer.Option("--active/--left", help="Only the active, or only who left.")
    ] = None,
    page: Page = 1,
    per_page: PerPage = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the contacts of a list, newest sign-up first."""
    found = run(
        data,
        as_json,
        lambda it: it.contacts.page(
            it.default_account, sender(list_number), active=active, page=page, per_page=per_page
        ),
    )
    contacts = [_shown(each.contact) for each in found.contacts]
    if as_json:
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
        typer.Option("--dry-run/--no-dry-run", help="Only say what would become of each row."),
    ] = True,
    country: Country = "",
    report: Report = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Subscribe the contacts of a CSV file; without --no-dry-run nothing is stored.

    The columns: phone_number (or mobile, phone and others), and if wished first_name, last_name,
    email, carrier, line_type, consent_date, ad_network_source, ad_network_id and active. Whoever
    has opted out is passed over; a row that cannot be used is reported and holds nothing up.
    """
    import_file(
        file,
        data,
        as_json,
        lambda it, chunks, options: it.files.import_contacts(
            it.default_account, sender(list_number), chunks, options, operator()
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
        bool, typer.Option("--with-left", help="With who has left, told apart by `active`.")
    ] = False,
    data: Data = None,
) -> None:
    """Write the contacts of a list to a CSV file that can be imported again."""
    export_file(
        file,
        data,
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
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the country of numbers without a plus in files that name none, or set it."""
    if new is None:
        kept = run(data, as_json, lambda it: it.files.country(it.default_account))
    else:
        wanted = new
        kept = run(data, as_json, lambda it: it.files.set_country(it.default_account, wanted))
    if as_json:
        output.document({"country": kept or None})
    else:
        print(kept or "none: numbers without a plus are refused")


@app.command()
def erase(
    number: PhoneNumber,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete all that is kept of a person, but that they stay opted out.

    Their contacts, history and blocks go; messages and replies keep their place and lose number
    and text. Nothing brings it back.
    """
    if not yes:
        typer.confirm("Delete all that is kept of this number?", abort=True, err=True)
    report = run(
        data,
        as_json,
        lambda it: it.erasure.erase(it.default_account, recipient(number), operator()),
    )
    fields = {name: getattr(report, name) for name in type(report).__slots__}
    if as_json:
        output.document(fields)
    else:
        output.card(fields)


def _read_fields(fields: "list[str] | None") -> dict[str, str]:
    read = {}
    for each in fields or ():
        name, equals, value = each.partition("=")
        if not equals:
            raise typer.BadParameter("is NAME=VALUE", param_hint="--field")
        read[name.strip()] = value
    return read


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
