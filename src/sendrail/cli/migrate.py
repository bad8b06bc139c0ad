"""`sendrail migrate`: bring the database to this version's schema."""

from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json, installation, run

if TYPE_CHECKING:
    from sendrail.settings import Settings


def migrate(
    finish: Annotated[
        bool,
        typer.Option(
            "--finish",
            help="Take the steps as well that no older version lives with: on a shared database, "
            "once no process of an older version runs any more.",
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring the database up to date; every start does so too, this one does nothing else.

    On a shared database both leave out what processes of the version before could not live with,
    until --finish.
    """
    with output.told(as_json):
        settings = installation(data)
        if settings.database_url:
            from sendrail.storage.postgres.checkup import migrate as shared

            before, after = shared(settings.database_url, finish=finish)
        else:
            before, after = _embedded(settings, as_json)
    if as_json:
        output.document({"before": before, "after": after})
    elif before == after:
        print(f"schema {after}: nothing to do")
    else:
        print(f"schema {before or 'none'} brought to {after}")


def _embedded(settings: "Settings", as_json: bool) -> tuple[str | None, str]:
    from sendrail.storage.sqlite.checkup import schemas

    before, wanted = schemas(settings.data_dir)
    # To open an installation is to bring it up to date.
    run(settings.data_dir, as_json, lambda it: it.accounts.all())
    return before, wanted
