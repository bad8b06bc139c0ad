"""`sendrail migrate`: migrate the database to this version's schema."""

from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import installation, run

if TYPE_CHECKING:
    from sendrail.settings import Settings


def migrate(
    finish: Annotated[
        bool,
        typer.Option(
            "--finish",
            help="Also do the steps that are incompatible with older versions. On a shared "
            "database, use it once no process of an older version runs.",
        ),
    ] = False,
) -> None:
    """Migrate the database without starting the server. Every start of the server migrates it, too.

    On a shared database, the steps that are incompatible with the previous version are left out
    until you use --finish.
    """
    settings = installation()
    if settings.database_url:
        from sendrail.storage.postgres.checkup import migrate as shared

        before, after = shared(settings.database_url, finish=finish)
    else:
        before, after = _embedded(settings)
    if output.is_json():
        output.document({"before": before, "after": after})
    elif before == after:
        print(f"schema {after}: nothing to do")
    else:
        print(f"schema {before or 'none'} migrated to {after}")


def _embedded(settings: "Settings") -> tuple[str | None, str]:
    from sendrail.storage.sqlite.checkup import schemas

    before, wanted = schemas(settings.data_dir)
    # Opening an installation migrates it.
    run(lambda it: it.accounts.all())
    return before, wanted
