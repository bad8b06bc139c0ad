"""`sendrail domains`: the hosts that short links stand on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import ListNumber, operator, run, sender

if TYPE_CHECKING:
    from sendrail.tracking.domains import DomainDetails

app = typer.Typer(help="Tracking domains: the hosts of short links.", no_args_is_help=True)

_COLUMNS = ("id", "domain", "status", "is_default", "lists", "checked_at", "problem")

Host = Annotated[str, typer.Argument(metavar="DOMAIN", help="A host, such as go.example.com.")]


@app.command()
def add(
    domain: Host,
    *,
    home: Annotated[
        str, typer.Option(metavar="URL", help="Where the host itself redirects, without a link.")
    ] = "",
    fallback: Annotated[
        str,
        typer.Option(metavar="URL", help="Where links redirect that do not exist or have ended."),
    ] = "",
    letters: Annotated[
        int,
        typer.Option(
            metavar="7|10", help="The length of a link's id; longer ids are harder to guess."
        ),
    ] = 7,
) -> None:
    """Add a tracking domain; the account's first one is its default."""
    added = run(
        lambda it: it.tracking.domains.add(
            it.default_account,
            domain,
            operator(),
            home_url=home,
            fallback_url=fallback,
            letters=letters,
        )
    )
    _print(added)
    if not output.is_json():
        output.note("Set up its DNS and its certificate, then run: sendrail domains verify")


@app.command("list")
def list_() -> None:
    """List the account's tracking domains."""
    domains = [_shown(each) for each in run(lambda it: it.tracking.domains.all(it.default_account))]
    if output.is_json():
        output.document({"domains": domains})
    else:
        for each in domains:
            each["lists"] = ", ".join(each["lists"]) or None
        output.table(_COLUMNS, domains, "There are no tracking domains.")


@app.command()
def verify(domain: Host) -> None:
    """Check over HTTPS that a domain leads to this installation; exit code 1 if not."""
    found = run(lambda it: it.tracking.domains.verify(it.default_account, domain))
    _print(found)
    if found.domain.problem is not None:
        raise typer.Exit(output.Exit.FAILED)


@app.command()
def default(domain: Host) -> None:
    """Make a domain the default of all lists that have no domain of their own."""
    changed = run(
        lambda it: it.tracking.domains.change(
            it.default_account, domain, operator(), is_default=True
        )
    )
    _print(changed)


@app.command()
def use(
    list_number: ListNumber,
    domain: Annotated[
        str | None,
        typer.Argument(metavar="[DOMAIN]", help="The domain; without, the account's default."),
    ] = None,
) -> None:
    """Choose the domain for the links of a list."""
    run(
        lambda it: it.tracking.domains.use(
            it.default_account, sender(list_number), domain, operator()
        )
    )
    text = f"{list_number} uses {domain or 'the default domain'}"
    output.done({"list_number": list_number, "domain": domain}, text)


@app.command()
def remove(
    domain: Host,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove a domain. Links on it stop working, also those that were sent."""
    if not yes:
        typer.confirm(f"Remove {domain}? Links that were sent stop working.", abort=True, err=True)
    run(lambda it: it.tracking.domains.remove(it.default_account, domain, operator()))
    output.done({"removed": True}, "removed")


def _print(found: "DomainDetails") -> None:
    shown = _shown(found)
    if output.is_json():
        output.document(shown)
    else:
        output.card(shown | {"lists": ", ".join(shown["lists"]) or None})


def _shown(found: "DomainDetails") -> dict[str, Any]:
    from sendrail.tracking.verifying import PATH

    domain = found.domain
    return {
        "id": domain.id,
        "domain": domain.host,
        "status": domain.status.value,
        "problem": domain.problem,
        "is_default": domain.is_default,
        "lists": list(found.lists),
        "home_url": domain.home_url,
        "fallback_url": domain.fallback_url,
        "short_id_letters": domain.letters,
        "verification_url": f"https://{domain.host}{PATH}{domain.token}",
        "verified_at": output.when(domain.verified_at),
        "checked_at": output.when(domain.checked_at),
        "created_at": output.when(domain.created_at),
    }
